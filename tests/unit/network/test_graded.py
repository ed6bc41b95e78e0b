"""Graded synapses, which the presynaptic voltage drives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError
from rheobase.units import S, cm, ms, mV, nA, nS, um

DT = 0.025 * ms
AREA = 4 * np.pi * 10**2
"""um^2; with 1 uF/cm^2 and 1e-4 S/cm^2 a time constant of 10 ms."""


def held(v):
    """A compartment that stays at this voltage."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um), v_init=v * mV)
    return cell.insert(ch.Leak(g=1e-4 * S / cm**2, e=v * mV))


def between(synapse, weight, pre=-30.0, post=-70.0):
    return rb.Network(
        {"a": rb.Population(held(pre), 1), "b": rb.Population(held(post), 1)},
        [rb.Connection("a", "b", rb.OneToOne(), synapse, weight=weight)],
    )


def settled(net):
    run = rb.simulate(net, duration=100 * ms, dt=DT, record={"b": ("v",)})
    return float(run["b"].v[-1, 0, 0])


G = 1e-4 * 1e6 * AREA * 1e-8
"""uS of the leak."""


def test_a_current_settles_at_its_closed_form(x64):
    expected = -70 + 0.01 * np.tanh((-30 + 35) / 20) / G
    found = settled(between(rb.Tanh(v_th=-35 * mV, width=20 * mV), 0.01 * nA))
    assert found == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("name", ["Ionotropic", "NMDA"])
def test_a_conductance_settles_at_its_closed_form(name, x64):
    """Open from the start, since the presynaptic voltage has long been what it is."""
    if name == "Ionotropic":
        synapse, strength = rb.Conductance(rb.Ionotropic(), reversal=0 * mV), 1 / (1 + np.exp(-1))
    else:
        synapse = rb.NMDA(rb.Binding(v_half=-30 * mV))
        on = 0.072 * 0.5
        strength = on / (on + 0.0066)
    v = settled(between(synapse, 0.3 * nS))
    block = 1 if name == "Ionotropic" else 1 + 1.2 / 3.57 * np.exp(-0.062 * v)
    flowing = 0.3e-3 * strength / block * (0 - v)
    assert flowing == pytest.approx(G * (v + 70), rel=2e-3)
    assert v > -69.9


def test_it_opens_fast_and_shuts_slowly(x64):
    """At constant voltages the exact solution, for any step."""
    synapse = rb.Ionotropic()
    for v in (-60.0, -35.0, 20.0):
        u = (v + 35) / 5
        limit = 1 / (1 + np.exp(-u))
        rate = 0.025 * (1 + np.exp(u))
        state = synapse.settled(jnp.asarray(-50.0))
        begin = float(state.s)
        for _ in range(20):
            state = synapse.moved(state, jnp.asarray(v), 0.5)
        np.testing.assert_allclose(state.s, limit + (begin - limit) * np.exp(-10 * rate), rtol=1e-9)


def test_its_gradient_is_the_finite_difference(x64):
    """Through the presynaptic voltage, which no spike passes."""

    def response(current, weight):
        net = rb.Network(
            {"a": rb.Population(held(-60.0), 1), "b": rb.Population(held(-70.0), 1)},
            [rb.Connection("a", "b", rb.OneToOne(), rb.Conductance(rb.Ionotropic(), 0 * mV),
                           weight=weight * nS)],
            [rb.Drive("a", rb.stimulus.Constant(current * nA))],
        )  # fmt: skip
        return rb.simulate(net, duration=5 * ms, dt=0.1 * ms, record={"b": ("v",)})["b"].v[-1, 0, 0]

    at = (0.03, 1.0)
    slopes = jax.grad(response, argnums=(0, 1))(*at)
    for k, slope in enumerate(slopes):
        moved = [list(at), list(at)]
        moved[0][k] += 1e-5
        moved[1][k] -= 1e-5
        expected = (response(*moved[0]) - response(*moved[1])) / 2e-5
        assert abs(expected) > 1e-3
        np.testing.assert_allclose(slope, expected, rtol=1e-4)


def test_what_it_cannot_have():
    with pytest.raises(ArgumentError, match="Ionotropic transmits voltages at once"):
        rb.Connection("a", "b", rb.OneToOne(), rb.Ionotropic(), weight=1 * nA, delay=1 * ms)
