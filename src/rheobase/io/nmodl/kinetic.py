"""KINETIC blocks as DERIVATIVE blocks: every reaction's flux, and the rates that come of them.

For a reaction ~ a + 2 b <-> c (kf, kb) the flux is kf a b^2 - kb c, and V_b b' = -2 flux, where V_b
is the COMPARTMENT of b, else 1. Names with a space in them are those that no file can have.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, final

from rheobase.io.nmodl.tokens import refuse

FORWARD, BACKWARD = "f_flux", "b_flux"
"""The two fluxes of the last reaction, for the lines after it."""


class Law(NamedTuple):
    """CONSERVE: the sum of counts times volumes times states is the total."""

    state: str
    """The last one, whose equation NEURON leaves away: it is what is left of the total."""
    counts: dict[str, float]
    total: str
    line: int


@final
@dataclass
class Scheme:
    """What a KINETIC block says beside its rates."""

    states: list[str] = field(default_factory=list)
    laws: list[Law] = field(default_factory=list)
    volumes: dict[str, str] = field(default_factory=dict)
    """The name of the volume in which a state is."""
    standing: list[dict[str, float]] = field(default_factory=list)
    """Sums of amounts, with these counts, that no reaction changes."""
    closed: list[list[str]] = field(default_factory=list)
    """States between which single particles move, one to one, and nothing else happens."""
    hidden: list[str] = field(default_factory=list)
    """Names that the rates need."""


@final
class Kinetic:
    """One KINETIC block on its way to a DERIVATIVE block."""

    def __init__(self, name: str, body: list[Any], states: list[str], file: str):
        self.name, self.file, self.known = name, file, set(states)
        self.scheme = Scheme()
        self.changes: list[dict[str, float]] = []
        """How many particles of each state come of each reaction."""
        self.single: list[bool] = []
        """Whether a reaction moves one particle from one state to another."""
        self.body: list[Any] = [("local", FORWARD, BACKWARD)]
        for statement in body:
            self._take(statement)
        scheme = self.scheme
        scheme.states = list(dict.fromkeys(name for change in self.changes for name in change))
        scheme.standing = _standing(self.changes, scheme.states)
        broken = {law.state: law for law in scheme.laws if not self._kept(law)}
        scheme.closed = self._closed(set(broken))
        self._rates(broken)

    def _name(self, what: str) -> str:
        name = f"{self.name} {what} {len(self.scheme.hidden) + 1}"
        self.scheme.hidden.append(name)
        return name

    def _take(self, statement: Any) -> None:
        match statement[0]:
            case "reaction":
                self._reaction(statement)
            case "conserve":
                self._conserve(statement)
            case "compartment":
                for size, states in statement[1]:
                    volume = self._name("volume")
                    self.body.append(("set", volume, size))
                    # One of what is no STATE has no meaning, and is no error in NEURON either.
                    for state in self.known & set(states):
                        self.scheme.volumes[state] = volume
            case "if":
                for inner in (*statement[2], *statement[3]):
                    if inner[0] in ("reaction", "conserve", "compartment"):
                        raise refuse(
                            self.file, inner[-1], "a reaction under a condition is not taken."
                        )
                self.body.append(statement)
            case _:
                self.body.append(statement)

    def _state(self, name: str, line: int) -> None:
        if name not in self.known:
            raise refuse(self.file, line, f"{name!r} is no STATE.")

    def _reaction(self, statement: Any) -> None:
        _, left, right, forward, backward, line = statement
        change: dict[str, float] = {}
        for sign, terms in ((-1, left), (1, right)):
            for count, name, _ in terms:
                if name in self.known:
                    change[name] = change.get(name, 0.0) + sign * count
        if not change:
            raise refuse(self.file, line, "no STATE takes part in this reaction.")
        entering = not left
        one, other = (BACKWARD, FORWARD) if entering else (FORWARD, BACKWARD)
        # What enters by << is said to flow back, as NEURON has it.
        self.body.append(("set", one, forward if entering else _times(forward, left)))
        self.body.append(("set", other, _times(backward, right) if right else backward))
        flux = self._name("flux")
        first, second = ("name", one, line), ("name", other, line)
        self.body.append(("set", flux, ("-", first, second)))
        self.changes.append(change)
        moves = sorted(change.values()) == [-1.0, 1.0] and len(left) == len(right) == 1
        self.single.append(moves)

    def _conserve(self, statement: Any) -> None:
        _, terms, total, line = statement
        counts: dict[str, float] = {}
        for count, name, at in terms:
            self._state(name, at)
            counts[name] = counts.get(name, 0.0) + count
        name = self._name("total")
        self.body.append(("set", name, total))
        law = Law(terms[-1][1], counts, name, line)
        if any(law.state in other.counts for other in self.scheme.laws) or any(
            other.state in counts for other in self.scheme.laws
        ):
            raise refuse(
                self.file,
                line,
                f"CONSERVE has a state in common with the one before, which is the last of one of "
                f"them ({law.state}): write another state last.",
            )
        self.scheme.laws.append(law)

    def _rates(self, broken: dict[str, Law]) -> None:
        """What every state gets of all fluxes; the last of a law what the others leave it."""
        fluxes = [x for x in self.scheme.hidden if x.startswith(f"{self.name} flux ")]
        ordered = [x for x in self.scheme.states if x not in broken]
        for state in ordered:
            parts = [
                (change[state], ("name", flux, 0))
                for change, flux in zip(self.changes, fluxes, strict=True)
                if change.get(state)
            ]
            self.body.append(("rate", state, self._over(state, _sum(parts))))
        for state, law in broken.items():
            parts = []
            for other, count in law.counts.items():
                if other != state and other in ordered:
                    rate = ("name", f"{other}'", law.line)
                    parts.append((-count, self._amount(other, rate)))
            scale = ("number", law.counts[state])
            self.body.append(("rate", state, ("/", self._over(state, _sum(parts)), scale)))
            if state not in self.scheme.states:
                self.scheme.states.append(state)

    def _kept(self, law: Law) -> bool:
        """Whether the reactions keep the law by themselves."""
        return all(
            sum(law.counts.get(name, 0.0) * n for name, n in change.items()) == 0
            for change in self.changes
        )

    def _over(self, state: str, amount: Any) -> Any:
        volume = self.scheme.volumes.get(state)
        return amount if volume is None else ("/", amount, ("name", volume, 0))

    def _amount(self, state: str, x: Any) -> Any:
        volume = self.scheme.volumes.get(state)
        return x if volume is None else ("*", x, ("name", volume, 0))

    def _closed(self, broken: set[str]) -> list[list[str]]:
        """Groups of states that exchange single particles, and do nothing else."""
        groups: list[set[str]] = []
        spoilt: set[str] = {*self.scheme.volumes, *broken}
        for change, single in zip(self.changes, self.single, strict=True):
            joined = set(change)
            if not single:
                spoilt |= joined
            for group in [g for g in groups if g & joined]:
                groups.remove(group)
                joined |= group
            groups.append(joined)
        order = self.scheme.states.index
        return [sorted(g, key=order) for g in groups if not g & spoilt]


def _times(rate: Any, terms: tuple) -> Any:
    """A rate times the states of a side."""
    for count, name, line in terms:
        x = ("name", name, line)
        rate = ("*", rate, x if count == 1 else ("^", x, ("number", count)))
    return rate


def _sum(parts: list[tuple[float, Any]]) -> Any:
    whole: Any = None
    for count, x in parts:
        part = x if abs(count) == 1 else ("*", ("number", abs(count)), x)
        if whole is None:
            whole = part if count > 0 else ("negate", part)
        else:
            whole = ("+" if count > 0 else "-", whole, part)
    return ("number", 0.0) if whole is None else whole


def _standing(changes: list[dict[str, float]], states: list[str]) -> list[dict[str, float]]:
    """A basis of the sums that no reaction changes, by elimination of one state after the other."""
    rows = [[Fraction(change.get(x, 0.0)) for x in states] for change in changes]
    pivots: list[int] = []
    for column in range(len(states)):
        row = next((i for i in range(len(pivots), len(rows)) if rows[i][column]), None)
        if row is None:
            continue
        at = len(pivots)
        rows[at], rows[row] = rows[row], rows[at]
        rows[at] = [x / rows[at][column] for x in rows[at]]
        for i in range(len(rows)):
            if i != at and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[at], strict=True)]
        pivots.append(column)
    found = []
    for free in [k for k in range(len(states)) if k not in pivots]:
        counts = {states[free]: 1.0}
        for i, column in enumerate(pivots):
            if rows[i][free]:
                counts[states[column]] = float(-rows[i][free])
        found.append(counts)
    return found
