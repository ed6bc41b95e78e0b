"""The commands on small folders: what they leave, and that a killed run goes on."""

import json

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.cli import main
from rheobase.errors import DataError
from rheobase.tasks import EventDigits, Trained, judge, train
from rheobase.train.resume import Checkpoint


@pytest.fixture
def folder(tmp_path):
    """Twelve recordings of an event camera in two classes."""
    random, lines = np.random.default_rng(0), ["#sample\tclass"]
    (tmp_path / "data").mkdir()
    for number in range(1, 13):
        n = 300
        x, y = random.integers(0, 34, (2, n))
        x = x // 4 if number % 2 else x
        word = random.integers(0, 2, n) << 23 | np.sort(random.integers(0, 300_000, n))
        raw = np.stack([x, y, word >> 16, word >> 8 & 255, word & 255], axis=1)
        (tmp_path / "data" / f"{number}.bs2").write_bytes(raw.astype(np.uint8).tobytes())
        lines.append(f"{number}\t{number % 2}")
    (tmp_path / "data" / "labels.txt").write_text("\n".join(lines))
    return tmp_path


def run(*words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code


@pytest.mark.slow
def test_train_then_evaluate(folder, capsys):
    data, out = folder / "data", folder / "out"
    assert run("train", "nmnist", "--data", data, "--out", out, "--epochs", "1") == 0
    metrics = json.loads((out / "metrics.json").read_text())
    left = {file.name for file in out.iterdir()}
    assert {"model.rheobase", "index.html", "learning_curve.png", "raster.png"} <= left
    assert metrics["train_samples"] == 8 and metrics["validation_samples"] == 4
    assert metrics["saved_model_samples"] == 12
    capsys.readouterr()
    assert run("evaluate", out / "model.rheobase", "--data", data, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 12 and 0 <= found["accuracy"] <= 1 and found["spikes_per_inference"] > 0
    trained = rb.load(out / "model.rheobase")
    assert isinstance(trained, Trained) and trained.task == "nmnist"
    again = judge(EventDigits(), trained.model, EventDigits().data(data, "raise"), batch_size=5)
    assert again.accuracy == found["accuracy"] and 0 < again.operations < again.dense


@pytest.mark.slow
def test_the_saved_model_has_learned_from_all_and_the_judged_one_has_not(folder):
    task, data = EventDigits(), folder / "data"
    metrics, judged, split = train(task, data, folder / "out", epochs=1, progress=False)
    saved = rb.load(folder / "out" / "model.rheobase").model
    assert judge(task, judged.model, split.validation).accuracy == metrics["validation_accuracy"]
    seen, all_seen = (np.asarray(m.layers[0].weight) for m in (judged.model, saved))
    assert not np.array_equal(seen, all_seen)
    (folder / "out" / "checkpoint-all-nmnist-0-1.rheobase").unlink()
    train(task, data, folder / "out", epochs=1, progress=False)
    again = rb.load(folder / "out" / "model.rheobase").model.layers[0].weight
    np.testing.assert_array_equal(np.asarray(again), all_seen)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bits(folder, monkeypatch):
    task, whole, broken = EventDigits(), folder / "whole", folder / "broken"
    expected = train(task, folder / "data", whole, epochs=2, progress=False)[1]
    write = Checkpoint.write

    def killed(self, arrays, best_epoch, history):
        write(self, arrays, best_epoch, history)
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", killed)
        with pytest.raises(SystemExit):
            train(task, folder / "data", broken, epochs=2, progress=False)
    found = train(task, folder / "data", broken, epochs=2, progress=False)[1]
    for one, two in zip(*map(jax.tree.leaves, (expected.model, found.model)), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(two))


def test_what_cannot_be_trained_or_judged_is_said(folder, capsys):
    assert run("train", "mnist", "--data", folder) == 2
    assert "Did you mean 'nmnist'" in capsys.readouterr().err
    assert run("train", "nmnist", "--data", folder / "nowhere") == 2
    assert "there is no" in capsys.readouterr().err
    rb.save(folder / "lif.rheobase", rb.LIF())
    assert run("evaluate", folder / "lif.rheobase", "--data", folder / "data") == 2
    assert "not what rheobase train leaves" in capsys.readouterr().err
    (folder / "data" / "labels.txt").write_text("#head\n1\t1\n")
    with pytest.raises(DataError, match="no samples for validation"):
        train(EventDigits(), folder / "data", folder / "out")
