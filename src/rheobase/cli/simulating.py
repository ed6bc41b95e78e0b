"""`rheobase simulate`: a saved model under a step of current, or under that of a recording."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from rheobase import atomic, plot
from rheobase.cable import Cell
from rheobase.cli.running import read_time
from rheobase.errors import ArgumentError, brief
from rheobase.fitting.judge import free_run
from rheobase.fitting.patched import under
from rheobase.fitting.report import name_of
from rheobase.folder import require_folder
from rheobase.io import load, read_recording
from rheobase.neurons.base import AbstractMembrane
from rheobase.plot.style import MAIN
from rheobase.provenance import noted
from rheobase.stimulus import Step
from rheobase.units import Quantity, ms, nA, pA

_UNITS = {"pA": pA, "nA": nA}


def show(
    path: Path, current: str | None, duration: str, dt: str, recording: Path | None, out: Path
) -> int:
    """Simulate, print the spikes, and leave voltage, spikes and a picture in a folder."""
    model = load(path)
    if not isinstance(model, AbstractMembrane | Cell):
        raise ArgumentError(
            f"{path} holds a {type(model).__name__}, and rheobase simulate takes a neuron or cell. "
            f"In Python write rb.simulate(rb.load({str(path)!r}), ...)."
        )
    step = read_time(dt)
    if recording is not None:
        rec = read_recording(recording)
        out = require_folder(out)
        run, made = free_run(model, rec.sweeps, float(step.value_in(ms))), None
        v, spikes = run.v, [t.tolist() for t in run.spikes]
        times = np.arange(1, len(v) + 1) * 1.0
    else:
        level = read_current("200pA" if current is None else current)
        length = read_time(duration)
        out = require_folder(out)
        given = Step(level, start=0.1 * length, stop=0.9 * length)
        whole = under(model, given, length, step)
        v, times, spikes = whole.v[:, None], whole.t, [whole.spikes.tolist()]
        made = whole.final.provenance
    with atomic.replacing(out / "voltage.npz") as beside:
        np.savez_compressed(beside, t=times, v=v, made=json.dumps(noted(made)))
    atomic.write(out / "spikes.json", json.dumps(spikes) + "\n")
    _draw(out / "voltage.png", times, v, name_of(model))
    counts = ", ".join(str(len(s)) for s in spikes)
    print(f"{name_of(model)}: {counts} spikes; see {out / 'voltage.png'}")
    return 0


def read_current(text: str) -> Quantity:
    """A current such as 200pA or -0.1nA."""
    found = re.fullmatch(r"\s*(-?[0-9.]+(?:e-?[0-9]+)?)\s*(pA|nA)\s*", text)
    try:
        value = None if found is None else float(found[1])
    except ValueError:
        value = None
    if found is None or value is None:
        raise ArgumentError(
            f"`current` is a current with its unit, got {brief(text)}. Write --current 200pA."
        )
    return value * _UNITS[found[2]]


def _draw(file: Path, times: Any, v: np.ndarray, title: str) -> None:
    from matplotlib.figure import Figure

    rows = min(v.shape[1], 8)
    with plot.look():
        figure = Figure(figsize=(9, 1 + 1.5 * rows), layout="constrained")
        axes = figure.subplots(rows, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        places = np.linspace(0, v.shape[1] - 1, rows).astype(int)
        for ax, k in zip(axes, places, strict=True):
            ax.plot(times, v[:, k], color=MAIN)
            ax.set_ylabel("v (mV)")
        axes[0].set_title(title, loc="left")
        axes[-1].set_xlabel("time (ms)")
        atomic.save_figure(figure, file, dpi=140)
