"""From a recording to a model: stages of a fit, scores, uncertainty, reports.

`rb.fit_recording` does it all; the parts are here for those who want them one by one.
"""

from rheobase.fitting.fit import RecordingFit, fit_recording
from rheobase.fitting.known_cell import synthetic
from rheobase.fitting.membrane import Passive, passive
from rheobase.fitting.posterior import Posterior, fit_posterior
from rheobase.fitting.ranking import Ranked, fit_models
from rheobase.fitting.scores import Scores, SweepScore, score
from rheobase.fitting.uncertainty import Estimate

__all__ = [
    "Estimate",
    "Passive",
    "Posterior",
    "Ranked",
    "RecordingFit",
    "Scores",
    "SweepScore",
    "fit_models",
    "fit_posterior",
    "fit_recording",
    "passive",
    "score",
    "synthetic",
]
