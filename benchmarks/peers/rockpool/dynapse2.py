"""Chip neurons in Rockpool's DynapSim, through its public functions, jitted with its parameters."""

import warnings

warnings.simplefilter("ignore")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from rockpool.devices.dynapse import DynapSim  # noqa: E402

from benchmarks import chip  # noqa: E402
from benchmarks.measure import contend  # noqa: E402


def prepare(spec):
    n = spec["n"]
    numbers = iter(range(10**6))

    def built(seed, weight):
        return DynapSim(
            (n, n),
            has_rec=True,
            w_rec=weight,
            percent_mismatch=0.05,
            rng_key=jnp.asarray(np.array([0, seed], np.uint32)),
        )

    if spec["task"] == "construction":
        weight = np.zeros((n, n), np.float32)

        def construct():
            jax.block_until_ready(jax.tree.leaves(built(next(numbers), weight)))
            return {}

        return construct
    x, weight = chip.arrays(spec)
    x = jnp.asarray(np.moveaxis(x, 0, 1))
    module, w_in = built(1, weight), jnp.eye(n)

    def forward(w_rec, w_in, module, x):
        module = module.set_attributes({"w_rec": w_rec})
        return module(x @ w_in)[0].sum()

    if spec["task"] == "gradient":
        gradient = jax.jit(jax.value_and_grad(forward))

        def run():
            value, found = jax.block_until_ready(gradient(jnp.asarray(weight), w_in, module, x))
            return chip.work(spec, value, found)

        return run
    compiled = jax.jit(forward)
    return lambda: chip.work(
        spec, jax.block_until_ready(compiled(jnp.asarray(weight), w_in, module, x))
    )


if __name__ == "__main__":
    contend(prepare, packages=("rockpool", "jax"))
