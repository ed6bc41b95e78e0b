import json
import re

import pytest

from rheobase.cli.running import read_time
from rheobase.errors import ArgumentError
from rheobase.units import ms


def test_a_network_is_run_told_and_drawn(rheobase, tmp_path):
    out = tmp_path / "there"
    result = rheobase(
        "run", "cuba", "--neurons", "200", "--duration", "100ms", "--out", str(out), "--seed", "3"
    )
    assert result.code == 0, result.err
    assert re.search(r"^e +160 +\d+\.\d\d +5\.5 ", result.out, re.M)
    assert re.search(r"^i +40 ", result.out, re.M)
    for fact in ("neurons", "synapses", "memory", "build", "compile", "run"):
        assert re.search(rf"^{fact} +\S", result.out, re.M)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["neurons"] == 200 and metrics["seed"] == 3
    assert metrics["simulated_seconds"] == pytest.approx(0.1)
    assert metrics["synapses"] == pytest.approx(200 * 80, rel=0.05)
    assert metrics["populations"]["e"]["published"] == 5.5
    page = (out / "index.html").read_text()
    for name in ("raster", "rates", "intervals"):
        assert (out / f"{name}.png").stat().st_size > 5000
    assert page.count("data:image/png;base64,") == 3 and 'src="raster' not in page
    assert "<td>160</td>" in page and "Vogels" in page


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rates(rheobase, tmp_path):
    def rates(seed):
        words = ("run", "brunel", "--neurons", "100", "--duration", "50ms", "--seed", seed)
        assert rheobase(*words, "--out", str(tmp_path)).code == 0
        metrics = json.loads((tmp_path / "metrics.json").read_text())
        return {name: row["rate"] for name, row in metrics["populations"].items()}

    assert rates("1") == rates("1") != rates("2")


def test_silence_has_no_cv_and_is_told(rheobase, tmp_path):
    words = ("run", "cuba", "--neurons", "10", "--duration", "1ms", "--out", str(tmp_path))
    assert rheobase(*words).code == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["populations"]["i"]["cv"] is None


def test_an_unknown_network_names_the_near_miss(rheobase):
    result = rheobase("run", "cobah")
    assert result.code == 2
    assert "Did you mean 'cobahh'" in result.err and "Traceback" not in result.err


@pytest.mark.parametrize(
    "words", [("--neurons", "0"), ("--duration", "5"), ("--duration", "-1s"), ("--neurons", "few")]
)
def test_what_makes_no_sense_is_exit_2(rheobase, words, tmp_path):
    assert rheobase("run", "cuba", *words, "--out", str(tmp_path)).code == 2


def test_times():
    assert float(read_time("1s").value_in(ms)) == 1000
    assert float(read_time(" 2.5 ms").value_in(ms)) == 2.5
    assert float(read_time("1e-2s").value_in(ms)) == 10
    for text in ("1", "ms", "1.2.3s", "0s", "1 m"):
        with pytest.raises(ArgumentError, match="--duration 500ms"):
            read_time(text)
