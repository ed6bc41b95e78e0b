"""How the states of a mechanism move in a step: together, where they act on one another."""

from collections.abc import Callable
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.channels.coupled import Slopes, coupled_step
from rheobase.io.nmodl.kinetic import Scheme
from rheobase.phi import phi

Names = dict[str, Any]
_ROUNDING = 1e-5
"""A steady state may be so far below 0, as its equations are solved."""


@final
class Advance:
    """The states in groups that act on one another, and what KINETIC blocks say of them."""

    def __init__(
        self,
        states: list[str],
        depends: dict[str, frozenset[str]],
        schemes: list[Scheme],
    ):
        self.states, self.schemes = states, schemes
        place = {state: k for k, state in enumerate(states)}
        self.pattern = {
            (place[state], place[other])
            for state, roots in depends.items()
            for other in roots
            if other in place and state in place
        }
        self.colours = _coloured(self.pattern)
        moving = sorted(place[state] for state in depends if state in place)
        self.groups = _connected(moving, self.pattern)
        self.alone = {states[group[0]] for group in self.groups if len(group) == 1}
        self.closed = [[place[x] for x in group] for scheme in schemes for group in scheme.closed]

    def slopes(self, rate: Callable[[Any], Any], state: Any) -> tuple[list[Array], Slopes]:
        """The rates and, where they are not 0 at all states, their slopes.

        Variables that no rate has in common are varied together: a few colours suffice.
        """
        leaves, structure = jax.tree.flatten(state)
        if not self.colours:
            return jax.tree.leaves(rate(state)), {}

        def rates(leaves: list[Array]) -> list[Array]:
            return jax.tree.leaves(rate(jax.tree.unflatten(structure, leaves)))

        def along(which: Array) -> tuple[list[Array], list[Array]]:
            ways = [
                jnp.broadcast_to(one.astype(x.dtype), x.shape)
                for one, x in zip(which, leaves, strict=True)
            ]
            return jax.jvp(rates, (leaves,), (ways,))

        varied = np.zeros((max(self.colours.values()) + 1, len(leaves)), np.float32)
        for j, colour in self.colours.items():
            varied[colour, j] = 1
        now, changes = jax.vmap(along, out_axes=(None, 0))(jnp.asarray(varied))
        return now, {(i, j): changes[i][self.colours[j]] for i, j in self.pattern}

    def moved(self, state: Any, rates: list[Array], slopes: Slopes, dt: float) -> Any:
        """The state dt (ms) later."""
        leaves, structure = jax.tree.flatten(state)
        new = list(leaves)
        for group in self.groups:
            if len(group) == 1:
                k = group[0]
                own = slopes.get((k, k))
                change = dt * rates[k] if own is None else phi(dt * own) * (dt * rates[k])
                new[k] = leaves[k] + change
                continue
            at = {k: n for n, k in enumerate(group)}
            inner = {(at[i], at[j]): x for (i, j), x in slopes.items() if i in at}
            changes = coupled_step([rates[k] for k in group], inner, dt)
            for k, change in zip(group, changes, strict=True):
                new[k] = leaves[k] + change
        for group in self.closed:
            _within(group, leaves, new, slopes)
        return jax.tree.unflatten(structure, new)

    def lawful(self, state: Any, names: Names) -> Any:
        """The state with the last one of every CONSERVE as what the others leave."""
        leaves, structure = jax.tree.flatten(state)
        place = {x: k for k, x in enumerate(self.states)}
        for scheme in self.schemes:
            for law in scheme.laws:
                amounts = {
                    place[x]: count * names.get(scheme.volumes.get(x, ""), 1.0)
                    for x, count in law.counts.items()
                }
                last = place[law.state]
                others = [amounts[k] * leaves[k] for k in amounts if k != last]
                left = (names[law.total] - sum(others)) / amounts[last]
                old = leaves[last]
                leaves[last] = jnp.broadcast_to(jnp.asarray(left, old.dtype), old.shape)
        return jax.tree.unflatten(structure, leaves)

    @property
    def conserves(self) -> bool:
        """Whether there is a CONSERVE."""
        return any(scheme.laws for scheme in self.schemes)


def _within(group: list[int], old: list[Array], new: list[Array], slopes: Slopes) -> None:
    """Fractions of channels stay above 0, with their sum, which the rational function may miss.

    Where all rates are positive, so that those of the equations do.
    """
    rates = [x for (i, j), x in slopes.items() if i != j and i in group and j in group]
    sound = jnp.ones((), bool)
    for x in (*rates, *(old[k] + _ROUNDING for k in group)):
        sound = sound & (x >= 0)
    above = [jnp.maximum(new[k], 0) for k in group]
    total, now = sum(old[k] for k in group), sum(above)
    factor = jnp.where(now > 0, total / jnp.where(now > 0, now, 1), 1)
    for k, x in zip(group, above, strict=True):
        new[k] = jnp.where(sound, x * factor, new[k])


def _connected(places: list[int], pattern: set[tuple[int, int]]) -> list[list[int]]:
    groups: list[set[int]] = [{k} for k in places]
    for i, j in pattern:
        joined = [g for g in groups if i in g or j in g]
        if len(joined) > 1:
            groups = [g for g in groups if g not in joined]
            groups.append(set().union(*joined))
    return sorted(sorted(g) for g in groups)


def _coloured(pattern: set[tuple[int, int]]) -> dict[int, int]:
    """A colour for each column, of which no two with an entry in one row are equal."""
    rows: dict[int, set[int]] = {}
    for i, j in pattern:
        rows.setdefault(j, set()).add(i)
    colours: dict[int, int] = {}
    taken: list[set[int]] = []
    for j in sorted(rows, key=lambda j: (-len(rows[j]), j)):
        colour = next((k for k, used in enumerate(taken) if not used & rows[j]), len(taken))
        if colour == len(taken):
            taken.append(set())
        taken[colour] |= rows[j]
        colours[j] = colour
    return colours
