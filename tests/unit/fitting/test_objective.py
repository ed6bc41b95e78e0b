"""What a population costs: by hand, and the search that lowers it."""

import numpy as np
import pytest

from rheobase.fitting.engine import Course
from rheobase.fitting.evolution import Evolution
from rheobase.fitting.objective import Objective
from rheobase.fitting.target import Target

SPIKES = (np.array([112.0, 130.0, 160.0]), np.array([]))


@pytest.fixture(scope="module")
def objective():
    shape = (300, 2)
    edges = (np.array([0.0, 100, 200, 300]),) * 2
    driven = (np.array([False, True, False]),) * 2
    goal = Target((0, 1), np.zeros(shape), np.full(shape, -60.0), SPIKES, edges, driven, 1.0, 1)
    return Objective.of(goal)


def course(trains, v=-60.0):
    """One model, its spikes in the first sweep."""
    fired, when = np.zeros((1, 300, 2)), np.zeros((1, 300, 2))
    for t in trains:
        fired[0, int(t), 0], when[0, int(t), 0] = 1, t - int(t)
    return Course(np.full((1, 300, 2), v), when, fired, when)


def test_the_cost_by_hand(objective):
    cost = lambda *given, **more: float(objective(course(*given, **more))[0])  # noqa: E731
    assert cost(SPIKES[0]) == 0
    assert cost(SPIKES[0], v=-58.0) == pytest.approx(2**2 / 2)
    late = cost([112.0, 130.0, 160.0 + 4 + 0.05 * 48])
    assert late == pytest.approx(0.5)  # one scale of time: h = 1/2, times 3 of 3 spikes
    assert cost([114.0, 130.0, 160.0]) == pytest.approx(3 * late)  # the first counts threefold
    assert cost([112.0, 130.0]) == pytest.approx(4 + 4)
    assert cost([]) == pytest.approx(3 * 4 + 9 * 4 + 10)
    assert cost([112.0, 130.0, 160.0, 250.0]) == pytest.approx(4 + 0.3 * 4 + 10)


def test_models_of_a_population_are_independent(objective):
    one, two = course([112.0, 131.0]), course([105.0, 170.0, 290.0], v=-61.0)
    both = Course(*(np.concatenate(pair) for pair in zip(one, two, strict=True)))
    np.testing.assert_allclose(objective(both), [objective(one)[0], objective(two)[0]])


def test_evolution_goes_along_a_narrow_valley_and_over_jumps():
    random = np.random.default_rng(1)
    turn, _ = np.linalg.qr(random.normal(size=(6, 6)))
    scale = 10.0 ** np.linspace(0, 2, 6)
    goal = random.normal(size=6)

    def cost(rows):
        away = (rows - goal) @ turn * scale
        smooth = np.sum(away**2, axis=1)
        return np.where(rows[:, 0] > 5, np.nan, smooth + np.floor(np.sqrt(smooth)))

    search = Evolution(np.zeros(6), np.full(6, 0.5), size=16, seed=3)
    for _ in range(400):
        drawn = search.ask()
        search.tell(drawn, cost(drawn))
    np.testing.assert_allclose(search.mean, goal, atol=1e-2)


def test_a_seed_gives_one_search():
    draws = [Evolution(np.zeros(3), np.ones(3), size=8, seed=5).ask() for _ in range(2)]
    np.testing.assert_array_equal(*draws)
