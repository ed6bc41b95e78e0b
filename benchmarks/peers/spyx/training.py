"""The training race in Spyx: products for all time steps, then `spyx.nn.run` over its neurons."""

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from spyx import axn
from spyx import nn as snn

from benchmarks import task
from benchmarks.measure import contend


class Network(nnx.Module):
    def __init__(self, spec):
        into, back, out = map(jnp.asarray, task.weights(spec))
        rngs = nnx.Rngs(0)
        self.into = nnx.Linear(*into.shape, use_bias=False, rngs=rngs)
        self.hidden = snn.RLIF(
            (spec["hidden"],), beta=spec["decay"], activation=axn.superspike(25.0), rngs=rngs
        )
        self.out = nnx.Linear(*out.shape, use_bias=False, rngs=rngs)
        self.readout = snn.LI((10,), beta=spec["decay_out"], rngs=rngs)
        self.into.kernel[...], self.hidden.recurrent_w[...], self.out.kernel[...] = into, back, out

    def __call__(self, x):
        spikes, _ = snn.run(self.hidden, self.into(x.swapaxes(0, 1)))
        return snn.run(self.readout, self.out(spikes))[0].max(axis=0)


def prepare(spec):
    network = Network(spec)
    clip = optax.clip_by_global_norm(spec["clip"])
    rule = optax.chain(clip, optax.adam(spec["rate of learning"]))
    adam = nnx.Optimizer(network, rule, wrt=nnx.Param)

    @nnx.jit
    def step(network, adam, x, y):
        def loss(network):
            scores = network(x)
            return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()

        value, gradient = nnx.value_and_grad(loss)(network)
        adam.update(network, gradient)
        return value

    return task.Race(
        spec,
        lambda x, y: step(network, adam, x, y),
        lambda x: jax.numpy.argmax(network(jnp.asarray(x)), axis=-1),
    )


if __name__ == "__main__":
    contend(prepare, packages=("spyx", "flax", "jax", "optax"))
