"""What a recorded voltage says: its spikes, and the features of its firing."""

from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import ShapeError
from rheobase.units import Quantity, ms, mV

FASTEST_RISE = 10.0
"""mV/ms: a spike begins where the voltage first rises faster."""
SMALLEST_SPIKE = 15.0
"""mV from where it begins to its peak."""
REACH = 4.0
"""ms within which a spike that has begun must reach its peak."""


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

    Step edges of an uncompensated bridge are fast but small, and a membrane that charges after one
    has no peak, so that neither is a spike.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import ms
    >>> t = np.arange(0, 50, 0.1)
    >>> v = -65 + 90 * np.exp(-(((t - 20) / 0.8) ** 2))
    >>> rb.analysis.detect_spikes(v, 0.1 * ms).times.round(1).tolist()
    [19.3]
    """
    volts = np.asarray(v.value_in(mV) if isinstance(v, Quantity) else v, float)
    if volts.ndim != 1:
        raise ShapeError(f"detect_spikes takes one trace, shape (time,), got {volts.shape}.")
    step = float(dt.value_in(ms))
    slope = np.diff(volts) / step
    begins = np.flatnonzero((slope > rise) & (np.concatenate([[0.0], slope[:-1]]) <= rise))
    reach = max(round(REACH / step), 1)
    rows = []
    end = -1
    for k in begins:
        if k <= end:
            continue
        falling = np.flatnonzero(slope[k : k + reach + 1] <= 0)
        if len(falling) == 0:
            continue
        top = k + int(falling[0])
        if volts[top] - volts[k] < height:
            continue
        half = (volts[top] + volts[k]) / 2
        after = k + int(np.argmax(volts[k : top + 1] >= half))
        part = (half - volts[after - 1]) / (volts[after] - volts[after - 1]) if after > k else 0.0
        rows.append(((after - 1 + part) * step, volts[k], volts[top], k * step))
        end = top
    columns = np.array(rows, float).reshape(-1, 4).T
    return DetectedSpikes(*columns)


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
