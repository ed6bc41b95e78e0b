import dataclasses
import inspect
from typing import Annotated, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array

from rheobase.units import (
    DomainError,
    F,
    MOhm,
    Parameter,
    Quantity,
    UnitError,
    anything,
    cm,
    dimensionless,
    in_unit,
    kHz,
    ms,
    mV,
    nA,
    non_negative,
    parameters,
    positive,
    probability,
    quantity,
    s,
    state_units,
    to_internal,
    uF,
    us,
)


class LIF(eqx.Module):
    tau: Array = quantity(ms, positive, "membrane time constant", default=20 * ms)
    v_rest: Array = quantity(mV, anything, "resting potential", default=-65 * mV)
    C: Array = quantity(uF / cm**2, positive, "capacitance", default=1 * uF / cm**2)
    b: Array = quantity(nA, non_negative, "jump", default=0 * nA)
    rate: Array = quantity(1 / ms, positive, "rate", default=2 * kHz)
    p: Array = quantity(dimensionless, probability, "release", default=0.5)
    name: str = eqx.field(static=True, default="plain")


class Required(eqx.Module):
    R: Array = quantity(MOhm, positive, "input resistance")


class Wrapper(eqx.Module):
    """With a constructor of its own, where Equinox converts after it."""

    neuron: LIF
    period: Array = quantity(ms, non_negative, "refractory period")

    def __init__(self, neuron, period):
        self.neuron = neuron
        self.period = period


def message(call, error=UnitError):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


def test_defaults_are_stored_in_internal_units():
    neuron = LIF()
    assert (neuron.tau, neuron.v_rest, neuron.b, neuron.p) == (20, -65, 0, 0.5)
    assert neuron.C == np.float32(1e-5)  # nF/um**2
    assert neuron.rate == 2
    assert LIF(tau=5 * us).tau == np.float32(0.005)
    assert LIF(tau=np.arange(1, 4) * s).tau.tolist() == [1000, 2000, 3000]
    assert LIF([1, 2] * ms).tau.tolist() == [1, 2]
    assert LIF(p=[0.1, 1]).p.shape == (2,)
    assert LIF(p=Quantity(300, us / ms)).p == np.float32(0.3)


def test_a_field_without_default_is_required():
    with pytest.raises(TypeError, match="R"):
        Required()
    assert Required(1 * MOhm).R == 1


def test_the_signature_shows_the_declared_defaults():
    shown = inspect.signature(LIF).parameters
    assert str(shown["tau"].default) == "20 ms"
    assert str(shown["C"].default) == "1 uF/cm**2"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: LIF(tau=5 * mV),
            "`tau` is measured in ms, got 5 mV. Write LIF(tau=5*ms).",
        ),
        (
            lambda: LIF(tau=5),
            "`tau` is measured in ms, got the bare number 5. Write LIF(tau=5*ms).",
        ),
        (
            lambda: LIF(tau=jnp.array([1.0, 2.0])),
            "`tau` is measured in ms, got the bare array [1., 2.]. Write LIF(tau=[1.0, 2.0]*ms).",
        ),
        (
            lambda: LIF(tau=np.arange(9)),
            "`tau` is measured in ms, got the bare array [0, 1, 2, ..., 6, 7, 8]. "
            "Write LIF(tau=tau*ms).",
        ),
        (
            lambda: LIF(tau="20 ms"),
            "`tau` is measured in ms, got '20 ms'. Write LIF(tau=1*ms).",
        ),
        (
            lambda: LIF(tau=None),
            "`tau` is measured in ms, got None. Write LIF(tau=1*ms).",
        ),
        (lambda: LIF(tau=True), "`tau` is measured in ms, got True. Write LIF(tau=1*ms)."),
        (lambda: LIF(tau=ms), "`tau` is measured in ms, got the unit ms. Write LIF(tau=1*ms)."),
        (
            lambda: LIF(C=2 * F),
            "`C` is measured in uF/cm**2, got 2 F. Write LIF(C=2*uF/cm**2).",
        ),
        (
            lambda: LIF(rate=3),
            "`rate` is measured in 1/ms, got the bare number 3. Write LIF(rate=3/ms).",
        ),
        (lambda: LIF(p=0.5 * ms), "`p` is dimensionless, got 0.5 ms. Write LIF(p=0.5)."),
        (lambda: LIF(p="x"), "`p` is dimensionless, got 'x'. Write LIF(p=1)."),
        (
            lambda: Required(R=5),
            "`R` is measured in MOhm, got the bare number 5. Write Required(R=5*MOhm).",
        ),
        (
            lambda: Wrapper(LIF(), 2),
            "`period` is measured in ms, got the bare number 2. Write Wrapper(period=2*ms).",
        ),
    ],
)
def test_a_wrong_unit_is_answered_by_the_corrected_call(call, text):
    assert message(call) == text


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: LIF(tau=-5 * ms),
            "`tau` must be > 0 (positive), got -5 ms. Write for example LIF(tau=20*ms).",
        ),
        (
            lambda: LIF(tau=[1, 2, 0] * us),
            "`tau` must be > 0 (positive), got 0 us at index 2. Write for example LIF(tau=20*ms).",
        ),
        (
            lambda: LIF(b=np.array([[0.0, 1.0], [2.0, -0.1]]) * nA),
            "`b` must be >= 0 (non-negative), got -0.1 nA at index (1, 1). "
            "Write for example LIF(b=0*nA).",
        ),
        (
            lambda: LIF(p=2),
            "`p` must be between 0 and 1 (probability), got 2. Write for example LIF(p=0.5).",
        ),
        (
            lambda: LIF(v_rest=float("nan") * mV),
            "`v_rest` must be a number (any), got nan mV. Write for example LIF(v_rest=-65*mV).",
        ),
        (
            lambda: Required(-1 * MOhm),
            "`R` must be > 0 (positive), got -1 MOhm. Write for example Required(R=1*MOhm).",
        ),
        (
            lambda: LIF(tau=1e60 * ms),
            "`tau` must be > 0 (positive), got 1e+60 ms, which is inf in float32. "
            "Write for example LIF(tau=20*ms).",
        ),
    ],
)
def test_a_value_outside_its_domain_is_refused(call, text):
    assert message(call, DomainError) == text


def test_infinity_is_a_value_but_not_an_accident():
    assert LIF(tau=float("inf") * ms).tau == jnp.inf
    assert "0.0 in float32" in message(lambda: LIF(tau=1e-60 * ms), DomainError)


def test_the_domain_of_a_known_value_is_checked_inside_a_transformation_too():
    with pytest.raises(DomainError):
        jax.jit(lambda x: LIF(tau=-5 * ms).tau + x)(1.0)
    assert jax.jit(lambda x: LIF(tau=x * ms).tau)(-5.0) == -5  # what is traced is not known


@pytest.mark.parametrize(
    "value", [20, 20.0, np.float64(20), np.float32(20), jnp.float32(20), jnp.array(20)]
)
def test_what_is_stored_is_strongly_typed_in_the_default_precision(value):
    tau = LIF(tau=value * ms).tau
    assert isinstance(tau, jax.Array)
    assert (tau.dtype, tau.weak_type) == (jnp.float32, False)
    with jax.enable_x64(True):
        tau = LIF(tau=value * ms).tau
        assert (tau.dtype, tau.weak_type) == (jnp.float64, False)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.float32, jnp.int32])
def test_a_tracer_keeps_its_precision(dtype):
    tau = jax.eval_shape(lambda x: LIF(tau=x * ms).tau, jnp.ones((), dtype))
    assert tau.dtype == (jnp.float32 if dtype is jnp.int32 else dtype)
    assert not jax.eval_shape(lambda x: LIF(tau=x * ms).tau, 1.0).weak_type


@settings(deadline=None)
@given(st.floats(min_value=1e-3, max_value=1e6))
def test_double_precision_holds_the_correctly_rounded_value(x):
    with jax.enable_x64(True):
        assert float(LIF(tau=x * us).tau) == x / 1000


def test_transformations_rebuild_modules_without_the_constructor():
    neuron = LIF()
    gradient = jax.grad(lambda n: n.tau * n.v_rest)(neuron)
    assert (gradient.tau, gradient.v_rest, gradient.p) == (-65, 20, 0)
    assert eqx.tree_at(lambda n: n.tau, neuron, jnp.array(3.0)).tau == 3
    many = jax.vmap(lambda x: LIF(tau=x * ms))(jnp.arange(1.0, 4.0))
    assert jax.vmap(lambda n: n.tau * n.p)(many).tolist() == [0.5, 1, 1.5]
    assert jax.grad(lambda x: LIF(tau=x * s).tau)(2.0) == 1000
    leaves, structure = jax.tree.flatten(neuron)
    assert jax.tree.unflatten(structure, leaves).name == "plain"
    doubled = jax.tree.map(lambda x: 2 * x, Wrapper(neuron, 2 * ms))
    assert (doubled.neuron.tau, doubled.period) == (40, 4)


def test_parameters_lists_the_declarations_in_order():
    found = parameters(LIF)
    assert list(found) == ["tau", "v_rest", "C", "b", "rate", "p"]
    assert found == parameters(LIF())
    assert found["tau"] == Parameter(ms, positive, "membrane time constant", 20 * ms, "tau")
    assert parameters(Required)["R"].default is None
    assert list(parameters(Wrapper)) == ["period"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        found["tau"].name = "tau_m"


def test_a_subclass_keeps_the_parameters_of_an_abstract_class():
    class Child(LIF):
        extra: Array = quantity(ms, positive, "another", default=1 * ms)

    assert list(parameters(Child)) == [*parameters(LIF), "extra"]
    assert Child(tau=3 * ms).tau == 3


@pytest.mark.parametrize(
    ("declare", "error"),
    [
        (lambda: quantity(ms, positive, "", default=5 * mV), UnitError),
        (lambda: quantity(ms, positive, "", default=5), UnitError),
        (lambda: quantity(ms, positive, "", default=-5 * ms), DomainError),
        (lambda: quantity(dimensionless, probability, "", default=2), DomainError),
        (lambda: quantity(5 * ms, positive, ""), UnitError),
    ],
)
def test_a_default_that_does_not_fit_is_refused_at_the_declaration(declare, error):
    with pytest.raises(error):
        declare()


class State(NamedTuple):
    v: Annotated[Array, mV]
    w: Annotated[Array, "a comment", nA]
    count: Array


def test_state_units():
    assert state_units(State) == {"v": mV, "w": nA}


def test_to_internal_and_back():
    call = "simulate(..., dt={})"
    assert to_internal(0.1 * ms, ms, "dt", call) == np.float32(0.1)
    assert to_internal(2 * s, ms, "dt", call) == 2000
    assert in_unit(to_internal(2 * uF / cm**2, uF / cm**2, "C", "C={}"), uF / cm**2) == 2
    assert in_unit(1500.0, s) == 1.5
    assert message(lambda: to_internal(0.1, ms, "dt", call)) == (
        "`dt` is measured in ms, got the bare number 0.1. Write simulate(..., dt=0.1*ms)."
    )
    assert message(lambda: to_internal(1 * mV, ms, "dt", "dt=1*ms")) == (
        "`dt` is measured in ms, got 1 mV. Write dt=1*ms."
    )


def test_to_internal_inside_a_transformation():
    assert jax.jit(lambda x: to_internal(x * s, ms, "dt", "dt={}"))(2.0) == 2000
    assert "got <traced float32[]> mV. Write dt=dt*ms" in message(
        lambda: jax.jit(lambda x: to_internal(x * mV, ms, "dt", "dt={}"))(2.0)
    )
