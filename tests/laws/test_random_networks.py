"""Random networks obey the laws: compiled = general, in pieces, permuted, jit, vmap, forged."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, StepperError
from rheobase.kernels import library
from rheobase.network import fused
from tests.laws.helpers import assert_same_bits
from tests.laws.random_networks import DT, forged, numbers, permuted, run, structure, weighted

STEPS = 80
FEW, ALL, EACH = 1, 22, 24
"""Structures in the fast stage and in both, and networks of each in the slow one: 504."""
UPSTROKE = -40
"""mV: what is above it runs away by itself."""
structures = pytest.mark.parametrize(
    "seed", [pytest.param(s, marks=[] if s < FEW else pytest.mark.slow) for s in range(ALL)]
)


def each(seed):
    """The networks of a structure with their own seeds; few of them in the fast stage."""
    net = structure(seed)
    for k in range(1 if seed < FEW else EACH):
        yield numbers(net, 1000 * seed + k), 1000 * seed + k


def general(monkeypatch, *given, **more):
    with monkeypatch.context() as patch:
        patch.setattr(fused, "takes", lambda *_: False)
        return run(*given, **more)


def moved(done):
    """What moves in a network, without the order of its parts."""
    final = done.final.neuron
    weights = sorted(
        [(p.weight, p.rules) for p in final.projections if p.weight is not None],
        key=lambda pair: float(pair[0].sum()),
    )
    return dict(sorted(final.systems.items())), weights


def assert_close(one, two):
    """In float64; in float32 until a spike on the threshold falls to one side or the other."""
    wide = jax.config.jax_enable_x64
    rtol, atol = (1e-8, 1e-7) if wide else (1e-4, 2e-3)
    same = STEPS
    for name in one.populations:
        differs = np.flatnonzero((one[name].spikes != two[name].spikes).any(axis=1))
        same = min([same, *differs])
    for name in one.populations:
        first, second = (np.asarray(run[name].v[: same + 1]) for run in (one, two))
        # An upstroke multiplies what rounding left of the voltage from which it began.
        rising = (first > UPSTROKE) & (not wide)
        np.testing.assert_allclose(first[~rising], second[~rising], rtol=rtol, atol=atol)
        np.testing.assert_allclose(first[rising], second[rising], rtol=0, atol=0.2)
    if wide:
        assert same == STEPS
    if same == STEPS:
        close = functools.partial(np.testing.assert_allclose, rtol=10 * rtol, atol=atol)
        jax.tree.map(close, moved(one), moved(two))
    return same


def assert_finite(done):
    for leaf in jax.tree.leaves(
        (done.final.neuron, {n: r.traces for n, r in done.populations.items()})
    ):
        assert np.isfinite(np.asarray(leaf, float)).all()


@structures
def test_the_compiled_loop_is_the_general_one(seed, precision, monkeypatch):
    if not library.available():
        pytest.skip("no compiled kernels")
    same = []
    for net, own in each(seed):
        done = run(net, own, STEPS)
        assert_finite(done)
        assert sum(done[name].spikes.sum() for name in done.populations) > 0
        same.append(assert_close(done, general(monkeypatch, net, own, STEPS)))
    assert np.mean(same) > STEPS / 2


@structures
def test_a_run_in_two_parts_is_one(seed, precision):
    for net, own in each(seed):
        whole, first = run(net, own, STEPS), run(net, own, 23)
        second = run(net, own, STEPS - 23, state=first.final)
        assert_finite(whole)
        assert_same_bits(
            jax.tree.map(np.asarray, whole.final._replace(key=None)),
            jax.tree.map(np.asarray, second.final._replace(key=None)),
        )
        for name in net.populations:
            both = np.concatenate([first[name].spikes, second[name].spikes])
            np.testing.assert_array_equal(whole[name].spikes, both)


@structures
def test_the_order_of_populations_and_connections_does_not_matter(seed, x64):
    for net, own in each(seed):
        assert_close(run(net, own, STEPS), run(permuted(net), own, STEPS))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FEW, ALL, 2))
def test_jit_and_vmap_are_the_loop(seed, x64):
    count = {name: rb.Record(spikes="count") for name in structure(seed).populations}

    nets = [net for net, _ in each(seed)]
    keys = jax.random.split(jax.random.key(seed), len(nets))

    def counts(weights, key):
        net = weighted(nets[0], weights)
        done = rb.simulate(net, duration=STEPS * DT, dt=DT, key=key, record=count)
        return {name: done[name].counts for name in count}

    jitted = jax.jit(counts)
    alone = []
    for net, key in zip(nets, keys, strict=True):
        given = [p.weight for p in net.projections]
        alone.append(counts(given, key))
        jax.tree.map(np.testing.assert_array_equal, jitted(given, key), alone[-1])
    weights = [[p.weight for p in net.projections] for net in nets]
    stacked = [jnp.stack(x) for x in zip(*weights, strict=True)]
    over = jax.vmap(counts)(stacked, keys)
    jax.tree.map(np.testing.assert_array_equal, over, jax.tree.map(lambda *x: jnp.stack(x), *alone))


@structures
def test_a_forged_state_is_refused_or_harmless(seed):
    for net, own in each(seed):
        state = run(net, own, 10).final
        for k in range(4):
            try:
                run(net, own, 10, state=forged(state, 10 * own + k))
            except (ArgumentError, ShapeError, StepperError) as refused:
                assert "`state`" in str(refused)
