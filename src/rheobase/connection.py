"""Connections: what a user says of synapses, and what the simulation makes of it."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.adaptors.base import chain
from rheobase.connectivity import AbstractConnectivity, AbstractDistribution, Rows, Sides
from rheobase.connectivity.base import generator
from rheobase.errors import ArgumentError, ShapeError
from rheobase.kernels.delivery import Targets
from rheobase.neurons.base import AbstractMembrane
from rheobase.projection import Projection
from rheobase.synapses import AbstractRelease, AbstractSynapse, Delta
from rheobase.units import Quantity, Unit, UnitError, ms, mV, nA, parameters, to_internal, uS


class Connection(eqx.Module):
    """Synapses from one population to one or several others.

    - `pre`, `post`: names of populations; each of several `post` gets synapses of its own.
    - `connectivity`: the rule that decides which neurons are connected.
    - `synapse`: the time course of a spike.
    - `weight`: one for all, an array with one for each synapse (in the order of an explicit list),
      or a distribution such as `rb.Normal`; in the unit of the synapse: mV for `Delta`; nA or mV
      for a current (in mV it acts on the voltage as a current of weight/R would); uS for a
      conductance.
    - `delay`: one, an array or a distribution, rounded to whole steps. A spike happens at the end
      of its step; without delay it acts in the next step, with a delay of d as much later.
    - `plasticity`: how the synapses change with their use, such as `rb.TsodyksMarkram()`.

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
    plasticity: AbstractRelease | None

    def __init__(
        self,
        pre: str,
        post: str | tuple[str, ...],
        connectivity: AbstractConnectivity,
        synapse: AbstractSynapse | Delta,
        *,
        weight: Quantity | AbstractDistribution,
        delay: Quantity | AbstractDistribution | None = None,
        plasticity: AbstractRelease | None = None,
    ):
        if not isinstance(connectivity, AbstractConnectivity):
            raise ArgumentError(
                f"`connectivity` is a rule such as rb.FixedProbability(0.1), got {connectivity!r}."
            )
        if not isinstance(synapse, AbstractSynapse | Delta):
            raise ArgumentError(
                f"`synapse` is one such as rb.Exponential(tau=5*ms), got {synapse!r}."
            )
        if not isinstance(weight, Quantity | AbstractDistribution):
            raise UnitError(f"`weight` needs a unit, got {weight!r}. Write weight=0.1*nA.")
        self.pre = pre
        self.post = (post,) if isinstance(post, str) else tuple(post)
        self.connectivity, self.synapse = connectivity, synapse
        self.weight, self.delay = weight, delay
        self.plasticity = plasticity


def kind(
    synapse: AbstractSynapse | Delta, unit: Unit, what: str, neuron: AbstractMembrane, kinds: list
) -> int | None:
    """Which synapse of the population this is; linear synapses of equal constants share one.

    `what` is measured in `unit`: the weight of a connection, the amplitude of a drive.
    """
    if isinstance(synapse, Delta):
        _require_unit(unit, mV, what, "a delta synapse adds to the voltage")
        return None
    if synapse.reversal is not None:
        _require_unit(unit, uS, what, "a synapse with a reversal potential is a conductance")
        resistance = None
    elif unit.same_dimension(mV):
        resistance = _resistance(neuron, what)
    else:
        _require_unit(unit, nA, what, "a synapse without a reversal potential is a current")
        resistance = None
    for i, (other, same) in enumerate(kinds):
        if (same is None) == (resistance is None) and _equal(other, synapse):
            return i
    kinds.append((synapse, resistance))
    return len(kinds) - 1


def _equal(one: AbstractSynapse, two: AbstractSynapse) -> bool:
    if any(isinstance(x, Tracer) for x in jax.tree.leaves((one, two))):
        return False
    return bool(eqx.tree_equal(one, two))


def _require_unit(given: Unit, unit: Unit, what: str, why: str) -> None:
    if not given.same_dimension(unit):
        alternative = ", or in mV as a voltage" if unit is nA else ""
        raise UnitError(
            f"{what} is in {given}, but {why}, measured in {unit}{alternative}. Write ...*{unit}."
        )


def _resistance(neuron: AbstractMembrane, what: str) -> Array:
    """R of the neuron, by which a voltage is a current."""
    for inner in chain(neuron):
        if "R" in parameters(inner):
            return inner.R  # pyright: ignore[reportAttributeAccessIssue]
    raise UnitError(
        f"{what} is in mV, but {type(neuron).__name__} has no resistance R to make a current of "
        f"it. Write ...*nA."
    )


def bytes_of(connection: Connection, sides: Sides) -> float:
    """Expected memory of its synapses."""
    each = 4 + 4 * _is_array(connection.weight) + 4 * _is_array(connection.delay)
    return connection.connectivity.expected(sides) * each


def _is_array(value: Quantity | AbstractDistribution | None) -> bool:
    return isinstance(value, AbstractDistribution) or (value is not None and value.ndim > 0)


def projection(
    connection: Connection, post: str, kind: int | None, sides: Sides, key: Array
) -> Projection:
    """The synapses of a connection onto one population, drawn from a key."""
    random = generator(key)
    rows = connection.connectivity.build(sides, random)
    unit = connection.weight.unit
    weight = _drawn(connection.weight, rows, random)
    delay = _drawn(connection.delay, rows, random)
    widest = int(np.max(np.diff(rows.start), initial=1))
    return Projection(
        pre=connection.pre,
        post=post,
        kind=kind,
        to=Targets(jnp.asarray(rows.start), jnp.asarray(rows.target), rows.n_post, widest),
        weight=_each(to_internal(weight, unit, "weight", "weight={}"), rows, "weight"),
        delay=None
        if delay is None
        else _each(to_internal(delay, ms, "delay", "Connection(..., delay={})"), rows, "delay"),
        release=connection.plasticity,
    )


def _drawn(value: Any, rows: Rows, random: np.random.Generator) -> Any:
    """A distribution's values, one for each synapse; anything else as it is."""
    return value.draw(rows.synapses, random) if isinstance(value, AbstractDistribution) else value


def _each(values: Array, rows: Rows, name: str) -> Array:
    """One value for all synapses as (1,), or one for each as they are stored."""
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
        # By numpy: JAX would compile for the number of synapses of each connection.
        finite = np.isfinite(np.asarray(values))
        if not finite.all():
            k = int(np.argmin(finite))
            raise ShapeError(f"`{name}` of synapse {k} is {values[k]}. Replace the NaN or inf.")
    return values
