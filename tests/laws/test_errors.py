"""What makes no sense is refused where the user called, with the cure, before anything runs."""

import importlib
import inspect
import re
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import (
    ArgumentError,
    CompositionError,
    KeyRequired,
    ParameterError,
    ShapeError,
    StepperError,
    UnknownName,
)
from rheobase.units import DomainError, MOhm, Quantity, UnitError, ms, mV, nA, nF, parameters
from tests.registry import NEURONS, every_neuron


@pytest.fixture(autouse=True)
def nothing_is_computed(monkeypatch):
    def run(*_):
        raise AssertionError("the program was run")

    monkeypatch.setattr(importlib.import_module("rheobase.uncoupled"), "_run", run)


def simulate(system=None, **arguments):
    given = {"duration": 10 * ms, "dt": 0.1 * ms, **arguments}
    return rb.simulate(rb.LIF() if system is None else system, **given)


def refused(case, error, text):
    return pytest.param(case, error, text, id=text[:40])


CALLS = [
    refused(lambda: simulate(rb.LIF), ArgumentError, r"class LIF.*simulate\(rb.LIF\(\), \.\.\.\)"),
    refused(lambda: simulate("LIF"), ArgumentError, r"got 'LIF'.*rb.LIF\(\)"),
    refused(lambda: simulate(current=2), UnitError, r"bare number 2.*current=2\*nA"),
    refused(lambda: simulate(current=2 * mV), UnitError, r"`current` is measured in nA, got 2 mV"),
    refused(lambda: simulate(delta=2 * nA), UnitError, r"`delta` is measured in mV, got 2 nA"),
    refused(lambda: simulate(duration=10), UnitError, r"`duration` is measured in ms.*10\*ms"),
    refused(lambda: simulate(dt=0.1 * mV), UnitError, r"`dt` is measured in ms, got 0.1 mV"),
    refused(lambda: simulate(dt=-0.1 * ms), StepperError, r"`dt` must be a positive time"),
    refused(lambda: simulate(dt=0 * ms), StepperError, r"positive time.*dt=0.1\*ms"),
    refused(lambda: simulate(dt=float("nan") * ms), StepperError, "positive time, got nan"),
    refused(lambda: simulate(dt=[0.1, 0.2] * ms), ShapeError, "`dt` is one time, got .*0.1\\*ms"),
    refused(lambda: simulate(substep="no"), ArgumentError, "`substep` is True or False, got 'no'"),
    refused(lambda: simulate(progress=1), ArgumentError, "`progress` is True or False, got 1"),
    refused(lambda: simulate(coarse=None), ArgumentError, r"Write simulate\(\.\.\., coarse=True"),
    refused(lambda: simulate(duration=0.01 * ms), ShapeError, "shorter than a step"),
    refused(lambda: simulate(current=float("nan") * nA), ValueError, "must be finite, got nan"),
    refused(
        lambda: simulate(current=[1, float("inf")] * nA), ValueError, "at index 1. Replace the NaN"
    ),
    refused(
        lambda: simulate(current=rb.stimulus.Step(2 * mV)), UnitError, "measured in nA, got 1 mV"
    ),
    refused(lambda: simulate(n=0), ShapeError, "`n` must be at least 1, got 0"),
    refused(lambda: simulate(n=3, current=[1, 2] * nA), ShapeError, r"`current` of shape \(2,\)"),
    refused(lambda: simulate(n=1, current=[1, 2] * nA), ShapeError, "or leave `n` out"),
    refused(
        lambda: simulate(rb.LIF(tau=[1, 2] * ms), current=[1, 2, 3] * nA), ShapeError, "last axis"
    ),
    refused(lambda: simulate(record=("w",)), UnknownName, "no variable of LIF .* 'w'.* Known: v"),
    refused(
        lambda: simulate(rb.GLIF(), record=("v_thr",)), UnknownName, "Did you mean 'v_th'"
    ),
    refused(lambda: simulate(init={"u": 1 * mV}), UnknownName, r"in `init`\) is called 'u'"),
    refused(lambda: simulate(init={"v": 1 * nA}), UnitError, r'init=\{"v": 1\*mV\}'),
    refused(lambda: simulate(stepper=rb.Heun), StepperError, r"Write rb.Heun\(\)"),
    refused(lambda: simulate(stepper="Hein"), UnknownName, "Did you mean 'Heun'"),
    refused(
        lambda: rb.Recurrent(rb.LIF(), 4, dampng=0.3), UnknownName, "Did you mean 'damping'"
    ),
    refused(
        lambda: simulate(rb.AdEx(), stepper=rb.Exact()), StepperError,
        r"affine.*ExponentialMidpoint\(\)",
    ),
    refused(
        lambda: simulate(dt=25 * ms, duration=100 * ms, stepper=rb.Euler()), StepperError,
        r"longer than a stable step of Euler\(\).*must stay below 20 ms",
    ),
    refused(
        lambda: simulate(rb.Refractory(rb.LIF(), 1 * ms), dt=2 * ms), StepperError,
        r"dt = 2 ms is longer than the refractory period, 1 ms.*dt=0.1\*ms",
    ),
    refused(lambda: simulate(state=3), ArgumentError, "state=run.final"),
    refused(
        lambda: simulate(record=rb.Record(("v",), indices=(3,)), n=3), ShapeError, "from 0 to 2"
    ),
    refused(
        lambda: simulate(current=rb.stimulus.Poisson(9 * ms**-1, 1 * nA)), KeyRequired,
        r"key=jax.random.key\(0\)",
    ),
    refused(lambda: simulate(rb.Noise(rb.LIF(), 1 * nA, 1 * ms)), KeyRequired, "the neuron draws"),
    refused(
        lambda: jax.jit(lambda dt: simulate(dt=dt * ms).spikes)(0.1), ArgumentError,
        "known outside jit",
    ),
    refused(
        lambda: rb.LIF(tau=rb.Normal(10 * ms, 1 * ms)), UnitError,
        r"a Normal distribution.*LIF\(tau=Normal\(\.\.\.\)\.draw\(n,",
    ),
    refused(
        lambda: rb.stimulus.FromArray(np.ones((0, 3)) * nA), ShapeError, r"shape \(0, 3\)"
    ),
    refused(lambda: rb.Threshold("nope"), ArgumentError, r"got 'nope'.*Threshold\(1\*mV\)"),
    refused(
        lambda: rb.plot.fi_curve(rb.Network({"a": rb.Population(rb.LIF(), 2)}), [1, 2] * nA),
        ArgumentError, r"one neuron, got a Network.*fi_curve\(\[0, 12, 31\] \* Hz",
    ),
    refused(lambda: rb.Record(("v",), every=0), Exception, "whole number of steps >= 1, got 0"),
    refused(lambda: rb.Record(("v",), spikes="rastr"), UnknownName, "Did you mean 'raster'"),
    refused(lambda: rb.Refractory(rb.LI(), 2 * ms), CompositionError, "LI never fires"),
    refused(lambda: rb.Refractory(rb.LIF(), 2 * mV), UnitError, "`period` is measured in ms"),
    refused(lambda: rb.Refractory(rb.LIF(), 0 * ms), DomainError, "`period` must be > 0"),
]  # fmt: skip


@pytest.mark.parametrize("case, error, text", CALLS)
def test_a_call_that_makes_no_sense_is_refused_with_the_cure(case, error, text):
    with pytest.raises(error, match=text):
        case()


def a_parameter(neuron, wanted):
    """The name of the first parameter whose domain has that condition."""
    for name, parameter in parameters(neuron).items():
        if parameter.domain.condition == wanted and parameter.unit.factors:
            return name
    return None


@every_neuron
def test_every_neuron_refuses_a_wrong_unit_and_a_bare_number(name):
    kind = NEURONS[name].make
    for parameter, declared in parameters(kind).items():
        if not declared.unit.factors:
            continue
        wrong = 5 * nF if not declared.unit.same_dimension(nF) else 5 * MOhm
        with pytest.raises(UnitError, match=rf"`{parameter}` is measured in .*, got 5 "):
            kind(**{parameter: wrong})
        with pytest.raises(UnitError, match=rf"Write {name}\({parameter}=.*5"):
            kind(**{parameter: 5})


@every_neuron
def test_every_neuron_refuses_a_wrong_sign_and_what_is_no_number(name):
    kind = NEURONS[name].make
    signed = a_parameter(kind, "> 0")
    unit = parameters(kind)[signed].unit
    with pytest.raises(DomainError, match=rf"`{signed}` must be > 0 .*, got -1 "):
        kind(**{signed: -1 * unit})
    with pytest.raises(DomainError, match=rf"`{signed}`.*got nan"):
        kind(**{signed: float("nan") * unit})
    with pytest.raises(DomainError, match=r"got -2.* at index 1"):
        kind(**{signed: [1.0, -2.0] * unit})


@every_neuron
def test_every_neuron_refuses_a_name_that_it_does_not_have(name):
    with pytest.raises((UnknownName, TypeError), match="tauu"):
        NEURONS[name].make(tauu=5 * ms)


@pytest.mark.parametrize("name", [n for n, row in NEURONS.items() if row.fires])
def test_every_neuron_refuses_a_threshold_below_its_reset(name):
    kind = NEURONS[name].make
    high = "v_th_inf" if name == "GLIF" else "v_th"
    with pytest.raises(
        ParameterError, match=rf"must lie below `{high}`.* Write for example {name}"
    ):
        kind(**{high: -500 * mV})


def test_values_inside_jit_are_not_looked_at():
    """A tracer has no value to refuse."""
    make = jax.jit(lambda tau: rb.LIF(tau=Quantity(tau, ms)).tau)
    assert make(jnp.float32(-1.0)) == -1
    assert np.isfinite(make(jnp.float32(3.0)))


def test_no_message_writes_out_what_came():
    """`brief` tells kind and size; `!r` of an argument would print a whole model."""
    root = Path(rb.__file__).parent
    written = [
        f"{file.relative_to(root)}: {found.group()}"
        for file in root.rglob("*.py")
        for found in re.finditer(r"\bgot (?:an? |the )?\"?\s*f?\"?\{[^{}]*!r\}", file.read_text())
    ]
    assert not written


LARGE = {
    "a model": rb.Refractory(rb.AdEx(tau_w=np.arange(1, 500) * ms), 2 * ms),
    "a dictionary": {"a": rb.AdEx()},
    "an array": np.ones((100, 100)),
    "a list": list(range(3000)),
}
MODELS = [
    name
    for name in rb.__all__
    if inspect.isclass(getattr(rb, name)) and issubclass(getattr(rb, name), eqx.Module)
]


def messages(call, value):
    """What a call says that gets `value` for its required arguments, or for one of the others."""
    known = [p for p in inspect.signature(call).parameters.values() if p.kind is not p.VAR_KEYWORD]
    wanted = {p.name: value for p in known if p.default is p.empty}
    for extra in [{}] + [{p.name: value} for p in known if p.default is not p.empty][:4]:
        try:
            call(**wanted, **extra)
        except Exception as error:  # noqa: BLE001 - whatever is raised, its message is measured
            yield str(error)


@pytest.mark.parametrize("what", LARGE)
def test_what_is_large_makes_no_long_message(what):
    value = LARGE[what]
    calls = [getattr(rb, name) for name in MODELS] + [rb.simulate, rb.fit, rb.fit_recording]
    for call in calls:
        for message in messages(call, value):
            assert len(message) < 600, f"{call.__name__}: {message[:200]}"
            assert "f32[" not in message, f"{call.__name__}: {message}"
