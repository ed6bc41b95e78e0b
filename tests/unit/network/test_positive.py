"""A conductance is never negative: inhibition is a positive weight and a reversal below rest."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.connectivity import AbstractDistribution
from rheobase.errors import ParameterError
from rheobase.stimulus import Constant, FromArray, OrnsteinUhlenbeck, Poisson, Pulses, Ramp, Sine
from rheobase.stimulus import Step as Held
from rheobase.units import Hz, Quantity, ms, mV, nA, nS, uS

CONDUCTANCES = {
    "conductance": rb.Conductance(rb.Exponential(tau=5 * ms), reversal=0 * mV),
    "NMDA": rb.NMDA(rb.DualExponential(2 * ms, 80 * ms)),
    "gap junction": rb.GapJunction(),
}
EXCITE = CONDUCTANCES["conductance"]


def connection(weight, synapse=EXCITE, **more):
    return rb.Connection("a", "a", rb.Dense(), synapse, weight=weight, **more)


def network(connections=(), drives=()):
    populations = {"a": rb.Population(rb.LIF(), 3)}
    return rb.Network(populations, connections, drives, key=jax.random.key(0))


@pytest.mark.parametrize("synapse", CONDUCTANCES)
@pytest.mark.parametrize("weight", [-20 * nS, [1, -2, 3] * nS], ids=["one", "each"])
def test_negative_weights_are_refused_where_they_are_written(weight, synapse):
    with pytest.raises(ParameterError, match=r"is -.* nS.*reversal=-80\*mV"):
        connection(weight, CONDUCTANCES[synapse])


@pytest.mark.parametrize("draw", [rb.Normal(1 * nS, 2 * nS), rb.Uniform(-1 * nS, 2 * nS)], ids=str)
@pytest.mark.parametrize("synapse", CONDUCTANCES)
def test_distributions_are_refused_by_their_support(draw, synapse):
    with pytest.raises(ParameterError, match=r"reaches below zero.*low=0\*nS"):
        connection(draw, CONDUCTANCES[synapse])


FINE = {
    "cut": rb.Normal(1 * nS, 2 * nS, low=0 * nS),
    "without spread": rb.Normal(1 * nS, 0 * nS),
    "lognormal": rb.LogNormal(1 * nS, 2 * nS),
    "uniform": rb.Uniform(0 * nS, 2 * nS),
    "zero": 0 * nS,
}


@pytest.mark.parametrize("weight", FINE)
def test_what_is_never_negative_is_taken(weight):
    (made,) = network([connection(FINE[weight])], ()).projections
    assert np.all(np.asarray(made.weight) >= 0)


class Low(AbstractDistribution):
    """One of somebody else, whose support is not known."""

    unit = property(lambda self: uS)

    def draw(self, size, random):
        return Quantity(np.linspace(1, -1, size), uS)


def test_what_a_distribution_of_your_own_draws_is_looked_at():
    with pytest.raises(ParameterError, match="-0.25 uS at index 5"):
        network([connection(Low())])


@pytest.mark.parametrize("bounds", [{"w_max": 2 * nS, "w_min": -1 * nS}, {"w_max": -2 * nS}])
def test_plastic_conductances_stay_positive(bounds):
    with pytest.raises(ParameterError, match="a bound of PairSTDP is -"):
        connection(0 * nS, plasticity=rb.PairSTDP(**bounds))


def test_currents_inhibit_by_their_sign():
    network([connection(-1 * nA, rb.Exponential())])
    rb.Drive("a", Poisson(1 * Hz, -1 * nA), rb.Exponential())


NEGATIVE = {
    "constant": Constant(-1 * nS),
    "each": Constant([1, -1] * nS),
    "step": Held(-1 * nS, stop=1 * ms),
    "sine": Sine(1 * nS, frequency=5 * Hz) + 0.5 * nS,
    "ramp": Ramp(1 * nS, -1 * nS, start=0 * ms, stop=5 * ms),
    "noise": OrnsteinUhlenbeck(5 * nS, 1 * nS, 5 * ms),
    "Poisson": Poisson(5 * Hz, -1 * nS),
    "pulses": Pulses([1, 2] * ms, -1 * nS),
    "samples": FromArray([1, -2] * nS),
    "product": Poisson(5 * Hz, 1 * nS) * Sine(1.0, frequency=5 * Hz),
}
POSITIVE = {
    "constant": Constant(1 * nS),
    "step": Held(1 * nS, stop=1 * ms),
    "sine": Sine(1 * nS, frequency=5 * Hz) + 1 * nS,
    "still noise": OrnsteinUhlenbeck(5 * nS, 0 * nS, 5 * ms),
    "Poisson": Poisson(5 * Hz, 1 * nS),
    "pulses": Pulses([1, 2] * ms, 1 * nS),
    "samples": FromArray([1, 2] * nS),
    "gated": Poisson(5 * Hz, 1 * nS) * Held(1.0, stop=5 * ms),
    "turned": Poisson(5 * Hz, -1 * nS) * Constant(-1.0),
}


@pytest.mark.parametrize("stimulus", NEGATIVE)
def test_a_drive_that_can_be_negative_is_refused(stimulus):
    with pytest.raises(ParameterError, match="the lowest value of the stimulus"):
        rb.Drive("a", NEGATIVE[stimulus], EXCITE)


@pytest.mark.parametrize("stimulus", POSITIVE)
def test_a_drive_that_cannot_be_negative_is_taken(stimulus):
    rb.Drive("a", POSITIVE[stimulus], EXCITE)


def test_what_became_negative_later_is_refused_before_it_runs():
    drive = rb.Drive("a", Poisson(5 * Hz, 1 * nS), EXCITE)
    net = network([connection(1 * nS)], [drive])
    for where in (
        lambda net: net.projections[0].weight,
        lambda net: net.drives[0].stimulus.amplitude.value,
    ):
        moved = eqx.tree_at(where, net, -jnp.abs(where(net)))
        with pytest.raises(ParameterError, match="a conductance is never negative"):
            rb.simulate(moved, duration=1 * ms, dt=0.1 * ms, key=jax.random.key(0))


def test_conductances_train_above_zero():
    net = network([connection(1 * nS), connection(1 * nA, rb.Exponential())])
    trained = rb.train.choose(net, lambda net: [p.weight for p in net.projections])
    free = rb.train.free(net, trained)
    pushed = eqx.tree_at(lambda net: [p.weight for p in net.projections], free, replace_fn=_down)
    conductance, current = (p.weight for p in rb.train.legal(pushed, trained).projections)
    assert np.all(conductance >= 0) and np.all(current < 0)
    again = rb.train.legal(free, trained)
    for one, two in zip(again.projections, net.projections, strict=True):
        np.testing.assert_allclose(one.weight, two.weight, rtol=1e-5)


def _down(y):
    return y - 1e3
