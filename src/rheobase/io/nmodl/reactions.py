"""How the lines of KINETIC and LINEAR blocks are read.

They become ("reaction", left, right, forward, backward, line), where a side is a tuple of
(particles, name, line) and what enters by `<<` has no left, ("conserve", side, total, line),
("compartment", ((volume, names), ...), line) and ("equation", left, right, line).
"""

from typing import Any

from rheobase.io.nmodl.expressions import AbstractReader

NOTHING = ("number", 0.0)


def kinetic_line(reader: AbstractReader) -> Any:
    """A line that only a KINETIC block has; None if another begins here."""
    line = reader.here.line
    if reader.took("~"):
        return _reaction(reader, line)
    if reader.took("CONSERVE"):
        law = side(reader)
        reader.take("=")
        return ("conserve", law, reader.expression(), line)
    return _compartment(reader, line) if reader.took("COMPARTMENT") else None


def linear_line(reader: AbstractReader) -> Any:
    """A line that only a LINEAR block has; None if another begins here."""
    line = reader.here.line
    if not reader.took("~"):
        return None
    left = reader.expression()
    reader.take("=")
    return ("equation", left, reader.expression(), line)


def _compartment(reader: AbstractReader, line: int) -> Any:
    """A volume and its states, or COMPARTMENT i, volume[i] { x } of the elements of arrays."""
    index = reader.here.text
    if reader.tokens[reader.at + 1].text != ",":
        volume = reader.expression()
        return ("compartment", ((volume, tuple(_listed(reader))),), line)
    reader.take(kind="name")
    reader.take(",")
    begin = reader.at
    # Once for how many there are, then for each element.
    reader.whole[index] = 0.0
    reader.expression()
    arrays = _listed(reader)
    end, sizes = reader.at, {reader.arrays.get(x, 0) for x in arrays}
    volumes = []
    for k in range(max(sizes, default=0)):
        reader.at, reader.whole[index] = begin, float(k)
        states = tuple(f"{x}_{k}" for x in arrays if k < reader.arrays.get(x, 0))
        volumes.append((reader.expression(), states))
    reader.at = end
    del reader.whole[index]
    return ("compartment", tuple(volumes), line)


def _listed(reader: AbstractReader) -> list[str]:
    reader.take("{")
    names = []
    while not reader.took("}"):
        names.append(reader.element())
        reader.took(",")
    return names


def _reaction(reader: AbstractReader, line: int) -> Any:
    left = side(reader)
    arrow = reader.take(kind="mark")
    if arrow == "<->":
        right = side(reader)
        reader.take("(")
        forward = reader.expression()
        reader.take(",")
        backward = reader.expression()
    elif arrow in ("<<", "->"):
        reader.take("(")
        right, forward, backward = (), reader.expression(), NOTHING
    else:
        raise reader.error(f"a reaction has <->, << or -> between its sides, not {arrow!r}.", line)
    reader.take(")")
    if arrow == "<<":
        if len(left) != 1:
            raise reader.error("one state stands before <<.", line)
        left, right = (), left
    return ("reaction", left, right, forward, backward, line)


def side(reader: AbstractReader) -> tuple[tuple[float, str, int], ...]:
    """A sum of names with whole numbers of particles, as `a + 2 b`."""
    terms = []
    while True:
        line = reader.here.line
        count = float(reader.take()) if reader.here.kind == "number" else 1.0
        terms.append((count, reader.element(), line))
        if not reader.took("+"):
            return tuple(terms)
