"""Action potentials run back into the dendrites.

Papers: Stuart, G. J. & Sakmann, B. (1994). Active propagation of somatic action potentials into
neocortical pyramidal cell dendrites. Nature 367:69-72. Stuart, G., Spruston, N., Sakmann, B. &
Häusser, M. (1997). Action potential initiation and backpropagation in neurons of the mammalian CNS.
Trends in Neurosciences 20:125-131.

A soma with an apical dendrite of 700 um fires. With a little sodium in the dendrite the spike
travels actively and arrives large; with the sodium gone, as under tetrodotoxin, only a small and
late remainder spreads passively.

| number | expected | from |
|---|---|---|
| `active` | > 0.6 | amplitude at 500 um over that at the soma; Stuart et al. 1997, figure 3 |
| `passive` | < 0.35 | the same without sodium in the dendrite |
| `velocity` (m/s) | 0.5 ± 0.2 | from 100 to 500 um; Stuart et al. 1997 |
| `first` | 1 | the soma fires before all of the dendrite (1: yes) |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase import channels as ch
from rheobase.units import S, cm, ms, mV, nA, ohm, uF, um

DISTANCES = np.arange(0, 700, 100)  # um


class Result(NamedTuple):
    active: float
    passive: float
    velocity: float
    first: int
    t: np.ndarray
    v: np.ndarray
    amplitudes: np.ndarray


def spike(sodium, potassium):
    """Times (ms) and voltages (mV) along the dendrite after a current into the soma."""
    soma = rb.morphology.Section(length=20 * um, radius=10 * um, region="soma")
    apical = rb.morphology.Section(
        length=700 * um, radius=[1.5, 0.5] * um, region="apical", parent=soma
    )
    cell = rb.Cell(
        rb.morphology.Tree([soma, apical]),
        max_length=20 * um,
        axial_resistivity=100 * ohm * cm,
        capacitance=1 * uF / cm**2,
        v_init=-70 * mV,
    ).insert(ch.Leak(g=5e-5 * S / cm**2, e=-70 * mV))
    density = {"soma": (0.1, 0.02), "apical": (sodium, potassium)}
    for region, (na, k) in density.items():
        cell = cell.insert(ch.Na(g=na * S / cm**2), at=region)
        cell = cell.insert(ch.K(g=k * S / cm**2), at=region)
    body = cell.at("soma")
    places = [body, *(cell.at("apical", path_distance=x * um) for x in DISTANCES[1:])]
    pulse = rb.stimulus.Step(2 * nA, start=2 * ms, stop=3 * ms)
    run = rb.simulate(
        cell, current={body: pulse}, duration=12 * ms, dt=0.02 * ms, record={"v": places}
    )
    return run.t, np.asarray(run.v, float)


def main() -> Result:
    t, active = spike(0.01, 0.002)
    _, passive = spike(0, 0)
    amplitudes = np.stack([v.max(axis=0) + 70 for v in (active, passive)])
    moments = t[active.argmax(axis=0)]
    near, far = np.flatnonzero(np.isin(DISTANCES, (100, 500)))
    return Result(
        active=amplitudes[0, far] / amplitudes[0, 0],
        passive=amplitudes[1, far] / amplitudes[1, 0],
        velocity=(DISTANCES[far] - DISTANCES[near]) / (moments[far] - moments[near]) / 1000,
        first=int(moments[0] < moments[1:].min()),
        t=t,
        v=active,
        amplitudes=amplitudes,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(8, 3.2))
        traces, ax = figure.subplots(1, 2)
        for i, distance in enumerate(DISTANCES[::2]):
            shade = (colours[0], 1 - 0.25 * i)
            traces.plot(result.t, result.v[:, 2 * i], color=shade, label=f"{distance} um")
        traces.set(xlabel="time (ms)", ylabel="v (mV)", xlim=(1, 10))
        traces.legend(title="from the soma")
        ax.plot(DISTANCES, result.amplitudes[0], "o-", markersize=4, label="sodium in the dendrite")
        ax.plot(DISTANCES, result.amplitudes[1], "o-", markersize=4, label="without")
        ax.set(xlabel="distance from the soma (um)", ylabel="amplitude (mV)", ylim=(0, None))
        ax.legend()
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
