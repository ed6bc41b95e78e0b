"""The gates of a chip neuron as synapses of a network of populations."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.devices.dynapse2.layout import GATES
from rheobase.synapses import AbstractSynapse
from rheobase.units import nA


class PulseState(NamedTuple):
    """What has arrived for the pulses of the step to come."""

    weight: Annotated[Array, nA]


class AbstractGate(AbstractSynapse):
    """A differential-pair integrator of a `Neuron`, opened by the spikes of other populations.

    The weight of a connection is the current of its pulse, which `d2.Projection` gives in units of
    `Iscale`. What the gate makes of it belongs to the neuron, which has its gain and its leak.
    """

    on_chip: ClassVar[bool] = True

    @property
    def never_negative(self) -> str | None:
        return (
            "the current of a pulse is never negative. Inhibition has gates of its own: write "
            "d2.GABA() or d2.SHUNT()."
        )

    def init(self) -> PulseState:
        return PulseState(jnp.zeros(()))

    def arrive(self, state: PulseState, weight: Array) -> PulseState:
        return PulseState(state.weight + weight)

    def derivative(self, state: PulseState) -> PulseState:
        return PulseState(jnp.zeros_like(state.weight))

    def output(self, state: PulseState) -> Array:
        return state.weight

    @abstractmethod
    def alike(self, weight: Array) -> Array:
        """What a pulse is to the one synapse of the mode `compatible`: inhibition is negative."""


class AMPA(AbstractGate):
    """The fast excitatory gate.

    >>> import rheobase as rb
    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import ms, nA
    >>> train = rb.SpikeSource([10, 20, 30] * ms, 0, n=1)
    >>> to_chip = rb.Connection("in", "chip", rb.Dense(), d2.AMPA(), weight=50 * nA)
    >>> net = rb.Network({"in": train, "chip": rb.Population(d2.Neuron(), 2)}, [to_chip])
    >>> run = rb.simulate(net, duration=50 * ms, dt=0.1 * ms, record={"chip": ("Iampa",)})
    >>> run["chip"].Iampa.shape
    (500, 2)
    """

    def alike(self, weight: Array) -> Array:
        return weight


class NMDA(AbstractGate):
    """The slow excitatory gate, which opens with the current of the soma.

    >>> import rheobase as rb
    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import nA
    >>> excite = rb.Connection("chip", "chip", rb.FixedInDegree(4), d2.NMDA(), weight=20 * nA)
    """

    def alike(self, weight: Array) -> Array:
        return weight


class GABA(AbstractGate):
    """The subtractive inhibitory gate.

    >>> import rheobase as rb
    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import nA
    >>> inhibit = rb.Connection("chip", "chip", rb.FixedInDegree(4), d2.GABA(), weight=20 * nA)
    """

    def alike(self, weight: Array) -> Array:
        return -weight


class SHUNT(AbstractGate):
    """The shunting inhibitory gate, which adds to the leak of the soma.

    >>> import rheobase as rb
    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import nA
    >>> divide = rb.Connection("chip", "chip", rb.FixedInDegree(4), d2.SHUNT(), weight=20 * nA)
    """

    def alike(self, weight: Array) -> Array:
        return -weight


def arrived(gates: tuple[Any, ...], states: tuple[Any, ...]) -> dict[str, Array]:
    """The summed currents (nA) of the pulses of a step, by the name of their gate."""
    found: dict[str, Array] = {}
    for gate, state in zip(gates, states, strict=True):
        name = type(gate).__name__
        found[name] = found.get(name, 0) + state.weight
    return {name: found[name] for name in GATES if name in found}


def signed(gates: tuple[Any, ...], states: tuple[Any, ...]) -> Array | float:
    """The sum of all of them, inhibition below zero."""
    pairs = zip(gates, states, strict=True)
    return sum((gate.alike(state.weight) for gate, state in pairs), start=0.0)
