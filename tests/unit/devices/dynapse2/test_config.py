"""From weights to the configuration and back: nothing is lost on the way."""

import json

import jax
import numpy as np
import pytest

from rheobase.devices import dynapse2 as d2
from rheobase.devices.dynapse2 import layout
from rheobase.devices.dynapse2.cores import assign
from rheobase.devices.dynapse2.quantise import currents
from rheobase.errors import ArgumentError, CheckpointError, ParameterError, UnknownName
from rheobase.units import A, nA, pA, pF


def sparse(n, n_in=8, fan_in=20, n_out=4, seed=0, kinds=True, **neuron):
    """A random network in which every neuron hears `fan_in` others."""
    rng = np.random.default_rng(seed)
    weight = np.zeros((n, n))
    for j in range(n):
        weight[rng.choice(n, fan_in, replace=False), j] = rng.normal(0, 2, fan_in)
    more = {
        "slow": rng.uniform(size=(n, n)) < 0.3,
        "delay": rng.integers(0, 3, (n, n)),
        "depressing": rng.uniform(size=(n, n)) < 0.2,
    }
    inputs = rng.normal(0, 2, (n_in, n)) * (rng.uniform(size=(n_in, n)) < 0.5)
    return d2.Network(
        n_out=n_out, neuron=d2.Neuron(**neuron), inputs=d2.Projection(inputs.astype(np.float32)),
        synapses=d2.Projection(weight.astype(np.float32), **(more if kinds else {})),
    )  # fmt: skip


@pytest.mark.parametrize("n", [30, 300, pytest.param(1100, marks=pytest.mark.slow)])
def test_the_configured_network_is_the_quantised_one(n):
    spec = d2.place(d2.quantise(sparse(n)))
    config = d2.Config.from_placement(spec)
    twin, here = config.to_network(), spec.network
    for name in ("inputs", "synapses"):
        there, mine = getattr(twin, name), getattr(here, name)
        np.testing.assert_array_equal(there.weight, mine.weight)
        alive = np.asarray(mine.weight) != 0
        for kind in ("slow", "delay", "depressing"):
            if getattr(mine, kind) is not None:
                np.testing.assert_array_equal(
                    np.asarray(getattr(there, kind))[alive], np.asarray(getattr(mine, kind))[alive]
                )
    assert d2.Config.loads(config.dumps()) == config


def test_configuring_again_changes_nothing():
    """Codes, masks and sites of a network that came from a configuration are those of it."""
    first = d2.Config.from_placement(d2.place(d2.quantise(sparse(30))))
    again = d2.Config.from_placement(d2.place(d2.quantise(first.to_network())))
    before, after = (config.chips[0].cores[0].biases for config in (first, again))
    for one, two in zip(before, after, strict=True):
        if not one.name.startswith("Iw_") or one.name == "Iw_ahp":
            assert (one.coarse, one.fine) == (two.coarse, two.fine)


def test_the_file_keeps_its_schema(tmp_path):
    config = d2.Config.from_placement(d2.place(d2.quantise(sparse(5, fan_in=3))))
    file = tmp_path / "chip.json"
    config.to_json(file)
    raw = json.loads(file.read_text())
    schema = d2.Config.schema()
    assert_fits(raw, schema, schema["$defs"])
    del raw["chips"][0]["cores"][0]["biases"][0]["fine"]
    with pytest.raises(ParameterError, match=r"biases\[0\] has no `fine`"):
        d2.Config.loads(json.dumps(raw))


def assert_fits(value, schema, known):
    """The part of JSON Schema that ours uses."""
    if "$ref" in schema:
        schema = known[schema["$ref"].rsplit("/", 1)[1]]
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
             "number": (int, float)}  # fmt: skip
    assert isinstance(value, kinds[schema["type"]])
    if schema["type"] == "object":
        assert set(value) == set(schema["required"])
        for name, item in value.items():
            assert_fits(item, schema["properties"][name], known)
    if schema["type"] == "array":
        for item in value:
            assert_fits(item, schema["items"], known)


@pytest.mark.parametrize("n, cores", [(255, 1), (256, 1), (257, 2), (511, 2), (512, 2), (513, 3)])
def test_cores_are_as_few_as_can_be_and_none_overflows(n, cores):
    core = assign(d2.Network(n_in=2, n_out=n))
    assert core.max() == cores - 1
    assert np.bincount(core).max() <= 256


def test_like_biases_share_a_core():
    kind = np.random.default_rng(0).integers(0, 3, 60)
    Itau = np.array([3.0, 6.0, 20.0])[kind]
    net = d2.Network(n_in=2, n_out=60, neuron=d2.Neuron(Itau_mem=Itau * pA))
    core = assign(net)
    assert len(np.unique(core)) == 3
    for k in range(3):
        assert len(np.unique(core[kind == k])) == 1


def test_too_many_synapses_are_pruned_by_weight():
    net = d2.Network(n_in=100, n_out=3, key=jax.random.key(1))
    spec = d2.place(d2.quantise(net))
    assert [(v.limit, v.where) for v in spec.violations] == [
        ("% of its weight pruned", f"neuron {j}") for j in range(3)
    ]
    assert {(r.kind, r.neuron) for r in spec.repairs} == {("pruned", j) for j in range(3)}
    size = np.abs(currents(net))
    kept = np.abs(currents(spec.quantised.wanted)) > 0
    for j in range(3):
        assert kept[:, j].sum() == 64
        assert size[kept[:, j], j].min() >= size[~kept[:, j], j].max()
    with pytest.raises(ParameterError, match=r"neuron 0: 14.* pruned.*spec, strict=False"):
        d2.Config.from_placement(spec)
    twin = d2.Config.from_placement(spec, strict=False).to_network()
    assert (np.asarray(twin.inputs.weight) != 0).sum(axis=0).tolist() == [64, 64, 64]
    named = d2.place(d2.quantise(net), prune=False).violations
    assert [(v.limit, v.where, v.most) for v in named] == [
        ("CAM entries", f"neuron {j}", 64) for j in range(3)
    ]
    with pytest.raises(ParameterError, match="neuron 0: .* CAM entries"):
        d2.place(d2.quantise(net), prune=False).check(strict=False)


@pytest.mark.parametrize(
    "name, value, text",
    [("Idc", 1e5, "1e\\+05 nA of Idc, at most 849"), ("Itau_mem", 1e-9, "at least 0.000234")],
)
def test_a_bias_out_of_reach_is_a_violation(name, value, text):
    one = d2.Network(n_in=3, n_out=1, neuron=d2.Neuron(**{name: value * nA}))
    spec = d2.place(one)
    assert len(spec.violations) == 1
    with pytest.raises(ParameterError, match=f"neuron 0: .*{text}"):
        spec.check()
    biases = d2.Config.from_placement(spec, strict=False).chips[0].cores[0].biases
    given = next(b.current for b in biases if b.name == name)
    low, high = (float(x.value_in(A)) for x in d2.Layout().range(name))
    assert given == pytest.approx(low if value < 1 else high)
    with pytest.raises(ParameterError, match="Write 0.2 for 20 %"):
        d2.mismatch(d2.Neuron(), 20, key=jax.random.key(0))


def test_a_neuron_with_too_many_destinations_is_split(monkeypatch):
    """An output that reaches all of four chips, and is watched, needs five entries of four."""
    monkeypatch.setattr(layout, "NEURONS_PER_CORE", 8)
    n = 4 * 4 * 8 - 2
    rng = np.random.default_rng(0)
    weight = np.zeros((n, n), np.float32)
    weight[rng.integers(0, n, 3 * n), np.repeat(np.arange(n), 3)] = 1.0
    weight[-1] = 1.0
    net = d2.Network(
        n_out=1, inputs=d2.Projection(np.zeros((1, n), np.float32)), synapses=d2.Projection(weight)
    )
    spec = d2.place(d2.quantise(net, second_entries=False))
    assert [(r.kind, r.neuron) for r in spec.repairs] == [("split", n - 1)]
    assert spec.network.n == n + 1
    assert not spec.violations
    # Together the copies reach what the neuron reached, each target once.
    rows = np.asarray(spec.network.synapses.weight) != 0
    assert np.all(rows[[-1, -2]].sum(axis=0) == 1)
    named = d2.place(d2.quantise(net, second_entries=False), split=False).violations
    assert ("SRAM entries", f"neuron {n - 1}", 5, 4) in [v[:4] for v in named]


def test_fan_out_to_several_chips_is_complete(monkeypatch):
    monkeypatch.setattr(layout, "NEURONS_PER_CORE", 8)
    spec = d2.place(d2.quantise(sparse(60, fan_in=10, kinds=False)))
    assert max(len(entries) for entries in spec.sending) == 3
    for j, entries in enumerate(spec.listening):
        for synapse in entries:
            if synapse.source < spec.network.n_in:
                continue
            sent = spec.sending[synapse.source - spec.network.n_in]
            site = spec.sites[j]
            assert any(
                e.chip == site.chip and e.cores >> site.core & 1 and e.tag == synapse.tag
                for e in sent
            )


def test_second_entries_lower_the_error():
    net = d2.Network(n_in=30, n_out=4)
    one = d2.quantise(net, second_entries=False)
    two = d2.quantise(net)
    assert two.cores[0].rms < 0.3 * one.cores[0].rms
    assert one.cores[0].rms <= 1.001 * one.cores[0].rms_uniform


def test_the_grid_in_the_loop_is_the_grid():
    net = d2.Network(n_in=10, n_out=3, recurrent=True)
    quantised = d2.quantise(net, second_entries=False)
    rounded = d2.on_grid(net, quantised)
    np.testing.assert_allclose(
        rounded.inputs.weight, quantised.network.inputs.weight, rtol=1e-5, atol=1e-6
    )
    gradient = jax.grad(lambda w: d2.on_grid(replaced(net, w), quantised).inputs.weight.sum())(
        net.inputs.weight
    )
    np.testing.assert_array_equal(gradient, np.ones_like(gradient))


def replaced(net, weight):
    return d2.Network(n_out=net.n_out, inputs=d2.Projection(weight), synapses=net.synapses)


def test_errors_teach():
    with pytest.raises(ArgumentError, match="d2.quantise"):
        d2.quantise(3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="d2.place"):
        d2.place(3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ParameterError, match="no JSON"):
        d2.Config.loads("{")
    with pytest.raises(ParameterError, match="format"):
        d2.Config.loads("{}")
    with pytest.raises(CheckpointError, match="'nope' is no configuration.*No such file"):
        d2.Config.from_json("nope")
    with pytest.raises(ArgumentError, match="from_json"):
        d2.Config.loads(None)
    net = d2.Network(n_in=3, n_out=2, neuron=d2.Neuron(C_mem=[3, 4] * pF))
    with pytest.raises(ParameterError, match="C_mem"):
        d2.Config.from_placement(d2.place(d2.quantise(net)))
    config = d2.Config.from_placement(d2.place(d2.quantise(d2.Network(n_in=3, n_out=2))))
    raw = json.loads(config.dumps()) | {"chops": 1}
    with pytest.raises(UnknownName, match="chips"):
        d2.Config.loads(json.dumps(raw))
