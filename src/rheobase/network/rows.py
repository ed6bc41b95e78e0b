"""Rows of synapses as the loops may read them: nothing points outside of its array.

They are right when a network is built, but `equinox.tree_at` may put others there, and a network
may come into `jit` as an argument. What is known is looked at once, what is traced is clipped.
"""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import ShapeError
from rheobase.kernels.delivery import Targets
from rheobase.network.network import Network
from rheobase.origin import found_once
from rheobase.systems.projection import Projection


def bounded(network: Network) -> Network:
    """The network, whose rows point at its own neurons.

    Errors: `ShapeError` where arrays of synapses were replaced by others that do not fit.
    """
    projections = tuple(_bounded(network, p) for p in network.projections)
    if all(a is b for a, b in zip(projections, network.projections, strict=True)):
        return network
    return replace_projections(network, projections)


def replace_projections(network: Network, projections: tuple[Projection, ...]) -> Network:
    """The network with other projections; `Network` is built from connections."""
    leaves, structure = jax.tree.flatten(network, is_leaf=lambda x: isinstance(x, Projection))
    own = iter(projections)
    return jax.tree.unflatten(
        structure, [next(own) if isinstance(x, Projection) else x for x in leaves]
    )


def _bounded(network: Network, p: Projection) -> Projection:
    n_pre, n_post = network.populations[p.pre].n, network.populations[p.post].n
    sites = p.to.n_post // n_post
    size = p.to.target.shape[0]
    fits = p.to.n_post == sites * n_post and p.weight.shape in ((1,), (size,))
    fits &= p.delay is None or p.delay.shape in ((1,), (size,))
    to = _rows(p.to, n_pre, p.to.n_post) if fits else None
    by_post = p.by_post
    if by_post is not None:
        back = _rows(by_post.to, p.to.n_post, n_pre)
        synapse = _numbers(by_post.synapse, size)
        if back is None or synapse is None or by_post.to.target.shape != (size,):
            to = None
        elif back is not by_post.to or synapse is not by_post.synapse:
            by_post = replace(by_post, to=back, synapse=synapse)
    if to is None:
        raise ShapeError(
            f"the synapses from {p.pre!r} to {p.post!r} do not fit their populations of {n_pre} "
            f"and {n_post} neurons: arrays of the connection were replaced. Build the network anew "
            "with rb.Network(...), and change weights, delays and parameters alone."
        )
    return p if to is p.to and by_post is p.by_post else replace(p, to=to, by_post=by_post)


def _rows(to: Targets, n: int, n_post: int) -> Targets | None:
    """Rows of n neurons whose targets are below n_post; None where they are not."""
    size = to.target.shape[0]
    if to.start.shape != (n + 1,) or to.n_post != n_post:
        return None
    if isinstance(to.start, Tracer) or isinstance(to.target, Tracer):
        start = jnp.clip(jax.lax.cummax(to.start), 0, size)
        return replace(to, start=start, target=jnp.clip(to.target, 0, max(n_post - 1, 0)))
    first, last, widest, least, most = found_once(_extent, (to.start, to.target))
    inside = 0 <= first and last <= size and widest <= to.widest and least >= 0 and most < n_post
    return to if inside else None


def _numbers(x: Array, size: int) -> Array | None:
    if x.shape != (size,):
        return None
    if isinstance(x, Tracer):
        return jnp.clip(x, 0, max(size - 1, 0))
    least, most = found_once(_range, (x,))
    return x if least >= 0 and most < size else None


def _range(x: np.ndarray) -> tuple[Any, Any]:
    return x.min(initial=0), x.max(initial=-1)


def _extent(start: np.ndarray, target: np.ndarray) -> tuple[Any, ...]:
    """Where rows begin and end, the most synapses of one, and the range of targets.

    Rows that go backwards end before they begin: they count as wider than any.
    """
    sizes = np.diff(start)
    widest = sizes.max(initial=0) if (sizes >= 0).all() else np.iinfo(np.int64).max
    return start[0], start[-1], widest, *_range(target)
