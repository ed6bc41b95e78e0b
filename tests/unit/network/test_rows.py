"""Rows of synapses that were replaced are refused, or clipped where they are traced."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ShapeError
from rheobase.network.rows import bounded
from rheobase.units import ms, nA


def net(**connection):
    return rb.Network(
        {"a": rb.Population(rb.LIF(), 4)},
        [
            rb.Connection(
                "a", "a", rb.Dense(), rb.Exponential(), weight=np.full(16, 0.1) * nA, **connection
            )
        ],
        [rb.Drive("a", rb.stimulus.Constant(3 * nA))],
    )


def run(network):
    record = {"a": rb.Record(spikes="count")}
    return rb.simulate(network, duration=5 * ms, dt=0.1 * ms, record=record)["a"].counts


WRONG = {
    "target": lambda x: x.at[3].set(900_000_000),
    "start": lambda x: x.at[2].set(-70_000),
}


@pytest.mark.parametrize("field", WRONG)
def test_wrong_rows_are_refused(field):
    plain = net()
    assert bounded(plain) is plain
    wrong = eqx.tree_at(
        lambda n: getattr(n.projections[0].to, field), plain, replace_fn=WRONG[field]
    )
    with pytest.raises(ShapeError, match="Build the network anew"):
        run(wrong)


def test_wrong_columns_and_sizes_are_refused():
    plastic = net(plasticity=rb.PairSTDP(w_max=1 * nA))
    for where, value in (
        (lambda n: n.projections[0].by_post.synapse, jnp.full(16, 16, jnp.int32)),
        (lambda n: n.projections[0].by_post.to.target, jnp.full(16, -1, jnp.int32)),
        (lambda n: n.projections[0].weight, jnp.ones(15)),
        (lambda n: n.projections[0].to.target, jnp.zeros(12, jnp.int32)),
    ):
        with pytest.raises(ShapeError):
            run(eqx.tree_at(where, plastic, value))


@pytest.mark.parametrize("field", WRONG)
def test_traced_rows_are_clipped(field):
    plain, go = net(), jax.jit(run)
    np.testing.assert_array_equal(go(plain), run(plain))
    wrong = eqx.tree_at(
        lambda n: getattr(n.projections[0].to, field), plain, replace_fn=WRONG[field]
    )
    assert np.isfinite(go(wrong)).all()
