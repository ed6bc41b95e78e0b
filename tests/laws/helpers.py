"""What several laws need: starting points, names of variables, comparisons."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb
from rheobase.neurons import AbstractMembrane, AbstractNeuron, Onset, variables
from rheobase.neurons.base import span
from rheobase.units import Quantity, mV


def names(neuron: AbstractMembrane) -> tuple[str, ...]:
    """The variables that can be recorded."""
    return tuple(name for name in variables.units(neuron.init()) if name != "remaining")


def poised(neuron: AbstractMembrane, margin: float = -0.02) -> dict[str, Quantity]:
    """`init=` for `simulate` that puts the voltage so far from the threshold."""
    if not isinstance(neuron, AbstractNeuron) or neuron.onset is Onset.NEVER:
        return {}
    state = neuron.init()
    v = variables.get(state, "v") + (margin - neuron.margin(state)) * span(neuron, state)
    return {"v": v * mV}


def assert_same_bits(one: Any, two: Any) -> None:
    """Two pytrees agree in structure, types and every bit."""
    assert jax.tree.structure(one) == jax.tree.structure(two)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def assert_close(one: Any, two: Any, rtol: float) -> None:
    """Two pytrees of arrays agree to `rtol` of the largest value of each array."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * max(np.abs(b).max(), 1e-30))


def direction(tree: Any, seed: int) -> Any:
    """A random direction in the floating-point leaves of a tree, each leaf in its own scale."""
    leaves, structure = jax.tree.flatten(eqx.filter(tree, eqx.is_inexact_array))
    draws = np.random.default_rng(seed)
    moved = [
        jnp.asarray(np.where(x == 0, 1e-2, x) * draws.normal(size=x.shape), x.dtype) for x in leaves
    ]
    return jax.tree.unflatten(structure, moved)


def dot(one: Any, two: Any) -> float:
    """The scalar product of two trees."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)
    return sum(float(jnp.sum(a * b)) for a, b in pairs)


def moved(tree: Any, along: Any, by: float) -> Any:
    """A tree with its floating-point leaves moved along a direction."""
    return eqx.apply_updates(tree, jax.tree.map(lambda d: by * d, along))


def key_for(neuron: AbstractMembrane) -> jax.Array | None:
    """A key where it is needed."""
    return jax.random.key(11) if neuron.random else None


def short(neuron: AbstractMembrane, current: Quantity, dt: Quantity, steps: int, **more: Any):
    """A short run that keeps every variable."""
    return rb.simulate(
        neuron,
        current=current,
        duration=steps * dt,
        dt=dt,
        record=rb.Record(names(neuron)),
        key=key_for(neuron),
        **more,
    )
