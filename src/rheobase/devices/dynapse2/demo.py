"""`rheobase chip demo`: train for mismatch, quantise, configure, and compare what came of it."""

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rheobase import atomic, plot
from rheobase.devices.dynapse2 import frozen_noise as task
from rheobase.devices.dynapse2 import pictures
from rheobase.devices.dynapse2.config import Config
from rheobase.devices.dynapse2.place import Placement, place
from rheobase.devices.dynapse2.power import Power, power
from rheobase.devices.dynapse2.quantise import quantise
from rheobase.devices.dynapse2.training import Trained, train
from rheobase.folder import require_folder
from rheobase.page import page
from rheobase.plot.style import ACCENT, MAIN, QUIET
from rheobase.provenance import noted
from rheobase.units import in_unit, s

STEPS, FINE_STEPS = 400, 100
"""Of the optimiser with weights as they are, and then on the grid."""
SPREAD = 0.2
_HEAD = ("network", "ratio", "right patterns", "right (Hz)", "wrong (Hz)", "distance")
_PICTURES = {
    "learning.png": "Loss in every step, each on four new chips.",
    "spikes.png": "Spikes of both outputs for both patterns: nominal, and on twenty chips.",
    "rates.png": "Rates of the right and of the wrong output on twenty chips, before and after.",
    "weights.png": "Weights as they were trained and as the chip holds them.",
    "placement.png": "Where the neurons stand, and how many CAM entries each uses.",
    "power.png": "Estimated power while the patterns play.",
}


class Outcome(NamedTuple):
    """What the demonstration made."""

    trained: Trained
    spec: Placement
    config: Config
    power: Power
    rows: tuple[task.Row, ...]
    outputs: dict[str, jax.Array]
    """Output spikes (chips, time, 2, 2) by row."""
    seconds: float
    """Of training, compilation included."""


def run(out: Path | str, steps: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Train, configure and draw into a folder; what is in `metrics.json` is returned."""
    out = require_folder(out)
    done = outcome(STEPS if steps is None else steps, seed)
    done.config.to_json(out / "chip.json")
    atomic.write(out / "report.txt", f"{done.spec.report()}\n\n{done.power.report()}\n")
    metrics = {
        "train_seconds": round(done.seconds, 1),
        "spread": SPREAD,
        "microwatts": round(1e6 * done.power.total, 2),
        "seed": seed,
        "networks": [row._asdict() for row in done.rows],
        "made": noted(None),
    }
    atomic.write(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    _draw(out, done)
    atomic.write(out / "index.html", _page(out, done))
    print(_table(done.rows))
    print(f"see {out / 'index.html'}")
    return metrics


def outcome(steps: int, seed: int) -> Outcome:
    """Everything but the pictures."""
    first, second, third, fourth = jax.random.split(jax.random.key(seed), 4)
    x = task.patterns(first)
    fresh = task.network(second)
    began = time.perf_counter()
    trained = train(fresh, x, task.loss, steps=steps, spread=SPREAD, key=third)
    fine = max(steps * FINE_STEPS // STEPS, 1)
    grid = quantise(trained.network, second_entries=False)
    tuned = train(trained.network, x, task.loss, steps=fine, spread=SPREAD, grid=grid, key=fourth)
    seconds = time.perf_counter() - began
    net = tuned.network
    spec = place(quantise(net))
    config = Config.from_placement(spec)
    twin = config.to_network()
    outputs = {
        "untrained, mismatch": task.unseen(fresh, x, SPREAD, fourth),
        "trained": net(x)[None],
        "trained, mismatch": task.unseen(net, x, SPREAD, fourth),
        "quantised": spec.network(x)[None],
        "quantised, mismatch": task.unseen(spec.network, x, SPREAD, fourth),
        "configured": twin(x)[None],
        "configured, mismatch": task.unseen(twin, x, SPREAD, fourth),
    }
    reference = outputs["trained"][0]
    rows = tuple(task.row(name, output, reference) for name, output in outputs.items())
    estimate = power(spec, x, spec.network.run(x).spikes)
    losses = jnp.concatenate([trained.losses, tuned.losses])
    return Outcome(Trained(net, losses), spec, config, estimate, rows, outputs, seconds)


def _cells(row: task.Row) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.ratio:.1f}",
        f"{100 * row.accuracy:.0f} %",
        f"{row.right:.1f}",
        f"{row.wrong:.1f}",
        f"{row.distance:.2f}",
    )


def _table(rows: tuple[task.Row, ...]) -> str:
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(_HEAD))]
    return "\n".join(
        "  ".join(c.rjust(w) if k else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths,
        strict=True)))
        for row in cells
    )  # fmt: skip


def _draw(out: Path, done: Outcome) -> None:
    """The pictures."""
    from matplotlib.figure import Figure

    def figure(width: float, height: float) -> Figure:
        return Figure(figsize=(width, height), layout="constrained")

    with plot.look():
        fig = figure(7, 3)
        ax = fig.subplots()
        ax.plot(np.asarray(done.trained.losses), color=MAIN, linewidth=0.8)
        ax.set(xlabel="step", ylabel="loss", yscale="log")
        atomic.save_figure(fig, out / "learning.png", dpi=150)

        fig = figure(8, 4.6)
        spikes(done, fig.subplots(2, 2, sharex=True))
        atomic.save_figure(fig, out / "spikes.png", dpi=150)

        fig = figure(6, 3.4)
        rates(done, fig.subplots())
        atomic.save_figure(fig, out / "rates.png", dpi=150)

        for name, draw, size in (
            ("weights.png", lambda ax: pictures.weight_error(done.spec.quantised, ax), (5, 4)),
            ("placement.png", lambda ax: pictures.placement(done.spec, ax), (7.5, 2.4)),
            ("power.png", lambda ax: pictures.power_bars(done.power, ax), (6, 2)),
        ):
            fig = figure(*size)
            draw(fig.subplots())
            atomic.save_figure(fig, out / name, dpi=150)


def spikes(done: Outcome, axes: Any) -> None:
    """Spikes of both outputs for both patterns, the nominal network and twenty chips below."""
    every = np.concatenate(
        [done.outputs["trained"], done.outputs["trained, mismatch"]]
    )  # (chips, time, pattern, output)
    for pattern in range(2):
        for output in range(2):
            ax = axes[pattern][output]
            chips, times = np.nonzero(every[:, :, pattern, output])
            colour = MAIN if pattern == output else ACCENT
            ax.scatter(times + 1, chips, marker="|", s=16, linewidths=0.8, color=colour)
            ax.axhline(0.5, color=QUIET, linewidth=0.6)
            ax.set(xlim=(0, every.shape[1]), ylim=(-0.8, len(every) - 0.2))
            ax.set_title(f"pattern {pattern}, output {output}")
            ax.invert_yaxis()
    for row in axes:
        row[0].set_ylabel("chip (0: nominal)")
    for ax in axes[-1]:
        ax.set_xlabel("time (ms)")


def rates(done: Outcome, ax: Any) -> None:
    """Rates of the right and the wrong output on every chip, before and after training."""
    names = ("untrained, mismatch", "trained, mismatch", "configured, mismatch")
    jitter = np.random.default_rng(0).uniform(-0.12, 0.12, 1000)
    for place_, name in enumerate(names):
        counts = np.asarray(done.outputs[name].sum(axis=1))
        seconds = float(in_unit(task.STEPS * 1.0, s))
        for side, colour, label, some in (
            (-0.18, MAIN, "right output", counts[:, [0, 1], [0, 1]]),
            (0.18, ACCENT, "wrong output", counts[:, [0, 1], [1, 0]]),
        ):
            flat = some.ravel() / seconds
            ax.plot(
                place_ + side + jitter[: len(flat)], flat, ".", color=colour, markersize=4,
                alpha=0.7, label=label if place_ == 0 else None,
            )  # fmt: skip
    ax.set_xticks(range(len(names)), [name.replace(", ", "\n") for name in names])
    ax.set(ylabel="rate (Hz)")
    ax.legend()


def _page(out: Path, done: Outcome) -> str:
    last = done.rows[-1]
    return page(
        "Frozen noise on DYNAP-SE2",
        f"{last.ratio:.0f} : 1",
        f"is the rate of the right output by that of the wrong one, median over twenty configured "
        f"chips with {100 * SPREAD:.0f} % mismatch that training has not seen; training took "
        f"{done.seconds:.0f} s.",
        [[_HEAD, *map(_cells, done.rows)]],
        {out / name: text for name, text in _PICTURES.items()},
    )
