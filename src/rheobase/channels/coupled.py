"""A step of variables that act on one another, as those of a kinetic scheme.

Linear rates are advanced by a rational function in place of the matrix exponential: the Padé
approximation of degrees 2 and 4, of order 6, which is L-stable and positive for all decays.

Source: Hochbruck & Ostermann 2010, Acta Numerica 19:209 (exponential Rosenbrock-Euler, of order 2
where rates are not linear); Ehle 1973, SIAM J Math Anal 4:671 (which approximations are L-stable).
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.polynomial import polynomial

Slopes = dict[tuple[int, int], Array]
"""d(rate i)/d(variable j), 1/ms, where it is not 0."""
_ABOVE = (1, 1 / 3, 1 / 30)
_BELOW = (1, -2 / 3, 1 / 5, -1 / 30, 1 / 360)
_POLES = [complex(z) for z in polynomial.polyroots(_BELOW) if z.imag > 0]
"""One of each pair; the other one is its conjugate."""
_PARTS = [
    complex(-polynomial.polyval(p, _ABOVE) / polynomial.polyval(p, polynomial.polyder(_BELOW)) / p)
    for p in _POLES
]


def coupled_step(rates: list[Array], slopes: Slopes, dt: float) -> list[Array]:
    r"""Return how far variables move in dt (ms) from where they have these rates and slopes.

    dt phi(dt J) f with phi(z) = (e^z - 1)/z, f the rates and J the slopes: exact but for the
    rational approximation where rates are linear, of second order elsewhere. What the rates
    conserve is conserved.

    >>> import jax.numpy as jnp
    >>> from rheobase.channels.coupled import coupled_step
    >>> slopes = {(0, 0): -1.0, (0, 1): 3.0, (1, 0): 1.0, (1, 1): -3.0}
    >>> slopes = {place: jnp.asarray(slope) for place, slope in slopes.items()}
    >>> left, right = coupled_step([jnp.asarray(-1.0), jnp.asarray(1.0)], slopes, 0.1)
    >>> round(left.item(), 4), round(right.item(), 4)  # from (1, 0): (e^-0.4 - 1)/4
    (-0.0824, 0.0824)
    """
    shape = jnp.broadcast_shapes(*(x.shape for x in (*rates, *slopes.values())))
    whole = jax.lax.complex(rates[0], jnp.zeros_like(rates[0])).dtype

    def spread(x: Array) -> Array:
        # All poles at once, along a first axis.
        return jnp.broadcast_to(x, (1, *shape)).astype(whole)

    axis = (len(_POLES), *(1 for _ in shape))
    poles = jnp.asarray(np.reshape(_POLES, axis), whole)
    parts = jnp.asarray(np.reshape(_PARTS, axis), whole)
    matrix = {place: -dt * spread(slope) for place, slope in slopes.items()}
    for i in range(len(rates)):
        matrix[i, i] = poles + matrix[i, i] if (i, i) in matrix else poles
    solved = _solve(matrix, [spread(rate) for rate in rates])
    return [2 * dt * jnp.sum(jnp.real(parts * x), axis=0) for x in solved]


def _solve(matrix: Slopes, right: list[Array]) -> list[Array]:
    """The solution of sparse equations, by elimination along places that are known beforehand."""
    order = _order(len(right), matrix)
    left = set(order)
    for k in order:
        left.discard(k)
        inverse = 1 / matrix[k, k]
        for i in [i for i in left if (i, k) in matrix]:
            factor = matrix[i, k] * inverse
            for j in [j for j in left if (k, j) in matrix]:
                fill = factor * matrix[k, j]
                matrix[i, j] = matrix[i, j] - fill if (i, j) in matrix else -fill
            right[i] = right[i] - factor * right[k]
    for n, k in reversed(list(enumerate(order))):
        above = [matrix[k, j] * right[j] for j in order[n + 1 :] if (k, j) in matrix]
        right[k] = (right[k] - sum(above[1:], above[0]) if above else right[k]) / matrix[k, k]
    return right


def _order(n: int, places: Iterable[tuple[int, int]]) -> list[int]:
    """Those with the fewest neighbours first, so that few places are filled."""
    beside: dict[int, set[int]] = {k: set() for k in range(n)}
    for i, j in places:
        if i != j:
            beside[i].add(j)
            beside[j].add(i)
    order = []
    while beside:
        k = min(beside, key=lambda k: (len(beside[k]), k))
        near = beside.pop(k)
        for i in near:
            beside[i] = (beside[i] | near) - {i, k}
        order.append(k)
    return order
