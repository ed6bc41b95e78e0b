"""A network for every copy of a neuromorphic chip.

Papers: Çakal, U., Maryada, Wu, C., Ulusoy, I. & Muir, D. R. (2024). Gradient-descent
hardware-aware training and deployment for mixed-signal neuromorphic processors. Neuromorphic
Computing and Engineering 4:014011. The chip: Richter, O. et al. (2024). DYNAP-SE2: a scalable
multi-core dynamic neuromorphic asynchronous spiking neural network processor. Neuromorphic
Computing and Engineering 4:014003.

Two neurons of the analogue chip DYNAP-SE2 are to tell two frozen Poisson patterns of 60 channels
apart: each fires for one and is silent for the other. No two transistors are alike, so each step of
the training draws four new chips whose currents differ by 20 %, and in the end the network is tried
on twenty chips that it has not seen.

| number | expected | from |
|---|---|---|
| `accuracy` (%) | > 90 | patterns, on all unseen chips, for which the right neuron fires more |
| `ratio` | > 3 | right over wrong spikes, median of unseen chips, worse pattern |
| `ratio_before` | < 1.5 | the same of the untrained network |
| `spread` (%) | 20 ± 3 | coefficient of variation of a current over chips, as asked for |
"""

from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.devices import dynapse2 as d2
from rheobase.devices.dynapse2 import frozen_noise as task

SPREAD = 0.2


class Result(NamedTuple):
    accuracy: float
    ratio: float
    ratio_before: float
    spread: float
    before: np.ndarray
    after: np.ndarray
    losses: np.ndarray


def main() -> Result:
    patterns = task.patterns(jax.random.key(0))
    network = task.network(jax.random.key(1))
    trained = d2.train(network, patterns, task.loss, steps=80, chips=4, spread=SPREAD)
    before, after = (
        np.asarray(task.unseen(net, patterns, SPREAD, jax.random.key(5)).sum(axis=1))
        for net in (network, trained.network)
    )
    chips = d2.mismatch(d2.Neuron(), SPREAD, key=jax.random.key(7), n=1000)
    current = np.asarray(chips.Itau_mem)
    right = np.diagonal(after, axis1=1, axis2=2)
    wrong = np.diagonal(after[..., ::-1], axis1=1, axis2=2)
    return Result(
        accuracy=100 * np.mean(right > wrong),
        ratio=np.median(task.ratio(after)),
        ratio_before=np.median(task.ratio(before)),
        spread=100 * current.std() / current.mean(),
        before=before,
        after=after,
        losses=np.asarray(trained.losses),
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(9, 3))
        learning, *axes = figure.subplots(1, 3)
        learning.plot(result.losses, color=colours[2])
        learning.set(xlabel="step", ylabel="loss", title="training", ylim=(0, None))
        top = 2 * max(result.before.max(), result.after.max()) * 1.05
        for ax, counts, title in zip(
            axes, (result.before, result.after), ("before", "after"), strict=True
        ):
            ax.plot([0, top], [0, top], color="0.75", linewidth=0.8)
            for k in (0, 1):  # Hz: a pattern lasts half a second
                ax.plot(
                    2 * counts[:, k, k], 2 * counts[:, k, 1 - k], "o", markersize=4, label="AB"[k]
                )
            ax.set(xlabel="right neuron (Hz)", title=f"20 chips, {title}")
            ax.set(xlim=(-2, top), ylim=(-2, top))
        axes[0].set_ylabel("wrong neuron (Hz)")
        axes[0].legend(title="pattern")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
