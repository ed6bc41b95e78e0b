"""`fit_recording`: a model of a recorded cell, in stages."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase import printed
from rheobase.analysis.voltage import detect_spikes
from rheobase.cable import Cell
from rheobase.cable.members import require_receiver
from rheobase.errors import ArgumentError, RecordingError, brief
from rheobase.fitting import judge
from rheobase.fitting.membrane import Passive, passive
from rheobase.fitting.patched import Point, patch_of
from rheobase.fitting.problem import Problem
from rheobase.fitting.scores import Scores, reliability
from rheobase.fitting.search import Found
from rheobase.fitting.stages import FORCED, FREE, Case, Stages
from rheobase.fitting.start import look_at
from rheobase.fitting.target import BLOCK, target
from rheobase.fitting.uncertainty import Estimate, estimates
from rheobase.io.recording import CurrentClamp, Sweep
from rheobase.neurons.base import AbstractNeuron
from rheobase.provenance import Provenance, precision_of, versions
from rheobase.steppers import AbstractStepper
from rheobase.train.domains import Where
from rheobase.units import Quantity, ms


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
    provenance: Provenance = Provenance()
    """What made it: versions, stepper, dt, precision, and the seed as its key."""

    def __repr__(self) -> str:
        return printed.shortly(self)

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
    model: AbstractNeuron | Cell,
    *,
    train: Sequence[Sweep] | None = None,
    test: Sequence[Sweep] | None = None,
    trainable: Where | None = None,
    adaptors: bool = True,
    dt: Quantity | None = None,
    stepper: AbstractStepper | None = None,
    starts: int = 12,
    steps: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> RecordingFit:
    """Fit a neuron to a current-clamp recording, in stages.

    1. The passive answers to small pulses give tau, R, v_rest and what the bridge left
       uncompensated; with the thresholds of the spikes they set where the fit begins.
    2. Runs that the spikes of the data reset: the voltage between spikes, and the margin, which
       shall reach the threshold at the spikes and nowhere else.
    3. Where that leaves more than half of the error that is allowed, a bare neuron is dressed
       (`adaptors`): refractoriness, a threshold that rises with spikes, conductances of a medium
       and, in sweeps without a gap between them, of a slow afterhyperpolarisation.
    4. Free runs. Of a bare neuron: exact derivatives of spike times, spikes that are missing or too
       many, voltage. Where that is not enough, and of a dressed one: an evolution of a population
       by the error in counts, spike times and voltage, for which no derivative is needed.

    Steps with derivatives are those of Levenberg and Marquardt, `starts` of them side by side in
    one compiled program, in the coordinates of `rheobase.train.domains`, so that every parameter
    stays legal; the model with the best scores on `train` is kept. Sweeps without a gap between
    them are run one after the other, so that slow adaptation carries over.

    - `recording`: from `rb.io.read_recording` or `rb.io.recording_of`.
    - `model`: any neuron of the library or of your own, with its adaptors; or a `Cell` with an
      electrode at its soma, which evolves from the beginning (stage 4 alone).
    - `train`, `test`: sweeps of the recording; every second one each by default, and where only one
      of the two is given, the other is all the rest.
    - `trainable`: what moves, as in `rb.fit`; all parameters by default, but where an upstroke is
      cut off; of a cell conductances, the leak's reversal potential and the capacitance.
    - `adaptors`: whether a bare neuron that resets may be dressed. A neuron that wears adaptors
      already is fitted as it is, and so is one of which `trainable` picks a part.
    - `dt`: of the simulation, a whole multiple of the sampling interval that divides 1 ms; by
      default the longest up to 0.1 ms, of a cell up to 0.05 ms.
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
    look = look_at(membrane, train_sweeps, spikes)
    every = target(
        recording.sweeps, [spikes[s.number] for s in recording.sweeps], membrane.bridge, step
    )
    case = Case(recording, train_sweeps, times, every, look, step, stepper)
    steps = FREE if steps is None else steps
    with _shown(progress, FORCED + steps) as show:
        stages = Stages(case, case.problem(model, trainable), steps, seed, show)
        best, problem, found, losses = stages.run(starts, adaptors and trainable is None)
    run = case.run(best)
    return RecordingFit(
        model=best,
        parameters=estimates(problem, found),
        train=case.scored(run, train_sweeps),
        test=case.scored(run, test_sweeps) if test_sweeps else None,
        passive=membrane,
        reliability=reliability(recording.sweeps, [times[s.number] for s in recording.sweeps]),
        losses=losses,
        seconds=time.perf_counter() - began,
        details=Details(recording, train_sweeps, test_sweeps, times, run, step, problem, found),
        provenance=Provenance(
            versions(), type(stepper).__name__, step, precision_of(best), key=seed
        ),
    )


def _split(
    recording: CurrentClamp, train: Sequence[Sweep] | None, test: Sequence[Sweep] | None
) -> tuple[tuple[Sweep, ...], tuple[Sweep, ...]]:
    if not isinstance(recording, CurrentClamp):
        raise ArgumentError(
            f"`recording` is what rb.io.read_recording returns, got {brief(recording)}. "
            f'Write rb.fit_recording(rb.io.read_recording("cell.abf"), rb.AdEx()).'
        )
    lengths = {len(s.v) for s in recording.sweeps}
    if len(lengths) > 1:
        raise RecordingError(
            f"the sweeps differ in their length: {sorted(lengths)} samples. Cut them to one."
        )
    chosen = {}
    for name, given, default in (("train", train, 0), ("test", test, 1)):
        for s in given or ():
            if not isinstance(s, Sweep) or not any(s is known for known in recording.sweeps):
                raise ArgumentError(
                    f"`{name}` holds sweeps of the recording, got {brief(s)}. "
                    f"Write {name}=rec.sweeps[{default}::2]."
                )
        chosen[name] = None if given is None else {s.number for s in given}
    every = {s.number for s in recording.sweeps}
    trained, judged = chosen["train"], chosen["test"]
    if trained is None:
        trained = {s.number for s in recording.sweeps[::2]} if judged is None else every - judged
    judged = every - trained if judged is None else judged
    if not trained:
        raise ArgumentError("`train` holds no sweep. Write train=rec.sweeps[::2].")
    if both := trained & judged:
        raise ArgumentError(
            f"sweeps {sorted(both)} are in `train` and in `test`: what was trained on is no test. "
            f"Write train=rec.sweeps[::2], test=rec.sweeps[1::2]."
        )
    pick = lambda those: tuple(s for s in recording.sweeps if s.number in those)  # noqa: E731
    return pick(trained), pick(judged)


def _checked(
    recording: CurrentClamp, model: Any, dt: Quantity | None, stepper: Any, starts: int
) -> tuple[float, AbstractStepper]:
    require_receiver(
        model,
        "`model` is",
        "rb.fit_recording(rec, {}); to fit what else rb.simulate takes, write the loss of its "
        "voltage against sweep.v and hand its gradient (jax.grad) to optax",
    )
    if isinstance(starts, bool) or not isinstance(starts, int) or starts < 1:
        raise ArgumentError(f"`starts` is a whole number >= 1, got {brief(starts)}.")
    patch = patch_of(model)
    step = usual_step(recording, patch.longest) if dt is None else float(dt.value_in(ms))
    recording.sweeps[0].every(step)
    if not _divides(step):
        raise ArgumentError(
            f"a fit compares voltages once a millisecond, and dt = {step:g} ms does not divide it. "
            f"Leave dt out, or write rec = rec.resampled(20*kHz) first."
        )
    return step, patch.check(step, stepper)


def usual_step(recording: CurrentClamp, longest: float = Point.longest) -> float:
    """The time step (ms) of a fit: whole samples, and whole steps in a millisecond."""
    sample = recording.sweeps[0].dt
    most = max(int(longest / sample + 1e-6), 1)
    return next((k * sample for k in range(most, 0, -1) if _divides(k * sample)), sample)


def fits_steps(recording: CurrentClamp) -> bool:
    """Whether a step can be found: whole samples of a recording that make a millisecond."""
    return _divides(usual_step(recording))


def _divides(step: float) -> bool:
    """Whether a millisecond is a whole number of steps (ms)."""
    return abs(BLOCK / step - round(BLOCK / step)) < 1e-6


@contextmanager
def _shown(progress: bool, total: int) -> Iterator[Callable[[int, str], None]]:
    if not progress:
        yield lambda done, text: None
        return
    from rheobase.progress import bar

    with bar() as shown:
        task = shown.add_task("fit", total=total, detail="")
        yield lambda done, text: shown.update(task, completed=done, detail=text)
