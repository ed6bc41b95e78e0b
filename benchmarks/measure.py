"""Inside the process of a contender: run, time, and print one line of JSON.

The standard library only, since it is imported in the environment of every peer.
"""

import json
import os
import resource
import statistics
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

CANNOT_RUN = 77  # the exit status by which automake's tests say "skipped"


def processor_seconds() -> float:
    """Processor time of this process and of the children that have ended (a compiler, a binary)."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_megabytes() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024
    return max(usage.ru_maxrss for usage in usages) * unit / 1e6


class Compilations:
    """How many programs XLA compiled since the last look; None without JAX."""

    def __init__(self) -> None:
        self.seen = 0
        self.counting = "jax" in sys.modules
        if self.counting:
            sys.modules["jax"].monitoring.register_event_duration_secs_listener(self._listen)

    def _listen(self, event: str, _seconds: float, **_details: Any) -> None:
        self.seen += event == "/jax/core/compile/backend_compile_duration"

    def look(self) -> int | None:
        seen, self.seen = self.seen, 0
        return seen if self.counting else None


def contend(prepare: Callable[[dict], Callable[[], dict]], packages: tuple[str, ...]) -> None:
    """Time what `prepare(spec)` returns: a run that ends when its result is there.

    The run returns its work in numbers (spikes, loss), by which contenders are compared. `packages`
    are the distributions whose versions are reported. A run that reads a clock of its own returns
    "seconds" besides, which count for all calls but the first.
    """
    spec = json.loads(sys.argv[1])
    run = prepare(spec)
    compilations = Compilations()
    seconds = []
    compiled = []
    work: dict = {}
    for _ in range(1 + spec["calls"]):
        begin = processor_seconds()
        work = run()
        taken = processor_seconds() - begin
        own = work.pop("seconds", taken)
        seconds.append(own if seconds else taken)
        compiled.append(compilations.look())
    later = seconds[1:] or seconds  # a run that is made once
    report = {
        "first": seconds[0],
        "least": min(later),
        "median": statistics.median(later),
        "recompiled": None if compiled[0] is None else sum(compiled[1:]),
        "megabytes": peak_megabytes(),
        "work": work,
        "versions": {package: version(package) for package in packages},
    }
    print(json.dumps(report))


def cannot_run(reason: str) -> NoReturn:
    """End a contender that this machine cannot run, which is no error."""
    print(reason, file=sys.stderr)
    sys.exit(CANNOT_RUN)


def data(*names: str) -> Path:
    """A file or folder below RHEOBASE_DATA; where it is not there, this contender cannot run."""
    root = os.environ.get("RHEOBASE_DATA")
    path = Path(root or ".").joinpath(*names)
    if root is None or not path.exists():
        cannot_run(f"set RHEOBASE_DATA to a folder that has {'/'.join(names)}")
    return path


def spike_counts(counts: Any) -> dict[str, int]:
    """The work of a run that counted the spikes of each neuron."""
    return {"spikes": int(counts.sum()), "fewest": int(counts.min()), "most": int(counts.max())}
