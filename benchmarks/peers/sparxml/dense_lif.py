"""The dense layer in sparx: a Flax Dense over all time steps, then its LIF."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import sparx

from benchmarks import dense
from benchmarks.measure import contend


class Net(nn.Module):
    n: int
    tau: float

    @nn.compact
    def __call__(self, x):
        drive = nn.Dense(self.n)(x)
        lif = sparx.nn.LIF(
            tau=self.tau, surrogate=sparx.surrogate.FastSigmoid(25.0), detach_reset=True
        )
        return lif(drive)


def prepare(spec):
    x, weight, bias = map(jnp.asarray, dense.arrays(spec))
    net = Net(spec["n"], spec["tau"])

    def loss(weight, x):
        parameters = {"params": {"Dense_0": {"kernel": weight, "bias": bias}}}
        return net.apply(parameters, x).sum()

    gradient = jax.jit(jax.value_and_grad(loss))
    return lambda: dense.work(spec, *jax.block_until_ready(gradient(weight.T, x)))


if __name__ == "__main__":
    contend(prepare, packages=("sparxml", "flax", "jax"))
