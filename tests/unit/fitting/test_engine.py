"""Exact derivatives of spike times: against finite differences, and the run against `simulate`."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import rheobase as rb
from rheobase.fitting import engine
from rheobase.units import ms, nA
from tests.registry import slow_but

DT, EVERY, DURATION = 0.02, 50, 120.0
CASES = {
    "LIF": (rb.LIF, 1.9),
    "ALIF": (rb.ALIF, 2.5),
    "GLIF, soft": (lambda: rb.SoftReset(rb.GLIF(A1=-0.1 * nA)), 1.5),
    "AdEx": (lambda: rb.AdEx(tau_w=40 * ms), 1.0),
    "refractory": (lambda: rb.Refractory(rb.LIF(), 3 * ms), 1.9),
}


def courses(neuron, current):
    moving, fixed = eqx.partition(neuron, eqx.is_inexact_array)
    start, unravel = ravel_pytree(moving)
    given = jnp.full((round(DURATION / DT), 1), current)

    def run(y):
        built = eqx.combine(unravel(y), fixed)
        state = jax.tree.map(lambda x: jnp.broadcast_to(x, (1,)), built.init())
        course, _ = engine.run(built, rb.ExponentialEuler(), state, given, None, DT, EVERY)
        return course

    return jax.jit(run), start


def times(course):
    blocks = np.flatnonzero(course.fired[:, 0])
    return blocks * DT * EVERY + np.asarray(course.when)[blocks, 0], blocks


@pytest.mark.parametrize("case", slow_but(("LIF", "AdEx"), CASES))
def test_derivatives_of_spike_times_are_those_of_finite_differences(x64, case):
    make, current = CASES[case]
    run, start = courses(make(), current)
    spikes, blocks = times(run(start))
    assert len(spikes) >= 3
    slopes = np.asarray(jax.jit(jax.jacfwd(run))(start).when)[blocks, 0]
    for k in range(len(start)):
        # So far that the grid of 0.02 ms is a small part of how far the last spike moves.
        reach = 2.0 / max(np.abs(slopes[-1, k]), 1e-9)
        if reach > 0.1 * max(abs(float(start[k])), 1.0):
            continue
        up, down = (times(run(start.at[k].add(s * reach)))[0] for s in (0.5, -0.5))
        if not len(up) == len(down) == len(spikes):
            continue
        measured = (up - down) / reach
        np.testing.assert_allclose(slopes[:, k] * reach, measured * reach, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("case", CASES)
def test_it_runs_as_simulate_does(case):
    make, current = CASES[case]
    run, start = courses(make(), current)
    whole = rb.simulate(
        make(), current=current * nA, duration=DURATION * ms, dt=DT * ms,
        stepper=rb.ExponentialEuler(),
    )  # fmt: skip
    np.testing.assert_allclose(times(run(start))[0], whole.spike_times(), atol=1.5 * DT)
