"""The propagator of affine dynamics, entry by entry: a matrix of few variables, mostly zeros.

phi1(Z) = Z^-1 (e^Z - 1) moves the state, phi2(Z) = Z^-1 (phi1(Z) - 1) is its mean over the step:
x(t + dt) = x + dt phi1(A dt) f(x), and the mean x + dt phi2(A dt) f(x). Both from their series at
Z/2^k, squared k times as e^Z - 1, so that slow variables keep their digits beside fast ones.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.neurons.base import AbstractMembrane
from rheobase.phi import phi
from rheobase.steppers.base import Flow, variables_only
from rheobase.steppers.structure import partials, structure_of

Entries = dict[tuple[int, int], Any]
"""A matrix by row and column; what is not there is zero."""

_HALVINGS = 48
"""2^48 brings any ratio of a step to a time constant below one half."""
_TERMS = 14
"""Of the series for entries below one half: to the last digit of float64."""
_CANCELS, _NEAR_TERMS = 0.1, 10
"""Below which a difference of averages loses digits, and how many terms of its series do not."""


class Averages(NamedTuple):
    """phi1 and phi2 of a matrix."""

    move: Entries
    mean: Entries


def rates_of(neuron: AbstractMembrane, numbers: tuple[int, ...]) -> Entries:
    """A of the linear variables of a neuron, in the shape of its parameters.

    It is the same at every state, so it is taken at rest and without input.
    """
    rest = jax.tree.map(jnp.asarray, neuron.init())
    leaves, rate, _ = variables_only(Flow(neuron, jnp.zeros_like(jax.tree.leaves(rest)[0])), rest)

    def some(x: list) -> list:
        whole = list(leaves)
        for i, value in zip(numbers, x, strict=True):
            whole[i] = value
        rates = rate(whole)
        return [rates[i] for i in numbers]

    rows = partials(some, [leaves[i] for i in numbers])
    paths = structure_of(neuron).paths
    return {
        (i, j): rows[a][b]
        for a, i in enumerate(numbers)
        for b, j in enumerate(numbers)
        if (i, j) in paths
    }


def averages(z: Entries) -> Averages:
    """phi1 and phi2 of a matrix, which holds an entry for every path between its variables."""
    if all(i == j for i, j in z):
        pairs = {k: jax.jvp(phi, (x,), (jnp.ones_like(x),)) for k, x in z.items()}
        # phi2 = phi1 - phi1', in which nothing cancels.
        return Averages(
            {k: value for k, (value, _) in pairs.items()},
            {k: value - slope for k, (value, slope) in pairs.items()},
        )
    return _squared(z)


def _squared(z: Entries) -> Averages:
    size = _size(z)

    def halved(_, scale):
        return jnp.where(size * scale > 0.5, scale / 2, scale)

    scale = jax.lax.fori_loop(0, _HALVINGS, halved, jnp.ones_like(size))
    small = {k: x * scale for k, x in z.items()}
    one = {k: jnp.full_like(x, k[0] == k[1]) for k, x in small.items()}
    mean = {k: x / 2 for k, x in one.items()}
    for k in range(_TERMS + 2, 2, -1):
        mean = {key: one[key] / 2 + x / k for key, x in _product(small, mean).items()}
    move = _sum(one, _product(small, mean))
    grown = _product(small, move)

    def doubled(_, carry):
        scale, grown, move, mean = carry
        twice = (
            _sum(grown, grown, _product(grown, grown)),
            _sum(move, {k: x / 2 for k, x in _product(grown, move).items()}),
            {k: x / 4 for k, x in _sum(mean, mean, _product(move, move)).items()},
        )
        more = scale < 1
        chosen = jax.tree.map(lambda a, b: jnp.where(more, a, b), twice, (grown, move, mean))
        return jnp.where(more, 2 * scale, scale), *chosen

    _, _, move, mean = jax.lax.fori_loop(0, _HALVINGS, doubled, (scale, grown, move, mean))
    return Averages(move, mean)


def moves(z: Entries, slopes: dict[int, Array]) -> dict[int, Array]:
    """phi1(Z) f where every element has a step of its own, and nothing is invariant."""
    between = any(
        (i, k) in z and (k, j) in z for i, j in z for k, _ in z if i != j and k not in (i, j)
    )
    if not between and not any(i != j and (j, i) in z for i, j in z):
        return applied({k: _direct(z, *k) for k in z}, slopes)
    shape = jnp.broadcast_shapes(*map(jnp.shape, z.values()))
    z = {k: jnp.broadcast_to(x, shape) for k, x in z.items()}

    def series(z: Entries, slopes: dict[int, Array]) -> dict[int, Array]:
        total = slopes
        for k in range(_TERMS + 4, 1, -1):
            total = {i: slopes[i] + x / k for i, x in applied(z, total).items()}
        return total

    def any_step(z: Entries, slopes: dict[int, Array]) -> dict[int, Array]:
        return applied(_squared(z).move, slopes)

    return jax.lax.cond(jnp.all(_size(z) < 1), series, any_step, z, slopes)


def _direct(z: Entries, i: int, j: int) -> Array:
    """The entry of phi1(Z) of a variable and one that acts on it without a way around.

    z_ij times the divided difference of phi1, (e^b phi1(a - b) - phi1(b))/a with a the larger one
    of z_ii and z_jj, or its series where that cancels.
    """
    if i == j:
        return phi(z[i, i])
    swap = jnp.abs(z[i, i]) < jnp.abs(z[j, j])
    a, b = jnp.where(swap, z[j, j], z[i, i]), jnp.where(swap, z[i, i], z[j, j])
    small = jnp.abs(a) < _CANCELS
    homogeneous, power, near = jnp.ones_like(a), jnp.ones_like(a), jnp.zeros_like(a)
    x, y = jnp.where(small, a, 0), jnp.where(small, b, 0)
    for k in range(_NEAR_TERMS):
        near = near + homogeneous / math.factorial(k + 2)
        power = power * y
        homogeneous = x * homogeneous + power
    far = (jnp.exp(b) * phi(a - b) - phi(b)) / jnp.where(small, 1, a)
    return z[i, j] * jnp.where(small, near, far)


def applied(matrix: Entries, x: dict[int, Array]) -> dict[int, Array]:
    """A matrix times a vector."""
    total: dict[int, Any] = dict.fromkeys(x)
    for (i, j), entry in matrix.items():
        total[i] = entry * x[j] if total[i] is None else total[i] + entry * x[j]
    return total


def _size(z: Entries) -> Array:
    """The largest sum of a row, which bounds all eigenvalues."""
    rows = [[jnp.abs(x) for (a, _), x in z.items() if a == i] for i, j in z if i == j]
    sums = [functools.reduce(jnp.add, row) for row in rows]
    return jax.lax.stop_gradient(functools.reduce(jnp.maximum, sums))


def _product(one: Entries, two: Entries) -> Entries:
    return {
        (i, j): functools.reduce(
            jnp.add, [one[i, k] * two[k, j] for a, k in one if a == i and (k, j) in two]
        )
        for i, j in one
    }


def _sum(*terms: Entries) -> Entries:
    return {k: functools.reduce(jnp.add, [x[k] for x in terms]) for k in terms[0]}
