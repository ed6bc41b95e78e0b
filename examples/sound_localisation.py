"""Where a sound comes from: delay lines and coincidences.

Paper: Jeffress, L. A. (1948). A place theory of sound localization. Journal of Comparative and
Physiological Psychology 41:35-39. Found in the barn owl by Carr, C. E. & Konishi, M. (1990). A
circuit for detection of interaural time differences in the brain stem of the barn owl. Journal of
Neuroscience 10:3227-3246.

Both ears fire in phase with a tone, one later than the other. A row of neurons hears both through
axons whose lengths run against each other, so that each neuron undoes another difference of the
ears, and fires when the spikes of both arrive together. Which neuron fires most tells where the
sound is.

| number | expected | from |
|---|---|---|
| `error` (us) | < 15 | largest distance of the difference read from the row from the true one |
| `contrast` | > 5 | largest over smallest rate in the row: phase-locked |
| `preferred` (us) | 0 ± 40 | what the neuron undoes that fires most without a difference |
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import MOhm, ms, mV, nA, us

NEURONS, AXONS = 25, 40
DELAYS = np.arange(NEURONS) * 10  # us, from the left; from the right it is the other way round
SOUNDS = np.array([-150, -60, 0, 100, 180])  # us, how much later the right ear hears
PERIOD, DURATION, JITTER = 500, 200, 60  # us, ms, us


class Result(NamedTuple):
    error: float
    contrast: float
    preferred: float
    rates: np.ndarray


def ear(lag, random):
    """Spikes of an ear's axons, each in half of the periods and not quite in phase."""
    period = np.arange(4, DURATION * 1000 // PERIOD)
    fires = random.random((AXONS, len(period))) < 0.5
    axon, k = np.nonzero(fires)
    times = period[k] * PERIOD + lag + JITTER * random.standard_normal(len(k))
    step = np.round(times / 10)
    unique = np.unique(np.stack([step, axon]), axis=1)
    return rb.SpikeSource(unique[0] * 10 * us, unique[1].astype(int), AXONS)


def rates(lag):
    """Rate (Hz) of each neuron while the right ear hears a tone so much later (us)."""
    random = np.random.default_rng(0)
    neuron = rb.Refractory(
        rb.LIF(tau=0.2 * ms, R=10 * MOhm, v_rest=-65 * mV, v_th=-50 * mV, v_reset=-65 * mV), 1 * ms
    )
    synapse = rb.Exponential(tau=0.1 * ms)
    delays = {"left": 10 + DELAYS, "right": 10 + DELAYS[::-1]}
    net = rb.Network(
        {
            "left": ear(0, random),
            "right": ear(lag, random),
            "row": rb.Population(neuron, NEURONS),
        },
        [
            rb.Connection(
                side,
                "row",
                rb.Dense(),
                synapse,
                weight=0.14 * nA,
                delay=np.tile(delay, AXONS) * us,
            )
            for side, delay in delays.items()
        ],
    )
    run = rb.simulate(net, duration=DURATION * ms, dt=0.01 * ms)
    return np.asarray(run["row"].rate(), float)


def main() -> Result:
    row = np.stack([rates(lag) for lag in SOUNDS])
    # What a neuron undoes; a tone repeats itself, so that the mean is one of phases.
    undone = DELAYS - DELAYS[::-1]
    phase = np.angle(row @ np.exp(2j * np.pi * undone / PERIOD))
    read = phase * PERIOD / (2 * np.pi)
    return Result(
        error=np.abs(read - SOUNDS).max(),
        contrast=(row.max(axis=1) / row.min(axis=1)).min(),
        preferred=undone[row[list(SOUNDS).index(0)].argmax()],
        rates=row,
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(6, 3.2))
        ax = figure.subplots()
        for lag, row in zip(SOUNDS, result.rates, strict=True):
            line = ax.plot(DELAYS - DELAYS[::-1], row, "o-", markersize=3, label=f"{lag} us")[0]
            ax.axvline(lag, color=line.get_color(), linestyle=":", linewidth=0.9)
        ax.set(xlabel="difference that a neuron undoes (us)", ylabel="rate (Hz)", ylim=(0, None))
        ax.legend(title="right ear later by", loc="upper left", bbox_to_anchor=(1, 1))
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
