"""Inhibition learns to balance excitation.

Paper: Vogels, T. P., Sprekeler, H., Zenke, F., Clopath, C. & Gerstner, W. (2011). Inhibitory
plasticity balances excitation and inhibition in sensory pathways and memory networks. Science
334:1569-1573.

One neuron hears eight channels whose rates go up and down by themselves. Excitation is tuned: the
fifth channel is the strongest. Inhibition begins weak and the same for all channels. Its plasticity
is symmetric, pre- and postsynaptic spikes together strengthen and presynaptic ones alone weaken it,
so that it grows while the neuron fires above its target rate: channel by channel it comes to cancel
excitation, and the rate comes to the target.

| number | expected | from |
|---|---|---|
| `rate_before` (Hz) | > 20 | untuned inhibition is too weak |
| `rate_after` (Hz) | 5 ± 2 | the target; weights rest where the mean change is zero |
| `tuning` | > 0.9 | correlation of inhibition with excitation over channels, figure 1 |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy.signal import lfilter

import rheobase as rb
from rheobase.units import Hz, MOhm, ms, mV, nS

CHANNELS, FROM_E, FROM_I = 8, 25, 10  # inputs in each channel
SECONDS, DT = 60, 1  # s, ms
TUNING = 0.3 + 1.1 / (1 + (np.arange(CHANNELS) - 4) ** 2 / 2)


class Result(NamedTuple):
    rate_before: float
    rate_after: float
    tuning: float
    rate: np.ndarray
    inhibition: np.ndarray


def signals(random):
    """A rate (Hz) for every channel in every step: filtered noise, as in the paper."""
    noise = random.uniform(-0.5, 0.5, (int(SECONDS * 1000 / DT), CHANNELS))
    smooth = lfilter([1], [1, DT / 50 - 1], noise, axis=0)  # decays in 50 ms
    return np.clip(5 + 15 * smooth / smooth.std(), 0, None)


def spikes(rates, each, random):
    """Spikes of `each` inputs to a channel with its rate, as a source."""
    chance = np.repeat(rates, each, axis=1) * DT / 1000
    step, neuron = np.nonzero(random.random(chance.shape, np.float32) < chance)
    return rb.SpikeSource((step + 1) * DT * ms, neuron, CHANNELS * each)


def main() -> Result:
    random = np.random.default_rng(0)
    rates = signals(random)
    membrane = rb.LIF(tau=20 * ms, R=100 * MOhm, v_rest=-60 * mV, v_th=-50 * mV, v_reset=-60 * mV)
    net = rb.Network(
        {
            "e": spikes(rates, FROM_E, random),
            "i": spikes(rates, FROM_I, random),
            "neuron": rb.Population(rb.Refractory(membrane, 5 * ms), 1),
        },
        [
            rb.Connection(
                "e",
                "neuron",
                rb.Dense(),
                rb.Conductance(rb.Exponential(tau=5 * ms), reversal=0 * mV),
                weight=np.repeat(TUNING, FROM_E) * nS,
            ),
            rb.Connection(
                "i",
                "neuron",
                rb.Dense(),
                rb.Conductance(rb.Exponential(tau=10 * ms), reversal=-80 * mV),
                weight=0.1 * nS,
                plasticity=rb.VogelsSTDP(w_max=10 * nS, eta=0.002, rate=5 * Hz),
            ),
        ],
    )
    record = {
        "neuron": rb.Record(spikes="events"),
        ("i", "neuron"): rb.Record("weight", every=2000),
    }
    run = rb.simulate(net, duration=SECONDS * 1000 * ms, dt=DT * ms, record=record)
    # The mean weight of each channel (nS), every two seconds.
    weights = 1000 * np.asarray(run["i", "neuron"].weight, float)
    inhibition = weights.reshape(len(weights), CHANNELS, FROM_I).mean(axis=2)
    rate = np.histogram(run["neuron"].events[0], SECONDS // 2, (0, SECONDS * 1000))[0] / 2
    return Result(
        rate_before=rate[0],
        rate_after=rate[-10:].mean(),
        tuning=np.corrcoef(inhibition[-1], TUNING)[0, 1],
        rate=rate,
        inhibition=inhibition,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(9, 3))
        rate, weights, tuning = figure.subplots(1, 3)
        t = np.arange(1, SECONDS // 2 + 1) * 2
        rate.plot(t - 1, result.rate)
        rate.axhline(5, color="0.6", linestyle="--", label="target")
        rate.set(xlabel="time (s)", ylabel="rate (Hz)", ylim=(0, None))
        rate.legend()
        shades = [str(0.75 - 0.7 * x) for x in (TUNING - TUNING.min()) / np.ptp(TUNING)]
        for channel in range(CHANNELS):
            weights.plot(t, result.inhibition[:, channel], color=shades[channel])
        weights.set(xlabel="time (s)", ylabel="inhibition (nS)", ylim=(0, None))
        weights.set_title("darker: stronger excitation")
        channels = np.arange(1, CHANNELS + 1)
        tuning.plot(channels, TUNING, "o-", color=colours[1], label="excitation")
        tuning.plot(channels, result.inhibition[-1], "o-", color=colours[0], label="inhibition")
        tuning.set(xlabel="channel", ylabel="weight (nS)", ylim=(0, None), title="in the end")
        tuning.legend()
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
