"""Dendrites fire spikes of their own.

Paper: Golding, N. L. & Spruston, N. (1998). Dendritic sodium spikes are variable triggers of axonal
action potentials in hippocampal CA1 pyramidal neurons. Neuron 21:1189-1200.

A soma, a passive trunk of 300 um and a tuft with sodium channels. One synapse on the tuft, stronger
from trial to trial: at some strength the tuft fires, all or none, and most of its spike is lost on
the way, so that the soma may or may not fire after it. Without the sodium of the tuft no synapse
there, however strong, makes the soma fire.

| number | expected | from |
|---|---|---|
| `largest_below` (mV) | < 40 | local peak just below the threshold of the tuft |
| `smallest_above` (mV) | > 90 | and just above: all or none |
| `arrives` (mV) | 20 ± 10 | what the soma sees of a spike that stays in the tuft, figure 3 |
| `lead` (ms) | > 1 | the tuft's peak before the soma's where both fire |
| `without` (mV) | < 30 | the soma under the strongest synapse without sodium in the tuft |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase import channels as ch
from rheobase.units import S, cm, ms, mV, nS, ohm, uF, um

STRENGTHS = np.arange(0.5, 15.1, 0.5)  # nS
SHOWN = {2.5: "weak", 4: "the tuft fires", 8: "both fire"}


class Result(NamedTuple):
    largest_below: float
    smallest_above: float
    arrives: float
    lead: float
    without: float
    t: np.ndarray
    v: np.ndarray


def trials(sodium):
    """Times (ms) and voltages (mV) of tuft and soma, (time, strength, place)."""
    soma = rb.morphology.Section(length=20 * um, radius=10 * um, region="soma")
    trunk = rb.morphology.Section(length=300 * um, radius=1 * um, region="trunk", parent=soma)
    tuft = rb.morphology.Section(length=200 * um, radius=0.5 * um, region="tuft", parent=trunk)
    cell = rb.Cell(
        rb.morphology.Tree([soma, trunk, tuft]),
        max_length=20 * um,
        axial_resistivity=100 * ohm * cm,
        capacitance=1 * uF / cm**2,
        v_init=-70 * mV,
    ).insert(ch.Leak(g=1e-4 * S / cm**2, e=-70 * mV))
    cell = cell.insert(ch.Na(g=0.1 * S / cm**2, v_T=-55 * mV), at="soma")
    cell = cell.insert(ch.K(g=0.02 * S / cm**2, v_T=-55 * mV), at="soma")
    cell = cell.insert(ch.Na(g=sodium * S / cm**2), at="tuft")
    cell = cell.insert(ch.K(g=0.01 * S / cm**2), at="tuft")
    places = [cell.at("tuft", path_distance=420 * um), cell.at("soma")]
    n = len(STRENGTHS)
    receptor = rb.Conductance(
        rb.DualExponential(tau_rise=0.3 * ms, tau_decay=2 * ms), reversal=0 * mV
    )
    net = rb.Network(
        {
            "axons": rb.SpikeSource(np.full(n, 5) * ms, np.arange(n), n),
            "cells": rb.Population(cell, n),
        },
        [
            rb.Connection(
                "axons", "cells", rb.OneToOne(), receptor, weight=STRENGTHS * nS, at=places[0]
            )
        ],
    )
    run = rb.simulate(net, duration=30 * ms, dt=0.05 * ms, record={"cells": {"v": places}})
    return run["cells"].t, np.asarray(run["cells"].v, float)


def main() -> Result:
    t, v = trials(sodium=0.05)
    _, passive = trials(sodium=0)
    tuft, soma = (v.max(axis=0) + 70).T
    first, both = np.flatnonzero(tuft > 60)[0], np.flatnonzero(soma > 60)[0]
    moments = t[v[:, both].argmax(axis=0)]
    return Result(
        largest_below=tuft[first - 1],
        smallest_above=tuft[first],
        arrives=soma[first],
        lead=moments[1] - moments[0],
        without=passive[:, -1, 1].max() + 70,
        t=t,
        v=v,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(9, 3))
        axes = figure.subplots(1, 3, sharey=True)
        for ax, (strength, title) in zip(axes, SHOWN.items(), strict=True):
            trial = np.flatnonzero(STRENGTHS == strength)[0]
            ax.plot(result.t, result.v[:, trial], label=["tuft", "soma"])
            ax.set(xlabel="time (ms)", xlim=(3, 25), title=f"{strength:g} nS: {title}")
        axes[0].set_ylabel("v (mV)")
        axes[0].legend()
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
