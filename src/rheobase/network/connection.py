"""Connections: what a user says of synapses, and what the simulation makes of it."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rheobase import printed
from rheobase.arguments import (
    fits,
    require_parameters,
    require_positive,
    require_support,
    require_width,
)
from rheobase.cable.members import Receiver
from rheobase.connectivity import AbstractConnectivity, AbstractDistribution, Rows, Sides
from rheobase.connectivity.storage import CHUNK, room_for
from rheobase.errors import ArgumentError, ParameterError, ShapeError, brief
from rheobase.kernels.delivery import Targets
from rheobase.kernels.plasticity import columns
from rheobase.morphology import Location
from rheobase.network.known import key_of
from rheobase.plasticity import AbstractRule
from rheobase.synapses import AbstractRelease, AbstractSynapse, Delta
from rheobase.systems.projection import Projection
from rheobase.systems.terminals import by_delay
from rheobase.units import Quantity, Unit, UnitError, ms, mV, nA, parameters, uS
from rheobase.units.fields import to_host


class Connection(eqx.Module):
    """Synapses from one population to one or several others.

    - `pre`, `post`: names of populations; each of several `post` gets synapses of its own.
    - `connectivity`: the rule that decides which neurons are connected.
    - `synapse`: the time course of a spike.
    - `weight`: one for all, an array with one for each synapse (in the order of an explicit list),
      or a distribution such as `rb.Normal`; in the unit of the synapse: that of the neuron's
      `target` for `Delta` (mV; nA for `CubaLIF`); nA or mV for a current (in mV it acts on the
      voltage as a current of weight/R would); uS for a conductance, which is never negative:
      inhibition has a reversal potential below rest.
    - `delay`: one, an array or a distribution, rounded to whole steps. A spike happens at the end
      of its step; without delay it acts in the next step, with a delay of d as much later.
    - `plasticity`: how the synapses change with their use, such as `rb.TsodyksMarkram()` or
      `rb.PairSTDP(w_max=1 * nA)`, or several: at most one that changes what is released, and rules
      that change weights, which act in this order. Where each synapse has a delay of its own,
      those of a neuron stand in the order of their delays.
    - `at`: on which compartment of a cell the synapses end: a location, by default the root. Of a
      region or several locations each synapse draws one.
    - `source`: the compartment of a presynaptic cell whose voltage an electrical or a graded
      synapse sees.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA, pA
    >>> excite = rb.Connection(
    ...     "e", ("e", "i"), rb.FixedProbability(0.1), rb.Exponential(tau=5 * ms),
    ...     weight=rb.Normal(80 * pA, 8 * pA, low=0 * nA), delay=1.5 * ms)
    """

    pre: str = eqx.field(static=True)
    post: tuple[str, ...] = eqx.field(static=True)
    connectivity: AbstractConnectivity
    synapse: AbstractSynapse | Delta
    weight: Quantity | AbstractDistribution
    delay: Quantity | AbstractDistribution | None
    plasticity: tuple[AbstractRelease | AbstractRule, ...]
    at: Any = eqx.field(static=True)
    source: Any = eqx.field(static=True)

    def __init__(
        self,
        pre: str,
        post: str | tuple[str, ...],
        connectivity: AbstractConnectivity,
        synapse: AbstractSynapse | Delta,
        *,
        weight: Quantity | AbstractDistribution,
        delay: Quantity | AbstractDistribution | None = None,
        plasticity: AbstractRelease
        | AbstractRule
        | tuple[AbstractRelease | AbstractRule, ...] = (),
        at: Any = None,
        source: Any = None,
    ):
        if not isinstance(connectivity, AbstractConnectivity):
            raise ArgumentError(
                "`connectivity` is a rule such as rb.FixedProbability(0.1), got "
                f"{brief(connectivity)}."
            )
        if not isinstance(synapse, AbstractSynapse | Delta):
            raise ArgumentError(
                f"`synapse` is one such as rb.Exponential(tau=5*ms), got {brief(synapse)}."
            )
        if not isinstance(weight, Quantity | AbstractDistribution):
            raise UnitError(
                f"`weight` needs a unit, got {brief(weight)}. Write weight={_example(synapse)}."
            )
        if not isinstance(delay, Quantity | AbstractDistribution | None):
            raise UnitError(f"`delay` needs a unit, got {brief(delay)}. Write delay=1.5*ms.")
        for name in (pre, post) if isinstance(post, str) else (pre, *post):
            if not isinstance(name, str):
                raise ArgumentError(
                    f"`pre` and `post` are names of populations, got {brief(name)}. Write "
                    'rb.Connection("e", ("e", "i"), ...).'
                )
        self.pre = pre
        self.post = (post,) if isinstance(post, str) else tuple(post)
        self.connectivity, self.synapse = connectivity, synapse
        self.weight, self.delay = weight, delay
        self.at = at if at is None or isinstance(at, str | Location) else tuple(at)
        self.source = source
        self.plasticity = plasticity if isinstance(plasticity, tuple) else (plasticity,)
        _require_plasticity(self)
        if isinstance(synapse, AbstractSynapse) and synapse.never_negative is not None:
            _require_positive_weights(self, synapse.never_negative)

    def __repr__(self) -> str:
        return printed.shortly(self)

    @property
    def release(self) -> AbstractRelease | None:
        """Return what its terminals make of their spikes."""
        given = [p for p in self.plasticity if isinstance(p, AbstractRelease)]
        return given[0] if given else _receptors(self.synapse)

    @property
    def electrical(self) -> bool:
        """Tell whether it transmits voltages and no spikes."""
        return isinstance(self.synapse, AbstractSynapse) and self.synapse.electrical

    @property
    def voltages(self) -> bool:
        """Tell whether voltages pass on, and no spikes: it is electrical or graded."""
        graded = isinstance(self.synapse, AbstractSynapse) and self.synapse.graded
        return graded or self.electrical

    @property
    def rules(self) -> tuple[AbstractRule, ...]:
        """Return the rules that change its weights."""
        return tuple(p for p in self.plasticity if isinstance(p, AbstractRule))


def _example(synapse: AbstractSynapse | Delta) -> str:
    """A weight as this synapse takes it."""
    if isinstance(synapse, Delta):
        return "0.5*mV"
    return "1*nS" if synapse.conducts else "0.1*nA"


def _require_positive_weights(connection: Connection, why: str) -> None:
    """Refuse weights below zero, also those that a rule could reach."""
    weight, name = connection.weight, type(connection.synapse).__name__
    if isinstance(weight, AbstractDistribution):
        require_support(weight, f"`weight` of {name}", why)
    else:
        require_positive(weight.value, f"`weight` of {name}", weight.unit, why)
    for rule in connection.rules:
        for bound in rule.bounds:
            require_positive(bound.value, f"a bound of {type(rule).__name__}", bound.unit, why)


def _receptors(synapse: AbstractSynapse | Delta) -> AbstractRelease | None:
    return synapse.release if isinstance(synapse, AbstractSynapse) else None


def _require_plasticity(connection: Connection) -> None:
    """Refuse what changes synapses in no way, or cannot change these."""
    for one in connection.plasticity:
        if not isinstance(one, AbstractRelease | AbstractRule):
            raise ArgumentError(
                f"`plasticity` is made of rules such as rb.PairSTDP(w_max=1*nA) or "
                f"rb.TsodyksMarkram(), got {brief(one)}."
            )
    if len(connection.plasticity) - len(connection.rules) > 1:
        raise ArgumentError(
            "`plasticity` has two rules that change what a terminal releases: leave one out."
        )
    name = type(connection.synapse).__name__
    if connection.voltages and (connection.plasticity or connection.delay is not None):
        raise ArgumentError(
            f"{name} transmits voltages at once: leave out `delay` and `plasticity`."
        )
    if _receptors(connection.synapse) is not None:
        if len(connection.plasticity) > len(connection.rules):
            raise ArgumentError(
                f"{name} has receptors with a state of their own, which short-term plasticity "
                f"would replace. Leave `plasticity` out, or take a synapse such as rb.Exponential."
            )
    for rule in connection.rules:
        if not rule.unit.same_dimension(connection.weight.unit):
            raise UnitError(
                f"`w_max` of {type(rule).__name__} is in {rule.unit}, but the weights are in "
                f"{connection.weight.unit}. Write w_max=...*{connection.weight.unit}."
            )


def require_synapse(connection: Connection, post: str, n_pre: int, shape: tuple[int, ...]) -> None:
    """Refuse synapses whose parameters fit neither of the two populations.

    `shape`: of the states of the synapses, (n_post,), or on cells (n_post, sites).
    """
    if isinstance(connection.synapse, AbstractSynapse):
        require_parameters(connection.synapse, shape, f"population {post!r}")
    if connection.release is not None:
        require_parameters(connection.release, (n_pre,), f"population {connection.pre!r}")
    for rule in connection.rules:
        for name in parameters(rule):
            given, whose = getattr(rule, name).shape, f"population {connection.pre!r}"
            if not fits(given, shape[:1]):
                require_width(f"`{name}` of {type(rule).__name__}", given, (n_pre,), whose)


def kind(
    synapse: AbstractSynapse | Delta,
    unit: Unit,
    what: str,
    neuron: Receiver,
    sites: tuple[int, ...],
    kinds: list,
) -> int | None:
    """Which synapse of the population this is; linear synapses of equal constants share one.

    `what` is measured in `unit`: the weight of a connection, the amplitude of a drive. `sites`: the
    nodes of a cell on which it ends.
    """
    gated = neuron.gated
    if gated != (isinstance(synapse, AbstractSynapse) and synapse.on_chip):
        raise ArgumentError(
            f"{what} acts through {type(synapse).__name__}, but the synapses of "
            f"{type(neuron).__name__} are its own gates: write d2.AMPA(), d2.NMDA(), d2.GABA() or "
            "d2.SHUNT() of rheobase.devices.dynapse2."
            if gated
            else f"{what} acts through {type(synapse).__name__}, a gate of a chip neuron, which "
            f"{type(neuron).__name__} does not have: take a synapse such as rb.Exponential(5*ms)."
        )
    if isinstance(synapse, Delta):
        jump = neuron.units.get(neuron.target)
        if jump is None:
            raise ArgumentError(
                f"{what} is of a delta synapse, which adds to the voltage of a point neuron. Take "
                "one with a time course for a cell, such as rb.SpikeSynapse()."
            )
        target = "the voltage" if neuron.target == "v" else f"{neuron.target!r}"
        _require_unit(unit, jump, what, f"a delta synapse adds to {target}")
        return None
    if synapse.electrical:
        _require_unit(unit, uS, what, "an electrical synapse is a conductance")
        resistance = None
    elif synapse.reversal is not None:
        _require_unit(unit, uS, what, "a synapse with a reversal potential is a conductance")
        resistance = None
    elif gated:
        _require_unit(unit, nA, what, "the pulse of a gate is a current")
        resistance = None
    elif unit.same_dimension(mV):
        resistance = neuron.resistance
        if resistance is None:
            raise UnitError(
                f"{what} is in mV, but {neuron.title} has no resistance to make a current of it. "
                "Write ...*nA, or declare the resistance by quantity(..., role=Role.RESISTANCE)."
            )
    else:
        why = "a synapse without a reversal potential is a current"
        _require_unit(unit, neuron.receives, what, why, ", or in mV as a voltage")
        resistance = None
    for i, (other, same, where) in enumerate(kinds):
        if (same is None) == (resistance is None) and where == sites and _equal(other, synapse):
            return i
    kinds.append((synapse, resistance, sites))
    return len(kinds) - 1


def measured_in(unit: Unit) -> str:
    """How an error says what something is measured in."""
    return f"in {unit}" if unit.factors else "dimensionless"


def _equal(one: AbstractSynapse, two: AbstractSynapse) -> bool:
    keys = key_of(one), key_of(two)
    if None not in keys:
        return keys[0] == keys[1]
    if any(isinstance(x, Tracer) for x in jax.tree.leaves((one, two))):
        return False
    return bool(eqx.tree_equal(one, two))


def _require_unit(given: Unit, unit: Unit, what: str, why: str, alternative: str = "") -> None:
    if not given.same_dimension(unit):
        raise UnitError(
            f"{what} is {measured_in(given)}, but {why}, measured in {unit}{alternative}. Write "
            f"...*{unit}."
        )


def bytes_of(connection: Connection, sides: Sides) -> float:
    """Expected memory of its synapses."""
    each = 4 + 4 * _is_array(connection.weight) + 4 * _is_array(connection.delay)
    each += 12 * bool(connection.rules)  # columns, and weights that change
    return connection.connectivity.expected(sides) * each


def _is_array(value: Quantity | AbstractDistribution | None) -> bool:
    return isinstance(value, AbstractDistribution) or (value is not None and value.ndim > 0)


def projection(
    connection: Connection,
    post: str,
    kind: int | None,
    sites: int,
    source: int,
    sides: Sides,
    random: np.random.Generator,
) -> Projection:
    """The synapses of a connection onto one population."""
    rows = connection.connectivity.build(sides, random)
    unit, none = connection.weight.unit, connection.delay is None
    weight = _each(connection.weight, unit, "weight", rows, random)
    delay = None if none else _each(connection.delay, ms, "delay", rows, random)
    widest = int(np.max(np.diff(rows.start), initial=1))
    _require_within(connection.rules, weight)
    synapse = connection.synapse
    why = synapse.never_negative if isinstance(synapse, AbstractSynapse) else None
    if why is not None:
        require_positive(weight, f"`weight` of {type(synapse).__name__}", unit.internal(), why)
    target = _placed(rows.target, sites, random)
    keeps = bool(connection.rules) or connection.release is not None
    if keeps and delay is not None and len(delay) > 1:
        order = by_delay(rows.start, target, delay)
        target, delay = target[order], delay[order]
        weight = weight if len(weight) == 1 else weight[order]
    to = Targets(jax.device_put(rows.start), jax.device_put(target), rows.n_post * sites, widest)
    return Projection(
        pre=connection.pre,
        post=post,
        kind=kind,
        to=to,
        weight=jax.device_put(weight),
        delay=None if delay is None else jax.device_put(delay),
        release=connection.release,
        rules=connection.rules,
        by_post=columns(to) if connection.rules or connection.voltages else None,
        unit=unit,
        electrical=connection.electrical,
        source=source,
        never_negative=why,
    )


def _placed(target: np.ndarray, sites: int, random: np.random.Generator) -> np.ndarray:
    """The node on which each synapse ends: one of the `sites` of a cell, drawn for each."""
    for first in range(0, len(target) if sites > 1 else 0, CHUNK):
        some = target[first : first + CHUNK]
        some *= sites
        some += random.integers(0, sites, len(some), dtype=np.int32)
    return target


def _require_within(rules: tuple[AbstractRule, ...], weight: Any) -> None:
    """Refuse weights that start outside of the bounds of a rule."""
    for rule in rules:
        low, high = rule.bounds
        if any(isinstance(x, Tracer) for x in (weight, low.value, high.value)):
            continue
        weak, strong = sorted((np.asarray(low.value).item(), np.asarray(high.value).item()))
        if np.min(weight, initial=weak) < weak or np.max(weight, initial=strong) > strong:
            k = int(np.argmax((weight < weak) | (weight > strong)))
            raise ParameterError(
                f"`weight` of synapse {k} is {Quantity(weight[k], rule.unit)}, which is not "
                f"between `w_min` ({low}) and `w_max` ({high}) of {type(rule).__name__}. Give "
                f"other bounds, or weights such as rb.Uniform(w_min, w_max)."
            )


def _each(value: Any, unit: Unit, name: str, rows: Rows, random: np.random.Generator) -> Any:
    """One value for all synapses as (1,), or one for each as they are stored, in numpy."""
    example = f"Connection(..., {name}={{}})"
    if isinstance(value, AbstractDistribution):
        values = room_for(rows.synapses, jnp.result_type(float))
        for first in range(0, rows.synapses, CHUNK):
            some = values[first : first + CHUNK]
            some[:] = to_host(value.draw(len(some), random), unit, name, example)
        _require_finite(values, name)
        return values
    values = to_host(value, unit, name, example)
    if values.ndim == 0:
        values = values[None]
    elif values.shape != (rows.synapses,):
        raise ShapeError(
            f"`{name}` has shape {values.shape}, but the connection has {rows.synapses} synapses: "
            f"give one number, or an array of shape ({rows.synapses},)."
        )
    elif rows.order is not None:
        values = values[rows.order]
    if not isinstance(values, Tracer):
        _require_finite(values, name)
    return values


def _require_finite(values: np.ndarray, name: str) -> None:
    for first in range(0, len(values), CHUNK):
        finite = np.isfinite(values[first : first + CHUNK])
        if not finite.all():
            k = first + int(np.argmin(finite))
            raise ShapeError(f"`{name}` of synapse {k} is {values[k]}. Replace the NaN or inf.")
