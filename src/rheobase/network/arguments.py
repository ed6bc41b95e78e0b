"""The arguments of a run of a network that go by population: what to record, where to begin."""

from typing import Any

from jax import Array

from rheobase.arguments import initial, require_indices
from rheobase.errors import ArgumentError, UnknownName, brief
from rheobase.network.network import Network
from rheobase.network.readable import of_connection, readable
from rheobase.record import Record, require_everywhere
from rheobase.systems.imposed import Clamps
from rheobase.systems.probes import Probes
from rheobase.units import Unit


def records_of(network: Network, record: Any, held: dict[str, Clamps]) -> dict[str, Any]:
    """What to record of each population; nothing said: the spikes of all, as events."""
    if not record:
        record = {name: Record(spikes="events") for name in network.populations}
    if not isinstance(record, dict):
        raise ArgumentError(
            f"`record` of a network goes by population, got {brief(record)}. "
            f'Write record={{"{next(iter(network.populations))}": ("spikes",)}}.'
        )
    records, free = {}, Clamps(())
    for name, wanted in record.items():
        if isinstance(name, tuple):  # a connection
            continue
        require_population(network, name)
        population, clamps = network.populations[name], held.get(name, free)
        one = wanted if isinstance(wanted, Record) else Record(wanted, spikes="events")
        one = population.neuron.probes(one, clamps, network.systems[name])
        known = _known(network, name, one)
        for variable in one.variables:
            if variable not in known:
                raise UnknownName(f"variable of {name!r} (in `record`)", variable, known)
        records[name] = one
    return records


def _known(network: Network, name: str, record: Record | Probes) -> dict[str, Unit]:
    """The unit of everything that such a record of a population may name, by place or neuron."""
    if isinstance(record, Probes):
        return dict(record.units)
    require_everywhere(record)
    require_indices(record.indices, network.populations[name].n, f"population {name!r}")
    if network.is_source(name) or not record.variables:
        return {}
    return readable(network.systems[name])


def units_of(network: Network, name: str, record: Record | Probes) -> dict[str, Unit]:
    """Units of what is recorded of a population."""
    units = _known(network, name, record)
    return {variable: units[variable] for variable in record.variables}


def connections_of(network: Network, record: Any) -> dict[tuple[Any, ...], Record]:
    """What to record of connections, whose names are pairs of populations."""
    records = {}
    for ends, wanted in record.items() if isinstance(record, dict) else ():
        if not isinstance(ends, tuple):
            continue
        if not 2 <= len(ends) <= 3:
            raise ArgumentError(
                f"a connection is named by its two populations, got {brief(ends)}. "
                'Write record={("e", "i"): rb.Record("weight", every=100)}.'
            )
        one = wanted if isinstance(wanted, Record) else Record(wanted)
        projection = network.projections[network.find(*ends)]
        known = of_connection(projection)
        for variable in one.variables:
            if variable not in known:
                raise UnknownName(f"variable of the connection {ends}", variable, known)
        require_indices(one.indices, projection.synapses, f"connection {ends}")
        records[ends] = one
    return records


def initial_values(network: Network, init: Any) -> dict[str, dict[str, Array]]:
    """Initial values in internal units."""
    values: dict[str, dict[str, Array]] = {}
    if not isinstance(init, dict | None):
        raise ArgumentError(
            f"`init` of a network goes by population and variable, got {brief(init)}. Write "
            f'init={{"{next(iter(network.populations))}": {{"v": -70*mV}}}}.'
        )
    for name, given in (init or {}).items():
        require_population(network, name)
        if not isinstance(given, dict):
            raise ArgumentError(
                f"`init` goes by population and variable, got {brief(given)} for {name!r}. Write "
                f'init={{"{name}": {{"v": -70*mV}}}}.'
            )
        population = network.populations[name]
        n, units = population.n, population.neuron.units
        for variable, value in given.items():
            if variable not in units:
                raise UnknownName(f"variable of {name!r} (in `init`)", variable, units)
            example = f'simulate(..., init={{"{name}": {{"{variable}": ...}}}})'
            array = initial(value, units[variable], variable, example, (n,))
            values.setdefault(name, {})[variable] = array
    return values


def require_population(network: Network, name: str) -> None:
    """Refuse the name of a population that there is not."""
    if name not in network.populations:
        raise UnknownName("population", name, network.populations)
