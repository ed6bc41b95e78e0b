"""Results do not depend on the order in which a model declares its variables."""

from typing import Any, NamedTuple, get_type_hints

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.adaptors import AbstractAdaptor
from rheobase.neurons import AbstractMembrane
from rheobase.units import ms
from tests.laws.helpers import names, poised, short
from tests.registry import NEURONS, STEPPERS

SEVERAL = ["CubaLIF", "ALIF", "GLIF", "AdEx", "AdQIF", "Izhikevich", "HodgkinHuxley", "MorrisLecar"]


class Reversed(AbstractAdaptor):
    """A neuron that declares its variables the other way round."""

    neuron: AbstractMembrane

    def inside(self, state: Any) -> Any:
        inner = self.neuron.init()
        return type(inner)(**state._asdict())

    def around(self, state: Any, inner: Any) -> Any:
        return self.turned(inner)

    def turned(self, inner: Any) -> Any:
        hints = get_type_hints(type(inner), include_extras=True)
        kind = NamedTuple("State", [(name, hints[name]) for name in reversed(inner._fields)])
        return _same(kind)(**inner._asdict())

    def init(self) -> Any:
        return self.turned(self.neuron.init())

    def derivative(self, state: Any, current: jax.Array) -> Any:
        return self.turned(self.neuron.derivative(self.inside(state), current))


_KINDS: dict = {}


def _same(kind):
    """One class for one list of fields, as the structure of a pytree has to be."""
    return _KINDS.setdefault(kind._fields, kind)


def assert_equal_either_way(neuron, row, **more):
    here = short(neuron, 3 * row.drive, row.dt, 400, init=poised(neuron, -0.05), **more)
    there = short(Reversed(neuron), 3 * row.drive, row.dt, 400, init=poised(neuron, -0.05), **more)
    assert names(Reversed(neuron)) == names(neuron)[::-1]
    np.testing.assert_array_equal(here.spikes, there.spikes)
    assert here.counts >= 1
    for name in names(neuron):
        np.testing.assert_allclose(here[name], there[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SEVERAL)
def test_the_order_of_variables_is_of_no_account(name, x64):
    assert_equal_either_way(NEURONS[name].make(), NEURONS[name])


@pytest.mark.parametrize("stepper", STEPPERS)
def test_the_order_is_of_no_account_to_any_stepper(stepper, x64):
    rule = STEPPERS[stepper].make()
    name = "GLIF" if STEPPERS[stepper].affine_only else "AdEx"
    assert_equal_either_way(NEURONS[name].make(), NEURONS[name], stepper=rule)


def test_the_order_is_of_no_account_inside_an_adaptor(x64):
    row = NEURONS["AdEx"]
    runs = [
        short(rb.Refractory(wrap(row.make()), 2 * ms), 3 * row.drive, row.dt, 400, substep=True)
        for wrap in (lambda neuron: neuron, Reversed)
    ]
    np.testing.assert_allclose(*(run.spike_times() for run in runs), rtol=1e-9)
