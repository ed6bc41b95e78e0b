"""Neurons whose step is linear, as numbers: what the compiled loop of a network needs of them.

Between spikes every variable of such a neuron moves by one affine map, x' = M x + c + e I, whatever
the stepper, since any rule makes an affine map of affine dynamics. The voltage may besides have a
slope that is linear in the other variables, as conductances make it, under a stepper that is
exponential in it and says where it takes rate and slope (`AbstractStepper.seen`). All of it is read
off the four functions of the neuron and the rule, at zero and along each variable.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.jaxprs import depends
from rheobase.kernels.layout import MOST_VARIABLES, LinearNumbers, LinearWhole
from rheobase.network.known import Key, key_of
from rheobase.network.network import Network
from rheobase.network.numeric import evaluated
from rheobase.network.program import Program
from rheobase.neurons import variables
from rheobase.neurons.base import Onset
from rheobase.steppers import AbstractStepper, Flow
from rheobase.steppers.base import variables_only
from rheobase.steppers.exact import jacobian
from rheobase.synapses import Coupled
from rheobase.systems.source import AbstractSource


class Numbers(NamedTuple):
    """A neuron with its synapses."""

    real: Any
    """`LinearNumbers`, or the known numbers of a program."""
    whole: Any
    """`LinearWhole`, int32."""


def is_linear(system: Coupled, stepper: AbstractStepper) -> bool:
    """Whether the compiled loop takes a neuron with its synapses under this stepper."""
    if system.onset is not Onset.LEVEL or system.random:
        return False
    key = key_of((system, stepper))
    return key is not None and _is_linear(key)


@functools.lru_cache(maxsize=64)
def _is_linear(key: Key) -> bool:
    system, stepper = key.tree()
    neuron = _Functions(system, jnp.result_type(float))
    counters = _counters(neuron.state(neuron.zero))
    if len(neuron.zero) > MOST_VARIABLES or len(counters) > 1 or neuron.voltage != 0:
        return False
    for function in (neuron.margin, neuron.reset):
        if neuron.bends(function):
            return False
    bent = [i for i in range(len(neuron.zero)) if neuron.bends(lambda x, i=i: [neuron.rate(x)[i]])]
    if not bent:
        return True
    if bent != [neuron.voltage] or neuron.seen(stepper, neuron.zero, 1.0) is None:
        return False
    if neuron.bends(neuron.slopes):
        return False
    # Linear in v at fixed others, and in the others at fixed v.
    curvature = evaluated(lambda: jacobian(lambda x: neuron.slopes(x), neuron.zero))
    others = np.delete(np.delete(curvature, neuron.voltage, 0), neuron.voltage, 1)
    return not np.any(others) and bool(curvature[neuron.voltage, neuron.voltage] == 0)


def _counters(state: Any) -> list[Array]:
    return jax.tree.leaves(eqx.filter(state, eqx.is_inexact_array, inverse=True))


class _Functions:
    """The functions of a neuron and its synapses over the list of its continuous variables."""

    def __init__(self, system: Coupled, dtype: Any):
        self.system = system
        rest = jax.tree.map(
            lambda x: np.zeros((), dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype),
            jax.eval_shape(system.init),
        )
        self.nothing: Any = np.zeros((), dtype)
        self.zero, _, self.state = variables_only(Flow(system, self.nothing), rest)
        self.voltage, self.target = self.place("v"), self.place(system.target)

    def listed(self, state: Any) -> list[Array]:
        """The continuous variables of a state."""
        return jax.tree.leaves(eqx.filter(state, eqx.is_inexact_array))

    def place(self, name: str) -> int:
        """Which of the variables is called `name`."""
        marker = object()
        numbered = variables.replace(self.state(self.zero), name, marker)
        kept = [x for x in jax.tree.leaves(numbered) if x is marker or eqx.is_inexact_array(x)]
        return kept.index(marker)

    def held(self, remaining: int) -> Any:
        """The state at zero of a neuron that is held for so many steps more."""
        return jax.tree.map(
            lambda x: x if eqx.is_inexact_array(x) else jnp.full_like(x, remaining),
            self.state(self.zero),
        )

    def rate(self, x: list, current: Array | None = None) -> list[Array]:
        now = self.nothing if current is None else current
        return variables_only(Flow(self.system, now), self.state(x))[1](x)

    def slopes(self, x: list) -> list[Array]:
        """Derivative of the rate of the voltage with respect to each variable."""
        return list(jacobian(self.rate, x)[self.voltage])

    def seen(self, stepper: AbstractStepper, x: list, dt: float) -> list[Array] | None:
        """The variables by which a stepper takes the rate of the voltage and its slope."""
        seen = stepper.seen(Flow(self.system, self.nothing), self.state(x), dt)
        return None if seen is None else self.listed(seen)

    def margin(self, x: list) -> list[Array]:
        return [self.system.margin(self.state(x))]

    def reset(self, x: list) -> list[Array]:
        return self.listed(self.system.reset(self.state(x)))

    def bends(self, function: Callable[[list], list]) -> bool:
        """Whether a function of the variables is anything but affine."""
        return any(depends(lambda *x: jacobian(function, list(x)), *self.zero))


def numbers(system: Coupled, stepper: AbstractStepper, dt: float, dtype: Any) -> Numbers:
    """The numbers of a neuron and its synapses, for a step of dt (ms).

    Derivatives along all variables and the current come from one jvp of as many neurons, each
    moved along one of them.
    """
    neuron = _Functions(system, dtype)
    size, v = len(neuron.zero), neuron.voltage
    zero = [jnp.zeros(size + 1, dtype)] * (size + 1)
    each = list(jnp.eye(size + 1, dtype=dtype))

    def moved(*x: Array) -> list[Array]:
        return neuron.listed(stepper.advance(Flow(system, x[-1]), neuron.state(list(x[:-1])), dt))

    def voltage_rate(*x: Array) -> Array:
        seen = neuron.seen(stepper, list(x[:-1]), dt)
        return neuron.rate(list(x[:-1]) if seen is None else seen, x[-1])[v]

    def slope(*x: Array) -> Array:
        ones = [jnp.ones_like(y) if place == v else jnp.zeros_like(y) for place, y in enumerate(x)]
        return jax.jvp(voltage_rate, x, tuple(ones))[1]

    def along(function: Callable) -> tuple[Array, Array]:
        """Values at zero, (results,), and derivatives, (results, variables and current)."""
        value, derivative = jax.jvp(function, zero, each)
        rows = [jnp.broadcast_to(x, (size + 1,)) for x in jax.tree.leaves(value)]
        columns = [jnp.broadcast_to(x, (size + 1,)) for x in jax.tree.leaves(derivative)]
        return jnp.stack(rows)[:, 0], jnp.stack(columns)

    shift, move = along(moved)
    (rate_at_zero,), (rate,) = along(voltage_rate)
    (slope_at_zero,), (gain,) = along(slope)
    (level,), (margin,) = along(lambda *x: neuron.margin(list(x[:-1])))
    fresh, keep = along(lambda *x: neuron.reset(list(x[:-1])))
    kinds = len(system.synapses)
    one_each = tuple(jnp.eye(kinds, dtype=dtype))
    rest = neuron.state([jnp.zeros(kinds, dtype)] * size)
    arrive = jnp.stack(neuron.listed(system.arrive(rest, one_each)), axis=1)
    parts = LinearNumbers(
        shift=shift,
        entry=move[:, size],
        gain=gain[:size],
        rate=rate[:size],
        margin=margin[:size],
        fresh=fresh,
        base_rate=rate_at_zero,
        base_slope=slope_at_zero,
        base_entry=rate[size],
        level=level,
        move=move[:, :size],
        keep=keep[:, :size],
        arrive=arrive,
    )
    ones = neuron.state([jnp.ones((), dtype)] * size)
    standing = jnp.stack(neuron.listed(system.hold(neuron.held(1), ones)))
    counted = _counters(system.count(neuron.held(0), jnp.ones((), dtype), dt))
    whole = LinearWhole(
        period=jnp.asarray(counted or [0], jnp.int32),
        target=jnp.asarray([neuron.target], jnp.int32),
        held=jnp.where(standing == 0, 1, 0).astype(jnp.int32),
    )
    return Numbers(
        jnp.concatenate([jnp.ravel(x).astype(dtype) for x in parts]), jnp.concatenate(whole)
    )


@functools.lru_cache(maxsize=64)
def _known(key: Key, dt: float, dtype: Any) -> Numbers:
    """The same, of a system and a stepper whose parameters are known."""
    system, stepper = key.tree()
    return evaluated(lambda: numbers(system, stepper, dt, dtype))


def constants(
    network: Network,
    stepper: AbstractStepper,
    dt: float,
    dtype: Any,
    programs: dict[str, Program] | None = None,
) -> dict[str, Numbers]:
    """Each population of a network in numbers; those that have a program, the numbers of that."""
    found = {}
    for name, system in network.systems.items():
        if isinstance(system, AbstractSource):
            found[name] = Numbers(np.zeros(0, dtype), np.zeros(0, np.int32))
            continue
        key = key_of((system, stepper))
        if programs and name in programs:
            found[name] = Numbers(programs[name].constants, np.zeros(0, np.int32))
        elif key is not None:
            found[name] = _known(key, dt, dtype)
    return found
