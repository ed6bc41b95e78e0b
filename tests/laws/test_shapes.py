"""The shapes that `systems/` and `run/` declare are those that come: checked by beartype."""

import subprocess
import sys

PROGRAM = """
from jaxtyping import install_import_hook

with install_import_hook(["rheobase.systems", "rheobase.run"], "beartype.beartype"):
    import rheobase.systems.circuit, rheobase.run.run
    import rheobase.systems.point, rheobase.systems.cells, rheobase.systems.source

import jax
import pytest
import rheobase as rb
from jaxtyping import TypeCheckError
from rheobase import channels as ch
from rheobase.systems.point import mixed
from rheobase.units import ms, mV, nA, um, uS

with pytest.raises(TypeCheckError):
    mixed(jax.numpy.zeros(3, int), 0.0)

rb.simulate(rb.AdEx(), n=(2, 3), current=1 * nA, duration=2 * ms, dt=0.1 * ms, record=("v",))
ball = rb.morphology.ball_and_stick(length=200 * um)
cell = rb.Cell(ball, max_length=100 * um).insert(ch.HH(), at="soma")
cell = cell.insert(ch.SpikeDetector(), at="soma").insert(ch.Leak(), at="dendrite")
soma = cell.at("soma")
rb.simulate(cell, n=2, current={soma: 1 * nA}, duration=1 * ms, dt=0.025 * ms,
            record={"v": [soma], "HH.i": soma})
rb.simulate(cell, clamp={"v": {soma: -20 * mV}}, duration=1 * ms, dt=0.025 * ms,
            record={"clamp": [soma]})
ipsc, ampa = rb.Exponential(tau=5 * ms), rb.Conductance(rb.Exponential(tau=2 * ms), 0 * mV)
net = rb.Network(
    {"in": rb.SpikeSource([1, 2] * ms, [0, 1], n=2), "p": rb.Population(rb.LIF(), 3),
     "c": rb.Population(cell, 2)},
    [rb.Connection("in", "p", rb.Dense(), ipsc, weight=1 * nA,
                   plasticity=rb.PairSTDP(w_max=2 * nA)),
     rb.Connection("p", "c", rb.Dense(), ampa, weight=1e-3 * uS, delay=1 * ms),
     rb.Connection("c", "p", rb.Dense(), ipsc, weight=rb.Uniform(0 * nA, 1 * nA),
                   delay=rb.Uniform(1 * ms, 2 * ms))],
    rb.Drive("p", rb.stimulus.Constant(2 * nA)),
    key=jax.random.key(0),
)
each = {"in": 0.1 * ms, "p": 0.1 * ms, "c": 0.025 * ms}
rb.simulate(net, duration=2 * ms, dt=each, substep=True)
graph = rb.Graph(
    {"e": rb.LIF(), "r": rb.LI()},
    {("input", "e"): rb.Linear(4, 3), ("e", "r"): rb.Linear(3, 3)},
    feedback={("e", "e"): rb.Linear(3, 3), ("r", "e"): None},
    output="e",
)
late = rb.Recurrent(rb.CubaLIF(), 3, delays=rb.Delays(max=3 * ms))
stack = rb.Sequential(graph, late, rb.Linear(3, 2), rb.LI())
batch = jax.numpy.ones((2, 20, 4)), jax.numpy.zeros(2, int)
rb.gradients.value_and_grad(stack, batch)
stack = rb.Sequential(rb.Linear(4, 3), late, rb.Linear(3, 2), rb.LI())
rb.gradients.value_and_grad(stack, batch, method=rb.gradients.Exact())
print("every shape is as declared")
"""


def test_shapes_are_as_declared():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "every shape is as declared", done.stderr[-3000:]
