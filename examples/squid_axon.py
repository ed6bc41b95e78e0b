r"""The action potential travels: the squid's giant axon.

Paper: Hodgkin, A. L. & Huxley, A. F. (1952). A quantitative description of membrane current and its
application to conduction and excitation in nerve. Journal of Physiology 117:500-544.

From voltage clamps alone the paper predicted how fast a nerve conducts: 18.8 m/s in an axon of
0.476 mm at 18.5 °C, where 21.2 m/s had been measured. Here the axon is a cable of compartments with
the channels of the paper, $R_a$ = 35.4 ohm cm and rates $3^{(18.5 - 6.3)/10}$ times as fast.

| number | expected | from |
|---|---|---|
| `velocity` (m/s) | 18.8 ± 2 % | Hodgkin & Huxley 1952, p. 528 |
| `amplitude` (mV) | 90.5 ± 2 % | the propagated action potential, figure 15A |
| `scaling` | 1.414 ± 2 % | velocity grows with the root of the diameter: here twice as thick |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase import channels as ch
from rheobase.units import cm, kelvin, mm, ms, nA, ohm, uF, um

PLACES = np.array([20, 30, 40])  # mm from the electrode


class Result(NamedTuple):
    velocity: float
    amplitude: float
    scaling: float
    t: np.ndarray
    v: np.ndarray


def axon(diameter):
    """Voltages (mV) at the places in an axon of a diameter (um) stimulated at one end."""
    tube = rb.morphology.Section(length=60 * mm, radius=diameter / 2 * um, region="axon")
    cell = rb.Cell(
        rb.morphology.Tree([tube]),
        n=300,
        axial_resistivity=35.4 * ohm * cm,
        capacitance=1 * uF / cm**2,
        solutions=ch.Solutions(temperature=(273.15 + 18.5) * kelvin),
    )
    cell = cell.insert(ch.Q10(ch.HH(), q10=3, reference=(273.15 + 6.3) * kelvin))
    start = cell.at("axon", path_distance=0 * mm)
    places = [cell.at("axon", path_distance=x * mm) for x in PLACES]
    pulse = rb.stimulus.Step(diameter / 476 * 100_000 * nA, start=0.1 * ms, stop=0.4 * ms)
    run = rb.simulate(
        cell, current={start: pulse}, duration=5 * ms, dt=0.005 * ms, record={"v": places}
    )
    return run.t, np.asarray(run.v, float)


def velocity(t, v):
    """Distance over time (m/s) between the first and the last place, from the moments of 0 mV."""
    moments = []
    for trace in v.T:
        k = np.flatnonzero(trace > 0)[0]
        moments.append(np.interp(0, trace[k - 1 : k + 1], t[k - 1 : k + 1]))
    return (PLACES[-1] - PLACES[0]) / (moments[-1] - moments[0])


def main() -> Result:
    t, v = axon(476)
    thicker = velocity(*axon(2 * 476))
    return Result(
        velocity=velocity(t, v),
        amplitude=v[:, 1].max() - v[0, 1],
        scaling=thicker / velocity(t, v),
        t=t,
        v=v,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(6, 3.2))
        ax = figure.subplots()
        ax.plot(result.t, result.v, label=[f"{x} mm" for x in PLACES])
        ax.set(xlabel="time (ms)", ylabel="v (mV)", xlim=(0, 5))
        ax.set_title(f"{result.velocity:.1f} m/s")
        ax.legend(title="distance")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
