"""Which model to use for cortical spiking neurons: twenty patterns from two equations.

Paper: Izhikevich, E. M. (2004). Which model to use for cortical spiking neurons? IEEE Transactions
on Neural Networks 15:1063-1070.

Each panel of the paper's figure 1 with the parameters, currents and steps of the author's script
figure1.m. That script gives the recovery variable the voltage of the same step; here both advance
from the same old state, so that the end of a burst or of a slow sweep may shift by some spikes. The
numbers are counts of spikes, expected from the script's own loop.

| number | expected | from |
|---|---|---|
| `tonic_spiking` | 5 | figure1.m |
| `phasic_spiking` | 1 | figure1.m |
| `tonic_bursting` | 28 ± 1 | figure1.m, shifted |
| `phasic_bursting` | 6 ± 1 | figure1.m, shifted |
| `mixed_mode` | 6 | figure1.m |
| `adaptation` | 6 | figure1.m |
| `class_1` | 10 | figure1.m |
| `class_2` | 14 ± 2 | figure1.m, shifted |
| `spike_latency` | 1 | figure1.m |
| `subthreshold_oscillation` | 1 | figure1.m |
| `resonator` | 1 | figure1.m |
| `integrator` | 1 | figure1.m |
| `rebound_spike` | 1 | figure1.m |
| `rebound_burst` | 7 ± 4 | figure1.m, shifted |
| `threshold_variability` | 1 | figure1.m |
| `bistability` | 5 | figure1.m |
| `after_potential` | 1 | figure1.m |
| `accommodation` | 1 | figure1.m |
| `inhibition_induced_spiking` | 3 ± 1 | figure1.m, shifted |
| `inhibition_induced_bursting` | 12 ± 4 | figure1.m, shifted |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb


class Result(NamedTuple):
    tonic_spiking: int
    phasic_spiking: int
    tonic_bursting: int
    phasic_bursting: int
    mixed_mode: int
    adaptation: int
    class_1: int
    class_2: int
    spike_latency: int
    subthreshold_oscillation: int
    resonator: int
    integrator: int
    rebound_spike: int
    rebound_burst: int
    threshold_variability: int
    bistability: int
    after_potential: int
    accommodation: int
    inhibition_induced_spiking: int
    inhibition_induced_bursting: int
    runs: dict


def main() -> Result:
    names = rb.Izhikevich.patterns()
    runs = {name: rb.patterns.protocol(rb.Izhikevich, name).run() for name in names}
    return Result(*(len(run.spike_times()) for run in runs.values()), runs=runs)


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(10, 9))
        axes = figure.subplots(5, 4)
        for ax, (name, run) in zip(axes.flat, result.runs.items(), strict=True):
            ax.plot(run.t, np.where(run.spikes > 0, 30, run.v), linewidth=0.8)
            ax.set(title=name, ylim=(-95, 35))
            ax.margins(x=0)
        for ax in axes[:, 0]:
            ax.set_ylabel("v (mV)")
        for ax in axes[-1]:
            ax.set_xlabel("time (ms)")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
