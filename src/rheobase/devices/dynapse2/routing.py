"""Routing: which tags carry the events of each source, and who listens to them."""

from typing import NamedTuple

import numpy as np

from rheobase.devices.dynapse2 import layout as chip
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.quantise import Quantised, currents

END_TAG = chip.TAGS - 1
"""Marks the end of a stimulus on the board, so it stands for no source."""


class Site(NamedTuple):
    """Where a neuron stands."""

    chip: int
    core: int
    """Of the chip, 0 to 3."""
    neuron: int
    """Of the core, 0 to 255."""


class Destination(NamedTuple):
    """One SRAM entry, or one event that an input channel sends."""

    tag: int
    chip: int
    """-1: the outside world, which watches an output."""
    cores: int
    """Mask of the cores on that chip."""


class Synapse(NamedTuple):
    """One CAM entry."""

    source: int
    """Row of `Quantised.masks`: an input channel, or n_in + a neuron."""
    tag: int
    mask: int
    gate: str
    delay: int
    depressing: bool


class Routes(NamedTuple):
    """Where the events of every source go."""

    feeding: tuple[tuple[Destination, ...], ...]
    """Of each input channel."""
    sending: tuple[tuple[Destination, ...], ...]
    """Of each neuron."""
    tags: dict[tuple[int, int], int]
    """The tag of a source on a chip."""
    crowded: dict[int, int]
    """Chips on which tags run out, with the number that they would need."""


def route(quantised: Quantised, monitored: bool) -> Routes:
    """Give each source, on each chip that listens to it, the first tag free in all cores reached.

    - `monitored`: give output neurons a destination outside, before all others.
    """
    net = quantised.network
    used: dict[tuple[int, int], set[int]] = {}
    tags: dict[tuple[int, int], int] = {}
    sending: list[tuple[Destination, ...]] = []
    crowded: dict[int, int] = {}
    for source, mine in enumerate(_reached(quantised)):
        entries = []
        for number, mask in mine.items():
            places = [(number, k) for k in range(chip.CORES_PER_CHIP) if mask >> k & 1]
            taken = set().union(*(used.setdefault(place, set()) for place in places))
            tag = next(tag for tag in range(len(taken) + 1) if tag not in taken)
            for place in places:
                used[place].add(tag)
            if tag >= END_TAG:
                crowded[number] = max(crowded.get(number, 0), tag + 1)
            tags[source, number] = tag
            entries.append(Destination(tag, number, mask))
        sending.append(tuple(entries))
    feeding, neurons = sending[: net.n_in], sending[net.n_in :]
    if monitored:
        first = net.n - net.n_out
        neurons = [
            (Destination(j - first, -1, 0), *entries) if j >= first else entries
            for j, entries in enumerate(neurons)
        ]
    return Routes(tuple(feeding), tuple(neurons), tags, crowded)


def listening(quantised: Quantised, tags: dict[tuple[int, int], int]):
    """The CAM entries of each neuron."""
    net = quantised.network
    signed = currents(quantised.wanted)
    slow, delay, depressing = (_joined(net, name) for name in ("slow", "delay", "depressing"))
    found: list[list[Synapse]] = [[] for _ in range(net.n)]
    for source, neuron, entry in np.argwhere(quantised.masks > 0).tolist():
        excites, is_slow = signed[source, neuron] > 0, bool(slow[source, neuron])
        gate = ("NMDA" if is_slow else "AMPA") if excites else ("SHUNT" if is_slow else "GABA")
        found[neuron].append(
            Synapse(
                source,
                tags[source, int(quantised.core[neuron]) // chip.CORES_PER_CHIP],
                int(quantised.masks[source, neuron, entry]),
                gate,
                int(delay[source, neuron]),
                bool(depressing[source, neuron]),
            )
        )
    return tuple(tuple(entries) for entries in found)


def _reached(quantised: Quantised) -> list[dict[int, int]]:
    """For each source the chips that listen to it, each with the mask of its cores."""
    heard = np.any(quantised.masks > 0, axis=2)
    reached: list[dict[int, int]] = []
    for row in list(heard):
        mine: dict[int, int] = {}
        for core in np.unique(quantised.core[row]).tolist():
            number, within = divmod(core, chip.CORES_PER_CHIP)
            mine[number] = mine.get(number, 0) | 1 << within
        reached.append(mine)
    return reached


def _joined(net: Network, name: str) -> np.ndarray:
    """A property of every synapse, (n_in + n, n); zeros where a projection has none."""
    whole = np.zeros((net.n_in + net.n, net.n), int)
    parts = (net.inputs, slice(None, net.n_in)), (net.synapses, slice(net.n_in, None))
    for projection, rows in parts:
        value = None if projection is None else getattr(projection, name)
        if value is not None:
            whole[rows] = np.asarray(value)
    return whole
