"""The training race in rheobase: a Sequential and optax."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import rheobase as rb
from benchmarks import task
from benchmarks.measure import contend
from rheobase.units import ms, mV


def prepare(spec):
    into, back, out = map(jnp.asarray, task.weights(spec))
    rest = {"v_rest": 0 * mV, "v_th": 1 * mV, "v_reset": 0 * mV}
    lif = rb.LIF(spike=rb.surrogate.FastSigmoid(k=25.0), **rest)
    readout = rb.LI(v_rest=rest["v_rest"])
    decays = (
        jnp.full(spec["hidden"], spec["decay"], "float32"),
        jnp.full(10, spec["decay_out"], "float32"),
    )
    drawn = rb.Sequential(
        rb.Linear(*into.shape, bias=False),
        rb.Recurrent(rb.SoftReset(lif), spec["hidden"], damping=1.0),
        rb.Linear(*out.shape, bias=False),
        readout,
        dt=1 * ms,
    )

    def parts(model):
        lif, readout = model.layers[1].neuron.neuron, model.layers[3]
        weights = tuple(model.layers[i].weight for i in range(3))
        return *weights, lif.tau, lif.R, readout.tau, readout.R

    def model_of(trained):
        weights, decays = trained[:3], trained[3:]
        # A step multiplies by the decay, and R (1 - decay) = 1: the input arrives unscaled.
        membranes = [x for d in decays for x in (-1 / jnp.log(d), 1 / (1 - d))]
        return eqx.tree_at(parts, drawn, (*weights, *membranes))

    cross_entropy = rb.losses.cross_entropy("max")
    clip = optax.clip_by_global_norm(spec["clip"])
    adam = optax.chain(clip, optax.adam(spec["rate of learning"]))

    @jax.jit
    def step(weights, memory, x, y):
        def loss(weights):
            return cross_entropy(model_of(weights)(x.swapaxes(0, 1)), y).mean()

        value, gradient = jax.value_and_grad(loss)(weights)
        change, memory = adam.update(gradient, memory)
        *weights, decay, decay_out = optax.apply_updates(weights, change)
        within = (jnp.clip(d, 0.01, 0.9999) for d in (decay, decay_out))
        return (*weights, *within), memory, value

    begin = into, back, out, *decays
    now = [begin, adam.init(begin)]

    def update(x, y):
        *now[:], value = step(*now, x, y)
        return value

    def classify(x):
        return model_of(now[0])(jnp.asarray(x).swapaxes(0, 1)).max(axis=0).argmax(axis=-1)

    return task.Race(spec, update, classify)


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox", "optax"))
