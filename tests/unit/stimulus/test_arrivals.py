"""What is held acts per ms and what is an event arrives once: no result depends on dt."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ParameterError, ShapeError, StepperError
from rheobase.stimulus import (
    Constant,
    FromArray,
    OrnsteinUhlenbeck,
    Poisson,
    Pulses,
    Ramp,
    Sine,
    Step,
)
from rheobase.units import Hz, UnitError, kHz, ms, mV, nA, nS

RASTER = np.zeros((30, 1))
RASTER[[5, 12, 20]] = 1
SPIKES = FromArray(RASTER * 1000 * mV, dt=1 * ms)
MEMBRANE = rb.LIF(v_th=1e6 * mV)


def network(stimulus, synapse=None, neuron=MEMBRANE):
    return rb.Network({"a": rb.Population(neuron, 1)}, drives=[rb.Drive("a", stimulus, synapse)])


def voltage(net, dt, **more):
    run = rb.simulate(net, duration=30 * ms, dt=dt * ms, record={"a": "v"}, **more)["a"]
    return np.asarray(run.v)[:, 0] + 65


@pytest.mark.parametrize("raster", [
    SPIKES, FromArray(RASTER, dt=1 * ms) * (1000 * mV), SPIKES + Pulses([25] * ms, 1e-3 * mV),
], ids=["samples", "scaled", "sum"])  # fmt: skip
@pytest.mark.parametrize("dt", [1.0, 0.5, 0.1])
def test_a_raster_brings_as_many_spikes_at_any_step(raster, dt):
    neuron = rb.LIF()
    run = rb.simulate(network(raster, neuron=neuron), duration=30 * ms, dt=dt * ms)
    assert len(run["a"].events[0]) == 3
    assert rb.simulate(neuron, delta=raster, duration=30 * ms, dt=dt * ms).counts.sum() == 3


@pytest.mark.parametrize("stimulus", [
    FromArray(RASTER * nA, dt=1 * ms), Constant(0.2 * nA / ms), Step(0.2 * nA / ms, stop=5 * ms),
    Sine(0.2 * nA / ms, frequency=20 * Hz), FromArray(RASTER * nA / ms, dt=1 * ms),
    Pulses([5, 12] * ms, 1 * nA),
], ids=lambda s: f"{type(s).__name__} {s.unit}")  # fmt: skip
def test_what_goes_through_a_synapse_does_not_depend_on_dt(stimulus):
    net = network(stimulus, rb.Exponential(tau=5 * ms))
    coarse, fine = voltage(net, 0.1), voltage(net, 0.02)
    assert np.abs(fine).max() > 0.1
    assert np.abs(coarse - fine[4::5]).max() < 0.03 * np.abs(fine).max()


def test_a_rate_as_delta_is_a_slope():
    for given in (0.5 * mV / ms, Constant(0.5 * mV / ms)):
        run = rb.simulate(rb.LIF(), delta=given, duration=300 * ms, dt=0.1 * ms, record="v")
        # In the steady state tau times the rate; the input of a step counts at its end.
        assert float(run.v[-1]) + 65 == pytest.approx(0.5 * float(rb.LIF().tau), rel=0.01)


HELD = [Constant(1 * mV), Step(1 * mV), Sine(1 * mV, frequency=5 * Hz),
        Ramp(0 * mV, 1 * mV, start=0 * ms, stop=5 * ms), 1 * mV + Pulses([1] * ms, 1 * mV),
        OrnsteinUhlenbeck(0 * mV, 1 * mV, 5 * ms), Constant(1 * mV) * Step(1.0)]  # fmt: skip


@pytest.mark.parametrize("stimulus", HELD, ids=lambda s: type(s).__name__)
def test_what_is_held_does_not_arrive(stimulus):
    words = r"is held.*depend on dt.*in mV/ms, or give events"
    for make in (
        lambda: rb.simulate(rb.LIF(), delta=stimulus, duration=1 * ms, dt=0.1 * ms),
        lambda: network(stimulus),
        lambda: network(stimulus, rb.Delta()),
        lambda: network(stimulus, rb.Exponential()),
    ):
        with pytest.raises(UnitError, match=words):
            make()
    with pytest.raises(UnitError, match="is held"):
        rb.simulate(rb.LIF(), delta=1 * mV, duration=1 * ms, dt=0.1 * ms)
    with pytest.raises(UnitError, match="of events, which arrive at once"):
        network(Poisson(5 * Hz, 1 * mV / ms))


def test_what_was_put_there_later_is_looked_at_again():
    net = network(Constant(1 * mV / ms))
    held = eqx.tree_at(lambda n: n.drives[0].stimulus, net, Constant(1 * mV))
    with pytest.raises(UnitError, match="is held"):
        voltage(held, 0.1)
    later = eqx.tree_at(lambda n: n.drives[0].stimulus, net, SPIKES)
    np.testing.assert_array_equal(voltage(later, 0.1), voltage(network(SPIKES), 0.1))


def test_sums_and_products_keep_the_kind():
    train, wave = Poisson(5 * Hz, 1 * mV), Sine(1.0, frequency=5 * Hz)
    assert (train * wave).kind == (train + Pulses([1] * ms, 1 * mV)).kind == "events"
    assert (SPIKES * wave).kind == wave.kind == "held"
    assert (wave * SPIKES).arriving().kind == "events" and wave.arriving() is None


def ramp_back():
    return Ramp(0 * nA, 1 * nA, start=5 * ms, stop=5 * ms)


def step(start, stop):
    return lambda: Step(1 * nA, start=start * ms, stop=stop * ms)


@pytest.mark.parametrize(("error", "words", "make"), [
    (ParameterError, r"stop later than that.*stop=9\*ms", step(5, 4)),
    (ParameterError, "stop later", ramp_back),
    (StepperError, "shorter than half a step.*dt below 0.0[78]", step(5, 5.04)),
    (StepperError, "shorter than half a step", step(5.06, 5.14)),
    (StepperError, "shorter than half a step", lambda: Pulses([5] * ms, 1 * nA, width=0.04 * ms)),
    (StepperError, "turns once in 0.166667 ms", lambda: Sine(1 * nA, frequency=6 * kHz)),
], ids=["order", "ramp", "short", "between", "width", "fast"])  # fmt: skip
def test_what_does_not_fit_the_steps_is_refused(error, words, make):
    with pytest.raises(error, match=words):
        rb.simulate(rb.LIF(), current=make(), duration=10 * ms, dt=0.1 * ms)


def test_a_pulse_that_arrives_has_no_length():
    short = Pulses([5] * ms, 1 * mV, width=0.1 * ms)
    given = {"duration": 10 * ms, "dt": 0.1 * ms}
    assert rb.simulate(rb.LIF(), delta=short, record="v", **given).v.max() == pytest.approx(
        -64, abs=0.01
    )
    with pytest.raises(StepperError, match="last several steps"):
        rb.simulate(rb.LIF(), delta=Pulses([5] * ms, 1 * mV, width=0.2 * ms), **given)


def test_a_duration_is_a_whole_number_of_steps():
    with pytest.raises(ShapeError, match=r"duration=0\.9\*ms or 1\.2\*ms"):
        rb.simulate(rb.LIF(), duration=1 * ms, dt=0.3 * ms)
    for duration, dt in [(1000, 0.1), (0.3, 0.1), (1e5, 0.025), (7, 0.7)]:
        given = {"duration": duration * ms, "dt": dt * ms, "record": rb.Record(spikes="count")}
        shape = jax.eval_shape(lambda given=given: rb.simulate(rb.LIF(), **given).counts)
        assert shape.shape == ()


def test_times_and_frequencies_may_differ_by_neuron():
    step = Step([1, 2] * nA, start=[1, 2] * ms, stop=[5, 6] * ms)
    wave = Sine(1 * nA, frequency=[10, 20] * Hz)
    assert step.shape == wave.shape == (2,)
    run = rb.simulate(rb.LI(), current=step + wave, duration=8 * ms, dt=0.1 * ms, record="v")
    for k, (size, start, stop, hertz) in enumerate([(1, 1, 5, 10), (2, 2, 6, 20)]):
        one = Step(size * nA, start=start * ms, stop=stop * ms)
        one = one + Sine(1 * nA, frequency=hertz * Hz)
        alone = rb.simulate(rb.LI(), current=one, duration=8 * ms, dt=0.1 * ms, record="v")
        np.testing.assert_allclose(run.v[:, k], alone.v, rtol=1e-6, atol=1e-5)


def test_conductances_as_rates():
    synapse = rb.Conductance(rb.Exponential(tau=5 * ms), reversal=0 * mV)
    assert voltage(network(Constant(0.1 * nS / ms), synapse), 0.1).max() > 0
    assert jnp.isfinite(
        voltage(network(Poisson(100 * Hz, 1 * nS), synapse), 0.1, key=jax.random.key(0))
    ).all()


def test_each_pulse_may_have_its_own_width():
    together = Pulses([1, 5, 9] * ms, 2 * nA, width=[1, 2, 0.5] * ms)
    alone = Pulses([1] * ms, 2 * nA, width=1 * ms) + Pulses([5] * ms, 2 * nA, width=2 * ms)
    alone = alone + Pulses([9] * ms, 2 * nA, width=0.5 * ms)
    one, other = (voltage(network(x), 0.1) for x in (together, alone))
    np.testing.assert_allclose(one, other, rtol=1e-6)
    assert np.ptp(one) > 1
    with pytest.raises(ShapeError, match=r"has shape \(2,\): .* of shape \(3,\)"):
        Pulses([1, 5, 9] * ms, 2 * nA, width=[1, 2] * ms)
