"""What depends on what in the equations of a neuron, read off their jaxpr."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rheobase.jaxprs import reached
from rheobase.neurons import variables
from rheobase.steppers.base import Flow, variables_only


class Structure(NamedTuple):
    """The continuous variables of a neuron, by their number, as its equations couple them."""

    linear: tuple[int, ...]
    """Those that move affinely and see nothing but each other: synapses, or a whole `LIF`."""
    voltage: int | None
    """The voltage, where it is not linear."""
    others: tuple[int, ...]
    """All others."""
    mutual: bool
    """Whether some of the others see each other."""
    paths: frozenset[tuple[int, int]]
    """(i, j) where variable j acts on variable i, be it through others, and all (i, i)."""

    @property
    def affine(self) -> bool:
        """Whether the whole neuron moves affinely."""
        return self.voltage is None and not self.others


def structure_of(neuron: Any) -> Structure:
    """The structure of a neuron's equations; the values of its parameters do not matter."""
    leaves, tree = jax.tree.flatten(neuron)
    return _structure(tree, tuple((np.shape(x), jnp.result_type(x)) for x in leaves))


@functools.lru_cache(maxsize=256)
def _structure(tree: Any, parameters: tuple[tuple[Any, Any], ...]) -> Structure:
    given = [jax.ShapeDtypeStruct(*x) for x in parameters]
    rest = jax.eval_shape(lambda p: jax.tree.unflatten(tree, p).init(), given)
    real = [jnp.issubdtype(x.dtype, jnp.inexact) for x in jax.tree.leaves(rest)]
    moving = [x for x, yes in zip(jax.tree.leaves(rest), real, strict=True) if yes]
    counters = [x for x, yes in zip(jax.tree.leaves(rest), real, strict=True) if not yes]
    current = jax.ShapeDtypeStruct((), moving[0].dtype)

    def rates(p, counters, x, current):
        moved, counted = iter(x), iter(counters)
        leaves = [next(moved) if yes else next(counted) for yes in real]
        state = jax.tree.unflatten(jax.tree.structure(rest), leaves)
        flow = Flow(jax.tree.unflatten(tree, p), current)
        return variables_only(flow, state)[1](list(x))

    def slopes(p, counters, x, current):
        return partials(lambda x: rates(p, counters, x, current), x)

    size, inputs = len(moving), (given, counters, moving, current)
    flow, bends = (jax.make_jaxpr(function)(*inputs).jaxpr for function in (rates, slopes))
    # State and current come last; parameters and counters stand still in a step.
    *x, _ = flow.invars[-1 - size :]
    acts = {(i, j) for j in range(size) for i, yes in enumerate(reached(flow, x[j : j + 1])) if yes}
    bent = reached(bends, bends.invars[-1 - size :])
    return _sorted(acts, [any(bent[i * size : (i + 1) * size]) for i in range(size)],
                   _place_of_voltage(rest))  # fmt: skip


def _sorted(acts: set[tuple[int, int]], bent: list[bool], voltage: int | None) -> Structure:
    """The structure, from who is acted on by whom and whose rate is not affine."""
    size = len(bent)
    apart = {i for i in range(size) if bent[i]}
    while more := {i for i, j in acts if j in apart} - apart:
        apart |= more
    lead = voltage if voltage in apart else None
    others = tuple(sorted(apart - {lead}))
    paths = acts | {(i, i) for i in range(size)}
    for k in range(size):
        paths |= {(i, j) for i in range(size) for j in range(size) if {(i, k), (k, j)} <= paths}
    return Structure(
        linear=tuple(i for i in range(size) if i not in apart),
        voltage=lead,
        others=others,
        mutual=any(i != j and (i, j) in acts for i in others for j in others),
        paths=frozenset(paths),
    )


def _place_of_voltage(rest: Any) -> int | None:
    """The number of the variable `v` among the continuous ones."""
    if not any(name == "v" for name, _ in variables.items(rest)):
        return None
    marker = object()
    leaves = jax.tree.leaves(variables.replace(rest, "v", marker))
    kept = [x for x in leaves if x is marker or jnp.issubdtype(x.dtype, jnp.inexact)]
    return kept.index(marker)


def partials(rate: Callable[[list], list], leaves: list) -> list[list]:
    """d(rate_i)/d(leaf_j) by row and column; element-wise, by one jvp a column."""
    columns = []
    for j in range(len(leaves)):
        tangents = [jnp.ones_like(x) if i == j else jnp.zeros_like(x) for i, x in enumerate(leaves)]
        columns.append(jax.jvp(lambda *x: rate(list(x)), leaves, tangents)[1])
    return [list(row) for row in zip(*columns, strict=True)]
