"""The window of spike-timing-dependent plasticity.

Papers: Bi, G. & Poo, M. (1998). Synaptic modifications in cultured hippocampal neurons:
dependence on spike timing, synaptic strength, and postsynaptic cell type. Journal of Neuroscience
18:10464-10472. Bi, G. & Poo, M. (2001). Synaptic modification by correlated activity: Hebb's
postulate revisited. Annual Review of Neuroscience 24:139-166.

Sixty pairs of spikes, one a second. Where the presynaptic one comes first the synapse grows, else
it shrinks, by less the further they are apart. Bi & Poo (2001) describe their data, as changes in
percent after 60 pairs, by 77.7 $e^{-t/16.8}$ and -27.3 $e^{t/33.7}$ for t in ms. Below, one
synapse for each lag, and an exponential fitted to what came out on each side.

| number | expected | from |
|---|---|---|
| `strengthening` (%) | 77.7 ± 1 % | Bi & Poo 2001, figure 2 |
| `tau_plus` (ms) | 16.8 ± 1 % | the same |
| `weakening` (%) | -27.3 ± 1 % | the same |
| `tau_minus` (ms) | 33.7 ± 1 % | the same |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import ms, mV

PAIRS = 60
WEIGHT = 0.5  # mV
LAGS = np.setdiff1d(np.arange(-80, 81, 4), [0])  # ms, the postsynaptic spike after the presynaptic


class Result(NamedTuple):
    strengthening: float
    tau_plus: float
    weakening: float
    tau_minus: float
    change: np.ndarray


def main() -> Result:
    # Amplitudes of a single pair are relative to w_max - w_min, here twice the weight.
    rule = rb.PairSTDP(
        w_max=2 * WEIGHT * mV,
        A_plus=0.777 / PAIRS / 2,
        A_minus=0.273 / PAIRS / 2,
        tau_plus=16.8 * ms,
        tau_minus=33.7 * ms,
    )
    n, steps = len(LAGS), PAIRS * 1000
    pre, post = np.zeros((2, steps, n))
    pre[500::1000] = 1
    for synapse, lag in enumerate(LAGS):
        post[500 + lag :: 1000, synapse] = 1
    net = rb.Network(
        {"pre": rb.Population(rb.LIF(), n), "post": rb.Population(rb.LIF(), n)},
        [
            rb.Connection(
                "pre", "post", rb.OneToOne(), rb.Delta(), weight=WEIGHT * mV, plasticity=rule
            )
        ],
        # A kick of a volt makes a neuron fire in that step.
        drives=[
            rb.Drive("pre", rb.stimulus.FromArray(1000 * pre * mV)),
            rb.Drive("post", rb.stimulus.FromArray(1000 * post * mV)),
        ],
    )
    run = rb.simulate(net, duration=steps * ms, dt=1 * ms)
    weights = run.weights("pre", "post").value_in(mV)
    change = 100 * (np.asarray(weights, float) / WEIGHT - 1)
    before, after = LAGS > 0, LAGS < 0
    slope, height = np.polyfit(LAGS[before], np.log(change[before]), 1)
    slope_minus, height_minus = np.polyfit(LAGS[after], np.log(-change[after]), 1)
    return Result(np.exp(height), -1 / slope, -np.exp(height_minus), 1 / slope_minus, change=change)


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(6, 3.4))
        ax = figure.subplots()
        ax.axhline(0, color="0.75", linewidth=0.8)
        ax.axvline(0, color="0.75", linewidth=0.8)
        t = np.linspace(0, 80, 100)
        ax.plot(t, 77.7 * np.exp(-t / 16.8), color=colours[0], label="77.7 % exp(-t/16.8 ms)")
        ax.plot(-t, -27.3 * np.exp(-t / 33.7), color=colours[1], label="-27.3 % exp(t/33.7 ms)")
        ax.plot(LAGS, result.change, "o", color="0.25", markersize=4, label="simulated")
        ax.set(xlabel="postsynaptic after presynaptic spike (ms)", ylabel="change of weight (%)")
        ax.set(xlim=(-85, 85))
        ax.legend(loc="upper left")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
