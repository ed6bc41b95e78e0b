"""SWC files read with nothing but loops: the second route to their geometry."""

import math
from pathlib import Path


def frusta(path: Path) -> dict[str, float]:
    """Area and length of every piece between a sample and its parent, summed by type.

    What leaves the soma has its own first radius.
    """
    rows = [line.split() for line in Path(path).read_text().splitlines()]
    rows = [[float(x) for x in row[:7]] for row in rows if row and not row[0].startswith("#")]
    samples = {row[0]: row for row in rows}
    total: dict[str, float] = {"area": 0.0, "length": 0.0, "volume": 0.0}
    for row in rows:
        if row[6] < 0:
            continue
        above = samples[row[6]]
        a, b = above[5], row[5]
        if above[1] == 1 and row[1] != 1:
            a = b
        h = math.dist(above[2:5], row[2:5])
        total["area"] += math.pi * (a + b) * math.hypot(h, a - b)
        total["length"] += h
        total["volume"] += math.pi * h * (a * a + a * b + b * b) / 3
    return total


def random_swc(seed: int, size: int = 200, still: float = 0.05) -> str:
    """A neuron at random: a soma of four samples, neurites of three types, steps of no length."""
    import random

    draw = random.Random(seed)
    rows = [(1, 1, 0.0, 0.0, 0.0, 6.0, -1)]
    for i in range(2, 5):
        rows.append((i, 1, 0.0, 3.0 * i, 0.0, draw.uniform(4, 8), i - 1))
    kind = {i: 1 for i in range(1, 5)}
    for i in range(5, size):
        parent = draw.choice([draw.randrange(1, i), i - 1, i - 1, i - 1])
        kind[i] = draw.choice((2, 3, 4)) if kind[parent] == 1 else kind[parent]
        at = rows[parent - 1]
        step = 0.0 if draw.random() < still else 5.0
        x, y, z = (at[k] + draw.gauss(0, step) for k in (2, 3, 4))
        rows.append((i, kind[i], x, y, z, draw.uniform(0.2, 1.5), parent))
    order = list(range(len(rows)))
    draw.shuffle(order)
    return "# a neuron at random\n" + "".join(
        "{} {} {!r} {!r} {!r} {!r} {}\n".format(*rows[k]) for k in order
    )
