"""What a file may not do, and what a reader says of files that were tampered with."""

import enum
import json
import sys
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.cli import main
from rheobase.errors import ArgumentError, CheckpointError
from rheobase.io import consistency, fields, models, names
from rheobase.train import checkpoint
from rheobase.units import ms, um
from tests.archive import recipes


def described(model):
    named, notes = models._described(model)
    return named, json.loads(json.dumps(notes))


def loaded(named, notes, classes=()):
    content = checkpoint.unpacked(checkpoint.packed(named, notes), "file")
    return models._loaded(content, "file", classes)


ATTACKS = {
    "runs a command": {"named": "rheobase.cli.main", "fields": {"arguments": ["list"]}},
    "overwrites a file": {
        "named": "rheobase.train.checkpoint.write",
        "fields": {"path": "there", "named": [], "notes": {"dict": []}},
    },
    "returns exec": {"enum": "rheobase.io.models.__builtins__", "member": "exec"},
    "returns a module": {"object": "rheobase.cli.os"},
    "returns a function": {"object": "rheobase.train.checkpoint.write"},
    "calls a class as a tuple": {"named": "rheobase.neurons.leaky.LIF", "fields": {}},
    "makes a tuple a module": {"module": "rheobase.record.RunState", "fields": {}},
    "imports": {"module": "antigravity.Module", "fields": {}},
    "walks through attributes": {"object": "rheobase.neurons.leaky.LIF.__init__"},
    "private": {"module": "rheobase.io.models._Writer", "fields": {}},
    "huge power": {"unit": {"factors": [], "dimension": ["0"] * 6, "ten": "9" * 9, "factor": "1"}},
    "exponent": {"unit": {"factors": [], "dimension": ["0"] * 6, "ten": "1e9", "factor": "1"}},
    "no unit": {"unit": {"factors": [], "dimension": ["0"], "ten": "0", "factor": "1"}},
    "divides by zero": {"unit": {"factors": [["ms", "1/0"]], "dimension": ["0"] * 6}},
    "huge number": {"float": "0x1p+99999"},
    "from the end": {"array": -1},
    "beyond the end": {"array": 999},
    "nothing known": {"anything": 1},
    "number of JSON": 1.5,
    "odd key": {"dict": [[[1], 2]]},
    "odd pair": {"dict": [[1]]},
    "member": {"enum": "rheobase.neurons.base.Onset", "member": "mro"},
    "nodes": {"nodes": {"array": 0}, "native": True},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_cannot(tmp_path, monkeypatch, attack):
    monkeypatch.chdir(tmp_path)
    named, notes = described(rb.LIF())
    modules = set(sys.modules)
    for tree in (ATTACKS[attack], [ATTACKS[attack]], {"tuple": [ATTACKS[attack]]}):
        with pytest.raises(CheckpointError):
            loaded(named, notes | {"model": tree})
    assert list(tmp_path.iterdir()) == [] and "antigravity" not in set(sys.modules) - modules


def deep(levels):
    tree = 1
    for _ in range(levels):
        tree = {"tuple": [tree]}
    return tree


def test_nesting_and_headers_are_bounded():
    named, notes = described(rb.LIF())
    with pytest.raises(CheckpointError, match="nested too deep"):
        loaded(named, notes | {"model": deep(400)})
    text = b'{"leaves": [], "notes": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    content = checkpoint.packed([], {})
    head = content[:12] + (60 + len(text)).to_bytes(8, "little") + len(text).to_bytes(8, "little")
    content = head + checkpoint._checksum(2, head, text) + text
    with pytest.raises(CheckpointError, match="header cannot be read"):
        checkpoint.unpacked(content, "file")


@pytest.mark.parametrize(
    "shape, dtype",
    [
        ([10**15], "float32"),
        ([-1], "float32"),
        ([0, 10**30], "float32"),
        ([2**40, 2**40, 0], "float32"),
        ([1.5], "float32"),
        ([True], "float32"),
        ([1], "object"),
        ([1], "U999999999"),
    ],
)
def test_arrays_are_of_the_length_of_the_file(monkeypatch, shape, dtype):
    leaf = {"path": "", "dtype": dtype, "shape": shape}
    monkeypatch.setattr(checkpoint, "_described", lambda named: [leaf])
    content = checkpoint.packed([("", np.ones(1, np.float32))], {})
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.unpacked(content, "file")


def replaced(model, change):
    named, notes = described(model)
    change(notes["model"]["fields"])
    return named, notes


@pytest.mark.parametrize(
    "model, change, message",
    [
        (rb.LIF, lambda f: f.update(tau=None), "`tau` of LIF cannot be None"),
        (rb.LIF, lambda f: f.update(tau={"float": "0x1p0"}), "`tau` of LIF cannot be 1.0"),
        (rb.LIF, lambda f: f.update(spike=3), "`spike` of LIF cannot be 3"),
        (
            rb.LIF,
            lambda f: f.update(
                spike={"module": "rheobase.steppers.euler.Euler", "fields": {}},
            ),
            "`spike` of LIF cannot be an Euler",
        ),
        (rb.LIF, lambda f: f.update(v_reset=f["v_th"], v_th=f["v_reset"]), "contradicts itself"),
        (lambda: rb.Population(rb.LIF(), 2), lambda f: f.update(n=-1), "contradicts itself"),
        (lambda: rb.Population(rb.LIF(), 2), lambda f: f.update(n="2"), "`n` of Population"),
        (lambda: rb.Record("v"), lambda f: f.update(every=True), "`every` of Record"),
        (lambda: rb.Record("v"), lambda f: f.update(spikes="all"), "`spikes` of Record"),
        (lambda: rb.Record("v"), lambda f: f.update(indices=[1]), "`indices` of Record"),
    ],
)
def test_fields_are_of_their_type_and_in_their_domain(model, change, message):
    named, notes = replaced(model(), change)
    with pytest.raises(CheckpointError, match=message):
        loaded(named, notes)


def test_a_parameter_out_of_its_domain_is_named():
    named, notes = described(rb.LIF(tau=20 * ms))
    named = [(name, -x if name == ".tau" else x) for name, x in named]
    with pytest.raises(CheckpointError, match="`tau` of LIF must be > 0, at model"):
        loaded(named, notes)


def test_a_cell_whose_nodes_are_in_no_order_is_refused():
    cell = rb.Cell(rb.morphology.ball_and_stick(length=100 * um), max_length=50 * um)
    named, notes = described(cell)
    place = notes["model"]["fields"]["nodes"]["nodes"]["array"]
    named[place] = (named[place][0], np.asarray([5, 99, -7], np.int32))
    with pytest.raises(CheckpointError, match="parents before their children"):
        loaded(named, notes)


def forged(model, change):
    """The file of a model whose arrays are others: by their places, in the order of the file."""
    named, notes = described(model)
    arrays = {name: np.array(array) for name, array in named}
    change(arrays)
    return list(arrays.items()), notes


SYNAPSES = ".projections[0].to"
FORGERIES = {
    "targets beyond": lambda a: a[SYNAPSES + ".target"].__setitem__(0, 10**8),
    "targets below": lambda a: a[SYNAPSES + ".target"].__setitem__(-1, -1),
    "rows that fall": lambda a: a[SYNAPSES + ".start"].__setitem__(1, 10**8),
    "rows that end early": lambda a: a[SYNAPSES + ".start"].__setitem__(-1, 1),
    "rows of floats": lambda a: a.update(
        {SYNAPSES + ".start": a[SYNAPSES + ".start"].astype(np.float32)}
    ),
    "rows of others": lambda a: a.update({SYNAPSES + ".start": a[SYNAPSES + ".start"][1:] * 0}),
    "weights of others": lambda a: a.update({".projections[0].weight": np.ones(5, np.float32)}),
    "delays of others": lambda a: a.update({".projections[2].delay": np.ones(5, np.float32)}),
    "columns beyond": lambda a: a[".projections[2].by_post.synapse"].__setitem__(0, 99),
    "columns of others": lambda a: a[".projections[2].by_post.to.target"].__setitem__(0, 99),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_synapses_that_are_none_are_refused(forgery):
    """They led the compiled loop beyond its arrays."""
    with pytest.raises(CheckpointError, match="contradicts itself"):
        loaded(*forged(recipes.plastic(), FORGERIES[forgery]))


def test_a_network_of_other_sizes_is_refused():
    named, notes = described(recipes.plastic())
    fields = notes["model"]["fields"]["populations"]["dict"][0][1]["fields"]
    fields["n"] = 7
    with pytest.raises(CheckpointError, match="synapses from 'e' to 'i' of their sizes"):
        loaded(named, notes)


@pytest.mark.parametrize(
    "model, field, value, needs",
    [
        (lambda: rb.Linear(2, 3), "n_in", 0, "n_in 1.."),
        (lambda: rb.Linear(2, 3), "density", {"float": "0x1p+3"}, "density 0..1"),
        (lambda: rb.Linear(2, 3, key=recipes.KEY), "n_in", 5, r"weights of shape \(5, 3\)"),
        (lambda: rb.Sequential(rb.Linear(2, 3)), "dt", {"float": "-0x1p+0"}, "dt >0"),
        (lambda: rb.Record("v"), "every", 0, "every 1.."),
        (lambda: rb.Pool(2), "size", {"tuple": [2, 0]}, "size 1.."),
        (lambda: rb.Dropout(0.1), "rate", {"float": "inf"}, "rate 0..1"),
    ],
)
def test_counts_times_and_parts_lie_where_they_may(model, field, value, needs):
    named, notes = replaced(model(), lambda fields: fields.update({field: value}))
    with pytest.raises(CheckpointError, match=needs):
        loaded(named, notes)


def test_the_tables_of_conditions_name_fields_that_there_are():
    for name, ranges in consistency.RANGES.items():
        assert set(ranges) <= set(fields.hints(names.found(name))), name
    assert all(map(names.is_known, consistency._CHECKS))


class Colour(enum.Enum):
    RED = 1


class Own(NamedTuple):
    v: int
    colour: Colour = Colour.RED


class Empty(NamedTuple):
    pass


def own_function(x):
    return x


def test_classes_of_the_user_are_of_every_kind(tmp_path):
    model = (Own(3), own_function, Empty(), rb.surrogate.Custom(own_function))
    rb.save(tmp_path / "m", model)
    again = rb.load(tmp_path / "m", classes=[Own, own_function, Colour, Empty])
    assert again[:3] == model[:3] and again[3].function is own_function


def test_classes_that_moved_to_another_module_are_found(tmp_path):
    class Own(NamedTuple):
        v: int
        colour: Colour

    named, notes = described(Own(3, Colour.RED))
    notes["model"]["named"] = "__main__.Own"
    assert loaded(named, notes, [Own, Colour]) == (3, Colour.RED)
    with pytest.raises(CheckpointError, match=r"`v` of Own cannot be 'three'"):
        notes["model"]["fields"]["v"] = "three"
        loaded(named, notes, [Own, Colour])


@pytest.mark.parametrize(
    "classes, message",
    [
        (Own, r"list of classes, got the class Own. Write rb.load\(path, classes=\[Own\]\)"),
        ([Own(3)], r"the class and not a neuron of it"),
        (3, "holds classes, got 3"),
    ],
)
def test_classes_is_a_list(tmp_path, classes, message):
    rb.save(tmp_path / "m", rb.LIF())
    with pytest.raises(ArgumentError, match=message):
        rb.load(tmp_path / "m", classes=classes)


def test_what_cannot_be_read_is_not_written(tmp_path):
    model = rb.LIF()
    object.__setattr__(model, "tau", jnp.asarray(-1.0))
    with pytest.raises(ArgumentError, match="cannot be saved: `tau` of LIF must be > 0"):
        rb.save(tmp_path / "m", model)


def test_values_fit_their_annotations():
    yes = [(1, int), (1.0, float), (1, float), (np.int64(3), int), (jnp.ones(2), jnp.ndarray),
           ((1, 2), tuple[int, ...]), ({"a": 1}, dict[str, int]), (None, int | None),
           (own_function, type(own_function))]  # fmt: skip
    no = [(True, int), ("a", int), ((1, "a"), tuple[int, ...]), ((1,), tuple[int, int]),
          ({1: 1}, dict[str, int]), (None, int), ([1], tuple[int, ...])]  # fmt: skip
    assert all(fields.fits(value, hint) for value, hint in yes)
    assert not any(fields.fits(value, hint) for value, hint in no)


def test_the_state_of_a_cell_is_saved(tmp_path):
    cell = rb.Cell(rb.morphology.soma()).insert(rb.channels.Leak())
    run = rb.simulate(cell, duration=1 * ms, dt=0.1 * ms, record="v")
    rb.save(tmp_path / "m", run.final)
    assert eqx.tree_equal(rb.load(tmp_path / "m"), run.final)


@pytest.mark.parametrize("command", ["evaluate", "simulate", "fit"])
def test_commands_refuse_a_file_that_names_a_command(tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    named, notes = described(rb.LIF())
    attack = ATTACKS["overwrites a file"] | {"named": "rheobase.train.checkpoint.write"}
    checkpoint.write("forged", named, notes | {"model": attack})
    arguments = {"fit": ["fit", "cell.abf", "--model", "forged"]}
    with pytest.raises(SystemExit) as ended:
        main(arguments.get(command, [command, "forged"]))
    told = capsys.readouterr()
    assert ended.value.code != 0 and "Traceback" not in told.err + told.out
    assert [x.name for x in tmp_path.iterdir()] == ["forged"]
    if command != "fit":
        assert "no class of this library" in told.err
