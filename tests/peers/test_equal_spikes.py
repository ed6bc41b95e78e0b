"""The same equations, parameters and stepper as another simulator's give its spikes, in float64."""

import math

import numpy as np
import pytest

import rheobase as rb
from rheobase.units import MOhm, ms, mV, nA, uS
from tests.peers.cases import BRAINPY_COUPLED, BRAINPY_STEP_FOR_STEP, DT, NGCLEARN, STEPS

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("x64")]

NEURONS = {
    "IF": rb.LIF,
    "LIF": rb.LIF,
    "LIFRef": rb.LIF,
    "ALIF": rb.ALIF,
    "QuaIF": rb.QIF,
    "AdQuaIF": rb.AdQIF,
    "ExpIF": rb.ExpIF,
    "AdExIF": rb.AdEx,
    "AdExCell": rb.AdEx,
    "Gif": rb.GLIF,
    "GifRef": rb.GLIF,
}
UNITS = {
    "tau": ms, "tau_w": ms, "tau_a": ms, "R": MOhm, "c": 1 / mV, "a": uS, "b": nA,
    "k1": 1 / ms, "k2": 1 / ms, "R1": 1, "R2": 1, "A1": nA, "A2": nA,
}  # fmt: skip
GIF_UNITS = UNITS | {"a": 1 / ms, "b": 1 / ms}


def ours(case):
    """The case as a neuron of this library."""
    neuron = NEURONS[case.model]
    units = GIF_UNITS if neuron is rb.GLIF else UNITS
    parameters = {name: value * units.get(name, mV) for name, value in case.values.items()}
    if case.model == "IF":  # the peer's leaks
        parameters |= {"v_rest": 0 * mV, "v_reset": 0 * mV}
    built = neuron(**parameters)
    if case.reset == "soft":
        built = rb.SoftReset(built)
    if case.tau_ref is None:
        return built
    # The peer compares float times: a spike holds one step less than the period has, rounded up.
    period = (math.ceil(case.tau_ref / DT) - 1) * DT
    return rb.Refractory(built, period * ms, hold="all")


def simulate(case, stepper):
    return rb.simulate(
        ours(case),
        current=rb.stimulus.FromArray(case.current * nA, dt=DT * ms),
        duration=STEPS * DT * ms,
        dt=DT * ms,
        stepper=stepper,
        record=("v",),
    )


def agree_step_for_step(run, spikes, v):
    assert spikes.sum(axis=0).min() >= 3
    np.testing.assert_array_equal(run.spikes, spikes)
    # A spiking step's voltage is recorded before the reset or after it, and bounded or not.
    quiet = spikes == 0
    np.testing.assert_allclose(np.asarray(run.v)[quiet], v[quiet], rtol=0, atol=1e-8)


def by_name(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@by_name(BRAINPY_STEP_FOR_STEP)
def test_brainpy_step_for_step(case, brainpy):
    agree_step_for_step(simulate(case, rb.ExponentialEuler()), *brainpy[case.name])


@by_name(NGCLEARN)
def test_ngclearn_step_for_step(case, ngclearn):
    agree_step_for_step(simulate(case, rb.Euler()), *ngclearn[case.name])


@by_name(BRAINPY_COUPLED)
def test_brainpy_within_steps(case, brainpy):
    spikes, _ = brainpy[case.name]
    run = simulate(case, rb.ExponentialEuler())
    for neuron, (theirs, mine) in enumerate(zip(spikes.T, np.asarray(run.spikes).T, strict=True)):
        expected, found = np.flatnonzero(theirs), np.flatnonzero(mine)
        both = min(len(expected), len(found))
        assert both > 0
        apart = np.abs(expected[:both] - found[:both])
        assert apart.max() <= case.within, f"neuron {neuron}: {apart}"
        # A spike that only one of them has must belong to the end of the run.
        surplus = np.concatenate([expected[both:], found[both:]])
        assert np.all(surplus >= STEPS - case.within), f"neuron {neuron}: {surplus}"
