"""Expressions of the language, from tokens to trees of tuples.

They are ("number", x), ("name", n, line), ("call", f, arguments, line), ("negate", a), ("not", a)
and (operator, a, b).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rheobase.errors import brief
from rheobase.io.nmodl.tokens import Token, refuse

_DEEPEST = 40
"""Levels of parentheses, signs, powers and conditions."""
_LONGEST = 250
"""Terms of a sum, factors of a product."""
_MOST = 100
"""Elements of an array, and turns of a loop."""


class AbstractReader:
    """One pass over the tokens: what blocks and expressions of all kinds are read by."""

    def __init__(self, found: list[Token], name: str):
        self.tokens, self.at, self.name, self.depth = found, 0, name, 0
        self.whole: dict[str, float] = {}
        """What names of DEFINE and of FROM loops stand for here."""
        self.arrays: dict[str, int] = {}
        """How many elements an array has; x[2] is called x_2."""

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def error(self, what: str, line: int | None = None) -> Exception:
        return refuse(self.name, self.here.line if line is None else line, what)

    def take(self, text: str | None = None, kind: str | None = None) -> str:
        """The next token, which has to be this one or of this kind."""
        token = self.here
        if token.kind == "end":
            raise self.error("the file ends in the middle of a block.")
        if (text is not None and token.text != text) or (kind is not None and token.kind != kind):
            raise self.error(f"expected {text or 'a ' + str(kind)}, got {brief(token.text)}.")
        self.at += 1
        return token.text

    def took(self, *texts: str) -> bool:
        if self.here.kind != "text" and self.here.text in texts:
            self.at += 1
            return True
        return False

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count how deeply an expression or a condition is nested, and refuse what is too deep."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error(f"this is nested more than {_DEEPEST} levels deep.")
        yield
        self.depth -= 1

    def names(self) -> list[str]:
        """Names that are declared, with commas between them."""
        found = self.declared()
        self.unit()
        while self.took(","):
            found += self.declared()
            self.unit()
        return found

    def declared(self) -> list[str]:
        """A name that is declared, or those of the elements of an array."""
        name = self.take(kind="name")
        if not self.took("["):
            return [name]
        size = self.number("the size of an array")
        self.take("]")
        if size > _MOST:
            raise self.error(f"{name} has {size} elements; at most {_MOST} are taken.")
        self.arrays[name] = size
        return [f"{name}_{k}" for k in range(size)]

    def element(self) -> str:
        """The name of a variable or of an element of an array, that is used."""
        name = self.take(kind="name")
        if not self.took("["):
            return name
        place = self.number("an index")
        self.take("]")
        if not 0 <= place < self.arrays.get(name, 0):
            size = self.arrays.get(name)
            what = f"{name}, which has {size} elements" if size else f"{name}, which is no array"
            raise self.error(f"there is no element {place} of {what}.")
        return f"{name}_{place}"

    def turns(self) -> Iterator[None]:
        """Read what follows FROM once for each turn of the loop."""
        index = self.take(kind="name")
        self.take("=")
        first = self.number("the beginning of a FROM loop")
        self.take("TO")
        last = self.number("the end of a FROM loop")
        by = self.number("the step of a FROM loop") if self.took("BY") else 1
        if by < 1 or (last - first) // by >= _MOST:
            raise self.error(f"a FROM loop of more than {_MOST} turns is not taken.")
        outer, begin = self.whole.get(index), self.at
        for value in range(first, last + 1, by):
            self.at, self.whole[index] = begin, float(value)
            yield
        self.whole.pop(index, None)
        if outer is not None:
            self.whole[index] = outer

    def number(self, what: str) -> int:
        """A whole number that is known while the file is read."""
        line = self.here.line
        value = _known(self.expression())
        if value is None or value != int(value):
            raise self.error(f"{what} is to be a whole number that does not change.", line)
        return int(value)

    def unit(self) -> str:
        """The unit in parentheses that may stand here."""
        if self.here.text != "(":
            return ""
        parts, depth = [], 0
        while True:
            token = self.take()
            depth += (token == "(") - (token == ")")
            if depth == 0:
                return "".join(parts[1:])
            parts.append(token)

    def arguments(self) -> tuple:
        self.take("(")
        found = []
        while not self.took(")"):
            found.append(self.expression())
            self.took(",")
        return tuple(found)

    def expression(self, level: int = 0) -> Any:
        """By levels of binding: or, and, comparison, sum, product, sign, power."""
        levels = (
            ("||",), ("&&",), ("<", ">", "<=", ">=", "==", "!="), ("+", "-"), ("*", "/")
        )  # fmt: skip
        if level == len(levels):
            return self.signed()
        left = self.expression(level + 1)
        terms = 1
        while self.here.kind == "mark" and self.here.text in levels[level]:
            operator, terms = self.take(), terms + 1
            if terms > _LONGEST:
                raise self.error(f"an expression of more than {_LONGEST} terms is not taken.")
            left = (operator, left, self.expression(level + 1))
        return left

    def signed(self) -> Any:
        with self.deeper():
            if self.took("-"):
                return ("negate", self.signed())
            if self.took("+"):
                return self.signed()
            if self.took("!"):
                return ("not", self.signed())
            base = self.atom()
            return ("^", base, self.signed()) if self.took("^") else base

    def atom(self) -> Any:
        token = self.here
        if self.took("("):
            inner = self.expression()
            self.take(")")
            return inner
        if token.kind == "number":
            self.at += 1
            self.unit()  # a number may carry a unit in parentheses
            return ("number", float(token.text))
        name = self.element()
        if name in self.whole:
            return ("number", self.whole[name])
        if self.here.text == "(":
            return ("call", name, self.arguments(), token.line)
        return ("name", name, token.line)


def _known(x: Any) -> float | None:
    """The value of an expression of numbers; None for any other."""
    if x[0] == "number":
        return x[1]
    if x[0] not in ("negate", "+", "-", "*"):
        return None
    parts = [_known(part) for part in x[1:]]
    if None in parts:
        return None
    first, *rest = (part or 0.0 for part in parts)
    if not rest:
        return -first
    return {"+": first + rest[0], "-": first - rest[0], "*": first * rest[0]}[x[0]]
