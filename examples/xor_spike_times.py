"""Exclusive or, learned from the times of spikes.

Papers: Bohte, S. M., Kok, J. N. & La Poutré, H. (2002). Error-backpropagation in temporally encoded
networks of spiking neurons. Neurocomputing 48:17-37. Wunderlich, T. C. & Pehle, C. (2021).
Event-based backpropagation can compute exact gradients for spiking neural networks. Scientific
Reports 11:12829.

Two inputs each spike once, early (0 ms) or late (6 ms), beside one that always spikes early. The
network says whether they differ: no single neuron can. It learns by the gradient of the times of
its hidden spikes, without a surrogate, so that the gradient is the slope of the loss.

| number | expected | from |
|---|---|---|
| `accuracy` (%) | 100 | all four cases |
| `loss` | < 0.1 | cross entropy at the end; log 2 = 0.69 by chance |
| `slope` | 1 ± 2 % | finite difference of the loss along the gradient, over its norm |
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.units import ms

CASES = ((0, 0), (0, 1), (1, 0), (1, 1))
WHEN = {0: 0, 1: 6}  # ms, early or late
STEPS = 25  # of 1 ms


class Result(NamedTuple):
    accuracy: float
    loss: float
    slope: float
    losses: np.ndarray
    voltages: np.ndarray


def main() -> Result:
    inputs = np.zeros((4, STEPS, 3), np.float32)
    for case, (a, b) in enumerate(CASES):
        inputs[case, [WHEN[a], WHEN[b], 0], [0, 1, 2]] = 2
    labels = np.array([a ^ b for a, b in CASES])
    hidden = rb.CubaLIF(tau=10 * ms, tau_syn=3 * ms)
    model = rb.Sequential(
        rb.Linear(3, 20),
        hidden,
        rb.Linear(20, 2),
        rb.LI(tau=5 * ms),
        dt=1 * ms,
        inputs="spikes",
        key=jax.random.key(1),
    )

    def weights(model):
        return model.layers[0].weight, model.layers[2].weight

    exact = rb.gradients.Exact()
    trained = rb.fit(
        model,
        (inputs, labels),
        gradient=exact,
        trainable=weights,
        optimizer=optax.adam(1e-2),
        epochs=200,
        batch_size=4,
        progress=False,
    )

    def loss_of(model):
        return rb.gradients.value_and_grad(model, (inputs, labels), method=exact)

    # Go a little way along the gradient, forwards and back.
    gradient = weights(loss_of(model)[1])
    norm = np.sqrt(sum(float(jnp.sum(g**2)) for g in gradient))
    ahead, behind = (
        eqx.tree_at(
            weights,
            model,
            jax.tree.map(lambda w, g, h=h: w + h * g / norm, weights(model), gradient),
        )
        for h in (1e-4, -1e-4)
    )
    difference = (loss_of(ahead)[0] - loss_of(behind)[0]) / 2e-4
    readout = trained.model.activity(jnp.moveaxis(inputs, 1, 0), record=("v",))[1]
    return Result(
        accuracy=100 * trained.history.train_accuracy[-1],
        loss=trained.history.train_loss[-1],
        slope=float(difference) / norm,
        losses=np.array(trained.history.train_loss),
        voltages=np.asarray(readout.v),
    )


def picture(result: Result) -> Figure:
    with rb.plot.look() as colours:
        figure = Figure(figsize=(10, 2.8))
        axes = figure.subplots(1, 5)
        axes[0].plot(result.losses, color=colours[2])
        axes[0].set(xlabel="epoch", ylabel="cross entropy", ylim=(0, None), title="learning")
        top = result.voltages.max() * 1.4
        for case, ax in enumerate(axes[1:]):
            ax.plot(np.arange(1, STEPS + 1), result.voltages[:, case], label=["same", "different"])
            a, b = ("late" if x else "early" for x in CASES[case])
            ax.set(xlabel="time (ms)", title=f"{a}, {b}", ylim=(None, top))
        axes[1].set_ylabel("readout (mV)")
        axes[1].legend(loc="upper right")
    return figure


if __name__ == "__main__":
    from show import show

    show(main(), picture)
