"""The chip's neuron: rates, refractory period, modes, dimensions, gradients, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.devices import dynapse2 as d2
from rheobase.devices.dynapse2.compatible import CompatibleState
from rheobase.devices.dynapse2.physical import PhysicalState
from rheobase.errors import ArgumentError, CompositionError, StepperError, UnknownName
from rheobase.units import UnitError, ms, mV, nA, pA, pF, prove_model, uS, us


def rate(run):
    """Hz, from the first spike that begins a full interval to the last."""
    times = run.spike_times()
    return 0.0 if len(times) < 3 else 1000 * (len(times) - 2) / (times[-1] - times[1])


@pytest.mark.parametrize("current", [0.02, 10.0])
def test_rates_at_1_ms_are_those_of_the_integral(current):
    """The interval is t_ref + the integral of du/(du/dt) from reset to threshold."""
    neuron = d2.Neuron()
    run = rb.simulate(neuron, current=current * nA, duration=4000 * ms, dt=1 * ms)
    assert rate(run) == pytest.approx(float(d2.firing_rate(neuron, current * nA)), rel=0.01)


@pytest.mark.slow
def test_rates_at_1_ms_are_those_of_1_us(x64):
    fine = rb.Record(spikes="count")
    for current in (0.1, 2.0):
        there = rb.simulate(
            d2.Neuron(), current=current * nA, duration=2000 * ms, dt=1 * us,
            stepper=rb.RungeKutta4(), record=fine,
        )  # fmt: skip
        here = rb.simulate(d2.Neuron(), current=current * nA, duration=2000 * ms, dt=1 * ms)
        assert abs(float(here.counts - there.counts)) <= max(1, 0.01 * float(there.counts))


@pytest.mark.parametrize("mode", ["physical", "compatible"])
def test_dimensions_are_right(mode):
    state = PhysicalState if mode == "physical" else CompatibleState
    prove_model(d2.Neuron(mode=mode), state, nA)


@pytest.mark.parametrize("mode", ["physical", "compatible"])
def test_a_general_stepper_tends_to_the_same_rate(mode, x64):
    """Its own rule and a small-step Runge-Kutta of the derivative are two routes to one rate."""
    neuron = d2.Neuron(Idc=1 * nA, mode=mode)
    dt = 1 * ms if mode == "physical" else 0.01 * ms
    own = rb.simulate(neuron, duration=500 * ms, dt=dt)
    general = rb.simulate(neuron, duration=500 * ms, dt=0.01 * ms, stepper=rb.Midpoint())
    assert abs(float(own.counts.sum() - general.counts.sum())) <= 1


@pytest.mark.parametrize("mode", ["physical", "compatible"])
def test_two_runs_are_one(mode):
    neuron = d2.Neuron(Idc=[0.1, 3] * nA, mode=mode)
    whole = rb.simulate(neuron, duration=300 * ms, dt=1 * ms, record=("Imem",))
    first = rb.simulate(neuron, duration=120 * ms, dt=1 * ms, record=("Imem",))
    rest = rb.simulate(neuron, duration=180 * ms, dt=1 * ms, record=("Imem",), state=first.final)
    np.testing.assert_array_equal(whole.Imem, np.concatenate([first.Imem, rest.Imem]))


def test_the_refractory_period_is_kept_in_part_steps():
    def interval(Iref):
        neuron = d2.Neuron(Iref=Iref * nA)
        return 1 / rate(rb.simulate(neuron, current=5 * nA, duration=3000 * ms, dt=1 * ms))

    # Vth C_ref/Iref: 1.05 ms/nA; half a millisecond more, then 10.
    longer = 1000 * (interval(1.05 / 1.5) - interval(1.05))
    assert longer == pytest.approx(0.5, abs=0.03)
    assert 1000 * (interval(0.105) - interval(1.05)) == pytest.approx(9, abs=0.03)


def test_adaptation_slows_down():
    plain, adapting = (
        rb.simulate(d2.Neuron(Iw_ahp=w), current=1 * nA, duration=1000 * ms, dt=1 * ms)
        for w in (0.5 * pA, 2000 * nA)
    )
    assert adapting.counts < 0.8 * plain.counts


def test_delta_inputs_open_the_fast_gate():
    kicks = rb.stimulus.Pulses([10 * ms], 1 * nA)
    run = rb.simulate(d2.Neuron(), delta=kicks, duration=30 * ms, dt=1 * ms, record=("Iampa",))
    assert float(run.Iampa[10]) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("current", [-1e9, 1e9])
@pytest.mark.parametrize("mode", ["physical", "compatible"])
def test_nothing_becomes_infinite(mode, current):
    run = rb.simulate(
        d2.Neuron(mode=mode), current=current * nA, duration=50 * ms, dt=1 * ms, record=("Imem",)
    )
    assert np.all(np.isfinite(run.Imem))
    assert np.all(np.asarray(run.Imem) > 0)


@pytest.mark.slow
def test_gradients_are_those_of_finite_differences(x64):
    """Below threshold, with respect to the logarithm of a current: of the order of one."""

    def Imem(logarithms):
        leak, gain, dc = jnp.exp(logarithms) * jnp.asarray([0.05, 0.05, 0.1]) * nA
        neuron = d2.Neuron(Itau_mem=leak, Igain_mem=gain, Idc=dc)
        run = rb.simulate(neuron, duration=40 * ms, dt=1 * ms, record=("Imem",))
        return jnp.log(run.Imem[-1])

    zero = jnp.zeros(3)
    found = jax.grad(Imem)(zero)
    step = 1e-5
    numeric = [
        (Imem(zero.at[k].set(step)) - Imem(zero.at[k].set(-step))) / (2 * step) for k in range(3)
    ]
    np.testing.assert_allclose(found, numeric, rtol=1e-5)
    assert 0.1 < np.abs(found).max() < 10


def test_currents_train_in_their_logarithm_inside_what_the_chip_can_give():
    neuron = d2.Neuron()
    free = rb.train.domains.free(neuron)
    assert abs(float(free.Itau_mem)) < 1e-6
    doubled = rb.train.domains.legal(
        rb.train.domains.free(d2.Neuron(Itau_mem=2 * neuron.Itau_mem * nA))
    )
    assert float(doubled.Itau_mem) == pytest.approx(2 * float(neuron.Itau_mem), rel=1e-5)
    far = rb.train.domains.legal(jax.tree.map(lambda x: x + 100, free))
    _, high = d2.Layout().range("Itau_mem")
    assert float(far.Itau_mem) == pytest.approx(float(high.value_in(nA)), rel=1e-4)


def test_errors_teach():
    with pytest.raises(UnknownName, match="'physical'"):
        d2.Neuron(mode="phisical")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UnknownName, match="Itau_mem"):
        d2.Neuron(Itau_men=1 * pA)  # pyright: ignore[reportCallIssue]
    with pytest.raises(UnitError, match="measured in nA"):
        d2.Neuron(Idc=1 * mV)
    with pytest.raises(UnitError, match="C_mem"):
        d2.Neuron(C_mem=7.7)
    with pytest.raises(StepperError, match="physical"):
        rb.simulate(
            d2.Neuron(mode="compatible"), duration=1 * ms, dt=1 * ms, stepper=d2.PhysicalStep()
        )
    assert float(d2.Neuron(C_mem=7.7 * pF).C_mem) == pytest.approx(7.7e-3)


@pytest.mark.parametrize("mode", ["physical", "compatible"])
def test_what_changes_only_gradients_keeps_the_rule_of_the_mode(mode):
    """The same course alone and in a network, which a general stepper does not give."""
    plain = d2.Neuron(mode=mode)
    wrapped = rb.SurrogateReset(plain)

    def alone(neuron):
        return rb.simulate(neuron, current=0.05 * nA, duration=200 * ms, dt=0.5 * ms, record="Imem")

    def joined(neuron):
        net = rb.Network(
            {"in": rb.SpikeSource([5, 9] * ms, 0, n=1), "e": rb.Population(neuron, 1)},
            rb.Connection("in", "e", rb.Dense(), d2.AMPA(), weight=300 * nA),
        )
        return rb.simulate(net, duration=50 * ms, dt=0.5 * ms, record={"e": ("Imem",)})["e"]

    for run in (alone, joined):
        one, other = run(plain), run(wrapped)
        np.testing.assert_array_equal(one.Imem, other.Imem)
        assert np.min(other.Imem) >= plain.Io * (1 - 1e-6) and np.ptp(other.Imem) > 0


@pytest.mark.parametrize(
    "adapt",
    [
        lambda neuron: rb.Refractory(neuron, 2 * ms),
        rb.SoftReset,
        lambda neuron: rb.ThresholdAdaptation(neuron, 20 * ms, 2 * mV),
        lambda neuron: rb.SpikeRateAdaptation(neuron, 100 * ms, 1e-3 * uS),
        lambda neuron: rb.WhiteNoise(neuron, 1 * nA * ms**0.5),
        lambda neuron: rb.Noise(neuron, 1 * nA, 5 * ms),
        lambda neuron: rb.Mismatch(neuron, 0.1, key=jax.random.key(0), n=3),
    ],
)
def test_its_circuits_take_no_other_adaptor(adapt):
    for neuron in (d2.Neuron(), rb.SurrogateReset(d2.Neuron())):
        with pytest.raises(CompositionError, match=r"Iref.*Iw_ahp.*d2.mismatch"):
            adapt(neuron)


def test_it_is_no_layer_of_a_stack():
    with pytest.raises(ArgumentError, match=r"layer 1 is a Neuron of a chip.*d2.Network"):
        rb.Sequential(rb.Linear(3, 2), d2.Neuron())
