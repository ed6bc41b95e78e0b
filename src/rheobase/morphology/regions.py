"""Names of the parts of a neuron."""

from collections.abc import Iterable

import numpy as np

from rheobase.errors import UnknownName

EVERYWHERE = "all"
UNIONS = {"dendrite": ("dendrite", "basal", "apical")}
"""What a name stands for beside itself."""


def members(region: str, own: Iterable[str], groups: dict[str, tuple[int, ...]]) -> np.ndarray:
    """Which sections belong to a region: one flag for each name in `own`."""
    own = list(own)
    if region == EVERYWHERE:
        return np.ones(len(own), bool)
    if region in groups:
        flags = np.zeros(len(own), bool)
        flags[list(groups[region])] = True
        return flags
    wanted = UNIONS.get(region, (region,))
    flags = np.array([name in wanted for name in own], bool)
    if not flags.any():
        raise UnknownName("region", region, known(own, groups))
    return flags


def known(own: Iterable[str], groups: Iterable[str]) -> list[str]:
    """The regions that a tree with these sections has, those of its sections first."""
    names = list(dict.fromkeys(own))
    wide = [name for name, parts in UNIONS.items() if set(parts) & set(names) and name not in names]
    return [*names, *wide, *groups, EVERYWHERE]
