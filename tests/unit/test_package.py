"""The package itself: names imported when they are used, and sent to other processes."""

import copy
import importlib
import pickle
import subprocess
import sys
import types

import pytest

import rheobase as rb

WORK = """
import concurrent.futures, multiprocessing
import rheobase as rb
from rheobase.units import mV, ms, nA

def job(name):
    run = rb.simulate(rb.LIF(), current=2 * nA, duration=20 * ms, dt=0.1 * ms, record=(name,))
    return int(run.counts)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        print(pool.submit(job, "v").result(), type(pool.submit(job, "u").exception()).__name__)
"""


def test_the_package_is_sent_by_its_name():
    assert pickle.loads(pickle.dumps(rb)) is rb
    assert copy.deepcopy({"rb": rb})["rb"] is rb


def test_cloudpickle_sends_a_function_that_names_the_package():
    cloudpickle = pytest.importorskip("cloudpickle")
    assert cloudpickle.loads(cloudpickle.dumps(rb)) is rb
    job = cloudpickle.loads(cloudpickle.dumps(lambda: rb.LIF))
    assert job() is rb.LIF


def test_a_module_does_not_replace_the_function_of_its_name():
    importlib.import_module("rheobase.simulate")
    assert not isinstance(rb.simulate, types.ModuleType)
    assert isinstance(importlib.import_module("rheobase.uncoupled"), types.ModuleType)
    assert isinstance(rb.uncoupled, types.ModuleType)


def test_a_name_that_does_not_exist_gets_its_near_miss():
    with pytest.raises(AttributeError, match="no 'simulat'. Did you mean rheobase.simulate"):
        _ = rb.simulat
    with pytest.raises(AttributeError, match="no '_nothing'.$"):
        _ = rb._nothing
    assert set(dir(rb)) == set(rb.__all__)


@pytest.mark.slow
def test_a_pool_brings_results_and_errors_home(tmp_path):
    script = tmp_path / "work.py"
    script.write_text(WORK)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    count, error = done.stdout.split()
    assert int(count) > 0
    assert error == "UnknownName"
