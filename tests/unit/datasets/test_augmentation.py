import numpy as np
import pytest

import rheobase as rb
from rheobase.datasets.events import Binning, Events
from rheobase.units import ms

from .conftest import tone

LOW, HIGH = 0, 1


class Fixed:
    """In the place of a random generator: the end of each range that is asked for."""

    def __init__(self, end):
        self.end = end

    def uniform(self, low, high, size=None):
        value = (low, high)[self.end]
        return value if size is None else np.full(size, value)

    def integers(self, low, high, size=None):
        value = (low, high - 1)[self.end]
        return value if size is None else np.full(size, value)


def pitch(sound):
    return np.abs(np.fft.rfft(sound, 8000)).argmax()


def test_speed_changes_pitch_and_length_stretch_only_the_length():
    sound = tone(500, 0.5).astype(np.float32)
    fast = rb.datasets.Speed(0.2)(sound, Fixed(HIGH))
    assert abs(len(fast) / len(sound) - 1 / 1.2) < 0.01 and abs(pitch(fast) - 600) < 4
    for end, factor in ((LOW, 0.75), (HIGH, 1.25)):
        stretched = rb.datasets.Stretch(0.25)(sound, Fixed(end))
        assert abs(len(stretched) * factor / len(sound) - 1) < 0.01
        assert abs(pitch(stretched) - 500) < 12
        middle = stretched[1000:-1000]
        assert 0.3 < np.abs(middle).max() < 0.6  # the windows add up to one


def test_hiss_has_the_level_that_was_drawn():
    sound = tone(500, 0.5).astype(np.float32)
    random = np.random.default_rng(0)
    noise = rb.datasets.Hiss(20.0, 20.0)(sound, random) - sound
    np.testing.assert_allclose(np.sqrt(np.mean(noise**2) / np.mean(sound**2)), 0.1, rtol=0.05)


def test_time_shift():
    sound = tone(500, 0.1)
    later = rb.datasets.TimeShift(50 * ms)(sound, Fixed(HIGH))
    assert not later[:400].any()
    np.testing.assert_array_equal(later[400:], sound)
    assert len(rb.datasets.TimeShift(50 * ms)(sound, Fixed(LOW))) == len(sound) - 100


def test_mask_hides_one_band_and_one_stretch():
    x = np.ones((50, 40), np.float32)
    hidden = rb.datasets.Mask(0.2, 0.1)(x, np.random.default_rng(3)) == 0
    rows, columns = hidden.all(axis=1), hidden.all(axis=0)
    assert rows.sum() <= 5 and columns.sum() <= 8 and x.all()
    np.testing.assert_array_equal(hidden, rows[:, None] | columns[None])


@pytest.fixture
def events():
    random = np.random.default_rng(0)
    n = 400
    return Events(
        np.sort(random.uniform(0, 100, n)),
        random.integers(5, 15, n),
        random.integers(5, 15, n),
        random.integers(0, 2, n),
    )


def test_events_are_moved_dropped_and_played_at_another_tempo(events):
    moved = rb.datasets.Shift(3)(events, Fixed(HIGH))
    np.testing.assert_array_equal(moved.x, events.x + 3)
    np.testing.assert_allclose(rb.datasets.Tempo(0.25)(events, Fixed(HIGH)).t, events.t / 1.25)
    random = np.random.default_rng(1)
    left = rb.datasets.Drop(0.5)(events, random)
    assert 0.45 * 400 < len(left.t) < 400
    shaken = rb.datasets.Jitter(3 * ms, 1.0)(events, random)
    np.testing.assert_allclose(np.std(shaken.t - events.t), 3, rtol=0.15)
    np.testing.assert_allclose(np.std(shaken.x - events.x), 1.04, rtol=0.15)


def test_a_warp_without_extent_changes_nothing_and_a_turn_keeps_the_middle(events):
    still = rb.datasets.Warp(21, 21, 0.0, 0.0, 0.0)(events, np.random.default_rng(0))
    assert np.abs(still.x - events.x).max() <= 1
    turned = rb.datasets.Warp(21, 21, np.pi / 2, 0.0, 0.0)(events, Fixed(HIGH))
    middle = np.array([10, 10])
    before = np.stack([events.x, events.y], 1) - middle
    after = np.stack([turned.x, turned.y], 1) - middle
    assert np.abs(after - np.stack([-before[:, 1], before[:, 0]], 1)).max() <= 1.5


def test_what_leaves_the_sensor_is_not_counted(events):
    binning = Binning(10.0, 10, 21, 21, 1, None)
    far = rb.datasets.Shift(30)(events, Fixed(HIGH))
    assert binning([events, far]).sum(axis=(1, 2, 3, 4)).tolist() == [400, 0]
