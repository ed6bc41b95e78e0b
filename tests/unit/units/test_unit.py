import copy
import pickle
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rheobase.units import (
    Hz,
    MOhm,
    Quantity,
    UnitError,
    cm,
    dimensionless,
    kHz,
    mA,
    mM,
    ms,
    mV,
    nA,
    nF,
    nS,
    ohm,
    pA,
    pF,
    s,
    uF,
    um,
    uS,
    us,
)
from rheobase.units.unit import internal_unit

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
moderate = st.floats(min_value=-1e6, max_value=1e6)
units = st.sampled_from([ms, s, us, mV, nA, mA, cm, um, uF, nS, ohm, kHz, mM])
powers = st.sampled_from([-2, -1, Fraction(1, 2), 1, 2, 3])


@pytest.mark.parametrize("derived", [nF / (nA * ms / mV), uS / (nA / mV), MOhm / (mV / nA)])
def test_the_internal_system_is_coherent(derived):
    assert derived == dimensionless


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (uF / cm**2, "uF/cm**2"),
        (ohm * cm, "ohm*cm"),
        (mV / ms, "mV/ms"),
        (mV / ms**0.5, "mV/ms**0.5"),
        (ms**-1, "1/ms"),
        (mV / (ms * nA), "mV/(ms*nA)"),
        (ms / ms, "dimensionless"),
        (mV ** Fraction(1, 3), "mV**(1/3)"),
    ],
)
def test_a_unit_prints_as_it_is_written(unit, text):
    assert str(unit) == text


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (pF, "nF"),
        (nS, "uS"),
        (s, "ms"),
        (uF / cm**2, "nF/um**2"),
        (ohm * cm, "MOhm*um"),
        (mV * s, "ms*mV"),
        (kHz, "1/ms"),
        (mM, "mM"),
    ],
)
def test_the_internal_unit_has_scale_one_and_a_short_name(unit, text):
    internal = unit.internal()
    assert str(internal) == text
    assert internal.same_dimension(unit)
    assert internal._scale() == (1, 0)


@given(units, units, powers)
def test_units_form_a_group(a, b, n):
    assert a * b == b * a
    assert (a * b) / b == a
    assert (a**n) ** (1 / Fraction(n)) == a
    assert hash((a * b) / b) == hash(a)


def test_equality_ignores_how_a_unit_is_written():
    assert kHz == ms**-1
    assert hash(kHz) == hash(ms**-1)
    assert kHz != Hz
    assert ms != mV
    assert internal_unit(uS.dimension) == nA / mV


@pytest.mark.parametrize(
    ("quantity", "unit", "exact"),
    [
        (5 * us, ms, 0.005),
        (3 * pA, nA, 0.003),
        (7 * mA, nA, 7e6),
        (1 * uF / cm**2, nF / um**2, 1e-5),
        (1 * kHz, Hz, 1000),
        (0.3 * nS, uS, 0.0003),
        (4 * s**0.5, ms**0.5, 4 * 1000**0.5),
    ],
)
def test_conversion_is_correctly_rounded(quantity, unit, exact):
    assert quantity.value_in(unit) == exact


@given(finite)
def test_a_number_and_an_array_convert_alike(x):
    exact = float(Fraction(x) / 1000)
    assert (x * us).value_in(ms) == exact
    assert (np.array([x]) * us).value_in(ms)[0] == exact


@given(moderate, units, st.sampled_from([us, ms, s]))
def test_conversion_round_trip(x, unit, other):
    there = (x * (unit / ms**3)).to(unit / other**3)
    assert there.to(unit / ms**3).value == pytest.approx(x, rel=1e-15, abs=1e-300)


@pytest.mark.parametrize("bad", [float("inf"), -float("inf"), float("nan")])
def test_what_is_not_finite_survives_conversion(bad):
    np.testing.assert_equal((bad * s).value_in(ms), bad)


def test_integers_are_not_truncated_or_overflown():
    assert (np.array([1, 2]) * us).value_in(ms).tolist() == [0.001, 0.002]
    assert (jnp.array([3000]) * s).value_in(us).tolist() == [3e9]


@pytest.mark.parametrize("left", [[1, 2], (1, 2), np.array([1, 2]), jnp.array([1, 2])])
def test_arrays_and_lists_take_a_unit_from_either_side(left):
    for quantity in (left * ms, ms * left):
        assert isinstance(quantity, Quantity)
        assert quantity.shape == (2,)
        assert str(quantity) == "[1, 2] ms"


def test_a_list_of_arrays_takes_a_unit_inside_a_transformation():
    assert jax.jit(lambda x: ([x, 2 * x] * s).value_in(ms))(1.0).tolist() == [1000.0, 2000.0]


@pytest.mark.parametrize("bad", ["20", None, 1j, np.array(["a"]), {}, jax.random.key(0)])
def test_only_real_numbers_take_a_unit(bad):
    with pytest.raises(UnitError, match="real number"):
        bad * ms


def test_arithmetic():
    assert 20 * ms + 500 * us == 20.5 * ms
    assert 20 * ms - 500 * us == 19.5 * ms
    assert -(2 * ms) == -2 * ms
    assert abs(-2 * ms) == +(2 * ms)
    assert 2 * nA * (3 * MOhm) == 6 * mV
    assert (6 * mV) / (2 * ms) == 3 * mV / ms
    assert (3 * mV) ** 2 == 9 * mV**2
    assert 1 / (2 * ms) == 0.5 * kHz
    assert 2 * (3 * ms) == (3 * ms) * 2 == 6 * ms
    assert (3 * ms) / 2 == 1.5 * ms
    assert ms / 2 == 0.5 * ms
    assert ms * (2 * mV) == 2 * mV * ms
    assert ms / (2 * mV) == 0.5 * ms / mV


@pytest.mark.parametrize(
    "number",
    [(20 * ms) / (0.1 * ms), (20 * ms) / ms * 10, (200 * ms) * (1 / ms), (0.2 * s) / ms],
)
def test_where_dimensions_cancel_a_plain_number_is_left(number):
    assert type(number) in (int, float)
    assert number == 200


@given(moderate, moderate)
def test_comparison_is_that_of_the_numbers(x, y):
    a, b = x * ms, y * ms
    assert (a < b, a <= b, a > b, a >= b, a == b, a != b) == (
        x < y,
        x <= y,
        x > y,
        x >= y,
        x == y,
        x != y,
    )


def test_comparison_converts_and_hash_agrees_with_equality():
    assert 1 * s > 999 * ms
    assert 1 * s == 1000 * ms
    assert hash(1 * s) == hash(1000 * ms)
    assert 1 * s != 1 * mV
    assert 1 * s != 1


@pytest.mark.parametrize(
    "operation",
    [
        lambda: 5 * mV + 3 * ms,
        lambda: 5 * mV - 3 * ms,
        lambda: 5 * mV < 3 * ms,
        lambda: (5 * mV).to(ms),
    ],
)
def test_different_dimensions_are_refused_by_both_names(operation):
    with pytest.raises(UnitError, match=r"mV.*ms"):
        operation()


@pytest.mark.parametrize(
    "operation",
    [
        lambda: 5 * mV + 3,
        lambda: 3 - 5 * mV,
        lambda: np.ones(2) + 5 * mV,
        lambda: 5 * mV > 3,
        lambda: jnp.ones(2) < 5 * mV,
        lambda: 0 + 5 * mV,
    ],
)
def test_a_bare_number_is_refused_beside_a_quantity(operation):
    with pytest.raises(UnitError, match=r"no quantity\. Write for example 1\*mV"):
        operation()


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_a_quantity_does_not_turn_into_an_array_unseen(convert):
    with pytest.raises(UnitError, match=r"Write \.value_in\(ms\)"):
        convert(5 * ms)


@pytest.mark.parametrize("function", [np.sin, jnp.sin, float])
def test_functions_of_numbers_refuse_a_quantity(function):
    with pytest.raises(TypeError):
        function(5 * ms)


@pytest.mark.parametrize("exponent", ["2", None, True, 0.123456789])
def test_a_unit_has_simple_exponents(exponent):
    with pytest.raises(UnitError, match="raised to a"):
        ms**exponent


def test_something_else_is_no_unit():
    with pytest.raises(UnitError, match="expected a unit"):
        (5 * ms).to(mV * 2)
    assert (5 * kHz).to(1 / ms).value == 5


def test_indexing_iteration_and_shape():
    q = np.arange(6.0).reshape(2, 3) * mV
    assert len(q) == 2
    assert (q.shape, q.ndim) == ((2, 3), 2)
    assert q[1, 2] == 5 * mV
    assert str(q[0]) == "[0., 1., 2.] mV"
    assert [row.shape for row in q] == [(3,), (3,)]
    assert [x.value.item() for x in jnp.arange(3) * mV] == [0, 1, 2]


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (20 * ms, "20 ms"),
        (20.0 * ms, "20 ms"),
        (0.1 * nA, "0.1 nA"),
        (jnp.float32(0.1) * nA, "0.1 nA"),
        (np.float64(2) * uF / cm**2, "2 uF/cm**2"),
        (Quantity(0.5, dimensionless), "0.5"),
    ],
)
def test_a_quantity_prints_as_it_is_written(quantity, text):
    assert repr(quantity) == text


def test_quantities_are_immutable_and_can_be_copied():
    q = 5 * ms
    with pytest.raises(AttributeError):
        q.value = 6
    for again in (copy.deepcopy(q), pickle.loads(pickle.dumps(q))):
        assert again == q
        assert again.unit == ms
    with pytest.raises(AttributeError):
        ms.ten = 3


def test_a_quantity_is_a_pytree_of_its_value():
    leaves, structure = jax.tree.flatten(jnp.ones(3) * mV)
    assert [leaf.shape for leaf in leaves] == [(3,)]
    assert jax.tree.unflatten(structure, [None]).unit == mV
    assert jax.tree_util.tree_leaves_with_path(5 * mV)[0][0][0].name == "value"


def test_transformations_take_and_return_quantities():
    assert jax.jit(lambda q: 2 * q)(3.0 * mV) == 6 * mV
    assert jax.jit(lambda x: x * mV)(3.0) == 3 * mV
    mapped = jax.vmap(lambda q: q + 1 * s)(jnp.arange(3.0) * ms)
    assert mapped.value.tolist() == [1000.0, 1001.0, 1002.0]
    # d/dx of (x mV)^2 / mV^2
    assert jax.grad(lambda x: (x * mV) ** 2 / (1 * mV**2))(3.0) == 6.0
    assert jax.grad(lambda x: (x * s).value_in(ms))(3.0) == 1000.0


def test_a_traced_quantity_can_be_printed():
    texts = []
    jax.jit(lambda x: texts.append(str(x * ms)))(jnp.ones(2))
    assert texts == ["<traced float32[2]> ms"]


def test_one_unit_compiles_once():
    traces = []

    @jax.jit
    def double(q):
        traces.append(1)
        return 2 * q

    double(1.0 * kHz)
    double(2.0 * (1 / ms).unit)
    assert len(traces) == 1
