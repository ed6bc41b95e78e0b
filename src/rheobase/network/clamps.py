"""Clamps of the cells of a network: what their variables follow, by population."""

from typing import Any

from jax import Array

from rheobase.arguments import require_width
from rheobase.errors import ArgumentError, KeyRequired, UnknownName, brief
from rheobase.network.network import Network
from rheobase.network.steps import Steps
from rheobase.stimulus import AbstractStimulus
from rheobase.systems.imposed import Clamps


def clamped(network: Network, given: Any, lengths: Steps) -> dict[str, Clamps]:
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
        found[name] = population.neuron.clamps(wanted, lengths.each(name))
        for one in found[name].stimuli:
            require_width("a clamp", one.shape, (population.n,), f"population {name!r}")
    return found


def stimuli(held: dict[str, Clamps]) -> list[tuple[str, AbstractStimulus]]:
    """What all of them follow, each with its population."""
    return [(name, one) for name, own in held.items() for one in own.stimuli]


def start(network: Network, held: dict[str, Clamps], dtype: Any) -> tuple[Any, ...]:
    """What the stimuli of clamps remember, at the start."""
    sizes = network.populations
    return tuple(one.start((sizes[name].n,), dtype) for name, one in stimuli(held))


def require_key(held: dict[str, Clamps], key: Array | None) -> None:
    """Refuse clamps that follow random stimuli without a key."""
    for name, own in held.items():
        if key is None and any(one.random for one in own.stimuli):
            raise KeyRequired(
                f"a clamp of {name!r} draws random numbers. "
                "Write simulate(..., key=jax.random.key(0))."
            )
