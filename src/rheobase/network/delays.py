"""The delays of a network, known while a program is made that takes the rest of it as arguments.

How long what is under way is kept follows from them, so they cannot be traced.
"""

from dataclasses import dataclass
from typing import final

import equinox as eqx
import numpy as np

from rheobase.morphology.content import SameContent
from rheobase.network.network import Network


@final
@dataclass(frozen=True, eq=False)
class _Times(SameContent):
    ms: np.ndarray


@final
@dataclass(frozen=True)
class Delays:
    """The delays of each connection; None of one without."""

    each: tuple[_Times | None, ...]

    @classmethod
    def of(cls, network: Network) -> "Delays":
        """Those of a network that is not traced."""
        return cls(
            tuple(
                None if p.delay is None else _Times(np.asarray(p.delay))
                for p in network.projections
            )
        )

    def known(self, network: Network) -> Network:
        """The network with these delays in the place of traced ones."""
        places = [i for i, one in enumerate(self.each) if one is not None]
        times = [one.ms for one in self.each if one is not None]
        if not places:
            return network
        return eqx.tree_at(lambda n: [n.projections[i].delay for i in places], network, times)
