"""The default stepper: exact for what is linear, of second order for the rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.steppers import default_stepper
from rheobase.units import MOhm, ms, mV, nA, nS, uS

DT = 0.1


def psp(neuron, synapse, weight, dt=DT, stepper=None):
    """The response to one spike (mV), at the ends of steps of 0.1 ms."""
    two = {name: rb.Population(neuron, 1) for name in "ab"}
    drives = [
        rb.Drive(name, rb.stimulus.Pulses([1] * ms, by * weight), synapse)
        for name, by in (("a", 0), ("b", 1))
    ]
    with jax.numpy_rank_promotion("allow"):  # `Pulses` in the blocks of a network
        run = rb.simulate(
            rb.Network(two, drives=drives),
            duration=15 * ms,
            dt=dt * ms,
            record={name: ("v",) for name in two},
            stepper=stepper,
        )
    every = round(DT / dt)
    return np.asarray(run["b"].v - run["a"].v)[every - 1 :: every, 0]


@pytest.mark.parametrize("tau", [0.5, 2, 10])
def test_currents_onto_a_linear_neuron_are_exact(tau, x64):
    """Rotter & Diesmann 1999: the closed form, equal time constants included."""
    neuron = rb.LIF(tau=10 * ms, R=40 * MOhm)
    found = psp(neuron, rb.Exponential(tau=tau * ms), 0.1 * nA)
    t = DT * np.arange(1, 151) - 1
    decays = (np.exp(-t / 10) - np.exp(-t / tau)) * tau / (10 - tau) if tau < 10 else None
    course = 4 * (t / 10 * np.exp(-t / 10) if decays is None else decays)
    np.testing.assert_allclose(found, np.where(t > 0, course, 0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("synapse", [rb.Alpha, rb.DualExponential])
def test_slower_courses_are_exact_too(synapse, x64):
    found = psp(rb.LIF(), synapse(), 0.1 * nA)
    fine = psp(rb.LIF(), synapse(), 0.1 * nA, dt=DT / 4)
    np.testing.assert_allclose(found, fine, rtol=1e-9, atol=1e-12)
    # The first-order scheme stays available by its name.
    first = psp(rb.LIF(), synapse(), 0.1 * nA, stepper=rb.ExponentialEuler())
    assert np.max(np.abs(first - found)) > 1e-3 * np.max(found)


COURSES = {
    "current": lambda tau: rb.Exponential(tau=tau * ms),
    "conductance": lambda tau: rb.Conductance(rb.Exponential(tau=tau * ms), reversal=0 * mV),
    "alpha": lambda tau: rb.Conductance(rb.Alpha(tau=tau * ms), reversal=0 * mV),
}
FAMILY = {
    "LIF": (lambda: rb.LIF(tau=2 * ms), 0.5, 1e-3),
    "fast LIF": (lambda: rb.LIF(tau=0.2 * ms), 5, 1e-3),
    "Refractory": (lambda: rb.Refractory(rb.LIF(), 2 * ms), 0.1, 1e-3),
    "SpikeRateAdaptation": (
        lambda: rb.SpikeRateAdaptation(rb.LIF(), 50 * ms, 1 * nS, -85 * mV), 0.2, 1e-3,
    ),
    "AdEx": (rb.AdEx, 0.2, 1e-3),
    "QIF": (rb.QIF, 0.2, 1e-3),
    "AdQIF": (rb.AdQIF, 0.5, 1e-3),
    "Izhikevich": (rb.Izhikevich, 0.5, 1e-3),
    "TraubMiles": (rb.TraubMiles, 0.5, 1e-2),
    "HodgkinHuxley": (rb.HodgkinHuxley, 0.5, 1e-2),
}  # fmt: skip
"""A neuron, a time constant of synapses (ms) by the product of both, and what may be wrong."""


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("name", FAMILY)
def test_linear_synapses_are_right_at_the_ends_of_steps(name, course, x64):
    make, tau, most = FAMILY[name]
    weight = 0.01 * nA if course == "current" else 0.1 * nS
    found = psp(make(), COURSES[course](tau), weight)
    truth = psp(make(), COURSES[course](tau), weight, dt=DT / 20)
    assert np.max(np.abs(found - truth)) < most * np.max(np.abs(truth))


MEMBRANES = {
    "BrainPy": ({
        "tau": 10 * ms, "R": 1 * MOhm, "v_rest": -65 * mV, "v_T": -59.9 * mV,
        "delta_T": 3.48 * mV, "v_th": -55 * mV, "v_reset": -68 * mV,
    }, 1.0, (
        1.4009, 1.4793, 1.6844, 2.3168, 2.2264, 1.9962, 4.5038, 3.6585, 2.5569, 7.0259, 4.9844,
        3.0842, 10.9825, 7.0451, 3.8912,
    ), (0.06, 0.11, 0.005)),
    "default": ({}, 33.333, (
        16.4211, 16.6223, 17.5248, 20.3285, 19.9715, 19.0471, 27.344, 24.0563, 20.7173, 33.5807,
        27.5026, 22.1398, 42.8675, 32.6418, 24.2876,
    ), (0.10, 0.15, 0.02)),
}  # fmt: skip
"""Parameters, R (MOhm), onsets R I (mV) of a step current for a R by tau_w, and the bounds (ms)."""
AR, TAU_W = (-0.1, 0.1, 0.5, 1.0, 2.0), (10.0, 30.0, 144.0)
GAINS = np.geomspace(1.01, 2, 14)
LONG = 150


def first_spikes(membrane, dt, stepper=None, substep=False):
    """Of 210 neurons: a R by tau_w by gain over onset."""
    parameters, R, onsets, _ = MEMBRANES[membrane]
    aR, tau_w = (np.repeat(x.ravel(), len(GAINS)) for x in np.meshgrid(AR, TAU_W, indexing="ij"))
    neuron = rb.AdEx(**parameters, a=aR / R * uS, tau_w=tau_w * ms, b=0 * nA)
    run = rb.simulate(
        neuron,
        current=np.outer(onsets, GAINS).ravel() / R * nA,
        duration=LONG * ms,
        dt=dt * ms,
        stepper=stepper,
        substep=substep,
    )
    return np.asarray(rb.gradients.spike_times(run, 1))[0] if substep else _on_grid(run, dt)


def _on_grid(run, dt):
    raster = np.asarray(run.spikes)
    return np.where(raster.any(0), (raster.argmax(0) + 1) * dt, np.inf)


@pytest.mark.parametrize("membrane", MEMBRANES)
def test_an_adex_fires_in_its_own_step(membrane, x64):
    truth = first_spikes(membrane, 0.02, substep=True)
    fires = np.isfinite(truth) & (truth < LONG - 1)
    # Another route to the same: explicit, on a fine grid, and late where the voltage is infinite.
    other = first_spikes(membrane, 0.02, rb.RungeKutta4())[fires] - truth[fires]
    assert -1e-3 < np.min(other) and np.max(other) < 0.05
    truth = truth[fires]
    mean, most, inside = MEMBRANES[membrane][3]
    assert len(truth) >= 200
    found = first_spikes(membrane, DT)[fires]
    late = np.round(found / DT) - np.ceil(truth / DT - 1e-6)
    assert set(late) <= {0, 1} and np.mean(late == 0) > 0.9
    assert np.mean(np.abs(found - truth)) < mean and np.max(np.abs(found - truth)) < most
    located = first_spikes(membrane, DT, substep=True)[fires]
    assert np.max(np.abs(located - truth)) < inside


@pytest.mark.parametrize("dt", [0.1, 1.0, 10.0])
def test_stiff_neurons_stay_where_they_belong(dt):
    """A membrane, and an adaptation, a thousand times faster than a step."""
    neuron = rb.AdEx(tau=1e-3 * dt * ms, tau_w=1e-3 * dt * ms, a=0.02 * uS)
    run = rb.simulate(neuron, current=0.1 * nA, duration=50 * dt * ms, dt=dt * ms, record="v")
    # v - E_L = R I/(1 + a R), without the exponential, which is nothing there.
    rest = -70.6 + 3.3333 / (1 + 0.02 * 33.333)
    assert float(run.v[-1]) == pytest.approx(rest, abs=0.05)


def test_there_is_one_default():
    """Neurons, networks, layers, classics, fits: what is chosen where no stepper is named."""
    chosen = default_stepper()
    assert chosen == rb.ExponentialMidpoint()
    assert rb.Sequential(rb.Linear(2, 2), rb.LIF()).stepper == chosen
    run = rb.simulate(rb.LIF(), duration=1 * ms, dt=0.1 * ms)
    assert run.final.origin.stepper == "ExponentialMidpoint"


def test_gradients_go_through_every_part(x64):
    """Through means, middles and the pole of an upstroke, as finite differences."""

    def end(p):
        neuron = rb.AdEx(tau_w=p[0] * ms, delta_T=p[1] * mV)
        drive = rb.Drive("a", rb.stimulus.Pulses([1] * ms, p[2] * nS), COURSES["alpha"](2))
        net = rb.Network({"a": rb.Population(neuron, 1)}, drives=[drive])
        with jax.numpy_rank_promotion("allow"):
            run = rb.simulate(net, duration=10 * ms, dt=DT * ms, record={"a": ("v", "w")})
        return jnp.sum(run["a"].v[-1]) + 100 * jnp.sum(run["a"].w[-1])

    at = jnp.array([20.0, 2.0, 5.0])
    exact = jax.grad(end)(at)
    for i in range(3):
        step = jnp.zeros(3).at[i].set(1e-5)
        measured = (end(at + step) - end(at - step)) / 2e-5
        np.testing.assert_allclose(exact[i], measured, rtol=1e-5, atol=1e-9)
