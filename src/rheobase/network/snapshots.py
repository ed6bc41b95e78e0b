"""Connections in time: their weights and terminals, read between pieces of a run."""

import math
from typing import Any

import numpy as np

from rheobase.network.network import Network
from rheobase.network.readable import of_connection, read_connection
from rheobase.record import Kept, Record, Recording, RunState, Span, recording_of


class Snapshots:
    """What is recorded of connections while the pieces of a run go by.

    A weight is no variable of the time loop: the loop is left after every so many steps, and what
    its state holds is copied.
    """

    def __init__(
        self, network: Network, records: dict[tuple[Any, ...], Record], dt: float, start: RunState
    ):
        self.network, self.records, self.dt, self.start = network, records, dt, start
        self.kept: dict[tuple[Any, ...], dict[str, list[np.ndarray]]] = {
            ends: {name: [] for name in record.variables} for ends, record in records.items()
        }

    def between(self, length: int) -> int:
        """Steps of a piece, of at most `length`, so that no snapshot is missed."""
        common = math.gcd(*(record.every for record in self.records.values()))
        if not common:
            return length
        return max(k for k in range(1, min(common, length) + 1) if common % k == 0)

    def take(self, state: RunState) -> None:
        """Copy what is due at the end of a piece."""
        done = int(state.step) - int(self.start.step)
        for ends, record in self.records.items():
            if done % record.every:
                continue
            place = self.network.find(*ends)
            for name, kept in self.kept[ends].items():
                value = read_connection(
                    self.network.projections[place], state.neuron.projections[place], name
                )
                kept.append(np.array(value if record.indices is None else value[[*record.indices]]))

    def recordings(self, final: RunState) -> dict[tuple[Any, ...], Recording]:
        """The recording of each connection."""
        steps = int(final.step) - int(self.start.step)
        found = {}
        for ends, record in self.records.items():
            units = of_connection(self.network.projections[self.network.find(*ends)])
            traces: Any = {name: np.stack(kept) for name, kept in self.kept[ends].items()}
            span = Span(self.start.step, self.dt, steps, record.every)
            own = {name: units[name] for name in record.variables}
            found[ends] = recording_of(Kept(traces, None), span, own, final)
        return found
