from pathlib import Path

import pytest

from rheobase.cli.checking import candidates, load

MODEL = """
from typing import Annotated, NamedTuple

from jax import Array

import rheobase as rb
from rheobase.units import MOhm, anything, ms, mV, positive, quantity


class State(NamedTuple):
    v: Annotated[Array, mV]


class Mine(rb.AbstractNeuron):
    tau: Array = quantity(ms, positive, "time constant", default=10 * ms)
    R: Array = quantity(MOhm, positive, "resistance", default=10 * MOhm)
    v_rest: Array = quantity(mV, anything, "rest", default=-65 * mV)
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
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="mymodel.py"):
        file = tmp_path / name
        file.write_text(text)
        return str(file)

    return write


@pytest.mark.slow
def test_a_right_model_passes(rheobase, written):
    result = rheobase("check", written(MODEL))
    assert result.code == 0, result.out
    assert "\nMine\n" in result.out and "FAILED" not in result.out
    assert "dimensions      passed" in result.out
    assert "laws hold: Mine" in result.out


def test_a_wrong_unit_is_found_with_its_place_and_cure(rheobase, written):
    wrong = MODEL.replace("self.R * current", "current")
    file = written(wrong)
    line = 1 + wrong.splitlines().index(
        "        return State(v=(self.v_rest - state.v + current) / self.tau)"
    )
    result = rheobase("check", file)
    assert result.code == 1
    said = " ".join(result.out.split())
    assert "dimensions FAILED" in said
    assert "mV and nA cannot be added" in said
    assert f"line {line}, column 25" in said
    assert "Multiply or divide by a parameter" in said
    assert "1 of 14 laws" in said


def test_a_neuron_made_in_the_file_stands_for_its_class(rheobase, written):
    needy = MODEL.replace(", default=10 * ms", "").replace(", default=10 * MOhm", "")
    result = rheobase("check", written(needy))
    said = " ".join(result.out.split())
    assert result.code == 1
    assert "Mine has no default for tau, R." in said
    assert "example = Mine(tau=..., ...)" in said
    made = needy + "\nexample = rb.Refractory(Mine(tau=9 * ms, R=5 * MOhm), 2 * ms)\n"
    result = rheobase("check", written(made), "--name", "exampel")
    assert "Did you mean 'example'?" in result.err
    file = Path(written(made))
    (found,) = candidates(load(file), str(file))
    assert found.name == "example" and found.model is not None


def test_a_class_with_two_names_is_checked_once(written):
    file = Path(written(MODEL + "\nAlias = Mine\nother = Mine()\n"))
    assert [found.name for found in candidates(load(file), str(file))] == ["Mine", "other"]


def test_a_class_that_is_not_finished_says_what_is_missing(rheobase, written):
    result = rheobase("check", written(MODEL[: MODEL.index("    def reset")]))
    assert result.code == 1
    assert "Mine does not say what reset is" in result.out


def test_a_class_whose_defaults_contradict_each_other(rheobase, written):
    body = '\n    def __check_init__(self):\n        raise ValueError("v_th lies below v_rest")\n'
    file = written(MODEL + body)
    result = rheobase("check", file)
    assert result.code == 1
    line = len((MODEL + body).splitlines())
    said = "".join(result.out.split())
    assert "Mine()raisedValueError:v_thliesbelowv_rest" in said
    assert f"{file}:{line}:9".replace(" ", "") in said


@pytest.mark.parametrize(
    "text, message",
    [
        ("x = 1\n", "defines no neuron"),
        ("def f(:\n", "mymodel.py:1:7: invalid syntax: def f(:"),
        ("\nimport nothing_of_this_name\n", "mymodel.py:2:1: executing the file raised Module"),
        (
            "import rheobase as rb\nfrom rheobase.units import mV\nx = rb.LIF(tau=5 * mV)\n",
            "mymodel.py:3:5: executing the file raised UnitError: `tau` is measured in ms",
        ),
    ],
)
def test_a_file_that_cannot_be_checked(rheobase, written, text, message):
    result = rheobase("check", written(text))
    assert result.code == 2
    assert message in result.err and "Traceback" not in result.err


def test_a_file_that_is_not_there_has_its_near_miss(rheobase, written):
    written("x = 1\n")
    file = written("x = 1\n").replace("mymodel", "mymodle")
    result = rheobase("check", file)
    assert result.code == 2
    assert "Did you mean 'mymodel.py'?" in result.err


def test_an_unknown_name_has_its_near_miss(rheobase, written):
    result = rheobase("check", written(MODEL), "--name", "Min")
    assert result.code == 2
    assert "Did you mean 'Mine'?" in result.err


def test_what_the_file_imports_is_not_checked(rheobase, written):
    written(MODEL, "helper.py")
    result = rheobase("check", written("from helper import Mine\n", "user.py"))
    assert result.code == 2 and "defines no neuron" in result.err


CHANNEL = """
from typing import Annotated, NamedTuple

from jax import Array

from rheobase import channels as ch, synapses
from rheobase.units import S, cm, dimensionless, ms, non_negative, positive, quantity


class KState(NamedTuple):
    n: Annotated[Array, dimensionless]


class K(ch.AbstractChannel):
    g: Array = quantity(S / cm**2, non_negative, "conductance", default=0.036 * S / cm**2)

    def gates(self, v, ions):
        return KState(n=ch.by_rates(ch.exponential(v / 80), ch.exponential(-v / 80)))

    def current(self, state, v, ions):
        return self.g * state.n**4


class State(NamedTuple):
    g: Array


class Own(synapses.AbstractSynapse):
    tau: Array = quantity(ms, positive, "decay", default=5 * ms)

    def init(self):
        return State(g=0.0)

    def arrive(self, state, weight):
        return State(g=state.g + weight)

    def derivative(self, state):
        return State(g=-state.g / self.tau)

    def output(self, state):
        return state.g
"""


def test_channels_and_synapses_are_checked_too(rheobase, written):
    result = rheobase("check", written(CHANNEL))
    assert result.code == 1
    table = " ".join(result.out.split())
    assert "dimensions FAILED" in table and "must be nA/um**2" in table
    assert "laws hold: Own" in table


RULE = """
import rheobase as rb
from rheobase.units import nA

good = rb.TripletSTDP(w_max=1 * nA)


class Bad(rb.plasticity.AbstractTraceRule):
    w_max = w_min = 1 * nA
    mu = 0.0
"""


def test_rules_are_checked(rheobase, written):
    result = rheobase("check", written(RULE), "--name", "good")
    assert result.code == 0 and "laws hold: good" in result.out, result.out
    result = rheobase("check", written(RULE))
    assert result.code == 1 and "Bad does not say what on_post, on_pre" in result.out
