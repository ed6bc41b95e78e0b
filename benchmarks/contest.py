"""A workload, its contenders, and a run of all of them side by side."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environments import EnvironmentMissing, python_of
from benchmarks.measure import CANNOT_RUN

HERE = Path(__file__).parent
ONE_THREAD = {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
LONGEST = 1800.0  # s that one process of a contender may take


@dataclass(frozen=True)
class Contender:
    """A script of this folder, run by the Python of its peer, or by ours."""

    name: str
    script: str
    differs: str
    """What it does not do as the others do, in the words of the report."""
    peer: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """Added to the workload's specification."""


@dataclass(frozen=True)
class Target:
    """`of` takes at most `limit` times what `to` takes, or at most `limit` where that is None."""

    text: str
    of: str
    to: str | None
    limit: float
    column: str = "least"
    """Of the summary, or of the work."""
    size: str | None = None
    """The title of the size that it is about; all without it."""


@dataclass(frozen=True)
class Size:
    """One size of a workload: what each contender gets as JSON, and how often it runs."""

    title: str
    spec: dict[str, Any]
    rounds: int


@dataclass(frozen=True)
class Workload:
    """What is measured, at which sizes, by whom, and what has to hold."""

    name: str
    title: str
    description: str
    sizes: tuple[Size, ...]
    smoke: Size
    contenders: tuple[Contender, ...]
    targets: tuple[Target, ...]
    unequal: Callable[[dict[str, dict]], list[str]]
    """What makes the contest unfair, from the work of each contender by name."""
    per: Callable[[dict[str, Any]], float] | None = None
    """How many units of work (neuron-steps) a specification holds, to give nanoseconds of each."""
    even: float | None = None
    """How much dearer a unit may be for us at the dearest size than at the cheapest."""


@dataclass
class Outcome:
    """What one contender did: a report of each of its processes, or why there is none."""

    reports: list[dict] = field(default_factory=list)
    absent: str | None = None
    crashed: bool = False

    def summary(self) -> dict[str, Any]:
        """Least and median over all processes; a first call happens once in each."""
        if self.absent is not None:
            return {"absent": self.absent, "crashed": self.crashed}
        firsts = [report["first"] for report in self.reports]
        last = self.reports[-1]
        return {
            "first": min(firsts),
            "least": min(report["least"] for report in self.reports),
            "median": statistics.median(report["median"] for report in self.reports),
            "recompiled": last["recompiled"],
            "megabytes": max(report["megabytes"] for report in self.reports),
            "work": last["work"],
            "versions": last["versions"],
        }


class Crash(Exception):
    """The process of a contender ended with an error; the text is its last line."""


def run_once(contender: Contender, spec: dict[str, Any]) -> dict:
    """One process of a contender on the core that this process is bound to."""
    python = python_of(contender.peer) if contender.peer else sys.executable
    paths = [str(HERE.parent)] if contender.peer else [str(HERE.parent / "src"), str(HERE.parent)]
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(paths)}
    specification = json.dumps(spec | contender.options)
    try:
        process = subprocess.run(
            [python, HERE / contender.script, specification],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Crash(f"took more than {LONGEST:.0f} s") from None
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [f"ended with {process.returncode}"]
        skipped = process.returncode == CANNOT_RUN
        raise EnvironmentMissing(lines[-1]) if skipped else Crash(lines[-1])
    return json.loads(process.stdout.strip().splitlines()[-1])


def contest(
    contenders: Sequence[Contender], size: Size, say: Callable[[str], None]
) -> dict[str, dict]:
    """Run the contenders in turn, `size.rounds` times over; a summary of each by name."""
    outcomes = {contender.name: Outcome() for contender in contenders}
    for turn in range(size.rounds):
        for contender in contenders:
            outcome = outcomes[contender.name]
            if outcome.absent is not None:
                continue
            try:
                report = run_once(contender, size.spec)
            except (EnvironmentMissing, Crash) as problem:
                outcome.absent = str(problem)
                outcome.crashed = isinstance(problem, Crash)
                say(f"  {contender.name}: {problem}")
                continue
            outcome.reports.append(report)
            say(f"  {turn + 1}/{size.rounds} {contender.name}: {report['least']:.3f} s")
    return {name: outcome.summary() for name, outcome in outcomes.items()}


def bind_to_one_core(core: int | None) -> str:
    """Bind this process, and so all contenders, to one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        return "processes not bound to a core: this system cannot"
    chosen = max(os.sched_getaffinity(0)) if core is None else core
    os.sched_setaffinity(0, {chosen})
    return f"bound to core {chosen}"
