"""Neurons whose step is linear, as numbers: what the compiled loop of a network needs of them.

Between spikes every variable of such a neuron moves by one affine map, x' = M x + c + e I, whatever
the stepper, since any rule makes an affine map of affine dynamics. The voltage may besides have a
slope that is linear in the other variables, as conductances make it, under `ExponentialEuler`. All
of it is read off the four functions of the neuron and the rule, at zero and along each variable.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.neurons import variables
from rheobase.neurons.base import Onset
from rheobase.steppers import AbstractStepper, ExponentialEuler, Flow
from rheobase.steppers.base import variables_only
from rheobase.steppers.exact import depends, jacobian
from rheobase.synapses import Coupled

MOST_VARIABLES = 8
"""As in kernels/network.h."""


class Numbers(NamedTuple):
    """A neuron with its synapses, in the order of kernels/network.h."""

    real: Array
    whole: Array
    """int32: period, target, and which variables are held."""


def is_linear(system: Coupled, stepper: AbstractStepper) -> bool:
    """Whether the compiled loop takes a neuron with its synapses under this stepper."""
    leaves, structure = jax.tree.flatten((system, stepper))
    if system.onset is not Onset.LEVEL or system.random:
        return False
    if any(isinstance(x, Tracer) or jnp.ndim(x) for x in leaves):
        return False
    return _is_linear(structure, tuple((str(x.dtype), x.item()) for x in map(np.asarray, leaves)))


@functools.lru_cache(maxsize=64)
def _is_linear(structure: Any, leaves: tuple) -> bool:
    arrays = [jnp.asarray(value, dtype) for dtype, value in leaves]
    system, stepper = jax.tree.unflatten(structure, arrays)
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
    if bent != [neuron.voltage] or not isinstance(stepper, ExponentialEuler):
        return False
    if neuron.bends(neuron.slopes):
        return False
    # Linear in v at fixed others, and in the others at fixed v.
    curvature = jacobian(lambda x: neuron.slopes(x), neuron.zero)
    others = np.delete(np.delete(curvature, neuron.voltage, 0), neuron.voltage, 1)
    return not np.any(others) and curvature[neuron.voltage, neuron.voltage] == 0


def _counters(state: Any) -> list[Array]:
    return jax.tree.leaves(eqx.filter(state, eqx.is_inexact_array, inverse=True))


class _Functions:
    """The functions of a neuron and its synapses over the list of its continuous variables."""

    def __init__(self, system: Coupled, dtype: Any):
        self.system = system
        rest = jax.tree.map(
            lambda x: jnp.zeros((), dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype),
            jax.eval_shape(system.init),
        )
        self.nothing = jnp.zeros((), dtype)
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

    def margin(self, x: list) -> list[Array]:
        return [self.system.margin(self.state(x))]

    def reset(self, x: list) -> list[Array]:
        return self.listed(self.system.reset(self.state(x)))

    def bends(self, function: Callable[[list], list]) -> bool:
        """Whether a function of the variables is anything but affine."""
        return any(depends(lambda *x: jacobian(function, list(x)), *self.zero))


def numbers(system: Coupled, stepper: AbstractStepper, dt: float, dtype: Any) -> Numbers:
    """The numbers of a neuron and its synapses, for a step of dt (ms)."""
    neuron = _Functions(system, dtype)
    zero, size, one = neuron.zero, len(neuron.zero), jnp.ones((), dtype)

    def moved(x: list, current: Array | None = None) -> list[Array]:
        flow = Flow(system, neuron.nothing if current is None else current)
        return neuron.listed(stepper.advance(flow, neuron.state(x), dt))

    def along_current(function: Callable) -> Array:
        of = jax.jvp(lambda i: function(zero, i), (neuron.nothing,), (one,))[1]
        return jnp.stack(of)

    v = neuron.voltage
    gain = jacobian(neuron.slopes, zero)[v]
    rate = jnp.stack(neuron.slopes(zero))
    beginning = [neuron.rate(zero)[v], rate[v], along_current(neuron.rate)[v]]
    arrives = []
    for place in range(len(system.synapses)):
        weights = [one if i == place else neuron.nothing for i in range(len(system.synapses))]
        arrives += neuron.listed(system.arrive(neuron.state(zero), tuple(weights)))
    real = [
        *moved(zero),
        *along_current(moved),
        *gain,
        *rate,
        *jacobian(neuron.margin, zero)[0],
        *neuron.reset(zero),
        *beginning,
        *neuron.margin(zero),
        *jacobian(moved, zero).ravel(),
        *jacobian(neuron.reset, zero).ravel(),
        *arrives,
    ]
    standing = neuron.listed(system.hold(neuron.held(1), neuron.state([one] * size)))
    whole = [
        *(_counters(system.count(neuron.held(0), one, dt)) or [0]),
        neuron.target,
        *(jnp.where(x == 0, 1, 0) for x in standing),
    ]
    return Numbers(
        jnp.stack([jnp.asarray(x, dtype) for x in real]),
        jnp.stack([jnp.asarray(x, jnp.int32) for x in whole]),
    )
