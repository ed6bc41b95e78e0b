"""The environments of the simulators that we compare with: `python -m benchmarks.environments`.

Each peer states what it needs in `benchmarks/peers/<peer>/requirements.txt`. Peers that agree on
their dependencies share an environment. They are made under `benchmarks/.environments`, or under
the folder that the environment variable RHEOBASE_PEERS names.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


class EnvironmentMissing(Exception):
    """A peer cannot be run here; the text says why."""


@dataclass(frozen=True)
class Environment:
    """One virtual environment, for peers that can be installed side by side."""

    name: str
    peers: tuple[str, ...]
    oldest_python: tuple[int, int] = (3, 11)

    @property
    def folder(self) -> Path:
        root = os.environ.get("RHEOBASE_PEERS") or HERE / ".environments"
        return Path(root).expanduser().resolve() / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def ready(self) -> Path:
        """Written last, so that an installation cut short does not count as one."""
        return self.folder / "ready"

    def create(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run([find_python(self.oldest_python), "-m", "venv", self.folder], check=True)
        install = [self.python, "-m", "pip", "install", "--quiet"]
        requirements = [HERE / "peers" / peer / "requirements.txt" for peer in self.peers]
        for file in requirements:
            install += ["--requirement", file]
        subprocess.run(install, check=True)
        self.ready.touch()


ENVIRONMENTS = (
    Environment("arbor", ("arbor",)),
    Environment("brainpy", ("brainpy",), oldest_python=(3, 12)),
    Environment("brian2", ("brian2",)),
    Environment("ngclearn", ("ngclearn",), oldest_python=(3, 12)),
    Environment("jax", ("jaxpike", "spyx")),
    Environment("jaxley", ("jaxley",)),
    Environment("nest", ("nest",)),
    Environment("neuron", ("neuron",)),
    Environment("rockpool", ("rockpool",)),
    Environment("sinabs", ("sinabs",)),
    Environment("sparxml", ("sparxml",), oldest_python=(3, 12)),
    Environment("torch", ("norse", "snntorch", "spikingjelly")),
)
PEERS = tuple(sorted(peer for environment in ENVIRONMENTS for peer in environment.peers))


def find_python(oldest: tuple[int, int]) -> str:
    """An interpreter that is new enough: the running one, else one of PATH or of pyenv."""
    if sys.version_info >= oldest:
        return sys.executable
    newer = [f"3.{minor}" for minor in range(oldest[1], 20)]
    versions = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [f"python{v}" for v in newer]
    candidates += [str(p) for v in newer for p in versions.glob(f"{v}.*/bin/python")]
    for candidate in filter(shutil.which, candidates):
        tried = subprocess.run([candidate, "-c", "import venv"], capture_output=True, check=False)
        if tried.returncode == 0:  # pyenv has names on PATH that only say how to select them
            return candidate
    raise EnvironmentMissing(f"needs Python {oldest[0]}.{oldest[1]} or newer, and none was found")


def environment_of(peer: str) -> Environment:
    return next(environment for environment in ENVIRONMENTS if peer in environment.peers)


def python_of(peer: str) -> Path:
    """The interpreter that can import this peer."""
    environment = environment_of(peer)
    if not environment.ready.exists():
        raise EnvironmentMissing(
            f"{peer} is not installed; `python -m benchmarks.environments {peer}` does it"
        )
    return environment.python


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.environments", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="peer", help=f"one of {', '.join(PEERS)}")
    parser.add_argument("--list", action="store_true", help="say which stand, create nothing")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.peers) - set(PEERS)
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")

    failed = False
    for environment in ENVIRONMENTS:
        if chosen.peers and not set(chosen.peers) & set(environment.peers):
            continue
        if not chosen.list and not environment.ready.exists():
            print(f"creating {environment.folder}", flush=True)
            try:
                environment.create()
            except (EnvironmentMissing, subprocess.CalledProcessError) as problem:
                failed = True
                print(f"{environment.name}: {problem}", file=sys.stderr)
        state = "stands" if environment.ready.exists() else "missing"
        print(f"{environment.name:10} {state:8} {', '.join(environment.peers)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
