"""The mode `compatible`: linear synapse and explicit Euler step of Rockpool 3.1's DynapSim.

One synapse, whose constants are those of AMPA, takes the weights of all signs; the feedback uses
the voltage before the last reset; the leak is subtracted from the input and once more from the
target of the soma. These are properties of that simulator, kept so that results can be compared:
use the mode `physical` for the chip.
"""

from typing import TYPE_CHECKING, Annotated, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.devices.dynapse2.dpi import time_constant
from rheobase.kernels.once import once
from rheobase.units import mV, nA

if TYPE_CHECKING:
    from rheobase.devices.dynapse2.neuron import Neuron


class CompatibleState(NamedTuple):
    """Currents, the voltage before the last reset, spikes of the last step, steps to wait."""

    Imem: Annotated[Array, nA]
    Iahp: Annotated[Array, nA]
    Isyn: Annotated[Array, nA]
    V: Annotated[Array, mV]
    fired: Array
    wait: Array


def init(p: "Neuron") -> CompatibleState:
    """All currents at Io."""
    return CompatibleState(
        p.Io, p.Io, p.Io, 0 * p.Ut, jnp.zeros_like(p.Io), jnp.zeros((), jnp.int32)
    )


def advance(
    p: "Neuron", state: CompatibleState, current: Array, weighted: Array, dt: Array | float
) -> CompatibleState:
    """The state after dt (ms), before the reset; `weighted` is the sum of weights that arrived."""
    kappa, Io = p.kappa, p.Io
    Itau_mem, Igain_mem = jnp.maximum(p.Itau_mem, Io), jnp.maximum(p.Igain_mem, Io)
    Itau_syn, Igain_syn = jnp.maximum(p.Itau_ampa, Io), jnp.maximum(p.Igain_ampa, Io)
    Itau_ahp, Igain_ahp = jnp.maximum(p.Itau_ahp, Io), jnp.maximum(p.Igain_ahp, Io)
    tau_syn = time_constant(p.C_ampa, Itau_syn, kappa, p.Ut)
    tau_ahp = time_constant(p.C_ahp, Itau_ahp, kappa, p.Ut)
    t_pulse, t_pulse_ahp = p.Vth * p.C_pulse / p.Ipulse, p.Vth * p.C_pulse_ahp / p.Ipulse_ahp
    # 1 - e^-x and not -expm1(-x): the peer loses these digits in float32.
    charge, charge_ahp = 1 - jnp.exp(-t_pulse / tau_syn), 1 - jnp.exp(-t_pulse_ahp / tau_ahp)

    target = jnp.maximum(Igain_syn / Itau_syn * (weighted * p.Iscale), Io)
    Isyn = state.Isyn * jnp.exp(-dt / tau_syn) + charge * target
    kick = charge_ahp * (Igain_ahp / Itau_ahp) * p.Iw_ahp * state.fired
    Iahp = jnp.maximum(state.Iahp * jnp.exp(-dt / tau_ahp) + kick, Io)

    Ifb = Io * jnp.exp(kappa * kappa / (kappa + 1) * (state.V / p.Ut))
    Ileak = Itau_mem + Iahp
    Iin = jnp.where(state.wait == 0, Isyn - Ileak + (p.Idc + current), 0 * Io)
    Iin = jnp.maximum(Iin, Io)
    target = Igain_mem / Itau_mem * (Iin - Ileak)
    old = state.Imem
    # (Ifb/Ileak) (Imem + Igain), divided as below by the same sum.
    leaky = Ileak / (p.C_mem * p.Ut / kappa)
    sum_ = old + Igain_mem
    rate = leaky * old / sum_ * (target + Ifb / Ileak * sum_ - old * (1 + Iahp / Itau_mem))
    Imem = once(jnp.maximum(old + dt * rate, Io))
    V = p.Ut / kappa * jnp.log(Imem / Io)
    return CompatibleState(Imem, Iahp, Isyn, V, state.fired, state.wait)


def derivative(p: "Neuron", state: CompatibleState, current: Array) -> CompatibleState:
    """What the steps tend to as dt goes to zero, between pulses."""
    tau_syn = time_constant(p.C_ampa, p.Itau_ampa, p.kappa, p.Ut)
    tau_ahp = time_constant(p.C_ahp, p.Itau_ahp, p.kappa, p.Ut)
    Ifb = p.Io * jnp.exp(p.kappa / (p.kappa + 1) * jnp.log(state.Imem / p.Io))
    Ileak = p.Itau_mem + state.Iahp
    Iin = jnp.where(state.wait == 0, state.Isyn - Ileak + (p.Idc + current), 0 * p.Io)
    Iin = jnp.maximum(Iin, p.Io)
    target = p.Igain_mem / p.Itau_mem * (Iin - Ileak)
    sum_ = state.Imem + p.Igain_mem
    drive = target + Ifb / Ileak * sum_ - state.Imem * (1 + state.Iahp / p.Itau_mem)
    dImem = state.Imem / (time_constant(p.C_mem, Ileak, p.kappa, p.Ut) * sum_) * drive
    dV = p.Ut / p.kappa * dImem / state.Imem
    still = jnp.zeros_like(state.fired)
    return CompatibleState(
        dImem, -state.Iahp / tau_ahp, -state.Isyn / tau_syn, dV, still, jnp.zeros_like(state.wait)
    )


def reset(p: "Neuron", state: CompatibleState) -> CompatibleState:
    """Imem at Io; V keeps what it was."""
    return state._replace(Imem=p.Io)


def count(p: "Neuron", state: CompatibleState, spike: Array, dt: float) -> CompatibleState:
    """Remember the spikes, and how many steps the refractory period still holds."""
    period = p.Vth * p.C_ref / p.Iref
    # In float32 one millisecond comes out as 0.99999993 ms, in float64 a little longer.
    steps = jnp.ceil(period / dt * (1 - 1e-6)).astype(jnp.int32)
    wait = jnp.where(spike > 0, steps, jnp.maximum(state.wait - 1, 0))
    return state._replace(fired=spike, wait=wait)


def spikes(p: "Neuron", state: CompatibleState) -> Array:
    """How many spikes the peer counts: ceil ln(Imem/Ispkthr), more than one far above threshold."""
    return jnp.maximum(jnp.ceil(jnp.log(state.Imem / p.Ispkthr)), 0)
