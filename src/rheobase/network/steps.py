"""The steps of a network: one for all populations, or shorter ones for some."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from rheobase.errors import ArgumentError, StepperError, UnknownName
from rheobase.systems.circuit import Rate


class Steps(NamedTuple):
    """The length of a step, and for each population how many of its own make one."""

    dt: float
    """ms, of the longest."""
    parts: tuple[tuple[str, int], ...] = ()
    """Of the populations that make more than one."""

    @classmethod
    def of(cls, each: dict[str, float], populations: Any) -> "Steps":
        """The steps (ms) of each population, refused where they do not fit together."""
        for name in each:
            if name not in populations:
                raise UnknownName("population (in `dt`)", name, populations)
        missing = [name for name in populations if name not in each]
        if missing:
            raise ArgumentError(
                f"`dt` by population says nothing of {missing[0]!r}. Write one for each, "
                "dt={" + ", ".join(f"{name!r}: 0.1*ms" for name in populations) + "}."
            )
        longest = max(each.values())
        parts = {}
        for name, dt in each.items():
            number = round(longest / dt)
            if abs(longest / dt - number) > 1e-6 * number:
                raise StepperError(
                    f"the longest step, {longest:g} ms, is no whole multiple of that of {name!r}, "
                    f"{dt:g} ms. Write dt={longest / number:g}*ms for it."
                )
            if number > 1:
                parts[name] = number
        several = sorted({1, *parts.values()})
        for few, many in pairwise(several):
            if many % few:
                raise StepperError(
                    f"the populations that make steps of {longest / few:g} ms make no whole number "
                    f"of the steps of {longest / many:g} ms in one of theirs. Choose steps of "
                    "which each is a whole multiple of the next shorter one."
                )
        return cls(longest, tuple(parts.items()))

    def number(self, name: str) -> int:
        """How many steps a population makes in one of the longest."""
        return dict(self.parts).get(name, 1)

    def each(self, name: str) -> float:
        """The step (ms) of a population, in which what reaches it is counted."""
        return self.dt / self.number(name)

    def rates(self, names: Iterable[str]) -> tuple[Rate, ...]:
        """The populations by the length of their steps, from the longest."""
        found: dict[int, list[str]] = {}
        for name in names:
            found.setdefault(self.number(name), []).append(name)
        numbers = sorted({1, *found})
        return tuple(
            Rate(self.dt / many, many // few, tuple(found.get(many, ())))
            for few, many in zip([1, *numbers], numbers, strict=False)
        )
