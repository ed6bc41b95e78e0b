import inspect
from typing import Annotated, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from jax import Array

from rheobase.units import (
    DimensionError,
    MOhm,
    UnitError,
    dimensionless,
    mM,
    ms,
    mV,
    nA,
    nF,
    positive,
    prove,
    prove_model,
    quantity,
    um,
    uS,
)

RIGHT = {
    "leak": (lambda v, i, R, tau: (R * i - v) / tau, (mV, nA, MOhm, ms), mV / ms),
    "zero fits": (lambda v: jnp.maximum(v, 0) + jnp.zeros_like(v), (mV,), mV),
    "infinity fits": (lambda v: jnp.where(v > 0, v, -jnp.inf), (mV,), mV),
    "zero times anything is zero": (lambda v, i: v + 0.0 * i, (mV, nA), mV),
    "exponential of a ratio": (lambda v, d: d * jnp.exp(v / d), (mV, mV), mV),
    "softplus of a ratio": (lambda v, d: d * jax.nn.softplus(v / d), (mV, mV), mV),
    "powers": (lambda v: v**2 + jnp.square(v) + jnp.power(v, 2.0) + v * v, (mV,), mV**2),
    "power of a constant in an array": (lambda v: v ** jnp.asarray(2.0), (mV,), mV**2),
    "free power of a number": (lambda x, n: x**n, (dimensionless, dimensionless), dimensionless),
    "roots": (lambda v: jnp.sqrt(v * v) + jnp.cbrt(v**3) + 1 / jax.lax.rsqrt(v**2), (mV,), mV),
    "inverse": (lambda t: t**-1 + jnp.reciprocal(t), (ms,), ms**-1),
    "sign": (lambda v: jnp.sign(v), (mV,), dimensionless),
    "finite": (lambda v: jnp.isfinite(v), (mV,), dimensionless),
    "angle": (lambda x, y: jnp.arctan2(x, y), (um, um), dimensionless),
    "clip": (lambda v, low: jnp.clip(v, low, 0.0), (mV, mV), mV),
    "jit": (lambda v: jax.jit(lambda x: x + x)(v), (mV,), mV),
    "checkpoint": (lambda v: jax.checkpoint(lambda x: x * x)(v), (mV,), mV**2),
    "relu": (lambda v: jax.nn.relu(v), (mV,), mV),
    "random": (lambda v: v * jax.random.normal(jax.random.key(0)), (mV,), mV),
    "cond": (lambda v, d: jax.lax.cond(v > d, lambda x: x, lambda x: 0 * x, v), (mV, mV), mV),
    "switch": (lambda v: jax.lax.switch(1, [lambda x: x, lambda x: -x], v), (mV,), mV),
    "reset by selection": (lambda v, r: jax.lax.select(v > r, r, v), (mV, mV), mV),
    "sum that starts at zero": (
        lambda v: jax.lax.fori_loop(0, 3, lambda k, total: total + v, 0.0),
        (mV,),
        mV,
    ),
    "while": (
        lambda v, d: jax.lax.while_loop(lambda x: x < d, lambda x: 2 * x, v),
        (mV, mV),
        mV,
    ),
    "scan with outputs": (
        lambda v, t: jax.lax.scan(lambda x, _: (x + v, x / t), 0.0, None, length=3)[1],
        (mV, ms),
        mV / ms,
    ),
    "scan over slices": (
        lambda v, t: jax.lax.scan(
            lambda c, x: ((c[0] + v * x, c[1]), (c[0] / t, x)), (0.0, 1.0), jnp.ones(3)
        )[1][0],
        (mV, ms),
        mV / ms,
    ),
    "zeros that pass through a chain of carries": (
        lambda v: jax.lax.fori_loop(0, 9, lambda k, c: (v, c[0], c[1]), (0.0, 0.0, 0.0))[2],
        (mV,),
        mV,
    ),
    "jvp": (lambda v, g: jax.jvp(lambda x: g * x, (v,), (v,))[1], (mV, uS), nA),
    "gradient": (lambda v, g: jax.grad(lambda x: g * x * x)(v), (mV, uS), nA),
    "vmap": (lambda v: jax.vmap(lambda x: x * v)(jnp.arange(3.0)).sum(), (mV,), mV),
    "Nernst": (lambda d, a, b: d * jnp.log(a / b), (mV, mM, mM), mV),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_proved(name):
    function, arguments, result = RIGHT[name]
    assert prove(function, arguments, result) == result
    assert prove(function, arguments) == result


@pytest.mark.parametrize("name", RIGHT)
def test_another_result_is_refused(name):
    function, arguments, result = RIGHT[name]
    with pytest.raises(DimensionError, match=r"must be .*, got .*line \d+, column"):
        prove(function, arguments, result * nF)


ARRAY = {
    "product": (lambda w, v: w @ v, uS, mV, nA),
    "sum": (lambda w, v: w.sum(0) * v.mean(), uS, mV, nA),
    "shape": (lambda w, v: w.T.reshape(-1)[::-1][:3], uS, mV, uS),
    "indices": (lambda w, v: v.at[0].set(0.0).at[1].add(v[2]), uS, mV, mV),
    "scaled element": (lambda w, v: v.at[0].multiply(2.0), uS, mV, mV),
    "parts": (lambda w, v: jnp.concatenate([v, jnp.zeros(2)]), uS, mV, mV),
    "stack": (lambda w, v: jnp.stack(jnp.unstack(jnp.tile(v, 2))), uS, mV, mV),
    "platform": (
        lambda w, v: jax.lax.platform_dependent(v, cpu=lambda x: x, default=lambda x: -x),
        uS,
        mV,
        mV,
    ),
    "padding": (lambda w, v: jnp.pad(v, 1), uS, mV, mV),
    "order": (lambda w, v: jnp.sort(v) + jnp.cumsum(v) + jax.lax.cummax(v), uS, mV, mV),
    "place": (lambda w, v: jnp.argmax(v), uS, mV, dimensionless),
    "dynamic": (lambda w, v: jax.lax.dynamic_slice(v, (0,), (2,)), uS, mV, mV),
    "split": (lambda w, v: jnp.split(v, 3)[1], uS, mV, mV),
    "convolution": (lambda w, v: jnp.convolve(v, v), uS, mV, mV**2),
    "mean of squares": (lambda w, v: jnp.sqrt(jnp.mean(v**2)), uS, mV, mV),
    "rotation": (lambda w, v: jnp.roll(v, 1), uS, mV, mV),
}


@pytest.mark.parametrize("name", ARRAY)
def test_arrays(name):
    function, first, second, result = ARRAY[name]
    arguments = (jnp.ones((3, 3)), jnp.ones(3))
    assert prove(function, (first, second), result, arguments=arguments) == result


# Each is written so that the offending operation stands between the marks.
WRONG = {
    "sum": (lambda v, i: [v - v + i], "mV and nA cannot be added"),
    "difference": (lambda v, i: [v - 1.0], "mV and dimensionless cannot be subtracted"),
    "comparison": (lambda v, i: [v > i], "mV and nA cannot be compared"),
    "maximum": (lambda v, i: [jnp.maximum(v, 1e-6)], "mV and dimensionless cannot be compared"),
    "choice": (lambda v, i: [jnp.where(v > 0, v, i)], "nA and mV cannot be alternatives"),
    "exponential": (
        lambda v, i: [jnp.exp(v)],
        "the argument of exp must be dimensionless, got mV",
    ),
    "softplus": (
        lambda v, i: [jax.nn.softplus(v)],
        "the argument of exp must be dimensionless, got mV",
    ),
    "exponent": (lambda v, i: [2.0**v], "an exponent must be dimensionless, got mV"),
    "free power": (lambda v, i: [v ** (v / v)], "power whose exponent is not a constant"),
    "rounding": (lambda v, i: [jnp.floor(v)], "the argument of floor must be dimensionless"),
    "parts": (lambda v, i: [jnp.stack([v, i])], "mV and nA cannot be parts of one array"),
    "branches": (
        lambda v, i: [jax.lax.cond(v > 0, lambda: v, lambda: i)],
        "nA and mV cannot be results of one branch or another",
    ),
    "loop": (
        lambda v, i: [jax.lax.fori_loop(0, 3, lambda k, x: x * v, 1.0)],
        "dimensionless and mV cannot be values of one variable of a loop",
    ),
    "late loop": (
        lambda v, i: [jax.lax.fori_loop(0, 3, lambda k, c: (c[1], v, c[0]), (i, 0.0, 0.0))],
        "nA and mV cannot be values of one variable of a loop",
    ),
    "unknown primitive": (
        lambda v, i: [jax.lax.linalg.cholesky(v * jnp.eye(2))],
        "does not know the primitive `cholesky`",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_with_its_place(name):
    function, reason = WRONG[name]
    with pytest.raises(DimensionError) as caught:
        prove(function, (mV, nA))
    text = str(caught.value)
    assert reason in text
    line, column, said = _written(function)
    assert text.startswith(f"`{said}`: ")
    assert text.endswith(f", in {__file__}, line {line}, column {column}.")
    assert isinstance(caught.value, UnitError)


def _written(function):
    """Line, column and text of what stands between the brackets of a lambda of the table."""
    lines, first = inspect.findsource(function)
    line = lines[first]
    column = line.index("[") + 1
    end = line.rindex("]")
    return first + 1, column + 1, line[column:end]


def test_the_issue_in_its_own_words():
    def derivative(v, v_rest, i):
        return v_rest - v + i  # here

    with pytest.raises(DimensionError, match=r"^`v_rest - v \+ i`: mV and nA cannot be added, in "):
        prove(derivative, (mV, mV, nA))


def test_an_operation_over_several_lines_is_said_in_one():
    def long(v, i):
        return (
            v * 2.0
            + i
        )  # fmt: skip

    with pytest.raises(DimensionError, match=r"^`v \* 2.0 \+ i`: mV and nA"):
        prove(long, (mV, nA))


def test_a_function_of_jax_is_blamed_where_it_is_called_not_where_it_was_first():
    jnp.where(jnp.ones(()) > 0, 1.0, 2.0)  # JAX keeps the program of `where`, with this place

    def later(v, i):
        return jnp.where(v > 0, v, i)

    with pytest.raises(DimensionError) as caught:
        prove(later, (mV, nA))
    assert f"line {inspect.getsourcelines(later)[1] + 1}," in str(caught.value)


def test_a_jitted_function_of_the_user_is_blamed_itself():
    @jax.jit
    def inner(v, i):
        return v + i

    with pytest.raises(DimensionError, match=r"^`v \+ i`: mV and nA"):
        prove(lambda v, i: inner(v, i), (mV, nA))


def test_custom_derivatives_are_entered():
    @jax.custom_jvp
    def forward(x, y):
        return x + y

    forward.defjvp(lambda primals, tangents: (forward(*primals), sum(tangents)))

    @jax.custom_vjp
    def backward(x, y):
        return x + y

    backward.defvjp(lambda x, y: (x + y, None), lambda _, g: (g, g))

    @jax.custom_batching.custom_vmap
    def batched(x, y):
        return x + y

    batched.def_vmap(lambda size, is_batched, x, y: (x + y, True))
    for function in (forward, backward, batched):
        assert prove(lambda x, f=function: f(x, x), (mV,)) == mV
        with pytest.raises(DimensionError, match=r"^`x \+ y`: mV and nA"):
            prove(lambda x, y, f=function: f(x, y), (mV, nA))


def test_structures_of_units():
    def function(state, pair):
        return {"sum": state["v"] + pair[0], "product": state["v"] * pair[1]}

    units = ({"v": mV}, (mV, nA))
    assert prove(function, units) == {"sum": mV, "product": mV * nA}
    assert prove(function, units, {"sum": mV, "product": None}) == {"sum": mV, "product": mV * nA}
    with pytest.raises(DimensionError, match=r"`function\['product'\]` must be ms, got mV\*nA"):
        prove(function, units, {"sum": mV, "product": ms})
    with pytest.raises(DimensionError, match="`Partial` must be mV, got nA"):
        prove(eqx.Partial(lambda a, b: b, 1.0), (nA,), mV)


def test_a_unit_stands_for_a_whole_argument():
    state = {"v": jnp.ones(3), "u": jnp.ones(())}
    assert prove(lambda s: s["v"] * s["u"], (mV,), arguments=(state,)) == mV**2


def test_what_fits_any_unit_gets_the_expected_one():
    assert prove(lambda v: 0 * v, (mV,), nA) == nA
    assert prove(lambda v: 0 * v, (mV,)) == dimensionless


class LeakState(NamedTuple):
    v: Annotated[Array, mV]
    m: Array


class Leak(eqx.Module):
    tau: Array = quantity(ms, positive, "time constant", default=20 * ms)
    R: Array = quantity(MOhm, positive, "resistance", default=10 * MOhm)
    v_th: Array = quantity(mV, positive, "threshold", default=10 * mV)
    scale: float = 2.0
    weight: Any = None

    def init(self):
        return LeakState(jnp.zeros(()), jnp.zeros(()))

    def derivative(self, state, current):
        drive = self.scale * self.R * current
        return LeakState((drive - state.v) / self.tau, (1 - state.m) / self.tau)

    def margin(self, state):
        return state.v / self.v_th - 1

    def reset(self, state):
        return state._replace(v=jnp.zeros_like(state.v))


class HeldState(NamedTuple):
    inner: NamedTuple
    steps: Array
    threshold: Annotated[Array, mV]


class Held(eqx.Module):
    """An adaptor with a counter and a threshold of its own, around any neurons in a list."""

    neurons: list
    tau_th: Array = quantity(ms, positive, "time constant", default=5 * ms)

    def init(self):
        return HeldState(self.neurons[0].init(), jnp.zeros((), int), jnp.zeros(()))

    def derivative(self, state, current):
        inner = self.neurons[0].derivative(state.inner, current)
        return HeldState(inner, jnp.ones_like(state.steps), -state.threshold / self.tau_th)

    def margin(self, state):
        return self.neurons[0].margin(state.inner) - state.threshold / self.neurons[0].v_th

    def reset(self, state):
        return HeldState(self.neurons[0].reset(state.inner), state.steps + 1, state.threshold)


class Readout(eqx.Module):
    """Without a threshold."""

    tau: Array = quantity(ms, positive, "time constant", default=20 * ms)

    def init(self):
        return LeakState(jnp.zeros(()), jnp.zeros(()))

    def derivative(self, state, current):
        return LeakState((current - state.v) / self.tau, -state.m / self.tau)


def test_models_are_proved():
    prove_model(Leak(), LeakState, nA)
    prove_model(Leak(tau=[1, 2] * ms), LeakState, nA)
    prove_model(Leak(weight=jnp.ones(3)), LeakState, nA)
    prove_model(Held([Leak(), Leak()]), HeldState, nA)
    prove_model(Readout(), LeakState, mV)


def changed(cls, **methods):
    return type("Changed", (cls,), methods)


@pytest.mark.parametrize(
    ("model", "current", "text"),
    [
        (Leak(), mV, "mV**2/nA and mV cannot be subtracted"),
        (Readout(), nA, "nA and mV cannot be subtracted"),
        (
            changed(Leak, derivative=lambda self, state, current: state)(),
            nA,
            "`derivative.v` must be mV/ms, got mV",
        ),
        (
            changed(Leak, margin=lambda self, state: state.v - self.v_th)(),
            nA,
            "`state.v - self.v_th`: `margin` must be dimensionless, got mV",
        ),
        (
            changed(Leak, reset=lambda self, state: LeakState(state.m, state.m))(),
            nA,
            "`reset.v` must be mV, got dimensionless",
        ),
        (
            Held([changed(Leak, derivative=lambda self, s, i: LeakState(i / self.tau, s.m))()]),
            nA,
            "`i / self.tau`: `derivative.inner.v` must be mV/ms, got nA/ms",
        ),
        (
            changed(Leak, derivative=lambda self, state, current: state.v / self.tau)(),
            nA,
            "`derivative` must return",
        ),
    ],
)
def test_a_wrong_model_is_refused(model, current, text):
    with pytest.raises(DimensionError) as caught:
        prove_model(model, type(model.init()), current)
    assert text in str(caught.value)


def test_the_state_must_be_the_declared_one():
    with pytest.raises(DimensionError, match="LeakState, not HeldState"):
        prove_model(Leak(), HeldState, nA)
