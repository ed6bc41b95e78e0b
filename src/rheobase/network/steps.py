"""The steps of a network: one for all populations, or shorter ones for some."""

from typing import Any, NamedTuple

from rheobase.errors import ArgumentError, StepperError, UnknownName, brief


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
        if len(set(parts.values())) > 1:
            raise StepperError(
                f"a network runs in steps of two lengths at most, got {brief(each)}. Give the "
                f"faster populations one step, {min(each.values()):g}*ms."
            )
        return cls(longest, tuple(parts.items()))

    @property
    def many(self) -> int:
        """How many of their own steps the faster populations make in one."""
        return max((number for _, number in self.parts), default=1)

    @property
    def short(self) -> float:
        """ms, of the faster populations."""
        return self.dt / self.many

    def is_fast(self, name: str) -> bool:
        """Whether a population makes shorter steps than others."""
        return name in dict(self.parts)

    def each(self, name: str) -> float:
        """The step (ms) of a population, in which what reaches it is counted."""
        return self.short if self.is_fast(name) else self.dt
