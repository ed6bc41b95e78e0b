"""From tokens to a mechanism: declarations, and blocks as trees of tuples.

Statements are ("set", name, expression), ("rate", state, expression), ("call", f, arguments, line),
("if", condition, yes, no), ("local", names), ("solve", block, line), ("steady", block, line), and
("advance", routine, states, line) of a PROCEDURE that moves states by dt.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rheobase.errors import brief
from rheobase.io.nmodl.expressions import AbstractReader
from rheobase.io.nmodl.kinetic import Kinetic
from rheobase.io.nmodl.linear import equations_of
from rheobase.io.nmodl.reactions import NOTHING, kinetic_line, linear_line
from rheobase.io.nmodl.source import Declared, Ion, Receive, Routine, Source
from rheobase.io.nmodl.tokens import Token, refuse, tokens
from rheobase.io.nmodl.units import constant
from rheobase.io.nmodl.walk import expressions

REFUSED = {
    "ARTIFICIAL_CELL": "an artificial cell; see the neurons of rheobase",
    "NONLINEAR": "a NONLINEAR block",
    "DISCRETE": "a DISCRETE block",
    "FUNCTION_TABLE": "a FUNCTION_TABLE",
    "POINTER": "a POINTER to another mechanism",
    "BBCOREPOINTER": "a POINTER to another mechanism",
    "RANDOM": "RANDOM numbers",
    "BEFORE": "a BEFORE block",
    "AFTER": "an AFTER block",
    "CONSTRUCTOR": "a CONSTRUCTOR in C",
    "DESTRUCTOR": "a DESTRUCTOR in C",
    "ELECTRODE_CURRENT": "an ELECTRODE_CURRENT; see rheobase.stimulus",
    "WHILE": "a WHILE loop",
    "LONGITUDINAL_DIFFUSION": (
        "LONGITUDINAL_DIFFUSION; leave it out, and wrap the mechanism in rb.channels.Diffusing"
    ),
    "WATCH": "WATCH, an event of a voltage",
    "net_send": "net_send, an event that a mechanism sends to itself",
    "net_move": "net_move, an event that a mechanism sends to itself",
    "net_event": "net_event, a spike that a mechanism sends; see the neurons of rheobase",
    "FOR_NETCONS": "FOR_NETCONS, the connections of a mechanism; see rheobase.plasticity",
}
"""What is not taken, and what it is."""
PASSED = (
    "LOCAL", "TABLE", "CONDUCTANCE", "UNITSON", "UNITSOFF", "MUTEXLOCK", "MUTEXUNLOCK", "PROTECT"
)  # fmt: skip
_MOST_DEEP = 10
"""Files that include one another."""
_INCLUDES = re.compile(r"(#\s*include\s*[<\"][\w./]+[>\"]\s*)*")
_RETURN = re.compile(r"(return( 0)?\s*;)?")
_EMPTY = re.compile("")
_ION = re.compile(r"(\w+i) ?= ?_ion_(\w+) ?;")
METHODS = ("cnexp", "derivimplicit", "euler", "heun", "runge", "adrunge", "sparse", "matexp")
"""All converge to the same solution, of which ours is one of second order."""


def parse(text: str, name: str, folder: Path | None = None) -> Source:
    """The mechanism of a file called `name`; what it includes lies in `folder`."""
    return _Parser(_included(tokens(text, name), name, folder), name).source()


def _included(found: list[Token], name: str, folder: Path | None, depth: int = 0) -> list[Token]:
    """The tokens with those of the files of INCLUDE, which have the line of their INCLUDE."""
    whole: list[Token] = []
    pieces = iter(found)
    for token in pieces:
        if token[:2] != ("name", "INCLUDE"):
            whole.append(token)
            continue
        named = next(pieces).text.strip('"')
        file = None if folder is None else folder / named
        if file is None or not file.is_file() or depth == _MOST_DEEP:
            why = "includes itself" if depth else "is not beside the file"
            raise refuse(name, token.line, f"INCLUDE of {named}, which {why}.")
        inner = tokens(file.read_text(encoding="utf-8", errors="replace"), named)[:-1]
        inner = [piece._replace(line=token.line) for piece in inner]
        whole += _included(inner, name, folder, depth + 1)
    return whole


def _of_ion(reader: AbstractReader) -> Any:
    """`cai = _ion_cai;` in INITIAL: begin at the concentration of the ion."""
    token = reader.here
    found = _ION.fullmatch(token.text) if token.kind == "verbatim" else None
    if found is None or found[1] != found[2]:
        return None
    reader.at += 1
    return ("set", found[1], ("name", f"_ion_{found[1]}", token.line))


class _Parser(AbstractReader):
    """One pass over the blocks of a file."""

    special: Callable[[AbstractReader], Any] | None = None
    """Reads the lines that only the present block may have."""
    returns = False
    """Whether it reads a FUNCTION."""

    def source(self) -> Source:
        source = Source()
        kinetics: dict[str, list[Any]] = {}
        linears: dict[str, list[Any]] = {}
        blocks = {
            "NEURON": lambda: self.neuron(source),
            "UNITS": lambda: self.units(source),
            "PARAMETER": lambda: source.parameters.extend(self.declarations()),
            "CONSTANT": lambda: source.parameters.extend(self.declarations()),
            "ASSIGNED": lambda: source.assigned.extend(self.declarations()),
            "STATE": lambda: source.states.extend(self.declarations()),
            "INITIAL": lambda: self.initial(source),
            "NET_RECEIVE": lambda: self.receive(source),
            "BREAKPOINT": lambda: source.breakpoint.extend(self.block()),
            "DERIVATIVE": lambda: source.derivatives.update({self.take(): self.block()}),
            "KINETIC": lambda: self.lines(kinetics, kinetic_line),
            "LINEAR": lambda: self.lines(linears, linear_line),
            "PROCEDURE": lambda: self.routine(source, returns=False),
            "FUNCTION": lambda: self.routine(source, returns=True),
            "INDEPENDENT": self.skip_block,
            "UNITSON": lambda: None,
            "UNITSOFF": lambda: None,
            "THREADSAFE": lambda: None,
            "DEFINE": lambda: self.whole.update({self.take(): float(self.take())}),
            "LOCAL": lambda: source.assigned.extend(
                Declared(name, None, "", self.here.line) for name in self.names()
            ),
        }
        while self.here.kind != "end":
            word = self.here
            if word.kind == "verbatim":
                self.verbatim(_INCLUDES)
                continue
            if word.text in REFUSED:
                raise self.error(f"this reader does not take {REFUSED[word.text]}.")
            if word.text not in blocks:
                raise self.error(f"{word.text!r} begins no block that this reader takes.")
            self.at += 1
            blocks[word.text]()
        states = [state.name for state in source.states]
        for name, body in kinetics.items():
            made = Kinetic(name, body, states, self.name)
            source.derivatives[name], source.schemes[name] = made.body, made.scheme
        for _, name, line in (x for x in expressions(source.breakpoint) if x[0] == "solve"):
            if name in source.routines and name not in source.derivatives:
                source.derivatives[name] = [("advance", name, tuple(states), line)]
        for name, body in linears.items():
            source.equations[name] = equations_of(name, body, states, self.name)
        return source

    def verbatim(self, plain: re.Pattern) -> re.Match:
        """A program in C that is of this form."""
        token = self.here
        match = plain.fullmatch(token.text)
        if match is None:
            raise self.error(
                f"this reader does not take VERBATIM, a program in C: {brief(token.text)}. Write "
                f"what it computes in NMODL."
            )
        self.at += 1
        return match

    def lines(self, blocks: dict[str, list[Any]], special: Callable[[AbstractReader], Any]) -> None:
        """A block whose lines may be of a kind of their own."""
        name = self.take(kind="name")
        if self.took("SOLVEFOR"):
            self.names()
        outer, self.special = self.special, special
        blocks[name] = self.block()
        self.special = outer

    def initial(self, source: Source) -> None:
        outer, self.special = self.special, _of_ion
        source.initial.extend(self.block())
        self.special = outer

    def receive(self, source: Source) -> None:
        """What an event does, and its INITIAL."""
        line, first, arguments = self.here.line, [], {}
        self.take("(")
        while not self.took(")"):
            name = self.take(kind="name")
            arguments[name] = self.unit()
            self.took(",")

        def begun(_: AbstractReader) -> Any:
            if self.took("INITIAL"):
                first.extend(self.block())
                return NOTHING
            return None

        outer, self.special = self.special, begun
        body = [x for x in self.block() if x is not NOTHING]
        self.special = outer
        source.receive = Receive(arguments, first, body, line)

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
            if word in ("SUFFIX", "POINT_PROCESS"):
                source.name, source.point = self.take(), word == "POINT_PROCESS"
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
        while self.here.text in ("READ", "WRITE", "VALENCE"):
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
            what, unit = self.unit(), self.unit()
            value = constant(what, unit)
            if value is None:
                raise self.error(
                    f"the constant ({what}) ({unit}) is not known to this reader.", line
                )
            source.constants[name] = value

    def declarations(self) -> list[Declared]:
        found = []
        self.take("{")
        while not self.took("}"):
            line = self.here.line
            array = self.here.text
            names = self.declared()
            array = array if names != [array] else ""
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
            found += [Declared(name, value, unit, line, array) for name in names]
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
        self.returns = returns
        source.routines[name] = Routine(arguments, self.block(), returns)
        self.returns = False

    def block(self) -> list[Any]:
        """Statements between braces."""
        self.take("{")
        body = []
        while not self.took("}"):
            if self._returns():
                self.at += 1
                continue
            if self.took("FROM"):
                for _ in self.turns():
                    body += self.block()
                continue
            statement = self.statement()
            if statement is not None:
                body.append(statement)
        return body

    def _returns(self) -> bool:
        """Whether `return 0;` in C stands at the end of a routine that has no value."""
        last = self.tokens[min(self.at + 1, len(self.tokens) - 1)].text == "}"
        plain = self.here.kind == "verbatim" and _RETURN.fullmatch(self.here.text)
        return bool(plain and last and not self.depth and not self.returns)

    def statement(self) -> Any:
        token = self.here
        line = self.special(self) if self.special is not None else None
        if line is not None:
            return line
        if token.text in REFUSED:
            raise self.error(f"this reader does not take {REFUSED[token.text]}.")
        if token.kind == "verbatim":
            self.verbatim(_EMPTY)
            return None
        if token.text in PASSED:
            self.at += 1
            return self.passed_over(token.text)
        if self.took("printf"):
            self.unit()  # what stands in its parentheses
            return None
        if token.text == "SOLVE":
            return self.solve()
        return self.condition() if self.took("if") else self.assignment()

    def assignment(self) -> Any:
        """A name that gets a value, a rate, or a call."""
        line = self.here.line
        name = self.element()
        if self.here.text == "(":
            given = self.arguments()
            if name == "state_discontinuity" and len(given) == 2 and given[0][0] == "name":
                return ("set", given[0][1], given[1])
            return ("call", name, given, line)
        if self.took("'"):
            self.take("=")
            return ("rate", name, self.expression())
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
        steady = self.took("STEADYSTATE")
        method = self.take() if steady or self.took("METHOD") else "cnexp"
        if method not in METHODS:
            raise self.error(
                f"SOLVE {name} METHOD {method} is not taken; methods are {', '.join(METHODS)}.",
                line,
            )
        return ("steady" if steady else "solve", name, line)

    def condition(self) -> Any:
        self.take("(")
        test = self.expression()
        self.take(")")
        with self.deeper():
            yes, no = self.block(), []
            if self.took("else"):
                no = [self.condition()] if self.took("if") else self.block()
        return ("if", test, yes, no)
