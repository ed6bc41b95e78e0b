"""The public surface: every name exported on purpose, sorted, documented and exemplified."""

import enum
import inspect
import re
import types
from pathlib import Path

import pytest

import rheobase as rb
from rheobase import (
    adaptors,
    connectivity,
    neurons,
    plasticity,
    steppers,
    stimulus,
    surrogate,
    synapses,
    train,
    units,
)
from rheobase.surrogate import AbstractSurrogate
from tests.registry import ADAPTORS, AFFINE, CHANNELS, NEURONS, STEPPERS, STIMULI

PACKAGES = {
    "rheobase": rb,
    "adaptors": adaptors,
    "analysis": rb.analysis,
    "cable": rb.cable,
    "channels": rb.channels,
    "classics": rb.classics,
    "connectivity": connectivity,
    "devices.dynapse2": rb.devices.dynapse2,
    "gradients": rb.gradients,
    "fitting": rb.fitting,
    "io": rb.io,
    "morphology": rb.morphology,
    "neurons": neurons,
    "patterns": rb.patterns,
    "plasticity": plasticity,
    "plot": rb.plot,
    "steppers": steppers,
    "stimulus": stimulus,
    "surrogate": surrogate,
    "synapses": synapses,
    "train": train,
    "units": units,
}
BUDGET = 122
RECEIVED = (Exception, enum.Enum, tuple)
"""What a user meets but does not make."""


SOURCE = Path(rb.__file__).parent
EXAMPLE_LINES = "\n".join(
    line
    for file in SOURCE.rglob("*.py")
    for line in file.read_text().splitlines()
    if line.strip().startswith((">>>", "..."))
)


def isort_key(name):
    """Constants, then classes, then the rest, as ruff sorts them."""
    rank = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return rank, name


@pytest.mark.parametrize("package", PACKAGES)
def test_names_are_sorted_unique_and_exist(package):
    names = list(PACKAGES[package].__all__)
    # Symbols such as mV and GOhm have no case to sort by; the lazy top level sorts by itself.
    if package not in ("units", "rheobase"):
        assert names == sorted(names, key=isort_key)
    assert len(names) == len(set(names)) <= BUDGET
    for name in names:
        assert getattr(PACKAGES[package], name) is not None


def public():
    """Every public function and class, with where it is exported first."""
    seen = {}
    for package, module in PACKAGES.items():
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                seen.setdefault(value, f"{package}.{name}")
    return {where: value for value, where in seen.items()}


PUBLIC = public()


@pytest.mark.parametrize("where", PUBLIC)
def test_every_public_name_is_documented(where):
    value = PUBLIC[where]
    text = inspect.getdoc(value) or ""
    assert text.strip() and text != inspect.getdoc(object)
    first = text.splitlines()[0]
    assert first.strip().endswith((".", ":", ",", ";")) or "\n" in text, first
    owner = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    assert owner, f"{where} has the docstring of its parent"


@pytest.mark.parametrize("where", PUBLIC)
def test_every_public_name_has_an_example_that_runs(where):
    """In its own docstring or in another's; the examples run as doctests."""
    value, name = PUBLIC[where], where.rpartition(".")[2]
    if inspect.isclass(value) and (name.startswith("Abstract") or issubclass(value, RECEIVED)):
        return
    own = ">>>" in (inspect.getdoc(value) or "")
    assert own or re.search(rf"\b{name}\b", EXAMPLE_LINES), f"{where} has no example"


def finals(module, base):
    return {
        name
        for name in module.__all__
        if inspect.isclass(getattr(module, name))
        and issubclass(getattr(module, name), base)
        and not name.startswith("Abstract")
    }


def test_the_registry_has_everything():
    assert set(NEURONS) == finals(neurons, neurons.AbstractMembrane)
    assert set(STEPPERS) == finals(steppers, steppers.AbstractStepper)
    assert set(CHANNELS) == finals(rb.channels, rb.channels.AbstractMechanism)
    assert set(STIMULI) == finals(stimulus, stimulus.AbstractStimulus)
    assert {name.split()[0] for name in ADAPTORS} == finals(adaptors, neurons.AbstractMembrane)
    needs_arguments = {"Custom", "Gaussian", "Scaled", "SuperSpike"}
    shapes = {shape.__name__ for shape in surrogate.SHAPES}
    assert shapes | needs_arguments == finals(surrogate, AbstractSurrogate)
    assert set(NEURONS) >= AFFINE


def test_a_misspelt_name_is_refused_with_the_near_miss():
    with pytest.raises(AttributeError, match="Did you mean rheobase.AdEx?"):
        _ = rb.AdEX


def test_nothing_public_is_a_module_by_accident():
    for name in rb.__all__:
        value = getattr(rb, name)
        if isinstance(value, types.ModuleType):
            assert value.__name__.startswith("rheobase.")
            assert value.__doc__
