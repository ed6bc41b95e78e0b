"""The rules by which `rheobase.simulate` advances a `Neuron` in its two modes."""

from typing import Any

import jax
import jax.numpy as jnp

from rheobase.adaptors.base import chain
from rheobase.devices.dynapse2 import compatible, gates, physical
from rheobase.errors import StepperError, brief
from rheobase.steppers.base import AbstractStepper
from rheobase.synapses import Coupled


class PhysicalStep(AbstractStepper):
    """The circuits in the logarithm of their currents, spikes located inside the step.

    >>> from rheobase.devices import dynapse2 as d2
    >>> d2.Neuron().own_stepper
    PhysicalStep()
    """

    def advance(self, flow, state, dt):
        neuron: Any = flow.neuron
        if not isinstance(neuron, Coupled):
            return physical.advance(_chip(neuron), state, flow.current, {}, dt)
        chip = _chip(neuron.neuron)
        weighted = {
            name: current / chip.Iscale
            for name, current in gates.arrived(neuron.synapses, state.synapses).items()
        }
        return _after(state, physical.advance(chip, state.neuron, flow.current, weighted, dt))

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
        if not isinstance(neuron, Coupled):
            nothing = jnp.zeros_like(state.Isyn)
            return compatible.advance(_chip(neuron), state, flow.current, nothing, dt)
        chip = _chip(neuron.neuron)
        weighted = gates.signed(neuron.synapses, state.synapses) / chip.Iscale
        return _after(state, compatible.advance(chip, state.neuron, flow.current, weighted, dt))

    def check(self, neuron, dt):
        _require_mode(neuron, "compatible")


def _chip(neuron: Any) -> Any:
    """The circuits in an adaptor that changes nothing but gradients."""
    return chain(neuron)[-1]


def _after(state: Any, neuron: Any) -> Any:
    """The state of a neuron in a network after a step, whose pulses are over."""
    return state._replace(neuron=neuron, synapses=jax.tree.map(jnp.zeros_like, state.synapses))


def _require_mode(neuron: Any, mode: str) -> None:
    chip = _chip(neuron.neuron if isinstance(neuron, Coupled) else neuron)
    if getattr(chip, "mode", None) != mode:
        raise StepperError(
            f"this rule advances a d2.Neuron of mode {mode!r}, got {brief(neuron)}. "
            f"Leave out `stepper`."
        )
