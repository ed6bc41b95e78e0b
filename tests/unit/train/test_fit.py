import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import rheobase as rb
from rheobase.errors import (
    ArgumentError,
    CheckpointError,
    ParameterError,
    ShapeError,
    UnknownName,
)
from rheobase.units import DomainError, Hz, ms, nA

ENCODER = rb.encoders.Direct(12 * ms)


def network(**more):
    return rb.Sequential(rb.Linear(4, 24), rb.LIF(), rb.Linear(24, 2), rb.LI(), **more)


def fit(model, data, **more):
    more = {"encoder": ENCODER, "batch_size": 16, "progress": False, "epochs": 2} | more
    return rb.fit(model, data, **more)


class Alone(eqx.Module):
    """A model of the user's own."""

    inside: rb.Sequential

    def __call__(self, x, key):
        return self.inside(x, key)


def same_bits(one, two):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_it_learns(task):
    result = fit(network(), task, epochs=30, optimizer=optax.adam(5e-3), validation=task)
    history = result.history
    assert history.train_loss[-1] < 0.3 * history.train_loss[0]
    assert history.validation_accuracy[-1] > 0.93
    found = rb.train.evaluate(result.model, task, encoder=ENCODER, batch_size=16)
    np.testing.assert_allclose(found.loss, history.validation_loss[-1], rtol=1e-5)
    assert found.accuracy == history.validation_accuracy[-1]
    assert [len(x) for x in history] == [30] * 4
    assert result.best_epoch == 1 + np.argmin(history.validation_loss)


def test_one_step_is_that_of_the_optimiser_in_free_coordinates(task):
    model = network()
    loss, x, y = rb.losses.cross_entropy("membrane"), ENCODER(task[0]), jnp.asarray(task[1])
    result = fit(
        model, task, epochs=1, batch_size=96, loss=loss, optimizer=optax.sgd(0.1), clip=None
    )

    def objective(coordinates):
        return loss(rb.train.legal(coordinates)(x), y).mean()

    start, rest = eqx.partition(rb.train.free(model), eqx.is_inexact_array)
    gradient = eqx.filter_grad(lambda p: objective(eqx.combine(p, rest)))(start)
    moved = jax.tree.map(lambda p, g: p - 0.1 * g, start, gradient)
    expected = rb.train.legal(eqx.combine(moved, rest))
    for one, other in zip(jax.tree.leaves(result.model), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert result.model.layers[1].tau != model.layers[1].tau


@pytest.mark.slow
def test_the_same_key_gives_the_same_bits(task):
    one, again, other = (fit(network(), task, key=jax.random.key(k)).model for k in (0, 0, 1))
    same_bits(one, again)
    assert not np.array_equal(one.layers[0].weight, other.layers[0].weight)


def test_every_epoch_after_the_first_runs_what_is_compiled(task, compiled):
    found = []
    for epochs in (1, 5):
        compiled()
        fit(network(), task, validation=(task[0][:30], task[1][:30]), epochs=epochs)
        found.append(compiled())
    # each call has an optimiser of its own, and so a program of its own for its steps
    assert 0 < found[1] <= found[0]


@pytest.mark.parametrize("size", [1e-3, 0.5])
def test_neuron_parameters_train_and_stay_legal(task, size):
    model = rb.Sequential(
        rb.Linear(4, 24), rb.Refractory(rb.ALIF(), 2 * ms), rb.Linear(24, 2), rb.LI()
    )
    result = fit(model, task, epochs=3, optimizer=optax.adam(size))
    before, after = model.layers[1].neuron, result.model.layers[1].neuron
    for name in ("tau", "R", "v_rest", "v_th", "v_reset", "beta", "tau_a"):
        assert getattr(before, name) != getattr(after, name)
        assert np.isfinite(getattr(after, name))
    assert after.tau > 0 and after.tau_a > 0 and after.v_reset < after.v_th
    assert result.model.layers[3].tau > 0


@pytest.mark.slow
def test_a_module_of_the_users_own_trains_alike(task):
    own, ours = (fit(model, task).model for model in (Alone(network()), network()))
    same_bits(own.inside, ours)


def test_only_what_is_chosen_trains(task):
    model = network()
    result = fit(model, task, trainable=lambda m: (m.layers[0].weight, m.layers[1].tau))
    before, after = jax.tree.leaves(model), jax.tree.leaves(result.model)
    moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert sum(moved) == 2
    assert result.model.layers[1].tau != model.layers[1].tau
    assert result.model.layers[2].weight is model.layers[2].weight


def test_the_gradient_is_clipped_as_one_vector(task):
    model, length = network(), 1e-3
    result = fit(
        model, task, epochs=1, batch_size=96, optimizer=optax.sgd(1.0), clip=length,
        trainable=lambda m: (m.layers[0].weight, m.layers[2].weight),
    )  # fmt: skip
    free = [rb.train.free(m) for m in (model, result.model)]
    steps = [free[1].layers[i].weight - free[0].layers[i].weight for i in (0, 2)]
    norm = np.sqrt(sum(float(jnp.sum(s**2)) for s in steps))
    np.testing.assert_allclose(norm, length, rtol=1e-2)


def test_early_stopping_keeps_the_best(task):
    noise = np.random.default_rng(1).integers(0, 2, 96)  # nothing to learn: it only gets worse
    result = fit(
        network(), (task[0], noise), epochs=60, patience=4, optimizer=optax.adam(3e-2),
        validation=(task[0], 1 - noise),
    )  # fmt: skip
    losses = result.history.validation_loss
    assert len(losses) == result.best_epoch + 4 < 60
    assert min(losses) == losses[result.best_epoch - 1]
    found = rb.train.evaluate(result.model, (task[0], 1 - noise), encoder=ENCODER, batch_size=16)
    np.testing.assert_allclose(found.loss, min(losses), rtol=1e-5)


@pytest.mark.slow
def test_a_regulariser_holds_the_number_of_spikes(task):
    encoder = rb.encoders.Direct(40 * ms)

    def spikes(regulariser):
        more = {"encoder": encoder, "epochs": 15, "optimizer": optax.adam(1e-2)}
        model = fit(network(), task, regulariser=regulariser, **more).model
        return model.activity(encoder(task[0]))[0].spikes.sum(0).mean()

    free, held = spikes(None), spikes(rb.losses.spike_bounds(upper=0.2, strength=10))
    assert held < 0.5 * free


@pytest.mark.slow
def test_series_come_samples_first():
    random = np.random.default_rng(0)
    x = random.uniform(0, 4, (32, 20, 3))
    target = (random.uniform(size=(32, 20, 2)) < 0.1).astype(np.float32)
    model = rb.Sequential(rb.Linear(3, 2), rb.LIF())
    loss = rb.losses.van_rossum(5 * ms)
    found = rb.train.evaluate(model, (x, target), loss=loss)
    output = model(np.moveaxis(x, 0, 1))
    np.testing.assert_allclose(
        found.loss, loss(output, np.moveaxis(target, 0, 1)).mean(), rtol=1e-5
    )
    result = rb.fit(
        model, (x, target), loss=loss, epochs=15, batch_size=32, progress=False,
        optimizer=optax.adam(2e-2),
    )  # fmt: skip
    assert result.history.train_loss[-1] < 0.9 * found.loss
    assert result.history.train_accuracy == ()


def test_a_series_goes_through_the_encoder_time_first():
    x = np.cumsum(np.random.default_rng(0).normal(0, 0.1, (8, 30, 3)), axis=1)
    model = rb.Sequential(rb.Linear(3, 2), rb.LI())
    encoder, loss = rb.encoders.Delta(0.1), rb.losses.cross_entropy()
    found = rb.train.evaluate(model, (x, np.zeros(8, int)), encoder=encoder)
    output = model(encoder(np.moveaxis(x, 0, 1)))
    np.testing.assert_allclose(found.loss, loss(output, np.zeros(8, int)).mean(), rtol=1e-5)


@pytest.mark.slow
def test_random_layers_and_encoders_draw_anew_in_each_step(task):
    model = rb.Sequential(
        rb.Linear(4, 24), rb.WhiteNoise(rb.LIF(), 2 * nA * ms**0.5), rb.Linear(24, 2), rb.LI()
    )
    still = {"optimizer": optax.sgd(1e-30), "batch_size": 96, "epochs": 3}
    for encoder in (ENCODER, rb.encoders.Poisson(12 * ms, rate=300 * Hz)):
        losses = fit(model, task, encoder=encoder, **still).history.train_loss
        assert len(set(losses)) == 3


def test_samples_that_do_not_fill_a_batch_wait_for_the_next_epoch(task):
    seen = []
    x = np.broadcast_to(np.arange(90.0)[:, None, None], (90, 1, 1)) / 100

    def loss(output, target):
        jax.debug.callback(lambda t: seen.append(np.asarray(t)), target)
        return output.sum((0, 2)) ** 2

    rb.fit(
        rb.Sequential(rb.Linear(1, 1), rb.LI()), (x, np.arange(90)), loss=loss, epochs=6,
        batch_size=32, progress=False,
    )  # fmt: skip
    jax.effects_barrier()
    assert [len(batch) for batch in seen] == [32] * 12
    first = [np.concatenate(seen[2 * e : 2 * e + 2]) for e in range(6)]
    assert all(len(set(epoch)) == 64 for epoch in first)
    assert len(set(np.concatenate(first))) == 90
    assert not np.array_equal(first[0], first[1])


def test_a_run_that_goes_on_has_the_same_bits(task, tmp_path):
    more = {"validation": task, "optimizer": optax.adam(optax.cosine_decay_schedule(5e-3, 30))}
    whole = fit(network(), task, epochs=5, **more)
    fit(network(), task, epochs=2, checkpoint=tmp_path / "run", **more)
    rest = fit(network(), task, epochs=5, checkpoint=tmp_path / "run", **more)
    same_bits(whole.model, rest.model)
    assert whole.history == rest.history and whole.best_epoch == rest.best_epoch
    done = fit(network(), task, epochs=5, checkpoint=str(tmp_path / "run"), **more)
    same_bits(whole.model, done.model)


def test_the_checkpoint_of_another_run_is_refused_and_left_alone(task, tmp_path):
    path = tmp_path / "run"
    fit(network(), task, epochs=1, checkpoint=path)
    content = path.read_bytes()
    with pytest.raises(CheckpointError, match="batch_size = 16, this one has 32"):
        fit(network(), task, batch_size=32, checkpoint=path)
    with pytest.raises(CheckpointError, match="with key = "):
        fit(network(), task, key=jax.random.key(9), checkpoint=path)
    with pytest.raises(CheckpointError, match="`optimizer .* was .* and is"):
        fit(network(), task, optimizer=optax.sgd(0.1), checkpoint=path)
    assert path.read_bytes() == content
    path.write_bytes(content[:-1])
    with pytest.raises(CheckpointError, match="is cut short"):
        fit(network(), task, checkpoint=path)
    assert path.read_bytes() == content[:-1]
    rb.train.save(path, network())
    with pytest.raises(CheckpointError, match="is of another model|no checkpoint of a fit"):
        fit(network(), task, checkpoint=path)


def test_ctrl_c_returns_what_is_done(task):
    module = sys.modules["rheobase.train.fit"]
    real = module.summary

    def interrupted(history):
        if len(history.train_loss) == 3:
            raise KeyboardInterrupt
        return real(history)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "summary", interrupted)
        with pytest.warns(UserWarning, match="interrupted after 3 of 50 epochs"):
            result = fit(network(), task, epochs=50)
    assert len(result.history.train_loss) == 3


def test_a_loss_that_diverges_is_reported(task):
    def loss(output, target):
        return output.mean((0, 2)) / 0

    with pytest.raises(FloatingPointError, match="in epoch 1. Lower the learning rate"):
        fit(network(), task, loss=loss)


def test_the_bar_is_shown(task, capsys):
    fit(network(), task, progress=True)
    assert "epoch 2  loss" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"batch_size": 97}, ShapeError, "larger than the data, 96 samples.* Write batch_size=32"),
        ({"batch_size": 0}, ArgumentError, "`batch_size` is a whole number >= 1, got 0"),
        ({"epochs": 2.5}, ArgumentError, "`epochs` is a whole number >= 1, got 2.5"),
        ({"optimizer": "adam"}, ArgumentError, r"Write optimizer=optax.adam\(2e-3\)"),
        ({"optimizer": optax.sgd}, ArgumentError, r"Write optimizer=optax.sgd\(2e-3\)"),
        ({"optimizer": 0.1}, ArgumentError, r"Write optimizer=optax.adam\(2e-3\)"),
        ({"loss": "max"}, ArgumentError, r"Write loss=rb.losses.cross_entropy\('max'\)"),
        ({"loss": "maxx"}, UnknownName, "Did you mean 'max'"),
        ({"loss": rb.losses.van_rossum}, ArgumentError, r"Write loss=rb.losses.van_rossum\(\)"),
        ({"loss": 3}, ArgumentError, "`loss` takes a loss, got 3"),
        ({"loss": lambda v, y: v.mean()}, ShapeError, "one number for each sample"),
        ({"patience": 3}, ArgumentError, r"Write fit\(..., validation=\(x, y\)\)"),
        ({"clip": 0}, ParameterError, "Write clip=1.0, or clip=None"),
        ({"encoder": None}, ShapeError, r"encoder=rb.encoders.Direct\(20\*ms\)"),
        ({"validation": 0.1}, ArgumentError, r"Write validation=\(x, y\)"),
        ({"trainable": lambda m: ()}, ArgumentError, "picks nothing that can train"),
    ],
)
def test_arguments_that_cannot_be(task, change, error, text):
    with pytest.raises(error, match=text):
        fit(network(), task, **change)


def test_data_that_cannot_be(task):
    x, y = task
    with pytest.raises(ShapeError, match=r"labels go from 0 to 2.* 2 outputs.* Linear\(..., 3\)"):
        fit(network(), (x, y + (y == 1)))
    with pytest.raises(ShapeError, match="labels are whole numbers, got float"):
        fit(network(), (x, y.astype(float)))
    with pytest.raises(ShapeError, match=r"got shapes \(96, 4\) and \(90,\)"):
        fit(network(), (x, y[:90]))
    with pytest.raises(ShapeError, match="sample 5 is not"):
        fit(network(), (np.where(np.arange(96)[:, None] == 5, np.nan, x), y))
    with pytest.raises(DomainError, match="from 0 to 1"):
        fit(network(), (255 * x, y))
    with pytest.raises(ShapeError, match="takes 4 inputs, got x of shape"):
        fit(network(), (x[:, :3], y))
    with pytest.raises(ArgumentError, match=r"Write data=\(x, y\)"):
        fit(network(), x)
    with pytest.raises(ArgumentError, match="called as model"):
        fit(rb.Sequential, task)
    with pytest.raises(ArgumentError, match="needs the spikes of an rb.Sequential"):
        fit(Alone(network()), task, regulariser=rb.losses.spike_bounds(upper=3))
