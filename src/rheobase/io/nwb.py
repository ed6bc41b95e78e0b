"""Recordings in NWB files (Neurodata Without Borders), through pynwb."""

from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import RecordingError
from rheobase.io.recording import Raw, scale_to
from rheobase.io.through_neo import attempt, need
from rheobase.units import mV, nA


def read(
    path: Path, voltage: str | None, current: str | None
) -> tuple[list[Raw], float | None, str]:
    """Sweeps, holding current (nA) where it is known, and the name of the protocol."""
    pynwb = need("pynwb")
    with attempt(path), pynwb.NWBHDF5IO(str(path), "r") as file:
        content = file.read()
        clamped = [
            s
            for s in content.acquisition.values()
            if isinstance(s, pynwb.icephys.CurrentClampSeries)
        ]
        if not clamped:
            raise RecordingError(_without(content, pynwb, path))
        if voltage is not None:
            clamped = [s for s in clamped if s.name == voltage]
        given = [
            s
            for s in content.stimulus.values()
            if isinstance(s, pynwb.icephys.CurrentClampStimulusSeries)
            and (current is None or s.name == current)
        ]
        partner = _partners(content, clamped, given, path)
        found = [_sweep(s, partner[s.name], path) for s in clamped]
        bias = {float(s.bias_current or 0) * 1e9 for s in clamped}
        session = str(content.protocol or clamped[0].stimulus_description or "")
    order = np.argsort([raw.start for raw in found], kind="stable")
    return (
        [found[k] for k in order],
        bias.pop() if len(bias) == 1 and bias != {0.0} else None,
        session,
    )


def _without(content: Any, pynwb: Any, path: Path) -> str:
    kinds = content.acquisition.values()
    if any(isinstance(s, pynwb.icephys.VoltageClampSeries) for s in kinds):
        return (
            f"{path} is in voltage clamp: it holds VoltageClampSeries. A model is fitted to "
            f"recordings in current clamp."
        )
    held = ", ".join(f"{s.name} ({type(s).__name__})" for s in kinds) or "nothing"
    return f"{path} holds no CurrentClampSeries among its acquisitions. It has {held}."


def _partners(content: Any, clamped: list, given: list, path: Path) -> dict[str, Any]:
    """The stimulus of each response: by the table of recordings, number of the sweep, or time."""
    table = content.intracellular_recordings
    pairs: dict[str, Any] = {}
    if table is not None:
        for row in range(len(table)):
            stimulus = table["stimuli"]["stimulus"][row].timeseries
            response = table["responses"]["response"][row].timeseries
            pairs[response.name] = stimulus
    for series in clamped:
        if pairs.get(series.name) is not None:
            continue
        same = [
            s
            for s in given
            if series.sweep_number is not None and s.sweep_number == series.sweep_number
        ]
        same = same or [s for s in given if s.starting_time == series.starting_time]
        if len(same) != 1:
            raise RecordingError(
                f"{series.name} of {path} has no stimulus: there must be one CurrentClampStimulus"
                f"Series with its sweep number, {series.sweep_number}, or its starting time, or a "
                f"row in the table of intracellular recordings; found {len(same)}. Without it "
                f"nobody knows what the cell was given."
            )
        pairs[series.name] = same[0]
    return pairs


def _sweep(series: Any, stimulus: Any, path: Path) -> Raw:
    v, i = _values(series, mV, path), _values(stimulus, nA, path)
    rate = series.rate
    if rate is None:
        times = np.asarray(series.timestamps[:])
        rate = (len(times) - 1) / (times[-1] - times[0])
        start = float(times[0])
    else:
        start = float(series.starting_time or 0.0)
    return Raw(v, i, 1e3 / float(rate), 1e3 * start)


def _values(series: Any, unit: Any, path: Path) -> np.ndarray:
    factor = scale_to(unit, str(series.unit), f"{series.name} of {path}")
    if factor is None:
        raise RecordingError(f"{series.name} of {path} is in {series.unit}, expected {unit}.")
    stored = np.asarray(series.data[:], float)
    return factor * (stored * float(series.conversion) + float(series.offset or 0.0))
