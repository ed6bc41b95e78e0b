import sys

import jax.numpy as jnp
import pytest

import rheobase as rb
from rheobase.check import check_neuron, place_of
from rheobase.errors import ArgumentError
from rheobase.units import ms


def test_a_right_neuron_passes_every_law():
    outcomes = check_neuron(rb.Refractory(rb.AdEx(), 2 * ms))
    assert [o.law for o in outcomes if o.verdict != "passed"] == []
    assert {o.law for o in outcomes} >= {"dimensions", "gradient", "finite", "reset"}
    assert all(o.message == o.cure == "" and o.statement for o in outcomes)


def test_a_readout_is_not_asked_for_a_threshold():
    outcomes = check_neuron(rb.LI())
    assert {o.verdict for o in outcomes} == {"passed"}
    assert not {o.law for o in outcomes} & {"margin", "reset", "fires", "spike gradient"}


class Wrong(rb.AbstractNeuron):
    """Adds a current to a voltage, and branches in Python."""

    spike: rb.surrogate.AbstractSurrogate = rb.surrogate.Sigmoid()

    def init(self):
        return rb.LIF().init()

    def derivative(self, state, current):
        if current > 0:
            return state
        return state._replace(v=state.v + current)

    def margin(self, state):
        return state.v

    def reset(self, state):
        return state


def test_what_the_equations_raise_is_a_finding_with_its_place():
    outcomes = {o.law: o for o in check_neuron(Wrong())}
    assert outcomes["state"].verdict == "failed"
    assert "TracerBoolConversionError" in outcomes["state"].message
    line = Wrong.derivative.__code__.co_firstlineno + 1
    assert f"{__file__}:{line}:12" in outcomes["state"].message
    assert outcomes["state"].cure
    rest = [o for o in outcomes.values() if o.law != "state"]
    assert {o.verdict for o in rest} == {"not run"}
    assert {o.cure for o in rest} == {"First cure `state`."}


def test_a_class_of_a_notebook_has_no_file_and_its_functions_have_one(monkeypatch):
    monkeypatch.setattr(Wrong, "__module__", "__main__")
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    outcomes = check_neuron(Wrong())
    assert any(__file__ in outcome.message for outcome in outcomes)


@pytest.mark.parametrize("wrong", [rb.LIF, 3, None])
def test_what_is_no_neuron_is_refused(wrong):
    with pytest.raises(ArgumentError, match=r"check_neuron\(MyNeuron\(\)\)"):
        check_neuron(wrong)


def test_the_place_of_an_error_is_in_the_files_asked_for():
    try:
        jnp.zeros(2) + jnp.zeros(3)
    except TypeError as error:
        place = place_of(error, {__file__})
        assert place.startswith(f"{__file__}:") and place.count(":") >= 2
        assert place_of(error, {"elsewhere.py"}) == ""
