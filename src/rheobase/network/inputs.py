"""The external drives of a network, as its time loops take them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.inputs import Input, prepare
from rheobase.network.network import Network
from rheobase.network.numeric import evaluated
from rheobase.stimulus import Grid
from rheobase.time import Clock


def drives(
    network: Network, numbers: Clock, dt: float, dtype: Any, key: Array | None
) -> list[Input]:
    """Each drive over the steps `numbers`, with randomness of its own."""
    inputs = []
    for i, drive in enumerate(network.drives):
        grid = Grid(numbers, dt, (network.populations[drive.population].n,), dtype)
        own = None if key is None else own_key(key, i)
        inputs.append(prepare(drive.stimulus, grid, own))
    return inputs


def own_number(drive: int) -> int:
    """What the key of the run is folded with for a drive."""
    return 1000 + drive


def own_key(key: Array, drive: int) -> Array:
    """The key of a drive, from that of the run."""
    return jax.random.fold_in(key, own_number(drive))


def constant(network: Network, drive: int, dt: float, dtype: Any) -> np.ndarray:
    """The value of a drive that is the same in all steps, (1, n or 1)."""
    one = network.drives[drive]
    first = Clock.of(np.zeros(1, np.uint32))
    grid = Grid(first, dt, (network.populations[one.population].n,), dtype)
    return evaluated(
        lambda: prepare(one.stimulus, grid, None).over(grid.clock, None).reshape(1, -1)
    )


def summed(network: Network, name: str, values: list, nothing: Array) -> tuple[Array, Array | None]:
    """Current (nA) and delta input of a population, from the values of its drives.

    None stands for one that is drawn elsewhere.
    """
    current, delta = nothing, None
    for drive, kind, value in zip(network.drives, network.driven, values, strict=True):
        if drive.population != name or kind is not None or value is None:
            continue
        if drive.is_current(network.systems[name].receives):
            current = current + value
        else:
            delta = value if delta is None else delta + value
    return current, delta


def through_synapses(network: Network, name: str, values: list, nothing: Array) -> list[Array]:
    """What the drives of a population add to each kind of its synapses; None as in `summed`."""
    totals = [nothing] * len(network.systems[name].synapses)
    for drive, kind, value in zip(network.drives, network.driven, values, strict=True):
        if drive.population == name and kind is not None and value is not None:
            totals[kind] = totals[kind] + value
    return totals


def series(
    inputs: list[Input], memories: tuple, numbers: Clock, steps: Array
) -> tuple[list[Array], tuple]:
    """Each drive as (time or 1, n or 1), and what it remembers after the first `steps` of them."""
    values, kept = [], []
    for one, memory in zip(inputs, memories, strict=True):
        if jax.tree.leaves(memory):
            wanted = jnp.arange(len(numbers.low), dtype=jnp.int32) < steps

            def draw(memory, x, one=one):
                number, wanted = x
                value, after = one.at(number, None, memory)
                after = jax.tree.map(lambda a, b: jnp.where(wanted, a, b), after, memory)
                return after, jnp.broadcast_to(jnp.asarray(value), one.shape)

            memory, value = jax.lax.scan(draw, memory, (numbers, wanted))
        else:
            value = one.over(numbers, memory)
        values.append(value.reshape(value.shape[0], -1))
        kept.append(memory)
    return values, tuple(kept)
