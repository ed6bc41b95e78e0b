"""The training race in rheobase: a Sequential and optax."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import rheobase as rb
from benchmarks import task
from benchmarks.measure import contend
from rheobase.units import MOhm, ms, mV


def prepare(spec):
    into, back, out = map(jnp.asarray, task.weights(spec))
    rest = {"v_rest": 0 * mV, "v_th": 1 * mV, "v_reset": 0 * mV}
    # R (1 - decay) = 1: the input reaches the membrane unscaled.
    lif = rb.LIF(
        tau=spec["tau"] * ms,
        R=1 / (1 - spec["decay"]) * MOhm,
        spike=rb.surrogate.FastSigmoid(k=25.0),
        **rest,
    )
    readout = rb.LI(
        tau=spec["tau_out"] * ms, R=1 / (1 - spec["decay_out"]) * MOhm, v_rest=rest["v_rest"]
    )
    drawn = rb.Sequential(
        rb.Linear(*into.shape, bias=False),
        rb.Recurrent(rb.SoftReset(lif), spec["hidden"], damping=1.0),
        rb.Linear(*out.shape, bias=False),
        readout,
        dt=1 * ms,
    )

    def model_of(weights):
        return eqx.tree_at(lambda m: tuple(m.layers[i].weight for i in range(3)), drawn, weights)

    cross_entropy = rb.losses.cross_entropy("max")
    clip = optax.clip_by_global_norm(spec["clip"])
    adam = optax.chain(clip, optax.adam(spec["rate of learning"]))

    @jax.jit
    def step(weights, memory, x, y):
        def loss(weights):
            return cross_entropy(model_of(weights)(x.swapaxes(0, 1)), y).mean()

        value, gradient = jax.value_and_grad(loss)(weights)
        change, memory = adam.update(gradient, memory)
        return optax.apply_updates(weights, change), memory, value

    now = [(into, back, out), adam.init((into, back, out))]

    def update(x, y):
        *now[:], value = step(*now, x, y)
        return value

    def classify(x):
        return model_of(now[0])(jnp.asarray(x).swapaxes(0, 1)).max(axis=0).argmax(axis=-1)

    return task.Race(spec, update, classify)


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox", "optax"))
