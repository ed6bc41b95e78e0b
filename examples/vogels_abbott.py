"""Activity that sustains itself: the networks of Vogels and Abbott.

Papers: Vogels, T. P. & Abbott, L. F. (2005). Signal propagation and logic gating in networks of
integrate-and-fire neurons. Journal of Neuroscience 25:10786-10795. As benchmarks 1 and 2 of
Brette, R. et al. (2007). Simulation of networks of spiking neurons: a review of tools and
strategies. Journal of Computational Neuroscience 23:349-398.

4,000 leaky integrate-and-fire neurons, 2 % of all pairs connected, without any input from outside:
the network with conductances is kicked for 50 ms and then goes on by itself, irregularly. That with
currents has its leak 1 mV above threshold. From one draw of the network to the next rates differ by
up to a tenth.

| number | expected | from |
|---|---|---|
| `coba_rate` (Hz) | 19 ± 15 % | Brette et al. 2007, benchmark 1 |
| `cuba_rate` (Hz) | 5.5 ± 15 % | Brette et al. 2007, benchmark 2 |
| `coba_cv` | > 0.8 | irregular: coefficient of variation of intervals |
| `coba_correlation` | < 0.05 | asynchronous: mean correlation of counts in 5 ms |
"""

from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import ms

DURATION, SETTLED = 600, 100  # ms


class Result(NamedTuple):
    coba_rate: float
    cuba_rate: float
    coba_cv: float
    coba_correlation: float
    runs: dict


def settled(run):
    """Spikes of the excitatory neurons after the start: what the functions of analysis take."""
    time, neuron = run["e"].events
    late = time > SETTLED
    return {
        "spikes": (time[late] - SETTLED, neuron[late]),
        "n": 3200,
        "duration": (DURATION - SETTLED) * ms,
    }


def main() -> Result:
    coba = rb.classics.coba(jax.random.key(0)).run(jax.random.key(1), duration=DURATION * ms)
    cuba = rb.classics.cuba(jax.random.key(0)).run(jax.random.key(1), duration=DURATION * ms)
    return Result(
        coba_rate=rb.analysis.rates(**settled(coba)).mean(),
        cuba_rate=rb.analysis.rates(**settled(cuba)).mean(),
        coba_cv=np.nanmean(rb.analysis.cv(**settled(coba))),
        coba_correlation=rb.analysis.correlation(**settled(coba), bin=5 * ms),
        runs={"conductances": coba, "currents": cuba},
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(9, 4))
        axes = figure.subplots(2, 2, sharex=True, height_ratios=[2.6, 1])
        for column, (name, run) in zip(axes.T, result.runs.items(), strict=True):
            rb.plot.population(run, most=150, title=name, ax=column)
            column[1].set_ylim(0, 60 if name == "conductances" else 20)
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
