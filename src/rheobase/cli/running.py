"""`rheobase run`: a classical network, what it did, and what that took."""

import json
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from rheobase import atomic, plot
from rheobase.analysis import cv, isi, rates
from rheobase.classics import CLASSICS, Classic
from rheobase.errors import ArgumentError, UnknownName, brief
from rheobase.folder import require_folder
from rheobase.network import NetworkRecording
from rheobase.page import page
from rheobase.plot.style import PALETTE
from rheobase.progress import CHUNKS
from rheobase.provenance import noted
from rheobase.units import Hz, Quantity, in_unit, ms, s

_UNITS = {"ms": ms, "s": s}
_PICTURES = {
    "raster.png": "Spikes of up to 1,000 of the neurons, and their rate.",
    "rates.png": "How many neurons of each population fire at which mean rate.",
    "intervals.png": "Intervals between the spikes of a neuron, of all neurons together.",
}


class _Row(NamedTuple):
    """One population."""

    population: str
    neurons: int
    rate: float
    """Hz."""
    published: float | None
    """Hz."""
    cv: float


def show(name: str, duration: str | None, neurons: int | None, seed: int, out: Path) -> int:
    """Run a network, print tables, and leave pictures, metrics and a page in a folder."""
    if name not in CLASSICS:
        raise UnknownName("classical network", name, CLASSICS)
    given = None if duration is None else read_time(duration)
    out = require_folder(out)
    build, key = CLASSICS[name], jax.random.key(seed)
    wiring, chance = jax.random.split(key)
    began = time.perf_counter()
    classic = build(wiring) if neurons is None else build(wiring, n=neurons)
    built = time.perf_counter() - began
    simulated = classic.duration if given is None else given
    # A first run, as long as the parts in which the progress bar moves, compiles the program.
    part = max(simulated / CHUNKS, classic.dt, key=lambda x: float(x.value_in(ms)))
    compiled = _timed(classic, chance, part, progress=False)[0]
    taken, run = _timed(classic, chance, simulated, progress=True)

    table = [_row(name, run, classic) for name in classic.network.populations]
    leaves = [x for x in jax.tree.leaves(classic.network) if isinstance(x, jax.Array)]
    metrics: dict[str, Any] = {
        "network": name,
        "source": classic.source,
        "neurons": sum(row.neurons for row in table),
        "synapses": sum(p.synapses for p in classic.network.projections),
        "megabytes": round(sum(x.nbytes for x in leaves) / 1e6, 1),
        "simulated_seconds": float(simulated.value_in(s)),
        "build_seconds": round(built, 2),
        "compile_seconds": round(compiled, 2),
        "run_seconds": round(taken, 2),
        "seed": seed,
    }
    _print(metrics, table)
    _draw(out, run)
    by_population = {row.population: row._asdict() for row in table}
    more = {"populations": by_population, "made": noted(run.provenance)}
    text = json.dumps(metrics | more, indent=2)
    atomic.write(out / "metrics.json", text.replace("NaN", "null") + "\n")
    atomic.write(out / "index.html", _page(out, classic, metrics, table))
    print(f"see {out / 'index.html'}")
    return 0


def read_time(text: str) -> Quantity:
    """A time such as 1s or 500ms."""
    found = re.fullmatch(r"\s*([0-9.]+(?:e-?[0-9]+)?)\s*(ms|s)\s*", text)
    try:
        value = 0.0 if found is None else float(found[1])
    except ValueError:
        value = 0.0
    if found is None or not 0 < value < float("inf"):
        raise ArgumentError(
            f"`duration` is a positive time with its unit, got {brief(text)}. Write --duration "
            "500ms."
        )
    return value * _UNITS[found[2]]


def _timed(
    classic: Classic, key: jax.Array, duration: Quantity, *, progress: bool
) -> tuple[float, NetworkRecording]:
    began = time.perf_counter()
    run = jax.block_until_ready(classic.run(key, duration=duration, progress=progress))
    return time.perf_counter() - began, run


def _row(name: str, run: NetworkRecording, classic: Classic) -> _Row:
    spread = cv(run[name])
    known = spread[np.isfinite(spread)]
    return _Row(
        name,
        classic.network.populations[name].n,
        round(float(rates(run[name]).mean()), 3),
        classic.rates.get(name),
        round(float(known.mean()), 3) if known.size else float("nan"),
    )


def _facts(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    each = metrics["run_seconds"] / metrics["simulated_seconds"]
    return [
        ("neurons", f"{metrics['neurons']:,}"),
        ("synapses", f"{metrics['synapses']:,}"),
        ("memory", f"{metrics['megabytes']:,.1f} MB"),
        ("build", f"{metrics['build_seconds']:.2f} s"),
        ("compile", f"{metrics['compile_seconds']:.2f} s"),
        ("run", f"{metrics['run_seconds']:.2f} s, {each:.2f} s a simulated second"),
    ]


def _cells(row: _Row) -> tuple[str, ...]:
    """A row as it is printed."""
    published = "" if row.published is None else f"{row.published:g}"
    spread = "" if np.isnan(row.cv) else f"{row.cv:.2f}"
    return row.population, f"{row.neurons:,}", f"{row.rate:.2f}", published, spread


_HEAD = ("population", "neurons", "rate (Hz)", "published", "CV")


def _print(metrics: dict[str, Any], rows: list[_Row]) -> None:
    console = Console(highlight=False, markup=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, title in enumerate(_HEAD):
        table.add_column(title, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    facts = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for fact in _facts(metrics):
        facts.add_row(*fact)
    console.print(facts)


def _draw(out: Path, run: NetworkRecording) -> None:
    """The pictures."""
    from matplotlib.figure import Figure

    colors = dict(zip(run.populations, PALETTE * 3, strict=False))
    with plot.look():
        figure = Figure(figsize=(9, 5.4), layout="constrained")
        axes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        plot.population(run, most=1000, ax=axes)
        atomic.save_figure(figure, out / "raster.png", dpi=150)

        figure = Figure(figsize=(9, 3.4), layout="constrained")
        ax = figure.subplots()
        each = {name: rates(part) for name, part in run.populations.items()}
        # Rates are whole numbers of spikes in the run: so are the bins.
        first = next(iter(run.populations.values()))
        spike = float(in_unit(1 / (first.steps * first.dt), Hz))
        most = round(max(x.max() for x in each.values()) / spike)
        width = most // 40 + 1
        edges = (np.arange(0, most + width + 1, width) - 0.5) * spike
        for name, values in each.items():
            counts = np.histogram(values, edges)[0]
            ax.stairs(counts / len(values), edges, color=colors[name], label=name)
        ax.set(xlabel="mean rate (Hz)", ylabel="share of neurons", xlim=(edges[0], edges[-1]))
        ax.legend()
        atomic.save_figure(figure, out / "rates.png", dpi=150)

        figure = Figure(figsize=(9, 3.4), layout="constrained")
        ax = figure.subplots()
        every = {name: np.concatenate(isi(part)) for name, part in run.populations.items()}
        some = np.concatenate(list(every.values()))
        edges = np.geomspace(some.min(), some.max() + 1, 41) if some.size else np.array([1.0, 2.0])
        for name, values in every.items():
            counts = np.histogram(values, edges)[0]
            ax.stairs(counts / max(len(values), 1), edges, color=colors[name], label=name)
        ax.set(xlabel="interval (ms)", ylabel="share of intervals", xscale="log")
        ax.legend()
        atomic.save_figure(figure, out / "intervals.png", dpi=150)


def _page(out: Path, classic: Classic, metrics: dict[str, Any], rows: list[_Row]) -> str:
    mean = sum(row.rate * row.neurons for row in rows) / metrics["neurons"]
    return page(
        f"The network {metrics['network']}",
        f"{mean:.1f} Hz",
        f"is the mean rate of its {metrics['neurons']:,} neurons with {metrics['synapses']:,} "
        f"synapses in {metrics['simulated_seconds']:g} s. After {classic.source}.",
        [[_HEAD, *map(_cells, rows)], _facts(metrics)],
        {out / name: text for name, text in _PICTURES.items()},
    )
