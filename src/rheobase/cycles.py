"""Which parts of a whole reach each other by its connections."""

from collections.abc import Iterable


def reached(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Tell for each name which ones it leads to, by (source, target), itself included.

    >>> sorted(reached("abc", [("a", "b"), ("b", "a"), ("b", "c")])["a"])
    ['a', 'b', 'c']
    """
    found = {name: {name} for name in names}
    pairs = list(pairs)
    for _ in found:
        for source, target in pairs:
            found[source] |= found[target]
    return found
