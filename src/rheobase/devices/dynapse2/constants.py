"""Nominal constants of the chip's circuits, with units and source.

Capacitances, voltages and the operating point are those published with Rockpool 3.1 (Cakal et al.
2023, arXiv:2303.12167). Published values disagree: Richter et al. 2024 (Neuromorph. Comput. Eng.
4:014003) give a membrane capacitor of 7.7 pF. So each is a default of a field of `Neuron`, and none
is used anywhere else.
"""

from rheobase.units import V, mV, nA, pA, pF, us
from rheobase.units import ms as _ms

C_MEM = 3 * pF
C_MEM_ON_CHIP = 7.7 * pF
"""Richter et al. 2024; give it as `Neuron(C_mem=...)`."""
C_AHP = 40 * pF
C_AMPA = 24.5 * pF
C_SHUNT = 24.5 * pF
C_GABA = 25 * pF
C_NMDA = 25 * pF
C_PULSE = 0.5 * pF
C_PULSE_AHP = 0.5 * pF
C_REF = 1.5 * pF

KAPPA_N = 0.75
"""Slope factor of an n-channel transistor below threshold."""
KAPPA_P = 0.66
KAPPA = (KAPPA_N + KAPPA_P) / 2
"""The mean of both, which all equations use."""
UT = 25 * mV
"""Thermal voltage."""
VTH = 0.7 * V
"""What a pulse extender charges its capacitor to."""
IO = 0.5 * pA
"""Leakage of a transistor: no current is smaller."""

ISCALE = 10 * nA
"""The current of a weight of one."""
ISPKTHR = 100 * nA
IW = (1 * nA, 2 * nA, 4 * nA, 8 * nA)
"""The base currents Iw_0 to Iw_3 of the 4-bit weights."""

TAU_MEM = 20 * _ms
TAU_AHP = 50 * _ms
TAU_SYN = 10 * _ms
"""Of all four gates."""
GAIN_MEM = 4.0
"""Igain/Itau."""
GAIN_AHP = 1.0
GAIN_SYN = 100.0
T_PULSE = 10 * us
T_PULSE_AHP = 1 * us
T_REF = 1 * _ms
