"""Equations that are linear in states: LINEAR blocks, and the steady states of reactions."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rheobase.io.nmodl.kinetic import Scheme
from rheobase.io.nmodl.source import Equations
from rheobase.io.nmodl.tokens import refuse

Values = dict[str, Any]


class Sum(NamedTuple):
    """A sum of states that is known: it takes the place of the equation of one of them."""

    place: int
    weights: Values
    total: Any
    """None: what it is now."""


def equations_of(name: str, body: list[Any], states: list[str], file: str) -> Equations:
    """A LINEAR block; its equations become names that are 0 once it is solved."""
    lines = [x for x in body if x[0] == "equation"]
    residuals = [f"{name} equation {k + 1}" for k in range(len(lines))]
    made, left = [], iter(residuals)
    for statement in body:
        if statement[0] == "equation":
            made.append(("set", next(left), ("-", statement[1], statement[2])))
        else:
            made.append(statement)
    text = {x for line in lines for x in _named(line[1:3])}
    unknowns = [state for state in states if state in text]
    if len(unknowns) != len(residuals):
        raise refuse(
            file,
            lines[0][3] if lines else 1,
            f"a LINEAR block has as many equations as states: {name} has {len(residuals)} for "
            f"{len(unknowns)}.",
        )
    return Equations(made, unknowns, residuals)


def _named(x: Any) -> set[str]:
    if isinstance(x, tuple) and x and x[0] == "name":
        return {x[1]}
    return {n for part in x for n in _named(part)} if isinstance(x, tuple) else set()


def sums_of(scheme: Scheme, names: Values, after: Values) -> list[Sum]:
    """The sums that a steady state has: those of CONSERVE, and others that no reaction changes."""
    candidates = [(law.counts, after[law.total]) for law in scheme.laws]
    candidates += [(counts, None) for counts in scheme.standing]
    chosen, reduced = [], []
    for counts, total in candidates:
        row = [Fraction(counts.get(x, 0.0)) for x in scheme.states]
        for pivot, other in reduced:
            row = [x - row[pivot] * y for x, y in zip(row, other, strict=True)]
        place = next((k for k, x in enumerate(row) if x), None)
        if place is None:
            continue
        reduced.append((place, [x / row[place] for x in row]))
        weights = {x: n * after.get(scheme.volumes.get(x, ""), 1.0) for x, n in counts.items()}
        chosen.append(Sum(place, weights, total))
    return chosen


def solution(
    left: Callable[[Values], list[Any]], unknowns: list[str], sums: list[Sum], names: Values
) -> Values:
    """The unknowns for which all that is left is 0, in which it is linear."""
    v = jnp.asarray(names["v"])
    shape = jnp.shape(v)
    start = [jnp.broadcast_to(jnp.asarray(names[x], v.dtype), shape) for x in unknowns]

    def rows(values: jax.Array) -> jax.Array:
        states = dict(zip(unknowns, values, strict=True))
        found = left(states)
        for one in sums:
            now = sum(one.weights[x] * states[x] for x in one.weights)
            before = sum(one.weights[x] * names[x] for x in one.weights)
            found[one.place] = now - (before if one.total is None else one.total)
        return jnp.stack([jnp.broadcast_to(jnp.asarray(x, v.dtype), shape) for x in found])

    at = jnp.stack(start)
    basis = jnp.broadcast_to(
        jnp.eye(len(unknowns), dtype=v.dtype).reshape(
            len(unknowns), len(unknowns), *(1 for _ in shape)
        ),
        (len(unknowns), len(unknowns), *shape),
    )
    right, slopes = jax.vmap(lambda t: jax.jvp(rows, (at,), (t,)), out_axes=(None, 0))(basis)
    # From (unknown, equation, ...) to (..., equation, unknown).
    matrix = jnp.moveaxis(slopes, (1, 0), (-2, -1))
    change = jnp.linalg.solve(matrix, -jnp.moveaxis(right, 0, -1)[..., None])[..., 0]
    return {x: at[k] + change[..., k] for k, x in enumerate(unknowns)}
