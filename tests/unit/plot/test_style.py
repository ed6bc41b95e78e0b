import os
import subprocess
import sys

import matplotlib
from matplotlib.figure import Figure

import rheobase as rb
from rheobase.plot.style import PALETTE


def test_the_look_ends_with_its_block():
    before = dict(matplotlib.rcParams)
    with rb.plot.look():
        ours = Figure().subplots()
    assert dict(matplotlib.rcParams) == before
    assert not ours.spines["top"].get_visible()
    assert Figure().subplots().spines["top"].get_visible()


def test_neighbouring_colours_differ_for_the_colour_blind():
    # Deuteranopia after Viénot, Brettel & Mollon 1999: red and green are one.
    def seen(colour):
        r, g, b = matplotlib.colors.to_rgb(colour)
        linear = [x**2.2 for x in (r, g, b)]
        return 0.29275 * linear[0] + 0.70725 * linear[1], linear[2]

    for i, one in enumerate(PALETTE):
        for other in PALETTE[i + 1 :]:
            (a, b), (c, d) = seen(one), seen(other)
            assert max(abs(a - c), abs(b - d)) > 0.05, (one, other)


def test_matplotlib_waits_for_the_first_picture():
    line = "import sys, rheobase as rb; rb.plot.raster; sys.exit('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", line],
        env={**os.environ, "PYTHONPATH": rb.__path__[0] + "/.."},
        timeout=120,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


def test_lines_take_the_colours_of_the_look():
    with rb.plot.look() as colours:
        ax = Figure().subplots()
        lines = [ax.plot([0, 1])[0] for _ in colours]
    assert colours == PALETTE
    assert tuple(line.get_color() for line in lines) == PALETTE
