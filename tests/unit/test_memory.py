"""Memory that a process keeps, asked in processes of their own."""

import os
import subprocess
import sys

import pytest

from rheobase.memory import _TOLD

STEPS = """
import rheobase as rb
import resource
import jax
import jax.numpy as jnp
from rheobase import memory

model = rb.Sequential(rb.Linear(32, 256), rb.LIF(), rb.Linear(256, 2), rb.LI())
slope = jax.jit(jax.grad(lambda x: model(x).sum()))
x = jnp.ones((200, 64, 32))
faults = []
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    jax.block_until_ready(slope(x))
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(memory.keep(), min(faults))
"""


def steps(**environment):
    left = {name: value for name, value in os.environ.items() if name not in _TOLD}
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        env=left | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    told, faults = done.stdout.split()
    return told == "True", int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_a_call_that_comes_again_gets_the_same_pages():
    told, faults = steps()
    if not told:
        pytest.skip("another C library")
    plain = steps(MALLOC_TRIM_THRESHOLD_="131072")
    assert plain[0] is False
    assert faults < 500
    assert plain[1] > 5000
