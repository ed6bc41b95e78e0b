"""Build a hand-written loop with the system's compiler and load it."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.measure import cannot_run

HERE = Path(__file__).parent
FLAGS = ["-std=c++17", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]


def build(name: str) -> ctypes.CDLL:
    library = HERE / ".build" / f"{name}.so"
    sources = [HERE / f"{name}.cpp", *HERE.glob("*.h"), Path(__file__)]
    newest = max(source.stat().st_mtime for source in sources)
    if library.exists() and library.stat().st_mtime > newest:
        return ctypes.CDLL(str(library))
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        cannot_run("no C++ compiler found; set CXX to one")
    library.parent.mkdir(exist_ok=True)
    subprocess.run([compiler, *FLAGS, sources[0], "-o", library], check=True)
    return ctypes.CDLL(str(library))
