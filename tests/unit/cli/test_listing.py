import inspect
import json

import pytest

import rheobase as rb
from rheobase import (
    adaptors,
    channels,
    connectivity,
    neurons,
    plasticity,
    steppers,
    stimulus,
    surrogate,
    synapses,
)
from rheobase.cli.listing import entries
from rheobase.units import parameters


def find(name):
    return next(entry for entry in entries() if entry.name == name)


@pytest.mark.parametrize(
    "family, module, base",
    [
        ("neurons", neurons, neurons.AbstractMembrane),
        ("adaptors", adaptors, adaptors.AbstractAdaptor),
        ("channels", channels, channels.AbstractMechanism),
        ("steppers", steppers, steppers.AbstractStepper),
        ("surrogates", surrogate, surrogate.AbstractSurrogate),
        ("stimuli", stimulus, stimulus.AbstractStimulus),
        ("synapses", synapses, (synapses.AbstractSynapse, synapses.Delta)),
        ("plasticity", plasticity, (plasticity.AbstractRule, synapses.AbstractRelease)),
        ("connectivity", connectivity, connectivity.AbstractConnectivity),
    ],
)
def test_every_final_class_is_listed_once(family, module, base):
    classes = {
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base)
    }
    final = {c.__name__ for c in classes if not c.__name__.startswith("Abstract")}
    listed = [entry.name for entry in entries() if entry.family == family]
    assert sorted(listed) == sorted(final)
    assert listed == sorted(listed, key=str.lower)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_every_argument_of_the_constructor_is_there_and_described(entry):
    named = {"stimuli": "stimulus", "surrogates": "surrogate"}.get(entry.family, entry.family)
    homes = (
        neurons,
        adaptors,
        channels,
        steppers,
        surrogate,
        stimulus,
        synapses,
        plasticity,
        connectivity,
    )
    home = next(home for home in homes if home.__name__ == f"rheobase.{named}")
    cls = vars(home)[entry.name]
    signature = inspect.signature(cls).parameters
    assert [argument.name for argument in entry.arguments] == list(signature)
    assert entry.summary and "$" not in entry.summary and "\n" not in entry.summary
    declared = parameters(cls)
    for argument in entry.arguments:
        required = signature[argument.name].default is inspect.Parameter.empty
        assert (argument.default == "") == required
        assert argument.domain or argument.meaning
        if argument.name in declared:
            parameter = declared[argument.name]
            assert argument.unit == str(parameter.unit)
            assert argument.domain == str(parameter.domain)
            assert argument.meaning == parameter.meaning


def test_a_neuron_has_the_state_that_it_really_has():
    for entry in entries():
        if entry.family == "neurons":
            neuron = getattr(rb, entry.name)()
            units = neurons.variables.units(neuron.init())
            assert entry.state == {name: str(unit) for name, unit in units.items()}
            assert entry.receives == str(neuron.receives)


def test_defaults_are_numbers_of_the_unit():
    arguments = {argument.name: argument for argument in find("AdEx").arguments}
    assert arguments["tau"].default == "9.3667" and arguments["tau"].unit == "ms"
    assert arguments["spike"].domain == "a surrogate"
    sigmoid = find("Sigmoid").arguments[0]
    assert (sigmoid.name, sigmoid.default, sigmoid.meaning) == ("k", "4", "steepness")
    assert "greater than 0" in sigmoid.domain
    refractory = {a.name: a for a in find("Refractory").arguments}
    assert refractory["neuron"].domain == "a neuron"
    assert refractory["period"].unit == "ms" and refractory["period"].default == ""
    assert refractory["hold"].domain == "'v' or 'all'"
    step = {a.name: a for a in find("Step").arguments}
    assert step["start"].unit == "ms" and step["start"].meaning == "onset"
    assert step["amplitude"].unit == "any"


def test_all(rheobase):
    result = rheobase("list")
    assert result.code == 0
    for entry in entries():
        assert f"\n{entry.name}  {entry.summary[:40]}" in result.out
    assert result.out.index("\nneurons\n") < result.out.index("\nstimuli\n")


def test_a_family(rheobase):
    result = rheobase("list", "steppers")
    assert "ExponentialEuler" in result.out and "AdEx" not in result.out


@pytest.mark.parametrize("words", [("AdEx",), ("neurons", "AdEx")])
def test_one_with_its_equations_and_state(rheobase, words):
    result = rheobase("list", *words)
    assert result.code == 0
    assert "tau_w dw/dt = a (v - v_rest) - w" in result.out
    assert "state: v (mV), w (nA); input: nA" in result.out
    row = next(line.split() for line in result.out.splitlines() if line.startswith("tau_w  "))
    assert row[:4] == ["tau_w", "144", "ms", "positive"]


def test_json_holds_the_same(rheobase):
    listed = json.loads(rheobase("list", "--json").out)
    assert [row["name"] for row in listed] == [entry.name for entry in entries()]
    (lif,) = json.loads(rheobase("list", "LIF", "--json").out)
    assert lif["state"] == {"v": "mV"} and lif["family"] == "neurons"
    assert lif["arguments"][0] == {
        "name": "tau",
        "unit": "ms",
        "default": "10",
        "domain": "positive",
        "meaning": "membrane time constant",
    }


@pytest.mark.parametrize(
    "words, near",
    [
        (("neuron",), "neurons"),
        (("adex",), "AdEx"),
        (("neurons", "adex"), "AdEx"),
        (("steper", "Heun"), "steppers"),
        (("steppers", "Huen"), "Heun"),
    ],
)
def test_unknown_names_have_their_near_miss(rheobase, words, near):
    result = rheobase("list", *words)
    assert result.code == 2
    assert f"Did you mean {near!r}?" in result.err
