"""Neurons that compete for digits come to stand for them, without labels.

Paper: Diehl, P. U. & Cook, M. (2015). Unsupervised learning of digit recognition using
spike-timing-dependent plasticity. Frontiers in Computational Neuroscience 9:99.

Pixels fire as Poisson processes, synapses learn by STDP with a target, thresholds rise with use,
and all neurons inhibit each other. Labels are used only in the end: each neuron is assigned to the
digit to which it responds most, and a picture is taken for the digit whose neurons fire most. These
are the 8 by 8 digits of scikit-learn, few of them so that it is fast; `rb.classics.diehl_cook` says
in what it is not as published. With 800 pictures and 100 neurons it recognises 83.7 % of those that
it has not seen; a supervised network reaches 98 % (`rheobase demo`).

| number | expected | from |
|---|---|---|
| `accuracy` (%) | > 55 | of 100 pictures that it has not seen; 10 by chance |
| `without_learning` (%) | < 45 | the same network with the weights of the start |
| `digits` | > 7 | how many digits have a neuron |
"""

from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

import rheobase as rb

SEEN, NEURONS = 200, 36


class Result(NamedTuple):
    accuracy: float
    without_learning: float
    digits: int
    weights: np.ndarray
    labels: np.ndarray


def main() -> Result:
    data = rb.datasets.digits()
    x, y = data.batch(np.random.default_rng(0).permutation(len(data)))
    learning, assigning, judging = jax.random.split(jax.random.key(1), 3)
    fresh = rb.classics.diehl_cook(jax.random.key(0), n=NEURONS)

    def judged(net):
        net = net.assigned(x[:SEEN], y[:SEEN], assigning)
        return net, 100 * np.mean(net.classify(x[-100:], judging) == y[-100:])

    net, accuracy = judged(fresh.learned(x[:SEEN], learning))
    return Result(
        accuracy=accuracy,
        without_learning=judged(fresh)[1],
        digits=len(set(np.asarray(net.labels).tolist())),
        weights=np.asarray(net.weights),
        labels=np.asarray(net.labels),
    )


def picture(result: Result) -> Figure:
    with rb.plot.look():
        figure = Figure(figsize=(8, 3.2))
        axes = figure.subplots(3, 12)
        order = result.labels.argsort()
        for ax, neuron in zip(axes.flat, order, strict=True):
            ax.imshow(result.weights[:, neuron].reshape(8, 8), cmap="gray_r")
            ax.set_title(result.labels[neuron], fontsize=8)
            ax.set_axis_off()
        figure.supxlabel("weights of the neurons (dark: strong) and the digits assigned")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
