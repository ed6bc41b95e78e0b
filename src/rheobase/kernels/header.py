"""The header that tells C++ what `rheobase.kernels.layout` declares.

`python -m rheobase.kernels.header` writes `layout.h` beside this file; building needs no Python.
"""

from pathlib import Path
from typing import Any

from rheobase import atomic
from rheobase.kernels import layout

FILE = Path(__file__).with_name("layout.h")
_FIXED = {"int32": "std::int32_t", "uint32": "std::uint32_t"}
"""Types that are the same in every call; `Real` is not."""
_BEGIN = f"""\
// What the compiled loops of networks are given. Written by rheobase/kernels/header.py: change
// rheobase/kernels/layout.py instead, and run `python -m rheobase.kernels.header`.
#pragma once

#include <cstdint>

namespace rheobase {{

constexpr std::int64_t layout_version = {layout.VERSION};
constexpr std::int64_t layout_operands = {layout.COUNT};

constexpr std::int64_t most_variables = {layout.MOST_VARIABLES};
constexpr std::int64_t beside = {layout.BESIDE};
constexpr std::int64_t delta_input = {layout.DELTA_INPUT};
"""
_DIMENSION = f"""\
// How many numbers an operand has along an axis: as many as `of` says, and `more`.
struct Dimension {{
    Size of = Size::none;
    std::int64_t more = 0;
}};

// Whether an array is an operand, an operand that becomes a result, or a result alone.
enum class Role {{ {layout.GIVEN}, {layout.IN_PLACE}, {layout.MADE} }};
"""


def header() -> str:
    """The text of the header."""
    parts = [
        _BEGIN,
        _delays(),
        _operations(),
        _slots(),
        *map(_numbers, layout.HEADERS),
        *map(_packed, layout.PACKED),
        _sizes(),
        _DIMENSION,
        *map(_operands, layout.OPERANDS),
        "}  // namespace rheobase\n",
    ]
    return "\n".join(parts)


def _lines(names: Any, indent: int = 4) -> str:
    """Names one a line."""
    return "".join(f"{' ' * indent}{name},\n" for name in names)


def _comment(record: Any) -> str:
    """The first line of a docstring."""
    return f"// {record.__doc__.splitlines()[0]}\n"


def _delays() -> str:
    names = [f"delays_{kind.name.lower()} = {kind.value}" for kind in layout.Delays]
    return f"{_comment(layout.Delays)}enum Delays : std::int64_t {{\n{_lines(names)}}};\n"


def _operations() -> str:
    forms = [form.name.lower() for form in layout.Form]
    opcodes = [*(f"op_{name}" for name in layout.OPERATIONS), "operations"]
    of_each = [f"Form::{form.name.lower()}" for form in layout.OPERATIONS.values()]
    fields = ", ".join(layout.Instruction._fields)
    size = f"constexpr std::int64_t instruction = {len(layout.Instruction._fields)};\n"
    return (
        f"{_comment(layout.Form)}enum class Form {{\n{_lines(forms)}}};\n\n"
        f"enum Operation : std::int64_t {{\n{_lines(opcodes)}}};\n\n"
        f"constexpr Form forms[operations] = {{\n{_lines(of_each)}}};\n\n"
        f"{_comment(layout.Instruction)}struct Instruction {{\n"
        f"    std::int64_t {fields};\n}};\n{size}"
    )


def _slots() -> str:
    counts = {name: layout.marks(hint)[0] for name, hint in layout.hints(layout.Slots).items()}
    members, before = "", "0"
    for name, count in counts.items():
        members += f"    std::int64_t {name} = {before};\n"
        before = f"{name} + {count if count.isdigit() else f'{count}_'}"
    return (
        f"{_comment(layout.Slots)}struct Slots {{\n"
        "    const std::int64_t variables_, synapses_, shows_;\n"
        f"{members}}};\n"
    )


def _numbers(record: Any) -> str:
    """A struct of whole numbers, whose `each` calls next(name, number, least, most)."""
    calls = "".join(
        f'        next("{name}", {name}, {", ".join(map(_whole, layout.marks(hint)))});\n'
        for name, hint in layout.hints(record).items()
    )
    members = "".join(f"    std::int64_t {name} = 0;\n" for name in record._fields)
    return (
        f"{_comment(record)}struct {record.__name__} {{\n{members}\n"
        f"    template <typename Next>\n    void each(Next next) {{\n{calls}    }}\n}};\n"
    )


def _whole(number: int) -> str:
    return f"std::int64_t{{{number}}}"


def _shape(hint: Any) -> list[tuple[str, int]]:
    """A name, or none, and a number to add, of each axis."""
    found = []
    for axis in layout.array(hint).dim_str.split():
        name, _, more = axis.partition("+")
        found.append(("", int(name)) if name.isdigit() else (name, int(more or 0)))
    return found


def _kind(hint: Any) -> str:
    """The type in C++ of the numbers of an array."""
    return _FIXED.get(layout.array(hint).dtypes[0], "Real")


def _packed(record: Any) -> str:
    """Pointers to where each of some numbers begins in one array of all."""
    hints = layout.hints(record)
    kind = next(_kind(hint) for hint in hints.values())
    names = dict.fromkeys(name for hint in hints.values() for name, _ in _shape(hint) if name)
    sizes = {name: _product(_shape(hint)) for name, hint in hints.items()}
    members, places, before = "", "", "at"
    for name, size in sizes.items():
        members += f"    const {kind}* {name} = nullptr;\n"
        places += f"        {name} = {before};\n"
        before = f"{name} + {size}"
    given = ", ".join(f"std::int64_t {name}_" for name in names)
    construct = "".join(f", [[maybe_unused]] std::int64_t {name}_" for name in names)
    template = "template <typename Real>\n" if kind == "Real" else ""
    return (
        f"{_comment(record)}{template}struct {record.__name__} {{\n{members}\n"
        f"    {record.__name__}() = default;\n"
        f"    explicit {record.__name__}(const {kind}* at{construct}) {{\n{places}    }}\n\n"
        f"    static constexpr std::int64_t size({given}) {{\n"
        f"        return {' + '.join(sizes.values())};\n    }}\n}};\n"
    )


def _product(shape: list[tuple[str, int]]) -> str:
    axes = [f"({name}_ + {more})" if more else f"{name}_" for name, more in shape if name]
    return " * ".join([*axes, *(str(more) for name, more in shape if not name)]) or "1"


def _sizes() -> str:
    shapes = [_shape(hint) for kind in layout.OPERANDS for hint in layout.hints(kind).values()]
    names = dict.fromkeys(name for shape in shapes for name, _ in shape if name)
    return f"// What the shapes name.\nenum class Size {{\n{_lines([*names, 'none'])}}};\n"


def _operands(record: Any) -> str:
    """Pointers to arrays, whose `each` calls take(name, pointer, role, dimensions)."""
    hints = layout.hints(record)
    roles = dict(zip(hints, layout.roles(record), strict=True))
    results = sum(role != layout.GIVEN for role in roles.values())
    operands = sum(role != layout.MADE for role in roles.values())
    members = calls = ""
    for name, hint in hints.items():
        constant = "const " if roles[name] == layout.GIVEN else ""
        members += f"    {constant}{_kind(hint)}* {name} = nullptr;\n"
        axes = ", ".join(f"{{Size::{x or 'none'}, {more}}}" for x, more in _shape(hint))
        calls += f'        take("{name}", {name}, Role::{roles[name]}, {{{axes}}});\n'
    return (
        f"{_comment(record)}template <typename Real>\nstruct {record.__name__} {{\n"
        f'    static constexpr const char* name = "{record.__name__}";\n'
        f"    static constexpr std::int64_t operands = {operands}, results = {results};\n"
        f"{members}\n"
        f"    template <typename Take>\n    void each(Take take) {{\n{calls}    }}\n}};\n"
    )


if __name__ == "__main__":
    atomic.write(FILE, header())
