import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ParameterError, ShapeError, UnknownName
from rheobase.units import Hz, UnitError, ms

from .conftest import tone


def cochlea(**more):
    return rb.datasets.Cochlea(**({"channels": 24, "dt": 10 * ms, "sampling": 8000 * Hz} | more))


@pytest.mark.parametrize("bank", ["mel", "gammatone"])
def test_a_tone_is_loudest_in_its_band_and_higher_tones_in_higher_bands(bank):
    heard = cochlea(bank=bank)
    places = [int(heard(tone(f))[15].argmax()) for f in (150, 400, 900, 1800, 3000)]
    assert places == sorted(places) and len(set(places)) == 5
    x = heard(tone(900))
    assert x.shape == (30, 24) and x.max() == 1 and x.min() >= 0


@pytest.mark.parametrize("bank", ["mel", "gammatone"])
def test_volume_does_not_matter_and_silence_is_silent(bank):
    heard = cochlea(bank=bank)
    np.testing.assert_allclose(heard(tone(900)), heard(0.001 * tone(900)), atol=1e-3)
    assert not heard(np.zeros((2, 800))).any()
    both = heard(np.stack([tone(500), tone(900)]))
    np.testing.assert_allclose(both[:, 1], heard(tone(900)), atol=1e-5)


def test_a_gammatone_resolves_single_periods():
    x = cochlea(bank="gammatone", dt=1 * ms, channels=8)(tone(100, 0.2))
    low = np.asarray(x[100:200, 0])
    power = np.abs(np.fft.rfft(low - low.mean()))
    assert power.argmax() == 10  # 10 periods in 100 ms


@pytest.mark.parametrize("bank", ["mel", "gammatone"])
def test_it_is_differentiable_in_the_sound(bank, x64):
    heard, random = cochlea(bank=bank, channels=6), np.random.default_rng(0)
    # Noise, so that one step alone is the loudest.
    sound, direction = jnp.asarray(random.normal(size=(2, 480)))

    def total(s):
        return jnp.sum(heard(sound + s * direction) ** 2)

    h = 1e-6
    numeric = (total(h) - total(-h)) / (2 * h)
    np.testing.assert_allclose(jax.grad(total)(0.0), numeric, rtol=1e-5)


@pytest.mark.slow
def test_codes():
    sound = np.concatenate([np.zeros(800), tone(700, 0.3)])
    x = cochlea()(sound)
    rate = cochlea(code="rate", dt=1 * ms, peak=200 * Hz)(sound)
    plain = cochlea(dt=1 * ms)(sound)
    assert set(np.unique(rate)) == {0, 1}
    assert np.abs(np.cumsum(rate - 0.2 * plain, axis=0)).max() < 1
    late = cochlea(code="latency", dt=1 * ms, peak=100 * Hz)(sound)
    folded = np.asarray(late)[:400].reshape(-1, 10, 24).sum(axis=1)
    assert folded.max() == 1 and not folded[:8].any() and folded[15:, x[20].argmax()].all()
    events = cochlea(code="level", dt=1 * ms)(sound)
    assert set(np.unique(events)) == {-1, 0, 1}
    follow = 0.1 * np.cumsum(events, axis=0)
    assert np.abs(follow - plain)[250:350].max() < 0.1
    gradient = jax.grad(lambda s: cochlea(code="rate")(s).sum())(jnp.asarray(tone(700), "float32"))
    assert np.isfinite(gradient).all() and gradient.any()


def test_what_it_cannot_take_is_refused():
    with pytest.raises(UnknownName, match="gammatone"):
        cochlea(bank="gamatone")
    with pytest.raises(UnknownName, match="latency"):
        cochlea(code="latancy")
    with pytest.raises(UnitError, match="dt"):
        cochlea(dt=5)
    with pytest.raises(ParameterError, match="half the sampling rate of 8000 Hz"):
        cochlea(high=5000 * Hz)
    with pytest.raises(ParameterError, match="whole number >= 2"):
        cochlea(channels=1)
    with pytest.raises(ShapeError, match="stereo"):
        cochlea()(np.zeros((2, 800, 2)))
    with pytest.raises(ShapeError, match="less than a time step"):
        cochlea()(np.zeros(10))
