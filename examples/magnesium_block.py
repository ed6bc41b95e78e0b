r"""Magnesium blocks NMDA receptors until the membrane is depolarised.

Paper: Jahr, C. E. & Stevens, C. F. (1990). Voltage dependence of NMDA-activated macroscopic
conductances predicted by single-channel kinetics. Journal of Neuroscience 10:3178-3182.

A cell is held at 27 voltages while NMDA receptors open, at four concentrations of magnesium. With
little of it the current grows in proportion to the voltage; at the concentration of the brain there
is a region where depolarisation makes the inward current larger, which is what makes spikes of
dendrites. The fraction that is not blocked is $1/(1 + [Mg]/3.57\,\mathrm{mM}\; e^{-0.062 v})$.

| number | expected | from |
|---|---|---|
| `error` | < 0.001 | largest distance of the fraction from the formula of the paper |
| `open_at_rest` (%) | 2.44 ± 1 % | at -80 mV and 1 mM |
| `half_block` (mV) | -20.5 ± 0.5 | where half is blocked at 1 mM: $\ln(1/3.57)/0.062$ |
| `largest_inward` (mV) | -27 ± 0.5 | where $v$ times the formula is largest at 1 mM |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase import channels as ch
from rheobase.units import mM, ms, mV, nS, um

MAGNESIUM = (0.01, 0.1, 1, 2)  # mM
VOLTAGES = np.arange(-90.0, 41.0, 5.0)  # mV


class Result(NamedTuple):
    error: float
    open_at_rest: float
    half_block: float
    largest_inward: float
    currents: np.ndarray


def formula(magnesium, v):
    return 1 / (1 + magnesium / 3.57 * np.exp(-0.062 * v))


def current(magnesium):
    """The current (nA) into a cell held at each voltage, at the peak after one spike."""
    n = len(VOLTAGES)
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak())
    place = cell.at("soma")
    receptor = rb.NMDA(rb.DualExponential(tau_rise=2 * ms, tau_decay=100 * ms), Mg=magnesium * mM)
    net = rb.Network(
        {"axon": rb.SpikeSource([1] * ms, [0], 1), "cells": rb.Population(cell, n)},
        [rb.Connection("axon", "cells", rb.Dense(), receptor, weight=1 * nS, at=place)],
    )
    run = rb.simulate(
        net,
        clamp={"cells": {"v": {place: VOLTAGES * mV}}},
        record={"cells": {"NMDA.i": [place]}},
        duration=30 * ms,
        dt=0.1 * ms,
    )
    series = np.asarray(run["cells"]["NMDA.i"], float)[:, :, 0]
    return series[np.abs(series).sum(axis=1).argmax()]


def main() -> Result:
    currents = np.stack([current(magnesium) for magnesium in MAGNESIUM])
    away = VOLTAGES != 0  # there is no current at the reversal potential, blocked or not
    conductance = currents[:, away] / -VOLTAGES[away] / 1e-3  # of 1 nS
    v, one = VOLTAGES[away], conductance[MAGNESIUM.index(1)]
    expected = formula(np.array(MAGNESIUM)[:, None], v)
    inward = currents[MAGNESIUM.index(1)]
    top = slice(inward.argmax() - 1, inward.argmax() + 2)
    a, b, _ = np.polyfit(VOLTAGES[top], inward[top], 2)
    return Result(
        error=np.abs(conductance - expected).max(),
        open_at_rest=100 * one[v == -80][0],
        half_block=np.interp(0, np.log(one / (1 - one)), v),
        largest_inward=-b / (2 * a),
        currents=currents,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(6, 3.4))
        ax = figure.subplots()
        ax.axhline(0, color="0.75", linewidth=0.8)
        ax.axvline(0, color="0.75", linewidth=0.8)
        for magnesium, i in zip(MAGNESIUM, result.currents, strict=True):
            line = ax.plot(VOLTAGES, -1000 * i, "o", markersize=3.5, label=f"{magnesium:g} mM")[0]
            v = np.linspace(-90, 40, 200)
            ax.plot(v, v * formula(magnesium, v), color=line.get_color())
        ax.set(xlabel="v (mV)", ylabel="current of 1 nS (pA)", title="lines: Jahr & Stevens 1990")
        ax.legend(title="magnesium")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
