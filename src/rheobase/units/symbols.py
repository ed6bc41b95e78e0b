"""The unit symbols, and nothing else."""

from fractions import Fraction

from rheobase.units.unit import BASE, DIMENSIONLESS, NO_DIMENSION, Unit

_PREFIX = {"": 0, "k": 3, "M": 6, "G": 9, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12}


def _base(symbol: str) -> Unit:
    place = BASE.index(symbol)
    dimension = tuple(Fraction(i == place) for i in range(len(NO_DIMENSION)))
    return Unit(((symbol, Fraction(1)),), dimension)


def _scaled(symbol: str, of: Unit, prefix: str, of_prefix: str = "") -> Unit:
    """The unit `symbol`, with an SI prefix where `of` has `of_prefix`."""
    ten = of.ten + _PREFIX[prefix] - _PREFIX[of_prefix]
    return Unit(((symbol, Fraction(1)),), of.dimension, ten, of.factor)


ms = _base("ms")
mV = _base("mV")
nA = _base("nA")
um = _base("um")
kelvin = _base("kelvin")
dimensionless = DIMENSIONLESS

s = _scaled("s", ms, "", "m")
us = _scaled("us", ms, "u", "m")
V = _scaled("V", mV, "", "m")
A = _scaled("A", nA, "", "n")
mA = _scaled("mA", A, "m")
uA = _scaled("uA", A, "u")
pA = _scaled("pA", A, "p")
m = _scaled("m", um, "", "u")
cm = _scaled("cm", m, "c")
mm = _scaled("mm", m, "m")

S = _scaled("S", A / V, "")
mS = _scaled("mS", S, "m")
uS = _scaled("uS", S, "u")
nS = _scaled("nS", S, "n")
pS = _scaled("pS", S, "p")
Ohm = _scaled("Ohm", V / A, "")
ohm = _scaled("ohm", Ohm, "")
kOhm = _scaled("kOhm", Ohm, "k")
MOhm = _scaled("MOhm", Ohm, "M")
GOhm = _scaled("GOhm", Ohm, "G")
F = _scaled("F", A * s / V, "")
uF = _scaled("uF", F, "u")
nF = _scaled("nF", F, "n")
pF = _scaled("pF", F, "p")
Hz = _scaled("Hz", s**-1, "")
kHz = _scaled("kHz", Hz, "k")
mM = _scaled("mM", _base("amol") / um**3, "")
uM = _scaled("uM", mM, "u", "m")
