import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ParameterError
from rheobase.units import DomainError, ms, mV, nA, nF
from tests.unit.neurons.by_hand import euler


def test_equals_euler_by_hand(x64):
    run = rb.simulate(
        rb.Izhikevich(),
        current=10 * nA,
        duration=300 * ms,
        dt=0.1 * ms,
        stepper=rb.Euler(),
        record=("v", "u"),
    )
    rows, spikes = euler(
        start=(-70, -14),
        flow=lambda v, u, i: (0.04 * v**2 + 5 * v + 140 - u + i, 0.02 * (0.2 * v - u)),
        fires=lambda v, u: v >= 30,
        reset=lambda v, u: (-65, u + 8),
        current=10.0,
        dt=0.1,
        steps=3000,
        ceiling=30,
    )
    assert np.flatnonzero(run.spikes).tolist() == spikes
    assert len(spikes) > 5
    np.testing.assert_allclose(np.stack([run.v, run.u], 1), rows, rtol=1e-7)


@pytest.mark.parametrize(
    ("b", "v"), [(0.2, -70.0), (0.25, -64.41557), (0.26, -62.5), (0.3, -58.75)]
)
def test_starts_at_rest_or_at_the_bottom_of_the_parabola(x64, b, v):
    """b = 0.3 has no resting state: -(5 - 0.3)/(2 0.04) is the minimum."""
    neuron = rb.Izhikevich(b=b / ms)
    state = neuron.init()
    assert state.v == pytest.approx(v, abs=2e-3)
    rate = neuron.derivative(state, jnp.asarray(0.0))
    assert rate.u == pytest.approx(0, abs=1e-12)
    assert abs(rate.v) < 1e-9 or b == 0.3
    slope = jax.grad(lambda n: n.init().v)(neuron).b
    assert np.isfinite(slope)


def test_rest_is_stable(x64):
    neuron = rb.Izhikevich()
    run = rb.simulate(neuron, duration=500 * ms, dt=0.5 * ms, init={"v": -72 * mV}, record="v")
    assert run.v[-1] == pytest.approx(-70, abs=1e-3)
    assert run.spikes.sum() == 0


def test_current_acts_through_the_capacitance(x64):
    neuron = rb.Izhikevich(C=0.1 * nF)
    state = neuron.init()
    with_current = neuron.derivative(state, jnp.asarray(0.3)).v
    assert with_current - neuron.derivative(state, jnp.asarray(0.0)).v == pytest.approx(3)


def test_bad_parameters():
    with pytest.raises(ParameterError, match="`c` must lie below `v_th`"):
        rb.Izhikevich(c=30 * mV)
    with pytest.raises(DomainError, match="`quadratic` must be > 0"):
        rb.Izhikevich(quadratic=0 / (mV * ms))
    with pytest.raises(DomainError, match="`leak` must be >= 0"):
        rb.Izhikevich(leak=-1.0)
