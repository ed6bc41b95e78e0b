"""The further circuits of the chip's neuron: alpha-shaped and conductance synapses, homeostasis."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.devices import dynapse2 as d2
from rheobase.devices.dynapse2 import physical
from rheobase.devices.dynapse2.physical import PhysicalState
from rheobase.errors import ParameterError
from rheobase.neurons import variables
from rheobase.units import Hz, nA, prove_model, s


def advanced(neuron, steps, weighted) -> Any:
    """The states after each of `steps` steps of 1 ms, `weighted` arriving in the first."""
    step = jax.jit(lambda state, w: physical.advance(neuron, state, jnp.zeros(()), w, 1.0))
    states = [step(neuron.init(), weighted)]
    none = jax.tree.map(jnp.zeros_like, weighted)
    for _ in range(steps - 1):
        states.append(step(states[-1], none))
    return jax.tree.map(lambda *x: np.asarray(x), *states)


OPTIONS: dict[str, Any] = {
    "alpha": lambda: {"alpha_ampa": d2.Alpha(), "alpha_nmda": d2.Alpha()},
    "conductance": lambda: {"conductance": d2.Conductance()},
    "homeostasis": lambda: {"homeostasis": d2.Homeostasis()},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_dimensions_are_right(name):
    prove_model(d2.Neuron(**OPTIONS[name]()), PhysicalState, nA)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_short_step_is_the_derivative(name, x64):
    neuron = d2.Neuron(**OPTIONS[name]())
    state = jax.tree.map(lambda x: x + 0.3, neuron.init())._replace(wait=jnp.zeros(()))
    state = state._replace(**{k: 0.1 * v for k, v in variables.items(state) if "rise" in k})
    current = jnp.asarray(0.2)
    dt = 1e-4
    step = jax.jit(lambda state: physical.advance(neuron, state, current, {}, dt))(state)
    rate = neuron.derivative(state, current)
    for variable, value in variables.items(rate):
        found = (variables.get(step, variable) - variables.get(state, variable)) / dt
        np.testing.assert_allclose(found, value, rtol=1e-3, err_msg=variable)


def test_mismatch_draws_its_currents_too():
    neuron = d2.Neuron(alpha_ampa=d2.Alpha())
    chip = d2.mismatch(neuron, 0.2, key=jax.random.key(1), n=400)
    assert chip.alpha_ampa is not None
    spread = np.std(chip.alpha_ampa.Itau) / np.mean(chip.alpha_ampa.Itau)
    assert spread == pytest.approx(0.2, rel=0.15)
    one = d2.mismatch(neuron, 0.2, key=jax.random.key(1), n=400, parameters="alpha_ampa.Igain")
    assert one.alpha_ampa is not None
    assert one.alpha_ampa.Igain.shape == (400,)
    assert one.alpha_ampa.Itau.shape == ()


@pytest.mark.parametrize("name", OPTIONS)
def test_the_other_mode_and_the_configuration_refuse_it(name):
    neuron: Any = d2.Neuron
    for option, value in OPTIONS[name]().items():
        with pytest.raises(ParameterError, match=option):
            neuron(**{option: value}, mode="compatible")
        with pytest.raises(ParameterError, match=f"d2.Neuron.{option}=d2"):
            neuron(**{option: True})
    net = d2.Network(n_in=2, n_out=1, neuron=d2.Neuron(**OPTIONS[name]()))
    with pytest.raises(ParameterError, match="configuration cannot say"):
        d2.place(net)


def test_an_alpha_synapse_is_the_difference_of_two_exponentials():
    """Pulses far above Igain charge both alike: dI (e^(-t/tau) - e^(-t/tau_rise))."""
    neuron = d2.Neuron(alpha_ampa=d2.Alpha())
    # 1e5 weights of 10 nA: both integrators far above their gain of 8.7 nA.
    found = advanced(neuron, 40, {"AMPA": jnp.asarray(1e5)})
    I, t = found.Iampa - found.Iampa_rise, np.arange(1.0, 41.0)
    tau, rise = 10.0, 5.0
    shape = np.exp(-t / tau) - np.exp(-t / rise)
    np.testing.assert_allclose(I / I.max(), shape / shape.max(), atol=5e-3)
    peak = np.log(tau / rise) * tau * rise / (tau - rise)
    assert abs(t[I.argmax()] - peak) < 1


def test_an_alpha_synapse_drives_the_soma_by_what_is_left():
    """In the derivative Iampa - Iampa_rise takes the place of Iampa, and is never negative."""
    plain, alpha = d2.Neuron(), d2.Neuron(alpha_ampa=d2.Alpha())

    def dImem(neuron, **currents):
        return neuron.derivative(neuron.init()._replace(**currents), jnp.zeros(())).Imem

    A = jnp.asarray
    np.testing.assert_allclose(
        dImem(alpha, Iampa=A(3.0), Iampa_rise=A(2.0)), dImem(plain, Iampa=A(1.0)), rtol=1e-5
    )
    np.testing.assert_allclose(
        dImem(alpha, Iampa=A(2.0), Iampa_rise=A(3.0)), dImem(plain, Iampa=A(0.0)), rtol=1e-5
    )


@pytest.mark.slow
def test_a_network_of_alpha_synapses_answers_later():
    plain, alpha = (
        d2.Network(
            neuron=d2.Neuron(alpha_ampa=option), inputs=d2.Projection(50 * jnp.ones((1, 1)))
        ).run(jnp.zeros((40, 1, 1)).at[0].set(1.0), record=("Imem",))
        for option in (None, d2.Alpha())
    )
    first = [int(np.argmax(run.traces["Imem"])) for run in (plain, alpha)]
    assert first[0] < first[1]


def pull(neuron, **currents):
    """The current into the soma that a gate gives beyond its smallest: charge dz/dt less rest."""
    state = neuron.init()._replace(Imem=currents.pop("Imem"))
    without, given = (
        neuron.derivative(s, jnp.asarray(1.0)).Imem for s in (state, state._replace(**currents))
    )
    y = state.Imem / neuron.Igain_mem
    dz = (given - without) * (1 + y) / state.Imem
    return float(dz * neuron.C_mem * neuron.Ut / neuron.kappa)


@pytest.mark.parametrize(("gate", "sign"), [("ampa", 1), ("gaba", -1)])
def test_a_conductance_fades_as_a_sigmoid_of_the_distance_in_voltage(gate, sign, x64):
    """I sigmoid(kappa (E - V)/Ut) of excitation, -I sigmoid(kappa (V - E)/Ut) of inhibition."""
    reversal = 0.2
    made: Any = d2.Conductance
    option = made(Irev_ampa=reversal * nA, Irev_gaba=reversal * nA)
    neuron = d2.Neuron(conductance=option)
    to_voltage = float(neuron.Ut / neuron.kappa)
    for distance in (-60.0, 0.0, 60.0):
        Imem = reversal * np.exp(-distance / to_voltage)
        found = pull(neuron, Imem=jnp.asarray(Imem), **{f"I{gate}": jnp.asarray(0.5)})
        passed = 1 / (1 + np.exp(-sign * distance / to_voltage))
        assert found == pytest.approx(sign * 0.5 * passed, abs=2e-3)


def test_far_reversals_change_nothing():
    made: Any = d2.Conductance
    far = made(Irev_ampa=1e9 * nA, Irev_nmda=1e9 * nA, Irev_gaba=1e-12 * nA)
    plain, conducting = (
        d2.Neuron(conductance=option).derivative(
            d2.Neuron()
            .init()
            ._replace(
                Imem=jnp.asarray(2.0),
                Iampa=jnp.asarray(5.0),
                Inmda=jnp.asarray(3.0),
                Igaba=jnp.asarray(2.0),
            ),
            jnp.asarray(0.0),
        )
        for option in (None, far)
    )
    np.testing.assert_allclose(conducting.Imem, plain.Imem, rtol=1e-5)


def test_the_gain_rises_and_falls_as_its_equations_say(x64):
    """Silent: a factor e in tau_gain, to its limit. Firing: the integral, by small steps."""
    loop = d2.Homeostasis(tau_gain=10 * s, high=2.0)
    zero = jnp.asarray(0.0)
    assert float(loop.after(zero, zero, 5000.0)[1]) == pytest.approx(0.5)
    assert float(loop.after(zero, zero, 50000.0)[1]) == pytest.approx(np.log(2))
    a = loop.spiked(jnp.asarray(6.0))
    assert float(a) == pytest.approx(6 + 1 / (0.020 * 500))
    whole = loop.after(a, zero, 300.0)
    t = (np.arange(30000) + 0.5) / 100
    course = float(a) * np.exp(-t / 500)
    assert float(whole[0]) == pytest.approx(float(a) * np.exp(-300 / 500))
    assert float(whole[1]) == pytest.approx(((1 - course) / (1 + course)).sum() / 100 / 10000)
    speed = loop.derivative(a, zero)[1]
    assert float(speed) == pytest.approx(float(loop.after(a, zero, 1e-3)[1]) / 1e-3, rel=1e-5)


def test_homeostasis_scales_the_pulses_of_excitation_alone():
    neuron = d2.Neuron(homeostasis=d2.Homeostasis())
    one = physical.gates(neuron)
    three = physical.gates(neuron, jnp.log(3.0))
    ratio = {name: float(three[name].Igain / one[name].Igain) for name in one}
    assert ratio == pytest.approx({"AMPA": 3, "NMDA": 3, "GABA": 1, "SHUNT": 1})


@pytest.mark.slow
def test_a_network_comes_to_its_target_rate():
    """From 140 and from 445 Hz, which are the rates without homeostasis."""
    x = (jax.random.uniform(jax.random.key(0), (40000, 1, 50)) < 0.02).astype(float)
    inputs = d2.Projection(jnp.full((50, 2), 30.0).at[:, 0].set(3.0))
    loop: Any = d2.Homeostasis
    loop = loop(rate=20 * Hz, tau_gain=1 * s, low=1e-4, high=1e4)
    plain = d2.Network(n_out=2, inputs=inputs)(x[:5000]).sum(axis=(0, 1)) / 5
    assert float(plain.min()) > 100
    net = d2.Network(n_out=2, inputs=inputs, neuron=d2.Neuron(homeostasis=loop))
    np.testing.assert_allclose(net(x)[-20000:].sum(axis=(0, 1)) / 20, 20, atol=1.5)
