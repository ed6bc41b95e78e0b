"""`rheobase fit`: from a recording to a model and a page of how well it does."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rheobase import adaptors, fitting, neurons
from rheobase.cable.members import require_receiver
from rheobase.errors import ArgumentError, UnknownName, brief
from rheobase.fitting.fit import fits_steps
from rheobase.fitting.report import write_ranked
from rheobase.folder import require_folder
from rheobase.io import is_model, load, read_recording
from rheobase.neurons.base import AbstractNeuron
from rheobase.units import kHz, ms, mV, nS

_AUTO = "auto"
_RATE = 20 * kHz
_MAKE: Any = adaptors.ThresholdAdaptation  # whose fields take quantities
_SPIKE_RATE: Any = adaptors.SpikeRateAdaptation
_ADAPTORS = {
    "Refractory": lambda inner: adaptors.Refractory(inner, 2 * ms),
    "SoftReset": adaptors.SoftReset,
    "SpikeRateAdaptation": lambda inner: _SPIKE_RATE(inner, tau=40 * ms, increment=2 * nS),
    "ThresholdAdaptation": lambda inner: _MAKE(inner, tau=50 * ms, increment=2 * mV),
}
"""What a model on the command line may wear, with values from which a fit can begin."""


def show(  # noqa: PLR0913
    path: Path,
    model: str,
    out: Path,
    train: str | None,
    test: str | None,
    starts: int,
    steps: int | None,
    seed: int,
    bare: bool,
    junction: float,
    voltage: str | None,
    current: str | None,
    electrode: str | None,
    only: str | None,
) -> int:
    """Fit, print scores and parameters, and leave a report."""
    chosen = None if model.lower() == _AUTO else read_model(model)
    chosen_sweeps = None if only is None else read_numbers(only, "sweeps")
    recording = read_recording(
        path, voltage=voltage, current=current, electrode=electrode, sweeps=chosen_sweeps
    )
    recording = recording.corrected(junction=junction * mV)
    console = Console(highlight=False, markup=False)
    console.print(repr(recording))
    if not fits_steps(recording):
        console.print(f"resampled to {_RATE}, of which whole samples make a millisecond")
        recording = recording.resampled(_RATE)
    sweeps = recording.sweeps
    parts: dict[str, Any] = {
        "train": None if train is None else read_sweeps(train, sweeps, "train"),
        "test": None if test is None else read_sweeps(test, sweeps, "test"),
        "adaptors": not bare,
    }
    out = require_folder(out)
    if chosen is None:
        ranked = fitting.fit_models(
            recording, starts=starts, steps=25 if steps is None else steps, seed=seed, **parts
        )
        _print_ranking(console, ranked)
        fit, page = ranked[0].fit, write_ranked(ranked, out)
    else:
        fit = fitting.fit_recording(
            recording, chosen, starts=starts, steps=steps, seed=seed, **parts
        )
        page = fit.report(out)
    _print(console, fit)
    print(f"see {page}")
    return 0


def read_model(text: str) -> Any:
    """`AdEx`, `SoftReset(GLIF)`, or a file with a model from which the fit begins."""
    if Path(text).is_file() and is_model(text):
        return require_receiver(load(text), "rheobase fit begins with", "rb.save('model', {})")
    known = {
        name: getattr(neurons, name)
        for name in neurons.__all__
        if isinstance(getattr(neurons, name), type)
        and issubclass(getattr(neurons, name), AbstractNeuron)
        and not name.startswith("Abstract")
    }
    wrapped = re.fullmatch(r"\s*(\w+)\s*\((.+)\)\s*", text)
    if wrapped is None:
        name = {k.lower(): k for k in known}.get(text.strip().lower(), text)
        if name not in known:
            raise UnknownName("neuron", text, [*known, _AUTO])
        return known[name]()
    if wrapped[1] not in _ADAPTORS:
        raise UnknownName("adaptor for a fit", wrapped[1], _ADAPTORS)
    return _ADAPTORS[wrapped[1]](read_model(wrapped[2]))


def read_sweeps(text: str, sweeps: Sequence[Any], name: str) -> tuple[Any, ...]:
    """`0,2,5-8` or a slice `::2` of the sweeps, counted from 0."""
    numbers = read_numbers(text, name)
    if isinstance(numbers, slice):
        return tuple(sweeps[numbers])
    for number in numbers:
        if number >= len(sweeps):
            raise ArgumentError(
                f"--{name} names sweep {number}, but the recording has {len(sweeps)}, from 0 to "
                f"{len(sweeps) - 1}."
            )
    return tuple(sweeps[k] for k in numbers)


def read_numbers(text: str, name: str) -> slice | list[int]:
    """What `0,2,5-8` or `::2` stands for."""
    if re.fullmatch(r"\s*-?\d*:-?\d*(:-?\d*)?\s*", text):
        parts = [int(p) if p.strip() else None for p in text.split(":")]
        if len(parts) == 3 and parts[2] == 0:
            raise ArgumentError(f"--{name} {text}: a slice cannot have a step of 0.")
        return slice(*parts)
    numbers: list[int] = []
    for piece in text.split(","):
        found = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", piece)
        if found is None:
            raise ArgumentError(
                f"--{name} takes sweeps by number, counted from 0, got {brief(text)}. "
                f"Write --{name} 0,2,5-8 or --{name} ::2."
            )
        numbers += range(int(found[1]), int(found[2] or found[1]) + 1)
    return list(dict.fromkeys(numbers))


def _print(console: Console, fit: fitting.RecordingFit) -> None:
    table = _table(console, fit.model.title, "value", "uncertainty", "unit")
    for name, e in fit.parameters.items():
        table.add_row(name, f"{e.value:.5g}", f"{e.uncertainty:.2g}", str(e.unit))
    console.print(table)
    table = _table(console, "score", "held out", "trained")
    ours = fit.train.summary()
    theirs = fit.test.summary() if fit.test else dict.fromkeys(ours)
    for name, value in ours.items():
        cells = ("" if x is None else f"{x:.3g}" for x in (theirs[name], value))
        table.add_row(name, *cells)
    console.print(table)


def _print_ranking(console: Console, ranked: Sequence[fitting.Ranked]) -> None:
    table = _table(console, "model", "parameters", "held-out score", "rank")
    for row in ranked:
        table.add_row(row.name, str(row.parameters), f"{row.score:.3g}", f"{row.rank:.3g}")
    console.print(table)
    sys.stdout.flush()


def _table(console: Console, *titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place == 0 else "right")
    return table
