"""Laws of files: what a version wrote, all later ones read; and what is in a file is never run."""

import enum
import hashlib
import importlib
import inspect
import json
import lzma
import pkgutil
import random
import sys
import tracemalloc
from pathlib import Path
from typing import get_args

import equinox as eqx
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import CheckpointError, StepperError
from rheobase.io import models, names
from rheobase.io.fields import hints, is_named
from rheobase.io.forms import FORMS, Form, absent
from rheobase.morphology.content import SameContent
from rheobase.neurons import Onset
from rheobase.train import checkpoint
from rheobase.units import ms, nA
from tests.archive import recipes

ARCHIVE = Path(recipes.__file__).parent
FILES = sorted(ARCHIVE.glob("*.xz"))
GONE = {"shallow", "trace"}
"""What today's library no longer makes."""
NEVER_WRITTEN = {
    "rheobase.cable.cell.Cable",
    "rheobase.cable.cell.Cell",
    "rheobase.morphology.compartments.Compartments",
}
"""Whose older forms were refused by `rb.save` of their time."""
CHANGED = (".step", ".start")
"""Arrays of old files that stand in others today: counters of one word."""


def from_archive(path):
    return models.unpacked(lzma.decompress(path.read_bytes()), path.name)


def arrays_of(content):
    read = checkpoint.unpacked(content, "file")
    return {leaf["path"]: x for leaf, x in zip(read.leaves, read.arrays(), strict=True)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_ever_written_is_read(path):
    """`<commit>-<family>.xz`, by `recipes.py`: classes of today, with the numbers of the file."""
    family = path.stem.partition("-")[2]
    recipe, model = getattr(recipes, family)(), from_archive(path)
    assert set(model) <= set(recipe)
    for name in set(model) - GONE:
        if inspect.isclass(recipe[name]):
            assert type(model[name]) is recipe[name]
    before, now = arrays_of(lzma.decompress(path.read_bytes())), arrays_of(models.packed(model))
    changed = {place for place in before if place.endswith(CHANGED)}
    assert set(before) - changed <= set(now)
    for place, array in ((place, before[place]) for place in set(before) & set(now)):
        assert now[place].dtype == array.dtype and now[place].tobytes() == array.tobytes(), place


def test_what_older_versions_did_not_write_is_as_it_was_then():
    first = {
        family: from_archive(ARCHIVE / f"811e802-{family}.xz") for family in ("layers", "parts")
    }
    cells = from_archive(ARCHIVE / "fecabe8-cells.xz")
    assert first["layers"]["recurrent"].layers[1].damping == 1.0
    assert first["layers"]["dense"].layers[0].density == 1.0
    assert first["parts"]["pair"].target == 0 and first["parts"]["record"].places is None
    assert cells["SpikeDetector"].window == 2 and not cells["Izhikevich"].through_reset
    trace = from_archive(ARCHIVE / "be04e91-parts.xz")["trace"]
    assert type(trace) is rb.PairSTDP and trace.target == np.float32(0.4)
    shallow = from_archive(ARCHIVE / "0d174cf-neurons.xz")["shallow"]
    run = rb.simulate(shallow, current=4 * nA, duration=50 * ms, dt=0.5 * ms)
    intervals = np.diff(run.spike_times())
    assert intervals[-1] < intervals[0]


def test_every_form_of_a_class_ever_written_has_a_reader():
    """`fields.txt` has all classes of all commits that could write a file, with their fields."""
    for line in (ARCHIVE / "fields.txt").read_text().splitlines():
        name, *written = line.split()
        assert names.is_known(name), f"{name} is gone: MOVED of rheobase.io.names says where to"
        kind = names.found(name)
        assert inspect.isclass(kind), name
        form = FORMS.get(names.current(name), Form())
        if issubclass(kind, enum.Enum) or name in NEVER_WRITTEN or form.read is not None:
            continue
        read = {form.renamed.get(x, x) for x in written if x not in form.dropped}
        read |= set(absent(names.current(name), kind))
        assert read == set(hints(kind)), f"{name} has other fields: add a line to rheobase.io.forms"


def classes():
    for found in pkgutil.walk_packages(rb.__path__, "rheobase."):
        if found.name.rpartition(".")[2] in ("__main__", "librheobase"):
            continue
        module = importlib.import_module(found.name)
        public = set(getattr(module, "__all__", ()))
        for name, kind in vars(module).items():
            if inspect.isclass(kind) and kind.__module__.startswith("rheobase."):
                yield kind, name in public


def is_data(kind):
    data = is_named(kind) or issubclass(kind, eqx.Module | enum.Enum | SameContent)
    return data and not kind.__name__.startswith(("Abstract", "_"))


def test_public_classes_and_states_can_be_in_files():
    missing = []
    for kind, public in classes():
        if not is_data(kind):
            continue
        if (public or kind.__name__.endswith("State")) and not names.is_known(names.name_of(kind)):
            missing.append(names.name_of(kind))
    assert not missing, f"add to KINDS of rheobase.io.names: {sorted(set(missing))}"


def inside(hint):
    """The classes that an annotation names."""
    if inspect.isclass(hint):
        return {hint}
    return set().union(*map(inside, get_args(hint)))


def test_what_a_class_holds_can_be_in_files():
    """Else a state that can be saved today could not be tomorrow."""
    missing = set()
    for module, listed in names.KINDS.items():
        for name in listed.split():
            kind = names.found(f"{module}.{name}")
            held = [] if issubclass(kind, enum.Enum) else hints(kind).values()
            for one in set().union(*map(inside, held)):
                full = names.name_of(one)
                if names.is_ours(full) and is_data(one) and not names.is_known(full):
                    missing.add(full)
    assert not missing, f"add to KINDS of rheobase.io.names: {sorted(missing)}"


def test_the_tables_of_names_are_true():
    for module, listed in (names.KINDS | names.FUNCTIONS).items():
        assert listed.split() == sorted(listed.split()), module
        for name in listed.split():
            assert names.name_of(names.found(f"{module}.{name}")) == f"{module}.{name}"
    assert all(map(names.is_known, names.MOVED)) and not set(names.MOVED) & set(
        names.MOVED.values()
    )


@pytest.mark.filterwarnings("ignore")
def test_old_files_do_not_know_what_made_them():
    runs = from_archive(ARCHIVE / "811e802-runs.xz")
    made = runs["neuron"].provenance
    assert made.versions == {} and made.dt is None and made.precision == "float32"
    assert runs["noise"].provenance.key is not None


def test_an_old_state_goes_on_where_its_dt_is_said():
    """Of a run of the first version, from before a state knew its dt."""
    states = from_archive(ARCHIVE / "811e802-runs.xz")
    neuron = rb.Refractory(rb.AdEx(), 2 * ms)
    with pytest.raises(StepperError, match=r"Write state=state.at\(dt="):
        rb.simulate(neuron, duration=1 * ms, dt=0.1 * ms, state=states["state"])
    state = states["state"].at(dt=0.1 * ms)
    run = rb.simulate(neuron, duration=1 * ms, dt=0.1 * ms, state=state)
    assert run.steps == 10 and run.t[0] == pytest.approx(4.1)
    network = states["network"].at(dt=0.1 * ms)
    run = rb.simulate(recipes.plastic(), duration=1 * ms, dt=0.1 * ms, state=network)
    assert run["e"].t[0] == pytest.approx(4.1)


# What is written into a header: names that must not be looked up, and values of wrong kinds.
POISON = [
    "os.system", "builtins.exec", "rheobase.cli.main", "rheobase.train.checkpoint.write",
    "rheobase.io.models.__builtins__", "rheobase.neurons.leaky.LIF", "rheobase.record.RunState",
    "rheobase.neurons.leaky.VoltageState", "rheobase.train.losses.van_rossum", "subprocess.Popen",
    "module", "named", "object", "enum", "array", "0x1p+9999", "float32", "object", "9" * 30,
    "1/0", "", "\0", "nan", None, True, 0, -1, 1.5, 2**31, 10**12, 10**40, [], {}, [[[[]]]],
    {"named": "rheobase.cli.main", "fields": {"arguments": ["list"]}}, {"object": "os.system"},
    {"module": "rheobase.network.network.Network", "fields": {}}, {"array": 10**9},
    {"unit": {"factors": [], "dimension": ["0"] * 6, "ten": "9" * 20, "factor": "1"}},
]  # fmt: skip


def places(tree, found):
    """Every place of a tree of JSON: its container and the key there."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        found.append((tree, key))
        if isinstance(tree[key], dict | list):
            places(tree[key], found)
    return found


def mutated(header, draw):
    """A header with one to three places changed: replaced, swapped, dropped, renamed or doubled."""
    tree = json.loads(header)
    for _ in range(draw.randint(1, 3)):
        found = places(tree, [])
        (one, key), (two, other) = draw.choice(found), draw.choice(found)
        kind = draw.randrange(6)
        if kind < 2:
            one[key] = draw.choice(POISON)
        elif kind == 2 and isinstance(one, dict):
            one[str(draw.choice(POISON))] = one.pop(key)
        elif kind == 3:
            del one[key]
        elif kind == 4:
            one[key] = json.loads(json.dumps(two[other]))
        elif type(one[key]) is int:
            one[key] = one[key] * draw.choice([-1, 2, 10**9]) + draw.choice([-1, 0, 1])
        if not isinstance(tree, dict):
            break
    text = json.dumps(tree).encode()
    if draw.random() < 0.2:
        place = draw.randrange(len(text))
        text = text[:place] + bytes([draw.randrange(256)]) + text[place + 1 :]
    return text


def with_header(content, header, shift):
    """A file of this header with a right checksum; the length of the header is off by `shift`."""
    body = header + content[60 + int.from_bytes(content[20:28], "little") :]
    head = content[:12] + (60 + len(body)).to_bytes(8, "little")
    head += max(0, len(header) + shift).to_bytes(8, "little")
    return head + hashlib.sha256(head + body).digest() + body


SAMPLES = {
    "neuron": lambda: rb.Refractory(rb.AdEx(), 2 * ms),
    "layers": recipes.layers()["recurrent"],
    "network": recipes.plastic,
    "cell": recipes.cells()["firing"],
    "run": recipes.runs()["neuron"],
    "dictionary": lambda: {"a": (1, [2.0, "text"], Onset.EDGE), "b": rb.Normal(1 * ms, 2 * ms)},
}
SENSITIVE = ("import", "exec", "compile", "open", "os.", "subprocess.", "socket.", "ctypes.")
watched: list[str] = []
watching = False


def _watch(event, args):
    if watching and event.startswith(SENSITIVE):
        watched.append(f"{event} {args[:1]!r:.80}")


sys.addaudithook(_watch)


@pytest.mark.parametrize(
    "count", [20, pytest.param(1700, marks=pytest.mark.slow)], ids=["few", "many"]
)
@pytest.mark.parametrize("sample", SAMPLES)
def test_mutated_headers_import_call_and_allocate_nothing(sample, count):
    """Ten thousand in all, the classes that a table names imported before."""
    global watching
    content = models.packed(SAMPLES[sample]())
    header = content[60 : 60 + int.from_bytes(content[20:28], "little")]
    for module in names.KINDS | names.FUNCTIONS:
        importlib.import_module(module)
    models.unpacked(content, "file")
    draw, refused = random.Random(count), 0
    files = [
        with_header(content, mutated(header, draw), draw.choice([0] * 9 + [draw.randint(-9, 9)]))
        for _ in range(count)
    ]
    watched.clear()
    tracemalloc.start()
    try:
        for file in files:
            tracemalloc.reset_peak()
            before, watching = tracemalloc.get_traced_memory()[0], True
            try:
                models.unpacked(file, "file")
            except CheckpointError:
                refused += 1
            finally:
                watching = False
            grown = tracemalloc.get_traced_memory()[1] - before
            assert grown < 40 * len(file) + 2**20, grown
    finally:
        tracemalloc.stop()
    assert watched == []
    assert refused > count / 2
