"""Codes of the bias generator: searched among all of them."""

import numpy as np
import pytest

from rheobase.devices import dynapse2 as d2
from rheobase.errors import ArgumentError, ParameterError, UnknownName
from rheobase.units import A, nA


@pytest.mark.parametrize("transistor", ["N", "P"])
@pytest.mark.parametrize("dips", [False, True])
def test_the_nearest_code_is_the_nearest_of_all(transistor, dips):
    table = d2.BiasTable.fitted().with_dips() if dips else d2.BiasTable.fitted()
    every = table.of(transistor)
    for current in np.geomspace(1e-12, 1e-6, 40):
        code = table.nearest(transistor, current)
        assert code.current == every[code.coarse, code.fine]
        assert abs(np.log(code.current / current)) == np.abs(np.log(every / current)).min()
        least = table.nearest(transistor, current, absolute=True)
        assert abs(least.current - current) == np.abs(every - current).min()


def test_dips_change_the_code():
    """Where the current falls with the fine code, bisection would end elsewhere."""
    table = d2.BiasTable.fitted().with_dips(0.1)
    assert np.any(np.diff(table.N, axis=1) < 0)
    wanted = table.N[2, 33]
    assert table.nearest("N", wanted).current == wanted


def test_a_table_is_read_back(tmp_path):
    file = tmp_path / "levels.csv"
    table = d2.BiasTable.fitted()
    rows = [
        f"{kind},{c},{f},{table.of(kind)[c, f].item()!r}"
        for kind in "NP"
        for c in range(6)
        for f in range(256)
    ]
    text = "type,coarse,fine,current\n" + "\n".join(rows)
    file.write_text(text)
    read = d2.BiasTable.read(file)
    np.testing.assert_array_equal(read.N, table.N)
    np.testing.assert_array_equal(read.P, table.P)
    file.write_text(text.rsplit("\n", 1)[0])
    with pytest.raises(ParameterError, match="P, 5, 255 is missing"):
        d2.BiasTable.read(file)


def test_a_code_gives_its_current_again():
    layout = d2.Layout()
    for name in layout.devices:
        low, high = layout.range(name)
        wanted = (low.value_in(A) * high.value_in(A)) ** 0.5 * A
        code = layout.code(name, wanted)
        assert layout.current(name, code.coarse, code.fine).value_in(A) == code.current
        assert abs(code.error) < 0.02


def test_errors_teach():
    with pytest.raises(UnknownName, match="Itau_mem"):
        d2.Layout().code("Itau_men", 1 * nA)
    with pytest.raises(ArgumentError, match="positive"):
        d2.BiasTable.fitted().nearest("N", -1.0)
    with pytest.raises(UnknownName):
        d2.BiasTable.fitted().of("Q")
    with pytest.raises(ParameterError, match="shape"):
        d2.BiasTable(np.ones((2, 3)), np.ones((6, 256)), "none")
