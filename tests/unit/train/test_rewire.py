"""Rewiring moves connections of sparse layers and keeps their number."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, UnknownName
from rheobase.train import Rewiring, rewire
from rheobase.train.resume import Checkpoint
from rheobase.units import DomainError

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.uniform(0, 2, (64, 10, 30)), np.arange(64) % 2
X[:, :, 7] += 4 * Y[:, None]


def network(**more):
    return rb.Sequential(
        rb.Linear(30, 24, density=0.1), rb.Quantised(rb.Recurrent(rb.LIF(), 24, density=0.2), 8),
        rb.Linear(24, 2), rb.LI(), **more,
    )  # fmt: skip


def fit(rewiring, model=None, **more):
    model = network() if model is None else model
    more = {"epochs": 4, "batch_size": 16, "progress": False} | more
    return rb.fit(model, (X, Y), rewiring=rewiring, **more)


def masks(model):
    return [np.asarray(mask) for mask in rewire.wiring(model)]


@pytest.mark.parametrize("grow", [pytest.param("random", marks=pytest.mark.slow), "gradient"])
def test_connections_move_and_their_number_stays(grow):
    model = network()
    after = fit(Rewiring(every=3, grow=grow), model).model
    for old, new, layer in zip(
        masks(model), masks(after), (after.layers[0], after.layers[1].layer), strict=True
    ):
        assert old.sum() == new.sum() and (old != new).any()
        assert not np.asarray(layer.weight)[~new].any()
        assert np.asarray(layer.weight)[new & ~old].any()


@pytest.mark.slow
def test_without_it_every_bit_is_as_it_was():
    """And one that never comes leaves the training as it is."""
    plain, idle = fit(None).model, fit(Rewiring(every=1000)).model
    for one, two in zip(jax.tree.leaves(plain), jax.tree.leaves(idle), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(two))


def moved(rule, weight, mask, slope, progress=0.0):
    return rule.moved(*map(jnp.asarray, (weight, mask, slope, progress)), jax.random.key(1))


def test_the_weakest_go_and_the_steepest_come():
    weight = RANDOM.normal(size=(12, 10)).astype("float32")
    mask = RANDOM.uniform(size=weight.shape) < 0.3
    weight, slope = np.where(mask, weight, 0), RANDOM.normal(size=(12, 10)).astype("float32")
    for part, progress in ((0.4, 0.0), (0.4, 0.5), (1.0, 1.0), (1.0, 0.0)):
        count = int(np.floor(np.float32(part / 2 * (1 + np.cos(np.pi * progress)) * mask.sum())))
        after, where, stays = map(
            np.asarray, moved(Rewiring(part=part, grow="gradient"), weight, mask, slope, progress)
        )
        weakest = np.sort(np.abs(weight[mask]))
        np.testing.assert_array_equal(
            stays, mask & (np.abs(weight) > weakest[count - 1] * (count > 0))
        )
        steepest = np.sort(np.abs(slope[~mask]))[::-1]
        grown = where & ~mask
        np.testing.assert_array_equal(grown, ~mask & (np.abs(slope) > steepest[count]))
        assert where.sum() == mask.sum() and grown.sum() == count
        np.testing.assert_array_equal(after, np.where(stays, weight, 0))


def test_growth_by_chance_is_even():
    """The same number everywhere, but for chance: its deviation is that of draws."""
    mask = np.zeros((20, 20), bool)
    mask[:2] = True
    weight, rule = np.where(mask, 1.0, 0).astype("float32"), Rewiring(part=1.0)
    hits = sum(
        np.asarray(rule.moved(*map(jnp.asarray, (weight, mask, weight, 0.0)), jax.random.key(k))[1])
        for k in range(300)
    )
    assert not hits[mask].any()
    expected, chance = 300 * 40 / 360, 40 / 360
    assert abs(hits[~mask].std() / (300 * chance * (1 - chance)) ** 0.5 - 1) < 0.15
    np.testing.assert_allclose(hits[~mask].mean(), expected)


def test_the_optimiser_forgets_what_is_gone():
    """A connection that grows has no momentum of one that was there."""
    model = network()
    trained = rb.train.choose(model)
    params = jax.tree.map(lambda x, t: x if t else None, model, trained)
    optimizer = optax.chain(optax.clip(1.0), optax.adam(1e-2))
    memory = jax.tree.map(lambda x: x + 1 if x.dtype == "float32" else x, optimizer.init(params))
    after, kept = rewire.rewired(
        Rewiring(), model, trained, memory, optimizer, model, jnp.float32(0), jax.random.key(0)
    )
    moments, counts = kept[1][0].mu, kept[1][0].count
    stayed = masks(model)[0] & masks(after)[0] & (np.asarray(after.layers[0].weight) != 0)
    moment = np.asarray(moments.layers[0].weight)
    assert (moment[stayed] == 1).all() and not moment[masks(after)[0] & ~masks(model)[0]].any()
    assert (np.asarray(moments.layers[2].weight) == 1).all() and counts == 0


@pytest.mark.slow
def test_a_killed_run_goes_on_and_the_best_has_its_own_connections(tmp_path, monkeypatch):
    more = {"validation": (X, 1 - Y), "patience": 3, "optimizer": optax.adam(1e-2)}
    rewiring = Rewiring(every=3)
    whole = fit(rewiring, **more)
    write = Checkpoint.write

    def killed(self, arrays, best_epoch, history):
        write(self, arrays, best_epoch, history)
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", killed)
        with pytest.raises(SystemExit):
            fit(rewiring, checkpoint=tmp_path / "run", **more)
    rest = fit(rewiring, checkpoint=tmp_path / "run", **more)
    for one, two in zip(jax.tree.leaves(whole.model), jax.tree.leaves(rest.model), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(two))
    assert whole.best_epoch < len(whole.history.train_loss)
    found = rb.train.evaluate(whole.model, (X, 1 - Y), batch_size=16)
    np.testing.assert_allclose(found.loss, min(whole.history.validation_loss), rtol=1e-5)


@pytest.mark.slow
def test_the_input_that_tells_finds_its_connections():
    model = network(key=jax.random.key(5))
    trained = fit(Rewiring(every=2, grow="gradient"), model, epochs=8).model
    before, after = (masks(m)[0][7].sum() for m in (model, trained))
    assert after >= before + 5


def test_what_cannot_be_rewired_is_refused():
    dense = rb.Sequential(rb.Linear(30, 8), rb.LIF(), rb.Linear(8, 2), rb.LI())
    with pytest.raises(ArgumentError, match=r"density=0.1"):
        fit(Rewiring(), dense)
    with pytest.raises(ArgumentError, match=r"density=0.1"):
        fit(Rewiring(), trainable=lambda m: m.layers[2].weight)
    with pytest.raises(ArgumentError, match=r"rewiring=rb.train.Rewiring"):
        fit(0.3)
    with pytest.raises(DomainError, match="part=0.3"):
        Rewiring(part=0)
    with pytest.raises(ArgumentError, match="every=100"):
        Rewiring(every=0.5)
    with pytest.raises(UnknownName, match="Did you mean 'gradient'"):
        Rewiring(grow="gradients")
