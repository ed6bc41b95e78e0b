"""Pictures of runs, neurons, surrogates and training.

Each function draws into one matplotlib axes, `ax`, and returns it; `overview` and `population`
draw several panels and return theirs, from top to bottom. Without `ax` it makes a figure as
`pyplot.subplots()` does, so that a notebook shows it and a script shows it with `pyplot.show()`;
with `ax` pyplot is left alone, and the frame is that of the figure: make it
`with rb.plot.look():` to have that of these pictures. No setting of matplotlib is changed, and
matplotlib is imported by the first picture.

Arrays are in the units in which a `Recording` holds them (ms, mV, nA); a quantity is converted.
"""

from rheobase.plot.dendrogram import dendrogram
from rheobase.plot.fi_curve import fi_curve
from rheobase.plot.gradients import gradients
from rheobase.plot.learning_curve import learning_curve
from rheobase.plot.morphology import animation, morphology
from rheobase.plot.overview import overview
from rheobase.plot.phase_plane import phase_plane
from rheobase.plot.population import population
from rheobase.plot.raster import raster
from rheobase.plot.style import look
from rheobase.plot.surrogate import surrogate
from rheobase.plot.traces import traces

__all__ = [
    "animation",
    "dendrogram",
    "fi_curve",
    "gradients",
    "learning_curve",
    "look",
    "morphology",
    "overview",
    "phase_plane",
    "population",
    "raster",
    "surrogate",
    "traces",
]
