"""The further circuits of the chip's neuron: alpha-shaped synapses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.devices import dynapse2 as d2
from rheobase.devices.dynapse2 import physical
from rheobase.devices.dynapse2.physical import PhysicalState
from rheobase.errors import ParameterError
from rheobase.units import nA, prove_model


def advanced(neuron, steps, weighted) -> Any:
    """The states after each of `steps` steps of 1 ms, `weighted` arriving in the first."""
    step = jax.jit(lambda state, w: physical.advance(neuron, state, jnp.zeros(()), w, 1.0))
    states = [step(neuron.init(), weighted)]
    none = jax.tree.map(jnp.zeros_like, weighted)
    for _ in range(steps - 1):
        states.append(step(states[-1], none))
    return jax.tree.map(lambda *x: np.asarray(x), *states)


OPTIONS: dict[str, Any] = {
    "alpha": {"alpha_ampa": d2.Alpha(), "alpha_nmda": d2.Alpha()},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_dimensions_are_right(name):
    prove_model(d2.Neuron(**OPTIONS[name]), PhysicalState, nA)


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
    for option, value in OPTIONS[name].items():
        with pytest.raises(ParameterError, match=option):
            neuron(**{option: value}, mode="compatible")
        with pytest.raises(ParameterError, match=f"d2.Neuron.{option}=d2"):
            neuron(**{option: True})
    net = d2.Network(n_in=2, n_out=1, neuron=d2.Neuron(**OPTIONS[name]))
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
