import sys

import numpy as np
import pytest

import rheobase as rb
from rheobase.units import ms, nA


@pytest.fixture
def run():
    return rb.simulate(rb.LIF(), current=[1.0, 2.0] * nA, duration=60 * ms, dt=0.1 * ms)


def test_neo_gets_the_same_spikes(run):
    pytest.importorskip("neo")
    trains = rb.analysis.to_neo(run)
    assert len(trains) == 2
    for train, times in zip(trains, run.spike_times(), strict=True):
        np.testing.assert_allclose(train.rescale("ms").magnitude, times)
        assert float(train.t_stop.rescale("ms")) == pytest.approx(60)


def test_without_neo_it_says_how_to_get_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(ImportError, match=r'pip install "rheobase\[analysis\]"'):
        rb.analysis.to_neo(run)
