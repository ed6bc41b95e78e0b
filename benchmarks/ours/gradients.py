"""The gradient methods of rheobase on one network and batch."""

import math

import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb
from benchmarks.measure import contend
from rheobase.units import ms

METHODS = {
    "surrogate": rb.gradients.Surrogate(),
    "checkpointed": rb.gradients.Surrogate(checkpoint=True),
    "eprop": rb.gradients.EProp(),
    "exact": rb.gradients.Exact(),
}
NEURONS = {"LIF": rb.LIF, "ALIF": rb.ALIF, "CubaLIF": rb.CubaLIF}


def network(spec, neuron):
    hidden = spec["hidden"]
    layer = [rb.Recurrent(neuron, hidden)] if spec["recurrent"] else [neuron]
    into, out = rb.Linear(spec["channels"], hidden), rb.Linear(hidden, 10)
    return rb.Sequential(
        into, *layer, out, rb.LI(), dt=1 * ms, key=jax.random.key(0), inputs="spikes"
    )


def batch_of(spec):
    random = np.random.default_rng(0)
    steps = spec["steps"] // spec.get("part", 1)
    x = random.random((spec["batch"], steps, spec["channels"])) < spec["rate"]
    return x.astype(float), random.integers(0, 10, spec["batch"])


def finite(gradient):
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(gradient))


def every_surrogate(spec):
    batch = batch_of(spec)

    def run():
        shapes = rb.surrogate.SHAPES[: spec["shapes"]]
        found = {"surrogates": len(shapes), "not finite": 0}
        for shape in shapes:
            model = network(spec, NEURONS[spec["neuron"]](spike=shape()))
            found["not finite"] += not finite(rb.gradients.value_and_grad(model, batch)[1])
        return found

    return run


def checked(spec):
    jax.config.update("jax_enable_x64", True)
    model, batch = network(spec, NEURONS[spec["neuron"]]()), batch_of(spec)
    return lambda: {
        "error": rb.gradients.check(model, batch, method=METHODS["exact"], step=1e-8).error
    }


def prepare(spec):
    if spec["method"] == "every surrogate":
        return every_surrogate(spec)
    if spec["method"] == "check":
        return checked(spec)
    method, model = METHODS[spec["method"]], network(spec, NEURONS[spec["neuron"]]())
    batch = batch_of(spec)
    needs = rb.gradients.compare(model, batch, [method], repeats=1).rows[0].megabytes
    hidden = rb.Sequential(*model.layers[:2], dt=1 * ms)
    rate = float(hidden(jnp.asarray(batch[0].swapaxes(0, 1), "float32")).mean())

    def run():
        loss, gradient = rb.gradients.value_and_grad(model, batch, method=method)
        leaves = [np.asarray(leaf, float).ravel() for leaf in jax.tree.leaves(gradient)]
        norm = math.sqrt(sum(float(leaf @ leaf) for leaf in leaves))
        return {
            "loss": float(loss), "norm of gradient": norm, "spikes per step": rate,
            "temporary MB": needs,
        }  # fmt: skip

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
