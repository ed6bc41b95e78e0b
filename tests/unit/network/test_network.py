"""Networks against a second, independent program: plain loops in numpy, float64."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, StepperError, UnknownName
from rheobase.units import MOhm, UnitError, mS, ms, mV, nA, uS

N, DT, STEPS = 40, 0.1, 800


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def neuron():
    return rb.Refractory(
        rb.LIF(tau=20 * ms, R=50 * MOhm, v_rest=-40 * mV, v_th=-50 * mV, v_reset=-60 * mV), 2 * ms
    )


def pairs(seed, n=N, count=200):
    random = np.random.default_rng(seed)
    return random.integers(0, n, count), random.integers(0, n, count)


def start(n=N):
    return np.linspace(-60, -51, n)


def reference(pre, post, weight, delay_steps, *, tau_syn=5.0, mode="voltage", n=N, steps=STEPS):
    """One population, one connection, exponential Euler as its formula says; spikes (steps, n)."""
    tau, resistance, rest, threshold, reset, hold = 20.0, 50.0, -40.0, -50.0, -60.0, 20
    v, g, left = start(n), np.zeros(n), np.zeros(n, int)
    coming = np.zeros((steps + 100, n))
    raster = np.zeros((steps, n))
    for k in range(steps):
        kick = 0
        if mode == "delta":
            kick = coming[k]
        else:
            g = g + coming[k]
        if mode == "voltage":
            f, slope = (-(v - rest) + g) / tau, -1 / tau
        elif mode == "current":
            f, slope = (-(v - rest) + resistance * g) / tau, -1 / tau
        elif mode == "conductance":
            f = (-(v - rest) + resistance * g * (0.0 - v)) / tau
            slope = (-1 - resistance * g) / tau
        else:
            f, slope = (-(v - rest)) / tau, -1 / tau
        new = v + np.expm1(DT * slope) / slope * f + kick
        g = g * np.exp(-DT / tau_syn)
        held = left > 0
        new = np.where(held, v, new)
        fired = (new >= threshold) & ~held
        raster[k] = fired
        v = np.where(fired, reset, new)
        left = np.where(fired, hold, np.maximum(left - 1, 0))
        for s in np.nonzero(fired[pre])[0]:
            coming[k + 1 + delay_steps[s], post[s]] += weight[s]
    return raster


def simulate(connection, **kwargs):
    net = rb.Network({"all": rb.Population(neuron(), N)}, [connection])
    record = {"all": rb.Record(spikes="raster")}
    init = {"all": {"v": start() * mV}}
    return rb.simulate(
        net, duration=STEPS * DT * ms, dt=DT * ms, record=record, init=init, **kwargs
    )


@pytest.mark.parametrize("delay", ["none", "one", "each"])
@pytest.mark.parametrize("mode", ["voltage", "current", "conductance", "delta"])
def test_same_spikes_as_plain_loops(mode, delay):
    pre, post = pairs(1)
    random = np.random.default_rng(2)
    steps = {
        "none": np.zeros(200, int),
        "one": np.full(200, 7),
        "each": random.integers(1, 30, 200),
    }[delay]
    weight = random.uniform(0 if mode == "conductance" else -0.5, 1.5, 200)
    unit, synapse, scale = {
        "voltage": (mV, rb.Exponential(tau=5 * ms), 1.0),
        "current": (nA, rb.Exponential(tau=5 * ms), 0.02),
        "conductance": (uS, rb.Conductance(rb.Exponential(tau=5 * ms), reversal=0 * mV), 1e-3),
        "delta": (mV, rb.Delta(), 1.0),
    }[mode]
    given = {"none": None, "one": 0.7 * ms, "each": steps * DT * ms}[delay]
    connection = rb.Connection(
        "all", "all", rb.Pairs(pre, post), synapse, weight=weight * scale * unit, delay=given
    )
    expected = reference(pre, post, weight * scale, steps, mode=mode)
    spikes = np.asarray(simulate(connection, stepper=rb.ExponentialEuler())["all"].spikes)
    assert expected.sum() > 100
    np.testing.assert_array_equal(spikes, expected)


@pytest.mark.parametrize("delay", [None, 0.7 * ms, np.linspace(0.1, 3, 200).round(1) * ms])
def test_continuing_is_one_run(delay):
    pre, post = pairs(3)
    net = rb.Network(
        {"all": rb.Population(neuron(), N)},
        [
            rb.Connection(
                "all", "all", rb.Pairs(pre, post), rb.Exponential(), weight=1 * mV, delay=delay
            )
        ],
        drives=[rb.Drive("all", rb.stimulus.OrnsteinUhlenbeck(0 * nA, 0.01 * nA, tau=5 * ms))],
    )
    record = {"all": rb.Record(("v",), spikes="raster")}
    key = jax.random.key(4)
    whole = rb.simulate(net, duration=50 * ms, dt=DT * ms, record=record, key=key)
    one = rb.simulate(net, duration=23 * ms, dt=DT * ms, record=record, key=key)
    two = rb.simulate(net, duration=27 * ms, dt=DT * ms, record=record, state=one.final)
    joined = np.concatenate([one["all"].v, two["all"].v])
    np.testing.assert_array_equal(joined, whole["all"].v)


def test_results_do_not_depend_on_how_populations_are_split_or_ordered():
    pre, post = pairs(5)
    whole = rb.Connection("all", "all", rb.Pairs(pre, post), rb.Exponential(), weight=1.3 * mV)
    together = np.asarray(simulate(whole)["all"].spikes)
    half = N // 2
    parts = {"late": np.arange(half, N), "early": np.arange(half)}
    connections = []
    for one in parts:
        for two in parts:
            inside = np.isin(pre, parts[one]) & np.isin(post, parts[two])
            rule = rb.Pairs(pre[inside] % half, post[inside] % half)
            connections.append(rb.Connection(one, two, rule, rb.Exponential(), weight=1.3 * mV))
    net = rb.Network({name: rb.Population(neuron(), half) for name in parts}, connections)
    run = rb.simulate(
        net,
        duration=STEPS * DT * ms,
        dt=DT * ms,
        record={name: rb.Record(spikes="raster") for name in parts},
        init={name: {"v": start()[index] * mV} for name, index in parts.items()},
    )
    split = np.concatenate([run["early"].spikes, run["late"].spikes], axis=1)
    np.testing.assert_array_equal(split, together)


def test_equal_synapses_share_one_state_and_others_do_not():
    connect = [
        rb.Connection("a", "b", rb.Dense(), rb.Exponential(tau=5 * ms), weight=1 * nA),
        rb.Connection("b", "b", rb.Dense(), rb.Exponential(tau=5 * ms), weight=-1 * nA),
        rb.Connection("a", "b", rb.Dense(), rb.Exponential(tau=9 * ms), weight=1 * nA),
        rb.Connection("a", "b", rb.Dense(), rb.Exponential(tau=5 * ms), weight=1 * mV),
    ]
    populations = {"a": rb.Population(neuron(), 3), "b": rb.Population(neuron(), 4)}
    net = rb.Network(populations, connect)
    assert [p.kind for p in net.projections] == [0, 0, 1, 2]
    assert "a -> b" in str(net) and "Refractory(LIF)" in str(net)


def test_weight_gradient_is_the_finite_difference_below_threshold():
    high = rb.LIF(tau=20 * ms, R=50 * MOhm, v_rest=-65 * mV, v_th=0 * mV, v_reset=-60 * mV)
    populations = {"pre": rb.Population(neuron(), 5), "post": rb.Population(high, 3)}
    random = np.random.default_rng(0)
    pre, post = random.integers(0, 5, 12), random.integers(0, 3, 12)

    def voltage(weight):
        net = rb.Network(
            populations,
            [
                rb.Connection(
                    "pre", "post", rb.Pairs(pre, post), rb.Exponential(), weight=weight * mV
                )
            ],
        )
        run = rb.simulate(net, duration=40 * ms, dt=DT * ms, record={"post": ("v",)})
        return run["post"].v.sum()

    weight = jnp.asarray(random.uniform(0.1, 1, 12))
    gradient = jax.grad(voltage)(weight)
    for k in (0, 7):
        step = jnp.zeros(12).at[k].set(1e-4)
        difference = (voltage(weight + step) - voltage(weight - step)) / 2e-4
        np.testing.assert_allclose(gradient[k], difference, rtol=1e-6)


def test_many_networks_at_once_under_vmap():
    pre, post = pairs(6)

    def counts(scale):
        net = rb.Network(
            {"all": rb.Population(neuron(), N)},
            [rb.Connection("all", "all", rb.Pairs(pre, post), rb.Exponential(), weight=scale * mV)],
        )
        record = {"all": rb.Record(spikes="count")}
        return rb.simulate(net, duration=20 * ms, dt=DT * ms, record=record)["all"].counts

    scales = jnp.asarray([0.5, 1.0, 2.0])
    together = jax.vmap(counts)(scales)
    np.testing.assert_array_equal(together, jnp.stack([counts(s) for s in scales]))


def small(**changes):
    arguments = {
        "pre": "e",
        "post": "e",
        "connectivity": rb.FixedProbability(0.5),
        "synapse": rb.Exponential(),
        "weight": 1 * mV,
        "delay": None,
    } | changes
    connection = rb.Connection(
        arguments["pre"],
        arguments["post"],
        arguments["connectivity"],
        arguments["synapse"],
        weight=arguments["weight"],
        delay=arguments["delay"],
    )
    return rb.Network({"e": rb.Population(neuron(), 10)}, [connection], key=jax.random.key(0))


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"post": "E"}, UnknownName, "Did you mean 'e'"),
        ({"weight": 1 * mS}, UnitError, "is a current, measured in nA, or in mV"),
        ({"synapse": rb.Delta(), "weight": 1 * nA}, UnitError, "adds to the voltage"),
        (
            {"synapse": rb.Conductance(rb.Exponential(), 0 * mV), "weight": 1 * mV},
            UnitError,
            "is a conductance, measured in uS",
        ),
        ({"weight": 3.0}, UnitError, "Write weight=0.1"),
        ({"weight": np.ones(3) * mV}, ShapeError, r"give one number, or an array of shape"),
        ({"weight": float("nan") * mV}, ShapeError, "Replace the NaN"),
        (
            {"connectivity": rb.Pairs([0, 11], [0, 1])},
            ShapeError,
            "names neuron 11 at position 1, but the population has 10",
        ),
        ({"connectivity": 0.1}, ArgumentError, "rb.FixedProbability"),
        ({"connectivity": rb.FixedInDegree(20)}, ShapeError, "multapses=True"),
    ],
)
def test_refused_where_it_is_built(changes, error, text):
    with pytest.raises(error, match=text):
        small(**changes)


def test_more_synapses_than_memory_are_refused_before_they_are_built():
    several = [
        rb.Connection("e", "e", rb.FixedProbability(2e-5), rb.Exponential(), weight=1 * mV)
    ] * 1000
    with pytest.raises(ShapeError, match="GB are free"):
        rb.Network({"e": rb.Population(neuron(), 10_000_000)}, several)


@pytest.mark.parametrize("delay", [0 * ms, 0.05 * ms])
def test_a_delay_below_a_step_is_refused_with_the_reason(delay):
    with pytest.raises(StepperError, match="acts in the next step at the earliest"):
        rb.simulate(small(delay=delay), duration=1 * ms, dt=DT * ms)


def test_arguments_of_neurons_are_refused_for_networks():
    with pytest.raises(ArgumentError, match=r"rb\.Drive"):
        rb.simulate(small(), duration=1 * ms, dt=DT * ms, current=1 * nA)
    with pytest.raises(UnknownName, match="Did you mean 'e'"):
        rb.simulate(small(), duration=1 * ms, dt=DT * ms, record={"E": ("v",)})
    with pytest.raises(UnknownName, match="variable of 'e'"):
        rb.simulate(small(), duration=1 * ms, dt=DT * ms, record={"e": ("u",)})


def test_one_compilation_for_all_weights():
    traces = 0

    class Counted(rb.AbstractNeuron):
        inner: rb.LIF = rb.LIF()

        spike = property(lambda self: self.inner.spike)

        def init(self):
            return self.inner.init()

        def derivative(self, state, current):
            nonlocal traces
            traces += 1
            return self.inner.derivative(state, current)

        def margin(self, state):
            return self.inner.margin(state)

        def reset(self, state):
            return self.inner.reset(state)

    populations = {"e": rb.Population(Counted(), 4)}
    for weight in (1.0, 2.0, 3.0):
        net = rb.Network(
            populations,
            [rb.Connection("e", "e", rb.Dense(), rb.Exponential(), weight=weight * nA)],
        )
        rb.simulate(net, duration=1 * ms, dt=DT * ms)
        if weight == 1.0:
            first = traces
    assert traces == first
    assert eqx.tree_equal(net.populations["e"].neuron, populations["e"].neuron)


@pytest.mark.parametrize("unit", ["voltage", "current", "conductance"])
def test_a_drive_through_a_synapse_is_spikes_that_arrive_there(unit):
    """The same as a neuron that fires on its own, with the same weight, a step before."""
    synapse, weight = {
        "voltage": (rb.Exponential(tau=5 * ms), 40 * mV),
        "current": (rb.Exponential(tau=5 * ms), 0.8 * nA),
        "conductance": (rb.Conductance(rb.Exponential(tau=5 * ms), reversal=0 * mV), 0.05 * uS),
    }[unit]
    kick = rb.stimulus.Pulses([4.9, 20] * ms, 100 * mV, width=DT * ms)
    times = rb.stimulus.Pulses([5, 20.1] * ms, weight, width=DT * ms)
    pre, post = rb.Population(rb.LIF(), 1), rb.Population(neuron(), 2)
    by_spikes = rb.Network(
        {"pre": pre, "post": post},
        [rb.Connection("pre", "post", rb.Dense(), synapse, weight=weight)],
        drives=[rb.Drive("pre", kick)],
    )
    driven = rb.Network({"post": post}, drives=[rb.Drive("post", times, synapse)])
    record = {"post": ("v",)}
    one, two = (
        rb.simulate(net, duration=40 * ms, dt=DT * ms, record=record)["post"].v
        for net in (by_spikes, driven)
    )
    assert np.ptp(one) > 5
    np.testing.assert_array_equal(one, two)


def test_a_drive_shares_the_synapse_of_a_connection_and_is_refused_in_another_unit():
    population = {"e": rb.Population(neuron(), 10)}
    synapse = rb.Exponential(tau=5 * ms)
    connection = rb.Connection("e", "e", rb.Dense(), synapse, weight=1 * nA)
    train = rb.Drive("e", rb.stimulus.Pulses([1] * ms, 1 * nA), synapse)
    net = rb.Network(population, [connection], drives=[train])
    assert len(net.systems["e"].synapses) == 1
    with pytest.raises(UnitError, match="the drive of 'e' is in uS.*is a current"):
        wrong = rb.Drive("e", rb.stimulus.Pulses([1] * ms, 1 * uS), synapse)
        rb.Network(population, [connection], drives=[wrong])
