"""The workload of cells in rheobase: forward, several at once, and the gradient."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb
from benchmarks.measure import contend
from benchmarks.swc import path_of, spikes_of
from rheobase import channels as ch
from rheobase.units import S, cm, ms, mV, nA, ohm, um


def build(spec):
    tree = rb.io.read_swc(path_of(spec))
    cell = rb.Cell(
        tree, max_length=spec["max_length"] * um, axial_resistivity=100 * ohm * cm, v_init=-65 * mV
    )
    return cell.insert(ch.HH())


def arguments(cell, spec):
    soma = cell.at("soma")
    stop = min(90.0, spec["duration"])
    step = rb.stimulus.Step(spec["amplitude"] * nA, start=10 * ms, stop=stop * ms)
    return {
        "duration": spec["duration"] * ms,
        "dt": spec["dt"] * ms,
        "current": {soma: step},
        "record": {"v": [soma]},
        "n": spec["cells"] if spec["cells"] > 1 else None,
    }


def prepare(spec):
    if spec.get("what") == "gradient":
        return gradient(spec)
    built = []

    def run():
        if not built:
            begin = time.process_time()
            cell = build(spec)
            built.extend((cell, time.process_time() - begin))
        cell, seconds = built
        v = np.asarray(rb.simulate(cell, **arguments(cell, spec)).v).reshape(-1, spec["cells"])
        count = int(cell.compartments.membrane.sum())
        return {"spikes": spikes_of(v[:, 0]), "compartments": count, "construction": seconds}

    return run


def gradient(spec):
    """With respect to every conductance of every compartment."""
    cell = build(spec)
    count = int(cell.compartments.membrane.sum())
    each = ch.HH(**{
        name: np.full(count, value) * S / cm**2
        for name, value in (("g_Na", 0.12), ("g_K", 0.036), ("g_L", 3e-4))
    })  # fmt: skip
    cell = eqx.tree_at(lambda c: c.mechanisms[0].channel, cell, each)

    def loss(g):
        changed = eqx.tree_at(lambda c: (c["HH"].g_Na, c["HH"].g_K, c["HH"].g_L), cell, g)
        v = rb.simulate(changed, **arguments(changed, spec)).v
        return jnp.mean(v), v

    g = each.g_Na, each.g_K, each.g_L
    program = jax.jit(jax.value_and_grad(loss, has_aux=True)).lower(g).compile()
    temporary = program.memory_analysis().temp_size_in_bytes / 1e6

    def run():
        (_, v), slopes = program(g)
        norm = float(np.sqrt(sum((np.asarray(x, float) ** 2).sum() for x in slopes)))
        spikes = spikes_of(np.asarray(v)[:, 0])
        return {
            "spikes": spikes, "compartments": count, "norm of gradient": norm,
            "temporary MB": temporary,
        }  # fmt: skip

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
