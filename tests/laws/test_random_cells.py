"""Random cells obey the laws: in two parts, jit, vmap, several at once, permuted, float32."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.laws.helpers import assert_same_bits
from tests.laws.random_cells import amplitude, fires, numbers, permuted, run, structure

STEPS = 80
ALL, EACH = 20, 5
"""Structures and cells of each: 100."""
structures = pytest.mark.parametrize("seed", range(ALL))
some_structures = pytest.mark.parametrize("seed", range(0, ALL, 2))
pytestmark = pytest.mark.slow


def each(seed, **more):
    """The cells of a structure, each with its current."""
    case = structure(seed, **more)
    for own in range(EACH * seed, EACH * (seed + 1)):
        one = numbers(case, own)
        yield one, amplitude(one, own)


def kept(case, done):
    """What was recorded, by name."""
    return {**done.traces, **({"spikes": done.spikes} if fires(case) else {})}


def assert_close(one, two, rtol=1e-9):
    """Records agree to `rtol` of the largest value of each."""
    assert one.keys() == two.keys()
    for name in one:
        a, b = np.asarray(one[name]), np.asarray(two[name])
        assert np.isfinite(a).all(), name
        largest = max(np.abs(a).max(initial=0), 1e-6)
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * largest, err_msg=name)


@structures
def test_a_run_in_two_parts_is_one(seed, precision):
    for case, current in each(seed):
        whole, first = run(case, current, STEPS), run(case, current, STEPS // 2)
        second = run(case, current, STEPS // 2, state=first.final)
        assert_same_bits(whole.final, second.final)
        pieces = (kept(case, first), kept(case, second))
        for name, values in kept(case, whole).items():
            assert np.isfinite(values).all(), name
            np.testing.assert_array_equal(values, np.concatenate([x[name] for x in pieces]))


def in_a_row(seed):
    """The cells of a structure with their currents, and what `traces` of them records."""
    cases, currents = zip(*each(seed), strict=True)

    def traces(cell, current):
        case = cases[0]._replace(cell=cell)
        return kept(case, run(case, current, STEPS))

    return [case.cell for case in cases], currents, traces


@some_structures
def test_jit_is_eager(seed, x64):
    cells, currents, traces = in_a_row(seed)
    jitted = eqx.filter_jit(traces)
    for cell, current in zip(cells, currents, strict=True):
        assert_close(jitted(cell, current), traces(cell, current))


@some_structures
def test_vmap_is_the_loop(seed, x64):
    cells, currents, traces = in_a_row(seed + 1)
    arrays, rest = zip(*(eqx.partition(cell, eqx.is_array) for cell in cells), strict=True)
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *arrays)
    over = jax.jit(jax.vmap(lambda cell, current: traces(eqx.combine(cell, rest[0]), current)))
    together = over(stacked, jnp.array(currents))
    for k, (cell, current) in enumerate(zip(cells, currents, strict=True)):
        assert_close(jax.tree.map(lambda x, k=k: x[k], together), traces(cell, current))


@some_structures
def test_several_at_once_are_each_by_itself(seed, x64):
    case, current = next(each(seed, draws=False))
    currents = current * np.array([0.5, 1.0, 2.0])
    together = kept(case, run(case, currents, STEPS, n=3))
    for k, one in enumerate(currents):
        assert_close(
            {name: x[:, k] for name, x in together.items()}, kept(case, run(case, one, STEPS))
        )


@structures
def test_the_order_of_channels_does_not_matter(seed, x64):
    for case, current in each(seed):
        one, two = run(case, current, STEPS), run(permuted(case), current, STEPS)
        assert_close(kept(case, one), kept(case, two))


@structures
def test_float32_is_close_to_float64(seed):
    """To a step in time: a spike may come in the one before or after."""
    found = []
    for wide in (False, True):
        with jax.enable_x64(wide):
            found.append([run(case, current, STEPS).v for case, current in each(seed, draws=False)])
    for one, two in zip(*found, strict=True):
        assert one.dtype == np.float32 and two.dtype == np.float64
        shifted = np.stack([two[:-2], two[1:-1], two[2:]])
        low, high = shifted.min(axis=0) - 0.1, shifted.max(axis=0) + 0.1
        assert np.all((low < one[1:-1]) & (one[1:-1] < high))
