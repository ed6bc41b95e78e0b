"""A recording of a cell that is known: a model, with spikes drawn into its voltage."""

from typing import Any

import numpy as np

from rheobase.io.recording import CurrentClamp, recording_of
from rheobase.record import Record
from rheobase.simulate import simulate
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import FromArray
from rheobase.time import Clock
from rheobase.units import Quantity, kHz, ms, mV, nA

_RISE, _FALL = 0.3, 1.2
"""ms that a spike takes from threshold to peak, and down again."""
_PEAK = 30.0
"""mV."""


def synthetic(
    model: Any,
    currents: Quantity,
    *,
    duration: Quantity = 500 * ms,
    before: Quantity = 100 * ms,
    pulse: Quantity = 300 * ms,
    noise: Quantity = 0 * mV,
    stepper: AbstractStepper | None = None,
    seed: int = 0,
) -> CurrentClamp:
    """A current-clamp recording of a model at 20 kHz, one sweep for each current.

    - `currents`: of the pulses, shape (sweeps,).
    - `duration`: of a sweep; `before`: until the pulse begins; `pulse`: how long it lasts.
    - `noise`: standard deviation of white noise of the amplifier; `seed`: of its values.

    Integrate-and-fire models have no action potential, so one is drawn where they spike.

    >>> import rheobase as rb
    >>> from rheobase.units import nA
    >>> rb.fitting.synthetic(rb.AdEx(), [-0.1, 0.8] * nA)
    CurrentClamp(2 sweeps of 500 ms at 20 kHz, -75.79 to 30 mV, -0.1 to 0.8 nA, holding 0 nA, steps)
    """
    dt = 0.05
    length = round(float(duration.value_in(ms)) / dt)
    a = round(float(before.value_in(ms)) / dt)
    b = a + round(float(pulse.value_in(ms)) / dt)
    levels = np.atleast_1d(np.asarray(currents.value_in(nA), float))
    current = np.zeros((length, len(levels)))
    current[a:b] = levels
    voltages, state = [], None
    for k in range(len(levels)):
        run = simulate(
            model,
            current=FromArray(current[:, k] * nA),
            duration=length * dt * ms,
            dt=dt * ms,
            stepper=stepper,
            record=Record(("v",)),
            state=state,
        )
        state = run.final._replace(step=Clock.of(0))
        voltages.append(_with_spikes(np.array(run["v"], float), np.asarray(run.spikes), dt))
    v = np.stack(voltages)
    v = v + float(noise.value_in(mV)) * np.random.default_rng(seed).normal(size=v.shape)
    return recording_of(v * mV, current.T * nA, rate=20 * kHz, holding=0 * nA, protocol="steps")


def _with_spikes(v: np.ndarray, spikes: np.ndarray, dt: float) -> np.ndarray:
    """The voltage with a spike drawn where there is one and the model has none of its own."""
    up, down = round(_RISE / dt), round(_FALL / dt)
    for k in np.flatnonzero(spikes):
        if v[max(k - up, 0) : k + down].max() > 0 and v[k] > 0 and k + 1 < len(v) and v[k + 1] > 0:
            continue
        begin, end = max(k - up, 1), min(k + down, len(v) - 1)
        v[begin : k + 1] = np.linspace(v[begin - 1], _PEAK, k + 2 - begin)[1:]
        v[k : end + 1] = np.linspace(_PEAK, v[end], end + 1 - k)
    return v
