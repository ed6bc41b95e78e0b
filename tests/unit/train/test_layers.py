import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, KeyRequired, ShapeError, StepperError, UnknownName
from rheobase.train import input_scale, rheobase_current
from rheobase.units import DomainError, MOhm, UnitError, ms, mV, nA

X = np.random.default_rng(0).uniform(0, 1, (30, 5, 4)).astype(np.float32)


def small(**more):
    return rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 3), rb.LI(), **more)


def test_it_is_its_layers_one_after_the_other():
    model = small()
    first, hidden, second, readout = model.layers
    x = 3 * X
    drive = x @ np.asarray(first.weight) + np.asarray(first.bias)
    spikes = rb.simulate(
        hidden, current=rb.stimulus.FromArray(drive * nA), duration=30 * ms, dt=1 * ms
    ).spikes
    drive = np.asarray(spikes @ second.weight)
    v = rb.simulate(
        readout, current=rb.stimulus.FromArray(drive * nA), duration=30 * ms, dt=1 * ms, record="v"
    ).v
    assert 0.02 < np.mean(spikes) < 0.5
    np.testing.assert_allclose(model(x), v, rtol=1e-4, atol=1e-4)


def test_activity_records_every_population():
    model = small()
    hidden, readout = model.activity(X, record=("v",))
    np.testing.assert_array_equal(readout.v, model(X))
    assert hidden.spikes.shape == hidden.v.shape == (30, 5, 20)
    assert hidden.t.tolist() == list(range(1, 31))
    assert readout.units == {"v": mV}
    output, runs = model.run(X)
    np.testing.assert_array_equal(output, readout.v)
    assert runs[0].traces == {}


def test_a_network_that_ends_in_spikes_gives_spikes():
    model = rb.Sequential(rb.Linear(4, 6), rb.Refractory(rb.LIF(), 2 * ms))
    assert set(np.unique(model(3 * X))) == {0, 1}


def test_inputs_to_a_synapse_are_added_to_its_current():
    model = rb.Sequential(rb.CubaLIF())
    x = np.full((30, 1, 2), 0.1, np.float32)
    kicks = rb.stimulus.FromArray(x * nA)
    run = rb.simulate(rb.CubaLIF(), delta=kicks, duration=30 * ms, dt=1 * ms)
    np.testing.assert_array_equal(model(x), run.spikes)
    assert model(x).sum() > 0


@pytest.mark.parametrize("damping", [None, 1.0, 0.3])
def test_the_gradient_is_that_of_a_scan_written_by_hand(x64, damping):
    """Damped, a spike that comes back has a part of its derivative, forwards the whole of it."""
    recurrent = damping is not None
    k, decay, slow = 2.0, np.exp(-1 / 10), np.exp(-1 / 20)
    layer = rb.Recurrent(rb.LIF(), 20, damping=damping) if recurrent else rb.LIF()
    part = damping or 1.0
    model = rb.Sequential(rb.Linear(4, 20), layer, rb.Linear(20, 3), rb.LI())
    x = jnp.asarray(X, float)
    weight = model.layers[1].weight if recurrent else jnp.zeros((20, 20))

    @jax.custom_jvp
    def spike(m):
        return (m >= 0).astype(m.dtype)

    spike.defjvp(lambda p, t: (spike(p[0]), t[0] / (1 + k * jnp.abs(p[0])) ** 2))

    def by_hand(w, inner, out):
        def body(carry, now):
            v, u, s = carry
            back = part * s + (1 - part) * jax.lax.stop_gradient(s)
            v = decay * v + (1 - decay) * (-65 + 10 * (now @ w + back @ inner))
            s = spike((v + 50) / 15)
            v = jnp.where(jax.lax.stop_gradient(s) > 0, -65, v)
            u = slow * u + (1 - slow) * (s @ out)
            return (v, u, s), u

        start = jnp.full((5, 20), -65.0), jnp.zeros((5, 3)), jnp.zeros((5, 20))
        return jnp.sum(jax.lax.scan(body, start, x)[1] ** 2)

    expected = jax.grad(by_hand, (0, 1, 2))(model.layers[0].weight, weight, model.layers[2].weight)
    gradient = eqx.filter_grad(lambda m: jnp.sum(m(x) ** 2))(model)
    found = [gradient.layers[0].weight, expected[1], gradient.layers[2].weight]
    if recurrent:
        found[1] = gradient.layers[1].weight
        assert jnp.abs(found[1]).max() > 0
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10 * jnp.abs(other).max())


def test_every_parameter_of_a_smooth_network_has_the_gradient_of_finite_differences(x64):
    model = rb.Sequential(rb.Linear(4, 6), rb.LI(), rb.Linear(6, 3), rb.LI())
    model = eqx.tree_at(lambda m: m.layers[3].v_rest, model, jnp.asarray(0.3))
    x = jnp.asarray(X, float)
    arrays, rest = eqx.partition(model, eqx.is_inexact_array)

    def total(arrays):
        return jnp.mean(jnp.sin(eqx.combine(arrays, rest)(x)))

    random = np.random.default_rng(1)
    along = jax.tree.map(lambda a: jnp.asarray(random.normal(size=a.shape)), arrays)
    h = 1e-6

    def moved(by):
        return total(jax.tree.map(lambda a, d: a + by * d, arrays, along))

    gradient = jax.grad(total)(arrays)
    found = sum(jax.tree.leaves(jax.tree.map(lambda g, d: jnp.sum(g * d), gradient, along)))
    np.testing.assert_allclose(found, (moved(h) - moved(-h)) / (2 * h), rtol=1e-6)


def test_a_second_call_compiles_nothing(compiled):
    model = small()
    other = eqx.tree_at(lambda m: m.layers[1].tau, model, model.layers[1].tau * 2)
    fresh = X[:-3]  # a length that no other test runs, so that the first call compiles
    compiled()
    model(fresh)
    assert compiled() > 0
    model(2 * fresh + 1)
    other(fresh)
    assert compiled() == 0


def test_weights_follow_the_key_and_the_position():
    weights = [small().layers[0].weight, small(key=jax.random.key(0)).layers[0].weight]
    np.testing.assert_array_equal(*weights)
    assert not np.any(weights[0] == small(key=jax.random.key(1)).layers[0].weight)
    twice = rb.Sequential(rb.Linear(4, 4), rb.LIF(), rb.Linear(4, 4), rb.LIF())
    assert not np.any(twice.layers[0].weight == twice.layers[2].weight)
    own = rb.Linear(4, 20, key=jax.random.key(5))
    model = rb.Sequential(own, rb.LIF())
    np.testing.assert_array_equal(model.layers[0].weight, own.weight)


def test_initial_weights_fit_the_neuron_that_follows():
    neuron = rb.LIF(R=50 * MOhm)
    model = rb.Sequential(rb.Linear(400, 300), neuron, rb.Recurrent(rb.LIF(), 300), rb.LI())
    scales = rheobase_current(neuron).item(), input_scale(rb.LIF(), 1.0, spikes=True)
    np.testing.assert_allclose(model.layers[0].weight.std() * 20, scales[0], rtol=0.01)
    np.testing.assert_allclose(model.layers[2].weight.std() * 300**0.5, 0.5 * scales[1], rtol=0.01)
    spikes = rb.Sequential(rb.Linear(400, 300), neuron, inputs="spikes")
    np.testing.assert_allclose(
        spikes.layers[0].scale, input_scale(neuron, 1.0, spikes=True), rtol=1e-6
    )
    assert model.layers[0].bias.shape == (300,) and not model.layers[0].bias.any()
    assert rb.Sequential(rb.Linear(4, 3, bias=False), rb.LIF()).layers[0].bias is None


def test_noise_needs_a_key():
    model = rb.Sequential(rb.Linear(4, 6), rb.WhiteNoise(rb.LIF(), 5 * nA * ms**0.5))
    with pytest.raises(KeyRequired, match=r"model\(x, key=jax.random.key\(0\)\)"):
        model(X)
    one, again, other = (model(X, jax.random.key(i)) for i in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_widths_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"takes 9 inputs, but Linear \(layer 0\) gives 8"):
        rb.Sequential(rb.Linear(4, 8), rb.LIF(), rb.Linear(9, 2), rb.LI())
    with pytest.raises(ShapeError, match=r"Write n=8"):
        rb.Sequential(rb.Linear(4, 8), rb.Recurrent(rb.LIF(), 5))
    with pytest.raises(ShapeError, match=r"parameters of shape \(3,\) for 8 neurons"):
        rb.Sequential(rb.Linear(4, 8), rb.LIF(tau=[1, 2, 3] * ms))
    with pytest.raises(ShapeError, match=r"takes 4 inputs, got x of shape \(30, 5, 7\)"):
        small()(np.zeros((30, 5, 7)))
    with pytest.raises(ShapeError, match=r"One sample of shape \(time, n\) is x\[:, None\]"):
        small()(X[:, 0])
    with pytest.raises(ShapeError, match=r"`n_out` is a number of neurons >= 1, got 0"):
        rb.Linear(4, 0)
    with pytest.raises(ShapeError, match="has no layers"):
        rb.Sequential()


def test_what_is_no_layer():
    with pytest.raises(ArgumentError, match=r"layer 1 is the class LIF. Write rb.LIF\(\)"):
        rb.Sequential(rb.Linear(4, 8), rb.LIF)
    with pytest.raises(ArgumentError, match=r"layer 0 of Sequential must be"):
        rb.Sequential("LIF")
    with pytest.raises(ArgumentError, match=r"LI never fires"):
        rb.Recurrent(rb.LI(), 5)
    with pytest.raises(ArgumentError, match=r"class LIF. Write Recurrent\(rb.LIF\(\), 256\)"):
        rb.Recurrent(rb.LIF, 5)
    with pytest.raises(ArgumentError, match=r"has no weights yet"):
        rb.Linear(4, 5)(X)


def test_time_steps_that_cannot_be():
    with pytest.raises(UnitError, match=r"Write Sequential\(..., dt=1\*ms\)"):
        small(dt=1)
    with pytest.raises(DomainError, match="`dt` must be greater than 0"):
        small(dt=0 * ms)
    with pytest.raises(StepperError, match="refractory period"):
        rb.Sequential(rb.Refractory(rb.LIF(), 1 * ms), dt=2 * ms)
    with pytest.raises(StepperError, match="affine"):
        rb.Sequential(rb.ExpIF(), stepper=rb.Exact())
    with pytest.raises(ArgumentError, match=r"Write rb.Heun\(\)"):
        small(stepper="Heun")
    with pytest.raises(UnknownName, match="'current'"):
        small(inputs="currents")
    with pytest.raises(UnknownName, match=r"Did you mean 'v'|Known: .*v"):
        small().activity(X, record="V")
