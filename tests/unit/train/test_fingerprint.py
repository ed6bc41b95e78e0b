"""A fit goes on from its checkpoint only where it is the same fit, and says what differs."""

import equinox as eqx
import numpy as np
import optax
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, CheckpointError, ShapeError
from rheobase.train import checkpoint as files
from rheobase.train.fingerprint import described, difference, parts_of
from rheobase.units import ms

X = np.random.default_rng(0).uniform(0.1, 0.9, size=(32, 4))
Y = (X[:, 0] > X[:, 1]).astype(int)


def network(n=6, **settings):
    return rb.Sequential(rb.Linear(4, n), rb.LIF(), rb.Linear(n, 2), rb.LI(), **settings)


def fit(path=None, model=None, data=(X, Y), encoder=None, **settings):
    encoder = rb.encoders.Direct(4 * ms) if encoder is None else encoder
    return rb.fit(
        network() if model is None else model, data, batch_size=16, encoder=encoder,
        progress=False, checkpoint=path, **{"epochs": 1} | settings,
    )  # fmt: skip


def squared(output, target):
    return (output.mean(0) ** 2).sum(-1)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "checkpoint"
    fit(path)
    return path


@pytest.mark.parametrize(
    "change, message",
    [
        ({"data": (X + 0.01, Y)}, "`data.inputs` holds other values"),
        ({"data": (X, 1 - Y)}, "`data.targets` holds other values"),
        ({"validation": (X, Y)}, "`validation` was None and is Arrays"),
        ({"loss": rb.losses.cross_entropy("rate")}, "`loss.code` was 'max' and is 'rate'"),
        ({"loss": squared}, "`loss` was CrossEntropy and is squared"),
        ({"optimizer": optax.sgd(1e-3)}, "was clip_by_global_norm scale_by_adam scale and is clip"),
        ({"trainable": lambda m: m.layers[0]}, r"`trainable` was .*layers\[3\].* is .layers\[0\]"),
        ({"model": network(dt=0.5 * ms)}, "`model.dt` was 1.0 and is 0.5"),
        ({"model": network(7)}, r"`model.layers\[0\].n_out` was 6 and is 7"),
        ({"encoder": rb.encoders.Direct(5 * ms)}, "`encoder.steps` was 4 and is 5"),
        (
            {"regulariser": rb.losses.spike_bounds(1, 2)},
            "`regulariser` was None and is SpikeBounds",
        ),
    ],
)
def test_another_fit_is_refused(written, change, message):
    with pytest.raises(CheckpointError, match=message):
        fit(written, **{"epochs": 2} | change)


def test_what_does_not_train_must_be_the_same(tmp_path):
    def weights(model):
        return model.layers[0].weight

    fit(tmp_path / "a", trainable=weights)
    slow = eqx.tree_at(lambda m: m.layers[1].tau, network(), np.float32(99))
    with pytest.raises(CheckpointError, match=r"`model.layers\[1\].tau` holds other values"):
        fit(tmp_path / "a", slow, trainable=weights)


def test_checkpoints_that_describe_nothing_go_on(written, tmp_path):
    """Those of the first versions do not."""
    content = files.read(written)
    named = [(leaf["path"], x) for leaf, x in zip(content.leaves, content.arrays(), strict=True)]
    notes = {name: x for name, x in content.notes.items() if name != "about"}
    files.write(tmp_path / "old", named, notes)
    result = fit(tmp_path / "old", data=(X, 1 - Y))
    assert len(result.history.train_loss) == 1


@pytest.mark.parametrize(
    "make", [optax.adam, optax.inject_hyperparams(optax.adam)], ids=["plain", "injected"]
)
def test_a_new_rate_is_taken(tmp_path, make):
    before = fit(tmp_path / "a", optimizer=make(1e-2))
    after = fit(tmp_path / "a", optimizer=make(0.0), epochs=2)
    assert len(after.history.train_loss) == 2 and eqx.tree_equal(before.model, after.model)


def test_a_schedule_goes_on_where_it_was(tmp_path):
    """Two epochs of two steps: from 1e-2 the rate has fallen to nothing after the first."""
    rate = optax.piecewise_constant_schedule(1e-2, {1: 0.0})
    optimizer = optax.inject_hyperparams(optax.adam)(rate)
    before = fit(tmp_path / "a", optimizer=optimizer)
    after = fit(tmp_path / "a", optimizer=optimizer, epochs=2)
    assert eqx.tree_equal(before.model, after.model)


def test_an_optimiser_that_watches_the_loss(tmp_path):
    """Nothing is better by 1e9, so the rate falls at each step to the smallest float."""
    plateau = optax.contrib.reduce_on_plateau(factor=1e-30, patience=1, atol=1e9)
    optimizer = optax.chain(optax.adam(1e-2), plateau)
    first = fit(tmp_path / "a", optimizer=optimizer)
    second = fit(tmp_path / "a", optimizer=optimizer, epochs=2)
    assert not eqx.tree_equal(first.model, network())
    assert eqx.tree_equal(first.model, second.model)


def test_an_optimiser_that_adds_up_steps(tmp_path):
    """Four steps of two epochs are one."""
    optimizer = optax.MultiSteps(optax.adam(1e-2), 4)
    first = fit(tmp_path / "a", optimizer=optimizer)
    second = fit(tmp_path / "a", optimizer=optimizer, epochs=2)
    weights = [m.layers[0].weight for m in (network(), first.model, second.model)]
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-5)
    assert abs(weights[1] - weights[2]).max() > 1e-3


def test_a_search_along_a_line_is_refused_by_name():
    with pytest.raises(ArgumentError, match=r"asks for grad, value_fn.*lbfgs\(1e-2, linesearch=N"):
        fit(optimizer=optax.lbfgs())


def test_ragged_and_empty_data_are_refused():
    ragged = [np.zeros((3, 4)), np.zeros((5, 4))], [0, 1]
    with pytest.raises(ShapeError, match="inputs of `data` differ in shape.*Fill the shorter"):
        fit(data=ragged)
    with pytest.raises(ShapeError, match=r"have shape \(32, 0, 4\), which holds no number"):
        fit(data=(np.zeros((32, 0, 4)), Y))


def test_functions_are_compared_by_code_and_by_what_they_close_over():
    def make(number, power):
        return lambda x: (x**2 if power else x) * number

    same = described(make(1.0, True), "loss")
    assert difference(same, described(make(1.0, True), "loss")) is None
    assert "loss (code" in difference(same, described(make(2.0, True), "loss"))
    assert "loss (code" in difference(same, described(lambda x: x, "loss") | {"loss": same["loss"]})
    assert parts_of(optax.adamw(1e-3)) == ["scale_by_adam", "add_decayed_weights", "scale"]
