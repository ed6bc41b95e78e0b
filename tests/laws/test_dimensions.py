"""The equations of every model and of every adaptor are dimensionally right."""

import equinox as eqx
import jax
import pytest

import rheobase as rb
from rheobase.neurons import Onset
from rheobase.units import DimensionError, ms, prove, prove_model, quantity
from rheobase.units.proof import leaf_units
from tests.registry import ADAPTORS, NEURONS, compositions, every_neuron


@every_neuron
def test_every_neuron_is_proved(name):
    neuron = NEURONS[name].make()
    prove_model(neuron, type(neuron.init()), neuron.receives)


@compositions
def test_every_adaptor_is_proved_around_every_neuron(adaptor, name):
    neuron = ADAPTORS[adaptor].wrap(NEURONS[name].make())
    if neuron.onset is not Onset.NEVER:
        prove_model(neuron, type(neuron.init()), neuron.receives)


@pytest.mark.parametrize("adaptor", ["Noise", "WhiteNoise"])
def test_noise_is_proved(adaptor):
    neuron = ADAPTORS[adaptor].wrap(rb.AdEx())
    arrays, static = eqx.partition(neuron, eqx.is_array)
    state, key = neuron.init(), jax.random.key(0)

    def perturb(arrays, state, current, dt):
        return eqx.combine(arrays, static).perturb(state, current, dt, key)

    units = leaf_units(state, state)
    number = jax.ShapeDtypeStruct((), "float32")
    prove(
        perturb,
        (leaf_units(arrays, neuron), units, neuron.receives, ms),
        (units, neuron.receives),
        arguments=(arrays, state, number, number),
    )


class Wrong(rb.neurons.AbstractMembrane):
    """A readout that forgets its resistance."""

    tau: jax.Array = quantity(ms, rb.units.positive, "time constant", default=10 * ms)

    def init(self):
        return rb.LI().init()

    def derivative(self, state, current):
        return state._replace(v=(current - state.v) / self.tau)


@pytest.mark.parametrize("wrap", [lambda x: x, ADAPTORS["Noise"].wrap], ids=["bare", "in Noise"])
def test_a_wrong_equation_is_found(wrap):
    neuron = wrap(Wrong())
    with pytest.raises(DimensionError, match=r"`current - state.v`.* in .*test_dimensions.py"):
        prove_model(neuron, type(neuron.init()), neuron.receives)
