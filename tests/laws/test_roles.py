"""A neuron that calls its parameters otherwise is one of ours by what it declares of them."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import Array

import rheobase as rb
from rheobase.declared import AbstractDeclared, orders, require_below
from rheobase.errors import ParameterError, UnknownName
from rheobase.fitting import start
from rheobase.fitting.engine import excitation
from rheobase.fitting.membrane import Passive
from rheobase.fitting.patched import patch_of
from rheobase.neurons import Onset
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.train import choose, free, legal, ordered
from rheobase.units import MOhm, Role, anything, ms, mV, nA, parameters, positive, quantity
from tests.registry import NEURONS


class Plain(rb.AbstractNeuron):
    """`LIF` in other words."""

    lapse: Array = quantity(ms, positive, "time", default=10 * ms, role=Role.TIME_CONSTANT)
    ohms: Array = quantity(MOhm, positive, "resistance", default=10 * MOhm, role=Role.RESISTANCE)
    calm: Array = quantity(mV, anything, "rest", default=-65 * mV, role=Role.REST)
    high: Array = quantity(mV, anything, "brink", default=-50 * mV, role=Role.THRESHOLD)
    low: Array = quantity(mV, anything, "fall", default=-65 * mV, below="high", role=Role.RESET)
    spike: AbstractSurrogate = FastSigmoid()

    def init(self):
        return rb.LIF().init()._replace(v=self.calm)

    def derivative(self, state, current):
        return state._replace(v=(self.calm - state.v + self.ohms * current) / self.lapse)

    def margin(self, state):
        return (state.v - self.high) / (self.high - self.low)

    def reset(self, state):
        return state._replace(v=jnp.broadcast_to(self.low, jnp.shape(state.v)))


NAMES = {"tau": "lapse", "R": "ohms", "v_rest": "calm", "v_th": "high", "v_reset": "low"}
LOOK = start.Look(Passive(14.0, 80.0, -71.0, 0.0, 0.0, 3), -47.0, -58.0, 20.0)


class Steep(rb.AbstractNeuron):
    """An upstroke in other words, of which only the declaration is looked at."""

    onset: ClassVar[Onset] = Onset.UPSTROKE

    begins: Array = quantity(
        mV, anything, "brink", default=-50 * mV, below="top", role=Role.THRESHOLD
    )
    top: Array = quantity(mV, anything, "cut", default=20 * mV, role=Role.PEAK)
    fall: Array = quantity(mV, anything, "fall", default=-65 * mV, below="top", role=Role.RESET)
    spike: AbstractSurrogate = FastSigmoid()

    def init(self):
        return rb.LIF().init()

    def derivative(self, state, current):
        return state._replace(v=0 * state.v + current)

    def margin(self, state):
        return (state.v - self.top) / (self.top - self.fall)

    def reset(self, state):
        return state._replace(v=self.fall)


def test_an_order_that_is_declared_is_checked_where_the_neuron_is_made():
    with pytest.raises(ParameterError, match=r"`low` must lie below `high`.*Plain\(low=-65\*mV"):
        Plain(low=-40 * mV)
    with pytest.raises(ParameterError, match="at index 1"):
        Plain(low=[-60.0, -30.0] * mV)
    jax.jit(lambda x: Plain(low=x * mV).low)(-40.0)  # a value inside jit is not looked at


def test_an_order_that_is_not_declared_is_refused():
    with pytest.raises(ParameterError, match=r'calm: Array = quantity\(\.\.\., below="high"\)'):
        require_below(Plain(), "calm", "high")
    require_below(Plain(), "low", "high")

    class Wrong(AbstractDeclared):
        low: Array = quantity(mV, anything, "x", default=0 * mV, below="hihg")
        high: Array = quantity(mV, anything, "x", default=1 * mV)

    with pytest.raises(UnknownName, match="Did you mean 'high'"):
        Wrong()

    class Mixed(AbstractDeclared):
        low: Array = quantity(ms, anything, "x", default=0 * ms, below="high")
        high: Array = quantity(mV, anything, "x", default=1 * mV)

    with pytest.raises(ParameterError, match="measured in ms and the other in mV"):
        Mixed()


@pytest.mark.parametrize("name", NEURONS)
def test_what_fires_and_is_reset_declares_it(name):
    neuron = NEURONS[name].make()
    if neuron.onset in (Onset.LEVEL, Onset.UPSTROKE):
        assert orders(neuron)
        assert {Role.THRESHOLD, Role.PEAK} & {p.role for p in parameters(neuron).values()}


def test_it_trains_as_ours_does_and_stays_legal():
    ours, own = free(rb.LIF(v_th=-44 * mV)), free(Plain(high=-44 * mV))
    assert all(getattr(ours, a) == getattr(own, b) for a, b in NAMES.items())
    for crossed in (Plain(), Steep()):
        for low, high in orders(crossed):
            far = eqx.tree_at(lambda n, low=low: getattr(n, low), crossed, jnp.float32(90.0))
            found = legal(ordered(free(far), choose(far)))
            assert getattr(found, low) < getattr(found, high)


def test_a_chain_is_in_order_after_one_step():
    class Chain(AbstractDeclared):
        b: Array = quantity(mV, anything, "x", default=1 * mV, below="c")
        a: Array = quantity(mV, anything, "x", default=0 * mV, below="b")
        c: Array = quantity(mV, anything, "x", default=2 * mV)

    for place in ("a", "b", "c"):
        far = eqx.tree_at(lambda n, place=place: getattr(n, place), Chain(), jnp.float32(9.0))
        low = eqx.tree_at(lambda n, place=place: getattr(n, place), Chain(), jnp.float32(-9.0))
        for crossed in (far, low):
            found = legal(ordered(free(crossed), choose(crossed)))
            assert found.a < found.b < found.c


@pytest.mark.filterwarnings("ignore:layer 1")
def test_a_fit_trains_it_and_leaves_it_legal():
    key = jax.random.key(0)
    model = rb.Sequential(rb.Linear(3, 4), Plain(), rb.Linear(4, 2), rb.LI(), dt=1 * ms, key=key)
    x = np.full((8, 20, 3), 6.0, np.float32)
    done = rb.fit(
        model, (x, np.arange(8) % 2), loss=rb.train.losses.cross_entropy("max"),
        optimizer=optax.sgd(50.0), epochs=2, batch_size=8, progress=False, key=key,
    )  # fmt: skip
    neuron = done.model.layers[1]
    assert np.all(neuron.low < neuron.high)


def test_a_mismatch_keeps_the_order():
    key = jax.random.key(1)
    for drawn in (
        rb.Mismatch(Plain(), 30 * mV, ("low", "high"), "gaussian", key=key, n=500).drawn,
        rb.Mismatch(Steep(), 60 * mV, ("begins", "top"), "gaussian", key=key, n=500).drawn,
    ):
        for low, high in orders(drawn):
            assert np.all(getattr(drawn, low) < getattr(drawn, high))
            assert len(np.unique(getattr(drawn, high))) > 400


def test_a_log_normal_mismatch_keeps_the_order():
    class Timed(rb.AbstractNeuron):
        fast: Array = quantity(ms, positive, "x", default=5 * ms, below="slow")
        slow: Array = quantity(ms, positive, "x", default=10 * ms)
        spike: AbstractSurrogate = FastSigmoid()

        init = derivative = margin = reset = Steep.init

    drawn = rb.Mismatch(Timed(), 0.8, ("fast", "slow"), key=jax.random.key(0), n=2000).drawn
    assert np.all(drawn.fast < drawn.slow)


def test_a_weight_that_is_a_voltage_finds_its_resistance():
    def spikes(neuron):
        net = rb.Network(
            {"a": rb.Population(rb.LIF(), 2), "b": rb.Population(neuron, 2)},
            [rb.Connection("a", "b", rb.OneToOne(), rb.Exponential(tau=5 * ms), weight=60 * mV)],
            [rb.Drive("a", 2.5 * nA)],
        )
        return rb.simulate(net, duration=60 * ms, dt=0.1 * ms)["b"].counts

    assert np.all(spikes(rb.LIF()) == spikes(Plain()))
    assert spikes(Plain()).min() > 0


def test_a_fit_to_a_recording_begins_at_the_same_place():
    ours, own = start.begin(rb.LIF(), LOOK), start.begin(Plain(), LOOK)
    assert all(getattr(ours, a) == getattr(own, b) for a, b in NAMES.items())
    assert own.high == LOOK.threshold and own.ohms == LOOK.passive.R
    steep = start.begin(Steep(), LOOK)
    assert (steep.begins, steep.top, steep.fall) == (LOOK.threshold, LOOK.peak, LOOK.reset)
    mask = patch_of(Steep()).mask()
    assert mask.begins and mask.fall and not mask.top
    state = Steep().init()._replace(v=jnp.float32(-50.0))
    assert excitation(Steep(), state) == 0


@pytest.mark.slow
def test_a_fit_to_a_recording_finds_the_same_values():
    recording = rb.fitting.synthetic(rb.LIF(tau=14 * ms, R=80 * MOhm), [-0.1, 0.3, 0.4, 0.5] * nA)
    ask = {"starts": 2, "steps": 8, "adaptors": False, "progress": False}
    ours = rb.fit_recording(recording, rb.LIF(), **ask)
    own = rb.fit_recording(recording, Plain(), **ask)
    for a, b in NAMES.items():
        assert own.parameters[b].value == pytest.approx(ours.parameters[a].value, rel=1e-3)
