"""What a fit leaves in a folder: scores, parameters, the model, pictures and one page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rheobase import atomic, plot
from rheobase.folder import require_folder
from rheobase.io.models import save
from rheobase.page import page
from rheobase.plot.style import ACCENT, INK, MAIN, QUIET
from rheobase.provenance import noted

if TYPE_CHECKING:
    from rheobase.fitting.fit import RecordingFit
    from rheobase.fitting.ranking import Ranked

MODEL, SCORES, PARAMETERS = "model.rheobase", "scores.json", "parameters.json"
RANKING = "ranking.json"
_SHOWN = 6
"""Held-out sweeps in the picture, spread over those with spikes."""
_TEXT = {
    "spike_count_error": "spike count error, spikes a sweep",
    "spike_count_error_relative": "spike count error, of the data's",
    "latency_error_ms": "latency of the first spike, error in ms",
    "subthreshold_rms_mv": "voltage between spikes, rms error in mV",
    "fi_r2": "f-I curve, R²",
    "gamma_2ms": "coincidence factor, 2 ms",
    "gamma_4ms": "coincidence factor, 4 ms",
}


def write_ranked(ranked: Sequence["Ranked"], folder: Path) -> Path:
    """Write the best of several models into a folder, with the ranking; the others below it."""
    for row in ranked[1:]:
        write(row.fit, folder / row.name)
    page = write(ranked[0].fit, folder, ranked)
    rows = [
        {"model": r.name, "parameters": r.parameters, "score": _finite(r.score), "rank": r.rank}
        for r in ranked
    ]
    atomic.write(folder / RANKING, json.dumps(rows, indent=2) + "\n")
    return page


def write(fit: "RecordingFit", folder: Path, ranked: Sequence["Ranked"] = ()) -> Path:
    """Write everything into a folder, with the models that it was compared with; the page."""
    folder = require_folder(folder)
    save(folder / MODEL, fit.model)
    atomic.write(folder / SCORES, json.dumps(scores(fit), indent=2) + "\n")
    atomic.write(folder / PARAMETERS, json.dumps(_parameters(fit), indent=2) + "\n")
    pictures = _draw(fit, folder)
    atomic.write(folder / "index.html", _page(fit, pictures, ranked))
    return folder / "index.html"


def scores(fit: "RecordingFit") -> dict[str, Any]:
    """What stands in `scores.json`."""
    details = fit.details
    found: dict[str, Any] = {}
    for which, those in (("test", fit.test), ("train", fit.train)):
        if those is not None:
            each = [_clean(row._asdict()) for row in those.sweeps]
            found[which] = those.summary() | {"sweeps": each}
    return found | {
        "model": fit.model.title,
        "recording": Path(details.recording.path).name,
        "reliability_gamma_4ms": fit.reliability,
        "passive": fit.passive._asdict(),
        "dt_ms": details.dt,
        "seconds": round(fit.seconds, 1),
        "made": noted(fit.provenance),
    }


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    return {k: _finite(x) for k, x in row.items()}


def _finite(x: Any) -> Any:
    return None if isinstance(x, float) and not np.isfinite(x) else x


def _parameters(fit: "RecordingFit") -> dict[str, Any]:
    return {
        name: _clean(
            {
                "value": e.value,
                "uncertainty": e.uncertainty,
                "spread": e.spread,
                "unit": str(e.unit),
            }
        )
        for name, e in fit.parameters.items()
    }


def _draw(fit: "RecordingFit", folder: Path) -> dict[Path, str]:
    """The pictures and what they show."""
    shown = {
        folder / "traces.png": (
            traces(fit), "Held-out sweeps, recorded (black) and modelled (blue); the model saw "
            "nothing but the current. Marks above: spikes.",
        ),
        folder / "fi.png": (fi_curve(fit), "Firing rate in each pulse against its current."),
        folder / "loss.png": (loss(fit), "The best loss after each step of the last stage."),
    }  # fmt: skip
    for file, (figure, _) in shown.items():
        atomic.save_figure(figure, file, dpi=140)
    return {file: text for file, (_, text) in shown.items()}


def traces(fit: "RecordingFit") -> Any:
    """The figure of held-out sweeps."""
    from matplotlib.figure import Figure

    details = fit.details
    sweeps = details.test_sweeps or details.train_sweeps
    firing = [s for s in sweeps if len(details.spikes[s.number])]
    quiet = [s for s in sweeps if not len(details.spikes[s.number])][:1]
    places = np.unique(np.linspace(0, len(firing) - 1, min(_SHOWN - 1, len(firing))).astype(int))
    chosen = quiet + [firing[k] for k in places]
    with plot.look():
        figure = Figure(figsize=(9, 0.5 + 1.5 * len(chosen)), layout="constrained")
        axes = figure.subplots(len(chosen), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for ax, sweep in zip(axes, chosen, strict=True):
            _trace(ax, fit, sweep)
        axes[-1].set_xlabel("time (ms)")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def _trace(ax: Any, fit: "RecordingFit", sweep: Any) -> None:
    details = fit.details
    data, mine = details.spikes[sweep.number], details.run.spikes[sweep.number]
    bridge = fit.passive.bridge
    v = details.run.v[:, sweep.number]
    ends = (np.arange(len(v)) + 1) * 1.0
    coarse = sweep.i[np.minimum((ends / sweep.dt).astype(int) - 1, len(sweep.i) - 1)]
    ax.plot(sweep.t, sweep.v, color=INK, linewidth=0.7, label="recorded")
    ax.plot(ends, v + bridge * coarse, color=MAIN, linewidth=0.9, label="model")
    top = max(float(sweep.v.max()), 20.0)
    ax.plot(data, np.full(len(data), top + 12), "|", color=INK, markersize=5)
    ax.plot(mine, np.full(len(mine), top + 24), "|", color=MAIN, markersize=5)
    pulses = ", ".join(f"{1e3 * p.current:.0f}" for p in sweep.pulses())
    ax.set_title(f"sweep {sweep.number}" + (f": {pulses} pA" if pulses else ""), loc="left")
    ax.set_ylabel("v (mV)")
    ax.set_xlim(0, sweep.duration)


def fi_curve(fit: "RecordingFit") -> Any:
    """The figure of firing rates."""
    from matplotlib.figure import Figure

    with plot.look():
        figure = Figure(figsize=(5, 3.4), layout="constrained")
        ax = figure.subplots()
        for which, color, label in ((fit.train, QUIET, "trained"), (fit.test, ACCENT, "held out")):
            if which is None:
                continue
            current, data, model = np.array(which.rates).reshape(-1, 3).T
            ax.plot(1e3 * current, data, "o", color=color, markersize=4, label=f"data, {label}")
            ax.plot(1e3 * current, model, "x", color=MAIN, markersize=5)
        ax.plot([], [], "x", color=MAIN, label="model")
        ax.set(xlabel="current (pA)", ylabel="firing rate (Hz)")
        ax.legend()
    return figure


def loss(fit: "RecordingFit") -> Any:
    """The figure of the search."""
    from matplotlib.figure import Figure

    with plot.look():
        figure = Figure(figsize=(5, 2.6), layout="constrained")
        ax = figure.subplots()
        ax.plot(np.arange(1, len(fit.losses) + 1), fit.losses, color=MAIN)
        ax.set(xlabel="step", ylabel="best loss", yscale="log")
    return figure


def _ranking(ranked: Sequence["Ranked"]) -> list[tuple[str, ...]]:
    rows = [
        (r.name, str(r.parameters), f"{r.score:.3g}", f"{r.rank:.3g}", f"{r.fit.seconds:.0f}")
        for r in ranked
    ]
    return [("model", "parameters", "held-out score", "rank", "seconds"), *rows]


def _page(fit: "RecordingFit", pictures: dict[Path, str], ranked: Sequence["Ranked"] = ()) -> str:
    judged = fit.test or fit.train
    rows: list[tuple[str, ...]] = [("", "held out", "trained")]
    for key, text in _TEXT.items():
        pair = (fit.test.summary()[key] if fit.test else None, fit.train.summary()[key])
        rows.append((text, *("" if x is None else f"{x:.3g}" for x in pair)))
    if fit.reliability is not None:
        rows.append(("the cell with itself, 4 ms", f"{fit.reliability:.3g}", ""))
    values = [("parameter", "value", "uncertainty", "spread of starts", "unit")]
    for name, e in fit.parameters.items():
        spread = "" if np.isnan(e.spread) else f"{e.spread:.2g}"
        values.append((name, f"{e.value:.5g}", f"{e.uncertainty:.2g}", spread, str(e.unit)))
    p = fit.passive
    membrane = [
        ("membrane, from small pulses", ""),
        ("time constant", f"{p.tau:.3g} ms"),
        ("resistance", f"{p.R:.4g} MOhm"),
        ("resting voltage", f"{p.v_rest:.4g} mV"),
        ("electrode beyond the bridge", f"{p.bridge:.3g} MOhm"),
        ("drift of the resting voltage", f"{p.drift:.2g} mV/min"),
    ]
    error = judged.spike_count_error
    name = Path(fit.details.recording.path).name
    held = "held out" if fit.test else "trained"
    return page(
        f"{fit.model.title} for {name}",
        f"{error:.2g} spikes",
        f"is how far a sweep that was {held} is off, of {_mean_count(judged):.1f} on average. "
        f"Fitted in {fit.seconds:.0f} s. {fit.details.recording!r}.",
        [*([_ranking(ranked)] if ranked else []), rows, values, membrane],
        pictures,
    )


def _mean_count(scores: Any) -> float:
    return float(np.mean([row.spikes for row in scores.sweeps]))
