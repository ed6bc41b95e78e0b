r"""How fast each neuron fires under a steady current.

Papers: Lapicque, L. (1907). Recherches quantitatives sur l'excitation électrique des nerfs traitée
comme une polarisation. Journal de Physiologie et de Pathologie Générale 9:620-635. Hodgkin, A. L.
(1948). The local electric changes associated with repetitive action in a non-medullated axon.
Journal of Physiology 107:165-181.

The rheobase is the smallest steady current that makes a neuron fire. Class 1 neurons begin to fire
at an arbitrarily low rate there, class 2 neurons at a rate far from zero. Rates below are from the
intervals after the first 200 ms, when adaptation has settled; the dashed lines are closed
forms of the interval:

- IF: $C \Delta/I$ with $\Delta$ from reset to threshold,
- LIF: $\tau \ln(RI/(RI - \Delta))$,
- QIF: see `rb.QIF`.

| number | expected | from |
|---|---|---|
| `if_error` (Hz) | < 0.5 | largest distance to the closed form above 10 Hz |
| `lif_error` (Hz) | < 0.5 | the same |
| `qif_error` (Hz) | < 0.5 | the same |
| `lif_rheobase` (nA) | 1.5 ± 1 % | $\Delta/R$ |
| `expif_rheobase` (nA) | 0.0324 ± 1 % | $(v_T - v_{rest} - \Delta_T)/R$, Fourcaud-Trocmé 2003 |
| `squid_rheobase` (nA) | 0.063 ± 3 % | 6.3 uA/cm², Hodgkin-Huxley; Rinzel & Miller 1980 |
| `squid_onset` (Hz) | 50 ± 5 | the squid axon is of class 2, the same |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import ms, nA

NEURONS = {
    "IF": (rb.IF, 1.2),
    "LIF": (rb.LIF, 4.5),
    "CubaLIF": (rb.CubaLIF, 0.4),
    "ALIF": (rb.ALIF, 6),
    "GLIF": (rb.GLIF, 4.5),
    "ExpIF": (rb.ExpIF, 0.3),
    "AdEx": (rb.AdEx, 2),
    "QIF": (rb.QIF, 0.3),
    "AdQIF": (rb.AdQIF, 0.4),
    "Izhikevich": (rb.Izhikevich, 30),
    "HodgkinHuxley": (rb.HodgkinHuxley, 0.15),
    "TraubMiles": (rb.TraubMiles, 0.3),
    "MorrisLecar": (rb.MorrisLecar, 2),
}
"""Every neuron that fires, and the largest current (nA)."""


class Result(NamedTuple):
    if_error: float
    lif_error: float
    qif_error: float
    lif_rheobase: float
    expif_rheobase: float
    squid_rheobase: float
    squid_onset: float
    currents: dict
    rates: dict


def steady_rates(neuron, currents, **options):
    """The rate (Hz) under each current (nA) once it is steady, one neuron for each."""
    record = rb.Record(spikes="events")
    run = rb.simulate(
        neuron, current=currents * nA, duration=600 * ms, dt=0.1 * ms, record=record, **options
    )
    late = [train[train > 200] for train in run.spike_times()]
    return np.array([1000 / np.diff(x).mean() if len(x) > 1 else 0.0 for x in late])


def rheobase(neuron, currents):
    """The smallest current (nA) at which it fires within two seconds."""
    run = rb.simulate(neuron, current=currents * nA, duration=2000 * ms, dt=0.2 * ms)
    return currents[np.flatnonzero(run.counts)[0]]


def closed_forms(currents):
    """Rates (Hz) of IF, LIF and QIF with their default parameters."""
    integrator, leaky, parabola = (currents[name] for name in ("IF", "LIF", "QIF"))
    with np.errstate(divide="ignore", invalid="ignore"):
        leak = 10 * np.log(10 * leaky / (10 * leaky - 15))
        q = np.sqrt(0.05 * 500 / 7 * (parabola - 0.05 * 20**2 / 4 / (500 / 7)))
        rise = 50 / 7 * np.arctan(0.05 * 85 / q) / q  # it begins at the minimum, where x = 0
        return {
            "IF": 1000 / 15 * integrator,
            "LIF": np.nan_to_num(1000 / leak),
            "QIF": np.nan_to_num(1000 / rise),
        }


def main() -> Result:
    currents = {name: np.linspace(0, most, 41) for name, (_, most) in NEURONS.items()}
    known = closed_forms(currents)
    # Where there is a closed form, spikes are located inside their steps.
    rates = {
        name: steady_rates(make(), currents[name], substep=name in known)
        for name, (make, _) in NEURONS.items()
    }
    errors = [np.abs(rates[name] - form)[form > 10].max() for name, form in known.items()]
    fine = np.linspace(0.06, 0.07, 41)
    squid = steady_rates(rb.HodgkinHuxley(), fine)
    return Result(
        *errors,
        lif_rheobase=rheobase(rb.LIF(), np.linspace(1.4, 1.6, 41)),
        expif_rheobase=rheobase(rb.ExpIF(), np.linspace(0.03, 0.036, 41)),
        squid_rheobase=fine[np.flatnonzero(squid)[0]],
        squid_onset=squid[squid > 0][0],
        currents=currents,
        rates=rates,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(10, 6))
        axes = figure.subplots(3, 5)
        known = closed_forms(result.currents)
        for ax, (name, currents) in zip(axes.flat, result.currents.items(), strict=False):
            rb.plot.fi_curve(result.rates[name], currents * nA, ax=ax)
            ax.set(title=name, xlabel="", ylabel="")
            if name in known:
                ax.plot(currents, known[name], "--", color=colours[1])
        for ax in axes.flat[len(result.currents) :]:
            ax.remove()
        figure.supxlabel("current (nA)", fontsize=10)
        figure.supylabel("rate once steady (Hz)", fontsize=10)
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
