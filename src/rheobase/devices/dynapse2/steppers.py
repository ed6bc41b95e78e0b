"""The rules by which `rheobase.simulate` advances a `Neuron` in its two modes."""

from typing import Any

import jax.numpy as jnp

from rheobase.devices.dynapse2 import compatible, physical
from rheobase.errors import StepperError, brief
from rheobase.steppers.base import AbstractStepper


class PhysicalStep(AbstractStepper):
    """The circuits in the logarithm of their currents, spikes located inside the step.

    >>> from rheobase.devices import dynapse2 as d2
    >>> d2.Neuron().own_stepper
    PhysicalStep()
    """

    def advance(self, flow, state, dt):
        neuron: Any = flow.neuron
        return physical.advance(neuron, state, flow.current, {}, dt)

    def check(self, neuron, dt):
        _require_mode(neuron, "physical")


class CompatibleStep(AbstractStepper):
    """One step of Rockpool 3.1's DynapSim, in its order.

    >>> from rheobase.devices import dynapse2 as d2
    >>> d2.Neuron(mode="compatible").own_stepper
    CompatibleStep()
    """

    def advance(self, flow, state, dt):
        neuron: Any = flow.neuron
        return compatible.advance(neuron, state, flow.current, jnp.zeros_like(state.Isyn), dt)

    def check(self, neuron, dt):
        _require_mode(neuron, "compatible")


def _require_mode(neuron: Any, mode: str) -> None:
    if getattr(neuron, "mode", None) != mode:
        raise StepperError(
            f"this rule advances a bare d2.Neuron of mode {mode!r}, got {brief(neuron)}. "
            f"Leave out `stepper`."
        )
