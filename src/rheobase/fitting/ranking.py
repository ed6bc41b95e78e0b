"""`--model auto`: several models of one recording, ranked."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rheobase.fitting.fit import RecordingFit, fit_recording, usual_step
from rheobase.io.recording import CurrentClamp, Sweep
from rheobase.neurons import ALIF, GLIF, LIF, AdEx, HodgkinHuxley, Izhikevich
from rheobase.units import ms

CANDIDATES: tuple[Callable[[], Any], ...] = (LIF, ALIF, AdEx, GLIF, Izhikevich, HodgkinHuxley)
_WORTH = 0.02
"""What a parameter must lower the held-out score by to be worth having."""
_GATED = 0.05
"""ms: the longest step of a gated neuron."""


class Ranked(NamedTuple):
    """One model and its place."""

    name: str
    fit: RecordingFit
    parameters: int
    rank: float
    """Held-out score plus 0.02 for each free parameter; smaller is better."""

    @property
    def score(self) -> float:
        """The held-out score alone, `rb.fitting.Scores.total`; of the training where none is."""
        return (self.fit.test or self.fit.train).total


def fit_models(
    recording: CurrentClamp,
    models: Sequence[Any] | None = None,
    *,
    train: Sequence[Sweep] | None = None,
    test: Sequence[Sweep] | None = None,
    adaptors: bool = True,
    starts: int = 8,
    steps: int = 25,
    seed: int = 0,
    progress: bool = True,
) -> tuple[Ranked, ...]:
    """Fit several neurons to a recording, the best first.

    The score is `rb.fitting.Scores.total` on `test`, plus 0.02 for each free parameter.

    - `models`: neurons; LIF, ALIF, AdEx, GLIF, Izhikevich and HodgkinHuxley by default.
    - all else as in `rb.fit_recording`.

    >>> import rheobase as rb
    >>> from rheobase.units import nA
    >>> rec = rb.fitting.synthetic(rb.LIF(), [-0.5, 1.7, 2, 2.5] * nA)
    >>> given = {"adaptors": False, "starts": 2, "steps": 3, "progress": False}
    >>> ranked = rb.fitting.fit_models(rec, [rb.LIF()], **given)
    >>> ranked[0].name, ranked[0].parameters
    ('LIF', 5)
    """
    found = []
    for model in [make() for make in CANDIDATES] if models is None else models:
        gated = isinstance(model, HodgkinHuxley)
        fit = fit_recording(
            recording,
            model,
            train=train,
            test=test,
            adaptors=adaptors,
            dt=usual_step(recording, _GATED) * ms if gated else None,
            starts=4 if gated else starts,
            steps=steps,
            seed=seed,
            progress=progress,
        )
        judged = fit.test or fit.train
        size = fit.details.problem.size
        total = judged.total if np.isfinite(judged.total) else 1e3
        found.append(Ranked(model.title, fit, size, total + _WORTH * size))
    return tuple(sorted(found, key=lambda row: row.rank))
