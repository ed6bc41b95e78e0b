"""Recordings of any sampling rate."""

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError
from rheobase.fitting.fit import fits_steps, usual_step
from rheobase.units import kHz, ms, mV, nA


def recording(rate, seconds=0.4):
    samples = round(1000 * seconds * rate)
    t = np.arange(samples) / rate
    current = np.where((t >= 100) & (t < 300), 1.0, 0.0) * np.array([[-0.2], [0.3]])
    return rb.io.recording_of((-65 + 10 * current) * mV, current * nA, rate=rate * kHz)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(20, 0.1), (10, 0.1), (50, 0.1), (25, 0.04), (16, 0.0625), (8, 0.125), (30, 0.1)],
)
def test_the_step_is_made_of_samples_and_makes_milliseconds(rate, expected):
    rec = recording(rate)
    step = usual_step(rec)
    np.testing.assert_allclose(step, expected)
    assert fits_steps(rec) and rec.sweeps[0].every(step)


def test_other_rates_are_resampled():
    rec = recording(12.5)
    assert not fits_steps(rec)
    with pytest.raises(ArgumentError, match=r"rec.resampled\(20\*kHz\)"):
        rb.fit_recording(rec, rb.AdEx())
    again = rec.resampled(20 * kHz)
    assert fits_steps(again) and again.sweeps[0].duration == rec.sweeps[0].duration
    for one, two in zip(rec.sweeps, again.sweeps, strict=True):
        before, after = (s.pulses()[0] for s in (one, two))
        np.testing.assert_allclose(after, before, atol=0.05)
        assert set(two.i) == set(one.i) and two.v.min() >= one.v.min()
    with pytest.raises(ArgumentError, match="does not divide"):
        rb.fit_recording(recording(25), rb.AdEx(), dt=0.08 * ms)
