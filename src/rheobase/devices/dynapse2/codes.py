"""The codes of a core: each bias is one current for all its neurons, and one code of the table."""

from typing import NamedTuple

import numpy as np

from rheobase.devices.dynapse2.bias import Code
from rheobase.devices.dynapse2.layout import DEVICES
from rheobase.devices.dynapse2.quantise import Quantised
from rheobase.units import nA


class CoreBias(NamedTuple):
    """A bias of a core."""

    name: str
    """In `Neuron`, or Iw_0 to Iw_3."""
    code: Code
    spread: float
    """Largest relative distance of a neuron of the core from the one value, before coding."""


def core_biases(quantised: Quantised, core: int) -> list[CoreBias]:
    """Every bias of a core: the geometric mean over its neurons, by the nearest code.

    A base weight that no synapse uses gets the smallest current.
    """
    net, layout = quantised.network, quantised.layout
    here = quantised.core == core
    found = []
    for name in DEVICES:
        if name.startswith("Iw_") and name != "Iw_ahp":
            values = np.asarray([quantised.cores[core].bases[int(name[-1])]])
            values = np.maximum(values, float(layout.range(name)[0].value_in(nA)))
        else:
            values = np.broadcast_to(np.asarray(getattr(net.neuron, name), float), (net.n,))[here]
        mean = float(np.exp(np.log(values).mean()))
        spread = float(np.max(np.abs(values / mean - 1)))
        found.append(CoreBias(name, layout.code(name, mean * nA), spread))
    return found
