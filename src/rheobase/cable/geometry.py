"""From radii and lengths of compartments to their membrane and to what lies between them."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.morphology import Compartments


class Geometry(NamedTuple):
    """What the equations need of a shape, (nodes,) each; see `Compartments`."""

    area: Array
    axial: Array
    shell: Array


def geometry(cut: Compartments, radius: Array, length: Array) -> Geometry:
    """The shape of compartments that keep their form at other radii and lengths (um).

    A compartment x times as thick and y times as long as it was cut has x y of its membrane; its
    part of an axial integral is y/x^2, of a shell integral y/x as large. In numpy, unless a radius
    or a length is traced: JAX would compile each operation on its own.
    """
    traced = isinstance(radius, Tracer) or isinstance(length, Tracer)
    xp: Any = jnp if traced else np
    dtype = jnp.result_type(radius, length)

    def ratio(now: Array, then: np.ndarray) -> Any:
        known = cut.membrane & (then > 0)
        present = now if traced else np.asarray(now, float)
        return xp.where(known, present / np.where(known, then, 1).astype(present.dtype), 1)

    thicker, longer = ratio(radius, cut.radius), ratio(length, cut.length)

    def array(values: np.ndarray) -> Any:
        return values.astype(dtype) if traced else values

    def between(total: np.ndarray, share: np.ndarray, factor: Any) -> Any:
        own, far = cut.owners
        return array(total * share) * factor[own] + array(total * (1 - share)) * factor[far]

    found = (
        array(cut.area) * thicker * longer,
        between(cut.axial, cut.axial_share, longer / thicker**2),
        between(cut.shell, cut.shell_share, longer / thicker),
    )
    return Geometry(*(jnp.asarray(x, dtype) for x in found))
