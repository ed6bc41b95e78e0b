"""NIR: there and back to the bit, and the published graphs."""

import os
from pathlib import Path

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, CheckpointError, UnknownName
from rheobase.units import MOhm, ms, mV, nF

nir = pytest.importorskip("nir")

DATA = Path(os.environ.get("RHEOBASE_DATA", "")) / "nir"
needs_data = pytest.mark.skipif(
    "RHEOBASE_DATA" not in os.environ or not DATA.exists(), reason="RHEOBASE_DATA has no nir"
)


def spread(low, high, n):
    return np.random.default_rng(n).uniform(low, high, n)


MODELS = {
    "LIF": lambda: rb.Sequential(
        rb.Linear(5, 7), rb.LIF(), rb.Linear(7, 3, bias=False), rb.LI(tau=13.7 * ms)
    ),
    "spread": lambda: rb.Sequential(
        rb.Linear(5, 7, key=jax.random.key(1), scale=9.0),
        rb.LIF(tau=spread(5, 30, 7) * ms, v_th=spread(-52, -47, 7) * mV, R=spread(3, 9, 7) * MOhm,
               v_rest=spread(-66, -64, 7) * mV, v_reset=spread(-66, -64, 7) * mV),
        rb.Linear(7, 4), rb.IF(C=0.3 * nF), dt=0.3 * ms, stepper=rb.Euler(),
    ),
    "recurrent": lambda: rb.Sequential(
        rb.Linear(5, 6), rb.Recurrent(rb.LIF(), 6), rb.Linear(6, 4), rb.Recurrent(rb.CubaLIF(), 4),
        dt=0.7 * ms,
    ),
    "adapted": lambda: rb.Sequential(
        rb.Linear(5, 6), rb.Refractory(rb.SoftReset(rb.LIF(v_reset=-66 * mV)), 3 * ms),
        rb.Linear(6, 2), rb.CubaLIF(tau_syn=3.3 * ms), stepper=rb.Exact(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back_to_the_bit(name, tmp_path):
    model = MODELS[name]()
    rb.io.write_nir(model, tmp_path / "a.nir", strict=name != "adapted")
    again = rb.io.read_nir(tmp_path / "a.nir")
    one, two = jax.tree.leaves(model), jax.tree.leaves(again)
    for a, b in zip(one, two, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_array_equal(a, b)
    x = 3 * np.random.default_rng(1).uniform(size=(60, 2, 5)).astype(np.float32)
    with jax.numpy_rank_promotion("allow"):  # one parameter a neuron, beside a batch
        np.testing.assert_array_equal(model(x), again(x))
        assert model.activity(x)[0].spikes.sum() > 0
    assert [type(r) for r in again.layers] == [type(r) for r in model.layers]


def test_others_can_read_it(tmp_path):
    """The file holds SI units and the orientation of NIR, and passes the checks of its package."""
    model = MODELS["recurrent"]()
    rb.io.write_nir(model, tmp_path / "a.nir")
    graph = nir.read(tmp_path / "a.nir")
    np.testing.assert_allclose(graph.nodes["1"].tau, 0.01, rtol=1e-6)
    np.testing.assert_allclose(graph.nodes["1"].v_threshold, -0.05, rtol=1e-6)
    np.testing.assert_allclose(graph.nodes["0"].weight.T * 1e9, model.layers[0].weight, rtol=1e-6)
    np.testing.assert_allclose(graph.nodes["3"].w_in, 5 / 0.7, rtol=1e-6)
    assert ("1", "1_recurrent") in graph.edges and ("1_recurrent", "1") in graph.edges


@pytest.mark.parametrize("neuron", [rb.AdEx, rb.ALIF, lambda: rb.SoftReset(rb.LIF()),
                                    lambda: rb.Refractory(rb.LIF(), 2 * ms)])  # fmt: skip
def test_what_nir_cannot_say_is_refused(neuron, tmp_path):
    with pytest.raises(ArgumentError, match="layer 1"):
        rb.io.write_nir(rb.Sequential(rb.Linear(2, 3), neuron()), tmp_path / "a.nir")


def foreign(path, *nodes, edges=None):
    names = [str(i) for i in range(len(nodes))]
    n_in, n_out = nodes[0].weight.shape[1], len(nodes[-1].v_threshold)
    ends = {
        "input": nir.Input(input_type={"input": np.array([n_in])}),
        "output": nir.Output(output_type={"output": np.array([n_out])}),
    }
    chain = ["input", *names, "output"]
    edges = list(zip(chain[:-1], chain[1:], strict=True)) + (edges or [])
    nir.write(path, nir.NIRGraph(ends | dict(zip(names, nodes, strict=True)), edges))


def lif(n, **more):
    return nir.LIF(tau=np.full(n, 0.01), r=np.ones(n), v_leak=np.zeros(n), v_threshold=np.ones(n),
                   **more)  # fmt: skip


def test_a_foreign_graph_needs_a_convention(tmp_path):
    foreign(tmp_path / "a.nir", nir.Linear(weight=np.ones((2, 3))), lif(2))
    with pytest.raises(ArgumentError, match="how it is to be stepped"):
        rb.io.read_nir(tmp_path / "a.nir")
    with pytest.raises(UnknownName, match="snntorch"):
        rb.io.read_nir(tmp_path / "a.nir", convention="sntorch")
    model = rb.io.read_nir(tmp_path / "a.nir", convention="snntorch")
    assert model.dt == pytest.approx(0.1) and isinstance(model.layers[1], rb.SoftReset)
    assert rb.io.read_nir(tmp_path / "a.nir", strict=False).dt == 1.0


def test_scales_and_gains_go_into_the_weights(tmp_path):
    factor = np.array([2.0, 3.0])
    cuba = nir.CubaLIF(
        tau_syn=np.full(2, 0.005), tau_mem=np.full(2, 0.01), r=np.ones(2), v_leak=np.zeros(2),
        v_threshold=np.ones(2), w_in=np.full(2, 10.0),
    )  # fmt: skip
    nodes = nir.Affine(np.ones((2, 3)), np.ones(2)), nir.Scale(scale=factor), cuba
    foreign(tmp_path / "a.nir", *nodes)
    model = rb.io.read_nir(tmp_path / "a.nir", dt=1 * ms)
    # w_in = 10 where a jump of the weight is tau_syn/dt = 5
    np.testing.assert_allclose(model.layers[0].weight[0], 2e9 * factor, rtol=1e-6)
    np.testing.assert_allclose(model.layers[0].bias, 2e9 * factor, rtol=1e-6)


def test_branches_and_strange_nodes_are_named(tmp_path):
    strange = nir.Threshold(threshold=np.ones(2))
    foreign(tmp_path / "a.nir", nir.Linear(weight=np.ones((2, 3))), strange, lif(2))
    with pytest.raises(ArgumentError, match="'1' is a Threshold"):
        rb.io.read_nir(tmp_path / "a.nir", dt=1 * ms)
    nodes = nir.Linear(weight=np.ones((2, 3))), lif(2), nir.Linear(weight=np.ones((2, 2))), lif(2)
    foreign(tmp_path / "b.nir", *nodes, edges=[("0", "3")])
    with pytest.raises(ArgumentError, match="'0' of the NIR graph goes on to"):
        rb.io.read_nir(tmp_path / "b.nir", dt=1 * ms)
    (tmp_path / "c.nir").write_text("no")
    with pytest.raises(CheckpointError, match="no NIR file"):
        rb.io.read_nir(tmp_path / "c.nir")


@needs_data
@pytest.mark.parametrize("who", ["norse", "exact"])
def test_the_published_neuron_does_what_was_recorded(who):
    """lif_norse.csv is Euler and v <- v_reset, lif_exact.csv the exact flow and subtraction."""
    events, v, spikes = np.loadtxt(DATA / f"lif_{who}.csv", delimiter=",").T
    convention = {"norse": "norse", "exact": "rockpool"}[who]
    model = rb.io.read_nir(DATA / "lif_norse.nir", convention=convention, dt=0.1 * ms)
    assert float(model.layers[1].v_reset if who == "norse" else 0) == 0
    (run,) = model.activity(events.astype(np.float32)[:, None, None], record=("v",))
    np.testing.assert_array_equal(run.spikes[:, 0, 0], spikes)
    assert spikes.sum() == 4
    # The exact one resets inside the step of a spike, we at its end: the same until the first.
    first = int(np.argmax(spikes)) if who == "exact" else len(v)
    alike = np.flatnonzero(spikes[:first] == 0)
    np.testing.assert_allclose(run.v[alike, 0, 0] / 1000, v[alike], atol=2e-6)
