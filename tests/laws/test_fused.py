"""The compiled loop of a network is the general one: the same spikes and states."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.kernels import library
from rheobase.network import fused
from rheobase.network.linear import is_linear
from rheobase.network.plastic import has_effects
from rheobase.plasticity import AbstractTraceRule, Change, Traces
from rheobase.steppers import default_stepper
from rheobase.units import MOhm, Quantity, ms, mV, nA, uS

LIF = {"tau": 20 * ms, "R": 100 * MOhm, "v_rest": -40 * mV, "v_th": -50 * mV, "v_reset": -60 * mV}
NEURONS = {
    "LIF": lambda: rb.LIF(**LIF),
    "refractory": lambda: rb.Refractory(rb.LIF(**LIF), 2 * ms),
    "refractory, all held": lambda: rb.Refractory(rb.ALIF(v_rest=-40 * mV), 1 * ms, hold="all"),
    "soft reset": lambda: rb.SoftReset(rb.LIF(**LIF)),
    "CubaLIF": lambda: rb.Refractory(rb.CubaLIF(v_rest=-40 * mV), 1 * ms),
    "adapting": lambda: rb.ThresholdAdaptation(rb.LIF(**LIF), 50 * ms, 1 * mV),
    "AdEx": lambda: rb.Refractory(rb.AdEx(v_T=-60 * mV), 1 * ms),
    "GLIF": lambda: rb.GLIF(v_th_inf=-68 * mV),
    "Traub-Miles": lambda: rb.TraubMiles(v_L=-50 * mV),
}
SYNAPSES = {
    "delta": lambda: (rb.Delta(), 0.4 * mV),
    "current": lambda: (rb.Exponential(tau=5 * ms), 0.02 * nA),
    "dual": lambda: (rb.DualExponential(tau_rise=1 * ms, tau_decay=6 * ms), 0.03 * nA),
    "conductance": lambda: (rb.Conductance(rb.Alpha(tau=2 * ms), reversal=0 * mV), 0.002 * uS),
    "NMDA": lambda: (rb.NMDA(rb.DualExponential(2 * ms, 80 * ms)), 0.002 * uS),
}
RULES = {
    "none": lambda: (),
    "pair": lambda: rb.PairSTDP(w_max=0.04 * nA),
    "nearest": lambda: rb.PairSTDP(w_max=0.04 * nA, A_plus=0.1, pairing="nearest", mu=0.4),
    "triplet": lambda: rb.TripletSTDP(w_max=0.04 * nA, A3_minus=0.01, mu=1.0),
    "trace": lambda: rb.PairSTDP(0.04 * nA, A_plus=0.1, A_minus=0.01, mu=0.4, target=0.4),
    "two rules": lambda: (rb.VogelsSTDP(w_max=0.04 * nA, eta=0.01), rb.PairSTDP(w_max=0.03 * nA)),
}
DELAYS = {"none": None, "one": 0.7 * ms, "each its own": rb.Uniform(0.2 * ms, 1.5 * ms)}
DRIVES = {
    "none": lambda: [],
    "constant": lambda: [rb.Drive("a", rb.stimulus.Constant(0.02 * nA))],
    "step": lambda: [rb.Drive("a", rb.stimulus.Step(0.05 * nA, start=3 * ms))],
    "Poisson": lambda: [rb.Drive("b", rb.stimulus.Poisson(200 * rb.units.Hz, 1 * mV))],
    "noise": lambda: [rb.Drive("b", rb.stimulus.OrnsteinUhlenbeck(0 * nA, 0.1 * nA, 3 * ms))],
}


@pytest.fixture(autouse=True)
def compiled():
    if not library.available():
        pytest.skip("no compiled kernels")


def network(neuron="refractory", synapse="current", delay="none", drive="none", learns="none"):
    kind, weight = SYNAPSES[synapse]()
    rule = rb.FixedProbability(0.2)
    late, learning = DELAYS[delay], RULES[learns]()
    return rb.Network(
        {"a": rb.Population(NEURONS[neuron](), 60), "b": rb.Population(rb.LIF(**LIF), 20)},
        [
            rb.Connection(
                "a", ("a", "b"), rule, kind, weight=weight, delay=late, plasticity=learning
            ),
            rb.Connection("b", ("a", "b"), rule, rb.Exponential(), weight=-0.02 * nA),
        ],
        DRIVES[drive](),
        key=jax.random.key(3),
    )


def run(net, duration=20 * ms, **more):
    if "state" not in more:
        start = {"a": {"v": -60 * mV + np.linspace(0, 9, 60) * mV}}
        more = {"init": start, "key": jax.random.key(5), **more}
    return rb.simulate(net, duration=duration, dt=0.1 * ms, **more)


def general(monkeypatch, *given, **more):
    with monkeypatch.context() as patch:
        patch.setattr(fused, "takes", lambda *_: False)
        return run(*given, **more)


def assert_same(one, two):
    for name in one.populations:
        np.testing.assert_array_equal(one[name].spikes, two[name].spikes)

    def carried(run):
        return run.final.neuron.systems, [(p.weight, p.rules) for p in run.final.neuron.projections]

    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9),
        carried(one),
        carried(two),
    )
    assert one["a"].counts.sum() > 0


CASES = [
    *({"neuron": name} for name in NEURONS),
    *({"synapse": name, "delay": "each its own"} for name in SYNAPSES),
    *({"drive": name} for name in DRIVES),
    *({"learns": name} for name in RULES if name != "none"),
    {"learns": "pair", "delay": "one"},
    {"learns": "pair", "drive": "step"},
    *(
        pytest.param({"synapse": name, "delay": delay}, marks=pytest.mark.slow)
        for name in SYNAPSES
        for delay in ("none", "one")
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.values()))
def test_the_compiled_loop_is_the_general_one(case, x64, monkeypatch):
    net = network(**case)
    assert fused.takes(net, default_stepper(), {}, 0.1, jnp.float64)
    assert_same(run(net), general(monkeypatch, net))


@pytest.mark.parametrize(
    "stepper", [rb.Euler(), rb.ExponentialEuler(), rb.Heun(), rb.RungeKutta4(), rb.Exact()]
)
def test_under_every_stepper(stepper, x64, monkeypatch):
    net = network(synapse="dual")
    assert fused.takes(net, stepper, {}, 0.1, jnp.float64)
    assert_same(run(net, stepper=stepper), general(monkeypatch, net, stepper=stepper))


def test_programs_under_other_steppers(x64, monkeypatch):
    net, given = network("AdEx", synapse="conductance"), {"stepper": rb.Heun()}
    given |= {"record": {"a": rb.Record(("w",), spikes="events", indices=(3, 1)), "b": ("spikes",)}}
    assert fused.takes(net, rb.Heun(), {}, 0.1, jnp.float64)
    one, two = run(net, **given), general(monkeypatch, net, **given)
    assert_same(one, two)
    np.testing.assert_allclose(one["a"].w, two["a"].w, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("drive", ["constant", "Poisson"])
def test_drives_of_programs(drive, x64, monkeypatch):
    net = network("Traub-Miles", synapse="delta", drive=drive)
    assert_same(run(net), general(monkeypatch, net))


def test_only_exponential_rules_take_conductances_of_linear_neurons():
    net = network(synapse="conductance")
    (system, *_) = net.systems.values()
    assert is_linear(system, rb.ExponentialEuler())
    assert is_linear(system, rb.ExponentialMidpoint())
    assert not is_linear(system, rb.Heun())


@pytest.mark.parametrize(
    "neuron",
    [
        rb.Noise(rb.LIF(), 1 * nA, 1 * ms),
        rb.LIF(tau=np.array([10, 20, 30]) * ms),
    ],
)
def test_what_there_is_no_instruction_for_goes_the_general_way(neuron):
    net = rb.Network({"a": rb.Population(neuron, 3)})
    assert not fused.takes(net, default_stepper(), {}, 0.1, jnp.float32)


GOING_ON = [
    *({"drive": drive, "delay": "each its own"} for drive in DRIVES),
    *(
        pytest.param({"drive": drive, "delay": delay}, marks=pytest.mark.slow)
        for drive in DRIVES
        for delay in ("none", "one")
    ),
    *({"learns": learns, "delay": "one"} for learns in ("pair", "triplet")),
]


@pytest.mark.parametrize("case", GOING_ON, ids=lambda case: "-".join(case.values()))
def test_a_run_that_goes_on_has_the_same_bits(case):
    net = network(**case)
    whole, first = run(net), run(net, duration=7 * ms)
    second = run(net, duration=13 * ms, state=first.final)
    jax.tree.map(np.testing.assert_array_equal, whole.final.neuron, second.final.neuron)


def test_traces_are_those_of_the_general_one(x64, monkeypatch):
    net, record = network(), {"a": rb.Record(("v",), indices=(0, 7, -1)), "b": ("v",)}
    one, two = run(net, record=record), general(monkeypatch, net, record=record)
    for name in record:
        np.testing.assert_allclose(one[name].v, two[name].v, rtol=1e-9)
        np.testing.assert_array_equal(one[name].t, two[name].t)


class Ratchet(AbstractTraceRule):
    """A rule whose presynaptic traces grow with their square, which is no effect of a spike."""

    w_max: Quantity
    w_min: Quantity
    mu: float = eqx.field(static=True, default=0.0)

    def time_constants(self):
        return Traces((jnp.asarray(20.0),), (jnp.asarray(20.0),))

    def on_pre(self, traces, spikes):
        (x,), post = traces
        return Change(0 * spikes, post[0], True), Traces((x + spikes * (1 + x * x),), post)

    def on_post(self, traces, spikes):
        pre, (y,) = traces
        return Change(pre[0], 0.01 * spikes, False), Traces(pre, (y + spikes,))


def test_only_rules_with_effects_of_spikes_are_taken():
    for rules in RULES.values():
        known = rules()
        assert all(map(has_effects, known if isinstance(known, tuple) else (known,)))
    assert not has_effects(Ratchet(1 * nA, 0 * nA))
    assert not has_effects(rb.RewardModulated(rb.PairSTDP(w_max=1 * nA), reward=0.01 / ms))


def test_every_k_th_step_is_kept(monkeypatch):
    net, name = network(), "a"
    whole = run(net, record={name: ("v",)})[name].v
    thin = {name: rb.Record(("v",), every=7, spikes="events")}
    monkeypatch.setattr("rheobase.network.simulate._LARGEST", 60 * 40)  # several pieces
    for way in (lambda: run(net, record=thin), lambda: general(monkeypatch, net, record=thin)):
        kept = way()[name]
        np.testing.assert_allclose(kept.v, whole[6::7], rtol=1e-4)
        np.testing.assert_allclose(kept.t, 0.7 * np.arange(1, 29))


@pytest.mark.parametrize("drive", ["step", "Poisson", "noise"])
def test_a_call_without_room_goes_on_in_the_next(drive, monkeypatch):
    net = network(drive=drive)
    whole = run(net)
    monkeypatch.setattr("rheobase.network.fused._CACHED", 60)
    monkeypatch.setattr("rheobase.network.fused._ROOM", 5)
    pieces = run(net)
    for name in "ab":
        for x, y in zip(whole[name].events, pieces[name].events, strict=True):
            np.testing.assert_array_equal(x, y)


def test_the_spikes_of_a_network_under_jit_are_those_of_the_general_one(x64):
    net = network()
    counts = jax.jit(lambda net: run(net)["a"].spikes.sum(0))(net)
    np.testing.assert_array_equal(counts, run(net)["a"].counts)
