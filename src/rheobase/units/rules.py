"""What each primitive of JAX does to dimensions: the rules that `proof` walks a program with."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, final

from rheobase.units.unit import NO_DIMENSION, Exponents, internal_unit


@final
class Dimension(NamedTuple):
    """What is known of an intermediate value.

    **Arguments:**

    - `exponents`: its dimension, or `None` for what fits any: zeros, infinities and NaN.
    - `number`: its value, where it is a known constant, which an exponent must be.
    """

    exponents: Exponents | None
    number: float | None = None

    def __str__(self) -> str:
        return "0" if self.exponents is None else str(internal_unit(self.exponents))


NONE = Dimension(NO_DIMENSION)
ANY = Dimension(None)

Rule = Callable[[dict[str, Any], Sequence[Dimension], int], Sequence[Dimension]]


@final
class Misfit(Exception):
    """Operands do not fit an operation; the walk turns it into an error with a place."""


def join(values: Sequence[Dimension], doing: str) -> Dimension:
    """The one dimension of values that must have the same."""
    known = [value for value in values if value.exponents is not None]
    for value in known[1:]:
        if value.exponents != known[0].exponents:
            raise Misfit(f"{known[0]} and {value} cannot be {doing}")
    return Dimension(known[0].exponents) if known else ANY


def require_none(value: Dimension, what: str) -> None:
    """Refuse an operand that has a dimension."""
    if value.exponents not in (None, NO_DIMENSION):
        raise Misfit(f"{what} must be dimensionless, got {value}")


def _power(value: Dimension, exponent: Fraction) -> Dimension:
    if value.exponents is None:
        return ANY if exponent else NONE
    return Dimension(tuple(e * exponent for e in value.exponents))


def _product(first: Dimension, second: Dimension, sign: int = 1) -> Dimension:
    if first.exponents is None or second.exponents is None:
        return ANY
    return Dimension(
        tuple(a + sign * b for a, b in zip(first.exponents, second.exponents, strict=True))
    )


def _same(doing: str) -> Rule:
    return lambda params, values, n: [join(values, doing)]


def _compared(params: dict[str, Any], values: Sequence[Dimension], n: int):
    join(values, "compared")
    return [NONE]


def _each(params: dict[str, Any], values: Sequence[Dimension], n: int):
    return values[:n]


def _first(params: dict[str, Any], values: Sequence[Dimension], n: int):
    return [values[0]] * n


def _dimensionless(name: str) -> Rule:
    def rule(params: dict[str, Any], values: Sequence[Dimension], n: int):
        for value in values:
            require_none(value, f"the argument of {name}")
        return [NONE] * n

    return rule


def _index(params: dict[str, Any], values: Sequence[Dimension], n: int):
    return [NONE] * n


def _pow(params: dict[str, Any], values: Sequence[Dimension], n: int):
    base, exponent = values
    require_none(exponent, "an exponent")
    if exponent.number is not None:
        return [_power(base, Fraction(exponent.number).limit_denominator(64))]
    require_none(base, "the base of a power whose exponent is not a constant")
    return [NONE]


def _select(params: dict[str, Any], values: Sequence[Dimension], n: int):
    return [join(values[1:], "alternatives of one value")]


def _scatter_multiply(params: dict[str, Any], values: Sequence[Dimension], n: int):
    require_none(values[2], "a factor of some elements")
    return values[:1]


def _root(exponent: Fraction) -> Rule:
    return lambda params, values, n: [_power(values[0], exponent)]


def _rules() -> dict[str, Rule]:
    """The rule of every primitive that the proof knows and that has no program inside."""
    groups: list[tuple[str, Rule]] = [
        ("add add_any", _same("added")),
        ("sub", _same("subtracted")),
        ("max min clamp rem nextafter", _same("compared")),
        ("concatenate pad stack", _same("parts of one array")),
        ("eq ne lt le gt ge eq_to lt_to le_to", _compared),
        (
            "neg abs real imag reduce_precision copy stage convert_element_type broadcast_in_dim "
            "reshape squeeze transpose rev sort reduce_sum reduce_max reduce_min "
            "cumsum cummax cummin optimization_barrier device_put sharding_constraint name "
            "stop_gradient",
            _each,
        ),
        ("slice dynamic_slice gather split unstack tile", _first),
        ("dynamic_update_slice", lambda params, v, n: [join(v[:2], "parts of one array")]),
        (
            "scatter scatter_add scatter_sub scatter_min scatter_max",
            lambda params, v, n: [join([v[0], v[2]], "parts of one array")],
        ),
        ("scatter_mul", _scatter_multiply),
        ("mul dot_general conv_general_dilated", lambda params, v, n: [_product(v[0], v[1])]),
        ("div", lambda params, v, n: [_product(v[0], v[1], -1)]),
        ("square", _root(Fraction(2))),
        ("sqrt", _root(Fraction(1, 2))),
        ("rsqrt", _root(Fraction(-1, 2))),
        ("cbrt", _root(Fraction(1, 3))),
        ("integer_pow", lambda params, v, n: [_power(v[0], Fraction(params["y"]))]),
        ("pow", _pow),
        ("atan2", _compared),
        ("select_n", _select),
        ("sign is_finite argmax argmin iota axis_index debug_callback debug_print", _index),
        (
            "random_seed random_bits random_split random_fold_in random_wrap random_unwrap "
            "platform_index",
            _index,
        ),
        ("top_k", lambda params, v, n: [v[0], NONE]),
    ]
    rules = {name: rule for names, rule in groups for name in names.split()}
    pure = (
        "exp exp2 expm1 log log1p logistic sin cos tan asin acos atan sinh cosh tanh asinh acosh "
        "atanh erf erfc erf_inv lgamma digamma bessel_i0e bessel_i1e igamma igammac floor ceil "
        "round not and or xor shift_left shift_right_logical shift_right_arithmetic reduce_and "
        "reduce_or reduce_xor reduce_prod cumprod cumlogsumexp bitcast_convert_type threefry2x32 "
        "population_count clz"
    )
    return rules | {name: _dimensionless(name) for name in pure.split()}


RULES = _rules()
"""By name of the primitive, with _ for -."""

SHAPING = frozenset(("convert_element_type", "broadcast_in_dim", "reshape", "squeeze", "copy"))
"""Primitives that leave a known constant the number it is."""
