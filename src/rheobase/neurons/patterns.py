"""Published parameters of firing patterns, in the units of their articles.

Numbers only: the neurons make themselves from a row, and `rheobase.patterns` adds the stimuli.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from rheobase.errors import UnknownName


class AdExRow(NamedTuple):
    """C (pF), g_L (nS), E_L, V_T, Delta_T (mV), a (nS), tau_w (ms), b (pA), V_r (mV)."""

    name: str
    C: float
    g_L: float
    E_L: float
    V_T: float
    Delta_T: float
    a: float
    tau_w: float
    b: float
    V_r: float


class IzhikevichRow(NamedTuple):
    """a, b (1/ms), c (mV), d (mV/ms), and what else differs from 0.04 v^2 + 5 v + 140 - u."""

    name: str
    a: float
    b: float
    c: float
    d: float
    linear: float = 5
    constant: float = 140
    v_b: float = 0
    leak: float = 1


class GLIFRow(NamedTuple):
    """a (1/s), A1/C and A2/C (V/s)."""

    name: str
    a: float
    A1: float = 0
    A2: float = 0


NAUD = (
    AdExRow("tonic spiking", 200, 10, -70, -50, 2, 2, 30, 0, -58),
    AdExRow("adaptation", 200, 12, -70, -50, 2, 2, 300, 60, -58),
    AdExRow("initial burst", 130, 18, -58, -50, 2, 4, 150, 120, -50),
    AdExRow("regular bursting", 200, 10, -58, -50, 2, 2, 120, 100, -46),
    AdExRow("delayed accelerating", 200, 12, -70, -50, 2, -10, 300, 0, -58),
    AdExRow("delayed regular bursting", 100, 10, -65, -50, 2, -10, 90, 30, -47),
    AdExRow("transient spiking", 100, 10, -65, -50, 2, 10, 90, 100, -47),
    AdExRow("irregular spiking", 100, 12, -60, -50, 2, -11, 130, 30, -48),
)
"""Naud, Marcille, Clopath & Gerstner 2008, Biol Cybern 99:335, table 1, spike cut at 0 mV.

"delayed regular bursting" and "transient spiking" are not as printed there, where one never spikes
and the other fires tonically, but as corrected by P. Müller (thesis, Heidelberg), whose set the
Brian2 example `Naud_et_al_2008_adex_firing_patterns.py` has; it reproduces the article's figure.
"""

IZHIKEVICH = (
    IzhikevichRow("tonic spiking", 0.02, 0.2, -65, 6),
    IzhikevichRow("phasic spiking", 0.02, 0.25, -65, 6),
    IzhikevichRow("tonic bursting", 0.02, 0.2, -50, 2),
    IzhikevichRow("phasic bursting", 0.02, 0.25, -55, 0.05),
    IzhikevichRow("mixed mode", 0.02, 0.2, -55, 4),
    IzhikevichRow("spike-frequency adaptation", 0.01, 0.2, -65, 8),
    IzhikevichRow("class 1", 0.02, -0.1, -55, 6, linear=4.1, constant=108),
    IzhikevichRow("class 2", 0.2, 0.26, -65, 0),
    IzhikevichRow("spike latency", 0.02, 0.2, -65, 6),
    IzhikevichRow("subthreshold oscillation", 0.05, 0.26, -60, 0),
    IzhikevichRow("resonator", 0.1, 0.26, -60, -1),
    IzhikevichRow("integrator", 0.02, -0.1, -55, 6, linear=4.1, constant=108),
    IzhikevichRow("rebound spike", 0.03, 0.25, -60, 4),
    IzhikevichRow("rebound burst", 0.03, 0.25, -52, 0),
    IzhikevichRow("threshold variability", 0.03, 0.25, -60, 4),
    IzhikevichRow("bistability", 0.1, 0.26, -60, 0),
    IzhikevichRow("depolarising after-potential", 1, 0.2, -60, -18),
    IzhikevichRow("accommodation", 0.02, 1, -55, 4, v_b=-65, leak=0),
    IzhikevichRow("inhibition-induced spiking", -0.02, -1, -60, 8),
    IzhikevichRow("inhibition-induced bursting", -0.026, -1, -45, 0),
)
"""Izhikevich 2004, IEEE Trans Neural Netw 15:1063, as the author's script draws figure 1.

Two rows differ from the drawing, which rests on giving u the v of the same step at a coarse dt;
as solutions of the equations its values fire again and again. "depolarising after-potential" has
d -18 instead of -21, "inhibition-induced bursting" d 0 instead of -2, as the list at the head of
the script has it.
"""

MIHALAS_NIEBUR = (
    GLIFRow("tonic spiking", 0),
    GLIFRow("class 1", 0),
    GLIFRow("adaptation", 5),
    GLIFRow("phasic spiking", 5),
    GLIFRow("accommodation", 5),
    GLIFRow("threshold variability", 5),
    GLIFRow("rebound spike", 5),
    GLIFRow("class 2", 5),
    GLIFRow("integrator", 5),
    GLIFRow("input bistability", 5),
    GLIFRow("hyperpolarisation spiking", 30),
    GLIFRow("hyperpolarisation bursting", 30, 10, -0.6),
    GLIFRow("tonic bursting", 5, 10, -0.6),
    GLIFRow("phasic bursting", 5, 10, -0.6),
    GLIFRow("rebound burst", 5, 10, -0.6),
    GLIFRow("mixed mode", 5, 5, -0.3),
    GLIFRow("afterpotentials", 5, 5, -0.3),
    GLIFRow("basal bistability", 0, 8, -0.1),
    GLIFRow("preferred frequency", 5, -3, 0.5),
    GLIFRow("spike latency", -80),
)
"""Mihalas & Niebur 2009, Neural Comput 21:704, table 1."""


class Named(Protocol):
    """A row with a name."""

    @property
    def name(self) -> str:
        """Of the firing pattern."""
        ...


Row = TypeVar("Row", bound=Named)


def names(table: Sequence[Named]) -> tuple[str, ...]:
    """The names of a table."""
    return tuple(row.name for row in table)


def find(owner: str, table: Sequence[Row], name: str) -> Row:
    """The row of that name. Errors: `UnknownName`, with the near miss."""
    for row in table:
        if row.name == name:
            return row
    raise UnknownName(f"firing pattern of {owner}", name, names(table))
