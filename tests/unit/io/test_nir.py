"""NIR: there and back to the bit, and the published graphs."""

import os
from fractions import Fraction
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
        rb.Linear(7, 4), rb.IF(C=0.03 * nF), dt=0.3 * ms, stepper=rb.Euler(),
    ),
    "recurrent": lambda: rb.Sequential(
        rb.Linear(5, 6), rb.Recurrent(rb.LIF(), 6), rb.Linear(6, 4), rb.Recurrent(rb.CubaLIF(), 4),
        dt=0.7 * ms,
    ),
    "delays of axons": lambda: rb.Sequential(
        rb.Linear(5, 6, delays=rb.Delays(5 * ms, per="axon")),
        rb.Recurrent(rb.LIF(), 6, delays=rb.Delays(4 * ms, per="axon")),
        rb.Delay(6, rb.Delays(3 * ms)), rb.Linear(6, 2), rb.CubaLI(),
    ),
    "a membrane between": lambda: rb.Sequential(
        rb.Linear(5, 6), rb.LI(), rb.Threshold(1.2 * mV), rb.Linear(6, 6), rb.Integrator(),
        rb.Linear(6, 3), rb.LIF(), rb.CubaLIF(),
    ),
    "past some": lambda: rb.Sequential(
        rb.Linear(5, 6), rb.LIF(), rb.Linear(6, 6), rb.LIF(), rb.Skip(2), rb.Linear(6, 2), rb.LI()
    ),
    "adapted": lambda: rb.Sequential(
        rb.Linear(5, 6, density=0.5), rb.Refractory(rb.SoftReset(rb.LIF(v_reset=-66 * mV)), 3 * ms),
        rb.Dropout(0.3), rb.Linear(6, 2), rb.CubaLIF(tau_syn=3.3 * ms), stepper=rb.Exact(),
    ),
    "the block of the issue": lambda: rb.Sequential(
        rb.Linear(5, 8), rb.Recurrent(rb.ALIF(), 8, delays=rb.Delays(max=3 * ms)),
        rb.Linear(8, 3), rb.AdEx(), rb.Linear(3, 2), rb.LI(tau=20 * ms),
    ),
    "pictures": lambda: rb.Sequential(
        rb.Conv2d(1, 3, (3, 2), padding="same", stride=(1, 2)), rb.LIF(), rb.Pool(2, "mean"),
        rb.Conv2d(3, 3, 2, groups=3, bias=False, dilation=2, padding=1), rb.LIF(),
        rb.Pool(2, stride=1), rb.Pool(2, "max"), rb.Flatten(), rb.Linear(6, 2), rb.LI(),
    ),
    "without a node": lambda: rb.Sequential(
        rb.Linear(5, 6), rb.BatchNorm(6), rb.Quantised(rb.Recurrent(rb.LIF(), 6), 3),
        rb.Graph(
            {"a": rb.LI(), "b": rb.ALIF()},
            {("input", "a"): rb.Linear(6, 4), ("a", "b"): rb.Linear(4, 3)},
            feedback={("b", "a"): rb.Linear(3, 4)}, output="a",
        ),
        rb.Linear(4, 2), rb.LI(),
    ),
    "a line": lambda: rb.Sequential(
        rb.Conv1d(1, 2, 3, stride=2, padding=1), rb.LIF(), rb.Flatten(), rb.Linear(6, 2), rb.LI()
    ),
}  # fmt: skip
PICTURE = {"pictures": (1, 8, 20), "a line": (1, 5)}
LOST = ("adapted", "the block of the issue", "pictures", "without a node")


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back_to_the_bit(name, tmp_path):
    model = MODELS[name]()
    shape = PICTURE.get(name)
    lost = rb.io.write_nir(model, tmp_path / "a.nir", strict=name not in LOST, shape=shape)
    assert bool(lost) == (name in LOST)
    nir.read(tmp_path / "a.nir")
    again = rb.io.read_nir(tmp_path / "a.nir")
    one, two = jax.tree.leaves(model), jax.tree.leaves(again)
    for a, b in zip(one, two, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype and np.shape(a) == np.shape(b)
        np.testing.assert_array_equal(a, b)
    x = (60 if shape else 3) * np.random.default_rng(1).uniform(
        size=(40, 2, *(shape or (5,)))
    ).astype(np.float32)
    with jax.numpy_rank_promotion("allow"):  # one parameter a neuron, beside a batch
        np.testing.assert_array_equal(model(x), again(x))
        assert name in ("recurrent", "a membrane between") or np.ptp(model(x)) > 0
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


def chain_of(node, path):
    """A graph of one population, in a file."""
    ends = np.array(np.shape(node.v_threshold))
    graph = nir.NIRGraph(
        {
            "input": nir.Input(input_type={"input": ends}),
            "n": node,
            "output": nir.Output(output_type={"output": ends}),
        },
        [("input", "n"), ("n", "output")],
    )
    nir.write(path, graph)
    return path


def one(kind, library):
    """A node of one neuron, as the importer of a library takes it, with v_threshold 1."""
    dt = rb.io.nir.CONVENTIONS[library].dt
    plain = library in ("sinabs", "snntorch", "norse")
    ends = {"v_threshold": np.ones(1), "v_reset": np.zeros(1)}
    if kind == "IF":
        return nir.IF(r=np.ones(1) / (1 if plain else dt), **ends)
    tau = np.full(1, 10 * dt)
    r = {"norse": 1, "rockpool": 9, "sinabs": 1}.get(library, 10) * np.ones(1)
    if kind == "LIF":
        return nir.LIF(tau=tau, r=r, v_leak=np.zeros(1), **ends)
    r = np.ones(1) if library == "norse" else r
    return nir.CubaLIF(tau_syn=tau, tau_mem=tau, r=r, v_leak=np.zeros(1), w_in=tau / dt, **ends)


def summing(x, steps, *, subtract):
    """V <- V + x without rounding, and a spike where V > 1."""
    v, found = Fraction(0), []
    for _ in range(steps):
        v = v + Fraction(str(x))
        found.append(int(v > 1))
        v = (v - found[-1]) if subtract else (v * (1 - found[-1]))
    return found


@pytest.mark.parametrize("x", [1.5, 0.3, 0.25, 0.5, 0.7])
def test_if_of_norse_and_snntorch_adds_its_input(x, tmp_path):
    """Whatever dt is: Norse resets to 0, snnTorch subtracts the threshold."""
    path = chain_of(one("IF", "norse"), tmp_path / "g.nir")
    for library in ("norse", "snntorch"):
        model = rb.io.read_nir(path, convention=library)
        found = np.asarray(model(np.full((12, 1, 1), x, np.float32)))[:, 0, 0].astype(int).tolist()
        assert found == summing(x, 12, subtract=library == "snntorch")
    told = {1.5: "1" * 12, 0.3: "000100100010"}
    assert x not in told or "".join(map(str, found)) == told[x]
    with pytest.raises(ArgumentError, match="an IF of snnTorch has r = 1, got 2"):
        node = nir.IF(r=np.full(1, 2.0), v_threshold=np.ones(1), v_reset=np.zeros(1))
        rb.io.read_nir(chain_of(node, tmp_path / "h.nir"), convention="snntorch")


PAIRS = [(library, kind) for library in rb.io.nir.CONVENTIONS for kind in ("IF", "LIF", "CubaLIF")]


@pytest.mark.parametrize(("library", "kind"), PAIRS)
def test_every_population_of_every_convention_fires(library, kind, tmp_path):
    """A strong input fires it, and none does not."""
    model = rb.io.read_nir(chain_of(one(kind, library), tmp_path / "g.nir"), convention=library)
    strong = 12.0 if library == "norse" else 1.5
    assert 2 <= np.asarray(model(np.full((40, 1, 1), strong, np.float32))).sum() <= 40
    assert np.asarray(model(np.zeros((40, 1, 1), np.float32))).sum() == 0


@pytest.mark.parametrize("kernel, stride", [(4, 2), (3, 2), (2, 3), ((4, 3), (2, 1))])
def test_padding_of_even_kernels_with_a_stride(kernel, stride, tmp_path):
    model = rb.Sequential(rb.Conv2d(1, 2, kernel, stride=stride, padding="same"), rb.LIF())
    rb.io.write_nir(model, tmp_path / "a.nir", shape=(1, 8, 9), strict=True)
    graph = nir.read(tmp_path / "a.nir")
    again = rb.io.read_nir(tmp_path / "a.nir")
    x = 90 * np.random.default_rng(0).normal(size=(5, 1, 1, 8, 9)).astype(np.float32)
    np.testing.assert_array_equal(model(x), again(x))
    assert again.layers[0].weight.shape == model.layers[0].weight.shape
    # As another library convolves: symmetric zeros around the picture.
    node = graph.nodes["0"]
    sides = [(int(p), int(p)) for p in node.padding]
    got = jax.lax.conv_general_dilated(
        x[0], np.float32(node.weight * 1e9), [int(s) for s in node.stride], sides
    )
    bare, bias = rb.Sequential(model.layers[0]), np.asarray(model.layers[0].bias)
    np.testing.assert_allclose(got, np.asarray(bare(x))[0] - bias[:, None, None], atol=1e-3)


def test_what_nir_cannot_read_is_not_left_behind(tmp_path, monkeypatch):
    path = tmp_path / "a.nir"
    rb.io.write_nir(MODELS["LIF"](), path)
    before = path.read_bytes()

    def refused(path):
        raise ValueError("Type inference error")

    monkeypatch.setattr(nir, "read", refused)
    with pytest.raises(ArgumentError, match="no library reads.*Type inference"):
        rb.io.write_nir(MODELS["recurrent"](), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1
    monkeypatch.undo()
    with pytest.raises(ArgumentError, match="takes an rb.Sequential or an rb.Network, got a LIF"):
        rb.io.write_nir(rb.LIF(), path)


@pytest.mark.parametrize("neuron", [rb.AdEx, rb.ALIF, lambda: rb.SoftReset(rb.LIF()),
                                    lambda: rb.Refractory(rb.LIF(), 2 * ms)])  # fmt: skip
def test_what_nir_cannot_say_is_refused(neuron, tmp_path):
    with pytest.raises(ArgumentError, match="layer 1"):
        model = rb.Sequential(rb.Linear(2, 3), neuron())
        rb.io.write_nir(model, tmp_path / "a.nir", strict=True)


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
    assert model.dt == pytest.approx(0.1) and isinstance(model.layers[1], rb.LIF)
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
    # w_in = 10 where a jump of the weight is tau_syn/dt = 5; the rest is the scale.
    np.testing.assert_allclose(model.layers[0].weight[0], 1e9, rtol=1e-6)
    np.testing.assert_allclose(model.layers[1].R, 2e-6 * factor, rtol=1e-6)


def test_a_node_that_was_changed_is_read_as_it_is(tmp_path):
    model = rb.Sequential(rb.Linear(2, 3), rb.LIF(spike=rb.surrogate.Triangle()))
    rb.io.write_nir(model, tmp_path / "a.nir")
    assert isinstance(rb.io.read_nir(tmp_path / "a.nir").layers[1].spike, rb.surrogate.Triangle)
    graph = nir.read(tmp_path / "a.nir")
    graph.nodes["1"].tau = graph.nodes["1"].tau * 2
    nir.write(tmp_path / "b.nir", graph)
    np.testing.assert_allclose(rb.io.read_nir(tmp_path / "b.nir").layers[1].tau, 20, rtol=1e-6)


def test_branches_are_named(tmp_path):
    nodes = nir.Linear(weight=np.ones((2, 3))), lif(2), nir.Linear(weight=np.ones((2, 2))), lif(2)
    foreign(tmp_path / "b.nir", *nodes, edges=[("3", "2")])
    with pytest.raises(ArgumentError, match="runs in a circle among 2"):
        rb.io.read_nir(tmp_path / "b.nir", dt=1 * ms)
    (tmp_path / "c.nir").write_text("no")
    with pytest.raises(CheckpointError, match="no NIR file"):
        rb.io.read_nir(tmp_path / "c.nir")


@needs_data
@pytest.mark.parametrize("who", ["norse", "exact"])
def test_the_published_neuron_does_what_was_recorded(who):
    """lif_norse.csv is Euler and v <- v_reset, lif_exact.csv the exact flow and subtraction."""
    events, v, spikes = np.loadtxt(DATA / f"lif_{who}.csv", delimiter=",").T
    model = rb.io.read_nir(DATA / "lif_norse.nir", convention="norse", dt=0.1 * ms)
    assert float(model.layers[1].v_reset) == 0
    if who == "exact":
        linear, neuron = model.layers
        softly = rb.SoftReset(neuron)
        model = rb.Sequential(linear, softly, dt=0.1 * ms, stepper=rb.ExponentialEuler())
    (run,) = model.activity(events.astype(np.float32)[:, None, None], record=("v",))
    np.testing.assert_array_equal(run.spikes[:, 0, 0], spikes)
    assert spikes.sum() == 4
    # The exact one resets inside the step of a spike, we at its end: the same until the first.
    first = int(np.argmax(spikes)) if who == "exact" else len(v)
    alike = np.flatnonzero(spikes[:first] == 0)
    np.testing.assert_allclose(run.v[alike, 0, 0] / 1000, v[alike], atol=2e-6)


@needs_data
def test_the_published_convolutional_network_loads():
    """cnn_sinabs.nir: its layers, and the first one against a sum by hand."""
    model = rb.io.read_nir(DATA / "cnn_sinabs.nir", convention="sinabs")
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds[:5] == ["Conv2d", "SoftReset", "Conv2d", "SoftReset", "Pool"]
    x = (np.random.default_rng(0).uniform(size=(6, 1, 2, 34, 34)) < 0.1).astype(np.float32)
    assert model(x).shape == (6, 1, 10)
    graph = nir.read(DATA / "cnn_sinabs.nir", type_check=False)
    w, first = graph.nodes["0"].weight, model.layers[0]
    padded = np.pad(x[0, 0], ((0, 0), (1, 1), (1, 1)))
    by_hand = sum(
        w[:, i, r, c, None, None] * padded[i, r : r + 31 : 2, c : c + 31 : 2]
        for i in range(2) for r in range(5) for c in range(5)
    )  # fmt: skip
    found = first.advance(x[:1], None, 1.0, None)[0][0, 0]
    np.testing.assert_allclose(found / 1e9, by_hand, atol=1e-5)
