"""The gradient of a spike count by the current is the slope of the f-I curve.

`python -m tests.laws.test_counts` writes the table of docs/concepts/counts.csv.
"""

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.neurons import Onset
from rheobase.units import ms, nA, um
from tests.registry import NEURONS, slow_but

TABLE = Path(__file__).parents[2] / "docs" / "concepts" / "counts.csv"
TIMES = np.array([1.2, 1.5, 3.0])
"""The currents, in units of that at which it begins to fire."""
DURATION = 1000
AROUND = np.linspace(0.98, 1.02, 9)
"""Where each derivative is taken: an upstroke on a grid of steps makes it vary, and where a neuron
fires irregularly (AdEx at 1.5 times its onset) by more than its size. The median is what lasts."""
LEAKY = ("IF", "LIF", "CubaLIF", "ALIF", "GLIF")
FIRING = [name for name, row in NEURONS.items() if row.fires]


HEAD = (
    "neuron", "current/onset", "onset (nA)", "f-I slope (1/nA)", "default, first dt",
    "default, second dt", "SurrogateReset, first dt", "SurrogateReset, second dt", "spike times",
)  # fmt: skip


TOLERANCES = (0.05, 0.05, 0.05, 5, 5, 0.25, 0.25, 5)
"""Of the columns after the name; exact spike times have a law of their own."""


class Counts(NamedTuple):
    """Derivatives of the number of spikes of a second (1/nA) at the three currents."""

    onset: float
    slope: np.ndarray
    default: list[np.ndarray]
    """At each dt."""
    through: list[np.ndarray] | None
    """Through the reset; None of a neuron that has none."""
    times: np.ndarray
    """Of the mean rate by exact spike times."""


def ran(neuron: Any, current: Any, dt: float, **more: Any) -> Any:
    n = np.shape(current)[0]
    return rb.simulate(
        neuron, n=n, current=current * nA, duration=DURATION * ms, dt=dt * ms, **more
    )


ONSETS = {
    "IF": 0.03, "LIF": 1.5, "CubaLIF": 0.0938, "ALIF": 1.5, "GLIF": 1.0, "ExpIF": 0.0325,
    "AdEx": 0.627, "QIF": 0.0701, "AdQIF": 0.0518, "Izhikevich": 3.77, "HodgkinHuxley": 0.061,
    "TraubMiles": 0.0196, "MorrisLecar": 1.0,
}  # fmt: skip
"""The smallest current (nA) at which each fires twice in a second."""


def smooth(neuron: Any, currents: np.ndarray, dt: float) -> np.ndarray:
    """Numbers of spikes with the part of an interval that had passed at the end."""
    spikes = np.asarray(ran(neuron, currents, dt).spikes)
    found = []
    for column in spikes.T:
        times = np.flatnonzero(column)
        if len(times) < 2:
            found.append(np.nan)
            continue
        found.append(len(times) + (len(column) - times[-1]) / (times[-1] - times[-2]))
    return np.asarray(found)


def slope_of(neuron: Any, currents: np.ndarray, dt: float) -> np.ndarray:
    up, down = (smooth(neuron, currents * by, dt) for by in (1.05, 0.95))
    return (up - down) / (0.1 * currents)


def median(function: Callable[[np.ndarray], np.ndarray], currents: np.ndarray) -> np.ndarray:
    """The median of what a function gives for the currents around each."""
    around = np.outer(currents, AROUND)
    return np.median(function(around.ravel()).reshape(around.shape), axis=1)


def gradient(neuron: Any, currents: np.ndarray, dt: float) -> np.ndarray:
    record = rb.Record(spikes="count")
    total = jax.jit(jax.grad(lambda i: ran(neuron, i, dt, record=record).counts.sum()))
    return np.asarray(total(jnp.asarray(currents)))


def rate(neuron: Any, currents: Any, dt: float) -> Any:
    """(number - 1)/(time from the first spike to the last), of spikes located in their steps."""
    run = ran(neuron, currents, dt, substep=True)
    spikes, columns = jax.lax.stop_gradient(run.spikes), jnp.arange(run.spikes.shape[1])
    ends = spikes.argmax(axis=0), len(spikes) - 1 - spikes[::-1].argmax(axis=0)
    begun, ended = (dt * (k.astype(spikes.dtype) + run.fractions[k, columns]) for k in ends)
    return DURATION * (spikes.sum(axis=0) - 1) / (ended - begun)


def typical(neuron: Any, currents: np.ndarray, dt: float) -> np.ndarray:
    return median(lambda around: gradient(neuron, around, dt), currents)


def by_times(neuron: Any, currents: np.ndarray, dt: float) -> np.ndarray:
    """The derivative of the rate."""
    at = jnp.asarray(currents)
    slope = jax.jit(lambda: jax.jvp(lambda i: rate(neuron, i, dt), (at,), (jnp.ones_like(at),))[1])
    return np.asarray(slope())


def steps_of(name: str) -> list[float]:
    """Of time; models with fast channels take small ones alone."""
    row = NEURONS[name]
    return (
        [row.dt.value] if row.make.onset is Onset.EDGE and name != "MorrisLecar" else [0.1, 0.025]
    )


def located_at(name: str) -> float:
    """The step in which spikes are located: an upstroke of channels takes a few of them."""
    step = steps_of(name)[-1]
    return step / 2 if NEURONS[name].make.onset is Onset.EDGE else step


def counts_of(name: str) -> Counts:
    neuron, steps = NEURONS[name].make(), steps_of(name)
    onset = ONSETS[name]
    currents = onset * TIMES
    through = None
    if NEURONS[name].resets:
        through = [typical(rb.SurrogateReset(neuron), currents, dt) for dt in steps]
    return Counts(
        onset,
        slope_of(neuron, currents, steps[-1]),
        [typical(neuron, currents, dt) for dt in steps],
        through,
        median(lambda around: by_times(neuron, around, located_at(name)), currents),
    )


@pytest.mark.parametrize("name", slow_but((), [name for name in FIRING if NEURONS[name].resets]))
def test_through_the_reset_it_is_the_slope_of_the_f_I_curve(name, x64):
    neuron = NEURONS[name].make()
    currents = ONSETS[name] * TIMES
    slope = slope_of(neuron, currents, 0.025)
    coarse, fine = (typical(rb.SurrogateReset(neuron), currents, dt) / slope for dt in (0.1, 0.025))
    low, high = (0.5, 2) if name in LEAKY else (0.2, 5)
    for ratio in (coarse, fine):
        assert np.all((low < ratio) & (ratio < high)), ratio
    if name in LEAKY:
        np.testing.assert_allclose(coarse, fine, rtol=0.2)


def test_of_a_leaky_neuron(x64):
    neuron, currents = rb.SurrogateReset(rb.LIF()), 1.5 * TIMES
    ratio = gradient(neuron, currents, 0.1) / slope_of(neuron, currents, 0.1)
    np.testing.assert_allclose(ratio, 1, atol=0.1)


@pytest.mark.parametrize("dt", [0.1, pytest.param(0.025, marks=pytest.mark.slow)])
def test_of_a_cell(dt, x64):
    """A leak and `Fire`, by default."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak())
    cell = cell.insert(ch.Fire(refractory=2 * ms))
    place, onset = cell.at("soma"), 0.0785

    @jax.jit
    @jax.value_and_grad
    def count(current):
        run = rb.simulate(
            cell, current={place: current * nA}, duration=DURATION * ms, dt=dt * ms,
            record={"v": place},
        )  # fmt: skip
        return run.counts.sum()

    for times in TIMES:
        current = onset * times
        slope = (count(1.05 * current)[0] - count(0.95 * current)[0]) / (0.1 * current)
        assert 0.5 < count(current)[1] / slope < 2


@pytest.mark.parametrize("name", slow_but((), ("HodgkinHuxley", "TraubMiles")))
def test_spike_times_of_action_potentials(name, x64):
    neuron, dt = NEURONS[name].make(), located_at(name)
    currents = ONSETS[name] * TIMES
    up, down = (rate(neuron, currents * by, dt) for by in (1.002, 0.998))
    slope = np.asarray(up - down) / (0.004 * currents)
    np.testing.assert_allclose(by_times(neuron, currents, dt), slope, rtol=0.05)


def tabulated() -> list[str]:
    """The neurons of the table."""
    with TABLE.open() as file:
        return sorted({row[0] for row in csv.reader(file)} - {HEAD[0]})


@pytest.mark.slow
@pytest.mark.parametrize("name", tabulated())
def test_the_table_of_the_docs_is_true(name, x64):
    """Slopes to 5 %, gradients that count once to 25 %; those that have no bound to their size.

    Where a spike falls in its step, and so a gradient through many of them, depends on the last
    digit of an exponential, which processors round differently.
    """
    with TABLE.open() as file:
        rows = [row for row in csv.reader(file) if row[0] == name]
    for one, two in zip(written(name, counts_of(name)), rows, strict=True):
        columns = zip(one[1:], two[1:], TOLERANCES, strict=True)
        for a, b, rtol in columns:
            assert a == b or np.isclose(float(a), float(b), rtol=rtol, atol=1), (one, two)


def written(name: str, found: Counts) -> list[list[str]]:
    def number(x: float) -> str:
        return "-" if np.isnan(x) else f"{x + 0:.4g}"

    def both(pair: list[np.ndarray] | None, k: int) -> list[str]:
        values = ["-", "-"] if pair is None else [number(x[k]) for x in pair]
        return values if len(values) == 2 else [*values, "-"]

    return [
        [name, f"{times:g}", number(found.onset), number(found.slope[k]), *both(found.default, k),
         *both(found.through, k), number(found.times[k])]
        for k, times in enumerate(TIMES)
    ]  # fmt: skip


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    names = sys.argv[1:] or FIRING
    with TABLE.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEAD)
        for name in names:
            table.writerows(written(name, counts_of(name)))
            file.flush()
