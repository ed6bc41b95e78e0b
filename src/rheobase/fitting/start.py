"""Where a fit begins: the parameters that the passive membrane and the spikes suggest."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from rheobase.adaptors.base import AbstractAdaptor
from rheobase.fitting.membrane import Passive
from rheobase.neurons import GLIF, HodgkinHuxley, Izhikevich
from rheobase.neurons.base import Onset
from rheobase.units import Role, parameters

_AFTER_SPIKE = 8.0
"""ms after a spike at which the voltage is taken for that of the reset."""


_REACHED = 2.0
"""mV by which the largest current shall carry the passive membrane beyond the threshold."""


class Look(NamedTuple):
    """What a first look at the data says."""

    passive: Passive
    threshold: float
    """Voltage at which spikes begin, mV."""
    reset: float
    """Voltage after a spike, mV."""
    peak: float
    """mV."""


def look_at(membrane: Passive, sweeps: Sequence[Any], spikes: dict[int, Any]) -> Look:
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
    # A membrane that opens inward currents on its way reaches a threshold that one without does
    # not: one that the largest current leaves silent would teach nothing.
    most = membrane.v_rest + membrane.R * max(float(s.i.max()) for s in sweeps)
    threshold = min(threshold, most - _REACHED)
    return Look(membrane, threshold, reset, peak)


def _idle_interval(sweeps: Sequence[Any], spikes: dict[int, Any]) -> float | None:
    """Median interval (ms) between spikes at the holding current, None where there are few."""
    found = []
    for s in sweeps:
        times = spikes[s.number].times
        for a, b in zip(times[:-1], times[1:], strict=True):
            if not (s.i[int(a / s.dt) : int(b / s.dt)] != s.holding).any():
                found.append(b - a)
    return float(np.median(found)) if len(found) > 2 else None


def begin(neuron: Any, look: Look) -> Any:
    """The neuron with the parameters that it shares with the passive membrane set to the data's.

    What is no neuron of a known form stays as it is.
    """
    if isinstance(neuron, AbstractAdaptor):
        return eqx.tree_at(lambda n: n.neuron, neuron, begin(neuron.neuron, look))
    values = _values(neuron, look)
    names = list(values)
    if not names:
        return neuron
    old = [getattr(neuron, name) for name in names]
    new = [
        jnp.broadcast_to(jnp.asarray(values[n], o.dtype), o.shape)
        for n, o in zip(names, old, strict=True)
    ]
    return eqx.tree_at(lambda n: [getattr(n, name) for name in names], neuron, new)


def _values(neuron: Any, look: Look) -> dict[str, float]:
    """By name: what the roles of its parameters say, and what only this kind of neuron has."""
    roles = _roles(neuron, look)
    named = {n: roles[d.role] for n, d in parameters(neuron).items() if d.role in roles}
    return named | _own(neuron, look)


def _own(neuron: Any, look: Look) -> dict[str, float]:
    p = look.passive
    tau, R, rest, threshold = p.tau, p.R, p.v_rest, look.threshold
    reset = min(look.reset, threshold - 2.0)
    way = abs(threshold - rest) + 2.0
    if isinstance(neuron, Izhikevich):
        k = 1 / (tau * way)
        return {
            "quadratic": k, "linear": -k * (rest + threshold), "constant": k * rest * threshold,
            "C": tau / R, "v_b": rest, "b": 0.02 / tau, "a": 0.01, "c": reset, "d": 0.05 * 10 / tau,
            "v_th": look.peak,
        }  # fmt: skip
    if isinstance(neuron, HodgkinHuxley):
        g = 1 / R / 0.003
        return {
            "C": tau / R, "g_L": 1 / R, "g_Na": 1.2 * g * 0.3, "g_K": 0.36 * g * 0.3,
            "v_rest": rest, "v_L": rest,
        }  # fmt: skip
    if isinstance(neuron, GLIF):
        step = 0.1 * way / R
        return {
            "v_th_reset": reset + 0.5 * (threshold - reset),
            "a": 0.002, "b": 0.01, "k1": 0.05, "k2": 0.005, "A1": -step, "A2": -step / 4,
        }  # fmt: skip
    return {}


def _roles(neuron: Any, look: Look) -> dict[Role | None, float]:
    p = look.passive
    way = abs(look.threshold - p.v_rest) + 2.0
    found: dict[Role | None, float] = {
        Role.TIME_CONSTANT: p.tau,
        Role.RESISTANCE: p.R,
        Role.CAPACITANCE: p.tau / p.R,
        Role.REST: p.v_rest,
        Role.RESET: min(look.reset, look.threshold - 2.0),
        Role.THRESHOLD: look.threshold,
        Role.LIFT: 0.1 * way,
        Role.LIFT_TIME: 100.0,
    }
    if neuron.onset is Onset.UPSTROKE:
        found |= {
            Role.PEAK: look.peak,
            Role.SLOPE: 1.0,
            Role.COUPLING: 0.05 / p.R,
            Role.JUMP: 0.05 * way / p.R,
            Role.ADAPTATION_TIME: 5 * p.tau,
        }
    return found
