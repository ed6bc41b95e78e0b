r"""Synapses with a rise: the difference of two differential-pair integrators.

An excitatory gate can subtract the current of a second integrator, which the same pulses charge and
which decays faster,

    I = max(0, Iexc - Iinh).

With the gain of the gate itself both are charged alike, so that a pulse that lifts them by dI far
above Igain gives dI (e^(-t/tau) - e^(-t/tau_rise)): zero at first, largest after
ln(tau/tau_rise) tau tau_rise/(tau - tau_rise).

Source: Richter et al. 2024, Neuromorph. Comput. Eng. 4:014003 (the latches deam_alpha, denm_alpha).
"""

from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.devices.dynapse2 import constants as c
from rheobase.devices.dynapse2.layout import chip_current
from rheobase.units import nA, quantity

_ITAU = 2 * c.UT / c.KAPPA * c.C_AMPA / c.TAU_SYN
_IGAIN = c.GAIN_SYN * c.UT / c.KAPPA * c.C_AMPA / c.TAU_SYN


class Alpha(AbstractDeclared):
    r"""The integrator that is subtracted in an alpha-shaped synapse; it has the gate's capacitor.

    tau_rise = C Ut/(kappa Itau) is to be shorter than tau of its gate: where it is not, nothing
    passes. Without the gain of its gate the synapse begins with a jump, or late.
    A delta input lifts Iampa alone.

    >>> import rheobase as rb
    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import nA
    >>> neuron = d2.Neuron(alpha_ampa=d2.Alpha(Itau=0.5 * nA))
    >>> neuron.init().Iampa_rise == neuron.Io
    Array(True, dtype=bool)
    """

    Itau: Array = quantity(
        nA, chip_current("Itau_ampa", _ITAU), "leak of the subtracted integrator", default=_ITAU
    )
    Igain: Array = quantity(nA, chip_current("Igain_ampa", _IGAIN), "its gain", default=_IGAIN)
