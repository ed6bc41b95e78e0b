"""CUBA and a cell at all sizes, and the gradient to the weights of CUBA."""

import math

from benchmarks.contest import Contender, Size, Target, Workload
from benchmarks.workloads.networks import (
    CUBA_PARAMETERS,
    OURS,
    UNIFORM,
    specification,
)

GRADIENT, FORWARD = "gradient", "forward"
# A triangle of so small an area that the gradient of this chaotic network stays finite in float32
# for 200 ms, and so narrow (1 mV) that few neurons are within it at a time.
GRADIENT_PARAMETERS = CUBA_PARAMETERS | {"height": 0.2, "width": 0.1}
SIZES = (1_000, 4_000, 16_000, 64_000, 256_000, 1_000_000)


def nothing_unequal(_works: dict[str, dict]) -> list[str]:
    """One contender."""
    return []


def unequal(works: dict[str, dict]) -> list[str]:
    """All run the same network; there must be a gradient."""
    spikes = {work["spikes"] for work in works.values()}
    few, many = min(spikes), max(spikes)
    complaints = [f"between {few} and {many} spikes"] if many > 1.03 * few else []
    norm = works.get(GRADIENT, {}).get("norm of gradient", 1.0)
    bad = not (math.isfinite(norm) and norm > 0)
    return complaints + ([f"the gradient is {norm}"] if bad else [])


def _size(n: int, steps: int, rounds: int) -> Size:
    spec = {"n": n, "steps": steps, "dt": 0.1, "calls": 1 if n > 100_000 else 3}
    return Size(f"{n:,} neurons", spec, rounds)


CUBA_SIZE = Workload(
    name="cuba_size",
    title="CUBA network of any size",
    description=(
        "The CUBA network with 80 synapses on a neuron, the first 200 ms at 0.1 ms, float32;"
        " rheobase alone. The first call draws the synapses. Bytes a synapse are those of all"
        " arrays that the connections hold."
    ),
    sizes=tuple(_size(n, 2_000, 1) for n in SIZES),
    smoke=_size(500, 200, 1),
    contenders=(Contender(OURS, "ours/cuba_size.py", "`rb.classics.cuba(key, n)`, `Exact()`"),),
    targets=(Target("at most 12 bytes a synapse", OURS, None, 12, column="bytes a synapse"),),
    unequal=nothing_unequal,
    per=lambda spec: spec["n"] * spec["steps"],
    even=2.0,
)

COMPARTMENTS = (128, 1_024, 10_240, 102_400)


def _cell(compartments: int, steps: int, calls: int) -> Size:
    spec = {"compartments": compartments, "steps": steps, "dt": 0.025, "calls": calls}
    return Size(f"{compartments:,} compartments", spec, 1)


CELL_SIZE = Workload(
    name="cell_size",
    title="A cell of any number of compartments",
    description=(
        "A soma and a dendrite that forks five times, 64 sections cut ever finer, Hodgkin-Huxley"
        " channels everywhere, 2 nA into the soma, 100 ms at 0.025 ms, float32; rheobase alone."
    ),
    sizes=tuple(_cell(n, 4_000, 1 if n > 100_000 else 3) for n in COMPARTMENTS),
    smoke=_cell(128, 200, 1),
    contenders=(Contender(OURS, "ours/cell_size.py", "Crank-Nicolson"),),
    targets=(),
    unequal=nothing_unequal,
    per=lambda spec: spec["compartments"] * spec["steps"],
    even=2.0,
)

CUBA_GRADIENT = Workload(
    name="cuba_gradient",
    title="Gradient of the CUBA network",
    description=(
        "1,000 neurons, 200 ms at 0.1 ms, float32: the number of all spikes, and its gradient with"
        " respect to all 80,000 weights, by a triangle of height 0.2 and half-width 1 mV as the"
        " pseudo-derivative: with the default, whose area is far larger, the gradient of"
        " this chaotic network overflows, and as it is nowhere zero each step back visits all"
        " synapses instead of those of the neurons near threshold; rheobase alone. The peak of"
        " memory is of the process."
    ),
    sizes=(
        Size("1,000 neurons", specification("cuba", GRADIENT_PARAMETERS, UNIFORM, 1000, 2000), 2),
    ),
    smoke=Size(
        "200 neurons", specification("cuba", GRADIENT_PARAMETERS, UNIFORM, 200, 100, calls=1), 1
    ),
    contenders=tuple(
        Contender(name, "ours/cuba_gradient.py", differs, options={"what": what})
        for name, what, differs in (
            (
                GRADIENT,
                "gradient",
                "`jit(value_and_grad(loss))`: the compiled loop and its way back",
            ),
            (FORWARD, "forward", "`jit(loss)`: the compiled loop"),
        )
    ),
    targets=(Target("gradient at most 5x the forward time", GRADIENT, FORWARD, 5.0),),
    unequal=unequal,
    per=lambda spec: spec["n"] * spec["steps"],
)
