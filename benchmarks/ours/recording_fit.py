"""A dressed AdEx neuron fitted to a recording for a given time: our stages' last, or scipy's."""

import time

import numpy as np
from scipy.optimize import differential_evolution

import rheobase as rb
from benchmarks.measure import contend, data
from rheobase.analysis import detect_spikes
from rheobase.fitting.dress import dressed
from rheobase.fitting.evolution import Evolution
from rheobase.fitting.membrane import passive
from rheobase.fitting.spread import scatter
from rheobase.fitting.stages import Case
from rheobase.fitting.start import look_at
from rheobase.fitting.target import target
from rheobase.units import ms, mV, nA

POPULATION = 32


def recording(name):
    """A file of RHEOBASE_DATA, or a cell that is known."""
    if name is not None:
        return rb.io.read_recording(data("patch_clamp", name))
    cell = rb.AdEx(v_reset=-60 * mV)
    return rb.fitting.synthetic(cell, [-0.2, -0.2, 0.7, 0.8, 0.9, 1.0] * nA, noise=0.2 * mV)


def problem_of(rec):
    train = rec.sweeps[::2]
    spikes = {s.number: detect_spikes(s.v, s.dt * ms) for s in rec.sweeps}
    times = {k: found.times for k, found in spikes.items()}
    membrane = passive(train, [times[s.number] for s in train])
    every = target(rec.sweeps, list(spikes.values()), membrane.bridge, 0.1)
    look = look_at(membrane, train, spikes)
    case = Case(rec, train, times, every, look, 0.1, rb.ExponentialEuler())
    return case.problem(dressed(rb.AdEx(), membrane, slow=False))


def evolved(problem, rows, width, until, seed):
    search = Evolution(rows[np.argmin(problem.population(rows))], 0.6 * width, POPULATION, seed)
    least = np.inf
    while time.process_time() < until and not search.arrived:
        drawn = problem.all_ordered(search.ask())
        cost = problem.population(drawn)
        search.tell(drawn, cost)
        least = min(least, float(np.nanmin(cost)))
    return least


def differential(problem, rows, width, until, seed):
    bounds = np.stack([problem.start - 3 * width, problem.start + 3 * width], axis=1)
    best = np.argsort(problem.population(rows))[:POPULATION]

    def cost(columns):
        values = problem.population(problem.all_ordered(columns.T))
        return np.where(np.isfinite(values), values, 1e9)

    found = differential_evolution(
        cost, bounds, init=np.clip(rows[best], *bounds.T), maxiter=10**6, tol=0, polish=False,
        updating="deferred", vectorized=True, rng=seed,
        callback=lambda intermediate_result: time.process_time() > until,
    )  # fmt: skip
    return float(found.fun)


def prepare(spec):
    problem = problem_of(recording(spec["file"]))
    search = differential if spec.get("search") == "differential" else evolved
    rows = scatter(problem, 160, 0)
    width = np.std(rows, axis=0)
    width = np.where(width > 0, width, 0.3)
    problem.population(rows[:POPULATION])
    seeds = iter(range(10**6))
    least = []

    def run():
        until = time.process_time() + spec["seconds"]
        least.append(search(problem, rows, width, until, next(seeds)))
        return {"median loss": float(np.median(least)), "worst loss": max(least)}

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "scipy"))
