"""`rheobase simulate`: a saved model under a step of current, or under that of a recording."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase import atomic, plot
from rheobase.cable.members import require_receiver
from rheobase.cli.fitting import read_numbers
from rheobase.cli.running import read_time
from rheobase.errors import ArgumentError, brief
from rheobase.fitting.judge import free_run
from rheobase.fitting.patched import Injected, patch_of
from rheobase.folder import require_folder
from rheobase.io import CurrentClamp, load, read_recording
from rheobase.plot.style import MAIN
from rheobase.provenance import noted
from rheobase.stimulus import Step
from rheobase.units import Quantity, ms, nA, pA

_UNITS = {"pA": pA, "nA": nA}


class Recorded(NamedTuple):
    """A recording of whose currents a model is given some."""

    file: Path | None
    voltage: str | None
    electrode: str | None
    sweeps: str | None

    def read(self, current: str | None) -> CurrentClamp | None:
        """What is chosen of it; `current` is the name of its channel. None without a file."""
        if self.file is not None:
            numbers = None if self.sweeps is None else read_numbers(self.sweeps, "sweeps")
            return read_recording(
                self.file,
                voltage=self.voltage,
                current=current,
                electrode=self.electrode,
                sweeps=numbers,
            )
        for name in ("voltage", "electrode", "sweeps"):
            if getattr(self, name) is not None:
                raise ArgumentError(
                    f"--{name} chooses from a recording, and there is none. "
                    f"Give --recording FILE too."
                )
        return None


def show(
    path: Path, current: str | None, duration: str, dt: str, recorded: Recorded, out: Path
) -> int:
    """Simulate, print the spikes, and leave voltage, spikes and a picture in a folder."""
    model = require_receiver(
        load(path), "rheobase simulate takes", "rb.simulate(rb.load(path), ...) in Python"
    )
    step = read_time(dt)
    rec = recorded.read(current)
    if rec is not None:
        out = require_folder(out)
        run, made = free_run(model, rec.sweeps, float(step.value_in(ms))), None
        v, spikes = run.v, [t.tolist() for t in run.spikes]
        times = np.arange(1, len(v) + 1) * 1.0
    else:
        level = read_current("200pA" if current is None else current)
        length = read_time(duration)
        out = require_folder(out)
        given = Step(level, start=0.1 * length, stop=0.9 * length)
        whole = patch_of(model).under(Injected(given, length, step))
        v, times, spikes = whole.v[:, None], whole.t, [whole.spikes.tolist()]
        made = whole.final.provenance
    with atomic.replacing(out / "voltage.npz") as beside:
        np.savez_compressed(beside, t=times, v=v, made=json.dumps(noted(made)))
    atomic.write(out / "spikes.json", json.dumps(spikes) + "\n")
    _draw(out / "voltage.png", times, v, model.title)
    counts = ", ".join(str(len(s)) for s in spikes)
    print(f"{model.title}: {counts} spikes; see {out / 'voltage.png'}")
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
