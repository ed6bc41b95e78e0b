"""The synapses and the start of the networks, the same for all contenders; numpy only.

Drawn by numpy's old generator, whose numbers are the same in every version.
"""

from typing import Any, NamedTuple

import numpy as np

EARLY = 50.0  # ms, for which float32 keeps networks of equal synapses together


class Wiring(NamedTuple):
    """Who is connected to whom, and where the voltages begin."""

    pre: np.ndarray
    """(synapses,) int32, ascending."""
    post: np.ndarray
    """(synapses,) int32, ascending within a presynaptic neuron."""
    v: np.ndarray
    """(neurons,), mV."""


def excitatory(spec: dict[str, Any]) -> int:
    """How many of the neurons excite; they come first."""
    return spec["n"] * 4 // 5


def wiring(spec: dict[str, Any]) -> Wiring:
    """Pairs and initial voltages of a specification."""
    random = np.random.RandomState(spec["seed"])
    v = _voltages(spec, random)
    draw = _in_degrees if "in_degree" in spec else _pairs
    return Wiring(*draw(spec, random), v)


def _voltages(spec: dict[str, Any], random: np.random.RandomState) -> np.ndarray:
    """Uniform; a part of them above threshold, whose volley sets the network off."""
    low, high, firing, above = spec["start"]
    v = random.uniform(low, high, spec["n"])
    v[random.random_sample(spec["n"]) < firing] = above
    return v


def _pairs(spec: dict[str, Any], random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Each pair with a probability, so that a neuron has `synapses` on average."""
    n = spec["n"]
    chosen = random.random_sample((n, n)) < spec["synapses"] / n
    pre, post = np.nonzero(chosen)
    return pre.astype(np.int32), post.astype(np.int32)


def _in_degrees(
    spec: dict[str, Any], random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """The same number of synapses on every neuron, from a tenth of either kind."""
    n, first = spec["n"], excitatory(spec)
    kinds = [(0, first), (first, n)]
    wanted = [int((end - begin) * spec["in_degree"]) for begin, end in kinds]
    sources = np.empty((n, sum(wanted)), np.int32)
    for row in sources:
        ends = [
            begin + np.argpartition(random.random_sample(end - begin), count)[:count]
            for (begin, end), count in zip(kinds, wanted, strict=True)
        ]
        row[:] = np.concatenate(ends)
    pre = sources.ravel()
    order = np.argsort(pre, kind="stable")
    post = np.repeat(np.arange(n, dtype=np.int32), sum(wanted))
    return pre[order], post[order]


def rows(one: Wiring) -> np.ndarray:
    """Where the synapses of each neuron begin, (neurons + 1,) int32."""
    counts = np.bincount(one.pre, minlength=len(one.v))
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def gates(v: float, v_T: float) -> dict[str, float]:
    """m, h and n of a Traub-Miles neuron that has long been at v (mV)."""
    u = v - v_T
    alpha = {
        "m": 0.32 * (13 - u) / np.expm1((13 - u) / 4),
        "h": 0.128 * np.exp((17 - u) / 18),
        "n": 0.032 * (15 - u) / np.expm1((15 - u) / 5),
    }
    beta = {
        "m": 0.28 * (u - 40) / np.expm1((u - 40) / 5),
        "h": 4 / (1 + np.exp((40 - u) / 5)),
        "n": 0.5 * np.exp((10 - u) / 40),
    }
    return {name: float(a / (a + beta[name])) for name, a in alpha.items()}


def spike_work(steps: np.ndarray, spec: dict[str, Any]) -> dict[str, Any]:
    """The work of a run, from the steps of its spikes."""
    early = steps < round(EARLY / spec["dt"])
    seconds = spec["steps"] * spec["dt"] / 1000
    return {
        "spikes": len(steps),
        "in 50 ms": int(early.sum()),
        "rate": len(steps) / spec["n"] / seconds,
    }
