"""A dendrite tells in which order its synapses were active.

Paper: Rall, W. (1964). Theoretical significance of dendritic trees for neuronal input-output
relations. In: Neural Theory and Modeling, ed. R. F. Reiss. Stanford University Press, 73-97. Seen
in cortex by Branco, T., Clark, B. A. & Häusser, M. (2010). Dendritic discrimination of temporal
input sequences in cortical neurons. Science 329:1671-1675.

Eight synapses in a row on a dendrite are active one after the other, from the tip towards the soma
(in) or away from it (out). Inwards, what takes longest to arrive starts first, all of it arrives
together, and the soma sees a higher and later peak; outwards it sees a lower and broader one. A
passive cable is linear, so where the inputs are currents the area below both is the same. It stays
nearly so where they are conductances.

| number | expected | from |
|---|---|---|
| `peak_ratio` | > 1.2 | in over out at the best speed, currents; Rall 1964, figure 7 |
| `peak_ratio_conductances` | > 1.2 | the same of conductances |
| `least_ratio` | > 1 | at every speed inwards is higher |
| `area_ratio` | 1 ± 0.1 % | areas below the voltages, currents: linear |
| `later` (ms) | > 1 | peak after the last spike, outwards less inwards |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase import channels as ch
from rheobase.units import S, cm, ms, mV, nA, nS, ohm, uF, um

DISTANCES = np.linspace(50, 470, 8)  # um from the soma
SPEEDS = np.array([2, 4, 6, 10, 20, 40, 100, 400])  # um/ms
SHOWN = 3
START = 10  # ms


class Result(NamedTuple):
    peak_ratio: float
    peak_ratio_conductances: float
    least_ratio: float
    area_ratio: float
    later: float
    t: np.ndarray
    v: np.ndarray
    peaks: np.ndarray


def somatic(synapse, weight):
    """Times (ms) and voltages above rest (mV) at the soma, (time, direction, speed)."""
    tree = rb.morphology.ball_and_stick(soma_radius=10 * um, length=500 * um, radius=0.4 * um)
    cell = rb.Cell(
        tree,
        max_length=10 * um,
        axial_resistivity=150 * ohm * cm,
        capacitance=1 * uF / cm**2,
        v_init=-70 * mV,
    ).insert(ch.Leak(g=1e-4 * S / cm**2, e=-70 * mV))
    # Every speed and direction is one cell, each with eight axons of its own.
    delay = (DISTANCES[:, None] - DISTANCES[0]) / SPEEDS
    times = START + np.stack([delay[::-1], delay], axis=1).reshape(8, -1)
    cells = np.arange(times.shape[1])
    axons = np.arange(times.size).reshape(times.shape)
    net = rb.Network(
        {
            "axons": rb.SpikeSource(times.ravel() * ms, axons.ravel(), times.size),
            "cells": rb.Population(cell, len(cells)),
        },
        [
            rb.Connection(
                "axons",
                "cells",
                rb.Pairs(axons[k], cells),
                synapse,
                weight=weight,
                at=cell.at("dendrite", path_distance=distance * um),
            )
            for k, distance in enumerate(DISTANCES)
        ],
    )
    record = {"cells": {"v": [cell.at("soma")]}}
    run = rb.simulate(net, duration=400 * ms, dt=0.2 * ms, record=record)
    v = np.asarray(run["cells"].v, float) + 70
    return run["cells"].t, v.reshape(len(v), 2, len(SPEEDS))


def main() -> Result:
    course = rb.DualExponential(tau_rise=0.5 * ms, tau_decay=2 * ms)
    t, v = somatic(course, 0.02 * nA)
    _, by_conductance = somatic(rb.Conductance(course, reversal=0 * mV), 0.3 * nS)
    peaks, areas, moments = v.max(axis=0), v.sum(axis=0), t[v.argmax(axis=0)]
    ratio = peaks[0] / peaks[1]
    best = ratio.argmax()
    conductances = by_conductance.max(axis=0)
    return Result(
        peak_ratio=ratio[best],
        peak_ratio_conductances=(conductances[0] / conductances[1]).max(),
        least_ratio=ratio.min(),
        area_ratio=(areas[0] / areas[1])[best],
        later=moments[0, best] - moments[1, best],
        t=t,
        v=v,
        peaks=peaks,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(8, 3.2))
        traces, peaks = figure.subplots(1, 2)
        for i, name in enumerate(("in, towards the soma", "out, away from it")):
            traces.plot(result.t, result.v[:, i, SHOWN], label=name)
            peaks.plot(SPEEDS, result.peaks[i], "o-", markersize=4, label=name)
        traces.set(xlabel="time (ms)", ylabel="somatic voltage above rest (mV)", xlim=(0, 150))
        traces.set(ylim=(0, None), title=f"at {SPEEDS[SHOWN]} um/ms")
        traces.legend()
        peaks.set(xlabel="speed (um/ms)", ylabel="peak (mV)", xscale="log", ylim=(0, None))
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
