"""Triplets of spikes explain why plasticity depends on the rate.

Papers: Pfister, J.-P. & Gerstner, W. (2006). Triplets of spikes in a model of spike
timing-dependent plasticity. Journal of Neuroscience 26:9673-9682. Data: Sjöström, P. J.,
Turrigiano, G. G. & Nelson, S. B. (2001). Rate, timing, and cooperativity jointly determine
cortical synaptic plasticity. Neuron 32:1149-1164.

Sixty pairs of spikes, 10 ms apart, at several rates. In visual cortex, pairs that come often
strengthen a synapse whatever their order, and single pairs hardly strengthen it at all: a sum over
pairs cannot do that, triplets with two postsynaptic spikes can. The parameters are the minimal
model that the paper fits to these data, all spikes paired.

| number | expected | from |
|---|---|---|
| `error` | < 1 | mean square distance to the ten data, in standard errors |
| `pre_first_rare` | 0 ± 0.01 | change at 0.1 Hz: without triplets nothing strengthens |
| `post_first_rare` | -0.3165 ± 1 % | the same, post first: $-60 A_2^- e^{-10/33.7}$ |
| `pre_first_often` | 0.56 ± 0.26 | at 50 Hz, data of Sjöström et al. |
| `post_first_often` | 0.75 ± 0.19 | at 50 Hz, data of Sjöström et al. |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import ms, mV

RATES = np.array([0.1, 10, 20, 40, 50])  # Hz
LAGS = (10, -10)  # ms
DATA = np.array([[-0.04, 0.14, 0.29, 0.53, 0.56], [-0.29, -0.41, -0.34, 0.56, 0.75]])
ERRORS = np.array([[0.05, 0.1, 0.14, 0.11, 0.26], [0.08, 0.11, 0.1, 0.32, 0.19]])
WEIGHT, RANGE = 0.05, 10  # mV; weights lie between 0 and ten times where they start


class Result(NamedTuple):
    error: float
    pre_first_rare: float
    post_first_rare: float
    pre_first_often: float
    post_first_often: float
    change: np.ndarray


def main() -> Result:
    rule = rb.TripletSTDP(
        w_max=RANGE * WEIGHT * mV, A2_minus=0.0071 / RANGE, A3_plus=0.0065 / RANGE
    )
    n, steps = 2 * len(RATES), 600_000
    pre, post = np.zeros((2, steps, n), np.float32)
    for synapse, (lag, rate) in enumerate((lag, rate) for lag in LAGS for rate in RATES):
        times = 20 + np.round(np.arange(60) * 1000 / rate).astype(int)
        pre[times, synapse] = post[times + lag, synapse] = 1
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
    weights = np.asarray(run.weights("pre", "post").value_in(mV), float)
    change = (weights / WEIGHT - 1).reshape(2, -1)
    error = np.mean(((change - DATA) / ERRORS) ** 2)
    return Result(error, *change[:, 0], *change[:, -1], change=change)


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(6, 3.4))
        ax = figure.subplots()
        ax.axhline(0, color="0.75", linewidth=0.8)
        for i, name in enumerate(("pre 10 ms before post", "post 10 ms before pre")):
            ax.plot(RATES, result.change[i], color=colours[i], label=name)
            ax.errorbar(RATES, DATA[i], ERRORS[i], fmt="o", color=colours[i], markersize=4)
        ax.errorbar([], [], [], fmt="o", color="0.5", markersize=4, label="visual cortex")
        ax.set(xlabel="rate of pairs (Hz)", ylabel="relative change of weight")
        ax.legend(loc="upper left")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
