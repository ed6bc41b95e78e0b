import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, UnknownName
from rheobase.units import UnitError, ms, mV, nA


def nullclines(ax):
    """{label: (x, y)} without the gaps."""
    found = {}
    for line in ax.lines[:2]:
        x, y = line.get_data()
        there = np.isfinite(x)
        found[line.get_label()] = x[there], y[there]
    return found


def test_nullclines_of_adex_are_the_closed_form():
    neuron, drive = rb.AdEx(), 0.5
    ax = rb.plot.phase_plane(
        neuron, current=drive * nA, x_range=[-80, -40] * mV, y_range=[-0.2, 0.8] * nA
    )
    found = nullclines(ax)
    v, w = found["dw/dt = 0"]
    assert v.min() == pytest.approx(-80) and v.max() == pytest.approx(-40)
    np.testing.assert_allclose(w, neuron.a * (v - neuron.v_rest), atol=2e-3)
    v, w = found["dv/dt = 0"]
    upstroke = neuron.delta_T * np.exp((v - neuron.v_T) / neuron.delta_T)
    np.testing.assert_allclose(w, drive + (neuron.v_rest - v + upstroke) / neuron.R, atol=4e-3)
    assert v.size > 300


def test_nullclines_of_more_than_two_variables_hold_the_others_at_rest():
    neuron = rb.HodgkinHuxley()
    ax = rb.plot.phase_plane(neuron, "v", "n", x_range=[-80, 0] * mV)
    v, n = nullclines(ax)["dn/dt = 0"]
    rest = neuron.init()
    state = rest._replace(v=jnp.asarray(v), n=jnp.asarray(n))
    state = state._replace(m=jnp.full(v.shape, rest.m), h=jnp.full(v.shape, rest.h))
    speed = neuron.derivative(state, jnp.asarray(0.0)).n
    assert (
        np.abs(speed).max()
        < 1e-3
        * np.abs(neuron.derivative(state._replace(n=jnp.zeros(v.shape)), jnp.asarray(0.0)).n).max()
    )


def test_axes_are_labelled_with_units_and_swap_with_their_variables():
    ax = rb.plot.phase_plane(rb.AdEx())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("v (mV)", "w (nA)")
    ax = rb.plot.phase_plane(rb.AdEx(), "w", "v", x_range=[0, 1] * nA, y_range=[-80, -40] * mV)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w (nA)", "v (mV)")
    assert ax.get_xlim() == (0, 1) and ax.get_ylim() == (-80, -40)


@pytest.mark.parametrize(
    "neuron", [rb.AdEx(), rb.Izhikevich(), rb.AdQIF(), rb.MorrisLecar(), rb.CubaLIF(), rb.ALIF()]
)
def test_the_ranges_found_hold_rest_and_both_nullclines(neuron):
    ax = rb.plot.phase_plane(neuron)
    state = neuron.init()
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < state[0] < right and low < state[1] < high
    assert all(x.size > 20 for x, _ in nullclines(ax).values())


def test_a_trajectory_begins_at_its_dot_and_is_broken_at_spikes():
    neuron = rb.AdEx()
    run = rb.simulate(neuron, current=1 * nA, duration=100 * ms, dt=0.1 * ms, record=("v", "w"))
    count = int(run.spikes.sum())
    assert count > 2
    path, dot = rb.plot.phase_plane(neuron, current=1 * nA, trajectory=run).lines[2:]
    x, y = path.get_data()
    gaps = np.flatnonzero(np.isnan(x))
    assert len(gaps) == count
    np.testing.assert_array_equal(x[gaps - 1], run.v[np.asarray(run.spikes) > 0])
    there = np.isfinite(x)
    np.testing.assert_array_equal(x[there], run.v)
    np.testing.assert_array_equal(y[there], run.w)
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (run.v[0], run.w[0])
    pair = rb.plot.phase_plane(neuron, trajectory=(run.v, run.w)).lines[2]
    np.testing.assert_array_equal(pair.get_ydata(), run.w)


def test_a_trajectory_without_reset_is_whole():
    neuron, pulse = rb.HodgkinHuxley(), rb.stimulus.Step(0.1 * nA)
    run = rb.simulate(neuron, current=pulse, duration=10 * ms, dt=0.02 * ms, record=("v", "n"))
    assert int(run.spikes.sum()) == 1
    path = rb.plot.phase_plane(neuron, "v", "n", trajectory=run).lines[2]
    np.testing.assert_array_equal(path.get_ydata(), run.n)


def test_arrows_point_along_the_flow():
    neuron = rb.AdEx()
    ax = rb.plot.phase_plane(neuron, x_range=[-80, -40] * mV, y_range=[-0.2, 0.8] * nA)
    (quiver,) = ax.collections
    v, w = jnp.asarray(quiver.XY.T, jnp.float32)
    rate = neuron.derivative(neuron.init()._replace(v=v, w=w), jnp.asarray(0.0))
    np.testing.assert_array_equal(np.sign(quiver.U), np.sign(rate.v))
    np.testing.assert_array_equal(np.sign(quiver.V), np.sign(rate.w))


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (lambda: rb.plot.phase_plane(rb.LIF()), ShapeError, "LIF has one variable, v"),
        (lambda: rb.plot.phase_plane(rb.AdEx), ArgumentError, r"phase_plane\(rb\.AdEx\(\)\)"),
        (lambda: rb.plot.phase_plane(rb.AdEx(), "v", "W"), UnknownName, "Did you mean 'w'"),
        (lambda: rb.plot.phase_plane(rb.AdEx(), current=1.0), UnitError, r"current=1\*nA"),
        (lambda: rb.plot.phase_plane(rb.AdEx(), current=[1, 2] * nA), ShapeError, "one value"),
        (
            lambda: rb.plot.phase_plane(rb.AdEx(), x_range=[0, -80] * mV),
            ShapeError,
            r"x_range=\[0, 1\]\*mV",
        ),
        (lambda: rb.plot.phase_plane(rb.AdEx(), "w", "v"), ShapeError, r"x_range=\[\.\.\.\]\*nA"),
        (lambda: rb.plot.phase_plane(rb.AdEx(tau=[9, 10] * ms)), ShapeError, "population"),
        (lambda: rb.plot.phase_plane(rb.AdEx(), trajectory=3), ShapeError, "trajectory=run"),
        (
            lambda: rb.plot.phase_plane(rb.AdEx(), trajectory=(np.ones((9, 2)), np.ones((9, 2)))),
            ShapeError,
            r"run\.v\[:, 0\]",
        ),
    ],
)
def test_wrong_input_is_refused_with_the_cure_and_leaves_no_figure(wrong, error, text):
    from matplotlib import pyplot

    with pytest.raises(error, match=text):
        wrong()
    assert pyplot.get_fignums() == []
