"""What a configuration cannot say of a network: biases out of reach, weights lost or rounded."""

from typing import NamedTuple

import numpy as np

from rheobase.devices.dynapse2.codes import core_biases
from rheobase.devices.dynapse2.quantise import Quantised, currents
from rheobase.units import A, nA

PRUNED = 0.05
"""Largest share of a neuron's summed |weight| that may be taken away."""
ROUNDED = 0.10
"""Largest relative distance of a bias, or of a neuron's summed |weight|, from what was wanted."""


class Violation(NamedTuple):
    """A limit of the chip that is not kept."""

    limit: str
    where: str
    """The neuron, core or channel."""
    found: float
    most: float
    bound: str = "at most"
    inexact: bool = False
    """Whether the chip takes it all the same, with other values than those that were wanted."""

    def __str__(self) -> str:
        return f"{self.where}: {self.found:.4g} {self.limit}, {self.bound} {self.most:.4g}"


def _inexact(
    limit: str, neuron: int, found: float, most: float, bound: str = "at most"
) -> Violation:
    return Violation(limit, f"neuron {neuron}", found, most, bound, inexact=True)


def pruned(shares: list[tuple[int, float]]) -> list[Violation]:
    """Neurons that lost too much; `shares` are their numbers and what they lost."""
    return [
        _inexact("% of its weight pruned", j, 100 * share, 100 * PRUNED)
        for j, share in shares
        if share > PRUNED
    ]


def rounded_weights(quantised: Quantised) -> list[Violation]:
    """Neurons whose weights came out too far from those that were wanted."""
    wanted, given = currents(quantised.wanted), currents(quantised.network)
    total = np.abs(wanted).sum(axis=0)
    share = np.abs(given - wanted).sum(axis=0) / np.where(total > 0, total, 1)
    return [
        _inexact("% of its weight rounded", j, 100 * share[j], 100 * ROUNDED)
        for j in np.flatnonzero(share > ROUNDED).tolist()
    ]


def biases(quantised: Quantised) -> list[Violation]:
    """Neurons with a bias that the generator cannot give, or that its core rounds too far.

    A difference below the smallest current Io is none.
    """
    net, layout = quantised.network, quantised.layout
    found = []
    for core in np.unique(quantised.core).tolist():
        here = np.flatnonzero(quantised.core == core)
        for bias in core_biases(quantised, core):
            if bias.name.startswith("Iw_") and bias.name != "Iw_ahp":
                continue
            value = np.asarray(getattr(net.neuron, bias.name), float)
            wanted = np.broadcast_to(value, (net.n,))[here]
            least = np.broadcast_to(np.asarray(net.neuron.Io, float), (net.n,))[here]
            low, high = (float(x.value_in(nA)) for x in layout.range(bias.name))
            given = float((bias.code.current * A).value_in(nA))
            off = np.abs(given / wanted - 1)
            for j, x, far, io in zip(here.tolist(), wanted, off, least, strict=True):
                if x > high * (1 + 1e-6):
                    found.append(_inexact(f"nA of {bias.name}", j, float(x), high))
                elif x < low * (1 - 1e-6):
                    found.append(_inexact(f"nA of {bias.name}", j, float(x), low, "at least"))
                elif far > ROUNDED and abs(given - x) > io:
                    what = f"% of {bias.name} rounded"
                    found.append(_inexact(what, j, 100 * float(far), 100 * ROUNDED))
    return found
