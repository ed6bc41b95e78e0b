"""RESULTS.md, written from the results of the workloads."""

import platform
from pathlib import Path

from benchmarks.contest import Target, Workload

INTRODUCTION = """\
# Results

Written by `python -m benchmarks`; [README.md](README.md) says how to repeat it. Each contender is a
process of its own, one thread on one core; they take turns, so that a disturbance meets all of
them. Times are processor seconds: the least over all calls but the first, the median, and the first
call, which compiles. Ratios are of the least times, or of first calls where that is said.
"""


def machine() -> str:
    """Processor and system, in a line."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        models = [
            line.partition(":")[2].strip()
            for line in information.read_text().splitlines()
            if line.startswith("model name")
        ]
        name = models[0] if models else name
    return f"{name}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _work(work: dict) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in work.items())


def _row(name: str, summary: dict, ours: float, units: float | None) -> list[str]:
    if "absent" in summary:
        return [name, f"not run: {summary['absent']}"]
    least = summary["least"]
    return [
        name,
        _number(least),
        _number(summary["median"]),
        "" if units is None else f"{least / units * 1e9:.2f}",
        f"{least / ours:.2f}",
        _number(summary["first"]),
        "" if summary["recompiled"] is None else str(summary["recompiled"]),
        f"{summary['megabytes']:.0f}",
        _work(summary["work"]),
    ]


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    rows = [row + [""] * (len(header) - len(row)) for row in rows]
    keep = [i for i in range(len(header)) if any(row[i] for row in rows)]
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line[i] for i in keep) + " |" for line in lines]


def _verdict(target: Target, summaries: dict[str, dict]) -> list[str]:
    names = [name for name in (target.of, target.to) if name is not None]
    concerned = [summaries.get(name, {"absent": "newer than the results"}) for name in names]
    if any("absent" in summary for summary in concerned):
        return [target.text, "", "", "not measured"]
    of, *to = [(one["work"] | one)[target.column] for one in concerned]
    ratio = of / to[0] if to else of
    reached = "reached" if ratio <= target.limit else "**missed**"
    if target.limit < 1 and target.to is not None and target.column in ("least", "first"):
        return [target.text, f"{1 / ratio:.2f}x faster", f"{1 / target.limit:.3g}x", reached]
    return [target.text, f"{ratio:.3g}", f"{target.limit:.3g}", reached]


def _evenness(workload: Workload, result: dict) -> list[str]:
    """Whether a unit of work costs us about the same at all sizes."""
    if workload.even is None or workload.per is None:
        return []
    ours = workload.contenders[0].name
    measured = [
        (size, result["sizes"].get(size.title, {}).get(ours, {})) for size in workload.sizes
    ]
    costs = [one["least"] / workload.per(size.spec) for size, one in measured if "least" in one]
    if len(costs) < 2:
        return []
    ratio = max(costs) / min(costs)
    reached = "reached" if ratio <= workload.even else "**missed**"
    row = [
        "cost of a neuron-step, dearest size over cheapest",
        f"{ratio:.2f}",
        f"{workload.even:.3g}",
    ]
    return [*_table(["target", "measured", "asked", ""], [[*row, reached]]), ""]


def section(workload: Workload, result: dict) -> list[str]:
    """The part of the page about one workload."""
    lines = [f"## {workload.title}", "", workload.description, ""]
    circumstances = [result[key] for key in ("date", "machine", "core")]
    lines += [f"`{result['command']}`: {'; '.join(circumstances)}.", ""]
    ours = workload.contenders[0].name
    versions: dict[str, str] = {}
    for size in workload.sizes:
        summaries = result["sizes"].get(size.title)
        if summaries is None:
            continue
        units = None if workload.per is None else workload.per(size.spec)
        header = ["", "least, s", "median, s", "ns a neuron-step", "over ours", "first call, s"]
        header += ["compiled again", "peak, MB", "work"]
        reference = summaries[ours].get("least", float("nan"))
        rows = [_row(name, summary, reference, units) for name, summary in summaries.items()]
        lines += [f"### {size.title}", "", *_table(header, rows), ""]
        complaints = result["unequal"][size.title]
        lines += [f"- **Not equal work**: {complaint}" for complaint in complaints]
        lines += [""] * bool(complaints)
        about = [t for t in workload.targets if t.size in (None, size.title)]
        verdicts = [_verdict(target, summaries) for target in about]
        if verdicts:
            lines += [*_table(["target", "measured", "asked", ""], verdicts), ""]
        for name, summary in summaries.items():
            if summary.get("versions"):
                packages = [f"{package} {v}" for package, v in summary["versions"].items()]
                versions[name] = ", ".join(packages)
    lines += _evenness(workload, result)
    for contender in workload.contenders:
        remarks = [contender.differs, versions.get(contender.name, "")]
        lines += [f"- {contender.name}: {'; '.join(filter(None, remarks))}"] * any(remarks)
    return [*lines, ""]


def page(workloads: tuple[Workload, ...], results: dict[str, dict]) -> str:
    lines = [INTRODUCTION]
    for workload in workloads:
        if workload.name in results:
            lines += section(workload, results[workload.name])
    return "\n".join(lines).rstrip() + "\n"
