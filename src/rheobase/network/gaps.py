"""Refuses electrical synapses that are too strong for the time step.

The voltages of the other side are those at the start of a step. Two coupled neurons therefore drag
each other along a little late: their sum, which no junction should change, is off by up to half of
g dt/C.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rheobase.errors import StepperError
from rheobase.network.network import Network
from rheobase.network.numeric import evaluated
from rheobase.network.steps import Steps
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.systems.cells import CoupledCells
from rheobase.systems.projection import Projection

_STRONGEST = 0.05
"""Largest g dt/C: the sum of two coupled neurons is then off by up to 2.5 %."""


def require_prompt(network: Network, lengths: Steps) -> None:
    """Refuse steps in which electrical synapses move a voltage by more than 5 %.

    What a junction sees of the other side is as old as the longer step of the two.
    """
    places = {(p.post, p.kind) for p in network.projections if p.electrical}
    for post, kind in sorted(places, key=str):
        those = [
            p for p in network.projections if p.electrical and (p.post, p.kind) == (post, kind)
        ]
        system = network.systems[post]
        if any(isinstance(x, Tracer) for x in jax.tree.leaves((those, system))):
            continue
        dt = max(lengths.each(name) for p in those for name in (p.pre, post))
        g = np.sum([_conductance(p) for p in those], axis=0)
        sites = () if kind is None else _sites(system, kind)
        each = g.reshape(network.populations[post].n, -1) / _capacitance(system, sites)
        strongest = float(each.max(initial=0.0))
        if dt * strongest > _STRONGEST * (1 + 1e-6):
            which, _ = np.unravel_index(int(each.argmax()), each.shape)
            raise StepperError(
                f"dt = {dt:g} ms is too long for the electrical synapses of {post!r}: with "
                f"{g.reshape(each.shape)[which].max():.3g} uS in all on neuron {which}, g dt/C is "
                f"{dt * strongest:.2g}, and above {_STRONGEST:g} coupled voltages lag behind. "
                f"Write dt={0.9 * _STRONGEST / strongest:.2g}*ms or less, lower the weights, or "
                f"add coarse=True to take this step all the same."
            )


def _conductance(p: Projection) -> np.ndarray:
    """Sum of the conductances (uS) onto each target, (n_post,)."""
    target = np.asarray(p.to.target)
    weight = np.broadcast_to(np.asarray(p.weight, float), target.shape)
    return np.bincount(target, weight, p.to.n_post)


def _sites(system: Any, kind: int) -> tuple[int, ...]:
    return system.sites[kind] if isinstance(system, CoupledCells) else ()


def _capacitance(system: Any, sites: tuple[int, ...]) -> np.ndarray:
    """Capacitance (nF), to be broadcast over (n, sites)."""
    if isinstance(system, CoupledCells):
        cable = system.cable
        return (np.asarray(cable.capacitance) * np.asarray(cable.area))[list(sites)]
    return evaluated(lambda: 1 / _response(system)).reshape(-1, 1)


def _response(system: AbstractMembrane) -> Any:
    """d(dv/dt)/d(current) at rest, 1/nF."""
    rest = system.init()

    def rate(current: Any) -> Any:
        return jnp.asarray(variables.get(system.derivative(rest, current), "v"))

    nothing = jnp.zeros((), jnp.result_type(float))
    return jax.jvp(rate, (nothing,), (jnp.ones_like(nothing),))[1]
