"""Chip neurons in rheobase: a run, its gradient, or the construction of a chip with mismatch."""

import equinox as eqx
import jax
import jax.numpy as jnp

from benchmarks import chip
from benchmarks.measure import contend
from rheobase.devices import dynapse2 as d2
from rheobase.units import nA


def prepare(spec):
    n = spec["n"]
    # The physical synapse needs more current than the linear one to fire as often.
    neuron = d2.Neuron(mode=spec.get("mode", "compatible"), Iscale=spec.get("iscale", 10) * nA)
    numbers = iter(range(10**6))

    def construct():
        built = d2.mismatch(neuron, 0.05 / 3, key=jax.random.key(next(numbers)), n=n)
        jax.block_until_ready(built)
        return {}

    if spec["task"] == "construction":
        return construct
    x, weight = map(jnp.asarray, chip.arrays(spec))
    built = d2.mismatch(neuron, 0.05 / 3, key=jax.random.key(1), n=n)
    net = d2.Network(
        n_out=n, neuron=built, inputs=d2.Projection(jnp.eye(n)), synapses=d2.Projection(weight)
    )

    def forward(net, x):
        return net.run(x).spikes.sum()

    if spec["task"] == "gradient":
        gradient = eqx.filter_jit(eqx.filter_value_and_grad(forward))

        def run():
            value, found = jax.block_until_ready(gradient(net, x))
            return chip.work(spec, value, found.synapses.weight)

        return run
    compiled = eqx.filter_jit(forward)
    return lambda: chip.work(spec, jax.block_until_ready(compiled(net, x)))


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
