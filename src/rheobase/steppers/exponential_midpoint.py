"""The exponential midpoint rule: exact for what is linear, second order for the rest."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rheobase.phi import phi
from rheobase.steppers.base import AbstractStepper, Flow, variables_only
from rheobase.steppers.exact import Exact
from rheobase.steppers.exponential import LARGEST
from rheobase.steppers.propagator import applied, averages, rates_of
from rheobase.steppers.structure import structure_of


class ExponentialMidpoint(AbstractStepper):
    r"""Exponential midpoint; the default.

    - Variables that move affinely and see nothing but each other (synapses; all of `LIF`,
      `CubaLIF`, `GLIF`) advance exactly, as by `Exact`; the others see their mean over the step,
      weighted as a membrane at rest forgets.
    - The voltage goes half of a step by exponential Euler: v* = v + (dt/2) φ(z) f(v, x).
    - All others advance at it: x(t + dt) = x + dt φ(z) f(v*, x).
    - The voltage advances at their middle: v(t + dt) = v + dt φ(z) f(v, (x + x(t + dt))/2).

    z = dt ∂f/∂x for each variable's own f, φ(z) = (e^z - 1)/z. On the upstroke of a neuron whose
    voltage runs away, φ of the voltage is that of its exponential or its parabola, so a spike comes
    in its own step. Second order in dt; stable for any dt where ∂f/∂x < 0.

    Source: Hochbruck & Ostermann 2010, Acta Numerica 19:209; of affine dynamics Rotter & Diesmann
    1999, Biol Cybern 81:381.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.AdEx(), current=1 * nA, duration=100 * ms, dt=0.1 * ms,
    ...                   stepper=rb.ExponentialMidpoint())
    """

    def advance(self, flow, state, dt):
        structure = structure_of(flow.neuron)
        if structure.affine:
            return Exact().advance(flow, state, dt)
        leaves, rate, whole = variables_only(flow, state)
        voltage, others = structure.voltage, structure.others
        moved, seen = _linear(flow, leaves, rate, dt)

        def ahead(some: tuple[int, ...], growth: Callable, by) -> list:
            """Where variables are after a part `by` (ms) of what the step moves them.

            They do not see each other; of the others they see what is in `seen`.
            """

            def own(*x):
                given = list(seen)
                for i, value in zip(some, x, strict=True):
                    given[i] = value
                rates = rate(given)
                return [rates[i] for i in some]

            at = [leaves[i] for i in some]
            f, slope = jax.jvp(own, at, [jnp.ones_like(x) for x in at])
            return [x + growth(dt * s) * (by * y) for x, y, s in zip(at, f, slope, strict=True)]

        def see(some: tuple[int, ...], middle: list) -> None:
            for i, value in zip(some, middle, strict=True):
                seen[i] = value

        def middles() -> list:
            alone = [(i,) for i in others] if structure.mutual else [others]
            return [value for some in alone for value in ahead(some, _growth, dt / 2)]

        if others:
            if voltage is not None:
                see((voltage,), ahead((voltage,), flow.neuron.growth, dt / 2))
            if structure.mutual:
                see(others, middles())
            see(others, middles())
            for i in others:
                moved[i] = 2 * seen[i] - leaves[i]
        if voltage is not None:
            (moved[voltage],) = ahead((voltage,), flow.neuron.growth, dt)
        return whole(moved)

    def seen(self, flow, state, dt):
        structure = structure_of(flow.neuron)
        if structure.others:
            return None
        leaves, rate, whole = variables_only(flow, state)
        return whole(_linear(flow, leaves, rate, dt)[1])

    def check(self, neuron, dt):
        pass


def _growth(z):
    return phi(jnp.minimum(z, LARGEST))


def _linear(flow, leaves: list, rate, dt) -> tuple[list, list]:
    """The variables after a step and what is seen of them in it, where they are linear."""
    moved, mean = list(leaves), list(leaves)
    linear = structure_of(flow.neuron).linear
    if not linear:
        return moved, mean
    rates = rate(leaves)
    slopes = {i: rates[i] for i in linear}
    phis = averages({k: dt * x for k, x in rates_of(flow.neuron, linear).items()})
    changes, shifts = applied(phis.move, slopes), applied(phis.mean, slopes)
    late = _lateness(flow, dt)
    for i in linear:
        moved[i] = leaves[i] + dt * changes[i]
        mean[i] = leaves[i] + dt * (shifts[i] + late * changes[i])
    return moved, mean


def _lateness(flow, dt):
    """By how much of a step after its middle a membrane at rest sees what changes in it.

    It forgets as e^zt, so of an input that rises evenly it keeps that at φ2(z)/φ(z) of the step.
    """
    neuron = flow.neuron
    rest = jax.tree.map(jnp.asarray, neuron.init())
    leaves, rate, _ = variables_only(Flow(neuron, jnp.zeros_like(jax.tree.leaves(rest)[0])), rest)
    v = structure_of(neuron).voltage
    if v is None:
        return 0

    def own(x):
        return rate([*leaves[:v], x, *leaves[v + 1 :]])[v]

    _, slope = jax.jvp(own, (leaves[v],), (jnp.ones_like(leaves[v]),))
    z = jnp.clip(dt * slope, -LARGEST, LARGEST)
    value, change = jax.jvp(phi, (z,), (jnp.ones_like(z),))
    # phi2 = phi - phi'
    return (value - change) / value - 0.5
