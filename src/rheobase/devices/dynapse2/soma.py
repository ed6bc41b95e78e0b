r"""The soma: a DPI with exponential feedback, a threshold, a reset and a refractory period.

    tau (1 + Igain/Imem) dImem/dt + Imem (1 + Iahp/Ileak)
        = (Igain/Ileak) (Iin - Iahp - Ileak) + (Ia/Ileak) (Imem + Igain)

with tau = C_mem Ut/(kappa Ileak), which is, in u = ln(Imem/Igain) and in z = y + ln y, y = e^u,

    (C_mem Ut/kappa) du/dt = Iin/(1 + y) - (Ileak + Iahp - Ia),
    (C_mem Ut/kappa) dz/dt = Iin - (1 + y) (Ileak + Iahp - Ia),

a current into the differential pair less the leak. The feedback is that of the circuit,
Ia = Io (Imem/Io)^(kappa/(kappa + 1)).

Source: Livi & Indiveri 2009; Chicca et al. 2014, Proc. IEEE 102:1367, eqs. 5 to 7.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class Membrane(NamedTuple):
    """What a soma is made of, as its equations take it."""

    charge: Array
    """C_mem Ut/kappa, nA ms."""
    Igain: Array
    Io: Array
    exponent: Array
    """kappa/(kappa + 1) of the feedback."""
    top: Array
    """ln(Ispkthr/Igain) + 1: the feedback grows no further."""


class Reversals(NamedTuple):
    """The currents (nA) of gates that are conductances, and Imem where each is half open."""

    ampa: Array
    gaba: Array
    Irev_ampa: Array
    Irev_nmda: Array
    Irev_gaba: Array


class Inputs(NamedTuple):
    """The currents (nA) into a soma that do not depend on Imem, and what gates NMDA."""

    direct: Array
    """Iampa - Igaba + Idc + what is injected; without the gates where they are conductances."""
    nmda: Array | None
    If_nmda: Array
    leak: Array
    """Itau_mem + Ishunt + Iahp."""
    reversals: Reversals | None = None


def slope(m: Membrane, inputs: Inputs, u: Array, y: Array) -> Array:
    """dz/dt (1/ms) at u = ln(Imem/Igain), y = e^u."""
    bounded = jnp.minimum(u, m.top)
    feedback = m.Io * jnp.exp(m.exponent * (bounded + jnp.log(m.Igain / m.Io)))
    total, nmda, r = inputs.direct, inputs.nmda, inputs.reversals
    if r is not None:
        total = total + r.ampa / (1 + y * (m.Igain / r.Irev_ampa))
        total = total - r.gaba * (y / (y + r.Irev_gaba / m.Igain))
        nmda = None if nmda is None else nmda / (1 + y * (m.Igain / r.Irev_nmda))
    if nmda is not None:
        total = total + nmda * (y / (y + inputs.If_nmda / m.Igain))
    into = jnp.maximum(total, m.Io)
    return (into - (1 + y) * (inputs.leak - feedback)) / m.charge
