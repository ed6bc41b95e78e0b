"""A run that goes on from the end of another is one run, to the bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import population
from rheobase.gradients import RTRL, EProp, Exact, Surrogate
from rheobase.gradients.mixed import run_of
from rheobase.population import Setting
from rheobase.systems.feedback import Dense
from rheobase.train.layers import advance, begin
from rheobase.units import mV, nA, us
from tests.laws.helpers import assert_same_bits, names
from tests.registry import (
    ADAPTORS,
    NEURONS,
    STEPPERS,
    STIMULI,
    every_adaptor_in_time,
    every_neuron,
    every_stepper,
    every_stimulus,
    slow_but,
)

HALF = 60


def once_and_twice(neuron, dt, record=None, **inputs):
    """One run of 2 HALF steps, and the same in two parts."""
    record = rb.Record(names(neuron)) if record is None else record
    inputs = {"key": jax.random.key(5), "n": 3, **inputs}

    def run(steps, **more):
        return rb.simulate(neuron, duration=steps * dt, dt=dt, record=record, **inputs, **more)

    whole = run(2 * HALF)
    first = run(HALF)
    inputs.pop("key")
    return whole, first, run(HALF, state=first.final)


def assert_one_run(whole, first, second):
    assert_same_bits(whole.final, second.final)
    for name in whole.traces:
        joined = np.concatenate([first.traces[name], second.traces[name]])
        np.testing.assert_array_equal(whole.traces[name], joined)
    if whole.raster is not None:
        np.testing.assert_array_equal(whole.spikes, np.concatenate([first.spikes, second.spikes]))
    if whole.fractions is not None:
        joined = np.concatenate([first.fractions, second.fractions])
        np.testing.assert_array_equal(whole.fractions, joined)
    np.testing.assert_array_equal(whole.t, np.concatenate([first.t, second.t]))


def strong(row):
    return 6 * row.drive.value * jnp.array([0.2, 1.0, 2.0]) * nA


@every_neuron
def test_every_neuron_goes_on(name):
    row = NEURONS[name]
    assert_one_run(*once_and_twice(row.make(), 5 * row.dt, current=strong(row)))


@every_adaptor_in_time
def test_every_adaptor_goes_on(adaptor):
    row = NEURONS["LIF"]
    neuron = ADAPTORS[adaptor].wrap(row.make())
    runs = once_and_twice(neuron, 2 * row.dt, current=strong(row))
    assert_one_run(*runs)
    assert runs[1].counts.max() > 0 and runs[2].counts.max() > 0


@every_stimulus
def test_every_stimulus_goes_on(stimulus):
    assert_one_run(*once_and_twice(rb.LIF(), 100 * us, current=STIMULI[stimulus]()))


def test_two_stimuli_at_once_go_on():
    kicks = STIMULI["Poisson"]() * (1 * mV / nA)
    noise = STIMULI["OrnsteinUhlenbeck"]()
    assert_one_run(*once_and_twice(rb.LIF(), 100 * us, current=noise, delta=kicks))


@every_stepper
def test_every_stepper_goes_on(stepper):
    row = NEURONS["CubaLIF"]
    rule = STEPPERS[stepper].make()
    assert_one_run(*once_and_twice(row.make(), row.dt, current=strong(row), stepper=rule))


@pytest.mark.parametrize("name", slow_but(("LIF",), ("LIF", "AdEx", "MorrisLecar")))
def test_substep_goes_on(name):
    row = NEURONS[name]
    neuron = rb.Refractory(row.make(), 20 * row.dt) if row.resets else row.make()
    runs = once_and_twice(neuron, 2 * row.dt, current=strong(row), substep=True)
    assert_one_run(*runs)


@pytest.mark.parametrize("every", [4, pytest.param(7, marks=pytest.mark.slow)])
def test_sparse_records_go_on(every):
    neuron = rb.Noise(rb.AdEx(), 1 * nA, 5 * rb.units.ms)
    record = rb.Record(("w", "noise"), indices=(2, 0), every=every)
    whole, first, second = once_and_twice(neuron, 100 * us, record, current=1 * nA)
    assert_same_bits(whole.final, second.final)
    np.testing.assert_array_equal(whole.spikes, np.concatenate([first.spikes, second.spikes]))
    if HALF % every == 0:
        assert_one_run(whole, first, second)
    else:  # each part counts its own k steps
        np.testing.assert_array_equal(whole.w[: HALF // every], first.w)


@pytest.mark.parametrize("spikes", ["count", None])
def test_records_without_a_raster_go_on(spikes):
    record = rb.Record("v", spikes=spikes)
    row = NEURONS["LIF"]
    whole, first, second = once_and_twice(rb.LIF(), 2 * row.dt, record, current=strong(row))
    assert_one_run(whole, first, second)
    if spikes == "count":
        np.testing.assert_array_equal(whole.counts, first.counts + second.counts)


def test_chunks_with_a_progress_bar_are_one_run():
    neuron = rb.Noise(rb.LIF(), 1 * nA, 5 * rb.units.ms)
    runs = [
        rb.simulate(
            neuron, current=2 * nA, duration=12 * rb.units.ms, dt=100 * us, key=jax.random.key(1),
            record="v", progress=progress,
        )
        for progress in (False, True)
    ]  # fmt: skip
    np.testing.assert_array_equal(runs[0].v, runs[1].v)
    np.testing.assert_array_equal(runs[0].spikes, runs[1].spikes)
    assert_same_bits(runs[0].final, runs[1].final)


RUNS = {
    "population": population.run,
    "Surrogate": run_of(Surrogate(checkpoint=7)),
    "truncated": run_of(Surrogate(truncate=9)),
    "Exact": Exact().population,
    "Exact, mixed": Exact(surrogate=0.1).population,
    "EProp": run_of(EProp()),
    "RTRL": run_of(RTRL()),
}
"""How a gradient method runs a population."""
POPULATIONS = {
    "LIF": (rb.LIF, 1, 4.0),
    "CubaLIF": (rb.CubaLIF, 1, 0.3),
    "noisy, delays": (lambda: rb.Noise(rb.LIF(), 1 * nA, 5 * rb.units.ms), 3, 4.0),
    "CubaLIF, delays": (rb.CubaLIF, 3, 0.3),
    "alone": (rb.AdEx, 0, 3.0),
    "readout": (rb.LI, 0, 1.0),
}
"""A neuron, the slots of its recurrence, and the size of its inputs."""


@pytest.mark.parametrize("kind", slow_but(("CubaLIF", "noisy, delays"), POPULATIONS))
@pytest.mark.parametrize("way", slow_but(("population", "Exact"), RUNS))
def test_every_way_to_run_a_population_goes_on(way, kind, x64):
    make, slots, size = POPULATIONS[kind]
    neuron, draws = make(), np.random.default_rng(0)
    x = jnp.asarray(size * draws.uniform(0, 1, (60, 2, 3)))
    weights = jnp.asarray(size * draws.normal(1, 1, (max(slots, 1), 3, 3)))
    weight = None if slots == 0 else Dense(weights[0] if slots == 1 else weights)

    def run(x, carry=None, first=0):
        setting = Setting(rb.ExponentialEuler(), 1.0, jax.random.key(3), ("v",), first)
        return RUNS[way](neuron, x, setting, weight, carry)

    whole, one = run(x), run(x[:31])
    two = run(x[31:], one.final, 31)
    start = population.begin(neuron, weight, x)
    assert_same_bits(whole._replace(final=None), run(x, start)._replace(final=None))
    assert_same_bits(whole.final, two.final)
    np.testing.assert_array_equal(whole.traces["v"], [*one.traces["v"], *two.traces["v"]])
    if whole.spikes is None:
        return
    np.testing.assert_array_equal(whole.spikes, [*one.spikes, *two.spikes])
    assert one.spikes.sum() > 0 and two.spikes.sum() > 0
    # A spike at the beginning of a part has no part before it to be sent in.
    sent = one.emitted.sum() + two.emitted.sum()
    np.testing.assert_allclose(sent, whole.emitted.sum(), rtol=1e-12)


@pytest.mark.parametrize("way", ["population", pytest.param("Exact", marks=pytest.mark.slow)])
def test_the_gradient_of_a_run_that_goes_on_is_that_of_one(way, x64):
    neuron, draws = rb.LIF(), np.random.default_rng(1)
    x, weight = (jnp.asarray(draws.uniform(0, 4, shape)) for shape in ((40, 1, 3), (3, 3)))

    def loss(weight, x, parts):
        carry, first, total = None, 0, 0.0
        for part in jnp.split(x, parts):
            setting = Setting(rb.ExponentialEuler(), 1.0, None, ("v",), first)
            done = RUNS[way](neuron, part, setting, Dense(weight), carry)
            carry, first = done.final, first + len(part)
            total = total + jnp.sin(done.traces["v"]).sum()
        return total

    one, two = (jax.grad(loss, (0, 1))(weight, x, parts) for parts in (1, 4))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_run_on_the_grid_goes_on_from_one_within_steps():
    """A spike that waits to be sent is sent as a whole, as spikes of the grid are."""
    neuron, weight = rb.LIF(), Dense(jnp.full((1, 1), 0.01))
    setting = Setting(rb.ExponentialEuler(), 1.0)
    x = jnp.full((60, 1, 1), 2.0)
    spikes = Exact().population(neuron, x, setting, weight).spikes
    end = int(jnp.argmax(spikes[:, 0, 0])) + 1
    final = Exact().population(neuron, x[:end], setting, weight).final
    assert 0 < final.waiting[0, 0] < 1
    carries = final, final._replace(waiting=None)
    on, still = (
        population.run(neuron, x[end : end + 1], setting, weight, carry).final.state
        for carry in carries
    )
    rise = neuron.R * 0.01 * final.waiting * -jnp.expm1(-1 / neuron.tau)
    np.testing.assert_allclose(on.v - still.v, rise, rtol=1e-3)


def test_a_stack_of_layers_goes_on():
    graph = rb.Graph(
        nodes={"e": rb.ALIF(), "i": rb.LIF()},
        edges={("input", "e"): rb.Linear(4, 6), ("e", "i"): rb.Linear(6, 5)},
        feedback={("i", "e"): rb.Linear(5, 6), ("e", "e"): rb.Linear(6, 6, bias=False)},
        output="e",
    )
    model = rb.Sequential(
        rb.Linear(4, 4, delays=rb.Delays(max=6 * rb.units.ms)), rb.Recurrent(rb.LIF(), 4),
        graph, rb.Dropout(0.2), rb.Linear(6, 2), rb.LI(),
    )  # fmt: skip
    x = jnp.asarray(np.random.default_rng(0).uniform(0, 30, (60, 2, 4)), jnp.float32)
    key = jax.random.key(0)
    whole = advance(model, begin(model, x), x, key)
    one = advance(model, begin(model, x), x[:31], key)
    two = advance(model, one.carries, x[31:], key, first=31)
    np.testing.assert_allclose(whole.output, [*one.output, *two.output], rtol=1e-5, atol=1e-4)
    fired = 0
    for a, b, c in zip(whole.recordings, one.recordings, two.recordings, strict=True):
        if a.raster is not None:
            np.testing.assert_array_equal(a.spikes, [*b.spikes, *c.spikes])
            fired += bool(c.spikes.sum() > 0)
    assert fired >= 2  # one layer at least hears another
