"""Who is connected to whom in a network of cells, and what drives them: the same for all.

The standard library only, since it is imported in the environment of every peer.
"""

import random


def pairs(spec: dict) -> list[tuple[int, int]]:
    """Presynaptic and postsynaptic cell of each synapse, none twice, none with itself."""
    drawn, n = random.Random(spec["seed"]), spec["cells"]
    found: set[tuple[int, int]] = set()
    while len(found) < spec["synapses"]:
        pre, post = drawn.randrange(n), drawn.randrange(n)
        if pre != post:
            found.add((pre, post))
    return sorted(found)


def amplitudes(spec: dict) -> list[float]:
    """The constant current into each cell, nA."""
    n = spec["cells"]
    return [spec["weakest"] + (spec["strongest"] - spec["weakest"]) * i / (n - 1) for i in range(n)]
