"""From tokens to a mechanism: declarations, and blocks as trees of tuples.

Expressions are ("number", x), ("name", n, line), ("call", f, arguments, line), ("negate", a),
("not", a) and (operator, a, b). Statements are ("set", name, expression), ("rate", state,
expression), ("call", f, arguments, line), ("if", condition, yes, no), ("local", names) and
("solve", block, line).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rheobase.errors import brief
from rheobase.io.nmodl.source import Declared, Ion, Routine, Source
from rheobase.io.nmodl.tokens import Token, refuse, tokens

REFUSED = {
    "POINT_PROCESS": "a point process; only SUFFIX mechanisms of a membrane are channels",
    "ARTIFICIAL_CELL": "an artificial cell; see the neurons of rheobase",
    "KINETIC": "a KINETIC scheme; write its equations as a DERIVATIVE block",
    "LINEAR": "a LINEAR block",
    "NONLINEAR": "a NONLINEAR block",
    "DISCRETE": "a DISCRETE block",
    "NET_RECEIVE": "NET_RECEIVE, the events of a synapse",
    "VERBATIM": "VERBATIM, a program in C",
    "FUNCTION_TABLE": "a FUNCTION_TABLE",
    "POINTER": "a POINTER to another mechanism",
    "BBCOREPOINTER": "a POINTER to another mechanism",
    "RANDOM": "RANDOM numbers",
    "BEFORE": "a BEFORE block",
    "AFTER": "an AFTER block",
    "CONSTRUCTOR": "a CONSTRUCTOR in C",
    "DESTRUCTOR": "a DESTRUCTOR in C",
    "ELECTRODE_CURRENT": "an ELECTRODE_CURRENT; see rheobase.stimulus",
    "INCLUDE": "an INCLUDE of another file",
    "WHILE": "a WHILE loop",
    "FROM": "a FROM loop",
    "LONGITUDINAL_DIFFUSION": "LONGITUDINAL_DIFFUSION",
    "WATCH": "WATCH, the events of a synapse",
}
"""What is not taken, and what it is."""
_DEEPEST = 40
"""Levels of parentheses, signs, powers and conditions."""
_LONGEST = 250
"""Terms of a sum, factors of a product."""
METHODS = ("cnexp", "derivimplicit", "euler", "runge")


def parse(text: str, name: str) -> Source:
    """The mechanism of a file called `name`."""
    return _Parser(tokens(text, name), name).source()


class _Parser:
    """One pass over the tokens."""

    def __init__(self, found: list[Token], name: str):
        self.tokens, self.at, self.name, self.depth = found, 0, name, 0

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

    def source(self) -> Source:
        source = Source()
        blocks = {
            "NEURON": lambda: self.neuron(source),
            "UNITS": lambda: self.units(source),
            "PARAMETER": lambda: source.parameters.extend(self.declarations()),
            "CONSTANT": lambda: source.parameters.extend(self.declarations()),
            "ASSIGNED": lambda: source.assigned.extend(self.declarations()),
            "STATE": lambda: source.states.extend(self.declarations()),
            "INITIAL": lambda: source.initial.extend(self.block()),
            "BREAKPOINT": lambda: source.breakpoint.extend(self.block()),
            "DERIVATIVE": lambda: source.derivatives.update({self.take(): self.block()}),
            "PROCEDURE": lambda: self.routine(source, returns=False),
            "FUNCTION": lambda: self.routine(source, returns=True),
            "INDEPENDENT": self.skip_block,
            "UNITSON": lambda: None,
            "UNITSOFF": lambda: None,
            "THREADSAFE": lambda: None,
            "DEFINE": lambda: source.constants.update({self.take(): float(self.take())}),
            "LOCAL": lambda: source.assigned.extend(
                Declared(name, None, "", self.here.line) for name in self.names()
            ),
        }
        while self.here.kind != "end":
            word = self.here
            if word.text in REFUSED:
                raise self.error(f"this reader does not take {REFUSED[word.text]}.")
            if word.text not in blocks:
                raise self.error(f"{word.text!r} begins no block that this reader takes.")
            self.at += 1
            blocks[word.text]()
        return source

    def names(self) -> list[str]:
        found = [self.take(kind="name")]
        self.unit()
        while self.took(","):
            found.append(self.take(kind="name"))
            self.unit()
        return found

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

    def skip_block(self) -> None:
        self.take("{")
        while not self.took("}"):
            self.take()

    def neuron(self, source: Source) -> None:
        self.take("{")
        while not self.took("}"):
            if self.here.text in REFUSED:
                raise self.error(f"this reader does not take {REFUSED[self.here.text]}.")
            word = self.take()
            if word == "SUFFIX":
                source.name = self.take()
            elif word == "USEION":
                source.ions.append(self.ion())
            elif word == "NONSPECIFIC_CURRENT":
                source.nonspecific += self.names()
            elif word in ("RANGE", "GLOBAL", "EXTERNAL"):
                self.names()
            elif word != "THREADSAFE":
                raise self.error(f"{word!r} in the NEURON block is not taken by this reader.")

    def ion(self) -> Ion:
        line = self.here.line
        ion = Ion(self.take(kind="name"), [], [], line)
        while self.here.text in ("READ", "WRITE", "VALENCE", "REPRESENTS"):
            word = self.take()
            if word == "READ":
                ion.read += self.names()
            elif word == "WRITE":
                ion.write += self.names()
            else:
                self.took("-")
                self.take()
        return ion

    def units(self, source: Source) -> None:
        """Aliases of units are not needed; constants such as FARADAY are."""
        known = {
            "faraday": {"": 96485.33212, "coulomb": 96485.33212, "coulombs": 96485.33212,
                        "kilocoulombs": 96.48533212, "kilocoulomb": 96.48533212},
            "k-mole": {"": 8.314462618, "joule/degC": 8.314462618},
            "pi": {"": 3.141592653589793, "1": 3.141592653589793},
            "avogadro": {"": 6.02214076e23},
            "e": {"": 1.602176634e-19, "coulomb": 1.602176634e-19, "coulombs": 1.602176634e-19},
        }  # fmt: skip
        self.take("{")
        while not self.took("}"):
            if self.here.text == "(":
                self.unit()
                self.take("=")
                self.unit()
                continue
            line = self.here.line
            name = self.take(kind="name")
            self.take("=")
            if self.here.kind == "number":
                source.constants[name] = float(self.take())
                self.unit()
                continue
            what = self.unit()
            unit = self.unit()
            if unit not in known.get(what, {}):
                raise self.error(
                    f"the constant ({what}) ({unit}) is not known to this reader.", line
                )
            source.constants[name] = known[what][unit]

    def declarations(self) -> list[Declared]:
        found = []
        self.take("{")
        while not self.took("}"):
            line = self.here.line
            name = self.take(kind="name")
            if self.here.text == "[":
                raise self.error(f"{name} is an array, which this reader does not take.")
            value = None
            if self.took("="):
                sign = -1.0 if self.took("-") else 1.0
                value = sign * float(self.take(kind="number"))
            if self.took("FROM"):
                self.limits()
            unit = self.unit()
            if self.took("START"):
                sign = -1.0 if self.took("-") else 1.0
                value = sign * float(self.take(kind="number"))
            if self.took("<"):
                while not self.took(">"):
                    self.take()
            found.append(Declared(name, value, unit, line))
        return found

    def limits(self) -> None:
        for word in (None, "TO", None):
            if word is None:
                self.took("-")
                self.take(kind="number")
            else:
                self.take(word)

    def routine(self, source: Source, *, returns: bool) -> None:
        name = self.take(kind="name")
        arguments: list[str] = []
        self.take("(")
        while not self.took(")"):
            arguments.append(self.take(kind="name"))
            self.unit()
            self.took(",")
        self.unit()
        source.routines[name] = Routine(arguments, self.block(), returns)

    def block(self) -> list[Any]:
        """Statements between braces."""
        self.take("{")
        body = []
        while not self.took("}"):
            statement = self.statement()
            if statement is not None:
                body.append(statement)
        return body

    def statement(self) -> Any:
        token = self.here
        if token.text in REFUSED:
            raise self.error(f"this reader does not take {REFUSED[token.text]}.")
        if token.text in ("LOCAL", "TABLE", "CONDUCTANCE", "UNITSON", "UNITSOFF"):
            self.at += 1
            return self.passed_over(token.text)
        if token.text == "SOLVE":
            return self.solve()
        if self.took("if"):
            return self.condition()
        name = self.take(kind="name")
        if self.here.text == "(":
            return ("call", name, self.arguments(), token.line)
        if self.took("'"):
            self.take("=")
            return ("rate", name, self.expression())
        if self.here.text == "[":
            raise self.error(f"{name} is an array, which this reader does not take.")
        self.take("=")
        return ("set", name, self.expression())

    def passed_over(self, word: str) -> Any:
        """Lines that only say how to compute."""
        if word == "LOCAL":
            return ("local", *self.names())
        if word == "CONDUCTANCE":
            self.take()
            if self.took("USEION"):
                self.take()
        if word == "TABLE":
            if self.here.text not in ("DEPEND", "FROM"):
                self.names()
            if self.took("DEPEND"):
                self.names()
            if self.took("FROM"):
                for mark in ("TO", "WITH", None):
                    self.expression()
                    if mark:
                        self.take(mark)
        return None

    def solve(self) -> Any:
        line = self.here.line
        self.take("SOLVE")
        name = self.take(kind="name")
        method = self.take() if self.took("METHOD") else "cnexp"
        if method not in METHODS:
            raise self.error(
                f"SOLVE {name} METHOD {method} is not taken; methods are {', '.join(METHODS)}.",
                line,
            )
        return ("solve", name, line)

    def condition(self) -> Any:
        self.take("(")
        test = self.expression()
        self.take(")")
        with self.deeper():
            yes, no = self.block(), []
            if self.took("else"):
                no = [self.condition()] if self.took("if") else self.block()
        return ("if", test, yes, no)

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
        name = self.take(kind="name")
        if self.here.text == "(":
            return ("call", name, self.arguments(), token.line)
        return ("name", name, token.line)
