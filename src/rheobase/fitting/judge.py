"""A model let run by itself through the sweeps of a recording: it sees nothing but the current."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rheobase.fitting.patched import Injected, patch_of
from rheobase.fitting.target import BLOCK
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import FromArray
from rheobase.time import Clock
from rheobase.units import ms, nA

LONGEST_GAP = 1.0
"""ms between two sweeps up to which the second goes on from the state of the first."""


class FreeRun(NamedTuple):
    """What a model does in each sweep."""

    v: np.ndarray
    """Voltage (mV) at the end of each millisecond, (blocks, sweeps)."""
    spikes: tuple[np.ndarray, ...]
    """ms after the beginning of each sweep."""


def follows(sweeps: Sequence[Any]) -> np.ndarray:
    """Whether each sweep begins where the one before it in the recording ended."""
    found = [False]
    for one, two in zip(sweeps[:-1], sweeps[1:], strict=True):
        gap = two.start - (one.start + one.duration)
        found.append(two.number == one.number + 1 and abs(gap) <= LONGEST_GAP)
    return np.array(found)


def free_run(
    model: Any, sweeps: Sequence[Any], dt: float, stepper: AbstractStepper | None = None
) -> FreeRun:
    """Simulate all sweeps of a recording in their order, at a step of `dt` (ms).

    A sweep that follows the one before without a gap goes on from its state, as the cell did;
    others begin at rest.
    """
    goes_on = follows(sweeps)
    voltages, spikes, state, patch = [], [], None, patch_of(model)
    every = round(BLOCK / dt)
    length = min(len(s.v) * s.dt for s in sweeps)
    steps = int(length / BLOCK + 1e-6) * every
    for sweep, on in zip(sweeps, goes_on, strict=True):
        current = FromArray(sweep.every(dt).i[:steps] * nA)
        begin = _begun(state) if on and state is not None else None
        run = patch.under(Injected(current, steps * dt * ms, dt * ms, stepper, begin))
        state = run.final
        voltages.append(run.v[every - 1 :: every])
        spikes.append(run.spikes)
    return FreeRun(np.stack(voltages, axis=1), tuple(spikes))


def _begun(state: Any) -> Any:
    """The end of a sweep as the beginning of the next, at time zero."""
    return state._replace(step=Clock.of(0))
