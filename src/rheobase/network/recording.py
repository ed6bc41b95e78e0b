"""What is kept of a run of a network."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from rheobase import printed
from rheobase.errors import ArgumentError, UnknownName
from rheobase.network.network import Network
from rheobase.origin import Origin
from rheobase.provenance import Provenance
from rheobase.record import Recording, RunState, printed_spikes
from rheobase.trains import AbstractRecorded, Trains
from rheobase.units import Quantity


class NetworkRecording(AbstractRecorded):
    """The result of `simulate` on a network: `run["e"]` is the `Recording` of a population.

    `run["e", "i"]` is that of a connection, where `record={("e", "i"): ...}` asked for it.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> net = rb.Network({"e": rb.Population(rb.LIF(), 3)})
    >>> run = rb.simulate(net, duration=5 * ms, dt=0.1 * ms)
    >>> isinstance(run, rb.NetworkRecording), run["e"].steps
    (True, 50)
    """

    populations: dict[str, Recording]
    final: RunState
    network: Network | None = None
    connections: dict[tuple[Any, ...], Recording] = eqx.field(default_factory=dict)

    @property
    def provenance(self) -> Provenance:
        """Tell what made the run: versions, stepper, dt, precision and key."""
        return self.final.provenance

    def parts(self) -> dict[str, Trains]:
        """The spikes of each population, for analysis and pictures."""
        return {name: run.parts()[""] for name, run in self.populations.items()}

    def on_host(self) -> "NetworkRecording":
        """The same with what was recorded in host memory."""
        moved = {name: run.on_host() for name, run in self.populations.items()}
        return replace(self, populations=moved)

    def of(self, network: Network, origin: Origin) -> "NetworkRecording":
        """The same, whose final state knows from which run it is."""
        final = self.final._replace(origin=origin)
        own = {name: replace(run, final=final) for name, run in self.populations.items()}
        return replace(self, populations=own, final=final, network=network)

    def weights(self, pre: str, post: str, which: int = 0) -> Quantity:
        """The weights of a connection at the end of the run, (synapses,).

        They are in the order of `Network.pairs(pre, post)`: by presynaptic neuron, then by
        postsynaptic neuron. `which` of several connections between the two, as they were given.

        Errors: `UnknownName` where the two are not connected.

        >>> import rheobase as rb
        >>> from rheobase.units import ms, mV
        >>> net = rb.Network(
        ...     {"e": rb.Population(rb.LIF(), 3)},
        ...     [rb.Connection("e", "e", rb.Dense(), rb.Delta(), weight=0.1 * mV,
        ...                    plasticity=rb.PairSTDP(w_max=1 * mV))],
        ... )
        >>> run = rb.simulate(net, duration=1 * ms, dt=0.1 * ms)
        >>> run.weights("e", "e").unit
        mV
        """
        if self.network is None:
            raise ArgumentError("this part of a run does not know its network.")
        place = self.network.find(pre, post, which)
        projection = self.network.projections[place]
        changed = self.final.neuron.projections[place].weight
        value = projection.weight if changed is None else changed
        return Quantity(jnp.broadcast_to(value, (projection.synapses,)), projection.unit.internal())

    @property
    def t(self) -> np.ndarray:
        """Time (ms) of each recorded sample of the variables, where all keep every k-th step."""
        every = {one.every for one in self.populations.values()}
        if len(every) > 1:
            raise AttributeError(
                f"the populations are recorded every {' and '.join(map(str, sorted(every)))} "
                f"steps. Write run[{next(iter(self.populations))!r}].t."
            )
        return next(iter(self.populations.values())).t

    def keys(self) -> list[str]:
        """The names of the recorded populations."""
        return list(self.populations)

    def __iter__(self) -> Iterator[str]:
        return iter(self.populations)

    def __len__(self) -> int:
        return len(self.populations)

    def __contains__(self, name: object) -> bool:
        return name in self.populations or name in self.connections

    def __repr__(self) -> str:
        every = [*self.populations.items(), *self.connections.items()]
        rows = []
        for name, one in every:
            called = name if isinstance(name, str) else " -> ".join(map(str, name))
            variables = ", ".join(f"{v} {np.shape(x)}" for v, x in one.traces.items())
            spikes = printed_spikes(one) if isinstance(name, str) else ("", "")
            rows.append((called, *spikes, variables))
        title = "NetworkRecording"
        each = sorted({one.dt for _, one in every})
        if len(each) == 1:
            title += f": {every[0][1].steps} steps of {each[0]:g} ms"
        elif each:
            length = f"{every[0][1].steps * every[0][1].dt:g} ms"
            title += f": {length} in steps of {', '.join(f'{dt:g}' for dt in each)} ms"
        return printed.table(title, rows)

    def __getitem__(self, name: str | int | tuple[Any, ...]) -> Recording:
        if isinstance(name, tuple):
            if name not in self.connections:
                raise UnknownName("recorded connection", name, map(str, self.connections))
            return self.connections[name]
        name = str(name) if isinstance(name, int) else name  # of a layer
        if name not in self.populations:
            raise UnknownName("recorded population", name, self.populations)
        return self.populations[name]


def recording_of_populations(
    populations: dict[str, Recording], final: RunState
) -> NetworkRecording:
    """Put together what the populations of a run kept, which ends in `final`."""
    own = {
        name: run if run.final is final else replace(run, final=final)
        for name, run in populations.items()
    }
    return NetworkRecording(own, final)
