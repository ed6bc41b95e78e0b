import pytest

import rheobase as rb
from rheobase.errors import UnknownName
from rheobase.neurons import patterns


@pytest.mark.parametrize(("cls", "number"), [(rb.AdEx, 8), (rb.Izhikevich, 20), (rb.GLIF, 20)])
def test_names(cls, number):
    names = cls.patterns()
    assert len(set(names)) == len(names) == number
    assert all(isinstance(cls.pattern(name), cls) for name in names)


@pytest.mark.parametrize("cls", [rb.AdEx, rb.Izhikevich, rb.GLIF])
def test_unknown_name_has_its_near_miss(cls):
    name = cls.patterns()[0]
    with pytest.raises(UnknownName, match=f"no firing pattern of {cls.__name__} .*{name!r}"):
        cls.pattern(name.replace("i", "y"))


def test_units_of_the_articles_are_converted(x64):
    """C 100 pF, g_L 12 nS, a -11 nS, b 30 pA; a 30/s, A1/C 10 V/s."""
    adex = rb.AdEx.pattern("irregular spiking")
    found = adex.tau, adex.R, adex.a, adex.b, adex.v_T, adex.v_th, adex.v_rest, adex.v_reset
    expected = 100 / 12, 1000 / 12, -0.011, 0.03, -50, 0, -60, -48
    assert tuple(map(float, found)) == pytest.approx(expected, rel=1e-12)
    glif = rb.GLIF.pattern("hyperpolarisation bursting")
    found = glif.a, glif.A1, glif.A2, glif.tau / glif.R
    assert tuple(map(float, found)) == pytest.approx((0.03, 10, -0.6, 1), rel=1e-12)
    izhikevich = rb.Izhikevich.pattern("class 1")
    found = izhikevich.a, izhikevich.b, izhikevich.linear, izhikevich.constant, izhikevich.d
    assert tuple(map(float, found)) == pytest.approx((0.02, -0.1, 4.1, 108, 6), rel=1e-12)


def test_only_the_two_documented_rows_differ_from_the_script():
    """a, b, c, d of the code that draws the author's figure, in its order."""
    drawn = [
        (0.02, 0.2, -65, 6), (0.02, 0.25, -65, 6), (0.02, 0.2, -50, 2), (0.02, 0.25, -55, 0.05),
        (0.02, 0.2, -55, 4), (0.01, 0.2, -65, 8), (0.02, -0.1, -55, 6), (0.2, 0.26, -65, 0),
        (0.02, 0.2, -65, 6), (0.05, 0.26, -60, 0), (0.1, 0.26, -60, -1), (0.02, -0.1, -55, 6),
        (0.03, 0.25, -60, 4), (0.03, 0.25, -52, 0), (0.03, 0.25, -60, 4), (0.1, 0.26, -60, 0),
        (1, 0.2, -60, -21), (0.02, 1, -55, 4), (-0.02, -1, -60, 8), (-0.026, -1, -45, -2),
    ]  # fmt: skip
    rows = {row.name: tuple(row[1:5]) for row in patterns.IZHIKEVICH}
    differ = {name for (name, row), old in zip(rows.items(), drawn, strict=True) if row != old}
    assert differ == {"depolarising after-potential", "inhibition-induced bursting"}
