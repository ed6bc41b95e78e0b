"""Laws of the examples: each runs, finds what its docstring says, and draws a whole picture."""

import importlib.util
import re
import runpy
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tests.registry import NEURONS

SOURCE = Path(__file__).parents[2] / "docs" / "_ext" / "gallery.py"
spec = importlib.util.spec_from_file_location("gallery", SOURCE)
assert spec is not None and spec.loader is not None
gallery = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gallery)

SCRIPTS = gallery.scripts()
SLOW = {
    "brunel_states",
    "delayed_memory",
    "eprop_pattern",
    "fi_curves",
    "frozen_noise_chip",
    "izhikevich_patterns",
    "sound_localisation",
    "unsupervised_digits",
    "vogels_abbott",
    "xor_spike_times",
}
"""Scripts that take more than about three seconds."""
PARAMETERS = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in SCRIPTS
]


@pytest.mark.parametrize("name", PARAMETERS)
def test_numbers_are_as_published_and_the_picture_is_whole(name):
    script = gallery.module(SCRIPTS[name])
    result = script.main()
    found = gallery.numbers(result)
    promised = {row.name: row for row in gallery.rows(script.__doc__)}
    assert set(promised) == set(found), "every number has a row in the docstring, and no other"
    wrong = [
        f"{n} is {found[n]:.4g}: {row}" for n, row in promised.items() if not row.holds(found[n])
    ]
    assert not wrong

    figure = script.picture(result)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    inside = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert min(inside.x0, inside.y0) > -0.02, "something is cut at the left or the bottom"
    assert inside.x1 < width + 0.02 and inside.y1 < height + 0.02, "cut at the right or the top"
    words = [ax.get_xlabel() + ax.get_ylabel() for ax in figure.axes]
    words = " ".join([*words, figure.get_supxlabel(), figure.get_supylabel()])
    assert "(" in words, "axes say their unit"


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_says_its_paper_and_what_is_expected(name):
    text = SCRIPTS[name].read_text()
    documented = re.match(r'r?"""(.+?)"""', text, re.DOTALL)
    assert documented is not None
    title, blank, *_ = documented[1].splitlines()
    assert title.endswith(".") and not blank
    assert re.search(r"^Papers?: [^|]+?\((18|19|20)\d\d\)\.", documented[1], re.MULTILINE)
    assert gallery.rows(documented[1])
    assert len(text.splitlines()) <= 140


def test_every_neuron_that_fires_has_an_f_i_curve():
    shown = set(gallery.module(SCRIPTS["fi_curves"]).NEURONS)
    assert shown == {name for name, row in NEURONS.items() if row.fires}


def test_each_is_on_the_page_of_the_gallery():
    listed = [name for names in gallery.SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(SCRIPTS)


def test_by_hand_it_says_its_numbers_and_saves_its_picture(tmp_path, monkeypatch, capsys):
    path = SCRIPTS["cable_attenuation"]
    monkeypatch.syspath_prepend(str(path.parent))
    monkeypatch.setattr("sys.argv", [str(path), str(tmp_path / "new")])
    runpy.run_path(str(path), run_name="__main__")
    assert re.search(r"^lambda_thin +707", capsys.readouterr().out)
    assert (tmp_path / "new" / "cable_attenuation.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("expected", "good", "bad"),
    [
        ("8", 8, 8.001),
        ("0.5 ± 0.1", 0.59, 0.61),
        ("-20 ± 10 %", -21.9, -17.9),
        ("< 0.1", 0.09, 0.1),
        ("> 2", 2.1, 2.0),
        ("2 ± 1", 2.0, float("nan")),
    ],
)
def test_what_is_expected_is_read(expected, good, bad):
    row = gallery.Row("number", "", expected, "")
    assert row.holds(good) and not row.holds(bad)
