"""Training for chips that differ, power, and the demonstration."""

import json

import jax
import numpy as np
import pytest

from rheobase.cli import main
from rheobase.devices import dynapse2 as d2
from rheobase.devices.dynapse2 import frozen_noise as task
from rheobase.errors import ArgumentError, ShapeError


@pytest.mark.slow
def test_frozen_noise_is_told_apart_on_chips_that_training_has_not_seen():
    x = task.patterns(jax.random.key(0))
    net = task.network(jax.random.key(1))
    trained = d2.train(net, x, task.loss, steps=300, spread=0.2)
    counts = task.unseen(trained.network, x, 0.2, jax.random.key(9)).sum(axis=1)
    assert counts.shape == (20, 2, 2)
    assert float(np.median(task.ratio(counts))) >= 5


def test_the_ratio_is_that_of_the_worse_pattern():
    counts = np.array([[[10.0, 2.0], [0.0, 30.0]], [[8.0, 1.0], [10.0, 5.0]]])
    np.testing.assert_allclose(task.ratio(counts), [5.0, 0.5])


def test_power_is_the_sum_of_its_events():
    net = d2.Network(n_in=4, n_out=2)
    spec = d2.place(d2.quantise(net, second_entries=False))
    x = np.zeros((1000, 1, 4), np.float32)
    x[::10] = 1  # 4 channels at 100 Hz
    silent = np.zeros((1000, 1, 2))
    energies = d2.Energies()
    estimate = d2.power(spec, x, silent)
    assert estimate.cores[0].spikes == 0
    routing = 400 * (energies.broadcast + energies.route)
    assert estimate.cores[0].routing == pytest.approx(routing)
    entries = sum(map(len, spec.listening))
    assert estimate.cores[0].synapses == pytest.approx(100 * entries * energies.pulse)
    assert 0 < estimate.cores[0].bias < 1e-3
    assert estimate.total == pytest.approx(sum(estimate.cores[0][1:]))
    with pytest.raises(ShapeError, match=r"spec.network.run"):
        d2.power(spec, x, silent[:5])


@pytest.mark.slow
def test_the_demonstration_leaves_its_results(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["chip", "demo", "--out", str(tmp_path), "--steps", "2"])
    assert end.value.code == 0
    names = {"chip.json", "report.txt", "metrics.json", "index.html", "spikes.png", "weights.png"}
    assert names <= {file.name for file in tmp_path.iterdir()}
    assert len(json.loads((tmp_path / "metrics.json").read_text())["networks"]) == 7
    with pytest.raises(SystemExit):
        main(["chip", "report", str(tmp_path / "chip.json")])
    assert "2 neurons" in capsys.readouterr().out


def test_codes_on_the_command_line(capsys):
    with pytest.raises(SystemExit) as end:
        main(["chip", "codes", "Itau_mem", "5.3pA"])
    assert end.value.code == 0
    assert "SOIF_LEAK_N: coarse 0, fine 30" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(["chip", "codes", "Itau_mem", "5.3"])
    assert end.value.code == 2
    with pytest.raises(SystemExit):
        main(["chip", "schema"])
    assert "$defs" in capsys.readouterr().out


def test_errors_teach():
    with pytest.raises(ArgumentError, match="steps"):
        d2.train(d2.Network(n_in=2, n_out=1), np.ones((3, 1, 2)), lambda out: out.sum(), steps=0)
