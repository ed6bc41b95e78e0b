import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import (
    ArgumentError,
    CompositionError,
    ParameterError,
    ShapeError,
    UnknownName,
)
from rheobase.units import (
    Quantity,
    UnitError,
    dimensionless,
    ms,
    mV,
    nA,
    nF,
    parameters,
    probability,
    quantity,
)
from tests.registry import NEURONS, every_neuron

KEY = jax.random.key(2)
MANY = 50_000


def drawn(*args, n=MANY, key=KEY, **kwargs):
    return rb.Mismatch(*args, **kwargs, n=n, key=key).drawn


@pytest.mark.parametrize("distribution", ["lognormal", "gaussian"])
def test_mean_and_coefficient_of_variation_are_as_asked(distribution):
    tau = np.asarray(drawn(rb.LIF(tau=20 * ms), 0.25, ("tau",), distribution).tau, float)
    np.testing.assert_allclose(tau.mean(), 20, rtol=0.005)
    np.testing.assert_allclose(tau.std() / 20, 0.25, rtol=0.01)
    skewness = np.mean((tau - tau.mean()) ** 3) / tau.std() ** 3
    expected = 3 * 0.25 + 0.25**3 if distribution == "lognormal" else 0
    np.testing.assert_allclose(skewness, expected, atol=0.05)


def test_a_voltage_spreads_by_millivolts():
    v_th = np.asarray(drawn(rb.LIF(), 2 * mV, ("v_th",), "gaussian").v_th, float)
    np.testing.assert_allclose(v_th.mean(), -50, atol=0.05)
    np.testing.assert_allclose(v_th.std(), 2, rtol=0.01)


def test_without_names_all_that_fits_is_spread():
    assert rb.Mismatch(rb.AdEx(), 0.1, key=KEY, n=2).parameters == (
        "AdEx.tau", "AdEx.R", "AdEx.delta_T", "AdEx.tau_w",
    )  # fmt: skip
    volts = rb.Mismatch(rb.LIF(), 1 * mV, distribution="gaussian", key=KEY, n=2)
    assert volts.parameters == ("LIF.v_rest", "LIF.v_th", "LIF.v_reset")


def test_parameters_are_drawn_independently():
    chip = drawn(rb.LIF(), 0.3, ("tau", "R"))
    assert abs(np.corrcoef(chip.tau, chip.R)[0, 1]) < 4 / np.sqrt(MANY)
    theta = rb.ThresholdAdaptation(rb.LIF(), 10 * ms, 1 * mV)
    twice = drawn(rb.ThresholdAdaptation(theta, 10 * ms, 1 * mV), 0.3)
    correlation = np.corrcoef([twice.tau, twice.neuron.tau, twice.neuron.neuron.tau])
    assert np.all(abs(correlation - np.eye(3)) < 4 / np.sqrt(MANY))


@pytest.mark.parametrize("spread", [20 * mV, 200 * mV], ids=str)
def test_gaussian_draws_keep_the_order_of_voltages_and_their_mean(spread):
    chip = drawn(rb.LIF(), spread, ("v_th", "v_reset"), "gaussian")
    assert np.min(chip.v_th - chip.v_reset) >= 0.09 * 15
    np.testing.assert_allclose(np.mean(chip.v_th), -50, atol=0.1)
    alone = drawn(rb.LIF(), spread, ("v_th",), "gaussian")
    assert np.min(alone.v_th) < -57.5  # the whole gap is its own
    assert np.min(alone.v_th - alone.v_reset) >= 0.09 * 15


@every_neuron
def test_gaussian_draws_of_every_neuron_are_neurons(name):
    chip = drawn(NEURONS[name].make(), 30 * mV, None, "gaussian", n=1000)
    rebuilt = {
        p: Quantity(getattr(chip, p), q.unit.internal()) for p, q in parameters(chip).items()
    }
    type(chip)(**{p: x if x.unit.factors else x.value for p, x in rebuilt.items()})


def test_gaussian_draws_keep_the_domain():
    assert np.min(drawn(rb.LIF(), 0.9, ("tau",), "gaussian").tau) >= 0.99
    assert np.min(drawn(rb.LIF(), 30 * ms, ("tau",), "gaussian").tau) >= 0.99


class Leaky(rb.neurons.AbstractMembrane):
    """A readout that keeps a part of its voltage."""

    part: jax.Array = quantity(dimensionless, probability, "what remains", default=0.8)

    def init(self):
        return rb.LI().init()

    def derivative(self, state, current):
        return state._replace(v=-self.part * state.v)


def test_a_probability_stays_one():
    part = drawn(Leaky(), Quantity(0.5, dimensionless), ("part",), "gaussian").part
    assert 0 < np.min(part) < 0.7 and 0.9 < np.max(part) < 1
    np.testing.assert_allclose(np.mean(part), 0.8, atol=0.01)
    with pytest.raises(ParameterError, match="a relative spread has no meaning for `part`"):
        drawn(Leaky(), 0.1, ("part",))


def test_no_spread_is_no_mismatch():
    for chip in (drawn(rb.LIF(), 0.0), drawn(rb.LIF(), 0 * mV, None, "gaussian")):
        for got, nominal in zip(jax.tree.leaves(chip), jax.tree.leaves(rb.LIF()), strict=True):
            np.testing.assert_allclose(got, np.broadcast_to(nominal, got.shape), rtol=1e-6)


def test_gradients_reach_the_nominal_parameters_and_not_the_spread(x64):
    def make(tau, v_th):
        chip = rb.Mismatch(rb.LIF(tau=tau * ms, v_th=v_th * mV), 0.3, ("tau", "R"), key=KEY, n=3)
        return rb.Mismatch(chip, 9 * mV, ("v_th", "v_rest"), "gaussian", key=KEY, n=3)

    @jax.jit
    def objective(chip):
        run = rb.simulate(chip, current=1 * nA, duration=10 * ms, dt=0.5 * ms, record="v")
        return jnp.sum(jnp.sin(run.v[-1]))

    def along(tau, v_th):
        return objective(make(tau, v_th))

    gradient = eqx.filter_jit(eqx.filter_grad(objective))(make(7.0, -45.0))
    assert gradient.spread.value == 0 and gradient.neuron.spread == 0
    step = 1e-5
    difference = (along(7 + step, -45.0) - along(7 - step, -45.0)) / (2 * step)
    np.testing.assert_allclose(gradient.neuron.neuron.tau, difference, rtol=1e-6)
    difference = (along(7.0, -45 + step) - along(7.0, -45 - step)) / (2 * step)
    np.testing.assert_allclose(gradient.neuron.neuron.v_th, difference, atol=1e-8)
    assert gradient.neuron.neuron.v_rest != 0


def test_a_truncated_draw_is_differentiable_in_its_bounds(x64):
    @jax.jit
    def squares(v_reset):
        chip = drawn(rb.LIF(v_reset=v_reset * mV), 50 * mV, ("v_th",), "gaussian", n=200)
        return jnp.sum(chip.v_th**2)

    difference = (squares(-65 + 1e-5) - squares(-65 - 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.jit(jax.grad(squares))(-65.0), difference, rtol=1e-6)


def test_vmap_over_keys_makes_many_chips():
    def counts(key):
        chip = rb.Mismatch(rb.LIF(), 0.3, key=key, n=4)
        return rb.simulate(chip, current=2 * nA, duration=30 * ms, dt=0.1 * ms).counts

    keys = jax.random.split(KEY, 3)
    chips = jax.jit(jax.vmap(counts))(keys)
    np.testing.assert_array_equal(chips, jnp.stack([counts(key) for key in keys]))
    assert len(np.unique(np.asarray(chips), axis=0)) == 3


def test_a_batch_shares_one_chip():
    chip = rb.Mismatch(rb.LIF(), 0.3, key=KEY, n=4)
    with jax.numpy_rank_promotion("allow"):
        run = rb.simulate(chip, n=(2, 4), current=2 * nA, duration=30 * ms, dt=0.1 * ms)
    np.testing.assert_array_equal(run.counts[0], run.counts[1])
    assert len(np.unique(run.counts[0])) > 1


def test_the_place_among_other_adaptors_does_not_change_the_chip():
    inside = rb.Refractory(rb.Mismatch(rb.LIF(), 0.3, key=KEY, n=5), 2 * ms)
    outside = rb.Mismatch(rb.Refractory(rb.LIF(), 2 * ms), 0.3, ("tau", "R"), key=KEY, n=5)
    counts = [
        rb.simulate(chip, current=3 * nA, duration=50 * ms, dt=0.1 * ms).counts
        for chip in (inside, outside)
    ]
    np.testing.assert_array_equal(*counts)


def test_the_parameters_of_adaptors_spread_too():
    chip = rb.Mismatch(rb.Refractory(rb.LIF(), 2 * ms), 0.5, ("period",), key=KEY, n=300)
    run = rb.simulate(chip, current=1e6 * nA, duration=20 * ms, dt=0.1 * ms)
    period = np.asarray(chip.drawn.period)
    interval = np.floor(period / 0.1 + 0.5) + 1
    np.testing.assert_array_equal(run.counts, np.ceil(200 / interval))


def test_the_start_is_that_of_the_drawn_neuron():
    chip = rb.Mismatch(rb.LIF(), 2 * mV, ("v_rest",), "gaussian", key=KEY, n=4)
    run = rb.simulate(chip, current=0 * nA, duration=1 * ms, dt=0.1 * ms, record="v")
    np.testing.assert_allclose(run.v[-1], chip.drawn.v_rest, rtol=1e-6)


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: drawn(rb.LIF(), 0.1, "v_th"), ParameterError,
         r'meaning for `v_th`.*spread=2\*mV, parameters=\("v_th",\), distribution="gaussian"'),
        (lambda: drawn(rb.LIF(), 0.1, "v_th", "gaussian"), ParameterError, "meaning for `v_th`"),
        (lambda: drawn(rb.LIF(), 2 * mV, "v_th"), ParameterError,
         r'log-normal spread is a number.*got 2 mV.*distribution="gaussian"'),
        (lambda: drawn(rb.LIF(), 2 * mV, "tau", "gaussian"), UnitError,
         r"`tau` is measured in ms, got a spread of 2.* mV. Write .*1\*ms"),
        (lambda: drawn(rb.LIF(), 2 * nF, None, "gaussian"), ParameterError, "Its parameters: LIF"),
        (lambda: drawn(rb.LIF(), 0.1, "tua"), UnknownName, "Did you mean 'tau'"),
        (lambda: drawn(rb.LIF(), 0.1, "tau", "normal"), UnknownName, "lognormal, gaussian"),
        (lambda: drawn(rb.LIF(), -0.1, "tau"), ParameterError, "finite and >= 0, got -0.1"),
        (lambda: drawn(rb.LIF(), np.nan, "tau"), ParameterError, "finite and >= 0, got nan"),
        (lambda: drawn(rb.Noise(rb.LIF(), 1 * nA, 1 * ms), 0.1, "tau"), ParameterError,
         r'2 parameters here: LIF.tau, Noise.tau. Write .*parameters=\("LIF.tau",\)'),
        (lambda: drawn(rb.LIF(), 0.1, key=7), ArgumentError, r"key=jax.random.key\(7\)"),
        (lambda: drawn(rb.LIF(), 0.1, key=jax.random.split(KEY, 2)), ArgumentError, "jax.vmap"),
        (lambda: drawn(rb.LIF(), 0.1, n=0), ShapeError, "at least 1"),
        (lambda: drawn(rb.LIF(tau=[1, 2, 3] * ms), 0.1, n=2), ShapeError,
         r"`LIF.tau` of shape \(3,\) does not fit n = 2.*n=3"),
        (lambda: drawn(rb.LIF, 0.1), CompositionError, r"Write rb.Mismatch\(rb.LIF\(\), ...\)"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_the_cure(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_full_name_singles_one_out():
    noisy = rb.Noise(rb.LIF(), 1 * nA, 3 * ms)
    chip = drawn(noisy, 0.1, ("Noise.tau",), n=5)
    assert chip.tau.shape == (5,) and chip.neuron.tau.shape == ()
