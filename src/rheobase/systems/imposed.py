"""What is imposed on the voltages and variables of a cell in a step: currents and clamps."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from rheobase.stimulus import AbstractStimulus
from rheobase.systems.cable import Assembly, Held


class Clamped(eqx.Module):
    """A variable that follows a stimulus, at once or (a voltage) through a resistance."""

    node: int = eqx.field(static=True)
    stimulus: AbstractStimulus
    resistance: Array | None = None
    mechanism: int | None = eqx.field(static=True, default=None)
    variable: str = eqx.field(static=True, default="v")


class Clamps(eqx.Module):
    """All clamps of a run."""

    all: tuple[Clamped, ...]

    @property
    def stimuli(self) -> tuple[AbstractStimulus, ...]:
        """What they follow."""
        return tuple(one.stimulus for one in self.all)


def _marked(node: int, size: int) -> np.ndarray:
    return np.arange(size) == node


def spread(
    nodes: Sequence[int], values: Sequence[Array], size: int
) -> Float[Array, " nodes"] | None:
    """Values at nodes and zero elsewhere, (size,): by masks, since a scatter would cost more."""
    total = None
    for node, value in zip(nodes, values, strict=True):
        one = jnp.where(_marked(node, size), value, jnp.zeros_like(value))
        total = one if total is None else total + one
    return total


def imposed(
    assembly: Assembly,
    into: tuple[int, ...],
    held: Clamps,
    v: Float[Array, " nodes"],
    values: tuple[Array, ...],
) -> tuple[Held, tuple]:
    """Tell what currents into nodes and clamps impose in one step."""
    size, given = assembly.tree.size, len(into)
    dtype = v.dtype
    nodes, injected = list(into), list(values[:given])
    soft, slopes, hard, forced = [], [], [], []
    for one, value in zip(held.all, values[given:], strict=True):
        if one.mechanism is not None:
            forced.append((one, value))
        elif one.resistance is None:
            hard.append((one, value))
        else:
            conductance = 1 / one.resistance.astype(dtype)
            nodes.append(one.node)
            injected.append(conductance * (value - v[one.node]))
            soft.append(one.node)
            slopes.append(conductance)
    given = Held(
        spread(nodes, injected, size),
        spread(soft, slopes, size),
        np.isin(np.arange(size), [c.node for c, _ in hard]) if hard else None,
        spread([c.node for c, _ in hard], [x for _, x in hard], size),
    )
    variables = tuple(
        (k, c.variable, _marked(c.node - p.low, p.high - p.low), x)
        for c, x in forced
        for k, p in enumerate(assembly.parts)
        if k == c.mechanism
    )
    return given, variables
