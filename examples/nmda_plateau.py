"""NMDA receptors make a dendrite regenerative.

Paper: Schiller, J., Major, G., Koester, H. J. & Schiller, Y. (2000). NMDA spikes in basal dendrites
of cortical pyramidal neurons. Nature 404:285-289.

More and more synapses are active at one place of a thin passive dendrite. With AMPA receptors alone
each adds less than the one before, because the voltage nears the reversal potential. With NMDA
receptors, whose block by magnesium lifts with depolarisation, there is a number of synapses from
which on each adds more, and the dendrite stays up on a plateau long after AMPA receptors have
closed. Without magnesium both are gone: it is the block that makes it.

| number | expected | from |
|---|---|---|
| `gain_nmda` | > 1.5 | what one more synapse adds at the steepest, over what the first adds |
| `gain_ampa` | 1 ± 0.01 | the first one adds most: never regenerative |
| `gain_no_magnesium` | 1 ± 0.01 | the same |
| `amplitude` (mV) | 45 ± 15 | of the local NMDA spike, Schiller et al. 2000, figure 1 |
| `duration` (ms) | > 50 | above half of its height |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase import channels as ch
from rheobase.units import S, cm, mM, ms, mV, nS, ohm, uF, um

COUNTS = np.arange(17)


class Result(NamedTuple):
    gain_nmda: float
    gain_ampa: float
    gain_no_magnesium: float
    amplitude: float
    duration: float
    t: np.ndarray
    v: np.ndarray
    peaks: dict


def local(ampa, nmda, magnesium):
    """Times (ms) and local voltages above rest (mV) for every number of synapses of so many nS."""
    tree = rb.morphology.ball_and_stick(soma_radius=10 * um, length=200 * um, radius=0.5 * um)
    cell = rb.Cell(
        tree,
        max_length=10 * um,
        axial_resistivity=150 * ohm * cm,
        capacitance=1 * uF / cm**2,
        v_init=-70 * mV,
    ).insert(ch.Leak(g=1e-4 * S / cm**2, e=-70 * mV))
    place = cell.at("dendrite", path_distance=120 * um)
    fast = rb.DualExponential(tau_rise=0.3 * ms, tau_decay=2 * ms)
    slow = rb.DualExponential(tau_rise=2 * ms, tau_decay=50 * ms)
    receptors = (
        (rb.Conductance(fast, reversal=0 * mV), ampa),
        (rb.NMDA(slow, Mg=magnesium * mM), nmda),
    )
    n = len(COUNTS)
    net = rb.Network(
        {
            "axons": rb.SpikeSource(np.full(n, 10) * ms, np.arange(n), n),
            "cells": rb.Population(cell, n),
        },
        [
            rb.Connection(
                "axons", "cells", rb.OneToOne(), kind, weight=each * COUNTS * nS, at=place
            )
            for kind, each in receptors
        ],
    )
    run = rb.simulate(net, duration=200 * ms, dt=0.1 * ms, record={"cells": {"v": [place]}})
    return run["cells"].t, np.asarray(run["cells"].v, float)[:, :, 0] + 70


def main() -> Result:
    t, v = local(ampa=0.1, nmda=0.8, magnesium=1)
    peaks = {
        "AMPA and NMDA": v.max(axis=0),
        "AMPA alone": local(ampa=0.6, nmda=0, magnesium=1)[1].max(axis=0),
        "no magnesium": local(ampa=0.1, nmda=0.8, magnesium=0.001)[1].max(axis=0),
    }
    gains = [np.diff(peak).max() / np.diff(peak)[0] for peak in peaks.values()]
    most = v[:, -1]
    above = t[most > most.max() / 2]
    return Result(*gains, most.max(), above[-1] - above[0], t=t, v=v, peaks=peaks)


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(8, 3.2))
        traces, ax = figure.subplots(1, 2)
        for count in (4, 7, 10, 13, 16):
            shade = (colours[0], 0.2 + 0.05 * count)
            traces.plot(result.t, result.v[:, count], color=shade, label=f"{count}")
        traces.set(xlabel="time (ms)", ylabel="local voltage above rest (mV)", ylim=(0, None))
        traces.legend(title="synapses")
        for name, peak in result.peaks.items():
            ax.plot(COUNTS, peak, "o-", markersize=3.5, label=name)
        ax.set(xlabel="synapses", ylabel="local peak (mV)", ylim=(0, None), xticks=COUNTS[::4])
        ax.legend()
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
