"""Concentrations in a step: what ions carry, what pumps make of it, diffusion along the tree."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PyTree

from rheobase.channels import AbstractMechanism, AbstractPump, Diffusing, Ions
from rheobase.channels.base import linearised
from rheobase.kernels.tree import Tree, advance


class Path(NamedTuple):
    """Along what the concentrations of a pump diffuse, each (nodes,)."""

    area: Array
    """Membrane (um^2) of its compartments, 0 at the branch points between, 1 elsewhere."""
    coupling: Array
    """Coefficient of diffusion over the shell integral, to the parent (um^2/ms)."""
    between: np.ndarray
    """The branch points between its compartments."""


class Part(NamedTuple):
    """A mechanism over a span of nodes, from `low` to before `high`.

    A span has no gap, so that nothing is gathered or scattered; where the mechanism is not
    inserted its area is zero.
    """

    channel: AbstractMechanism
    low: int
    high: int
    area: Array
    inserted: np.ndarray
    path: Path | None

    def of(self, x: Float[Array, "*nodes"]) -> Float[Array, "*span"]:
        """x at its nodes."""
        return x[self.low : self.high] if jnp.ndim(x) else x

    def over(self, x: Float[Array, " span"], nodes: int) -> Float[Array, " nodes"]:
        """x at its nodes and zero elsewhere."""
        if self.high - self.low == nodes:
            return x
        return jnp.pad(x, (self.low, nodes - self.high))


def path(
    channel: Diffusing, nodes: Any, through: Any, area: Array, shell: Array, tree: Tree
) -> Path:
    """The way between the compartments `nodes` and the branch points `through` of a pump."""
    inside, between = np.zeros(tree.size, bool), np.zeros(tree.size, bool)
    inside[list(nodes)], between[list(through)] = True, True
    reached = inside | between
    joined = reached & reached[tree.parent] & (tree.parent >= 0)
    coupling = jnp.where(joined, channel.D / jnp.where(joined, shell, 1), 0)
    return Path(jnp.where(inside, area, jnp.where(between, 0, 1)), coupling, between)


def any_pumps(parts: tuple[Part, ...]) -> bool:
    """Whether any of the mechanisms keeps concentrations."""
    return any(isinstance(part.channel, AbstractPump) for part in parts)


def seen(ions: Ions, known: list[tuple[Part, Any]], size: int) -> Ions:
    """The ions at each node; where no pump keeps them they are those of the solutions."""
    for part, state in known:
        if not isinstance(part.channel, AbstractPump):
            continue
        inside = np.zeros(size, bool)
        inside[part.low : part.high] = part.inserted
        given = jax.tree.map(part.of, ions)

        def merged(own, given, base, part=part, inside=inside):
            if own is given:
                return base
            whole = part.over(jnp.broadcast_to(own, (part.high - part.low,)), size)
            return jnp.where(inside, whole, base)

        ions = jax.tree.map(merged, part.channel.seen(state, given), given, ions)
    return ions


def flowing(parts: tuple[Part, ...], states: list, v: Array, ions: Ions) -> Ions:
    """The ions with their currents at v (mV), where a mechanism reads them."""
    wanted = frozenset[str]().union(*(part.channel.reads for part in parts))
    if not wanted:
        return ions
    plain = [(p, s) for p, s in zip(parts, states, strict=True) if not p.channel.reads]
    total = _summed(plain, v, ions)
    return ions._replace(
        **{ion: getattr(ions, ion)._replace(flowing=total[ion]) for ion in sorted(wanted)}
    )


class Stretch(NamedTuple):
    """A time over which concentrations move."""

    dt: float
    """ms."""
    share: float
    """The part of a step at whose end the equations hold."""


def pumped(
    tree: Tree,
    parts: tuple[Part, ...],
    states: list,
    at: tuple[Array, Ions],
    stretch: Stretch,
    middle: list | None,
) -> list:
    """Move concentrations by the currents at voltages (mV) and ions; return all states.

    `middle`: states in between, without which what diffuses goes to a share of the step only.
    """
    v, ions = at
    carried = _carried(parts, states, v, ions)
    done = []
    for k, (part, state) in enumerate(zip(parts, states, strict=True)):
        if isinstance(part.channel, AbstractPump):
            flows = {ion: part.of(density) for ion, density in carried.items()}
            mine = jax.tree.map(part.of, ions)
            there = None if middle is None else middle[k]
            if part.path is None:
                state = part.channel.driven(state, flows, mine, stretch.dt, there, part.of(v))
            else:

                def rate(state, part=part, pump=part.channel, flows=flows, mine=mine):
                    return pump.rate(state, flows, part.of(v), mine)

                state = _spread(tree, part, rate, state, stretch, there)
        done.append(state)
    return done


def _carried(parts: tuple[Part, ...], states: list, v: Array, ions: Ions) -> dict[str, Array]:
    """Current out of each node for each area that each ion carries."""
    return _summed(list(zip(parts, states, strict=True)), v, flowing(parts, states, v, ions))


def _summed(known: list[tuple[Part, Any]], v: Array, ions: Ions) -> dict[str, Array]:
    carried: dict[str, Array] = {ion: jnp.zeros_like(v) for ion in ("na", "k", "ca", "cl")}
    for part, state in known:
        flows = part.channel.carried(state, part.of(v), jax.tree.map(part.of, ions))
        for ion, density in flows.items():
            inside = jnp.where(part.inserted, density, 0)
            carried[ion] = carried[ion] + part.over(inside, v.shape[0])
    return carried


def _spread(
    tree: Tree,
    part: Part,
    rate: Callable[[Any], Any],
    state: PyTree,
    stretch: Stretch,
    middle: PyTree,
) -> PyTree:
    """One step of `rate` and of diffusion together, solved for the changes.

    (area/(share dt) - area f' + L) y = area f - L c, and c moves by y/share; with `middle` None
    dt is that share of a step already, and c moves by y.
    """
    path: Any = part.path
    dt, share = stretch
    held = path.area / (dt if middle is None else share * dt)
    others = state if middle is None else middle
    ends = []
    for c, f, slope in linearised(rate, state, others):
        whole, inflow, own = (
            part.over(jnp.where(part.inserted, x, 0), tree.size) for x in (c, f, slope)
        )
        area = jnp.where(path.between, 0, path.area)
        change = advance(tree, whole, -area * own, -area * inflow, held, path.coupling)
        near = whole + change
        if middle is not None:
            # A step too long for how steep it is must not end below zero.
            end = whole + change / share
            near = jnp.where(path.between | (end < 0), near, end)
        ends.append(part.of(near))
    return jax.tree.unflatten(jax.tree.structure(state), ends)
