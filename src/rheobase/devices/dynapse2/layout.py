"""What the chip is made of: its limits, its bias parameters and where each current is set.

Limits and circuits: Richter et al. 2024, Neuromorph. Comput. Eng. 4:014003. Names of parameters and
scale factors: the public laboratory scripts of INI Zurich and Rockpool 3.1; the factors vary with
the current, so they are one operating point, and a `Layout` may hold others.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from rheobase import printed
from rheobase.devices.dynapse2.bias import BiasTable
from rheobase.errors import UnknownName
from rheobase.units import A, Domain, Quantity, nA

NEURONS_PER_CORE = 256
CORES_PER_CHIP = 4
CHIPS = 4
"""Of one board."""
CAM_ENTRIES = 64
"""Incoming synapses of a neuron."""
SRAM_ENTRIES = 4
"""Destinations of a neuron, one of which watches it where it is an output."""
TAGS = 2048
"""Values of the 11-bit address of an event."""
FARTHEST = 7
"""Chips that an event may hop in x and in y."""
BASE_WEIGHTS = 4
LEVELS = 2**BASE_WEIGHTS

GATES = ("AMPA", "NMDA", "GABA", "SHUNT")
GATE_CODES = {"none": 0, "AMPA": 1024, "GABA": 512, "NMDA": 256, "SHUNT": 128}
"""What stands in a CAM entry."""


@final
@dataclass(frozen=True)
class Device:
    """A bias parameter of a core: its name on the chip, and what a code's current is scaled by."""

    name: str
    scale: float

    @property
    def transistor(self) -> str:
        """The type of transistor, N or P, which is the last letter of the name."""
        return self.name[-1]


DEVICES = {
    "Idc": Device("SOIF_DC_P", 0.38),
    "If_nmda": Device("DENM_NMREV_N", 1.05),
    "Itau_mem": Device("SOIF_LEAK_N", 0.61),
    "Igain_mem": Device("SOIF_GAIN_N", 1.05),
    "Ispkthr": Device("SOIF_SPKTHR_P", 0.38),
    "Iref": Device("SOIF_REFR_N", 1.05),
    "Itau_ahp": Device("SOAD_TAU_P", 0.2),
    "Igain_ahp": Device("SOAD_GAIN_P", 0.68),
    "Iw_ahp": Device("SOAD_W_N", 0.92),
    "Ipulse_ahp": Device("SOAD_PWTAU_N", 0.92),
    "Itau_ampa": Device("DEAM_ETAU_P", 0.2),
    "Igain_ampa": Device("DEAM_EGAIN_P", 0.68),
    "Itau_nmda": Device("DENM_ETAU_P", 0.2),
    "Igain_nmda": Device("DENM_EGAIN_P", 0.68),
    "Itau_gaba": Device("DEGA_ITAU_P", 0.2),
    "Igain_gaba": Device("DEGA_IGAIN_P", 0.68),
    "Itau_shunt": Device("DESC_ITAU_P", 0.2),
    "Igain_shunt": Device("DESC_IGAIN_P", 0.68),
    "Ipulse": Device("SYPD_EXT_N", 0.92),
    "Iw_0": Device("SYAM_W0_P", 0.22),
    "Iw_1": Device("SYAM_W1_P", 0.22),
    "Iw_2": Device("SYAM_W2_P", 0.22),
    "Iw_3": Device("SYAM_W3_P", 0.22),
}
"""The parameters that a simulated core has, by their names in `Neuron` and in the quantised
weights."""

UNUSED = (
    ("LBWR_VB_P", 0.57), ("SOIF_CC_N", 0.66), ("SOAD_CASC_P", 0.385), ("SOCA_W_N", 0.92),
    ("SOCA_GAIN_P", 0.68), ("SOCA_TAU_P", 0.2), ("SOHO_VB_P", 1.47), ("SOHO_VH_P", 1.47),
    ("SOHO_VREF_L_P", 1.47), ("SOHO_VREF_H_P", 1.47), ("SOHO_VREF_M_P", 1.47),
    ("SOHO_VREF_P", 0.68), ("DEAM_ITAU_P", 0.2), ("DEAM_IGAIN_P", 0.68), ("DENM_ITAU_P", 0.2),
    ("DENM_IGAIN_P", 0.68), ("DEAM_VRES_P", 0.385), ("DEAM_HRES_P", 0.385),
    ("DEAM_NRES_P", 0.385), ("SYSA_VRES_N", 1.9), ("SYSA_VB_P", 1.9), ("SYPD_DYL0_P", 0.22),
    ("SYPD_DYL1_P", 0.22), ("SYPD_DYL2_P", 1.6), ("SYAW_STDSTR_N", 0.2), ("SYAM_STDW_N", 0.67),
)  # fmt: skip
"""Parameters of a core that no circuit simulated here depends on, with their scale factors."""


@final
@dataclass(frozen=True)
class Layout:
    """The bias generator of a chip: which current each coarse and fine code gives a parameter.

    - `table`: the currents of the codes; the affine fits to the published measurement by default,
      or a chip's own measurement by `BiasTable.read`.
    - `devices`: name on the chip and scale factor of each parameter.

    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import pA
    >>> code = d2.Layout().code("Itau_mem", 5.3 * pA)
    >>> code.coarse, code.fine, round(100 * code.error, 1)
    (0, 30, 0.6)
    """

    table: BiasTable = field(default_factory=BiasTable.fitted)
    devices: Mapping[str, Device] = field(default_factory=lambda: DEVICES)

    def __repr__(self) -> str:
        return printed.shortly(self)

    def device(self, name: str) -> Device:
        """Where a parameter is set; `UnknownName` for one that the chip does not have."""
        if name not in self.devices:
            raise UnknownName("parameter of a core", name, self.devices)
        return self.devices[name]

    def code(self, name: str, current: Quantity, absolute: bool = False):
        """The code for a parameter whose current comes nearest, see `BiasTable.nearest`."""
        device = self.device(name)
        wanted = float(current.value_in(A)) / device.scale
        found = self.table.nearest(device.transistor, wanted, absolute)
        return found.scaled(device.scale)

    def current(self, name: str, coarse: int, fine: int) -> Quantity:
        """The current that a code gives a parameter."""
        device = self.device(name)
        return self.table.current(device.transistor, coarse, fine) * device.scale * A

    def range(self, name: str) -> tuple[Quantity, Quantity]:
        """The smallest and the largest current of a parameter."""
        device = self.device(name)
        low, high = self.table.range(device.transistor)
        return low * device.scale * A, high * device.scale * A


def chip_current(name: str, default: Quantity) -> Domain:
    """Positive currents, which train as ln(I/default) inside what the chip can give `name`.

    In the free coordinates of `rheobase.train.domains` a current is divided by its default first.
    """
    size = float(default.value_in(nA))
    low, high = (math.log(float(x.value_in(nA)) / size) for x in Layout().range(name))

    def to_free(x: ArrayLike) -> Array:
        return jnp.clip(jnp.log(jnp.asarray(x)), low, high)

    def from_free(y: ArrayLike) -> Array:
        return jnp.exp(jnp.clip(jnp.asarray(y), low, high))

    return Domain("positive", "> 0", lambda x: x > 0, to_free, from_free)
