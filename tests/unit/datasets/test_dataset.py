import threading

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, DataError
from rheobase.train.source import ahead
from rheobase.units import ms


@pytest.fixture
def data(spoken):
    return rb.datasets.fsdd(spoken, channels=16, dt=20 * ms, duration=300 * ms)


def test_parts_are_views_of_the_same_recordings(data):
    some = data.where(data.about["speaker"] == "anna")
    assert len(some) == 12 and set(some.about["speaker"]) == {"anna"}
    np.testing.assert_array_equal(some[0].inputs, data[0].inputs)
    assert some[3].targets == some.labels[3]
    with pytest.raises(ArgumentError, match="one entry a sample"):
        data.where(np.ones(3, bool))


def test_a_split_is_stratified_and_always_the_same(data):
    rest, held = data.split(1 / 3)
    assert np.bincount(held.labels).tolist() == [2] * 4
    assert len(rest) + len(held) == len(data)
    np.testing.assert_array_equal(data.split(1 / 3)[1].about["index"], held.about["index"])


def test_the_same_seed_gives_the_same_batches_and_another_does_not(data):
    changed = data.augmented(rb.datasets.Speed(0.3), rb.datasets.Mask())

    def first(seed):
        return next(iter(changed.batches(8, shuffle=True, seed=seed))).inputs

    np.testing.assert_array_equal(first(0), first(0))
    assert not np.array_equal(first(0), first(1))


def test_only_training_is_augmented(data):
    changed = data.augmented(rb.datasets.Hiss(0.0, 10.0))
    rows = np.arange(4)
    np.testing.assert_array_equal(changed.batch(rows).inputs, data.batch(rows).inputs)
    drawn = changed.batch(rows, np.random.default_rng(0)).inputs
    assert not np.array_equal(drawn, data.batch(rows).inputs)
    with pytest.raises(ArgumentError, match="takes augmentations"):
        data.augmented(rb.datasets.Hiss)


def test_what_is_read_is_kept_up_to_a_bound(data, spoken):
    (spoken / "recordings" / "0_anna_0.wav").unlink()
    with pytest.raises(DataError, match="there is no file"):
        data[0]
    data[1]
    (spoken / "recordings" / "0_anna_1.wav").unlink()
    assert data[1].inputs.any()


def test_a_damaged_recording_stops_the_run_or_is_skipped_with_a_count(spoken):
    file = spoken / "recordings" / "1_anna_0.wav"
    file.write_bytes(file.read_bytes()[:1000])
    arguments = {"channels": 16, "dt": 20 * ms, "duration": 300 * ms}
    with pytest.raises(DataError, match="cut short"):
        for _ in rb.datasets.fsdd(spoken, **arguments).batches(24):
            pass
    data = rb.datasets.fsdd(spoken, **arguments, damaged="skip")
    with pytest.warns(UserWarning, match="skipped, the 1"):
        found = data.batch(np.arange(24))
    assert [place.name for place in data.skipped] == ["1_anna_0.wav"]
    # The next one stands in, with its own label.
    np.testing.assert_array_equal(found.inputs[6], found.inputs[7])
    assert found.targets[6] == 1


@pytest.mark.slow
def test_fit_and_evaluate_take_a_data_set(data):
    model = rb.Sequential(rb.Linear(16, 12), rb.LIF(), rb.Linear(12, 10), rb.LI(), dt=20 * ms)
    train, held = data.split(1 / 3)
    more = {"epochs": 2, "batch_size": 8, "progress": False}
    one, other = (
        rb.fit(model, train.augmented(rb.datasets.Speed()), validation=held, **more).model
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.layers[0].weight, other.layers[0].weight)
    assert rb.train.evaluate(one, held, batch_size=3).loss > 0


def test_a_worker_stays_ahead_and_ends_with_who_asked():
    made = []
    before = threading.active_count()
    numbers = ahead(lambda k: made.append(k) or k, 100)
    assert next(numbers) == 0
    numbers.close()
    assert len(made) <= 5 and threading.active_count() == before


def test_an_error_of_the_worker_is_raised_where_the_batch_is_asked_for():
    def fail(number):
        if number == 2:
            raise DataError("no more")
        return number

    found = []
    with pytest.raises(DataError, match="no more"):
        for number in ahead(fail, 5):
            found.append(number)
    assert found == [0, 1]
