r"""Four states of a network of excitatory and inhibitory neurons.

Paper: Brunel, N. (2000). Dynamics of sparsely connected networks of excitatory and inhibitory
spiking neurons. Journal of Computational Neuroscience 8:183-208.

12,500 identical leaky integrate-and-fire neurons, four fifths of them excitatory, each with 1,000
excitatory and 250 inhibitory inputs of 0.1 mV and $-g$ 0.1 mV, 1.5 ms late, and Poisson input from
outside at $\eta$ times the rate that it takes to reach threshold. Two numbers decide what such a
network does. Where inhibition is weaker than excitation ($g < 4$), neurons fire together, as fast
as they can and like clocks. Where it dominates, every neuron fires at random; the network as a
whole is nearly stationary at moderate input, oscillates faster than any neuron can follow at
strong input, and slowly at input below threshold.

| number | expected | from |
|---|---|---|
| `fast_rate` (Hz) | 60.7 ± 5 % | Brunel 2000, figure 8B, simulation: g = 6, eta = 4 |
| `asynchronous_rate` (Hz) | 37.7 ± 5 % | figure 8C: g = 5, eta = 2 |
| `slow_rate` (Hz) | 5.5 ± 15 % | figure 8D: g = 4.5, eta = 0.9 |
| `regular_cv` | < 0.1 | figure 8A: g = 3, eta = 2, neurons like clocks |
| `asynchronous_cv` | > 0.25 | irregular; of few intervals in 200 ms it comes out low |
| `fast_oscillation` (Hz) | 180 ± 20 | figure 8B: peak of the spectrum of the population rate |
| `asynchronous_chi` | < 0.15 | counts in 1 ms: 1 where all fire together, 0.01 where none do |
| `regular_chi` | > 0.4 | the same, figure 8A |
"""

from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import ms

STATES = {
    "synchronous regular: g = 3, eta = 2": (3.0, 2.0),
    "fast oscillation, irregular: g = 6, eta = 4": (6.0, 4.0),
    "asynchronous irregular: g = 5, eta = 2": (5.0, 2.0),
    "slow oscillation, irregular: g = 4.5, eta = 0.9": (4.5, 0.9),
}
OBSERVED = {"n": 10_000, "duration": 200 * ms}


class Result(NamedTuple):
    fast_rate: float
    asynchronous_rate: float
    slow_rate: float
    regular_cv: float
    asynchronous_cv: float
    fast_oscillation: float
    asynchronous_chi: float
    regular_chi: float
    events: dict


def settled(g, eta):
    """The spikes of the excitatory neurons in 200 ms, after 200 ms to settle."""
    classic = rb.classics.brunel(jax.random.key(0), g=g, eta=eta)
    time, neuron = classic.run(jax.random.key(1), duration=400 * ms)["e"].events
    late = time > 200
    return time[late] - 200, neuron[late]


def main() -> Result:
    events = {name: settled(*parameters) for name, parameters in STATES.items()}
    regular, fast, asynchronous, slow = events.values()
    f, power = rb.analysis.power_spectrum(fast, 0.5 * ms, segments=2, **OBSERVED)
    return Result(
        fast_rate=rb.analysis.rates(fast, **OBSERVED).mean(),
        asynchronous_rate=rb.analysis.rates(asynchronous, **OBSERVED).mean(),
        slow_rate=rb.analysis.rates(slow, **OBSERVED).mean(),
        regular_cv=np.nanmean(rb.analysis.cv(regular, **OBSERVED)),
        asynchronous_cv=np.nanmean(rb.analysis.cv(asynchronous, **OBSERVED)),
        fast_oscillation=f[power.argmax()],
        asynchronous_chi=rb.analysis.synchrony(asynchronous, 1 * ms, **OBSERVED),
        regular_chi=rb.analysis.synchrony(regular, 1 * ms, **OBSERVED),
        events=events,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(10, 7.5))
        states = zip(result.events.items(), figure.subfigures(2, 2).flat, strict=True)
        for (name, events), cell in states:
            axes = cell.subplots(2, 1, sharex=True, height_ratios=[2, 1])
            rb.plot.population(events, 1 * ms, **OBSERVED, most=100, title=name, ax=axes)
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
