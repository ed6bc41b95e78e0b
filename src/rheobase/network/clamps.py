"""Clamps of the cells of a network: what their variables follow, by population."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.arguments import require_width
from rheobase.cable import Cell
from rheobase.cable.arguments import Clamps, clamps
from rheobase.errors import ArgumentError, KeyRequired, UnknownName, brief
from rheobase.inputs import Input, prepare
from rheobase.network.network import Network
from rheobase.stimulus import AbstractStimulus, Grid
from rheobase.time import Clock


def clamped(network: Network, given: Any, dt: float) -> dict[str, Clamps]:
    """The clamps of each population, from `{"cells": {"v": {place: rb.VoltageClamp(...)}}}`."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ArgumentError(
            f"`clamp` of a network goes by population, variable and place, got {brief(given)}. "
            "Write "
            'clamp={"cells": {"v": {cell.at("soma"): rb.VoltageClamp(-20*mV)}}}.'
        )
    found = {}
    for name, wanted in given.items():
        if name not in network.populations:
            raise UnknownName("population (in `clamp`)", name, network.populations)
        population = network.populations[name]
        if not isinstance(population.neuron, Cell):
            raise ArgumentError(
                f"`clamp` is for cells, and {name!r} is made of {type(population.neuron).__name__}."
                " Leave it out, or drive it with rb.Drive."
            )
        found[name] = clamps(population.neuron, wanted, dt)
        for one in found[name].stimuli:
            require_width("a clamp", one.shape, (population.n,), f"population {name!r}")
    return found


def stimuli(network: Network, held: dict[str, Clamps]) -> list[tuple[AbstractStimulus, int]]:
    """What all of them follow, and for how many cells."""
    return [(one, network.populations[name].n) for name in held for one in held[name].stimuli]


def start(network: Network, held: dict[str, Clamps], dtype: Any) -> tuple[Any, ...]:
    """What the stimuli of clamps remember, at the start."""
    return tuple(one.start((n,), dtype) for one, n in stimuli(network, held))


def inputs(
    network: Network,
    held: dict[str, Clamps],
    numbers: Clock,
    dt: float,
    dtype: Any,
    key: Array | None,
) -> list[Input]:
    """The stimulus of each clamp over the steps `numbers`, with randomness of its own."""
    return [
        prepare(
            one,
            Grid(numbers, dt, (n,), dtype),
            None if key is None else jax.random.fold_in(key, 2000 + i),
        )
        for i, (one, n) in enumerate(stimuli(network, held))
    ]


def of(
    held: dict[str, Clamps], given: list[tuple[Array | None, Any]], name: str
) -> tuple[Clamps, list[Array]]:
    """The clamps of a population and their values in a step, of all `given` with memories."""
    first = 0
    for other, own in held.items():
        if other == name:
            return own, [jnp.asarray(value) for value, _ in given[first : first + len(own.all)]]
        first += len(own.all)
    return Clamps(()), []


def require_key(held: dict[str, Clamps], key: Array | None) -> None:
    """Refuse clamps that follow random stimuli without a key."""
    for name, own in held.items():
        if key is None and any(one.random for one in own.stimuli):
            raise KeyRequired(
                f"a clamp of {name!r} draws random numbers. "
                "Write simulate(..., key=jax.random.key(0))."
            )
