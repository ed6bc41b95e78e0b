"""What must hold of a channel and of a synapse, each law with its cure."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase.channels import AbstractChannel, AbstractMechanism, Solutions
from rheobase.check.laws import Broken, Law, same
from rheobase.neurons import variables
from rheobase.synapses import AbstractSynapse
from rheobase.units import Unit, ms, mV, nA, prove, state_units, um, uS
from rheobase.units.proof import leaf_units

_VOLTAGES = np.arange(-120.0, 80.0, 0.5)
"""mV: every round number at which a rate could be 0/0, and what lies between."""
_LONG = 1e6
"""ms after which a synapse is silent."""


class Part:
    """A channel or a synapse under test, with the voltages at which it is."""

    def __init__(self, part: Any):
        self.part = part
        self.v = jnp.asarray(_VOLTAGES, jnp.result_type(float))
        self.ions = jax.tree.map(lambda x: jnp.broadcast_to(x, self.v.shape), Solutions().ions())

    @property
    def channel(self) -> AbstractMechanism:
        return self.part

    @property
    def synapse(self) -> AbstractSynapse:
        return self.part


def _channel_state(subject: Part) -> None:
    channel, v, ions = subject.channel, subject.v[0], Solutions().ions()
    state = channel.init(v, ions)
    if jax.tree.leaves(state) and not variables.is_state(state):
        raise Broken(f"`init` returned {type(state).__name__}, not a NamedTuple.")
    units = variables.units(state)
    for name, value in variables.items(state):
        if jnp.issubdtype(jnp.result_type(value), jnp.floating) and name not in units:
            raise Broken(f"`{name}` of {type(state).__name__} has no unit.")
    current = channel.current(state, v, ions)
    if jnp.shape(current):
        raise Broken(f"`current` at one voltage returned an array of shape {jnp.shape(current)}.")


def _channel_dimensions(subject: Part) -> None:
    channel, v, ions = subject.channel, subject.v[0], Solutions().ions()
    arrays, static = eqx.partition(channel, eqx.is_array)
    state = channel.init(v, ions)
    given = leaf_units(arrays, channel), leaf_units(state, state), mV, leaf_units(ions, ions)

    def current(arrays: Any, state: Any, v: Any, ions: Any) -> Any:
        return eqx.combine(arrays, static).current(state, v, ions)

    prove(current, given, nA / um**2, arguments=(arrays, state, v, ions))


def _channel_finite(subject: Part) -> None:
    channel, v, ions = subject.channel, subject.v, subject.ions
    state = channel.init(v, ions)
    found = dict(variables.items(state)) | {
        f"{name} after 0.1 ms": x for name, x in variables.items(channel.moved(state, v, ions, 0.1))
    }
    found["current"] = channel.current(state, v, ions)
    for name, values in found.items():
        bad = np.flatnonzero(~np.isfinite(np.broadcast_to(np.asarray(values, float), v.shape)))
        if bad.size:
            where = f"{float(v[bad[0]]):g} mV"
            raise Broken(f"`{name}` is {np.asarray(values)[bad[0]]} at {where}.")


def _channel_settles(subject: Part) -> None:
    channel, v, ions = subject.channel, subject.v, subject.ions
    state = channel.init(v, ions)
    if not same(channel.moved(state, v, ions, 5.0), state, 1e-3):
        raise Broken("at constant voltage the state leaves the one in which it settles.")


def _channel_rates(subject: Part) -> None:
    for name, rate in subject.channel.relaxation(subject.v, subject.ions).items():
        bad = np.flatnonzero(np.asarray(rate) < 0)
        if isinstance(subject.channel, AbstractChannel) and bad.size:
            where = f"{float(subject.v[bad[0]]):g} mV"
            raise Broken(f"the rate of `{name}` is negative at {where}: it runs away.")


def _channel_elementwise(subject: Part) -> None:
    channel, v, ions = subject.channel, subject.v[::40], Solutions().ions()

    def everything(v: Any) -> Any:
        state = channel.init(v, ions)
        return channel.moved(state, v, ions, 0.1), channel.current(state, v, ions)

    looped = jax.tree.map(lambda *x: jnp.stack(x), *[everything(one) for one in v])
    for name, found in (("", everything(v)), (" under jit", jax.jit(everything)(v))):
        if not same(jax.tree.map(lambda x: jnp.broadcast_to(x, v.shape), found), looped):
            raise Broken(f"several compartments at once{name} differ from a loop over them.")


def _synapse_unit(synapse: AbstractSynapse) -> Unit:
    return nA if synapse.reversal is None else uS


def _synapse_state(subject: Part) -> None:
    synapse = subject.synapse
    state = synapse.init()
    if not variables.is_state(state):
        raise Broken(f"`init` returned {type(state).__name__}, not a NamedTuple.")
    expected = jax.tree.structure(state)
    one = jnp.ones(())
    for name, result in (
        ("arrive", synapse.arrive(state, one)), ("derivative", synapse.derivative(state))
    ):  # fmt: skip
        if jax.tree.structure(result) != expected:
            raise Broken(
                f"`{name}` returned {jax.tree.structure(result)}, the state is {expected}."
            )


def _synapse_dimensions(subject: Part) -> None:
    synapse = subject.synapse
    weight, state = _synapse_unit(synapse), synapse.init()
    declared = state_units(type(state))
    units = type(state)(*(declared.get(name, weight) for name in type(state)._fields))
    arrays, static = eqx.partition(synapse, eqx.is_array)
    fields = leaf_units(arrays, synapse)
    number = jax.ShapeDtypeStruct((), jnp.result_type(float))

    def of(name: str) -> Callable[..., Any]:
        def function(arrays: Any, *given: Any) -> Any:
            return getattr(eqx.combine(arrays, static), name)(*given)

        function.__name__ = name
        return function

    rates = jax.tree.map(lambda unit: unit / ms, units)
    prove(of("derivative"), (fields, units), rates, arguments=(arrays, state))
    prove(of("output"), (fields, units), weight, arguments=(arrays, state))
    prove(of("arrive"), (fields, units, weight), units, arguments=(arrays, state, number))
    prove(of("current"), (fields, units, mV), nA, arguments=(arrays, state, number))


def _synapse_linear(subject: Part) -> None:
    synapse = subject.synapse
    rest = jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(float)), synapse.init())
    once, twice = (synapse.arrive(rest, jnp.asarray(w)) for w in (1.0, 2.0))
    for name, function in (("arrive", lambda x: x), ("derivative", synapse.derivative)):
        doubled = jax.tree.map(lambda x: 2 * x, function(once))
        if not same(function(twice), doubled):
            raise Broken(f"`{name}` of a weight of 2 is not twice that of a weight of 1.")


def _synapse_silent(subject: Part) -> None:
    synapse = subject.synapse
    rest = jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(float)), synapse.init())
    if np.any(np.asarray(synapse.output(rest)) != 0):
        raise Broken("`output` of the state at rest is not zero: it acts without a spike.")
    struck = synapse.arrive(rest, jnp.asarray(1.0))
    slopes = jax.tree.leaves(jax.jacfwd(lambda x: jax.tree.leaves(synapse.derivative(x)))(struck))
    n = len(jax.tree.leaves(struck))
    matrix = np.asarray(slopes, float).reshape(n, n)
    fastest = np.linalg.eigvals(matrix).real.max()
    if not fastest < -1 / _LONG:
        raise Broken(f"a spike never ends: its slowest part grows with {fastest:.3g} per ms.")


CHANNEL_LAWS = (
    Law("state", "init and current give one compartment one state and one current",
        "Return a NamedTuple with a Gate for each variable, annotated with its unit: "
        "n: Annotated[Array, dimensionless].", _channel_state, ()),
    Law("dimensions", "the current is in nA/um**2, a conductance for each area times a voltage",
        "Write self.g * state.n**4 * (v - self.e), with g declared in S/cm**2.",
        _channel_dimensions),
    Law("finite", "state and current are finite from -120 to 80 mV",
        "Write rates that are 0/0 at a voltage by ch.exp_linear, and large ones by "
        "ch.exponential.", _channel_finite),
    Law("rates", "every variable relaxes", "Rates are positive: look at their signs.",
        _channel_rates),
    Law("settles", "at constant voltage the state stays where it settles",
        "init must return the state whose derivative is zero.", _channel_settles,
        ("state", "rates")),
    Law("elementwise", "many compartments at once are one after the other",
        "Use jnp for what acts on arrays, and no sum or index over compartments.",
        _channel_elementwise),
)  # fmt: skip
SYNAPSE_LAWS = (
    Law("state", "arrive and derivative return the state", "Write state._replace(g=...).",
        _synapse_state, ()),
    Law("dimensions", "derivative, output and current are in the unit of the weights",
        "Weights are in nA, or in uS where there is a reversal. What else a variable is measured "
        "in says its annotation: s: Annotated[Array, dimensionless].", _synapse_dimensions),
    Law("linear", "the answer to a weight is proportional to it",
        "What saturates is no synapse but a release: one state for each presynaptic neuron.",
        _synapse_linear),
    Law("silent", "it acts after spikes only, and their effect ends",
        "init returns zeros, and derivative draws the state to zero.", _synapse_silent),
)  # fmt: skip
