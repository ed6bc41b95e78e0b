"""Compiled and eager runs agree."""

import jax

from tests.laws.helpers import assert_close, poised, short
from tests.registry import ADAPTORS, NEURONS, every_adaptor_in_time, every_neuron_in_time


def both_ways(make, row, steps):
    def run():
        neuron = make()
        return short(neuron, 3 * row.drive, row.dt, steps, init=poised(neuron, -0.05))

    compiled = run()
    with jax.disable_jit():
        eager = run()
    return compiled, eager


@every_neuron_in_time
def test_a_compiled_run_is_the_eager_one(name, x64):
    compiled, eager = both_ways(NEURONS[name].make, NEURONS[name], 12)
    assert_close(compiled.traces, eager.traces, rtol=1e-9)
    if NEURONS[name].fires:
        assert compiled.counts > 0
        assert_close(compiled.spikes, eager.spikes, rtol=0)


@every_adaptor_in_time
def test_a_compiled_run_of_an_adaptor_is_the_eager_one(adaptor, x64):
    row = NEURONS["AdEx"]
    compiled, eager = both_ways(lambda: ADAPTORS[adaptor].wrap(row.make()), row, 12)
    assert_close(compiled.traces, eager.traces, rtol=1e-9)
    assert_close(compiled.spikes, eager.spikes, rtol=0)
