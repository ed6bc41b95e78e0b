"""A `Graph` is what a `Sequential` or a `Recurrent` says where both can say it, cycles included."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import rheobase as rb
from rheobase import population
from rheobase.errors import ArgumentError, ShapeError, UnknownName
from rheobase.population import Setting, received
from rheobase.step import step
from rheobase.train import circuit
from rheobase.train.layers import advance, begin
from rheobase.units import ms, nA

X = jnp.asarray(np.random.default_rng(0).uniform(0, 4, (40, 3, 5)), "float32")
KEY = jax.random.key(3)


def linear(n_in, n_out, number, size=1.5, **more):
    return rb.Linear(n_in, n_out, key=jax.random.fold_in(KEY, number), scale=size, **more)


def gradient(model, x=X):
    weights = jnp.linspace(0.5, 1.5, len(x))[:, None, None]
    return eqx.filter_grad(lambda m: jnp.sum(weights.astype(x.dtype) * m(x)))(model)


def assert_same(one, two, exact=True):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * max(np.abs(b).max(), 1e-30))


def test_a_chain_is_a_sequential():
    first, second = linear(5, 8, 0), linear(8, 2, 1)
    chain = rb.Sequential(first, rb.ALIF(), second, rb.LI())
    graph = rb.Sequential(
        rb.Graph(
            {"hidden": rb.ALIF(), "out": rb.LI()},
            {("input", "hidden"): first, ("hidden", "out"): second},
            output="out",
        )
    )
    assert chain.activity(X)[0].spikes.any()
    np.testing.assert_array_equal(graph(X), chain(X))
    one, two = gradient(graph).layers[0], gradient(chain).layers
    assert_same((one.layers, one.neurons), ((two[0], two[2]), (two[1], two[3])))


def recurrent_pair(density=1.0):
    back = linear(8, 8, 2, bias=False, density=density)
    layer = rb.Recurrent(rb.LIF(), 8, key=KEY, density=density, damping=1.0)
    layer = eqx.tree_at(lambda r: r.weight, layer, back.weight)
    if density < 1:
        layer = eqx.tree_at(lambda r: r.mask, layer, back.mask)
    into = linear(5, 8, 0)
    graph = rb.Graph(
        {"a": rb.LIF()}, {("input", "a"): into}, feedback={("a", "a"): back}, output="a"
    )
    return rb.Sequential(graph), rb.Sequential(into, layer)


@pytest.mark.parametrize("density", [pytest.param(1.0, marks=pytest.mark.slow), 0.4])
def test_a_population_onto_itself_is_a_recurrent(density):
    graph, recurrent = recurrent_pair(density)
    assert recurrent(X).any()
    np.testing.assert_array_equal(graph(X), recurrent(X))
    one, two = gradient(graph).layers[0], gradient(recurrent).layers
    assert_same(
        (one.layers[0].weight, one.layers[1].weight, one.neurons[0]),
        (two[0].weight, two[1].weight, two[1].neuron),
    )


@pytest.mark.slow
def test_a_loop_in_steps_is_a_recurrent_too(x64):
    """With a bias of 0 the self-connection goes through the loop of larger cycles."""
    x = X.astype("float64")
    back, into = linear(8, 8, 2, bias=False), linear(5, 8, 0)
    biased = eqx.tree_at(lambda l: l.weight, linear(8, 8, 3), back.weight)
    late = linear(8, 8, 4, bias=False)
    late = eqx.tree_at(lambda l: l.weight, late, back.weight)
    found = []
    for layer in (back, biased, rb.Quantised(late, 16)):
        graph = rb.Graph(
            {"a": rb.LIF()}, {("input", "a"): into}, feedback={("a", "a"): layer}, output="a"
        )
        found.append(rb.Sequential(graph))
    np.testing.assert_array_equal(found[1](x), found[0](x))
    one, two = gradient(found[1], x).layers[0], gradient(found[0], x).layers[0]
    assert_same(one.layers[1].weight, two.layers[1].weight, exact=False)
    assert_same(one.layers[0].weight, two.layers[0].weight, exact=False)
    assert_same(one.neurons, two.neurons, exact=False)
    assert found[2](x).shape == (40, 3, 8)


def circle(**more):
    """Three populations in cycles, one of them through a layer with delays, one outside."""
    return rb.Graph(
        {"e": rb.ALIF(), "i": rb.LIF(), "m": rb.LI(), "far": rb.LIF()},
        {
            ("input", "e"): linear(5, 8, 0), ("e", "i"): linear(8, 4, 1),
            ("e", "m"): linear(8, 3, 2), ("i", "far"): linear(4, 6, 3),
            ("input", "far"): linear(5, 6, 4),
        },
        feedback={
            ("i", "e"): linear(4, 8, 5), ("e", "e"): linear(8, 8, 6), ("m", "i"): linear(3, 4, 7),
            ("i", "i"): linear(4, 4, 8, **more), ("e", "far"): linear(8, 6, 9),
        },
        output="far",
    )  # fmt: skip


def by_hand(graph, x):
    """The equations of the graph, a step at a time, each sum as it is written."""
    stepper, dt = rb.Sequential(rb.LIF()).stepper, 1.0
    layers = dict(zip(graph.pairs, graph.layers, strict=True))
    shapes = {"e": 8, "i": 4, "m": 3, "far": 6}
    states = {
        name: population.rest(neuron, (x.shape[1], shapes[name]), x.dtype)
        for name, neuron in zip(graph.names, graph.neurons, strict=True)
    }
    before = {name: jnp.zeros((x.shape[1], n), x.dtype) for name, n in shapes.items()}

    def one(carry, now):
        states, before = carry
        after, given = {}, {"input": now}
        for name in ("e", "i", "m", "far"):
            u = sum(
                layer((before if pair.later else given)[pair.source])
                for pair, layer in layers.items()
                if pair.target == name
            )
            neuron = graph.neuron(name)
            done = step(neuron, stepper, states[name], *received(neuron, u), dt, None, False)
            after[name] = done.state
            given[name] = done.reached.v if done.spike is None else done.spike
        return (after, {name: given[name] for name in shapes}), given["far"]

    return jax.lax.scan(one, (states, before), x)[1]


def test_a_graph_with_cycles_is_its_equations(x64):
    x, graph = X.astype("float64"), circle()
    model = rb.Sequential(graph)
    expected = by_hand(graph, x)
    assert 0.02 < expected.mean() < 0.9
    np.testing.assert_array_equal(model(x), expected)
    weights = jnp.linspace(0.5, 1.5, len(x))[:, None, None]
    slope = eqx.filter_grad(lambda g: jnp.sum(weights * by_hand(g, x)))(graph)
    assert_same(gradient(model, x).layers[0], slope, exact=False)
    assert float(jnp.abs(slope.layers[7].weight).max()) > 0
    # What is in no cycle, and what enters a cycle, is one product over all steps.
    text = str(jax.make_jaxpr(model)(x))
    for width in (8, 6):
        assert f"f64[120,{width}] = mostly_zero_product" in text


@pytest.mark.slow
@pytest.mark.parametrize("delays", [None, rb.Delays(max=4 * ms)])
def test_a_run_in_stretches_is_one_run(delays):
    model = rb.Sequential(circle(delays=delays), linear(6, 2, 20), rb.LI(), key=KEY)
    carries, parts = begin(model, X), []
    for at, part in ((0, X[:13]), (13, X[13:14]), (14, X[14:])):
        done = advance(model, carries, part, None, first=at)
        carries = done.carries
        parts.append(done.output)
    np.testing.assert_array_equal(jnp.concatenate(parts), model(X))


@pytest.mark.slow
def test_checkpoints_give_the_gradient_in_full(x64):
    model = rb.Sequential(circle(), linear(6, 2, 20), rb.LI())
    batch = np.moveaxis(np.asarray(X, float), 1, 0), np.zeros(3, int)
    full, lean = (
        rb.gradients.value_and_grad(model, batch, method=rb.gradients.Surrogate(c))[1]
        for c in (False, True)
    )
    assert_same(lean, full, exact=False)


def test_recordings_noise_and_shapes():
    noisy = rb.WhiteNoise(rb.LIF(), 1 * nA * ms**0.5)
    graph = rb.Graph(
        {"a": noisy, "b": rb.LI()},
        {("input", "a"): rb.Linear(5, 8), ("a", "b"): rb.Linear(8, 2)},
        feedback={("b", "a"): rb.Linear(2, 8)},
        output="a",
    )
    model = rb.Sequential(graph, rb.Linear(8, 2), rb.LI())
    with pytest.raises(rb.errors.KeyRequired):
        model(X)
    runs = model.activity(X, KEY, record="v")
    assert [run.v.shape for run in runs] == [(40, 3, 8), (40, 3, 2), (40, 3, 2)]
    assert runs[1].raster is None and runs[0].spikes.any()
    one, again = (model(X, key) for key in (KEY, jax.random.key(4)))
    np.testing.assert_array_equal(one, model(X, KEY))
    assert (one != again).any()


@pytest.mark.slow
def test_pictures_go_around_in_circles():
    graph = rb.Graph(
        {"a": rb.LIF(), "b": rb.LIF()},
        {("input", "a"): rb.Conv2d(1, 3, 3, padding="same"), ("a", "b"): rb.Pool(2)},
        feedback={("a", "a"): rb.Conv2d(3, 3, 3, padding="same")},
        output="b",
    )
    model = rb.Sequential(graph, rb.Flatten(), rb.Linear(48, 2), rb.LI())
    x = 5 * jnp.ones((12, 2, 1, 8, 8))
    assert model(x).shape == (12, 2, 2)
    assert float(jnp.abs(gradient(model, x).layers[0].layers[2].weight).max()) > 0


@pytest.mark.slow
def test_it_trains_and_comes_back_from_a_file(tmp_path):
    random = np.random.default_rng(0)
    data = random.uniform(0, 2, (64, 15, 5)), np.arange(64) % 2
    data[0][:, :, 0] += 3 * data[1][:, None]
    graph = rb.Graph(
        {"e": rb.ALIF(), "i": rb.LIF()},
        {("input", "e"): rb.Linear(5, 20), ("e", "i"): rb.Quantised(rb.Linear(20, 5))},
        feedback={("i", "e"): rb.Linear(5, 20, density=0.5), ("e", "e"): rb.Dropout(0.1)},
        output="e",
    )
    model = rb.Sequential(graph, rb.Linear(20, 2), rb.LI())
    more = {"optimizer": optax.adam(1e-2), "batch_size": 16, "progress": False}
    result = rb.fit(model, data, epochs=12, **more)
    assert result.history.train_accuracy[-1] > 0.9
    assert not result.model.layers[0].layers[3].active
    rb.save(tmp_path / "graph", result.model)
    np.testing.assert_array_equal(rb.load(tmp_path / "graph")(X), result.model(X))


def test_what_is_no_graph_is_refused():
    lif, layer = rb.LIF(), rb.Linear(4, 4)
    with pytest.raises(ArgumentError, match=r"cycle through 'a' and 'b'.*feedback=\{\('a', 'b'\)"):
        rb.Graph(
            {"a": lif, "b": lif},
            {("input", "a"): layer, ("a", "b"): layer, ("b", "a"): layer},
            output="b",
        )
    with pytest.raises(UnknownName, match="Did you mean 'input'"):
        rb.Graph({"a": lif}, {("inputs", "a"): layer}, output="a")
    with pytest.raises(ArgumentError, match="no edge leads to node 'b'"):
        rb.Graph({"a": lif, "b": lif}, {("input", "a"): layer}, output="a")
    with pytest.raises(ArgumentError, match="before the Graph"):
        rb.Graph({"a": lif}, {("input", "a"): rb.BatchNorm(4)}, output="a")
    with pytest.raises(ArgumentError, match="bias=False"):
        rb.Graph({"a": rb.Recurrent(lif, 4)}, {("input", "a"): layer}, output="a")
    with pytest.raises(ShapeError, match=r"edge 'a' -> 'b': Linear takes 4 inputs, but node 'a'"):
        rb.Sequential(
            rb.Graph(
                {"a": lif, "b": lif},
                {("input", "a"): rb.Linear(4, 3), ("a", "b"): layer},
                output="b",
            )
        )
    model = rb.Sequential(rb.Graph({"a": lif}, {("input", "a"): layer}, output="a"))
    data = np.ones((8, 10, 4)), np.zeros(8, int)
    for method in (rb.gradients.Exact(), rb.gradients.EProp()):
        with pytest.raises(ArgumentError):
            rb.fit(model, data, gradient=method, batch_size=8, progress=False)
    assert circuit.advance(
        model.layers[0], circuit.begin(model.layers[0], X[..., :4], 1.0), X[..., :4],
        Setting(model.stepper, 1.0),
    ).output.shape == (40, 3, 4)  # fmt: skip
