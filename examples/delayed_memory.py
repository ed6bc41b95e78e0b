"""Adaptation is a working memory.

Paper: Bellec, G., Salaj, D., Subramoney, A., Legenstein, R. & Maass, W. (2018). Long short-term
memory and learning-to-learn in networks of spiking neurons. Advances in Neural Information
Processing Systems 31.

One of two cues is shown for 40 ms. Nothing happens for a quarter of a second; then the network is
asked which it was. Leaky neurons, whose time constant is 10 ms, have forgotten. Neurons whose
threshold rises with each spike and comes back within 400 ms remember: those that fired at the cue
answer less. The gradient has to go through that rise of the threshold, which is what
`rb.SurrogateReset` does; without it the memory is not learned.

| number | expected | from |
|---|---|---|
| `adaptive` (%) | > 95 | right on cues that training has not seen; LSNN of the paper |
| `leaky` (%) | 50 ± 12 | chance: nothing is left of the cue |
| `delay_fires` (Hz) | < 2 | mean rate in the delay: the memory is silent |
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import ms, mV

CUE, DELAY, QUESTION = 40, 250, 40  # steps of 1 ms
NEURONS = 60


class Result(NamedTuple):
    adaptive: float
    leaky: float
    delay_fires: float
    inputs: np.ndarray
    spikes: np.ndarray
    thresholds: np.ndarray
    answers: np.ndarray


def trials(n, seed):
    """Spikes of five channels for each cue and five for the question, and which cue it was."""
    random = np.random.default_rng(seed)
    which = random.integers(0, 2, n)
    chance = np.zeros((n, CUE + DELAY + QUESTION, 15))
    chance[:, :CUE, :5] = 0.1 * (which == 0)[:, None, None]
    chance[:, :CUE, 5:10] = 0.1 * (which == 1)[:, None, None]
    chance[:, -QUESTION:, 10:] = 0.1
    return 4 * (random.random(chance.shape) < chance).astype(np.float32), which


def loss(output, which):
    """Cross entropy of the mean voltage while the question is asked."""
    score = jax.nn.log_softmax(output[-QUESTION:].mean(axis=0), axis=-1)
    return -jnp.take_along_axis(score, which[:, None], axis=-1)[:, 0]


def trained(neuron, epochs):
    model = rb.Sequential(
        rb.Linear(15, NEURONS),
        rb.Recurrent(rb.SurrogateReset(neuron), NEURONS),
        rb.Linear(NEURONS, 2),
        rb.LI(tau=20 * ms),
        dt=1 * ms,
        inputs="spikes",
        key=jax.random.key(0),
    )
    fitted = rb.fit(
        model,
        trials(256, seed=0),
        loss=loss,
        trainable=lambda model: tuple(layer.weight for layer in model.layers[:3]),
        optimizer=optax.adam(5e-3),
        epochs=epochs,
        batch_size=32,
        progress=False,
    )
    return fitted.model


def main() -> Result:
    x, which = trials(256, seed=1)
    series = jnp.moveaxis(jnp.asarray(x), 1, 0)  # time first
    adaptive = trained(rb.ALIF(tau_a=400 * ms, beta=2 * mV), epochs=12)
    leaky = trained(rb.LIF(), epochs=6)
    right = [
        100 * np.mean(np.asarray(model(series))[-QUESTION:].mean(axis=0).argmax(axis=-1) == which)
        for model in (adaptive, leaky)
    ]
    shown = [np.flatnonzero(which == cue)[0] for cue in (0, 1)]
    hidden, readout = adaptive.activity(series[:, shown], record=("v", "a"))
    spikes = np.asarray(hidden.spikes)
    return Result(
        *right,
        delay_fires=1000 * spikes[CUE:-QUESTION].mean(),
        inputs=np.asarray(series[:, shown]),
        spikes=spikes,
        thresholds=2 * np.asarray(hidden.a),
        answers=np.asarray(readout.v),
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(9, 6.5))
        axes = figure.subplots(4, 2, sharex=True, sharey="row", height_ratios=[1, 2, 1.4, 1.2])
        order = (result.thresholds[CUE, 0] - result.thresholds[CUE, 1]).argsort()
        for cue in (0, 1):
            inputs, raster, memory, answer = axes[:, cue]
            inputs.plot(*np.nonzero(result.inputs[:, cue]), "|", color="0.3", markersize=4)
            inputs.set(title=f"cue {'AB'[cue]}", ylim=(-1, 15))
            raster.plot(*np.nonzero(result.spikes[:, cue][:, order]), "|", markersize=3)
            memory.plot(result.thresholds[:, cue], color=colours[2], linewidth=0.5, alpha=0.6)
            answer.plot(result.answers[:, cue], label=["A", "B"])
            answer.set(xlabel="time (ms)", xlim=(0, CUE + DELAY + QUESTION))
        for ax, name in zip(
            axes[:, 0], ("input", "neuron", "threshold (mV)", "answer (mV)"), strict=True
        ):
            ax.set_ylabel(name)
        axes[-1, 0].legend(loc="upper center", title="readout", ncols=2)
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
