"""From a jaxpr of element-wise operations to instructions on vectors, each value computed once."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rheobase import jaxprs
from rheobase.kernels.layout import OPERATIONS as FORMS
from rheobase.kernels.layout import Form


class NotElementwise(Exception):
    """Something that there is no instruction for."""


class Value(NamedTuple):
    """What an instruction makes; the first ones are the inputs."""

    number: int


Operand = Value | np.ndarray
"""A value, or a number that is known."""

# What there is an instruction for, the same in numpy.
OPERATIONS: dict[str, Any] = {
    "copy": lambda x: x,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "min": np.minimum,
    "max": np.maximum,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "neg": np.negative,
    "abs": np.abs,
    "exp": np.exp,
    "expm1": np.expm1,
    "phi": lambda z: np.where(z == 0, 1, np.expm1(z) / np.where(z == 0, 1, z)).astype(z.dtype),
    "inverse_phi": lambda z: np.where(z == 0, 1, z / np.expm1(np.where(z == 0, 1, z))),
    "logistic": lambda x: (1 / (1 + np.exp(-x))).astype(x.dtype),
    "log": np.log,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
    "pow": np.power,
    "select_n": lambda p, no, yes: np.where(p, yes, no),
    "muladd": lambda x, y, z: x * y + z,
    "mulsub": lambda x, y, z: x * y - z,
    "submul": lambda x, y, z: z - x * y,
    "clamp": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "relax": None,
}
_COMMUTE = frozenset(("add", "mul", "min", "max", "eq", "ne"))
MAPS = frozenset(name for name, form in FORMS.items() if form is Form.MAP)
"""What takes five operands in the end: gain f(min(scale x + shift, cap)), all but x known."""
_SAME = frozenset(("copy", "copy_p", "stop_gradient", "reduce_precision", "broadcast_in_dim"))
_ALSO = {"add_any": "add", "and": "mul", "or": "max"}


class Row(NamedTuple):
    """An instruction."""

    name: str
    operands: tuple[Operand, ...]


class Builder:
    """Instructions so far: equal ones are one, and arithmetic with 0, 1 and signs is left out."""

    def __init__(self, dtype: np.dtype, inputs: int, computed: Callable):
        self.dtype, self.inputs = dtype, inputs
        self.of_known = computed
        self.rows: list[Row] = []
        self.made: dict[Any, Value] = {}
        self.constants: dict[bytes, int] = {}

    def run(self, closed: Any, given: Sequence[Operand]) -> list[Operand]:
        """The results of a jaxpr of scalars."""
        return jaxprs.walk(closed, given, self.equation, number)

    def equation(self, eqn: Any, operands: list[Operand]) -> list[Operand]:
        """The results of one equation."""
        name = eqn.primitive.name
        if name == "scan" and all(map(known, operands)):
            return [np.asarray(x) for x in self.of_known(eqn, operands)]
        if any(v.aval.shape != () for v in eqn.outvars):
            raise NotElementwise(name)
        if (inner := jaxprs.called(eqn)) is not None:
            if eqn.params.get("name") == "phi_of_bounded":
                return [self.emit("phi", *operands)]
            return self.run(inner, operands)
        if name in _SAME:
            return operands
        return [self.computed(name, eqn, operands)]

    def computed(self, name: str, eqn: Any, operands: list[Operand]) -> Operand:
        """The result of one operation, by those that there are instructions for."""
        one, of = np.ones((), self.dtype), eqn.outvars[0].aval.dtype
        rewritten = {
            "convert_element_type": lambda: self.converted(operands[0], eqn),
            "integer_pow": lambda: self.power(operands[0], eqn.params["y"]),
            "square": lambda: self.emit("mul", operands[0], operands[0]),
            "not": lambda: self.emit("sub", one, operands[0]),
            "clamp": lambda: self.emit("min", self.emit("max", *operands[1::-1]), operands[2]),
        }
        bits, whole = name in ("and", "or", "not"), not np.issubdtype(of, np.floating)
        if (bits and not np.issubdtype(of, np.bool_)) or (name == "div" and whole):
            raise NotElementwise(name)
        if name in rewritten:
            return rewritten[name]()
        return self.emit(_ALSO.get(name, name), *operands)

    def converted(self, operand: Operand, eqn: Any) -> Operand:
        """Truth and whole numbers are kept as real numbers, in which they are exact."""
        old, new = eqn.invars[0].aval.dtype, eqn.params["new_dtype"]
        if isinstance(operand, np.ndarray):
            return operand.astype(new)
        if np.issubdtype(old, np.floating) and not np.issubdtype(new, np.floating):
            raise NotElementwise("convert_element_type")
        return operand

    def power(self, x: Operand, y: int) -> Operand:
        """x to a whole power."""
        if y < 0:
            return self.emit("div", np.ones((), self.dtype), self.power(x, -y))
        result: Operand = np.ones((), self.dtype)
        while y:
            result = self.emit("mul", result, x) if y % 2 else result
            x, y = (self.emit("mul", x, x), y // 2) if y > 1 else (x, 0)
        return result

    def emit(self, name: str, *operands: Operand) -> Operand:
        """The value of an operation."""
        if name not in OPERATIONS:
            raise NotElementwise(name)
        operands = tuple(x if isinstance(x, Value) else np.asarray(x) for x in operands)
        if all(isinstance(x, np.ndarray) for x in operands):
            return np.asarray(OPERATIONS[name](*operands))
        if name in SIMPLER and (simpler := SIMPLER[name](self, *operands)) is not None:
            return simpler
        if name in _COMMUTE:
            operands = tuple(sorted(operands, key=_order))
        key = name, *map(self.key, operands)
        if key not in self.made:
            self.rows.append(Row(name, operands))
            self.made[key] = Value(self.inputs + len(self.rows) - 1)
        return self.made[key]

    def row(self, x: Operand | None) -> Row | None:
        """The instruction that makes a value; None of an input or a known number."""
        made = isinstance(x, Value) and x.number >= self.inputs
        return self.rows[x.number - self.inputs] if made else None  # pyright: ignore

    def key(self, x: Operand) -> Any:
        """What equal operands have in common."""
        return x if isinstance(x, Value) else x.astype(self.dtype).tobytes()

    def constant(self, x: np.ndarray) -> int:
        """How an instruction refers to a known number."""
        return ~self.constants.setdefault(x.astype(self.dtype).tobytes(), len(self.constants))

    def constant_array(self) -> np.ndarray:
        """The known numbers."""
        return np.frombuffer(b"".join(self.constants) or bytes(self.dtype.itemsize), self.dtype)


def _order(x: Operand) -> tuple[int, int]:
    return (0, x.number) if isinstance(x, Value) else (1, 0)


def number(value: Any, aval: Any) -> np.ndarray:
    """A number of a program, of the type that it has there."""
    return np.asarray(value, aval.dtype)


def known(x: Any) -> bool:
    """Whether an operand is a number that is known."""
    return isinstance(x, np.ndarray)


def _is(x: Any, number: float) -> bool:
    return known(x) and bool(x == number)


def _both(x: Operand, y: Operand) -> tuple[tuple[Operand, Operand], ...]:
    return (x, y), (y, x)


def _negative(b: Builder, x: Operand) -> Operand | None:
    row = b.row(x)
    if row is None:
        return None
    if row.name == "sub":
        return b.emit("sub", *reversed(row.operands))
    if row.name == "mul" and known(row.operands[1]):
        return b.emit("mul", row.operands[0], np.negative(row.operands[1]))
    return row.operands[0] if row.name == "neg" else None


def _sum(b: Builder, x: Operand, y: Operand) -> Operand | None:
    for one, other in _both(x, y):
        row = b.row(one)
        if _is(one, 0):
            return other
        if row is not None and row.name == "neg":
            return b.emit("sub", other, row.operands[0])
        multiple = row is not None and row.name == "mul" and known(row.operands[1])
        if row is not None and multiple and isinstance(other, Value) and row.operands[0] == other:
            return b.emit("mul", other, np.add(1, row.operands[1]))
    return None


def _difference(b: Builder, x: Operand, y: Operand) -> Operand | None:
    row = b.row(y)
    if known(y):
        return b.emit("add", x, np.negative(y))
    return b.emit("add", x, row.operands[0]) if row is not None and row.name == "neg" else None


def _product(b: Builder, x: Operand, y: Operand) -> Operand | None:
    for one, other in _both(x, y):
        row = b.row(one)
        if _is(one, 1):
            return other
        if row is not None and known(other) and row.name == "neg":
            return b.emit("mul", row.operands[0], np.negative(other))
        if row is not None and known(other) and row.name == "mul" and known(row.operands[1]):
            return b.emit("mul", row.operands[0], np.multiply(row.operands[1], other))
    return None


def _quotient(b: Builder, x: Operand, y: Operand) -> Operand | None:
    return b.emit("mul", x, 1 / np.asarray(y, b.dtype)) if known(y) else None


def _bound(name: str) -> Callable:
    def simpler(b: Builder, x: Operand, y: Operand) -> Operand | None:
        for one, other in _both(x, y):
            row = b.row(one)
            if row is not None and row.name == name and known(other) and known(row.operands[1]):
                return b.emit(name, row.operands[0], b.emit(name, row.operands[1], other))
        return None

    return simpler


def _sign(name: str) -> Callable:
    def simpler(b: Builder, x: Operand, y: Operand) -> Operand | None:
        row = b.row(x)
        if row is None or not _is(y, 0) or row.name != "mul" or not known(row.operands[1]):
            return None
        return b.emit(name, row.operands[0], y) if np.all(np.greater(row.operands[1], 0)) else None

    return simpler


def _choice(_: Builder, condition: Operand, no: Operand, yes: Operand) -> Operand | None:
    return condition if _is(no, 0) and _is(yes, 1) else None


# The same by less: rounded alike, but for known factors, which are multiplied beforehand.
SIMPLER: dict[str, Callable] = {
    "neg": _negative,
    "add": _sum,
    "sub": _difference,
    "mul": _product,
    "div": _quotient,
    "min": _bound("min"),
    "max": _bound("max"),
    "select_n": _choice,
    **{name: _sign(name) for name in ("lt", "le", "gt", "ge")},
}
