"""A recurrent network learns a pattern by eligibility propagation.

Paper: Bellec, G., Scherr, F., Subramoney, A., Hajek, E., Salaj, D., Legenstein, R. & Maass, W.
(2020). A solution to the learning dilemma for recurrent networks of spiking neurons. Nature
Communications 11:3625.

A hundred neurons with adaptive thresholds hear the same frozen noise again and again, and a readout
is to draw a curve of half a second, a sum of four sines. Instead of going back through time, each
synapse keeps a trace of what it contributed, and the error of the readout at each moment turns it
into a change of its weight.

| number | expected | from |
|---|---|---|
| `error` | < 0.1 | mean square error over the variance of the curve; the paper's figure 2 |
| `before` | > 0.9 | the same before learning |
| `alignment` | > 0.5 | cosine of e-prop's gradient with that of backpropagation through time |
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import ms

STEPS, INPUTS, NEURONS = 500, 20, 100  # steps of 1 ms


class Result(NamedTuple):
    error: float
    before: float
    alignment: float
    target: np.ndarray
    outputs: np.ndarray
    spikes: np.ndarray
    losses: np.ndarray


def curve(random):
    """A sum of sines of 2, 4, 6 and 10 Hz of random sizes and phases, with a variance of 1."""
    t = np.arange(STEPS) / STEPS
    size, phase = random.uniform(0.5, 2, 4), random.uniform(0, 2 * np.pi, 4)
    total = np.sin(2 * np.pi * np.outer(t, (1, 2, 3, 5)) + phase) @ size
    return total / total.std()


def square(output, target):
    return jnp.mean((output - target) ** 2, axis=(0, 2))


def main() -> Result:
    random = np.random.default_rng(0)
    target = curve(random)[:, None].astype(np.float32)
    noise = (random.random((STEPS, INPUTS)) < 0.05).astype(np.float32)
    model = rb.Sequential(
        rb.Linear(INPUTS, NEURONS),
        rb.Recurrent(rb.ALIF(tau=20 * ms, tau_a=300 * ms), NEURONS),
        rb.Linear(NEURONS, 1),
        rb.LI(tau=20 * ms),
        dt=1 * ms,
        inputs="spikes",
        key=jax.random.key(0),
    )

    def weights(model):
        return tuple(layer.weight for layer in model.layers[:3])

    data = noise[None], target[None]
    online, back = (
        np.concatenate([np.ravel(w) for w in weights(gradient)])
        for gradient in (
            rb.gradients.value_and_grad(model, data, loss=square, method=method)[1]
            for method in (rb.gradients.EProp(), rb.gradients.Surrogate())
        )
    )
    fitted = rb.fit(
        model,
        data,
        loss=square,
        gradient=rb.gradients.EProp(),
        trainable=weights,
        optimizer=optax.adam(1e-2),
        epochs=100,
        batch_size=1,
        progress=False,
    )
    outputs = np.stack([np.asarray(m(noise[:, None]))[:, 0, 0] for m in (model, fitted.model)])
    return Result(
        error=np.mean((outputs[1] - target[:, 0]) ** 2),
        before=np.mean((outputs[0] - target[:, 0]) ** 2),
        alignment=online @ back / np.sqrt((online @ online) * (back @ back)),
        target=target[:, 0],
        outputs=outputs,
        spikes=np.asarray(fitted.model.activity(noise[:, None])[0].spikes)[:, 0],
        losses=np.array(fitted.history.train_loss),
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(9, 4))
        axes = figure.subplot_mosaic(
            [["spikes", "losses"], ["output", "losses"]], width_ratios=[2, 1]
        )
        raster, output, learning = axes["spikes"], axes["output"], axes["losses"]
        raster.plot(*np.nonzero(result.spikes), "|", markersize=2)
        raster.set(ylabel="neuron", xlim=(0, STEPS), title="after learning")
        output.plot(result.target, color="0.5", label="target")
        output.plot(result.outputs[1], color=colours[1], label="readout")
        output.set(xlabel="time (ms)", ylabel="v (mV)", xlim=(0, STEPS))
        output.legend(ncols=2, loc="upper right")
        learning.plot(result.losses)
        learning.set(xlabel="repetition", ylabel="mean square error (mV²)", yscale="log")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
