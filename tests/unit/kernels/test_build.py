"""The package's own build, with a compiler and without one."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import jaxlib
import pytest

ROOT = Path(__file__).parents[3]
DELIVER = """
import jax.numpy as jnp
from rheobase.kernels import library
from rheobase.kernels.delivery import Targets, deliver
to = Targets(jnp.array([0, 2, 3], jnp.int32), jnp.array([0, 2, 1], jnp.int32), 3, 2)
print(library.available(), deliver(to, jnp.ones(2), jnp.array([1.0, 2.0, 3.0])).tolist())
"""


KERNELS = ROOT / "src" / "rheobase" / "kernels"
HEADER = Path("xla") / "ffi" / "api" / "c_api.h"


def interface(header):
    """Major and minor version of XLA's foreign function interface."""
    found = re.findall(r"^#define XLA_FFI_API_(MAJOR|MINOR) (\d+)$", header.read_text(), re.M)
    return {name: int(number) for name, number in found}


def test_the_headers_that_are_carried_are_not_newer_than_what_runs_them():
    """A library that was compiled against an older minor version works in a newer jaxlib."""
    carried = interface(KERNELS / "third_party" / HEADER)
    installed = interface(Path(jaxlib.__file__).parent / "include" / HEADER)
    assert carried["MAJOR"] == installed["MAJOR"]
    assert carried["MINOR"] <= installed["MINOR"]


def test_the_build_asks_for_no_jaxlib():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert not [name for name in asked if "jax" in name]
    assert "jaxlib" not in (ROOT / "CMakeLists.txt").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cmake"), reason="no cmake")
@pytest.mark.parametrize(
    ("compiler", "tag"), [("c++", "py3-none-"), ("false", "py3-none-any")], ids=["with", "without"]
)
def test_wheel_with_and_without_a_compiler(compiler, tag, tmp_path):
    pytest.importorskip("scikit_build_core", reason="not installed: it builds the package")
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    source, wheels, site = tmp_path / "source", tmp_path / "wheels", tmp_path / "site"
    source.mkdir()
    for name in ("pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    skip = shutil.ignore_patterns("librheobase.*", "__pycache__")
    shutil.copytree(ROOT / "src", source / "src", ignore=skip)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    environment = os.environ | {"CXX": shutil.which(compiler)}
    subprocess.run([*pip, "-w", wheels, source], check=True, env=environment)
    (wheel,) = wheels.iterdir()
    assert tag in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # Without the site module, an editable install is not found before the wheel.
    paths = [str(site), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    done = subprocess.run(
        [sys.executable, "-S", "-c", DELIVER],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{compiler == 'c++'} [1.0, 3.0, 2.0]\n"
