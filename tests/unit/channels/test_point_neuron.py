"""A point neuron as a channel: what it refuses, records, settles and bounds."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import rheobase as rb
from rheobase import channels as ch
from rheobase.devices import dynapse2 as d2
from rheobase.errors import CompositionError, ParameterError
from rheobase.neurons import AbstractNeuron
from rheobase.units import S, cm, dimensionless, ms, mV, nA, uS


class PhaseState(NamedTuple):
    phase: Annotated[Array, dimensionless]


class Phase(AbstractNeuron):
    """A neuron without a voltage."""

    spike: rb.surrogate.AbstractSurrogate = rb.surrogate.FastSigmoid()

    def init(self):
        return PhaseState(jnp.zeros(()))

    def derivative(self, state, current):
        return PhaseState(current)

    def margin(self, state):
        return state.phase - 1

    def reset(self, state):
        return PhaseState(state.phase - 1)


def with_dendrite():
    cell = rb.Cell(rb.morphology.ball_and_stick(), v_init=-70.6 * mV)
    cell = cell.insert(ch.PointNeuron(rb.Refractory(rb.AdEx(), 2 * ms)), at="soma")
    return cell.insert(ch.Leak(g=1e-4 * S / cm**2, e=-70.6 * mV), at="dendrite")


def test_what_is_no_such_neuron_is_refused():
    key = jax.random.key(0)
    noisy = rb.WhiteNoise(rb.LIF(), 0.1 * nA * ms**0.5)
    spread = rb.Mismatch(rb.LIF(), 0.1, key=key, n=1)
    for neuron, why in (
        (rb.LIF, r"Write rb.channels.PointNeuron\(rb.LIF\(\)"),
        (rb.LI(), "LI never fires"),
        (d2.Neuron(), "a neuron of a chip"),
        (Phase(), "no voltage v in mV"),
        (noisy, "draws random numbers"),
        (spread, "draws random numbers"),
    ):
        with pytest.raises(CompositionError, match=why):
            ch.PointNeuron(neuron)


def test_one_neuron_resets_a_compartment():
    with pytest.raises(ParameterError, match="LIF sets the voltage after a spike"):
        with_dendrite().insert(ch.PointNeuron(rb.LIF()), at="soma")
    cell = with_dendrite().insert(ch.PointNeuron(rb.LIF()), at="dendrite")
    assert cell.outputs == len(cell.mechanisms[0].nodes) + len(cell.mechanisms[2].nodes)


def test_it_is_recorded_and_clamped_by_the_name_of_the_neuron():
    cell = with_dendrite()
    soma = cell.at("soma")
    given = {"current": {soma: 0.3 * nA}, "duration": 40 * ms, "dt": 0.025 * ms}
    record = {"v": soma, "AdEx.w": soma, "AdEx.i": soma, "AdEx.remaining": soma}
    run = rb.simulate(cell, record=record, **given)
    jumps = np.diff(run["AdEx.w"][:, 0])[np.flatnonzero(run.spikes[:-1])]
    assert run.counts > 1
    np.testing.assert_allclose(jumps, 0.0805, atol=2e-3)
    # 80 steps follow a spike in which the voltage stands at the reset.
    held = np.asarray(run["AdEx.remaining"])[:, 0] > 0
    np.testing.assert_allclose(run.v[1:, 0][held[:-1] & held[1:]], -70.6, rtol=1e-5)
    assert held.sum() >= 80 * (run.counts.item() - 1)
    free = rb.simulate(cell, clamp={"AdEx.w": {soma: 0 * nA}}, **given)
    assert free.counts > run.counts


def test_the_other_variables_settle_at_the_voltage_of_the_cell(x64):
    v, ions = jnp.asarray([-70.6, -60.0]), ch.Solutions().ions()
    adapting = rb.SpikeRateAdaptation(rb.AdEx(), 9 * ms, 1e-3 * uS)

    @jax.jit
    def found():
        channel, gates = ch.PointNeuron(adapting), ch.PointNeuron(rb.HodgkinHuxley())
        settled = [each.init(v, ions) for each in (channel, gates, ch.HH())]
        return settled, [each.relaxation(v, ions) for each in (channel, gates, ch.HH())]

    (state, gates, published), (none, rates, their) = found()
    np.testing.assert_allclose(state.neuron.w, 0.004 * (v + 70.6), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(state.g, 0)
    np.testing.assert_allclose(gates[1:], published, rtol=1e-6)
    assert none == {} and set(rates) == set(their)
    for name, rate in their.items():
        np.testing.assert_allclose(rates[name], rate, rtol=1e-6)


def test_an_upstroke_carries_its_neighbours_nowhere():
    """35 slopes above its threshold AdEx would take a dendrite to 1e10 mV."""
    cell = with_dendrite()
    places = [cell.at("soma"), cell.at("dendrite")]
    run = rb.simulate(
        cell, current={places[0]: 2 * nA}, duration=30 * ms, dt=0.1 * ms, record={"v": places}
    )
    assert run.counts > 1 and np.all(run.v[:, 0] < 200) and np.all(run.v[:, 1] < 100)


def test_it_is_saved(tmp_path):
    cell = with_dendrite()
    rb.save(tmp_path / "cell.rheobase", cell)
    back = rb.load(tmp_path / "cell.rheobase")
    assert repr(back) == repr(cell)
    given = {"duration": 1 * ms, "dt": 0.1 * ms, "current": {cell.at("soma"): 1 * nA}}
    one, other = (rb.simulate(x, record={"v": "soma"}, **given).v for x in (cell, back))
    np.testing.assert_array_equal(one, other)
