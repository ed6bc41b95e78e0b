"""The workload of a network of cells in rheobase: forward, and the gradient to all weights."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb
from benchmarks.measure import contend
from benchmarks.pairs import amplitudes, pairs
from rheobase import channels as ch
from rheobase.units import ms, mV, nA, um, uS

# One compartment of these has the area of a sphere of radius 10 um.
SOMA = {"length": 20 * um, "radius": 10 * um, "region": "soma"}


def build(spec, weight):
    section = rb.morphology.Section(**SOMA)
    cell = rb.Cell(rb.morphology.Tree([section]), v_init=-65 * mV).insert(ch.HH())
    cell = cell.insert(ch.SpikeDetector(v_th=0 * mV), at="soma")
    pre, post = np.transpose(pairs(spec))
    synapse = rb.Conductance(rb.Ionotropic(), reversal=0 * mV)
    return rb.Network(
        {"cells": rb.Population(cell, spec["cells"])},
        [rb.Connection("cells", "cells", rb.Pairs(pre, post), synapse, weight=weight * uS)],
        [rb.Drive("cells", rb.stimulus.Constant(np.asarray(amplitudes(spec)) * nA))],
    )


def simulate(net, spec):
    record = {"cells": rb.Record((), spikes="count")}
    return rb.simulate(net, duration=spec["duration"] * ms, dt=spec["dt"] * ms, record=record)


def prepare(spec):
    if spec.get("what") == "gradient":
        return gradient(spec)
    built = []

    def run():
        if not built:
            begin = time.process_time()
            built.extend((build(spec, spec["weight"]), time.process_time() - begin))
        net, seconds = built
        spikes = float(np.sum(simulate(net, spec)["cells"].counts))
        return {
            "spikes": spikes, "synapses": net.projections[0].synapses, "construction": seconds,
        }  # fmt: skip

    return run


def gradient(spec):
    """Of the number of all spikes."""
    net = build(spec, np.full(spec["synapses"], spec["weight"]))

    def loss(weight):
        changed = eqx.tree_at(lambda net: net.projections[0].weight, net, weight)
        return simulate(changed, spec)["cells"].counts.sum()

    weight = jnp.full(spec["synapses"], spec["weight"])
    program = jax.jit(jax.value_and_grad(loss))

    def run():
        value, slope = program(weight)
        norm = float(np.sqrt((np.asarray(slope, float) ** 2).sum()))
        return {"spikes": float(value), "synapses": len(weight), "norm of gradient": norm}

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
