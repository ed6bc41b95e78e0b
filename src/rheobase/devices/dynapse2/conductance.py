r"""Gates as conductances: what they give fades as the membrane comes near a reversal potential.

A differential pair at the output of a gate compares the voltage of the soma, V = (Ut/kappa)
ln(Imem/Io), with a reversal potential E = (Ut/kappa) ln(Irev/Io), and passes a sigmoid of their
distance,

    excitation:  I/(1 + exp(kappa (V - E)/Ut)) = I/(1 + Imem/Irev)
    inhibition:  I/(1 + exp(kappa (E - V)/Ut)) = I/(1 + Irev/Imem)

so that it stops beyond E and does not reverse. SHUNT, which adds to the leak, needs none.

Sources: Bartolozzi & Indiveri 2007, Neural Computation 19:2581; Richter et al. 2024, Neuromorph.
Comput. Eng. 4:014003 (the latch de_conductance).
"""

from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.devices.dynapse2 import constants as c
from rheobase.units import nA, positive, quantity


class Conductance(AbstractDeclared):
    r"""Reversal potentials of AMPA, NMDA and GABA, each as the Imem at which a gate is half open.

    Far from them, Irev >> Imem for excitation and Irev << Imem for inhibition, a gate passes its
    whole current. The defaults are the threshold and ten times the smallest current.

    >>> import rheobase as rb
    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import nA
    >>> neuron = d2.Neuron(conductance=d2.Conductance(Irev_ampa=20 * nA))
    >>> float(neuron.conductance.Irev_ampa)
    20.0
    """

    Irev_ampa: Array = quantity(
        nA, positive, "Imem at which fast excitation is half open", default=c.ISPKTHR
    )
    Irev_nmda: Array = quantity(
        nA, positive, "Imem at which slow excitation is half open", default=c.ISPKTHR
    )
    Irev_gaba: Array = quantity(
        nA, positive, "Imem at which subtractive inhibition is half open", default=10 * c.IO
    )
