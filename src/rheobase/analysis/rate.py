"""Rates of neurons and of populations, and their spectrum."""

from typing import Any

import numpy as np

from rheobase.analysis.trains import trains_of
from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.units import Hz, Quantity, in_unit, ms


def rates(spikes: Any, *, n: int | None = None, duration: Quantity | None = None) -> np.ndarray:
    r"""Mean rate of each neuron (Hz, shape (n,)): its spikes divided by the observed time.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> from rheobase.units import s
    >>> events = np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0])
    >>> rb.analysis.rates(events, n=3, duration=2 * s).tolist()
    [1.0, 0.5, 0.0]
    """
    trains = trains_of(spikes, n, duration)
    counts = np.bincount(trains.neuron, minlength=trains.n)
    return in_unit(counts / trains.duration, Hz)


def population_rate(
    spikes: Any,
    bin: Quantity = 1 * ms,
    *,
    n: int | None = None,
    duration: Quantity | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Spikes of all neurons in bins of time: r_k = (spikes in bin k)/(n bin).

    Returns the middle of each bin (ms) and the rate in it (Hz a neuron), both of shape (bins,). A
    bin that the run does not fill is left out.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> events = np.array([1.0, 2.0, 12.0]), np.array([0, 1, 0])
    >>> t, rate = rb.analysis.population_rate(events, 10 * ms, n=2, duration=20 * ms)
    >>> t.tolist(), rate.tolist()
    ([5.0, 15.0], [100.0, 50.0])
    """
    trains = trains_of(spikes, n, duration)
    place, _, count, step = trains.bins(bin)
    middle = trains.begin + (np.arange(count) + 0.5) * step
    return middle, in_unit(np.bincount(place, minlength=count) / (trains.n * step), Hz)


def power_spectrum(
    spikes: Any,
    bin: Quantity = 1 * ms,
    segments: int = 8,
    *,
    n: int | None = None,
    duration: Quantity | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Two-sided power spectrum of the population rate.

    S(f) = <|sum_k (r_k - <r>) e^(-2 pi i f k bin)|^2> bin/K, the mean over `segments` equal parts
    of K bins each. n independent Poisson trains of rate r have S = r/n at every frequency.

    Returns the frequencies (Hz) above zero, 1/(K bin) apart, up to 1/(2 bin), and S (Hz).

    >>> import jax
    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> classic = rb.classics.cuba(jax.random.key(0), n=400)
    >>> run = rb.simulate(classic.network, duration=80 * ms, dt=0.1 * ms, init=classic.init)
    >>> f, power = rb.analysis.power_spectrum(run["e"], 1 * ms, segments=2)
    >>> f[0].item(), f[-1].item(), power.shape
    (25.0, 500.0, (20,))
    """
    if isinstance(segments, bool) or not isinstance(segments, int) or segments < 1:
        raise ArgumentError(f"`segments` is a whole number >= 1, got {brief(segments)}.")
    trains = trains_of(spikes, n, duration)
    place, _, count, step = trains.bins(bin)
    size = count // segments
    if size < 2:
        raise ShapeError(
            f"{segments} segments of {count} bins leave fewer than 2 bins each. "
            f"Choose a shorter `bin`, or fewer `segments`."
        )
    rate = np.bincount(place, minlength=count)[: size * segments] / (trains.n * step)
    parts = (rate - rate.mean()).reshape(segments, size)
    power = (np.abs(np.fft.rfft(parts, axis=1)) ** 2).mean(axis=0) * step / size
    frequency = np.fft.rfftfreq(size, step)
    return in_unit(frequency[1:], Hz), in_unit(power[1:], Hz)
