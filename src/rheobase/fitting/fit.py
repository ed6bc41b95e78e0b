"""`fit_recording`: a model of a recorded cell, in stages."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase.analysis.voltage import detect_spikes
from rheobase.errors import ArgumentError, RecordingError
from rheobase.fitting import judge
from rheobase.fitting.membrane import Passive, passive
from rheobase.fitting.problem import Problem, default_mask
from rheobase.fitting.scores import Scores, reliability, score
from rheobase.fitting.search import Found, Search
from rheobase.fitting.spread import scatter
from rheobase.fitting.start import Look, begin
from rheobase.fitting.target import Target, target
from rheobase.fitting.uncertainty import Estimate, estimates
from rheobase.io.recording import CurrentClamp, Sweep
from rheobase.neurons.base import AbstractNeuron
from rheobase.steppers import AbstractStepper, ExponentialEuler
from rheobase.train.domains import Where, choose
from rheobase.units import Quantity, ms

_AFTER_SPIKE = 8.0
"""ms after a spike at which the voltage is taken for that of the reset."""
_CANDIDATES = 160
_FORCED, _FREE = 12, 40
"""Steps of the search in the stage that the data reset, and in the free one."""


class RecordingFit(NamedTuple):
    """What `fit_recording` returns."""

    model: Any
    parameters: dict[str, Estimate]
    """Each with value, uncertainty and unit, by its name."""
    train: Scores
    test: Scores | None
    passive: Passive
    """Membrane and electrode, as the subthreshold answers show them."""
    reliability: float | None
    """Coincidence factor of the cell with itself where sweeps repeat, else None."""
    losses: tuple[float, ...]
    """The best loss after each step of the free stage."""
    seconds: float
    """Wall time."""
    details: "Details"

    @property
    def scores(self) -> dict[str, Scores | None]:
        """Both by name: what stands in `scores.json`."""
        return {"train": self.train, "test": self.test}

    def report(self, folder: str | Path) -> Path:
        """Write figures, tables, the model and a page into a folder; the path of the page.

        `model.rheobase` (for `rb.load` and `rheobase simulate`), `scores.json`,
        `parameters.json`, `traces.png`, `fi.png`, `loss.png`, `index.html`.
        """
        from rheobase.fitting.report import write

        return write(self, Path(folder))


class Details(NamedTuple):
    """What a report draws and a posterior needs."""

    recording: CurrentClamp
    train_sweeps: tuple[Sweep, ...]
    test_sweeps: tuple[Sweep, ...]
    spikes: dict[int, np.ndarray]
    """Of the data, ms, by the number of the sweep."""
    run: judge.FreeRun
    """Of the model, all sweeps."""
    dt: float
    problem: Problem
    found: Found


def fit_recording(
    recording: CurrentClamp,
    model: AbstractNeuron,
    *,
    train: Sequence[Sweep] | None = None,
    test: Sequence[Sweep] | None = None,
    trainable: Where | None = None,
    dt: Quantity = 0.1 * ms,
    stepper: AbstractStepper | None = None,
    starts: int = 12,
    steps: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> RecordingFit:
    """Fit a neuron to a current-clamp recording, by gradients in three stages.

    1. The passive answers to small pulses give tau, R, v_rest and what the bridge left
       uncompensated; with the thresholds of the spikes they set where the fit begins.
    2. Runs that the spikes of the data reset: the voltage between spikes, and the margin, which
       shall reach the threshold at the spikes and nowhere else.
    3. Free runs: exact derivatives of spike times, spikes that are missing or too many, voltage.

    `starts` starts go side by side in one compiled program by Levenberg-Marquardt steps in the
    coordinates of `rheobase.train.domains`, so that every parameter stays legal; the model with the
    best scores on `train` is kept. Sweeps without a gap between them are run one after the other,
    so that slow adaptation carries over.

    - `recording`: from `rb.io.read_recording` or `rb.io.recording_of`.
    - `model`: any neuron of the library or of your own, with its adaptors.
    - `train`, `test`: sweeps of the recording; every second one each by default.
    - `trainable`: what moves, as in `rb.fit`; all parameters by default, but where an upstroke is
      cut off.
    - `dt`: of the simulation, a whole multiple of the sampling interval.
    - `steps`: of the last stage. Ctrl-C ends it and keeps the best.
    - `seed`: of the starts; the same seed gives the same fit.

    Errors, before anything is computed: `ArgumentError`, `RecordingError`, `StepperError`.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, mV, nA, MOhm
    >>> cell = rb.LIF(tau=15 * ms, R=80 * MOhm, v_rest=-70 * mV, v_th=-52 * mV, v_reset=-62 * mV)
    >>> rec = rb.fitting.synthetic(cell, [-0.1, 0.2, 0.3, 0.4] * nA)
    >>> fit = rb.fit_recording(rec, rb.LIF(), starts=4, steps=15, progress=False)
    >>> abs(fit.parameters["tau"].value - 15) < 0.75
    True
    """
    began = time.perf_counter()
    train_sweeps, test_sweeps = _split(recording, train, test)
    step, stepper = _checked(recording, model, dt, stepper, starts)
    spikes = {s.number: detect_spikes(s.v, s.dt * ms) for s in recording.sweeps}
    times = {k: found.times for k, found in spikes.items()}
    if not any(len(times[s.number]) for s in train_sweeps):
        raise RecordingError(
            "there is no spike in the sweeps to train on. Include sweeps with larger pulses in "
            "`train`, or fit a membrane that never fires by rb.fit."
        )
    membrane = passive(train_sweeps, [times[s.number] for s in train_sweeps])
    look = _look(membrane, train_sweeps, spikes)
    start = begin(model, look)
    mask = default_mask(start) if trainable is None else choose(start, trainable)
    every = target(
        recording.sweeps, [spikes[s.number] for s in recording.sweeps], membrane.bridge, step
    )
    places = np.array([s.number for s in train_sweeps])
    problem = Problem(start, mask, stepper, every, places, judge.follows(recording.sweeps))
    task = _Task(recording, train_sweeps, test_sweeps, times, every, problem, step, stepper)
    best, found, losses = _searched(task, starts, _FREE if steps is None else steps, seed, progress)
    run = judge.free_run(best, recording.sweeps, step, stepper)
    return RecordingFit(
        model=best,
        parameters=estimates(problem, found),
        train=_scored(task, run, train_sweeps),
        test=_scored(task, run, test_sweeps) if test_sweeps else None,
        passive=membrane,
        reliability=reliability(recording.sweeps, [times[s.number] for s in recording.sweeps]),
        losses=losses,
        seconds=time.perf_counter() - began,
        details=Details(recording, train_sweeps, test_sweeps, times, run, step, problem, found),
    )


class _Task(NamedTuple):
    recording: CurrentClamp
    train: tuple[Sweep, ...]
    test: tuple[Sweep, ...]
    times: dict[int, np.ndarray]
    every: Target
    problem: Problem
    dt: float
    stepper: AbstractStepper


def _searched(
    task: _Task, starts: int, steps: int, seed: int, progress: bool
) -> tuple[Any, Found, tuple[float, ...]]:
    """The best model, where the search ended, and the losses on the way."""
    problem, losses = task.problem, []
    candidates = scatter(problem, _CANDIDATES, seed)
    total = _FORCED + steps
    search: Search | None = None
    with _shown(progress, total) as show:
        try:
            show(0, "looking for places to start from")
            order = np.argsort(problem.screen(candidates), kind="stable")
            rows = np.concatenate([[0], order[order != 0]])[:starts]
            search = Search(
                problem.forced, candidates[rows], problem.start, problem.prior, problem.ordered,
                seed, leaps=False,
            )  # fmt: skip
            for k in range(_FORCED):
                loss = search.step()
                show(k + 1, f"resetting with the data: loss {loss:.1f}")
            first = _spread_out(search.found().y, search.y, starts)
            search = Search(
                problem.free, first, problem.start, problem.prior, problem.ordered, seed
            )
            for k in range(steps):
                losses.append(search.step())
                show(_FORCED + k + 1, f"free: loss {losses[-1]:.1f}")
        except KeyboardInterrupt:
            if search is None or not search.best:
                raise
            warnings.warn("interrupted: the best model so far is kept.", stacklevel=3)
    found = search.found()
    best, place = _best(task, found)
    return best, found._replace(y=np.roll(found.y, -place, axis=0)), tuple(losses)


def _spread_out(best: np.ndarray, ends: np.ndarray, starts: int) -> np.ndarray:
    """Where the free stage begins: where each start of the one before ended."""
    return ends[:starts] if len(ends) >= starts else best


def _best(task: _Task, found: Found, most: int = 8) -> tuple[Any, int]:
    """The model with the best scores on the training sweeps among those of the smallest loss."""
    rated = []
    for k, y in enumerate(found.y[:most]):
        model = task.problem.build(np.asarray(y))
        run = judge.free_run(model, task.recording.sweeps, task.dt, task.stepper)
        rated.append((_scored(task, run, task.train).total, k, model))
    _, place, model = min(rated, key=lambda row: row[:2])
    return model, place


def _scored(task: _Task, run: judge.FreeRun, sweeps: Sequence[Sweep]) -> Scores:
    places = [s.number for s in sweeps]
    return score(
        sweeps,
        [task.times[k] for k in places],
        task.every.v[:, places],
        [run.spikes[k] for k in places],
        run.v[:, places],
    )


def _look(membrane: Passive, sweeps: Sequence[Sweep], spikes: dict[int, Any]) -> Look:
    """Threshold, reset and peak of the spikes in these sweeps."""
    onsets, peaks, after = [], [], []
    for s in sweeps:
        found = spikes[s.number]
        bridge = membrane.bridge * s.i
        onsets.append(found.onsets - bridge[np.round(found.begins / s.dt).astype(int)])
        peaks.append(found.peaks)
        places = np.round((found.times + _AFTER_SPIKE) / s.dt).astype(int)
        places = places[places < len(s.v)]
        after.append(s.v[places] - bridge[places])
    threshold, reset, peak = (float(np.median(np.concatenate(x))) for x in (onsets, after, peaks))
    interval = _idle_interval(sweeps, spikes)
    if interval is not None:
        # It fires by itself: at rest it would be above its threshold, so far that an integrator
        # needs that interval from reset to threshold.
        growth = float(np.exp(np.clip(interval / membrane.tau, 0.2, 6.0)))
        membrane = membrane._replace(v_rest=(threshold * growth - reset) / (growth - 1))
    return Look(membrane, threshold, reset, peak)


def _idle_interval(sweeps: Sequence[Sweep], spikes: dict[int, Any]) -> float | None:
    """Median interval (ms) between spikes at the holding current, None where there are few."""
    found = []
    for s in sweeps:
        times = spikes[s.number].times
        for a, b in zip(times[:-1], times[1:], strict=True):
            if not (s.i[int(a / s.dt) : int(b / s.dt)] != s.holding).any():
                found.append(b - a)
    return float(np.median(found)) if len(found) > 2 else None


def _split(
    recording: CurrentClamp, train: Sequence[Sweep] | None, test: Sequence[Sweep] | None
) -> tuple[tuple[Sweep, ...], tuple[Sweep, ...]]:
    if not isinstance(recording, CurrentClamp):
        raise ArgumentError(
            f"`recording` is what rb.io.read_recording returns, got {type(recording).__name__}. "
            f'Write rb.fit_recording(rb.io.read_recording("cell.abf"), rb.AdEx()).'
        )
    lengths = {len(s.v) for s in recording.sweeps}
    if len(lengths) > 1:
        raise RecordingError(
            f"the sweeps differ in their length: {sorted(lengths)} samples. Cut them to one."
        )
    chosen = {}
    for name, given, default in (("train", train, 0), ("test", test, 1)):
        given = recording.sweeps[default::2] if given is None else given
        for s in given:
            if not isinstance(s, Sweep) or not any(s is known for known in recording.sweeps):
                raise ArgumentError(
                    f"`{name}` holds sweeps of the recording, got {s!r}. "
                    f"Write {name}=rec.sweeps[{default}::2]."
                )
        chosen[name] = tuple(given)
    if not chosen["train"]:
        raise ArgumentError("`train` holds no sweep. Write train=rec.sweeps[::2].")
    both = {s.number for s in chosen["train"]} & {s.number for s in chosen["test"]}
    if both and test is not None:
        raise ArgumentError(
            f"sweeps {sorted(both)} are in `train` and in `test`: what was trained on is no test. "
            f"Write train=rec.sweeps[::2], test=rec.sweeps[1::2]."
        )
    return chosen["train"], tuple(s for s in chosen["test"] if s.number not in both)


def _checked(
    recording: CurrentClamp, model: Any, dt: Quantity, stepper: Any, starts: int
) -> tuple[float, AbstractStepper]:
    if isinstance(model, type) or not isinstance(model, AbstractNeuron):
        name = getattr(model, "__name__", repr(model))
        raise ArgumentError(
            f"`model` is a neuron, got {name}. Write rb.fit_recording(rec, rb.AdEx())."
        )
    if model.random:
        raise ArgumentError(
            f"{type(model).__name__} draws random numbers: its spike times have no derivative. Fit "
            f"the neuron inside, and put the noise around fit.model."
        )
    if isinstance(starts, bool) or not isinstance(starts, int) or starts < 1:
        raise ArgumentError(f"`starts` is a whole number >= 1, got {starts!r}.")
    step = float(dt.value_in(ms))
    recording.sweeps[0].every(step)
    stepper = ExponentialEuler() if stepper is None else stepper
    model.check(step)
    stepper.check(model, step)
    return step, stepper


@contextmanager
def _shown(progress: bool, total: int) -> Iterator[Callable[[int, str], None]]:
    if not progress:
        yield lambda done, text: None
        return
    from rheobase.progress import bar

    with bar() as shown:
        task = shown.add_task("fit", total=total, detail="")
        yield lambda done, text: shown.update(task, completed=done, detail=text)
