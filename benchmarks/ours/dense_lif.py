"""The dense layer in rheobase: a Sequential, which hoists the product by itself."""

import equinox as eqx
import jax
import jax.numpy as jnp

import rheobase as rb
from benchmarks import dense
from benchmarks.measure import contend
from rheobase.units import MOhm, ms, mV


def prepare(spec):
    x, weight, bias = map(jnp.asarray, dense.arrays(spec))
    n = spec["n"]
    # R (1 - decay) = 1: the input reaches the membrane unscaled.
    lif = rb.LIF(
        tau=spec["tau"] * ms,
        R=1 / (1 - spec["decay"]) * MOhm,
        v_rest=0 * mV,
        v_th=1 * mV,
        v_reset=0 * mV,
        spike=rb.surrogate.FastSigmoid(k=25.0),
    )
    model = rb.Sequential(rb.Linear(n, n, bias=True), rb.SoftReset(lif), dt=1 * ms)

    def loss(weight, x):
        trained = eqx.tree_at(
            lambda m: (m.layers[0].weight, m.layers[0].bias), model, (weight, bias)
        )
        return trained(x).sum()

    gradient = jax.jit(jax.value_and_grad(loss))
    return lambda: dense.work(spec, *jax.block_until_ready(gradient(weight.T, x)))


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
