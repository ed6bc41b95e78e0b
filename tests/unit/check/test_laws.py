"""Each law finds the neuron that breaks it, and says what is wrong."""

from typing import Annotated, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import rheobase as rb
from rheobase.check.laws import LAWS, Broken
from rheobase.check.subject import Subject
from rheobase.neurons import Onset
from rheobase.units import DimensionError, MOhm, anything, ms, mV, nA, positive, quantity


class State(NamedTuple):
    v: Annotated[Array, mV]


class Unmeasured(NamedTuple):
    v: Annotated[Array, mV]
    w: Array


class Pair(NamedTuple):
    v: Annotated[Array, mV]
    w: Annotated[Array, nA]


class Plain(rb.AbstractNeuron):
    """A leaky integrate-and-fire neuron, of which each test changes one function."""

    tau: Array = quantity(ms, positive, "membrane time constant", default=10 * ms)
    R: Array = quantity(MOhm, positive, "membrane resistance", default=10 * MOhm)
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-65 * mV)
    v_th: Array = quantity(mV, anything, "threshold", default=-50 * mV)
    spike: rb.surrogate.AbstractSurrogate = rb.surrogate.Sigmoid()

    def init(self):
        return State(v=self.v_rest)

    def derivative(self, state, current):
        return State(v=(self.v_rest - state.v + self.R * current) / self.tau)

    def margin(self, state):
        return (state.v - self.v_th) / (self.v_th - self.v_rest)

    def reset(self, state):
        return State(v=self.v_rest)


def changed(cls=Plain, *, onset=Onset.LEVEL, target="v", **functions):
    """A neuron like `Plain` with other functions.

    It inherits, which models must not, so that each test shows its one mistake and nothing else.
    """
    body = {**functions, "onset": onset, "target": target, "__annotations__": {}}
    body["__annotations__"] = {"onset": ClassVar[Onset], "target": ClassVar[str]}
    return type(cls)("Changed", (cls,), body)()


def tried(law, neuron):
    with np.errstate(all="ignore"):
        next(each for each in LAWS if each.name == law).test(Subject(neuron))


@pytest.mark.parametrize("law", [law.name for law in LAWS])
def test_the_neuron_that_the_others_change_is_right(law):
    tried(law, Plain())


@pytest.mark.parametrize(
    "neuron, text",
    [
        (changed(init=lambda self: (self.v_rest,)), "`init` returned tuple, not a NamedTuple"),
        (
            changed(init=lambda self: Unmeasured(self.v_rest, self.v_rest)),
            "`w` of Unmeasured has no unit",
        ),
        (changed(init=lambda self: State(jnp.zeros(3))), r"arrays, of shapes \{'v': \(3,\)\}"),
        (changed(target="i_syn"), "`target` is 'i_syn'"),
        (changed(derivative=lambda self, s, i: s.v), "`derivative` returned PyTreeDef"),
        (changed(reset=lambda self, s: Pair(s.v, s.v)), "`reset` returned PyTreeDef"),
        (
            changed(derivative=lambda self, s, i: State(jnp.zeros(2))),
            r"`derivative` returned `v` of shape \(2,\)",
        ),
        (changed(margin=lambda self, s: s), "`margin` must return one number"),
    ],
)
def test_a_state_of_another_structure(neuron, text):
    with pytest.raises(Broken, match=text):
        tried("state", neuron)


def test_a_population_is_refused():
    many = rb.Mismatch(Plain(), 0.2, "tau", key=jax.random.key(0), n=3)
    with pytest.raises(Broken, match="check the neuron that it wraps"):
        tried("state", many)


def test_the_gradient_law_is_about_the_equations_and_not_the_surrogate():
    tried("gradient", rb.SurrogateReset(Plain()))


def test_the_voltage_is_called_v():
    class Volts(NamedTuple):
        u: Annotated[Array, mV]

    neuron = changed(
        init=lambda self: Volts(self.v_rest),
        derivative=lambda self, s, i: Volts(s.u),
        reset=lambda self, s: s,
        margin=lambda self, s: s.u,
    )
    with pytest.raises(Broken, match="must be called `v`; there is u"):
        tried("state", neuron)


def test_dimensions_that_do_not_fit():
    neuron = changed(derivative=lambda self, s, i: State((self.v_rest - s.v + i) / self.tau))
    with pytest.raises(DimensionError, match=r"mV.*nA.*test_laws\.py, line \d+, column \d+"):
        tried("dimensions", neuron)


def test_a_branch_of_python():
    def derivative(self, state, current):
        return State(-state.v / self.tau if state.v.mean() > -100 else state.v)

    with pytest.raises(jax.errors.TracerBoolConversionError):
        tried("jit", changed(derivative=derivative))


def test_memory_in_python():
    calls = []

    def derivative(self, state, current):
        calls.append(None)
        return State(state.v * len(calls) / self.tau)

    with pytest.raises(Broken, match="`derivative` under jit differs"):
        tried("jit", changed(derivative=derivative))


@pytest.mark.parametrize(
    "derivative, text",
    [
        (lambda self, s, i: State((s.v.mean() - s.v) / self.tau), "of other neurons"),
        (lambda self, s, i: State((jnp.sort(s.v) - s.v) / self.tau), "at another place"),
        (lambda self, s, i: State(s.v - s.v[0]), "at another place"),
        (lambda self, s, i: State(s.v * (1 + s.v.ndim)), "batch of shape"),
        (lambda self, s, i: State((s.v.sum(-1, keepdims=True) - s.v) / self.tau), "of other neur"),
        (lambda self, s, i: State(jnp.sum(s.v)), r"shapes \[\(\)\], not \(5,\)"),
    ],
)
def test_neurons_that_see_each_other(derivative, text):
    neuron = changed(derivative=derivative)
    subject = Subject(neuron)
    subject.visited = State(jnp.linspace(-70.0, -50.0, 5))
    subject.inputs = jnp.linspace(-1.0, 1.0, 5)
    law = next(each for each in LAWS if each.name == "elementwise")
    with pytest.raises(Broken, match=text):
        law.test(subject)


def test_a_population_that_is_no_loop():
    def derivative(self, state, current):
        return State(state.v if state.v.ndim else -state.v)

    with pytest.raises(Broken, match="`derivative` of a population differs from a loop"):
        tried("vmap", changed(derivative=derivative))


class Numbered(rb.AbstractNeuron):
    """As `Plain`, with a parameter that is a Python number."""

    tau: Array = quantity(ms, positive, "membrane time constant", default=10 * ms)
    R: float = 10.0
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-65 * mV)
    v_th: Array = quantity(mV, anything, "threshold", default=-50 * mV)
    spike: rb.surrogate.AbstractSurrogate = rb.surrogate.Sigmoid()

    init, derivative = Plain.init, Plain.derivative
    margin, reset = Plain.margin, Plain.reset


def test_a_parameter_that_is_no_array():
    with pytest.raises(Broken, match="`R` is the Python number 10.0"):
        tried("compilation", Numbered())


@pytest.mark.parametrize(
    "margin, text",
    [
        (lambda self, s: (self.v_th - s.v) / 15, "does not rise"),
        (lambda self, s: jnp.tanh((s.v - self.v_th) / 15), "not linear"),
        (lambda self, s: jnp.floor(s.v - self.v_th), "does not rise"),
    ],
)
def test_margins(margin, text):
    with pytest.raises(Broken, match=text):
        tried("margin", changed(margin=margin))


def test_a_reset_to_above_the_threshold():
    with pytest.raises(Broken, match="after a reset `margin` is 0.333"):
        tried("reset", changed(reset=lambda self, s: State(self.v_th + 5)))


def test_a_reset_of_what_has_none():
    with pytest.raises(Broken, match="EDGE.*but `reset` changes the state"):
        tried("reset", changed(onset=Onset.EDGE))


def test_a_neuron_that_no_current_excites():
    neuron = changed(derivative=lambda self, s, i: State((self.v_rest - s.v) / self.tau))
    with pytest.raises(Broken, match="no constant current of 1e-4 to 1e5 nA"):
        tried("fires", neuron)


def test_a_neuron_that_fires_under_negative_current_fires():
    tried("fires", changed(derivative=lambda self, s, i: Plain.derivative(self, s, -i)))


def test_an_unbounded_exponential():
    def derivative(self, state, current):
        leak = self.v_rest - state.v + self.R * current
        return State((leak + 15 * jnp.exp((self.v_rest - state.v) / 4)) / self.tau)

    with pytest.raises(Broken, match=r"`v` becomes (nan|inf) in step \d+ under .* nA at dt"):
        tried("finite", changed(derivative=derivative))


@pytest.mark.parametrize(
    "cut, text",
    [
        (lambda x: jax.lax.stop_gradient(x), r"d\(v\)/d\(tau\)"),
        (lambda x: jnp.round(x * 1e6) / 1e6, r"d\(v\)/d\(tau\)"),
    ],
)
def test_a_gradient_that_is_cut(cut, text):
    def derivative(self, state, current):
        return State((self.v_rest - state.v + self.R * current) / cut(self.tau))

    with pytest.raises(Broken, match=text):
        tried("gradient", changed(derivative=derivative))


def test_a_gradient_that_is_nan_in_the_unused_branch():
    def derivative(self, state, current):
        room = self.v_th - state.v
        rate = Plain.derivative(self, state, current).v
        return State(jnp.where(room > 0, rate, rate * jnp.sqrt(-room)))

    with pytest.raises(Broken, match="nan, finite differences say"):
        tried("gradient", changed(derivative=derivative))


def test_a_gradient_that_overflows_at_spikes():
    def margin(self, state):
        x = (state.v - self.v_th) / 15
        return x + 0 * jnp.sqrt(jnp.maximum(x, 0))

    with pytest.raises(Broken, match="number of spikes with respect to current is nan"):
        tried("spike gradient", changed(margin=margin))


def test_what_is_remembered_outside_of_the_state():
    class Remembering(Subject):
        """A neuron whose second run goes otherwise."""

        def run(self, current, time, **rest):
            shift = 1e-3 if rest.get("state") is not None else 0.0
            return super().run(current + shift, time, **rest)

    law = next(each for each in LAWS if each.name == "continuing")
    with pytest.raises(Broken, match=r"`v` of 30 \+ 30 ms differs from that of 60 ms in step 301"):
        law.test(Remembering(Plain()))


def test_cancellation():
    def derivative(self, state, current):
        far = 1e7 * self.v_rest
        return State(((far - state.v + self.R * current) - far) / self.tau + self.v_rest / self.tau)

    with pytest.raises(Broken, match="`v` in float32 differs from float64"):
        tried("precision", changed(derivative=derivative))
