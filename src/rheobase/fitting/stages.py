"""The stages of a fit: reset by the data, dressed where that is needed, running free, evolving."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rheobase.fitting import judge
from rheobase.fitting.dress import can_wear, dressed
from rheobase.fitting.evolution import Evolution
from rheobase.fitting.patched import patch_of
from rheobase.fitting.problem import Problem
from rheobase.fitting.residuals import CORRELATION, VOLTAGE
from rheobase.fitting.scores import Scores, score
from rheobase.fitting.search import Found, Search
from rheobase.fitting.spread import scatter
from rheobase.fitting.start import Look
from rheobase.fitting.target import BLOCK, Target
from rheobase.io.recording import CurrentClamp, Sweep
from rheobase.steppers import AbstractStepper
from rheobase.train.domains import Where, choose

FORCED, FREE = 12, 40
"""Steps of the search in the stage that the data reset, and in the free one."""
GOOD = 0.5
"""`Scores.total` on the training sweeps of a model that needs nothing more."""
_CANDIDATES = 160
_POPULATION, _SPECIES, _GENERATIONS = 16, 2, 10
"""Candidates of a generation, evolutions side by side, generations that count as one step."""
_WIDTH = 0.6
"""Of the spread of the first candidates, at the beginning of an evolution."""
_STILL, _UNSPREAD = 1e-6, 0.3
"""A parameter that begins at zero is not spread by factors; the width it gets instead."""
_FAR, _PENALTY = 3.0, 0.02
"""Beyond so many of these widths a parameter costs something."""
_TRIED = 10
"""Free steps after which it is seen whether a bare neuron will do."""
_NUDGE = 1e-3
"""Of free coordinates, for derivatives of a cell by differences."""
_KEPT = 4
"""Models of which the scores decide at the end."""

Show = Callable[[int, str], None]


class Case(NamedTuple):
    """The data of a fit and how they are simulated."""

    recording: CurrentClamp
    train: tuple[Sweep, ...]
    times: dict[int, np.ndarray]
    every: Target
    look: Look
    dt: float
    stepper: AbstractStepper

    def problem(self, neuron: Any, trainable: Where | None = None) -> Problem:
        """The neuron, begun where the data suggest, as a problem."""
        start = patch_of(neuron).begun(self.look)
        mask = patch_of(start).mask() if trainable is None else choose(start, trainable)
        places = np.array([s.number for s in self.train])
        follows = judge.follows(self.recording.sweeps)
        return Problem(start, mask, self.stepper, self.every, places, follows)

    def run(self, model: Any) -> judge.FreeRun:
        """The model, let run through all sweeps."""
        return judge.free_run(model, self.recording.sweeps, self.dt, self.stepper)

    def scored(self, run: judge.FreeRun, sweeps: tuple[Sweep, ...]) -> Scores:
        """How well a run follows these sweeps."""
        places = [s.number for s in sweeps]
        return score(
            sweeps,
            [self.times[k] for k in places],
            self.every.v[:, places],
            [run.spikes[k] for k in places],
            run.v[:, places],
        )


class Reached(NamedTuple):
    """Where the stages ended."""

    model: Any
    problem: Problem
    found: Found
    losses: tuple[float, ...]


class Stages:
    """A fit that is advanced stage by stage; what has been reached is kept when it is stopped."""

    def __init__(self, case: Case, problem: Problem, steps: int, seed: int, show: Show):
        self.case, self.problem, self.steps, self.seed, self.show = case, problem, steps, seed, show
        self.losses: list[float] = []
        self.rows = np.zeros((0, problem.size))
        """The best so far, best first."""
        self.search: Search | None = None

    def run(self, starts: int, adaptors: bool) -> Reached:
        """All stages; Ctrl-C ends them and keeps the best."""
        try:
            self._stages(starts, adaptors)
        except KeyboardInterrupt:
            if self.search is not None and self.search.best:
                self.rows = self.search.found().y
            if not len(self.rows):
                raise
            warnings.warn("interrupted: the best model so far is kept.", stacklevel=4)
        _, y, model = self._best()
        at = self._matrix(y)
        return Reached(model, self.problem, at, tuple(self.losses))

    def _stages(self, starts: int, adaptors: bool) -> None:
        if not self.problem.resets:
            self._evolve(self.steps, None)
            return
        model = self.problem.build(self.problem.start)
        self._forced(starts)
        wears = adaptors and can_wear(model)
        first = min(_TRIED, self.steps) if wears else self.steps
        self._free(min(starts, _KEPT) if wears else starts)
        self._advance(first)
        good = self._best()[0] < GOOD
        if good:
            self._advance(self.steps - first)
        elif wears:
            self._dress()
            self._evolve(self.steps, None)
        else:
            self._evolve(self.steps // 2, self._best()[1])

    def _forced(self, starts: int) -> None:
        self.show(0, "looking for places to start from")
        problem = self.problem
        candidates = scatter(problem, _CANDIDATES, self.seed)
        order = np.argsort(problem.screen(candidates), kind="stable")
        first = candidates[np.concatenate([[0], order[order != 0]])[:starts]]
        self.search = self._begun(problem.forced, first, leaps=False)
        for k in range(FORCED):
            self.show(k + 1, f"resetting with the data: loss {self.search.step():.1f}")
        self.rows = self.search.found().y

    def _free(self, starts: int) -> None:
        """Begin the free stage where the one before ended."""
        before = self.search
        ends = self.rows if before is None or len(before.y) < starts else before.y
        self.search = self._begun(self.problem.free, ends[:starts], leaps=True)

    def _advance(self, steps: int) -> None:
        search = self.search
        if search is None:
            return
        for _ in range(steps):
            self.losses.append(search.step())
            self.rows = search.found().y
            self.show(FORCED + len(self.losses), f"free: loss {self.losses[-1]:.1f}")

    def _dress(self) -> None:
        bare, case = self.problem, self.case
        worn = dressed(bare.build(bare.start), case.look.passive, bool(bare.follows.any()))
        self.problem, self.search = case.problem(worn), None
        self.rows = self.problem.start[None]

    def _evolve(self, steps: int, start: np.ndarray | None) -> None:
        """A population in free runs, from the best of the candidates or from a given start."""
        problem, self.search = self.problem, None
        self.losses.clear()
        candidates = scatter(problem, _CANDIDATES, self.seed)
        width = np.std(candidates, axis=0)
        width = np.where(width > _STILL * np.max(width), width, _UNSPREAD)
        if start is None:
            order = np.argsort(problem.population(candidates), kind="stable")
            first = candidates[order[:_SPECIES]]
        else:
            first = np.repeat(start[None], _SPECIES, axis=0)
        found = [
            Evolution(y, _WIDTH * width, _POPULATION, _SPECIES * self.seed + k)
            for k, y in enumerate(first)
        ]
        kept: list[tuple[float, int, np.ndarray]] = []
        for g in range(steps * _GENERATIONS):
            leader = found[kept[0][1]] if kept else found[0]
            if g % _GENERATIONS == 0:
                problem.settle(leader.mean)
            drawn = problem.all_ordered(np.concatenate([one.ask() for one in found]))
            away = np.maximum(np.abs((drawn - problem.start) / width) - _FAR, 0)
            cost = problem.population(drawn) + _PENALTY * np.sum(away**2, axis=1)
            for k, one in enumerate(found):
                own = slice(k * _POPULATION, (k + 1) * _POPULATION)
                one.tell(drawn[own], cost[own])
                best = int(np.argmin(np.where(np.isfinite(cost[own]), cost[own], np.inf)))
                kept.append((float(cost[own][best]), k, drawn[own][best]))
            kept = sorted(kept, key=lambda row: row[0])[: _KEPT - 1]
            means = [problem.ordered(one.mean) for one in found]
            self.rows = np.array([*(row[2] for row in kept), *means])
            self.losses.append(kept[0][0])
            self.show(
                FORCED + (g * self.steps) // (steps * _GENERATIONS) + 1,
                f"evolving: loss {kept[0][0]:.2f}",
            )
            if all(one.arrived for one in found):
                break

    def _begun(self, evaluate: Any, rows: np.ndarray, leaps: bool) -> Search:
        p = self.problem
        return Search(evaluate, rows, p.start, p.prior, p.ordered, self.seed, leaps)

    def _best(self) -> tuple[float, np.ndarray, Any]:
        """Score on the training sweeps, parameters and model of the best of the last rows."""
        rated = []
        for k, y in enumerate(self.rows[: 2 * _KEPT]):
            model = self.problem.build(np.asarray(y))
            total = self.case.scored(self.case.run(model), self.case.train).total
            rated.append((total if np.isfinite(total) else np.inf, k, y, model))
        total, _, y, model = min(rated, key=lambda row: row[:2])
        return total, y, model

    def _matrix(self, y: np.ndarray) -> Found:
        """The best and the others with their costs, and the matrix at the best."""
        others = [row for row in self.rows if not np.array_equal(row, y)]
        rows = np.array([y, *others])[:_KEPT]
        filled = np.concatenate([rows, np.repeat(y[None], _KEPT - len(rows), axis=0)])
        away = rows - self.problem.start
        if not self.problem.resets:
            cost = self.problem.population(rows) + 0.5 * (self.problem.prior * away**2).sum(axis=1)
            return Found(rows, cost, self._by_differences(y))
        seen = self.problem.free(filled)[: len(rows)]
        cost = np.array([r.cost for r in seen]) + 0.5 * (self.problem.prior * away**2).sum(axis=1)
        matrix = seen[0].normal()[0] + np.diag(self.problem.prior)
        if not np.isfinite(matrix).all():
            matrix = np.diag(self.problem.prior)
        return Found(rows, cost, matrix)

    def _by_differences(self, y: np.ndarray) -> np.ndarray:
        """J'J and prior, with the derivative of the voltage between spikes by differences."""
        problem = self.problem
        nudged = y + _NUDGE * np.concatenate([np.eye(len(y)), -np.eye(len(y))])
        up, down = np.split(problem.voltages(nudged), 2)
        scale = VOLTAGE * np.sqrt(CORRELATION / BLOCK)
        slope = (up - down)[:, problem.goal.quiet] / (2 * _NUDGE * scale)
        return slope @ slope.T + np.diag(problem.prior)
