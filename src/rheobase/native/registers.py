"""Where each instruction of a program leaves its value; which of them can be one."""

from collections.abc import Callable, Sequence

import numpy as np

from rheobase.kernels.layout import OPERATIONS, Instruction
from rheobase.native.instructions import MAPS, Builder, Operand, Row, Value

OPCODES = {name: number for number, name in enumerate(OPERATIONS)}


class Placing:
    """The instructions of a builder on their way to slots."""

    def __init__(self, code: Builder):
        self.code = code

    def fused(self, outputs: Sequence[Operand]) -> list[Row | None]:
        """The instructions that are needed; where nothing else needs a part, several as one."""
        rows: list[Row | None] = list(self.code.rows)
        for merge in (self.with_product, self.bounded, self.mapped, self.scaled, self.relaxed):
            users = _users(rows, outputs, self.code.inputs)
            for place in range(len(rows)):
                row = rows[place]
                if row is None or not users.get(self.code.inputs + place):
                    continue

                def only(x: Operand) -> Row | None:
                    if not isinstance(x, Value) or users.get(x.number) != 1:  # noqa: B023
                        return None
                    made = x.number - self.code.inputs
                    return rows[made] if made >= 0 else None

                rows[place] = merge(row, only)
        users = _users(rows, outputs, self.code.inputs)
        return [row if users.get(self.code.inputs + k) else None for k, row in enumerate(rows)]

    def with_product(self, row: Row, only: Callable) -> Row:
        """A sum with a product."""
        for mine in (0, 1) if row.name in ("add", "sub") else ():
            made = only(row.operands[mine])
            if made is not None and made.name == "mul":
                name = "muladd" if row.name == "add" else ("mulsub", "submul")[mine]
                return Row(name, (*made.operands, row.operands[1 - mine]))
        return row

    def bounded(self, row: Row, only: Callable) -> Row:
        """The smaller of a number and the larger of another and a value."""
        made = only(row.operands[0]) if row.name == "min" else None
        if made is None or made.name != "max" or not isinstance(row.operands[1], np.ndarray):
            return row
        known = isinstance(made.operands[1], np.ndarray)
        return Row("clamp", (*made.operands, row.operands[1])) if known else row

    def mapped(self, row: Row, only: Callable) -> Row:
        """A function of one value, bounded, of a line."""
        if row.name not in MAPS:
            return row
        x, number = row.operands[0], np.dtype(self.code.dtype).type
        cap = np.asarray(number(np.inf))
        made = only(x)
        if made is not None and made.name == "min" and isinstance(made.operands[1], np.ndarray):
            x, cap = made.operands
        return Row(row.name, (*self.line(x), cap, np.asarray(number(1))))

    def scaled(self, row: Row, only: Callable) -> Row:
        """A known multiple, or the inverse, of such a function."""
        if row.name == "mul" and isinstance(row.operands[1], np.ndarray):
            made = only(row.operands[0])
            if made is not None and made.name in MAPS:
                return Row(made.name, (*made.operands[:4], made.operands[4] * row.operands[1]))
        if row.name == "div" and isinstance(row.operands[0], np.ndarray):
            made = only(row.operands[1])
            if made is not None and made.name == "phi":
                gain = row.operands[0].astype(self.code.dtype) / made.operands[4]
                return Row("inverse_phi", (*made.operands[:4], np.asarray(gain)))
        return row

    def relaxed(self, row: Row, only: Callable) -> Row:
        """A step of exponential Euler: a value and phi times another."""
        for mine in (0, 1) if row.name == "muladd" else ():
            made = only(row.operands[mine])
            if made is None or made.name != "phi":
                continue
            x, scale, shift, cap, gain = made.operands
            f, y = row.operands[1 - mine], row.operands[2]
            by = only(f)
            if by is not None and by.name == "mul" and isinstance(by.operands[1], np.ndarray):
                f, gain = by.operands[0], np.asarray(gain * by.operands[1])
            if isinstance(f, Value) and isinstance(y, Value):
                return Row("relax", (x, scale, shift, cap, gain, f, y))
        return row

    def line(self, x: Operand) -> tuple[Operand, np.ndarray, np.ndarray]:
        """y, scale and shift of a value that is scale y + shift with known numbers."""
        scale, shift = np.ones((), self.code.dtype), np.zeros((), self.code.dtype)
        while (row := self.code.row(x)) is not None:
            by = row.operands[-1]
            if row.name == "neg":
                scale = -scale
            elif row.name == "add" and isinstance(by, np.ndarray):
                shift = shift + scale * by
            elif row.name == "mul" and isinstance(by, np.ndarray):
                scale = scale * by
            else:
                break
            x = row.operands[0]
        return x, np.asarray(scale), np.asarray(shift)

    def placed(
        self, outputs: Sequence[Operand], from_slots: list[int], to_slots: list[int], first: int
    ) -> tuple[tuple[int, ...], int]:
        """The code with a slot for each value, and the number of slots.

        Inputs are in `from_slots`, and outputs go to `to_slots`, some of which are the same places:
        an output is made there where the input has been read for the last time, else moved there at
        the end. Registers begin at `first` and serve again after their value was read.
        """
        outputs = list(outputs)
        for k, x in enumerate(outputs):
            stays = isinstance(x, Value) and x.number < self.code.inputs
            if stays and from_slots[x.number] == to_slots[k]:  # pyright: ignore
                continue
            if not isinstance(x, Value) or x.number < self.code.inputs or x in outputs[:k]:
                self.code.rows.append(Row("copy", (x,)))
                outputs[k] = Value(self.code.inputs + len(self.code.rows) - 1)
        rows = self.fused(outputs)
        final = {x.number: to_slots[k] for k, x in enumerate(outputs)}  # pyright: ignore[reportAttributeAccessIssue]
        last = _last_use(rows)
        # An output is read for good, as far as others may have its place.
        registers = _Registers(first, {x: k for x, k in last.items() if x not in final})
        busy = {slot: last.get(number, -1) for number, slot in enumerate(from_slots)}
        slot_of, code, moves = dict(enumerate(from_slots)), [], []
        for place, row in enumerate(rows):
            if row is None:
                continue
            operands = [
                slot_of[x.number] if isinstance(x, Value) else self.code.constant(x)
                for x in row.operands
            ]
            registers.release(row, place, slot_of)
            number, wanted = self.code.inputs + place, final.get(self.code.inputs + place)
            direct = wanted is not None and busy.get(wanted, -1) <= place
            to = wanted if direct and wanted is not None else registers.take()
            if wanted is not None and not direct:
                moves.append(("copy", wanted, [to]))
            slot_of[number] = to
            code.append((row.name, to, operands))
        numbers = [Instruction(OPCODES[name], to, *operands) for name, to, operands in code + moves]
        return tuple(x for one in numbers for x in one), registers.slots


class _Registers:
    """Slots that serve again after what was in them has been read for the last time."""

    def __init__(self, first: int, last: dict[int, int]):
        self.first, self.slots, self.last = first, first, last
        self.free: list[int] = []

    def release(self, row: Row, place: int, slot_of: dict[int, int]) -> None:
        """Give back the slots that are read for the last time."""
        for x in row.operands:
            if isinstance(x, Value) and self.last.get(x.number) == place:
                slot = slot_of[x.number]
                if slot >= self.first and slot not in self.free:
                    self.free.append(slot)

    def take(self) -> int:
        """A slot."""
        if self.free:
            return self.free.pop()
        self.slots += 1
        return self.slots - 1


def _last_use(rows: list[Row | None]) -> dict[int, int]:
    """The instruction that reads a value for the last time."""
    return {
        x.number: place
        for place, row in enumerate(rows)
        for x in (row.operands if row else ())
        if isinstance(x, Value)
    }


def _users(rows: list[Row | None], outputs: Sequence[Operand], inputs: int) -> dict[int, int]:
    """How many needed instructions and outputs read each value."""
    users: dict[int, int] = {}
    for x in outputs:
        if isinstance(x, Value):
            users[x.number] = users.get(x.number, 0) + 1
    for place in reversed(range(len(rows))):
        row = rows[place]
        if row is None or not users.get(inputs + place):
            continue
        for x in row.operands:
            if isinstance(x, Value):
                users[x.number] = users.get(x.number, 0) + 1
    return users
