"""What spike trains say: rates, intervals, counts, spectra.

Every function takes the `Recording` of a neuron or a population, or events, a pair of arrays
(time in ms or as a quantity, neuron), with the number of neurons `n` and the `duration` that were
observed. It returns plain arrays: Hz and ms, or numbers without unit; NaN where there are too few
spikes to say. `to_neo` hands the spikes to neo, and so to elephant and its many measures.
"""

from rheobase.analysis.counts import correlation, fano, synchrony
from rheobase.analysis.exports import to_neo
from rheobase.analysis.intervals import cv, isi
from rheobase.analysis.rate import population_rate, power_spectrum, rates
from rheobase.analysis.voltage import (
    DetectedSpikes,
    Firing,
    coincidence,
    detect_spikes,
    efel_features,
    firing,
)

__all__ = [
    "DetectedSpikes",
    "Firing",
    "coincidence",
    "correlation",
    "cv",
    "detect_spikes",
    "efel_features",
    "fano",
    "firing",
    "isi",
    "population_rate",
    "power_spectrum",
    "rates",
    "synchrony",
    "to_neo",
]
