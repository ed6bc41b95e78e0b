import pytest
from jax.extend.core import primitives

from rheobase.units import mV, nA
from rheobase.units.rules import ANY, NONE, RULES, Dimension, Misfit, join, require_none

# Primitives that JAX has without exporting them.
PRIVATE = {
    *("debug_callback", "debug_print", "optimization_barrier", "platform_index", "random_unwrap"),
    *("random_wrap", "scatter_sub", "split", "stack", "stage", "tile", "unstack"),
}
VOLTAGE, CURRENT = Dimension(mV.dimension), Dimension(nA.dimension)


def test_every_rule_is_of_a_primitive_of_jax():
    public = [getattr(primitives, name) for name in dir(primitives) if name.endswith("_p")]
    assert set(RULES) <= {p.name.replace("-", "_") for p in public} | PRIVATE


def test_join_gives_the_one_dimension():
    assert join([ANY, VOLTAGE, ANY, VOLTAGE], "added") == VOLTAGE
    assert join([ANY, ANY], "added") == ANY
    with pytest.raises(Misfit, match="mV and nA cannot be added"):
        join([ANY, VOLTAGE, CURRENT], "added")


def test_require_none_lets_zero_pass():
    require_none(ANY, "it")
    require_none(NONE, "it")
    with pytest.raises(Misfit, match="it must be dimensionless, got nA"):
        require_none(CURRENT, "it")


@pytest.mark.parametrize("name", RULES)
def test_no_rule_invents_a_dimension(name):
    """Zeros and plain numbers alone never make anything with a dimension."""
    for value in (ANY, NONE):
        results = RULES[name]({"y": 2}, [value, value, value][: 2 if name == "pow" else 3], 1)
        assert all(result.exponents in (None, NONE.exponents) for result in results)
