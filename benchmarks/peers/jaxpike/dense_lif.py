"""The dense layer in jaxpike: `unroll` of a Sequential, which hoists the product by itself."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxpike
import numpy as np

from benchmarks import dense
from benchmarks.measure import contend


def prepare(spec):
    x, weight, bias = map(jnp.asarray, dense.arrays(spec))
    n, decay = spec["n"], spec["decay"]
    layer = jaxpike.Dense(n, n, key=jax.random.key(0))
    # Its LIF scales the input by 1 - decay.
    layer = eqx.tree_at(
        lambda d: (d.weight, d.bias), layer, (weight / (1 - decay), bias / (1 - decay))
    )
    lif = jaxpike.LIF(tau=-1 / np.log(decay), surrogate=jaxpike.FastSigmoid(25.0))
    network = jaxpike.Sequential(layer, lif)

    def loss(weight, x):
        trained = eqx.tree_at(lambda net: net.layers[0].weight, network, weight)
        return jaxpike.unroll(trained, x)[0].sum()

    gradient = eqx.filter_jit(eqx.filter_value_and_grad(loss))

    def run():
        value, grads = jax.block_until_ready(gradient(network.layers[0].weight, x))
        return dense.work(spec, value, grads / (1 - decay))

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jaxpike", "jax"))
