"""Run the benchmarks: `python -m benchmarks`. See README.md beside this file."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks import contest, report
from benchmarks.contest import Size, Workload
from benchmarks.workloads import WORKLOADS

NAMES = tuple(workload.name for workload in WORKLOADS)
RESULTS = contest.HERE / "results.json"
PAGE = contest.HERE / "RESULTS.md"


def say(line: str) -> None:
    print(line, flush=True)


def fair(workload: Workload, size: Size, summaries: dict[str, dict]) -> list[str]:
    works = {name: summary["work"] for name, summary in summaries.items() if "work" in summary}
    complaints = workload.unequal(works)
    for complaint in complaints:
        say(f"  {workload.name}, {size.title}: not equal work: {complaint}")
    return complaints


def smoke(workloads: Sequence[Workload]) -> int:
    """What needs no other library, small. Fails on a crash and on unequal work, never on time."""
    failures = 0
    for workload in workloads:
        say(f"{workload.title}, {workload.smoke.title}")
        contenders = [c for c in workload.contenders if c.peer is None]
        summaries = contest.contest(contenders, workload.smoke, say)
        failures += len(fair(workload, workload.smoke, summaries))
        failures += sum(summary.get("crashed", False) for summary in summaries.values())
    return int(failures > 0)


def measure(workloads: Sequence[Workload], core: str, command: str, first: bool) -> None:
    """Everyone, in full or at the first size of a workload; other workloads keep their results."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for workload in workloads:
        result = {
            "command": command,
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": report.machine(),
            "core": core,
            "sizes": {},
            "unequal": {},
        }
        for size in workload.sizes[:1] if first else workload.sizes:
            say(f"{workload.title}, {size.title}")
            summaries = contest.contest(workload.contenders, size, say)
            result["sizes"][size.title] = summaries
            result["unequal"][size.title] = fair(workload, size, summaries)
        results[workload.name] = result
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        PAGE.write_text(report.page(WORKLOADS, results))
    say(f"written: {PAGE.name}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, help="these workloads, not all")
    parser.add_argument("--smoke", action="store_true", help="ours and the floor, small, no report")
    parser.add_argument("--first", action="store_true", help="the first size of a workload only")
    parser.add_argument("--core", type=int, help="the core to run on; the last one if not given")
    chosen = parser.parse_args(arguments)
    workloads = [w for w in WORKLOADS if chosen.only is None or w.name in chosen.only]
    core = contest.bind_to_one_core(chosen.core)
    if chosen.smoke:
        return smoke(workloads)
    only = "" if chosen.only is None else " --only " + " ".join(chosen.only)
    first = " --first" if chosen.first else ""
    measure(workloads, core, f"python -m benchmarks{only}{first}", chosen.first)
    return 0


if __name__ == "__main__":
    sys.exit(main())
