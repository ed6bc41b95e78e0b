"""Cells: one reconstructed cell, eight of them, the gradient; a network of small ones."""

import math

from benchmarks.contest import Contender, Size, Target, Workload
from benchmarks.swc import L5

OURS, NEURON, ARBOR, JAXLEY = "rheobase", "NEURON", "Arbor", "Jaxley"
EIGHT, GRADIENT = "rheobase, 8 cells", "rheobase, gradient"


def specification(swc: str | None, max_length: float, duration: float, calls: int) -> dict:
    return {
        "swc": swc, "max_length": max_length, "duration": duration, "dt": 0.025,
        "amplitude": 2.0, "cells": 1, "calls": calls,
    }  # fmt: skip


def unequal(works: dict[str, dict]) -> list[str]:
    """The same spikes of nearly as many compartments; there must be a gradient."""
    spikes = {work["spikes"] for work in works.values()}
    complaints = (
        [] if max(spikes) - min(spikes) <= 1 else [f"{min(spikes)} to {max(spikes)} spikes"]
    )
    counts = [work["compartments"] for work in works.values()]
    if max(counts) > 1.2 * min(counts):
        complaints.append(f"{min(counts)} to {max(counts)} compartments")
    norm = works.get(GRADIENT, {}).get("norm of gradient", 1.0)
    return complaints if math.isfinite(norm) and norm > 0 else [*complaints, f"gradient {norm}"]


CELLS = Workload(
    name="cells",
    title="A reconstructed cell",
    description=(
        "A layer 5 pyramidal cell with its axon, Hodgkin-Huxley channels everywhere, no compartment"
        " longer than 90 um, 2 nA into the soma, 100 ms at 0.025 ms. Each contender reads the same"
        " SWC file with its own reader. `construction` is that and all that comes before the first"
        " simulation."
    ),
    sizes=(Size("L5 pyramidal cell", specification(L5, 90.0, 100.0, 3), 2),),
    smoke=Size("synthetic", specification(None, 40.0, 20.0, 1), 1),
    contenders=(
        Contender(OURS, "ours/cells.py", "Crank-Nicolson, float32"),
        Contender(EIGHT, "ours/cells.py", "eight of them at once", options={"cells": 8}),
        Contender(
            GRADIENT, "ours/cells.py", "one cell and the gradient to all its conductances",
            options={"what": "gradient"},
        ),
        Contender(
            NEURON, "peers/neuron/cells.py", "Crank-Nicolson, tables of rates, float64", "neuron"
        ),
        Contender(ARBOR, "peers/arbor/cells.py", "implicit Euler, float64, vectorised", "arbor"),
        Contender(JAXLEY, "peers/jaxley/cells.py", "implicit Euler, float64", "jaxley"),
    ),
    targets=(
        Target("4x faster than NEURON", OURS, NEURON, 1 / 4),
        Target("2x faster than Arbor", OURS, ARBOR, 1 / 2),
        Target("2x faster than Jaxley's second call", OURS, JAXLEY, 1 / 2),
        Target("built 30x faster than in Jaxley", OURS, JAXLEY, 1 / 30, column="construction"),
        Target("first call under 3 s", OURS, None, 3.0, column="first"),
        Target("eight cells at most 7x one", EIGHT, OURS, 7.0),
        Target("gradient at most 4x the forward time", GRADIENT, OURS, 4.0),
        Target("gradient in 200 MB", GRADIENT, None, 200.0, column="temporary MB"),
    ),
    unequal=unequal,
)  # fmt: skip


NETWORK_GRADIENT = "rheobase, gradient"


def network(cells: int, synapses: int, duration: float, calls: int) -> dict:
    return {
        "cells": cells, "synapses": synapses, "duration": duration, "dt": 0.025, "seed": 1,
        "weakest": 0.1, "strongest": 0.4, "weight": 1e-4, "calls": calls,
    }  # fmt: skip


def unequal_network(works: dict[str, dict]) -> list[str]:
    """Nearly the same spikes over the same synapses; there must be a gradient."""
    spikes = [work["spikes"] for work in works.values()]
    complaints = []
    if max(spikes) > 1.03 * min(spikes):
        complaints.append(f"{min(spikes):.0f} to {max(spikes):.0f} spikes")
    if len({work["synapses"] for work in works.values()}) > 1:
        complaints.append("other numbers of synapses")
    norm = works.get(NETWORK_GRADIENT, {}).get("norm of gradient", 1.0)
    return complaints if math.isfinite(norm) and norm > 0 else [*complaints, f"gradient {norm}"]


CELL_NETWORK = Workload(
    name="cell_network",
    title="A network of cells",
    description=(
        "Cells of one compartment with Hodgkin-Huxley channels, each under a constant current"
        " of its own, and graded synapses (ionotropic, of Abbott & Marder) between pairs that all"
        " contenders read from one list; 100 ms at 0.025 ms. Jaxley has no synapse driven by spikes"
        " in a release."
    ),
    sizes=(Size("1,000 cells, 10,000 synapses", network(1_000, 10_000, 100.0, 3), 2),),
    smoke=Size("20 cells", network(20, 60, 10.0, 1), 1),
    contenders=(
        Contender(OURS, "ours/cell_network.py", "Crank-Nicolson, float32"),
        Contender(
            NETWORK_GRADIENT, "ours/cell_network.py", "and the gradient to all weights",
            options={"what": "gradient"},
        ),
        Contender(JAXLEY, "peers/jaxley/cell_network.py", "implicit Euler, float64", "jaxley"),
    ),
    targets=(
        Target("10x faster than Jaxley", OURS, JAXLEY, 1 / 10),
        Target("built 30x faster than in Jaxley", OURS, JAXLEY, 1 / 30, column="construction"),
    ),
    unequal=unequal_network,
)  # fmt: skip
