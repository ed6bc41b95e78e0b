"""The memory that building takes beside its result, in a process of its own."""

import subprocess
import sys

import pytest

BUILD = """
import resource, sys
import jax
import rheobase as rb
from rheobase.units import ms, mV

def peak():
    kilobytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobytes

def network(n, rule, more):
    one = rb.Connection("a", "a", rule, rb.Delta(), **{{"weight": 1 * mV, **more}})
    return rb.Network({{"a": rb.Population(rb.LIF(), n)}}, [one], key=jax.random.key(0))

def bytes_of(net):
    return sum(x.nbytes for x in jax.tree.leaves(net.projections))

more = {more}
bytes_of(network(100, {few}, more))  # what is imported and allocated once
before = peak()
size = bytes_of(network(10_000, {rule}, more))
print(size, (peak() - before) / size)
"""
RULES = {
    "probability": ("rb.FixedProbability(0.2)", "rb.FixedProbability(0.2)"),
    "in-degree": ("rb.FixedInDegree(2000)", "rb.FixedInDegree(20)"),
    "out-degree": ("rb.FixedOutDegree(2000)", "rb.FixedOutDegree(20)"),
    "total": ("rb.FixedTotal(20_000_000)", "rb.FixedTotal(2000)"),
    "multapses": (
        "rb.FixedTotal(20_000_000, multapses=True)",
        "rb.FixedTotal(2000, multapses=True)",
    ),
    "dense": ("rb.Dense(autapses=False)", "rb.Dense(autapses=False)"),
}
WEIGHTS = {
    "one weight": "{}",
    "distributions": (
        "dict(weight=rb.Normal(1 * mV, 0.1 * mV, low=0 * mV), delay=rb.Uniform(1 * ms, 2 * ms))"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("rule", RULES)
def test_building_takes_little_more_than_what_is_built(rule, weights):
    many, few = RULES[rule]
    code = BUILD.format(rule=many, few=few, more=WEIGHTS[weights])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    size, ratio = int(done[0]), float(done[1])
    assert size > 70e6
    assert ratio < 1.6, f"the peak was {ratio:.2f} times the {size / 1e6:.0f} MB of the network"
