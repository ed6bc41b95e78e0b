import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.declared import orders
from rheobase.errors import ArgumentError
from rheobase.neurons.base import Onset
from rheobase.train import choose, free, legal, ordered
from rheobase.units import anything, ms, mV, parameters, quantity
from tests.registry import NEURONS

MODEL = rb.Sequential(
    rb.Linear(4, 6), rb.Refractory(rb.LIF(tau=[8, 9, 10, 11, 12, 500] * ms), 2 * ms),
    rb.Recurrent(rb.ALIF(), 6), rb.Linear(6, 2), rb.LI(),
)  # fmt: skip


def declared(model):
    """Every module of a model that declares parameters."""
    nodes = jax.tree.leaves(model, is_leaf=lambda x: isinstance(x, eqx.Module) and x is not model)
    for node in nodes:
        if isinstance(node, eqx.Module):
            yield node
            yield from declared(node)


@pytest.mark.parametrize("name", NEURONS)
def test_there_and_back_is_the_identity_up_to_rounding(name, precision):
    neuron = NEURONS[name].make()
    back = legal(free(neuron))
    assert jax.tree.structure(back) == jax.tree.structure(neuron)
    for one, other in zip(jax.tree.leaves(back), jax.tree.leaves(neuron), strict=True):
        assert one.dtype == other.dtype == precision
        np.testing.assert_allclose(one, other, rtol=4 * jnp.finfo(precision).eps, atol=1e-30)


def test_weights_train_in_units_of_their_scale():
    coordinates = free(MODEL)
    assert MODEL.layers[0].scale != 1
    np.testing.assert_allclose(
        coordinates.layers[0].weight, MODEL.layers[0].weight / MODEL.layers[0].scale, rtol=1e-6
    )
    recurrent = coordinates.layers[2].weight * MODEL.layers[2].spread
    np.testing.assert_allclose(recurrent, MODEL.layers[2].weight, rtol=1e-6)
    wide = rb.Recurrent(rb.LIF(), 200, jax.random.key(0), 3.0)
    np.testing.assert_allclose(free(wide).weight.std(), 1.0, rtol=0.02)


def test_potentials_train_in_units_of_the_way_to_the_threshold():
    zero, up = free(rb.ALIF()), free(rb.ALIF(v_rest=-50 * mV, v_th=-35 * mV, v_reset=-50 * mV))
    for name in ("v_rest", "v_th", "v_reset"):
        assert getattr(zero, name) == 0
        np.testing.assert_allclose(getattr(up, name), 1.0, rtol=1e-6)
    np.testing.assert_allclose(free(rb.AdEx(v_T=-30.2 * mV)).v_T, 1.0, rtol=1e-5)


def test_a_threshold_may_have_any_name():
    class Own(eqx.Module):
        v_reset: jax.Array = quantity(mV, anything, "reset", default=-60 * mV)
        brink: jax.Array = quantity(mV, anything, "threshold", default=-40 * mV)

    assert free(Own(v_reset=-90 * mV)).v_reset == -0.5


@pytest.mark.parametrize("size", [3.0, 1e4])
def test_wherever_an_optimiser_goes_parameters_are_legal(size):
    random = np.random.default_rng(0)
    leaves, structure = jax.tree.flatten(free(MODEL))
    far = [jnp.asarray(x + size * random.normal(size=x.shape), x.dtype) for x in leaves]
    found = legal(jax.tree.unflatten(structure, far))
    count = 0
    for module in declared(found):
        for name, parameter in parameters(module).items():
            assert np.all(parameter.domain.contains(np.asarray(getattr(module, name))))
            count += 1
    assert count > 15


def test_what_does_not_train_keeps_its_bits():
    mask = choose(MODEL, lambda m: m.layers[0])
    coordinates = free(MODEL, mask)
    assert coordinates.layers[1].neuron.tau is MODEL.layers[1].neuron.tau
    assert legal(coordinates, mask).layers[4].tau is MODEL.layers[4].tau


def test_neurons_declare_an_order():
    assert orders(rb.ExpIF) == [("v_T", "v_th"), ("v_reset", "v_th")]


@pytest.mark.parametrize("trained", ["both", "low", "high"])
@pytest.mark.parametrize(
    "name", [n for n, row in NEURONS.items() if row.make().onset is not Onset.NEVER]
)
def test_a_step_that_crosses_parameters_is_held_before_it(name, trained):
    neuron = NEURONS[name].make()
    for low, high in orders(neuron):
        below, above = getattr(neuron, low), getattr(neuron, high)
        crossed = {"both": (above, below), "low": (above + 5, above), "high": (below, below - 5)}
        swapped = eqx.tree_at(
            lambda n, low=low, high=high: (getattr(n, low), getattr(n, high)),
            neuron,
            crossed[trained],
        )
        names = {"both": (low, high), "low": (low,), "high": (high,)}[trained]
        mask = choose(neuron, lambda n, names=names: tuple(getattr(n, x) for x in names))
        found = legal(ordered(free(swapped, mask), mask), mask)
        assert getattr(found, low) < getattr(found, high)
        fixed = {low, high} - set(names)
        assert all(getattr(found, x) is getattr(swapped, x) for x in fixed)


def test_the_order_holds_for_every_element():
    neuron = rb.LIF(v_th=[-50, -50, -50] * mV)
    reset = jnp.array([-65.0, -49, -30])
    crossed = eqx.tree_at(lambda n: n.v_reset, neuron, reset)
    found = legal(ordered(free(crossed), choose(crossed)))
    assert np.all(found.v_reset < found.v_th)
    assert found.v_th[0] == -50 and found.v_th.shape == (3,)
    crossed = eqx.tree_at(lambda n: n.v_reset, rb.LIF(), reset)
    found = legal(ordered(free(crossed), choose(crossed)))
    assert found.v_th.shape == () and np.all(found.v_reset < found.v_th)


def test_what_is_in_order_keeps_its_bits():
    coordinates = free(MODEL)
    for one, other in zip(
        jax.tree.leaves(ordered(coordinates, choose(MODEL))),
        jax.tree.leaves(coordinates),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_one_neuron_in_two_places_is_two():
    neuron = rb.LIF()
    model = rb.Sequential(rb.Linear(2, 2), neuron, rb.Linear(2, 2), neuron)
    crossed = eqx.tree_at(lambda m: m.layers[1].v_reset, model, jnp.asarray(-40.0))
    found = legal(ordered(free(crossed), choose(crossed)))
    assert found.layers[1].v_th > -40 and found.layers[3].v_th == -50


def test_choose():
    everything = choose(MODEL)
    assert all(
        yes == eqx.is_inexact_array(x)
        for yes, x in zip(jax.tree.leaves(everything), jax.tree.leaves(MODEL), strict=True)
    )
    two = choose(MODEL, (lambda m: m.layers[0].weight, lambda m: m.layers[2].neuron))
    assert two.layers[0].weight and not two.layers[0].bias and two.layers[2].neuron.beta
    assert not two.layers[1].neuron.tau
    with pytest.raises(ArgumentError, match="picks nothing that can train"):
        choose(MODEL, lambda m: ())
