"""The network workloads in rheobase: declared from shared pairs, run by `simulate`."""

import jax
import numpy as np

import rheobase as rb
from benchmarks.measure import contend
from benchmarks.wiring import excitatory, gates, spike_work, wiring
from rheobase.units import Hz, MOhm, ms, mV, nF, nS

NAMES = ("e", "i")


def pseudo_derivative(p):
    """A triangle of this height and width, where they are given."""
    if "height" not in p:
        return {}
    return {"spike": rb.surrogate.Triangle(a=p["height"] / p["width"], w=p["width"])}


def lif(p):
    neuron = rb.LIF(
        tau=p["tau"] * ms,
        R=1000 / p.get("g_L", 1000) * MOhm,
        v_rest=p["v_rest"] * mV,
        v_th=p["v_th"] * mV,
        v_reset=p["v_reset"] * mV,
        **pseudo_derivative(p),
    )
    return rb.Refractory(neuron, p["refractory"] * ms)


def traub_miles(p):
    names = {"C": nF, "g_Na": nS, "g_K": nS, "g_L": nS}
    names |= dict.fromkeys(("v_Na", "v_K", "v_L", "v_T", "v_th"), mV)
    rest = {"v_rest": p["v_L"] * mV}
    return rb.TraubMiles(**{name: p[name] * unit for name, unit in names.items()}, **rest)


def currents(p, kind):
    return {"synapse": rb.Exponential(tau=p["tau_" + kind] * ms), "weight": p["w_" + kind] * mV}


def conductances(p, kind):
    course = rb.Exponential(tau=p["tau_" + kind] * ms)
    synapse = rb.Conductance(course, reversal=p["E_" + kind] * mV)
    return {"synapse": synapse, "weight": p["w_" + kind] * nS}


def jumps(p, kind):
    weight = p["J"] * (1 if kind == "e" else -p["g"])
    return {"synapse": rb.Delta(), "weight": weight * mV, "delay": p["delay"] * ms}


def plastic(p, kind):
    rule = rb.PairSTDP(
        p["w_max"] * mV, p["A_plus"], p["A_minus"], p["tau_plus"] * ms, p["tau_minus"] * ms
    )
    return currents(p, kind) | ({"plasticity": rule} if kind == "e" else {})


# Neuron, synapses, stepper.
KINDS = {
    "cuba": (lif, currents, rb.Exact()),
    "coba": (lif, conductances, rb.ExponentialEuler()),
    "cobahh": (traub_miles, conductances, rb.ExponentialEuler()),
    "brunel": (lif, jumps, rb.Exact()),
    "stdp": (lif, plastic, rb.Exact()),
}


def build(spec, shared):
    """The network and its initial values."""
    p, first = spec["parameters"], excitatory(spec)
    neuron, synapse, _ = KINDS[spec["network"]]
    late = {"delay": spec["delay"] * ms} if "delay" in spec else {}
    sides = {"e": (0, first), "i": (first, spec["n"])}
    connections = []
    for pre in NAMES:
        for post in NAMES:
            (a, b), (c, d) = sides[pre], sides[post]
            some = (shared.pre >= a) & (shared.pre < b) & (shared.post >= c) & (shared.post < d)
            pairs = rb.Pairs(shared.pre[some] - a, shared.post[some] - c)
            connections.append(rb.Connection(pre, post, pairs, **synapse(p, pre), **late))
    drives = []
    if spec["network"] == "brunel":
        rate = p["eta"] * p["v_th"] / (p["J"] * p["tau"]) * 1000 * Hz
        drives = [rb.Drive(name, rb.stimulus.Poisson(rate, p["J"] * mV)) for name in NAMES]
    populations = {name: rb.Population(neuron(p), b - a) for name, (a, b) in sides.items()}
    init = {name: {"v": shared.v[a:b] * mV} for name, (a, b) in sides.items()}
    if spec["network"] == "cobahh":
        steady = gates(p["v_L"], p["v_T"])
        init = {name: values | steady for name, values in init.items()}
    return rb.Network(populations, connections, drives, key=jax.random.key(0)), init


def prepare(spec):
    shared = wiring(spec)
    stepper = KINDS[spec["network"]][2]
    if "stepper" in spec:
        stepper = getattr(rb, spec["stepper"])()
    built = []

    def run():
        if not built:
            built.append(build(spec, shared))
        network, init = built[0]
        run = rb.simulate(
            network,
            duration=spec["steps"] * spec["dt"] * ms,
            dt=spec["dt"] * ms,
            stepper=stepper,
            init=init,
            key=jax.random.key(1),
        )
        times = np.concatenate([run[name].events[0] for name in NAMES])
        return spike_work(np.round(times / spec["dt"]).astype(int) - 1, spec)

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
