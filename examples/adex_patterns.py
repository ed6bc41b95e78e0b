"""One neuron, eight firing patterns: the adaptive exponential integrate-and-fire model.

Paper: Naud, R., Marcille, N., Clopath, C. & Gerstner, W. (2008). Firing patterns in the adaptive
exponential integrate-and-fire model. Biological Cybernetics 99:335-347.

A step of current from rest, with the eight parameter sets of table 1. Two of them are not as
printed but as corrected later, see `rb.AdEx.pattern`. The numbers below say what makes each of the
patterns what it is called.

| number | expected | from |
|---|---|---|
| `tonic` | 1 ± 5 % | last interval over the fourth: constant |
| `adaptation` | 7 ± 2 | last over first interval, figure 4b |
| `initial_burst` | < 0.2 | second interval over the last, figure 4c |
| `regular_bursting` | 2 | spikes in a burst once it goes on, figure 4d |
| `delayed_accelerating` | 2 ± 0.4 | first over last interval, figure 4e |
| `delayed_regular_bursting` | 4 | spikes in a burst, figure 4f |
| `transient_spiking` | 1 | spikes in all, figure 4g |
| `irregular_spiking` | > 0.3 | coefficient of variation of the intervals, figure 4h |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import pA


class Result(NamedTuple):
    tonic: float
    adaptation: float
    initial_burst: float
    regular_bursting: float
    delayed_accelerating: float
    delayed_regular_bursting: float
    transient_spiking: float
    irregular_spiking: float
    runs: dict


def spikes_in_a_burst(times, gap):
    """The median size of the groups that intervals longer than `gap` (ms) set apart."""
    return np.median(
        [len(group) for group in np.split(times, np.flatnonzero(np.diff(times) > gap) + 1)]
    )


def main() -> Result:
    runs = {name: rb.patterns.protocol(rb.AdEx, name).run() for name in rb.AdEx.patterns()}
    times = {name: run.spike_times() for name, run in runs.items()}
    intervals = {name: np.diff(train) for name, train in times.items()}
    late = intervals["irregular spiking"][10:]
    return Result(
        tonic=intervals["tonic spiking"][-1] / intervals["tonic spiking"][3],
        adaptation=intervals["adaptation"][-1] / intervals["adaptation"][0],
        initial_burst=intervals["initial burst"][1] / intervals["initial burst"][-1],
        regular_bursting=spikes_in_a_burst(times["regular bursting"], 50),
        delayed_accelerating=intervals["delayed accelerating"][0]
        / intervals["delayed accelerating"][-1],
        delayed_regular_bursting=spikes_in_a_burst(times["delayed regular bursting"], 30),
        transient_spiking=len(times["transient spiking"]),
        irregular_spiking=np.std(late) / np.mean(late),
        runs=runs,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(8, 6.6))
        axes = figure.subplots(4, 2)
        for ax, (name, run) in zip(axes.flat, result.runs.items(), strict=True):
            current = rb.patterns.protocol(rb.AdEx, name).current
            ax.plot(run.t, np.where(run.spikes > 0, 0, run.v), linewidth=0.8)
            ax.set(title=f"{name}: {current.amplitude.value_in(pA):.0f} pA", ylim=(-75, 5))
            ax.margins(x=0)
            ax.axvspan(50, run.t[-1], ymin=0, ymax=0.02, color="0.6", linewidth=0)
        for ax in axes[:, 0]:
            ax.set_ylabel("v (mV)")
        for ax in axes[-1]:
            ax.set_xlabel("time (ms)")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
