"""Power of a configured chip: what its events cost, and what its bias currents draw.

The energies are those measured on DYNAP-SE, the predecessor in the same 180 nm process and with the
same routing scheme (Moradi et al. 2018, IEEE TBioCAS 12:106, at a supply of 1.8 V); no measurement
of DYNAP-SE2 by operation is published, so all are fields that a user may set.
"""

from typing import NamedTuple

import equinox as eqx
import numpy as np
from jax import Array

from rheobase.devices.dynapse2.codes import core_biases
from rheobase.devices.dynapse2.place import Placement
from rheobase.errors import ShapeError
from rheobase.units import in_unit, s


class Energies(eqx.Module):
    """What one operation costs (J), and the supply (V).

    >>> from rheobase.devices import dynapse2 as d2
    >>> d2.Energies().spike
    8.83e-10
    """

    spike: float = eqx.field(static=True, default=883e-12)
    """A neuron fires."""
    encode: float = eqx.field(static=True, default=883e-12)
    """A spike is encoded, with its destinations."""
    broadcast: float = eqx.field(static=True, default=6.84e-9)
    """An event is compared with every CAM entry of a core."""
    route: float = eqx.field(static=True, default=360e-12)
    """An event goes on to another core or chip."""
    pulse: float = eqx.field(static=True, default=324e-12)
    """A CAM entry answers and a pulse is made longer."""
    supply: float = eqx.field(static=True, default=1.8)


class CorePower(NamedTuple):
    """Power of one core (W)."""

    core: int
    spikes: float
    """Firing and encoding."""
    routing: float
    """Broadcasts in this core and the routes to it."""
    synapses: float
    """Pulses."""
    bias: float
    """The bias currents, one copy of each a core and of the soma's a neuron."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.spikes + self.routing + self.synapses + self.bias


class Power(NamedTuple):
    """An estimate, core by core."""

    cores: tuple[CorePower, ...]

    @property
    def total(self) -> float:
        """W."""
        return sum(core.total for core in self.cores)

    def report(self) -> str:
        """A table in microwatts."""
        rows = ["core  spikes  routing  synapses    bias   total (uW)"]
        for core in self.cores:
            parts = (core.spikes, core.routing, core.synapses, core.bias, core.total)
            cells = [f"{1e6 * part:7.3f}" for part in parts]
            rows.append(f"{core.core:4d}  " + "  ".join(cells))
        return "\n".join([*rows, f"all   {1e6 * self.total:.3f} uW"])


def power(spec: Placement, x: Array, spikes: Array, energies: Energies | None = None) -> Power:
    """Estimate the power of a placed network while it did something.

    - `spec`: from `place`.
    - `x`: input events (time, batch, n_in); `spikes`: of all neurons, (time, batch, n), as
      `spec.network.run(x).spikes` gives them. Power is the mean over the batch.
    - `energies`: of the operations.

    A bias current flows once in its core's generator and, where it belongs to the soma, once more
    in each of its neurons; what transistors leak besides is not counted.
    Errors: `ShapeError`.

    >>> import numpy as np
    >>> from rheobase.devices import dynapse2 as d2
    >>> spec = d2.place(d2.quantise(d2.Network(n_in=4, n_out=2)))
    >>> x = np.ones((100, 1, 4))
    >>> d2.power(spec, x, spec.network.run(x).spikes).total > 0
    True
    """
    energies = Energies() if energies is None else energies
    net = spec.network
    given, fired = np.asarray(x, float), np.asarray(spikes, float)
    if given.shape[-1] != net.n_in or fired.shape[-1] != net.n or len(given) != len(fired):
        raise ShapeError(
            f"power takes events (time, batch, {net.n_in}) and spikes (time, batch, {net.n}), got "
            f"{given.shape} and {fired.shape}. Write power(spec, x, spec.network.run(x).spikes)."
        )
    seconds = float(in_unit(len(given) * net.dt, s))

    def rates(events: np.ndarray) -> np.ndarray:
        return events.sum(axis=0).reshape(-1, events.shape[-1]).mean(axis=0) / seconds

    events = np.concatenate([rates(given), rates(fired)])
    entries = (spec.quantised.masks > 0).sum(axis=2)
    core = spec.quantised.core
    found = []
    for number in range(len(spec.quantised.cores)):
        here = core == number
        heard = entries[:, here].sum(axis=1)
        arriving = float(events @ (heard > 0))
        outside = float(events[net.n_in :][~here] @ (heard > 0)[net.n_in :][~here])
        outside += float(events[: net.n_in] @ (heard > 0)[: net.n_in])
        found.append(
            CorePower(
                core=number,
                spikes=float(events[net.n_in :][here].sum()) * (energies.spike + energies.encode),
                routing=arriving * energies.broadcast + outside * energies.route,
                synapses=float(events @ heard) * energies.pulse,
                bias=_bias(spec, number, int(here.sum()), energies.supply),
            )
        )
    return Power(tuple(found))


_SOMA = ("Idc", "Itau_mem", "Itau_ahp", "Itau_ampa", "Itau_nmda", "Itau_gaba", "Itau_shunt")
"""The currents that flow in every neuron all the time."""


def _bias(spec: Placement, core: int, neurons: int, supply: float) -> float:
    biases = core_biases(spec.quantised, core)
    generator = sum(b.code.current for b in biases)
    each = sum(b.code.current for b in biases if b.name in _SOMA)
    return supply * (generator + neurons * each)
