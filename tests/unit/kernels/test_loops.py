"""The loops of the compiled kernels under the address and undefined-behaviour sanitizers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNELS = HERE.parents[2] / "src/rheobase/kernels"
SANITIZED = "-fsanitize=address,undefined -fno-sanitize-recover=all".split()


@pytest.fixture
def compiler(tmp_path):
    """A compiler that has the sanitizers."""
    found = shutil.which(os.environ.get("CXX", "c++"))
    (tmp_path / "nothing.cpp").write_text("int main() {}\n")
    command = [found or "", *SANITIZED, "nothing.cpp", "-o", "nothing"]
    if not found or subprocess.run(command, cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("no C++ compiler with sanitizers")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "source", ["late.cpp", "loops.cpp", "programs.cpp", "rules.cpp", "steps.cpp", "tree.cpp"]
)
def test_loops_agree_with_plain_sums_under_sanitizers(source, compiler, tmp_path):
    strict = "-std=c++17 -g -O1 -Wall -Wextra -Wpedantic -Werror".split()
    program = tmp_path / "loops"
    files = ["-I", str(KERNELS), str(HERE / source), "-o", str(program)]
    subprocess.run([compiler, *strict, *SANITIZED, *files], check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
