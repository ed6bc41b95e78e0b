"""Explicit Runge-Kutta rules, each a Butcher tableau of its own file."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from rheobase.errors import StepperError
from rheobase.neurons.gates import RANGE
from rheobase.steppers.base import Flow, variables_only


class Tableau(NamedTuple):
    """x' = x + dt sum_i b_i k_i,  k_i = f(x + dt sum_j a_ij k_j)."""

    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    stable: float
    """Length of the interval of stability on the negative real axis: dt |df/dx| must be below."""


def advance(tableau, flow, state, dt):
    """One explicit step of every continuous variable, all stages from the same old state."""
    leaves, rate, whole = variables_only(flow, state)

    def moved(weights, slopes):
        terms = [(w, k) for w, k in zip(weights, slopes, strict=True) if w]
        return [x + dt * sum(w * k[i] for w, k in terms) for i, x in enumerate(leaves)]

    slopes: list = []
    for row in tableau.a:
        slopes.append(rate(moved(row, slopes) if slopes else leaves))
    return whole(moved(tableau.b, slopes))


def check(tableau, name, neuron, dt):
    """Refuse a time step beyond the rule's stability at rest, and for gates at any voltage."""
    if any(isinstance(x, Tracer) for x in jax.tree.leaves(neuron)):
        return
    with jax.ensure_compile_time_eval():
        fastest = float(_fastest(neuron))
    if dt * fastest > tableau.stable:
        raise StepperError(
            f"dt = {dt:g} ms is longer than a stable step of {name}(): the fastest variable of "
            f"{type(neuron).__name__} decays in {1 / fastest:.3g} ms, so dt must stay below "
            f"{tableau.stable / fastest:.3g} ms. Write dt={0.2 / fastest:.2g}*ms, or "
            f"stepper=rb.ExponentialMidpoint(), which is stable at any dt."
        )


@eqx.filter_jit
def _fastest(neuron):
    dtype = jnp.result_type(float)
    rest = jax.tree.map(lambda x: jnp.asarray(x, dtype), neuron.init())
    leaves, rate, _ = variables_only(Flow(neuron, jnp.zeros(())), rest)
    rates = []
    for i, x in enumerate(leaves):
        own = lambda x, i=i: rate([*leaves[:i], x, *leaves[i + 1 :]])[i]  # noqa: E731
        rates.append(jnp.max(-jax.jvp(own, (x,), (jnp.ones_like(x),))[1]))
    rates += [jnp.max(rate) for rate in neuron.gate_rates(RANGE).values()]
    return jnp.max(jnp.stack(rates))
