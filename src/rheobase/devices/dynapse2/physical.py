r"""The mode `physical`: the circuits as they are, four gates, spikes located inside a step.

A step of length dt: each gate takes its pulses and decays; the soma is advanced by Runge-Kutta
steps in z = y + ln y, y = Imem/Igain_mem, in which it is not stiff, with its inputs as they are in
the middle of the step. Where it crosses its threshold, the instant is that of the parabola through
both ends with the slope of the first; the refractory period begins there, and what of a step is
refractory is not integrated.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.devices.dynapse2 import dpi, soma
from rheobase.units import dimensionless, ms, nA

if TYPE_CHECKING:
    from rheobase.devices.dynapse2.neuron import Neuron

LONGEST = 0.5
"""ms that one Runge-Kutta step of the soma may last."""


class PhysicalState(NamedTuple):
    """Currents, and the time until the soma leaves its reset; negative where it is late."""

    Imem: Annotated[Array, nA]
    Iahp: Annotated[Array, nA]
    Iampa: Annotated[Array, nA]
    Inmda: Annotated[Array, nA]
    Igaba: Annotated[Array, nA]
    Ishunt: Annotated[Array, nA]
    wait: Annotated[Array, ms]
    Iampa_rise: Annotated[Array | None, nA] = None
    """Of an alpha-shaped synapse: what is subtracted."""
    Inmda_rise: Annotated[Array | None, nA] = None
    activity: Annotated[Any, dimensionless] = None
    """Of homeostasis: its estimate of the rate, and the logarithm of the gain; or None."""
    log_gain: Annotated[Any, dimensionless] = None


_CURRENT = {"AMPA": "Iampa", "NMDA": "Inmda", "GABA": "Igaba", "SHUNT": "Ishunt"}
_RISE = {"AMPA": "Iampa_rise", "NMDA": "Inmda_rise"}
"""Where a state holds the current of a gate, and what is subtracted from it."""


class Gate(NamedTuple):
    """The constants of one synapse circuit."""

    Itau: Array
    Igain: Array
    tau: Array
    Io: Array

    def after(self, I: Array, Iw: Array | None, t_pulse: Array, dt: Array | float) -> Array:
        """I after the pulses of a step, summed to Iw, and the rest of dt (ms)."""
        left = I * jnp.exp(-dt / self.tau)
        if Iw is not None:
            charged = dpi.pulse(I, Iw, self.Itau, self.Igain, t_pulse / self.tau)
            # Without a weight there is no pulse, and the decay is exact.
            left = jnp.where(Iw > 0, charged * jnp.exp(-(dt - t_pulse) / self.tau), left)
        return jnp.maximum(left, self.Io)


def gates(p: "Neuron", log_gain: Array | None = None) -> dict[str, Gate]:
    """The four gates by name; homeostasis has scaled the gain of excitation."""
    kappa, Ut = p.kappa, p.Ut
    scale = _scale(log_gain)

    def gate(C, Itau, Igain):
        return Gate(Itau, Igain, dpi.time_constant(C, Itau, kappa, Ut), p.Io)

    return {
        "AMPA": gate(p.C_ampa, p.Itau_ampa, scale(p.Igain_ampa)),
        "NMDA": gate(p.C_nmda, p.Itau_nmda, scale(p.Igain_nmda)),
        "GABA": gate(p.C_gaba, p.Itau_gaba, p.Igain_gaba),
        "SHUNT": gate(p.C_shunt, p.Itau_shunt, p.Igain_shunt),
    }


def rises(p: "Neuron", log_gain: Array | None = None) -> dict[str, Gate]:
    """What is subtracted from the gates that are alpha-shaped, by their names."""
    scale = _scale(log_gain)

    def gate(C, alpha):
        tau = dpi.time_constant(C, alpha.Itau, p.kappa, p.Ut)
        return Gate(alpha.Itau, scale(alpha.Igain), tau, p.Io)

    options = {"AMPA": (p.C_ampa, p.alpha_ampa), "NMDA": (p.C_nmda, p.alpha_nmda)}
    return {name: gate(C, alpha) for name, (C, alpha) in options.items() if alpha is not None}


def _scale(log_gain: Array | None) -> Callable[[Array], Array]:
    return lambda Igain: Igain if log_gain is None else Igain * jnp.exp(log_gain)


def adaptation(p: "Neuron") -> Gate:
    """The circuit that a neuron's own spikes drive."""
    tau = dpi.time_constant(p.C_ahp, p.Itau_ahp, p.kappa, p.Ut)
    return Gate(p.Itau_ahp, p.Igain_ahp, tau, p.Io)


def membrane(p: "Neuron") -> soma.Membrane:
    """The soma."""
    return soma.Membrane(
        charge=p.C_mem * p.Ut / p.kappa,
        Igain=p.Igain_mem,
        Io=p.Io,
        exponent=p.kappa / (p.kappa + 1),
        top=jnp.log(p.Ispkthr / p.Igain_mem) + 1,
    )


def init(p: "Neuron") -> PhysicalState:
    """All currents at Io."""
    rest = PhysicalState(p.Io, p.Io, p.Io, p.Io, p.Io, p.Io, 0 * p.C_mem * p.Ut / p.Io)
    rest = rest._replace(**{_RISE[name]: p.Io for name in rises(p)})
    if p.homeostasis is None:
        return rest
    activity, log_gain = p.homeostasis.rest()
    return rest._replace(activity=activity, log_gain=log_gain)


def advance(
    p: "Neuron",
    state: PhysicalState,
    current: Array,
    weighted: dict[str, Array],
    dt: Array | float,
) -> PhysicalState:
    """The state after dt (ms), before the reset.

    `weighted` is the sum of weights that arrived at the start of the step, by gate; a gate that is
    missing gets nothing.
    """
    t_pulse = p.Vth * p.C_pulse / p.Ipulse
    new, middle = {}, {}

    def step(field: str, gate: Gate, Iw: Array | None) -> Array:
        """The current of a gate in the middle of the step."""
        new[field] = gate.after(getattr(state, field), Iw, t_pulse, dt)
        # The pulses stand at the start of the step: half of it decays away before its middle.
        return new[field] if Iw is None else new[field] * jnp.exp(dt / 2 / gate.tau)

    subtracted = rises(p, state.log_gain)
    for name, gate in gates(p, state.log_gain).items():
        Iw = weighted[name] * p.Iscale if name in weighted else None
        middle[name] = step(_CURRENT[name], gate, Iw)
        if name in subtracted:
            less = step(_RISE[name], subtracted[name], Iw)
            middle[name] = jnp.maximum(middle[name] - less, 0)
    ahp = adaptation(p)
    Iahp = ahp.after(state.Iahp, None, t_pulse, dt)
    inputs = _inputs(p, middle, p.Idc + current, Iahp)
    Imem, wait = _integrate(p, state, inputs, dt)
    if p.homeostasis is not None:
        activity, log_gain = p.homeostasis.after(state.activity, state.log_gain, dt)
        new |= {"activity": activity, "log_gain": log_gain}
    return state._replace(Imem=Imem, Iahp=Iahp, wait=wait, **new)


def _inputs(p: "Neuron", gate: dict[str, Array], direct: Array, Iahp: Array) -> soma.Inputs:
    """What the soma gets: the currents of the gates by name, and a direct one."""
    leak = p.Itau_mem + gate["SHUNT"] + Iahp
    g = p.conductance
    if g is None:
        direct = gate["AMPA"] - gate["GABA"] + direct
        return soma.Inputs(direct, gate["NMDA"], p.If_nmda, leak)
    reversals = soma.Reversals(gate["AMPA"], gate["GABA"], g.Irev_ampa, g.Irev_nmda, g.Irev_gaba)
    return soma.Inputs(direct, gate["NMDA"], p.If_nmda, leak, reversals)


def _integrate(
    p: "Neuron", state: PhysicalState, inputs: soma.Inputs, dt: Array | float
) -> tuple[Array, Array]:
    """Imem at the end of the step, and `wait`: minus the time since a crossing, if there was."""
    m = membrane(p)
    h = jnp.clip(dt - state.wait, 0, 2 * dt)
    y0 = state.Imem / m.Igain
    u0 = jnp.log(y0)
    z0 = y0 + u0
    first = soma.slope(m, inputs, u0, y0)

    def at(z):
        u, y = dpi.omega(z)
        return soma.slope(m, inputs, u, y)

    half = h / 2
    second = at(z0 + half * first)
    third = at(z0 + half * second)
    fourth = at(z0 + h * third)
    z = z0 + h / 6 * (first + 2 * (second + third) + fourth)
    _, y = dpi.omega(z)
    Imem = jnp.maximum(m.Igain * y, m.Io)

    limit = p.Ispkthr / m.Igain
    limit = limit + jnp.log(limit)
    since = jax.lax.stop_gradient(_since(z0, first * h, z, limit) * h)
    return Imem, jnp.where(z >= limit, -since, jax.lax.stop_gradient(state.wait))


def _since(z0: Array, rise: Array, z1: Array, limit: Array) -> Array:
    """Which part of the interval comes after z crosses the limit, on a parabola."""
    bend = z1 - z0 - rise
    need = limit - z0
    root = jnp.sqrt(jnp.maximum(rise * rise + 4 * bend * need, 0))
    below = rise + root
    crossed = 2 * need / jnp.where(below > 0, below, 1)
    return 1 - jnp.clip(crossed, 0, 1)


def derivative(p: "Neuron", state: PhysicalState, current: Array) -> PhysicalState:
    """The equations between pulses; a soma that waits does not move."""
    m = membrane(p)
    y = state.Imem / m.Igain
    circuits = {_CURRENT[name]: gate for name, gate in gates(p).items()}
    circuits |= {_RISE[name]: gate for name, gate in rises(p).items()}
    circuits["Iahp"] = adaptation(p)

    def output(name: str) -> Array:
        I = getattr(state, _CURRENT[name])
        less = getattr(state, _RISE[name])
        return I if less is None else jnp.maximum(I - less, 0)

    now = {"GABA": state.Igaba, "SHUNT": state.Ishunt}
    now |= {name: output(name) for name in _RISE}
    inputs = _inputs(p, now, p.Idc + current, state.Iahp)
    dz = soma.slope(m, inputs, jnp.log(y), y)
    dImem = state.Imem * dz / (1 + y)

    def falling(I: Array, gate: Gate) -> Array:
        return jnp.where(p.Io < I, -I / gate.tau, 0 * I / gate.tau)

    slopes = {field: falling(getattr(state, field), gate) for field, gate in circuits.items()}
    if p.homeostasis is not None:
        activity, log_gain = p.homeostasis.derivative(state.activity, state.log_gain)
        slopes |= {"activity": activity, "log_gain": log_gain}
    Imem = jnp.where(state.wait > 0, 0 * dImem, dImem)
    return state._replace(Imem=Imem, wait=0 * dz * state.wait, **slopes)


def reset(p: "Neuron", state: PhysicalState) -> PhysicalState:
    """Imem at Io, and one pulse of the adaptation; homeostasis counts the spike."""
    ahp = adaptation(p)
    t_pulse = p.Vth * p.C_pulse_ahp / p.Ipulse_ahp
    Iahp = dpi.pulse(state.Iahp, p.Iw_ahp, ahp.Itau, ahp.Igain, t_pulse / ahp.tau)
    if p.homeostasis is not None:
        state = state._replace(activity=p.homeostasis.spiked(state.activity))
    return state._replace(Imem=p.Io, Iahp=jnp.maximum(Iahp, p.Io))


def count(p: "Neuron", state: PhysicalState, spike: Array, dt: float) -> PhysicalState:
    """Advance the time to wait; a spike begins a refractory period when it crossed."""
    period = p.Vth * p.C_ref / p.Iref
    crossed = jnp.minimum(state.wait, 0) + period
    return state._replace(wait=jnp.where(spike > 0, crossed, jnp.maximum(state.wait - dt, 0)))
