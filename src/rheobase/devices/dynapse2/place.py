"""Placement: neurons to cores and chips, sources to tags, synapses to memory.

Each neuron has 64 CAM entries for what it listens to and 4 SRAM entries for where its spikes go; an
SRAM entry reaches any cores of one chip under one 11-bit tag. What does not fit is repaired where
it can be, by pruning the weakest synapses and by splitting neurons, and named where it cannot.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, final

import numpy as np

from rheobase import printed
from rheobase.devices.dynapse2 import layout as chip
from rheobase.devices.dynapse2 import limits
from rheobase.devices.dynapse2.limits import Violation
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.neuron import OPTIONS
from rheobase.devices.dynapse2.projection import Projection
from rheobase.devices.dynapse2.quantise import Quantised, currents, quantise, with_currents
from rheobase.devices.dynapse2.report import describe
from rheobase.devices.dynapse2.routing import (
    END_TAG,
    Destination,
    Site,
    Synapse,
    listening,
    route,
)
from rheobase.errors import ArgumentError, ParameterError, brief


class Repair(NamedTuple):
    """What was changed so that a limit is kept."""

    kind: Literal["pruned", "split"]
    neuron: int
    number: int
    """Of synapses that were taken away, or of copies that were made."""
    share: float
    """Of the neuron's summed |weight| that was lost."""


@final
@dataclass(frozen=True, eq=False)
class Placement:
    """A network on chips: which neuron stands where, who listens to whom under which tag.

    - `quantised`: the network that fits, after repairs.
    - `sites`: of each neuron; `positions`: x and y of each chip.
    - `listening`: CAM entries of each neuron; `sending`: SRAM entries of each neuron; `feeding`:
      what each input channel sends.
    - `repairs`, `violations`: what was changed, and what does not fit all the same.

    >>> from rheobase.devices import dynapse2 as d2
    >>> spec = d2.place(d2.Network(n_in=5, n_out=2))
    >>> isinstance(spec, d2.Placement), len(spec.listening)
    (True, 2)
    """

    quantised: Quantised
    sites: tuple[Site, ...]
    positions: tuple[tuple[int, int], ...]
    listening: tuple[tuple[Synapse, ...], ...]
    sending: tuple[tuple[Destination, ...], ...]
    feeding: tuple[tuple[Destination, ...], ...]
    repairs: tuple[Repair, ...]
    violations: tuple[Violation, ...]

    def __repr__(self) -> str:
        return printed.shortly(self)

    @property
    def network(self) -> Network:
        """The network as quantised and repaired."""
        return self.quantised.network

    def check(self, *, strict: bool = True) -> None:
        """Raise `ParameterError` with every violation, if there is any.

        - `strict`: False lets pass what the chip takes with other values than those wanted: weights
          pruned or rounded, biases rounded or out of reach.
        """
        found = [v for v in self.violations if strict or not v.inexact]
        if not found:
            return
        shown = "; ".join(map(str, found[:5]))
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        cure = (
            "To configure it with the values that the chip can give, write "
            "Config.from_placement(spec, strict=False)."
            if all(v.inexact for v in found)
            else "Make it smaller or sparser, or give place(..., chips=...) more chips."
        )
        raise ParameterError(f"the network does not fit: {shown}{more}. {cure}")

    def report(self) -> str:
        """Cores, memory, errors of weights and biases, repairs and violations, as text."""
        return describe(self)


def place(
    quantised: Quantised | Network,
    *,
    chips: int = chip.CHIPS,
    prune: bool = True,
    split: bool = True,
    monitored: bool = True,
) -> Placement:
    """Put a quantised network on chips.

    - `quantised`: from `quantise`; a `Network` is quantised first.
    - `chips`: how many there are, in a square.
    - `prune`: take away the weakest synapses of a neuron with more than 64, and quantise again.
    - `split`: copy a neuron with too many destinations, each copy serving a part of them.
    - `monitored`: give every output neuron a destination outside, from which its spikes are read.

    A bias that the generator cannot give, more than 5 % of a neuron's weight pruned, and more than
    10 % of a bias or of a neuron's weights rounded are violations.

    Nothing is raised for what does not fit: see `Placement.violations` and `Placement.check`.
    Errors: `ArgumentError`; `ParameterError` for neurons with circuits that no configuration holds.

    >>> from rheobase.devices import dynapse2 as d2
    >>> spec = d2.place(d2.quantise(d2.Network(n_in=60, n_out=2, recurrent=True)))
    >>> spec.violations, spec.sites[1]
    ((), Site(chip=0, core=0, neuron=1))
    """
    if isinstance(quantised, Network):
        quantised = quantise(quantised)
    if not isinstance(quantised, Quantised):
        raise ArgumentError(
            f"place takes what quantise gives, got {brief(quantised)}. "
            f"Write d2.place(d2.quantise(net))."
        )
    _check(quantised.network, chips)
    repairs: list[Repair] = []
    if prune:
        quantised = _pruned(quantised, repairs)
    if split:
        quantised = _split(quantised, monitored, repairs)
    side = int(np.ceil(np.sqrt(chips)))
    positions = tuple((k % side, k // side) for k in range(chips))
    sites, violations = _sites(quantised.core, chips)
    routes = route(quantised, monitored)
    heard = listening(quantised, routes.tags)
    violations += [
        Violation("tags", f"chip {number}", needed, END_TAG)
        for number, needed in routes.crowded.items()
    ]
    violations += _over("CAM entries", heard, chip.CAM_ENTRIES)
    violations += _over("SRAM entries", routes.sending, chip.SRAM_ENTRIES)
    violations += _too_far(sites, routes.sending, positions)
    violations += limits.pruned([(r.neuron, r.share) for r in repairs if r.kind == "pruned"])
    violations += limits.rounded_weights(quantised)
    violations += limits.biases(quantised)
    return Placement(
        quantised=quantised,
        sites=sites,
        positions=positions,
        listening=heard,
        sending=routes.sending,
        feeding=routes.feeding,
        repairs=tuple(repairs),
        violations=tuple(violations),
    )


def _check(net: Network, chips: int) -> None:
    if chips < 1:
        raise ArgumentError(f"`chips` is at least 1, got {chips}. Write place(..., chips=4).")
    given = [name for name in OPTIONS if getattr(net.neuron, name) is not None]
    if given:
        raise ParameterError(
            f"a configuration cannot say `{given[0]}` of a neuron yet, so such a network is only "
            f"simulated and trained. Write d2.Network(..., neuron=d2.Neuron({given[0]}=None))."
        )


def _requantised(before: Quantised, net: Network, core: np.ndarray) -> Quantised:
    seconds = bool((before.masks[..., 1] > 0).any())
    return quantise(net, core=core, layout=before.layout, second_entries=seconds)


def _pruned(quantised: Quantised, repairs: list[Repair]) -> Quantised:
    """The network without the weakest synapses of neurons that have too many."""
    wanted = currents(quantised.wanted)
    entries = (quantised.masks > 0).sum(axis=(0, 2))
    crowded = np.flatnonzero(entries > chip.CAM_ENTRIES)
    if not len(crowded):
        return quantised
    for neuron in crowded.tolist():
        size = np.abs(wanted[:, neuron])
        alive = size > 0
        ranked = np.argsort(-size, kind="stable")
        gone = ranked[chip.CAM_ENTRIES :]
        gone = gone[alive[gone]]
        share = float(size[gone].sum() / size.sum())
        repairs.append(Repair("pruned", neuron, len(gone), share))
        wanted[gone, neuron] = 0
    return _requantised(quantised, with_currents(quantised.wanted, wanted), quantised.core)


def _split(quantised: Quantised, monitored: bool, repairs: list[Repair]) -> Quantised:
    """The network with copies of the neurons that have too many destinations."""
    net, wanted, core = quantised.wanted, currents(quantised.wanted), quantised.core
    if net.synapses is None or core.max() < chip.CORES_PER_CHIP:
        return quantised
    first_output = net.n - net.n_out
    origin = list(range(net.n))  # what each neuron of the new network is a copy of
    served = [np.asarray(wanted[net.n_in + j] != 0) for j in origin]
    for j in range(net.n):
        reached = np.unique(core[served[j]] // chip.CORES_PER_CHIP)
        room = chip.SRAM_ENTRIES - int(monitored and j >= first_output)
        if len(reached) <= room:
            continue
        groups = [reached[i : i + chip.SRAM_ENTRIES] for i in range(room, len(reached), 4)]
        chips_of = core // chip.CORES_PER_CHIP
        for group in groups:
            origin.append(j)
            served.append(served[j] & np.isin(chips_of, group))
        served[j] = served[j] & np.isin(chips_of, reached[:room])
        repairs.append(Repair("split", j, len(groups), 0.0))
    if len(origin) == net.n:
        return quantised
    order = [*range(first_output), *range(net.n, len(origin)), *range(first_output, net.n)]
    return _with_copies(quantised, [origin[k] for k in order], [served[k] for k in order])


def _with_copies(quantised: Quantised, origin: list[int], served: list[np.ndarray]) -> Quantised:
    """The network with one neuron for each of `origin`; a copy hears all, and reaches `served`."""
    net = quantised.wanted
    take = np.asarray(origin)
    weight = np.asarray(net.synapses.weight)  # pyright: ignore[reportOptionalMemberAccess]
    rows = np.stack([np.where(served[k], weight[j], 0) for k, j in enumerate(origin)])

    def wider(mask, rows_too):
        if mask is None:
            return None
        array = np.asarray(mask)
        return (array[take] if rows_too else array)[:, take]

    def copied(p: Projection, values: np.ndarray, rows_too: bool) -> Projection:
        kept = (wider(x, rows_too) for x in (p.slow, p.delay, p.depressing))
        return Projection(values[:, take], *kept)

    inputs = copied(net.inputs, np.asarray(net.inputs.weight), False)
    synapses = copied(net.synapses, rows, True)  # pyright: ignore[reportArgumentType]
    wide = net.with_neurons(take, inputs, synapses)
    return _requantised(quantised, wide, _room_for(quantised.core, take))


def _room_for(core: np.ndarray, take: np.ndarray) -> np.ndarray:
    """The cores after copying: a copy stays in its core, or goes to the next that has room."""
    new = core[take].copy()
    # Outputs stand last and are the originals: of several, the last is no copy.
    copies = [k for k, j in enumerate(take.tolist()) if j in take[k + 1 :]]
    counts = np.bincount(core).tolist()
    for k in copies:
        choice = int(new[k])
        if counts[choice] >= chip.NEURONS_PER_CORE:
            free = [c for c, used in enumerate(counts) if used < chip.NEURONS_PER_CORE]
            choice = free[0] if free else len(counts)
            counts += [0] * (choice + 1 - len(counts))
        counts[choice] += 1
        new[k] = choice
    return new


def _sites(core: np.ndarray, chips: int) -> tuple[tuple[Site, ...], list[Violation]]:
    used: dict[int, int] = {}
    sites = []
    for number in core.tolist():
        place_in_core = used.get(number, 0)
        used[number] = place_in_core + 1
        of, within = divmod(number, chip.CORES_PER_CHIP)
        sites.append(Site(of, within, place_in_core))
    violations = [
        Violation("neurons", f"core {c}", count, chip.NEURONS_PER_CORE)
        for c, count in used.items()
        if count > chip.NEURONS_PER_CORE
    ]
    needed = max(site.chip for site in sites) + 1
    if needed > chips:
        violations.append(Violation("chips", "the network", needed, chips))
    return tuple(sites), violations


def _over(limit: str, memories: tuple[tuple, ...], most: int) -> list[Violation]:
    return [
        Violation(limit, f"neuron {j}", len(entries), most)
        for j, entries in enumerate(memories)
        if len(entries) > most
    ]


def _too_far(
    sites: tuple[Site, ...],
    sending: tuple[tuple[Destination, ...], ...],
    positions: tuple[tuple[int, int], ...],
) -> list[Violation]:
    found = []
    for j, entries in enumerate(sending):
        for entry in entries:
            if entry.chip < 0 or max(entry.chip, sites[j].chip) >= len(positions):
                continue
            here, there = positions[sites[j].chip], positions[entry.chip]
            hops = max(abs(a - b) for a, b in zip(here, there, strict=True))
            if hops > chip.FARTHEST:
                found.append(Violation("hops", f"neuron {j}", hops, chip.FARTHEST))
    return found
