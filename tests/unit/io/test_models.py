import json
from typing import Annotated, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import rheobase as rb
from rheobase import channels
from rheobase.errors import ArgumentError, CheckpointError
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.train import checkpoint
from rheobase.units import ms, mV, nA, positive, quantity, um
from tests.registry import ADAPTORS, NEURONS, STIMULI, SURROGATES, SYNAPSES


def everything():
    yield from (row.make() for row in NEURONS.values())
    for kind in ADAPTORS.values():
        yield kind.wrap(rb.AdEx())
    yield from (make() for make in STIMULI.values())
    yield from (make() for name, make in SURROGATES.items() if name != "Custom")
    yield from (row.make() for row in SYNAPSES.values())
    yield rb.Sequential(rb.Linear(4, 6), rb.Recurrent(rb.LIF(), 6), rb.LI(), key=jax.random.key(3))
    tree = rb.morphology.ball_and_stick(length=200 * um)
    yield rb.Cell(tree, max_length=50 * um).insert(channels.Leak()).insert(channels.HH(), at="soma")
    yield rb.Network(
        {"e": rb.Population(rb.LIF(), 20)},
        [rb.Connection("e", "e", rb.FixedInDegree(3), rb.Exponential(), weight=0.5 * nA)],
        drives=[rb.Drive("e", rb.stimulus.Constant(2 * nA))],
        key=jax.random.key(0),
    )


def test_everything_comes_back_to_the_bit(tmp_path, precision):
    path = tmp_path / "model.rheobase"
    for model in everything():
        rb.save(path, model)
        again = rb.load(path)
        assert type(again) is type(model)
        assert jax.tree.structure(again) == jax.tree.structure(model)
        for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(model), strict=True):
            if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
                a, b = jax.random.key_data(a), jax.random.key_data(b)
            assert a.dtype == b.dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_what_is_loaded_runs_as_what_was_saved(tmp_path):
    neuron = rb.Refractory(rb.ThresholdAdaptation(rb.GLIF(), 50 * ms, 2 * mV), 2 * ms)
    rb.save(tmp_path / "m", neuron)
    runs = [
        rb.simulate(n, current=1.6 * nA, duration=100 * ms, dt=0.1 * ms, record="v")
        for n in (neuron, rb.load(tmp_path / "m"))
    ]
    assert runs[0].spikes.sum() > 0
    np.testing.assert_array_equal(runs[0].v, runs[1].v)


def test_the_file_says_units_and_version(tmp_path):
    rb.save(tmp_path / "m", rb.LIF(tau=12 * ms))
    content = checkpoint.read(tmp_path / "m")
    places = {
        leaf["path"]: about
        for leaf, about in zip(content.leaves, content.notes["arrays"], strict=True)
    }
    assert places[".tau"] == {"kind": "jax", "unit": "ms"}
    assert places[".v_th"]["unit"] == "mV"
    assert content.notes["library"] == rb.__version__ and content.notes["version"] == 1
    # The weights of a training run and a model share the layout, so the other reader takes it too.
    assert rb.train.load(tmp_path / "m", rb.LIF()).tau == 12


def test_shared_arrays_are_stored_once(tmp_path):
    neuron = rb.LIF()
    rb.save(tmp_path / "m", (neuron, neuron))
    assert len(checkpoint.read(tmp_path / "m").leaves) == 5
    one, two = rb.load(tmp_path / "m")
    assert one.tau is two.tau


class Own(NamedTuple):
    v: Annotated[Array, mV]


class OwnNeuron(rb.AbstractNeuron):
    tau: Array = quantity(ms, positive, "time constant", default=5 * ms)
    spike: AbstractSurrogate = FastSigmoid()

    def init(self):
        return Own(0 * self.tau)

    def derivative(self, state, current):
        return Own(-state.v / self.tau)

    def margin(self, state):
        return state.v

    def reset(self, state):
        return state


def test_a_class_of_the_user_is_handed_in(tmp_path):
    rb.save(tmp_path / "m", rb.Refractory(OwnNeuron(), 2 * ms))
    with pytest.raises(CheckpointError, match=r"holds a OwnNeuron.*classes=\[OwnNeuron\]"):
        rb.load(tmp_path / "m")
    assert eqx.tree_equal(rb.load(tmp_path / "m", [OwnNeuron]).neuron, OwnNeuron())


def test_what_has_no_place_in_a_file_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"model\['f'\] is .*<lambda>.*no place in a file"):
        rb.save(tmp_path / "m", {"f": lambda x: x})
    assert list(tmp_path.iterdir()) == []
    run = rb.simulate(rb.LIF(), duration=1 * ms, dt=0.1 * ms)
    for model in (rb.LIF(), run.final, {"a": 1}):
        with pytest.raises(ArgumentError, match=r"Write rb.save\(.*, model\), the path first"):
            rb.save(model, tmp_path / "m")
    with pytest.raises(ArgumentError, match=r"name of a file, got a LIF neuron. Write rb.load\("):
        rb.load(rb.LIF())
    with pytest.raises(CheckpointError, match="is a folder"):
        rb.load(".")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        rb.save(tmp_path, rb.LIF())


def rewritten(path, change):
    content = checkpoint.read(path)
    notes = json.loads(json.dumps(content.notes))
    change(notes)
    named = [(leaf["path"], a) for leaf, a in zip(content.leaves, content.arrays(), strict=True)]
    checkpoint.write(path, named, notes)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda n: n.update(version=9), "by version 9, and this library reads 1. Read it with"),
        (lambda n: n["model"]["fields"].pop("tau"), "differs from that of rheobase .* in tau"),
        (
            lambda n: n["model"].update(module="rheobase.neurons.leaky.Gone"),
            "no class of this libr",
        ),
        (lambda n: n["model"].update(module="os.system"), "not of this library"),
    ],
)
def test_files_of_other_versions_are_refused(tmp_path, change, message):
    rb.save(tmp_path / "m", rb.LIF())
    rewritten(tmp_path / "m", change)
    with pytest.raises(CheckpointError, match=message):
        rb.load(tmp_path / "m")


def test_files_that_are_damaged_are_refused(tmp_path):
    path = tmp_path / "m"
    with pytest.raises(CheckpointError, match="there is no file"):
        rb.load(path)
    rb.save(path, rb.LIF())
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(CheckpointError, match="cut short"):
        rb.load(path)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="damaged"):
        rb.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(CheckpointError, match="begins with"):
        rb.load(path)


def test_weights_alone_are_no_model(tmp_path):
    rb.train.save(tmp_path / "m", rb.LIF())
    assert not rb.io.is_model(tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"arrays alone.*rb\.train\.load\(path, model\)"):
        rb.load(tmp_path / "m")


def test_double_precision_is_not_halved_in_silence(tmp_path):
    with jax.enable_x64(True):
        rb.save(tmp_path / "m", rb.LIF())
    with pytest.raises(CheckpointError, match="double precision.*jax_enable_x64"):
        rb.load(tmp_path / "m")
