"""Networks at random: neurons of the registry with adaptors, synapses, delays, rules and drives.

A structure (which classes, who is connected to whom) comes from one seed, its numbers from another,
so that many networks are the same compiled programs.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb
from rheobase.units import Hz, Quantity, ms, mV, nA, uS
from tests.laws.helpers import poised
from tests.registry import NEURONS

DT = 0.1 * ms
FIRING = ("IF", "LIF", "CubaLIF", "ALIF", "GLIF", "ExpIF", "AdEx", "QIF", "AdQIF", "Izhikevich")
"""Neurons that a step of 0.1 ms suits."""
ADAPTORS: tuple[Any, ...] = (
    lambda x: x,
    lambda x: x,
    lambda x: rb.Refractory(x, 1.3 * ms),
    lambda x: rb.Refractory(rb.ThresholdAdaptation(x, 30 * ms, 1 * mV), 0.7 * ms),
    lambda x: rb.SoftReset(x),
)
SYNAPSES: tuple[Any, ...] = (
    (lambda: rb.Delta(), mV, 0.8),
    (lambda: rb.Exponential(tau=4 * ms), nA, 0.05),
    (lambda: rb.DualExponential(tau_rise=1 * ms, tau_decay=6 * ms), nA, 0.05),
    (lambda: rb.Alpha(tau=2 * ms), nA, 0.05),
    (lambda: rb.Conductance(rb.Exponential(tau=5 * ms), reversal=0 * mV), uS, 0.002),
    (lambda: rb.NMDA(rb.DualExponential(2 * ms, 80 * ms)), uS, 0.002),
)
RULES: tuple[Any, ...] = (
    lambda: (),
    lambda: (),
    lambda: rb.PairSTDP(w_max=0.2 * nA, A_plus=0.05),
    lambda: rb.TripletSTDP(w_max=0.2 * nA),
    lambda: (rb.VogelsSTDP(w_max=0.2 * nA, eta=0.01), rb.PairSTDP(w_max=0.2 * nA)),
)
DELAYS: tuple[Any, ...] = (None, 0.4 * ms, 1.7 * ms, rb.Uniform(0.2 * ms, 1.5 * ms))
CONNECTIVITY: tuple[Any, ...] = (
    lambda: rb.FixedProbability(0.3),
    lambda: rb.FixedInDegree(3),
    lambda: rb.FixedOutDegree(2),
    lambda: rb.Dense(),
)


def structure(seed: int, *, draws: bool = True) -> rb.Network:
    """A network of one to three populations; `draws`: whether drives may be random."""
    random = np.random.default_rng(seed)

    def one(of: Any) -> Any:
        return of[random.integers(len(of))]

    names = ("a", "b", "c")[: random.integers(1, 4)]
    kinds = {name: one(FIRING) for name in names}
    populations = {
        name: rb.Population(one(ADAPTORS)(NEURONS[kind].make()), int(random.integers(3, 24)))
        for name, kind in kinds.items()
    }
    connections = []
    for _ in range(random.integers(0, 4)):
        make, unit, size = one(SYNAPSES)
        post = one(names)
        if kinds[post] == "CubaLIF" and unit is mV:  # its kicks are of current
            make, unit, size = SYNAPSES[1]
        rule = one(RULES)() if unit is nA and make is SYNAPSES[1][0] else ()
        sign = 1 if unit is uS or rule else one((1, 1, -1))
        connections.append(
            rb.Connection(
                one(names), post, one(CONNECTIVITY)(), make(), weight=sign * size * unit,
                delay=one(DELAYS), plasticity=rule,
            )
        )  # fmt: skip
    drives = []
    for name in names:
        row = NEURONS[kinds[name]]
        drives.append(rb.Drive(name, rb.stimulus.Constant(3 * row.drive)))
        noise = 0.3 * row.drive
        more: tuple[Any, ...] = (
            lambda name=name, row=row: rb.Drive(name, rb.stimulus.Step(row.drive, start=2 * ms)),
            lambda name=name: rb.Drive(
                name, rb.stimulus.Poisson(400 * Hz, 0.2 * nA), rb.Exponential(tau=3 * ms)
            ),
            lambda name=name, noise=noise: rb.Drive(
                name, rb.stimulus.OrnsteinUhlenbeck(0 * nA, noise, 3 * ms)
            ),
        )
        if random.random() < 0.6:
            drives.append(one(more if draws else more[:1])())
    return rb.Network(populations, connections, drives, key=jax.random.key(seed))


def numbers(net: rb.Network, seed: int) -> rb.Network:
    """The same structure with other weights and constant drives."""
    random = np.random.default_rng(seed)
    net = weighted(net, [p.weight * _by(random, p.weight) for p in net.projections])
    return eqx.tree_at(
        lambda n: [
            d.stimulus.amplitude.value
            for d in n.drives
            if isinstance(d.stimulus, rb.stimulus.Constant)
        ],
        net,
        replace_fn=lambda v: v * _by(random, v),
    )


def weighted(net: rb.Network, weights: list[Any]) -> rb.Network:
    """The network with other weights, in the order of its connections."""
    if not weights:
        return net
    return eqx.tree_at(lambda n: [p.weight for p in n.projections], net, weights)


def _by(random: Any, x: Any) -> Any:
    return jnp.asarray(random.uniform(0.3, 1.7), x.dtype)


def start(net: rb.Network, seed: int) -> dict[str, dict[str, Quantity]]:
    """Voltages to begin at, some of them close to threshold."""
    random = np.random.default_rng(seed)
    return {
        name: poised(p.neuron, -np.asarray(random.uniform(0.005, 0.6, p.n), float))
        for name, p in sorted(net.populations.items())
    }


def run(net: rb.Network, seed: int, steps: int, **more: Any) -> Any:
    """A short run with a key, from random voltages, that keeps events and voltages."""
    record = {name: rb.Record(("v",), spikes="raster") for name in net.populations}
    if "state" not in more:
        more = {"init": start(net, seed), "key": jax.random.key(seed), **more}
    return rb.simulate(net, duration=steps * DT, dt=DT, **{"record": record, **more})


def permuted(net: rb.Network) -> rb.Network:
    """The same network with its populations and connections in the opposite order."""
    other = object.__new__(rb.Network)
    own = {
        "populations": dict(reversed(net.populations.items())),
        "projections": tuple(reversed(net.projections)),
        "drives": net.drives,
        "systems": dict(reversed(net.systems.items())),
        "driven": net.driven,
    }
    for name, value in own.items():
        object.__setattr__(other, name, value)
    return other


def forged(state: Any, seed: int) -> Any:
    """A state of which one array was replaced: in its shape, its type, or what is in it."""
    random = np.random.default_rng(seed)
    leaves, structure = jax.tree.flatten(state._replace(key=None))
    k = int(random.integers(len(leaves)))
    x = np.array(leaves[k])
    how = random.integers(6)
    if how == 0:
        x = np.zeros((*x.shape, 2), x.dtype)
    elif how == 1:
        x = x.astype(np.int16 if x.dtype != np.int16 else np.int32)
    elif how == 2 and x.ndim:
        x = x[:-1]
    elif how == 3 and x.ndim:
        x = np.concatenate([x, x])
    elif np.issubdtype(x.dtype, np.integer):
        info = np.iinfo(x.dtype)
        x = random.integers(info.min, info.max, x.shape, dtype=x.dtype, endpoint=True)
    else:
        x = (x + random.choice([-1e30, -1.0, 1.0, 1e9, 1e30], x.shape)).astype(x.dtype)
    leaves[k] = x
    return jax.tree.unflatten(structure, leaves)._replace(key=state.key)
