"""The dense layer in Spyx: one product for all time steps, then `spyx.nn.run` over its LIF."""

import jax
import jax.numpy as jnp
from flax import nnx
from spyx import axn
from spyx import nn as snn

from benchmarks import dense
from benchmarks.measure import contend


def prepare(spec):
    x, weight, bias = map(jnp.asarray, dense.arrays(spec))
    n = spec["n"]
    linear = nnx.Linear(n, n, rngs=nnx.Rngs(0))
    linear.kernel[...], linear.bias[...] = weight.T, bias
    lif = snn.LIF((n,), beta=spec["decay"], activation=axn.superspike(25.0), rngs=nnx.Rngs(0))

    def loss(linear, x):
        return snn.run(lif, linear(x))[0].sum()

    gradient = nnx.jit(nnx.value_and_grad(loss))

    def run():
        value, grads = jax.block_until_ready(gradient(linear, x))
        return dense.work(spec, value, grads.kernel[...])

    return run


if __name__ == "__main__":
    contend(prepare, packages=("spyx", "flax", "jax"))
