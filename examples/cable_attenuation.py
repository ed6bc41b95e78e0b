r"""How far a steady voltage reaches along a dendrite.

Paper: Rall, W. (1959). Branching dendritic trees and motoneuron membrane resistivity.
Experimental Neurology 1:491-527.

A current is injected at one end of a passive cable of length $l$ with a sealed far end. At rest
the voltage is $v(x) = R_\infty I \cosh((l - x)/\lambda)/\sinh(l/\lambda)$, with
$\lambda = \sqrt{r R_m/(2 R_a)}$ and $R_\infty = R_a \lambda/(\pi r^2)$: a cable of twice the
radius carries it only $\sqrt 2$ as far.

| number | expected | from |
|---|---|---|
| `lambda_thin` (um) | 707.1 ± 0.5 % | fit to the voltages; $\sqrt{r R_m/(2 R_a)}$ for r = 1 um |
| `ratio` | 1.414 ± 0.5 % | length constants for twice the radius |
| `far_end` | 0.4591 ± 0.5 % | $1/\cosh(l/\lambda)$ of the voltage reaches the end, r = 1 um |
| `input_resistance` (MOhm) | 253.4 ± 0.5 % | $R_\infty \coth(l/\lambda)$, r = 1 um |
| `error` (mV) | < 0.02 | largest distance to the closed form, 0.1 nA |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase import channels as ch
from rheobase.units import S, cm, ms, mV, nA, ohm, uF, um

LENGTH, RADII = 1000, (1, 2)  # um
RM, RA = 10_000, 100  # ohm cm^2, ohm cm


class Result(NamedTuple):
    lambda_thin: float
    ratio: float
    far_end: float
    input_resistance: float
    error: float
    x: np.ndarray
    simulated: np.ndarray
    closed_form: np.ndarray


def steady(radius):
    """The voltage above rest (mV) in every compartment, long after a current was switched on."""
    stick = rb.morphology.Tree(
        [rb.morphology.Section(length=LENGTH * um, radius=radius * um, region="dendrite")]
    )
    cell = rb.Cell(stick, n=100, axial_resistivity=RA * ohm * cm, capacitance=1 * uF / cm**2)
    cell = cell.insert(ch.Leak(g=1 / RM * S / cm**2, e=-65 * mV))
    end = cell.at("dendrite", path_distance=0 * um)
    run = rb.simulate(
        cell, current={end: 0.1 * nA}, duration=150 * ms, dt=0.1 * ms, record=rb.Record("v")
    )
    return np.asarray(run.v[-1], float) + 65


def cable(radius, x):
    """The closed form (mV), with lengths in um and the current in nA."""
    length = np.sqrt(radius * 1e-4 * RM / (2 * RA)) * 1e4  # um
    r_infinite = RA * length * 1e-4 / (np.pi * (radius * 1e-4) ** 2) / 1e6  # MOhm
    return 0.1 * r_infinite * np.cosh((LENGTH - x) / length) / np.sinh(LENGTH / length)


def main() -> Result:
    x = LENGTH * (np.arange(100) + 0.5) / 100
    simulated = np.stack([steady(radius) for radius in RADII])
    closed_form = np.stack([cable(radius, x) for radius in RADII])
    # v(0)/v(l) = cosh(l/lambda); the first and the last voltage are half a compartment inside.
    lambdas = x[-1] / np.arccosh(simulated[:, 0] / simulated[:, -1])
    near_end = 1.5 * simulated[0, 0] - 0.5 * simulated[0, 1]
    return Result(
        lambda_thin=lambdas[0],
        ratio=lambdas[1] / lambdas[0],
        far_end=simulated[0, -1] / near_end,
        input_resistance=near_end / 0.1,
        error=np.abs(simulated - closed_form).max(),
        x=x,
        simulated=simulated,
        closed_form=closed_form,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(6, 3.2))
        ax = figure.subplots()
        for i, radius in enumerate(RADII):
            ax.plot(result.x, result.simulated[i], color=colours[i], label=f"radius {radius} um")
            ax.plot(result.x[::8], result.closed_form[i, ::8], "o", color=colours[i], markersize=4)
        ax.plot([], [], "o", color="0.5", markersize=4, label="closed form")
        ax.set(xlabel="distance from the electrode (um)", ylabel="voltage above rest (mV)")
        ax.set(xlim=(0, LENGTH), ylim=(0, None))
        ax.legend()
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
