"""The passive membrane and the electrode, from the answers to small pulses of current.

After a step dI the recorded voltage goes as

    dV(t) = dI (R_e + R (1 - exp(-t/tau)))

with R_e what the bridge left uncompensated, which jumps at once, and R and tau of the membrane. The
answers to all pulses without spikes are divided by their dI and averaged; tau goes over a grid, R_e
and R follow by least squares.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from rheobase.errors import RecordingError

_LONGEST = 200.0
"""ms after the step that are used: later, slow currents have set in."""
_BLANK = 0.3
"""ms after a step in which the electrode's capacitance and filters distort the record."""
_BEFORE = 20.0
"""ms before the step, of which the mean is the voltage from which it starts."""
_FAR = 10.0
"""ms around a spike in which the voltage is not that of the passive membrane."""
_USUAL, _TELLING = 20.0, 1.05
"""ms, and by how much another time constant must fit better to be believed."""


class Passive(NamedTuple):
    """What the subthreshold voltage says of the membrane and of the electrode."""

    tau: float
    """Membrane time constant, ms."""
    R: float
    """Membrane resistance, MOhm."""
    v_rest: float
    """Voltage without current, mV."""
    bridge: float
    """Resistance of the electrode that the bridge did not compensate, MOhm."""
    drift: float
    """Change of the resting voltage with time, mV/min."""
    pulses: int
    """How many pulses this is taken from."""


def passive(sweeps: Sequence, spikes: Sequence[np.ndarray], shortest: float = 50.0) -> Passive:
    """Identify membrane and electrode from sweeps and their spike times (ms).

    Hyperpolarising pulses count where there are any, otherwise all that stay without spikes, and
    where there are no pulses (a ramp) sweeps without spikes.

    Errors: `RecordingError` where nothing stays below threshold.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import nA
    >>> rec = rb.fitting.synthetic(rb.LIF(), [-0.2, -0.4] * nA)
    >>> found = rb.fitting.passive(rec.sweeps, [np.zeros(0)] * 2)
    >>> round(found.tau), round(found.R), round(found.v_rest)
    (10, 10, -65)
    """
    answers = _answers(sweeps, spikes, shortest)
    below = [a for a in answers if a[0] < 0]
    chosen = below or answers
    if not chosen:
        return _regressed(sweeps, spikes)
    dt = sweeps[0].dt
    length = min(len(v) for _, v in chosen)
    weight = np.array([abs(di) for di, _ in chosen])
    total = sum(np.sign(di) * v[:length] for di, v in chosen) / weight.sum()
    t = (np.arange(length) + 0.5) * dt
    used = t > _BLANK
    best = None
    for tau in np.geomspace(1.0, 300.0, 150):
        basis = np.stack([np.ones_like(t), 1 - np.exp(-t / tau)], axis=1)[used]
        (bridge, resistance), *_ = np.linalg.lstsq(basis, total[used], rcond=None)
        # An electrode above the membrane's own resistance is a membrane too fast to be told apart.
        if not 0 <= bridge <= resistance:
            bridge = 0.0
            resistance = float(basis[:, 1] @ total[used] / (basis[:, 1] @ basis[:, 1]))
        error = float(np.sum((basis @ [bridge, resistance] - total[used]) ** 2))
        if best is None or error < best[0]:
            best = error, float(tau), float(resistance), float(bridge)
    _, tau, resistance, bridge = best  # pyright: ignore[reportGeneralTypeIssues]
    levels = np.array(_baselines(sweeps, spikes))
    held = np.array([sweep.holding for sweep in sweeps])
    v_rest = float(np.median(levels[:, 1] - held * (max(resistance, 1e-3) + bridge)))
    minutes = levels[:, 0] / 6e4
    drift = float(np.polyfit(minutes, levels[:, 1], 1)[0]) if np.ptp(minutes) > 0 else 0.0
    return Passive(tau, max(resistance, 1e-3), v_rest, bridge, drift, len(chosen))


def _regressed(sweeps: Sequence, spikes: Sequence[np.ndarray]) -> Passive:
    """Membrane from sweeps without pulses, such as ramps: v = v_rest + R (current behind a filter).

    The filter is that of the membrane; a ramp too slow to tell its time constant leaves the usual.
    """
    quiet = [s for s, times in zip(sweeps, spikes, strict=True) if len(times) == 0]
    if not quiet or np.ptp(np.concatenate([s.i for s in quiet])) == 0:
        raise RecordingError(
            "no current that changes stays without spikes, so that the passive membrane cannot be "
            "identified. Include sweeps with small or hyperpolarising pulses in `train`."
        )
    coarse = [s.every(max(round(1.0 / s.dt), 1) * s.dt) for s in quiet]
    v = np.concatenate([s.v for s in coarse])
    found = []
    for tau in [_USUAL, *np.geomspace(1.0, 300.0, 60)]:
        keep = float(np.exp(-coarse[0].dt / tau))
        behind = np.concatenate([_filtered(s.i, keep) for s in coarse])
        basis = np.stack([np.ones_like(behind), behind], axis=1)
        (rest, resistance), *_ = np.linalg.lstsq(basis, v, rcond=None)
        error = float(np.sum((basis @ [rest, resistance] - v) ** 2))
        found.append((error, float(tau), max(float(resistance), 1e-3), float(rest)))
    error, tau, resistance, rest = min(found)
    if found[0][0] < _TELLING * error:
        _, tau, resistance, rest = found[0]
    return Passive(tau, resistance, rest, 0.0, 0.0, 0)


def _filtered(current: np.ndarray, keep: float) -> np.ndarray:
    """The current behind a low-pass of first order, at rest under its first value."""
    drive = lfilter([0.0, 1 - keep], [1.0, -keep], current - current[0])
    return current[0] + np.asarray(drive)


def _answers(sweeps: Sequence, spikes: Sequence[np.ndarray], shortest: float) -> list:
    """Change of current (nA) and of voltage (mV, from the step on) of each quiet pulse."""
    found = []
    for sweep, times in zip(sweeps, spikes, strict=True):
        for pulse in sweep.pulses(shortest):
            a, b = round(pulse.begin / sweep.dt), round(pulse.end / sweep.dt)
            before = max(a - round(_BEFORE / sweep.dt), 0)
            b = min(b, a + round(_LONGEST / sweep.dt))
            near = (times > before * sweep.dt - _FAR) & (times < b * sweep.dt + _FAR)
            di = pulse.current - float(sweep.i[a - 1]) if a > 0 else 0.0
            if near.any() or di == 0 or a == before or np.ptp(sweep.i[before:a]) > 0:
                continue
            found.append((di, sweep.v[a:b] - sweep.v[before:a].mean()))
    return found


def _baselines(sweeps: Sequence, spikes: Sequence[np.ndarray]) -> list[tuple[float, float]]:
    """Time (ms) and median voltage (mV) of what each sweep spends at the holding current."""
    found = []
    for sweep, times in zip(sweeps, spikes, strict=True):
        quiet = sweep.i == sweep.holding
        for t in times:
            quiet[(sweep.t > t - _FAR) & (sweep.t < t + 5 * _FAR)] = False
        if not quiet.any():
            quiet = np.ones(len(sweep.v), bool)
        # Before the first pulse where there is such a stretch: later the pulses' echoes last.
        first = np.flatnonzero(sweep.i != sweep.holding)
        early = quiet.copy()
        if len(first):
            early[first[0] :] = False
        chosen = early if early.sum() * sweep.dt > _BEFORE else quiet
        found.append((sweep.start, float(np.median(sweep.v[chosen]))))
    return found
