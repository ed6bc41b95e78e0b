"""What a recorded voltage says: its spikes, and the features of its firing."""

from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.units import Quantity, ms, mV

FASTEST_RISE = 10.0
"""mV/ms: a spike begins where the voltage first rises faster."""
SMALLEST_SPIKE = 15.0
"""mV from where it begins to its peak."""
REACH = 4.0
"""ms within which a spike that has begun must reach its peak."""
ABRUPT = 0.1
"""ms, at least one sample: the voltage of an electrode jumps within this time, no membrane does."""
SMALLEST_JUMP = 4.0
"""mV; less is noise, or does not make a spike of what is none."""
LARGEST_JUMP = 60.0
"""mV; more is no voltage drop over an electrode."""
TRANSIENT = 40.0
"""mV; an abrupt rise below it is a jump even if the voltage falls soon, as in a short pulse.

Where samples are denser than `ABRUPT`, the shape tells it from a spike up to `LARGEST_JUMP`; where
they are not, only a rise that stays is one."""
PLATEAU = 20.0
"""ms; a rise smaller than that, which has not fallen by half until then, is a step."""


class DetectedSpikes(NamedTuple):
    """The spikes of one voltage trace, one entry each."""

    times: np.ndarray
    """ms: where the voltage passes half-way from onset to peak."""
    onsets: np.ndarray
    """mV, where the rise becomes faster than the limit: the threshold of the spike."""
    peaks: np.ndarray
    """mV."""
    begins: np.ndarray
    """ms: when it begins."""


def detect_spikes(
    v: Any,
    dt: Quantity,
    *,
    rise: float = FASTEST_RISE,
    height: float = SMALLEST_SPIKE,
) -> DetectedSpikes:
    """The spikes in a voltage (mV), by the speed of its rise and its height.

    - `v`: shape (time,), an array in mV or a quantity; `dt`: of its samples.
    - `rise`: mV/ms; a spike begins where the voltage rises faster than this for the first time.
    - `height`: mV; its peak, within 4 ms of its onset, lies so far above that at least.

    The voltage over an electrode jumps at the edges of a current step. A jump is told from a spike
    by its edge: it rises within 0.1 ms from a course that does not accelerate into one that does
    not fall as fast. It is taken off, so that a spike right after it still counts. A membrane that
    charges has no peak and is no spike either.

    Errors: `ArgumentError` where `dt` is no single time, as for `detect_spikes(t, v)`; `ShapeError`
    for more than one trace.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import ms
    >>> t = np.arange(0, 50, 0.1)
    >>> v = -65 + 90 * np.exp(-(((t - 20) / 0.8) ** 2))
    >>> rb.analysis.detect_spikes(v, 0.1 * ms).times.round(1).tolist()
    [19.3]
    """
    step = _interval(dt)
    volts = np.asarray(v.value_in(mV) if isinstance(v, Quantity) else v, float)
    if volts.ndim != 1:
        raise ShapeError(f"detect_spikes takes one trace, shape (time,), got {volts.shape}.")
    level = volts - np.concatenate([[0.0], np.cumsum(_jumps(volts, step))])[: len(volts)]
    slope = np.diff(level) / step
    begins = np.flatnonzero((slope > rise) & (np.concatenate([[0.0], slope[:-1]]) <= rise))
    reach = max(round(REACH / step), 1)
    rows = []
    end = -1
    for k in map(int, begins):
        if k <= end:
            continue
        falling = np.flatnonzero(slope[k : k + reach + 1] <= 0)
        if len(falling) == 0:
            continue
        top = k + int(falling[0])
        half = (level[top] + level[k]) / 2
        if level[top] - level[k] < height or _stays(level, k, top, step):
            continue
        after = k + int(np.argmax(level[k : top + 1] >= half))
        part = (half - level[after - 1]) / (level[after] - level[after - 1]) if after > k else 0.0
        rows.append(((after - 1 + part) * step, volts[k], volts[top], k * step))
        end = top
    columns = np.array(rows, float).reshape(-1, 4).T
    return DetectedSpikes(*columns)


def _interval(dt: Any) -> float:
    """The sampling interval in ms."""
    cure = "Write detect_spikes(v, 0.1*ms)."
    count = np.size(dt.value if isinstance(dt, Quantity) else dt)
    if count != 1:
        raise ArgumentError(
            f"`dt` is the interval between two samples, got {count} values: detect_spikes "
            f"takes the voltage first, and no times. {cure}"
        )
    if not isinstance(dt, Quantity):
        raise ArgumentError(f"`dt` is a time with its unit, got {brief(dt)}. {cure}")
    step = float(np.reshape(dt.value_in(ms), ()))
    if not 0 < step < np.inf:
        raise ArgumentError(f"`dt` is a positive time, got {step:g} ms. {cure}")
    return step


def _jumps(volts: np.ndarray, step: float) -> np.ndarray:
    """What an electrode adds upwards in each step, at a sampling interval of `step` ms."""
    change = np.diff(volts)
    found = np.zeros_like(change)
    width = max(int(np.ceil(ABRUPT / step - 1e-6)), 1)
    if len(volts) < 3 * width + 1:
        return found
    risen = volts[width:] - volts[:-width]  # risen[k] from sample k to sample k + width
    there, before, after = risen[width:-width], risen[: -2 * width], risen[2 * width :]
    abrupt = (there > SMALLEST_JUMP) & (there < LARGEST_JUMP)
    abrupt &= (before < there / 3) & (after < there / 3)
    largest = LARGEST_JUMP if step <= ABRUPT / 2 else TRANSIENT if step <= ABRUPT else 0.0
    stays = max(round(REACH / step), 5)
    end = -1
    for k in np.flatnonzero(abrupt) + width:
        if k < end:
            continue
        # The window that holds most of the jump among those that touch it.
        begin = k + int(np.argmax(risen[k : k + width + 1]))
        size = risen[begin]
        end = begin + width
        rest = volts[end : end + stays + 1]
        fastest = change[begin:end].max()
        short = size < largest and change[begin : end + width].min() > -fastest / 2
        if short or (len(rest) and rest.min() > volts[begin] + size / 2):
            usual = min(float(risen[begin - width]), float(volts[end] - volts[end - 1]), 0.0)
            found[begin:end] = change[begin:end] - usual / width
    return found


def _stays(level: np.ndarray, begin: int, top: int, step: float) -> bool:
    """Whether a small rise from `begin` to `top` is a step, after which the voltage stays up."""
    size = level[top] - level[begin]
    rest = level[top : top + round(PLATEAU / step) + 1]
    whole = len(rest) * step > PLATEAU
    return bool(size < TRANSIENT and whole and rest.min() > level[begin] + size / 2)


class Firing(NamedTuple):
    """How a train of spikes answers a pulse of current; NaN where there are too few spikes."""

    spikes: int
    rate: float
    """Hz: spikes over the length of the pulse."""
    latency: float
    """ms from the beginning of the pulse to the first spike."""
    first_interval: float
    """ms."""
    mean_interval: float
    """ms."""
    cv: float
    """Coefficient of variation of the intervals."""
    adaptation: float
    """Mean of (I[k+1] - I[k])/(I[k+1] + I[k]) over successive intervals: 0 regular, 1 dying out."""


def firing(times: Any, begin: float, end: float) -> Firing:
    """The features of the spikes at `times` (ms) between `begin` and `end` of a pulse (ms).

    >>> import rheobase as rb
    >>> answer = rb.analysis.firing([12.0, 22.0, 42.0], 10.0, 60.0)
    >>> answer.spikes, answer.rate, answer.latency, round(answer.adaptation, 3)
    (3, 60.0, 2.0, 0.333)
    """
    inside = np.asarray(times, float)
    inside = inside[(inside >= begin) & (inside < end)]
    intervals = np.diff(inside)
    none = float("nan")
    change = np.diff(intervals) / (intervals[1:] + intervals[:-1]) if len(intervals) > 1 else []
    return Firing(
        spikes=len(inside),
        rate=1e3 * len(inside) / (end - begin),
        latency=float(inside[0] - begin) if len(inside) else none,
        first_interval=float(intervals[0]) if len(intervals) else none,
        mean_interval=float(intervals.mean()) if len(intervals) else none,
        cv=float(intervals.std() / intervals.mean()) if len(intervals) > 1 else none,
        adaptation=float(np.mean(change)) if len(change) else none,
    )


def coincidence(one: Any, two: Any, duration: Quantity, window: Quantity = 4 * ms) -> float:
    r"""Coincidence factor Gamma of two spike trains, corrected for chance.

    Gamma = (N_coinc - <N_coinc>) / ((N_1 + N_2)/2) / (1 - 2 f Delta),  <N_coinc> = 2 f Delta N_1

    with f = N_2/duration the rate of `two`, Delta the `window`, and N_coinc the spikes of `one`
    that have a partner in `two` within the window, each partner used once. 1 for equal trains, 0
    on average for a Poisson process of the same rate; NaN where both are silent, and where the
    windows of `two` fill the whole time.

    Source: Kistler, Gerstner & van Hemmen 1997, Neural Comput 9:1015; Jolivet et al. 2008, J
    Neurosci Methods 169:417.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> rb.analysis.coincidence([10, 50, 90], [11, 52, 200], 1000 * ms) < 0.7
    True
    """
    a, b = np.sort(np.asarray(one, float)), np.sort(np.asarray(two, float))
    delta, length = float(window.value_in(ms)), float(duration.value_in(ms))
    chance = 2 * delta * len(b) / length
    if len(a) + len(b) == 0 or chance >= 1:
        return float("nan")
    found = i = j = 0
    while i < len(a) and j < len(b):
        apart = a[i] - b[j]
        if abs(apart) <= delta:
            found, i, j = found + 1, i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return float((found - chance * len(a)) / ((len(a) + len(b)) / 2) / (1 - chance))


def efel_features(v: Any, dt: Quantity, begin: float, end: float, names: Any) -> dict[str, Any]:
    """Electrophysiological features by eFEL of a voltage (mV) under a pulse, by their names there.

    - `begin`, `end`: of the pulse, ms; `names`: `["AP_amplitude", "sag_amplitude", ...]`.

    Returns an array for each, None where the trace does not show it. Errors: `ImportError` with the
    cure where eFEL is not installed.

    >>> from importlib.util import find_spec
    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> pulse = rb.stimulus.Step(0.2 * nA, start=20 * ms, stop=80 * ms)
    >>> run = rb.simulate(rb.HodgkinHuxley(), current=pulse, duration=100 * ms, dt=0.02 * ms,
    ...                   record="v")
    >>> if find_spec("efel"):
    ...     found = rb.analysis.efel_features(run.v, 0.02 * ms, 20, 80, ["peak_voltage"])
    """
    try:
        import efel  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError(
            'efel_features needs eFEL, which is not installed. Write pip install "rheobase[efel]".'
        ) from None
    volts = np.asarray(v.value_in(mV) if isinstance(v, Quantity) else v, float)
    times = np.arange(len(volts)) * float(dt.value_in(ms))
    trace = {"T": times, "V": volts, "stim_start": [float(begin)], "stim_end": [float(end)]}
    features: Any = efel.get_feature_values
    found = features([trace], list(names), raise_warnings=False)
    return dict(found[0])
