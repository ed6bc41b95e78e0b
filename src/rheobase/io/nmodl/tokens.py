"""A .mod file as tokens, each with its line."""

import re
from typing import NamedTuple

from rheobase.errors import MechanismError

_TOKEN = re.compile(
    r"VERBATIM\b(?P<verbatim>.*?)\bENDVERBATIM\b"
    r"|(?P<space>[ \t\r]+)|(?P<line>\n)|(?P<note>[:?][^\n]*)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>\"[^\"\n]*\")|(?P<mark><->|<<|->|<=|>=|==|!=|&&|\|\||[-+*/^=(){}<>!,'~&|\[\].%])",
    re.DOTALL,
)
_C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


class Token(NamedTuple):
    """Its kind (number, name, text, mark, verbatim, end), its text and its line from 1."""

    kind: str
    text: str
    line: int


def refuse(name: str, line: int, what: str) -> MechanismError:
    """The error for a construct at a line."""
    return MechanismError(f"{name}, line {line}: {what}")


def tokens(text: str, name: str) -> list[Token]:
    """All tokens but comments; TITLE and COMMENT ... ENDCOMMENT are comments too."""
    text = re.sub(r"^[ \t]*TITLE[^\n]*", "", text, flags=re.MULTILINE)
    text = re.sub(
        r"\bCOMMENT\b.*?\bENDCOMMENT\b", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL
    )
    # The term of an ontology has a colon in it, which begins a comment elsewhere.
    text = re.sub(r"\bREPRESENTS[ \t]+(\[[^\]\n]*\]|\w+:\w+)", "", text)
    found, line, at = [], 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise refuse(name, line, f"{text[at]!r} is no character of the language.")
        kind = str(match.lastgroup)
        if kind == "verbatim":
            # A program in C is one token; the parser knows the few of which the meaning is plain.
            found.append(Token(kind, " ".join(_C_COMMENT.sub(" ", match[kind]).split()), line))
        elif kind in ("number", "name", "text", "mark"):
            found.append(Token(kind, match[0], line))
        line += match[0].count("\n")
        at = match.end()
    return [*found, Token("end", "the end of the file", line)]
