r"""Depressing and facilitating synapses.

Papers: Tsodyks, M., Pawelzik, K. & Markram, H. (1998). Neural networks with dynamic synapses.
Neural Computation 10:821-835. Parameters: Tsodyks, M. V. & Markram, H. (1997). The neural code
between neocortical pyramidal neurons depends on neurotransmitter release probability. PNAS
94:719-723; Markram, H., Wang, Y. & Tsodyks, M. (1998). Differential signaling via the same axon of
neocortical pyramidal neurons. PNAS 95:5323-5328.

Regular trains of spikes through a synapse with U = 0.5, $\tau_{rec}$ = 800 ms (depressing) and one
with U = 0.03, $\tau_{rec}$ = 130 ms, $\tau_{facil}$ = 530 ms (facilitating). The stationary part
of the resources that a spike releases, $u x$, is known in closed form, with
$E = e^{-1/(f\tau_{rec})}$ and $F = e^{-1/(f\tau_{facil})}$: $u = U/(1 - (1 - U)F)$ and
$x = (1 - E)/(1 - (1 - u)E)$. Above its limiting rate a depressing synapse tells nothing of the
rate: responses fall as 1/f. A facilitating one responds most at an optimal rate.

| number | expected | from |
|---|---|---|
| `error` | < 0.001 | largest distance of u x to the closed form |
| `first_depressing` | 0.5 ± 0.1 % | the first spike releases U |
| `first_facilitating` | 0.03 ± 0.1 % | the same |
| `saturation` (Hz) | 1.25 ± 3 % | depressing at 100 Hz: f u x nears $1/\tau_{rec}$ |
| `optimal_rate` (Hz) | 22 ± 3 | facilitating: $1/\sqrt{U \tau_{facil} \tau_{rec}}$, Markram 1998 |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import MOhm, ms, mV, nA

RATES = np.array([1, 2, 4, 5, 8, 10, 12.5, 20, 25, 40, 50, 100])  # Hz, periods of whole ms
KINDS = {"depressing": (0.5, 800, 0), "facilitating": (0.03, 130, 530)}  # U, ms, ms
SHOWN = 7  # 20 Hz
STEPS = 6000  # of 1 ms


class Result(NamedTuple):
    error: float
    first_depressing: float
    first_facilitating: float
    saturation: float
    optimal_rate: float
    stationary: np.ndarray
    v: np.ndarray


def closed_form(f, U, tau_rec, tau_facil):
    E = np.exp(-1000 / (f * tau_rec))
    F = np.exp(-1000 / (f * tau_facil)) if tau_facil else 0.0
    u = U / (1 - (1 - U) * F)
    return u * (1 - E) / (1 - (1 - u) * E)


def trains(U, tau_rec, tau_facil):
    """What every step of each train releases, (steps, trains), and the voltage."""
    n = len(RATES)
    times = [np.arange(1, STEPS, 1000 / rate) for rate in RATES]
    axon = np.repeat(range(n), [len(train) for train in times])
    synapse = rb.Connection(
        "axons",
        "neurons",
        rb.OneToOne(),
        rb.Exponential(tau=3 * ms),
        weight=1 * nA,
        plasticity=rb.TsodyksMarkram(U, tau_rec * ms, tau_facil * ms),
    )
    membrane = rb.LI(tau=40 * ms, R=100 * MOhm, v_rest=0 * mV)
    net = rb.Network(
        {
            "axons": rb.SpikeSource(np.concatenate(times) * ms, axon, n),
            "neurons": rb.Population(membrane, n),
        },
        [synapse],
    )
    record = {"neurons": ("v", "Exponential.g")}
    run = rb.simulate(net, duration=STEPS * ms, dt=1 * ms, record=record)
    current = np.asarray(run["neurons"]["Exponential.g"], float)
    # What has arrived in a step: the current at its end, less what was there and decayed.
    arrived = current[1:] * np.exp(1 / 3) - current[:-1]
    return arrived, np.asarray(run["neurons"].v[:, SHOWN])


def main() -> Result:
    stationary, first, v, error = [], [], [], 0.0
    for kind in KINDS.values():
        arrived, voltage = trains(*kind)
        spikes = [np.flatnonzero(train > 1e-4) for train in arrived.T]
        last = np.array([train[k[-1]] for train, k in zip(arrived.T, spikes, strict=True)])
        error = max(error, np.abs(last - closed_form(RATES, *kind)).max())
        first.append(arrived[spikes[-1][0], -1])
        stationary.append(last)
        v.append(voltage)
    peak = slice(SHOWN - 2, SHOWN + 3)  # a parabola over the logarithm of the rate
    a, b, _ = np.polyfit(np.log(RATES[peak]), stationary[1][peak], 2)
    return Result(
        error=error,
        first_depressing=first[0],
        first_facilitating=first[1],
        saturation=RATES[-1] * stationary[0][-1],
        optimal_rate=np.exp(-b / (2 * a)),
        stationary=np.stack(stationary),
        v=np.stack(v),
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(7.5, 4.4))
        axes = figure.subplots(2, 2)
        f = np.geomspace(1, 100, 200)
        for i, (name, kind) in enumerate(KINDS.items()):
            trace, rate = axes[0, i], axes[1, i]
            trace.plot(np.arange(1, 601), result.v[i, :600], color=colours[i])
            trace.set(title=f"{name}: {RATES[SHOWN]:g} Hz", xlabel="time (ms)", ylim=(0, None))
            rate.plot(f, closed_form(f, *kind), color="0.6", label="closed form")
            rate.plot(
                RATES, result.stationary[i], "o", color=colours[i], markersize=4, label="spikes"
            )
            rate.set(xscale="log", xlabel="rate of spikes (Hz)", ylim=(0, None))
        axes[0, 0].set_ylabel("voltage above rest (mV)")
        axes[1, 0].set_ylabel("stationary release u x")
        axes[1, 0].legend()
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
