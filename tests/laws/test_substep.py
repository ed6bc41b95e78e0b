"""With sub-step spike times, spikes converge faster than dt."""

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import StepperError
from rheobase.units import Quantity, ms, mV, nA
from tests.registry import slow_but

LENGTH = 60.0


def times(neuron, amplitude, dt, stepper=None, **more):
    run = rb.simulate(
        neuron, current=amplitude * nA, duration=LENGTH * ms, dt=dt * ms, substep=True,
        stepper=stepper, record=rb.Record(()), **more,
    )  # fmt: skip
    return np.asarray(run.spike_times())


def orders(errors):
    errors = np.asarray(errors)
    return np.log2(errors[:-1] / errors[1:])


@pytest.mark.parametrize("period", [0.0, 2.0])
@pytest.mark.parametrize("amplitude", [1.7, 4.0])
def test_a_leaky_neuron_is_exact(amplitude, period, x64):
    interval = 10 * np.log(amplitude * 10 / (amplitude * 10 - 15)) + period
    neuron = rb.LIF() if period == 0 else rb.Refractory(rb.LIF(), period * ms)
    found = times(neuron, amplitude, 0.5)
    expected = interval * np.arange(1, len(found) + 1) - period
    assert len(found) == int((LENGTH + period) / interval)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def escape(make):
    """A neuron that is cut 5 slopes above the foot of its upstroke."""
    neuron = make()
    top = float(neuron.v_T + 5 * neuron.delta_T)
    return make(v_th=top * mV, v_reset=float(neuron.v_rest - 1) * mV)


@pytest.mark.parametrize(
    "held", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["free", "refractory"]
)
@pytest.mark.parametrize(
    "make, amplitude", [(rb.ExpIF, 0.4), pytest.param(rb.AdEx, 1.4, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("rule", slow_but((rb.Heun,), (rb.Heun, rb.RungeKutta4)))
def test_an_upstroke_is_located_faster_than_dt(make, amplitude, rule, held, x64):
    """Steps that resolve the upstroke: order 1.2 to 2, or at most 4 % of a step.

    The right-hand side has a kink where it is bounded, which is not second order. A refractory
    neuron takes the rest of its spiking step before it is held, while its adaptation goes on: first
    order with a small factor, which is what is left where the rule itself is accurate.
    """
    neuron = escape(make)
    neuron = rb.Refractory(neuron, 2 * ms) if held else neuron
    truth = times(neuron, amplitude, 0.001, rb.RungeKutta4())
    assert len(truth) >= 3
    steps, errors = (0.04, 0.02, 0.01), []
    for dt in steps:
        found = times(neuron, amplitude, dt, rule())
        assert len(found) == len(truth)
        errors.append(np.max(np.abs(found - truth)))
        assert errors[-1] < 0.4 * dt
    order = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    small = np.max(np.divide(errors, steps)) < 0.04
    assert order > 1.2 or (held and small), (errors, orders(errors))


def test_on_the_grid_they_converge_at_first_order_only(x64):
    """So that the law above says something."""
    interval = 10 * np.log(40 / 25)
    errors = []
    for dt in (0.4, 0.1):
        run = rb.simulate(rb.LIF(), current=4 * nA, duration=LENGTH * ms, dt=dt * ms)
        found = run.spike_times()
        errors.append(np.max(np.abs(found - interval * np.arange(1, len(found) + 1))))
    assert errors[1] > 1e-2 and errors[0] < 60 * 0.4


def test_a_kick_is_at_the_end_of_its_step(x64):
    kick = rb.stimulus.Pulses([5] * ms, 20 * mV)
    run = rb.simulate(rb.LIF(), delta=kick, duration=10 * ms, dt=0.5 * ms, substep=True)
    np.testing.assert_allclose(run.spike_times(), [5.5])


def test_what_follows_a_spike_starts_inside_the_step(x64):
    """The voltage after a spike is that of a neuron reset at the time of the spike."""
    run = rb.simulate(
        rb.LIF(), current=4 * nA, duration=8 * ms, dt=0.5 * ms, substep=True, record="v"
    )
    spike = run.spike_times()[0]
    after = np.asarray(run.t) > spike + 0.5
    expected = -65 + 40 * (1 - np.exp(-(np.asarray(run.t) - spike) / 10))
    np.testing.assert_allclose(run.v[after], expected[after], rtol=1e-10)


def test_counts_keep_their_surrogate_gradient(x64):
    def counts(amplitude, substep):
        run = rb.simulate(
            rb.LIF(), current=amplitude * nA, duration=5 * ms, dt=0.5 * ms, substep=substep
        )
        return run.spikes.sum()

    gradient = jax.jit(jax.grad(lambda i: counts(i, True)))(3.9)
    assert np.isfinite(gradient) and gradient > 0
    assert isinstance(times(rb.LIF(), 2.0, 0.5), np.ndarray) and Quantity


def test_a_refractory_period_is_exact_or_refused():
    """Whole steps pass; half a step more would be off by as much, and is refused."""
    neuron = rb.Refractory(rb.LIF(), 2 * ms)
    run = rb.simulate(neuron, current=4 * nA, duration=30 * ms, dt=0.5 * ms, substep=True)
    free = rb.simulate(rb.LIF(), current=4 * nA, duration=30 * ms, dt=0.5 * ms, substep=True)
    longer = np.diff(run.spike_times())[0] - np.diff(free.spike_times())[0]
    assert longer == pytest.approx(2, abs=1e-4)
    with pytest.raises(StepperError, match=r"no whole number of steps.*dt=0.45\*ms"):
        rb.simulate(rb.Refractory(rb.LIF(), 2.25 * ms), duration=5 * ms, dt=0.5 * ms, substep=True)
    model = rb.Sequential(rb.Linear(2, 3), rb.Refractory(rb.LIF(), 2.5 * ms), dt=1 * ms)
    with pytest.raises(StepperError, match="no whole number of steps"):
        rb.gradients.Exact().check(model)
