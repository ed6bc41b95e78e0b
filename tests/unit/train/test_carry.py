"""What a run of a population left is taken by the same population alone; all else is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import population
from rheobase.errors import ArgumentError, ShapeError, StepperError
from rheobase.gradients import Exact
from rheobase.population import Setting
from rheobase.systems.feedback import Dense

RUNS = {"population": population.run, "Exact": Exact().population}
WEIGHT = Dense(jnp.full((3, 3), 0.5))
LATE = Dense(jnp.full((4, 3, 3), 0.5))


def run(way="population", neuron=None, n=3, batch=2, dt=1.0, weight=WEIGHT, carry=None):
    neuron = rb.LIF() if neuron is None else neuron
    x = jnp.full((20, batch, n), 2.0)
    return RUNS[way](neuron, x, Setting(rb.ExponentialEuler(), dt), weight, carry).final


OTHERS = {
    "another neuron": (dict(neuron=rb.AdEx()), ArgumentError, r"lacks state\.w.*leave it out"),
    "another batch": (dict(batch=5), ShapeError, r"\(2, 3\), where this system carries \(5, 3\)"),
    "another width": (
        dict(n=4, weight=Dense(jnp.full((4, 4), 0.5))),
        ShapeError, r"\(2, 3\), where this system carries \(2, 4\)",
    ),
    "another step": (dict(dt=0.5), StepperError, r"dt = 1 ms.*dt = 0\.5 ms.*write dt=1,"),
    "other delays": (dict(weight=LATE), ShapeError, r"later of `carry` has the shape \(1, 2, 3\)"),
    "no recurrence": (dict(weight=None), ArgumentError, "Pass the weight of that run"),
}  # fmt: skip


@pytest.mark.parametrize("way", RUNS)
@pytest.mark.parametrize("what", OTHERS)
def test_the_carry_of_another_population_is_refused(way, what):
    changes, error, text = OTHERS[what]
    weight = Dense(jnp.full((2, 3, 3), 0.5)) if what == "other delays" else WEIGHT
    left = run(way, weight=weight)
    run(way, weight=weight, carry=left)
    with pytest.raises(error, match=text):
        run(way, carry=left, **changes)


@pytest.mark.parametrize("way", RUNS)
def test_a_carry_of_another_precision_is_refused(way):
    with jax.enable_x64(True):
        left = run(way, weight=Dense(jnp.full((3, 3), 0.5)))
    with pytest.raises(ShapeError, match="type float64.*carries float32.*jax_enable_x64"):
        run(way, carry=left)


def test_what_no_run_left_is_refused():
    with pytest.raises(ArgumentError, match=r"got a VoltageState.*carry=course\.final"):
        run(carry=rb.LIF().init())


def test_a_carry_knows_its_step_through_jit_and_further_runs():
    x = jnp.full((10, 2, 3), 2.0)

    @jax.jit
    def on(carry):
        return population.run(rb.LIF(), x, Setting(rb.ExponentialEuler(), 0.5), carry=carry).final

    last = on(on(None))
    assert last.origin.dt == 0.5 and np.isfinite(last.state.v).all()
    with pytest.raises(StepperError, match="write dt=0.5"):
        run(weight=None, carry=last)
