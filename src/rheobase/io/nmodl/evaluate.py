"""What the blocks of a mechanism mean: assignments to names, in JAX."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp

from rheobase.channels.rates import exp_linear
from rheobase.io.nmodl.linear import solution, sums_of
from rheobase.io.nmodl.source import Routine, Source
from rheobase.io.nmodl.tokens import refuse
from rheobase.io.nmodl.walk import expressions, locals_of, parts, statements

_LARGEST = 80.0
"""e^80 = 6e34 is a float32; no exponent within reach of a membrane's voltage is larger."""
FUNCTIONS: dict[str, Callable] = {
    "exp": lambda x: jnp.exp(jnp.minimum(x, _LARGEST)),
    "log": jnp.log,
    "log10": jnp.log10,
    "sqrt": jnp.sqrt,
    "fabs": jnp.abs,
    "abs": jnp.abs,
    "pow": lambda x, y: x**y,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "tan": jnp.tan,
    "tanh": jnp.tanh,
    "cosh": jnp.cosh,
    "sinh": jnp.sinh,
    "atan": jnp.arctan,
    "floor": jnp.floor,
    "ceil": jnp.ceil,
    "exprelr": lambda x: exp_linear(-x),
}
"""What NMODL knows without a declaration."""
_OF_TWO = ("pow",)
"""Those that take two arguments; the others take one."""
_BINARY: dict[str, Callable] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: jnp.divide(a, b) if isinstance(b, float) and b == 0 else a / b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "&&": jnp.logical_and,
    "||": jnp.logical_or,
}
Values = dict[str, Any]


class Meaning:
    """The statements of a mechanism, carried out on names with values."""

    def __init__(self, source: Source, file: str):
        self.source, self.file = source, file

    def run(self, body: list[Any], names: Values) -> Values:
        """Carry out statements; `names` is changed and returned. Rates get the name of x with '."""
        for statement in body:
            kind = statement[0]
            if kind in ("set", "rate"):
                value = self.value(statement[2], names)
                names[statement[1] + ("'" if kind == "rate" else "")] = value
            elif kind == "call":
                self.call(statement[1], statement[2], names)
            elif kind == "if":
                self.choose(statement, names)
            elif kind == "solve" and statement[1] in self.source.equations:
                names.update(self.solved(statement[1], names))
            elif kind == "solve":
                # What the equations compute on the way may be used after them, but a voltage that
                # they put beside a hole, as in if (v == -38) { v = v + 0.0001 }, is theirs.
                v = names["v"]
                self.block(self.source.derivatives[statement[1]], names)["v"] = v
            elif kind == "advance":
                self.advance(statement, names)
            elif kind == "steady":
                names.update(self.steady(statement[1], names))
            elif kind == "local":
                names.update({name: 0.0 for name in statement[1:]})
        return names

    def block(self, body: list[Any], names: Values) -> Values:
        """Carry out a block, whose LOCAL names end with it."""
        hidden = {name: names.get(name) for name in locals_of(body)}
        self.run(body, names)
        for name, before in hidden.items():
            names.pop(name, None)
            if before is not None:
                names[name] = before
        return names

    def advance(self, statement: Any, names: Values) -> None:
        """A PROCEDURE that moves states by dt: their rates are what it does in no time, over dt."""
        _, routine, states, _ = statement
        kept = {x: names[x] for x in (*states, "dt")}

        def end(dt: Any) -> list[Any]:
            names["dt"] = dt
            self.call(routine, (), names)
            ended = [jnp.asarray(names[x], dt.dtype) for x in states]
            names.update(kept)
            return ended

        none = jnp.zeros((), jnp.result_type(*(jnp.asarray(names[x]) for x in ("v", *states))))
        _, rates = jax.jvp(end, (none,), (jnp.ones_like(none),))
        names.update({f"{x}'": rate for x, rate in zip(states, rates, strict=True)})

    def solved(self, name: str, names: Values) -> Values:
        """The unknowns of a LINEAR block."""
        system = self.source.equations[name]

        def left(unknowns: Values) -> list[Any]:
            after = self.block(system.body, names | unknowns)
            return [after[x] for x in system.residuals]

        return solution(left, system.unknowns, [], names)

    def steady(self, name: str, names: Values) -> Values:
        """The states of a KINETIC block that its reactions do not change."""
        scheme, body = self.source.schemes[name], self.source.derivatives[name]

        def rates(states: Values) -> list[Any]:
            after = self.block(body, names | states)
            return [after[x + "'"] for x in scheme.states]

        after = self.block(body, dict(names))
        return solution(rates, scheme.states, sums_of(scheme, names, after), names)

    def choose(self, statement: Any, names: Values) -> None:
        """Both ways, and of each name the value of the way that is taken."""
        test = self.value(statement[1], names)
        yes = self.run(statement[2], dict(names))
        no = self.run(statement[3], dict(names))
        for name in {**yes, **no}:
            one, other = yes.get(name, 0.0), no.get(name, 0.0)
            names[name] = one if one is other else jnp.where(test, one, other)

    def call(self, name: str, arguments: tuple, names: Values) -> Any:
        """A routine: its own names apart, those of the mechanism shared."""
        given = [self.value(x, names) for x in arguments]
        if name not in self.source.routines:
            return FUNCTIONS[name](*given)
        routine: Routine = self.source.routines[name]
        own = locals_of(routine.body) | {*routine.arguments, name}
        inside = {**names, **dict(zip(routine.arguments, given, strict=True)), name: 0.0}
        self.run(routine.body, inside)
        names.update({key: value for key, value in inside.items() if key not in own})
        return inside[name]

    def value(self, x: Any, names: Values) -> Any:
        """An expression."""
        kind = x[0]
        if kind in ("number", "name"):
            return x[1] if kind == "number" else names[x[1]]
        if kind == "call":
            return self.call(x[1], x[2], names)
        if kind in ("negate", "not"):
            inner = self.value(x[1], names)
            return -inner if kind == "negate" else jnp.logical_not(inner)
        near = self.near_one(x, names) if kind == "-" else None
        if near is not None:
            return near
        if kind == "^":
            return self.power(x, names)
        return _BINARY[kind](self.value(x[1], names), self.value(x[2], names))

    def power(self, x: Any, names: Values) -> Any:
        base, exponent = self.value(x[1], names), self.value(x[2], names)
        if isinstance(exponent, float) and exponent.is_integer():
            return base ** int(exponent)
        return base**exponent

    def near_one(self, x: Any, names: Values) -> Any:
        """e^a - 1 and 1 - e^a without the loss of digits where a is small."""
        for one, sign in ((2, 1), (1, -1)):
            other = x[3 - one]
            if x[one] == ("number", 1.0) and other[0] == "call" and other[1] == "exp":
                inner = self.value(other[2][0], names)
                return sign * jnp.expm1(jnp.minimum(inner, _LARGEST))
        return None

    def check(self, known: set[str], more: Iterable[tuple[list[Any], set[str]]] = ()) -> None:
        """Refuse names and functions that are nowhere declared, with their line.

        `more`: other bodies, with what is known in them.
        """
        source = self.source
        self._check_calls()
        bodies = [source.initial, source.breakpoint, *source.derivatives.values()]
        bodies += [block.body for block in source.equations.values()]
        for body in bodies:
            self._check_body(body, known | locals_of(body))
        for body, names in more:
            self._check_body(body, names | locals_of(body))
        for name, routine in source.routines.items():
            inside = known | {*routine.arguments, name} | locals_of(routine.body)
            self._check_body(routine.body, inside)

    def _check_body(self, body: list[Any], known: set[str]) -> None:
        for statement in statements(body):
            if statement[0] in ("solve", "steady"):
                self._check_solve(*statement)
            for x in parts(statement):
                if x[0] == "name" and x[1] not in known:
                    what = f"{x[1]!r}, which is not declared, is not known to a channel."
                    raise refuse(self.file, x[2], what)
                if x[0] == "call":
                    self._check_call(x, standing=x is statement)

    def _check_solve(self, kind: str, name: str, line: int) -> None:
        source = self.source
        if kind == "solve" and name not in {**source.derivatives, **source.equations}:
            raise refuse(self.file, line, f"there is no DERIVATIVE or KINETIC {name} to solve.")
        if kind == "steady" and name not in source.schemes:
            raise refuse(
                self.file, line, f"STEADYSTATE is taken of a KINETIC block, and {name} is none."
            )

    def _check_call(self, x: Any, *, standing: bool) -> None:
        """Refuse a call of no function, with wrong arguments, or of a procedure for its value."""
        _, name, arguments, line = x
        routine = self.source.routines.get(name)
        if routine is None and name not in FUNCTIONS:
            raise refuse(self.file, line, f"no function is called {name!r}.")
        expected = len(routine.arguments) if routine else 2 if name in _OF_TWO else 1
        if len(arguments) != expected:
            raise refuse(
                self.file, line, f"{name} takes {expected} arguments, got {len(arguments)}."
            )
        if routine and not routine.returns and not standing:
            raise refuse(self.file, line, f"{name} is a PROCEDURE, which has no value.")

    def _check_calls(self) -> None:
        """Refuse a routine that calls itself, by itself or through others."""
        routines = self.source.routines
        calls = {
            name: [x for x in expressions(routine.body) if x[0] == "call" and x[1] in routines]
            for name, routine in routines.items()
        }
        for start in routines:
            seen, ahead = set(), list(calls[start])
            while ahead:
                x = ahead.pop()
                if x[1] == start:
                    raise refuse(
                        self.file, x[3], f"{start} calls itself, which this reader does not take."
                    )
                if x[1] not in seen:
                    seen.add(x[1])
                    ahead += calls[x[1]]
