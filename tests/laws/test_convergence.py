"""Every stepper converges to the solution at the order that it claims, on every model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import StepperError
from rheobase.neurons import variables
from rheobase.steppers.base import Flow
from tests.registry import AFFINE, NEURONS, STEPPERS, every_neuron, marches

SPAN = 6.0
"""Length of a trajectory in time constants of the fastest variable."""
COARSE = 20
"""Steps of the coarsest trajectory."""


def start_of(neuron):
    """A state off rest, below threshold: every variable a little away from where it would stay."""
    state = neuron.init()
    moved = {name: 0.05 for name, _ in variables.items(state)} | {"v": 1.5}
    for name, by in moved.items():
        value = variables.get(state, name)
        # A gate stays below one: beyond it the slopes of gates are not their derivatives.
        open_gate = (0.9 < value) & (value <= 1)
        state = variables.replace(state, name, value + jnp.where(open_gate, -by, by))
    return state


@jax.jit
def trajectory(neuron, stepper, current, steps, dt):
    """The state after `steps` of dt, both traced, so that one program serves every step."""

    def body(_, state):
        return stepper.advance(Flow(neuron, current), state, dt)

    return jax.lax.fori_loop(0, steps, body, start_of(neuron))


def fastest(neuron):
    """The rate (1/ms) of the fastest variable at the start."""
    state = start_of(neuron)
    leaves, structure = jax.tree.flatten(state)

    def rates(*leaves):
        moved = jax.tree.unflatten(structure, leaves)
        return jax.tree.leaves(neuron.derivative(moved, jnp.zeros(())))

    jacobian = jax.jacobian(rates, argnums=tuple(range(len(leaves))))(*leaves)
    own = [abs(float(jacobian[i][i])) for i in range(len(leaves))]
    return max(own) or 0.1


def errors(name, stepper, refinements=(2, 4, 8)):
    """Largest error at the end, in the scale of the movement, for ever finer steps."""
    row, neuron = NEURONS[name], NEURONS[name].make()
    current = jnp.asarray(float(row.quiet.value))
    length = SPAN / fastest(neuron)

    def end(stepper, steps):
        leaves = jax.tree.leaves(trajectory(neuron, stepper, current, steps, length / steps))
        return np.array([float(x) for x in leaves])

    truth = end(rb.RungeKutta4(), 64 * COARSE)
    scale = np.abs(truth - np.array([float(x) for x in jax.tree.leaves(start_of(neuron))])) + 1e-3
    return [np.max(np.abs(end(stepper, round(COARSE * k)) - truth) / scale) for k in refinements]


@marches
def test_the_order_is_as_claimed(name, stepper, x64):
    rule = STEPPERS[stepper]
    found = errors(name, rule.make())
    if rule.affine_only or max(found) < 1e-11:  # nothing left to converge
        assert max(found) < 1e-9
        return
    if rule.order == 2 and max(found) < 1e-5:  # a parabola alone: φ is that of its upstroke
        return
    orders = [np.log2(a / b) for a, b in zip(found, found[1:], strict=False)]
    assert orders[-1] > rule.order - 0.15, (found, orders)
    if not stepper.startswith("Exponential"):  # better than its claim where it is nearly exact
        assert orders[-1] < rule.order + 0.6, (found, orders)


@every_neuron
def test_exact_takes_affine_dynamics_and_no_others(name):
    neuron = NEURONS[name].make()
    if name in AFFINE:
        rb.Exact().check(neuron, 1.0)
        return
    with pytest.raises(StepperError, match=rf"derivative of {name} is not affine.*RungeKutta4\(\)"):
        rb.Exact().check(neuron, 1.0)


@pytest.mark.parametrize("name", sorted(AFFINE))
def test_exact_does_not_depend_on_the_step(name, x64):
    assert max(errors(name, rb.Exact(), refinements=(1 / COARSE, 1 / 3, 3))) < 1e-9
