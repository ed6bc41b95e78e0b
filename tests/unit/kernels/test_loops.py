"""The loops of the compiled kernels under the address and undefined-behaviour sanitizers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.kernels.networks import EACH

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KERNELS = ROOT / "src/rheobase/kernels"
SANITIZED = "-fsanitize=address,undefined -fno-sanitize-recover=all".split()
STRICT = "-std=c++17 -g -O1 -Wall -Wextra -Wpedantic -Werror".split()
STRUCTURES = 12
ASTRAY = """
import jax.numpy as jnp
from rheobase.kernels import library
from rheobase.kernels.delivery import Targets, deliver
print(library.available(), flush=True)
to = Targets(jnp.array([0, 1], jnp.int32), jnp.array([4099], jnp.int32), 4096, 1)
deliver(to, jnp.ones(1), jnp.ones(1)).block_until_ready()
"""
NOT_THE_EDITABLE = """
import sys
sys.meta_path = [one for one in sys.meta_path if "editable" not in type(one).__module__]
"""
"""An editable installation would find its own package before that of PYTHONPATH."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compiler(tmp_path_factory):
    """A compiler that has the sanitizers."""
    folder = tmp_path_factory.mktemp("compiler")
    found = shutil.which(os.environ.get("CXX", "c++"))
    (folder / "nothing.cpp").write_text("int main() {}\n")
    command = [found or "", *SANITIZED, "nothing.cpp", "-o", "nothing"]
    if not found or subprocess.run(command, cwd=folder, capture_output=True).returncode:
        pytest.skip("no C++ compiler with sanitizers")
    return found


@pytest.fixture(scope="module")
def package(compiler, tmp_path_factory):
    """A folder that holds the package with sanitized kernels."""
    folder = tmp_path_factory.mktemp("package")
    skip = shutil.ignore_patterns("librheobase.*", "__pycache__")
    shutil.copytree(KERNELS.parent, folder / "rheobase", ignore=skip)
    sources = sorted(KERNELS.glob("*.cpp"))
    library = folder / "rheobase/kernels/librheobase.so"
    files = ["-isystem", KERNELS / "third_party", *sources, "-o", library]
    as_built = "-shared -fPIC -std=c++17 -g -O1 -fno-trapping-math -fno-math-errno".split()
    subprocess.run([compiler, *as_built, *SANITIZED, *files], check=True)
    (folder / "sitecustomize.py").write_text(NOT_THE_EDITABLE)
    return folder


@pytest.fixture(scope="module")
def python(compiler, package):
    """Runs Python on that package; the sanitizers must be loaded before it."""
    paths = []
    for name in ("libasan.so", "libubsan.so"):
        asked = [compiler, f"-print-file-name={name}"]
        path = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        if not Path(path).is_absolute():
            pytest.skip(f"no {name} that can be loaded into Python")
        paths.append(path)
    environment = os.environ | {
        "LD_PRELOAD": ":".join(paths),
        "PYTHONPATH": f"{package}:{ROOT}",
        "ASAN_OPTIONS": "detect_leaks=0",
    }

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.parametrize(
    "source", ["late.cpp", "loops.cpp", "programs.cpp", "rules.cpp", "steps.cpp", "tree.cpp"]
)
def test_loops_agree_with_plain_sums_under_sanitizers(source, compiler, tmp_path):
    program = tmp_path / "loops"
    files = ["-I", str(KERNELS), str(HERE / source), "-o", str(program)]
    subprocess.run([compiler, *STRICT, *SANITIZED, *files], check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sanitizers_see_a_synapse_that_leads_out_of_its_population(python):
    done = python("-c", ASTRAY)
    assert done.stdout == "True\n" and "heap-buffer-overflow" in done.stderr, done.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_networks_are_silent_under_sanitizers(dtype, python):
    done = python("-m", "tests.unit.kernels.networks", dtype, "0", str(STRUCTURES))
    assert done.returncode == 0, done.stdout + done.stderr[:4000]
    assert len(done.stdout.split()) == STRUCTURES * EACH


def test_calls_that_do_not_fit_are_silent_under_sanitizers(python):
    """They are refused before anything is read, or read nothing but what is there."""
    own = "-o", "pythonpath=", "-p", "no:cacheprovider", "tests/unit/kernels/test_layout.py"
    done = python("-m", "pytest", "-q", *own, "-m", "slow", "-k", "size or number")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[:4000]
