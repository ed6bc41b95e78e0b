"""Local derivatives of a network: nothing goes back by what its populations send each other."""

from typing import Any

import equinox as eqx
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import ArgumentError
from rheobase.gradients.base import went
from rheobase.gradients.online import detached
from rheobase.network import Network
from rheobase.neurons.base import AbstractMembrane
from rheobase.train.driven import Driven, How
from rheobase.train.method import Judged, Objective


def cut_off(
    model: Driven, objective: Objective, x: Array, key: Array | None, *, detach: bool
) -> tuple[Judged, Any]:
    """Return the score of a run and its gradient without the paths through cycles.

    `detach`: leave out the paths through the resets of neurons too.
    """
    if not detach:
        return went(model, How(cut=True), objective, x, key)

    def judged(model: Driven) -> tuple[Array, Judged]:
        local = eqx.tree_at(lambda m: m.network, model, _detached(model.network))
        found = objective(local.going(How(cut=True))(x, key))
        return found.value, found

    gradient, found = eqx.filter_grad(judged, has_aux=True)(model)
    return found, gradient


def _detached(network: Network) -> Network:
    """Return the network with neurons that have no gradient through their reset."""
    populations = {
        name: eqx.tree_at(lambda p: p.neuron, one, detached(one.neuron))
        if isinstance(one.neuron, AbstractMembrane)
        else one
        for name, one in network.populations.items()
    }
    return eqx.tree_at(lambda net: net.populations, network, populations)


def require_no_autapses(network: Network) -> None:
    """Refuse connections of neurons to themselves, whose way back belongs to their own trace."""
    for p in network.projections:
        if p.pre != p.post or isinstance(p.to.target, Tracer):
            continue
        sizes = np.diff(np.asarray(p.to.start))
        source = np.repeat(np.arange(len(sizes)), sizes)
        if np.any(source == np.asarray(p.to.target)[: len(source)]):
            raise ArgumentError(
                f"neurons of {p.pre!r} are connected to themselves, which RTRL would have to "
                "follow in their own traces. Write gradient=rb.gradients.EProp(), or leave these "
                "synapses out."
            )
