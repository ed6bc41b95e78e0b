"""Memory: what is free, and what is freed and kept for the next call.

A compiled program asks for all that its backward pass keeps in one piece, and gives it back at its
end. From 32 MB on glibc returns such a piece to the system at once, which hands it out anew page by
page: up to half of the time of a training step. Told otherwise, it keeps up to `KEPT` bytes, which
takes one heap for all threads, since those of single threads end at 64 MB.
"""

import ctypes
import os

from rheobase.errors import ShapeError

KEPT = 2**30
"""Bytes of freed memory that the process keeps."""
_OPTIONS = {"M_TRIM_THRESHOLD": (-1, KEPT), "M_MMAP_THRESHOLD": (-3, KEPT), "M_ARENA_MAX": (-8, 1)}
"""Of mallopt, with their numbers in malloc.h."""
_TOLD = (
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_ARENA_MAX",
    "GLIBC_TUNABLES",
)


def keep() -> bool:
    """Tell glibc, as is done when rheobase is imported; whether it was told.

    Threads that are older keep heaps of their own, so that rheobase is best imported first. Nothing
    is told to another C library, nor where the environment tells already, as
    `MALLOC_TRIM_THRESHOLD_=131072` does to leave everything as it is.
    """
    if any(name in os.environ for name in _TOLD):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):
        return False
    return all([mallopt(*option) for option in _OPTIONS.values()])


def require(needed: float, what: str, cure: str) -> None:
    """Refuse what does not fit into the memory that is free, before it is made.

    Errors: `ShapeError`.
    """
    free = available()
    if free is not None and needed > free:
        raise ShapeError(
            f"{what} about {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free. {cure}"
        )


def available() -> float | None:
    """Bytes that are free on this machine; None where it does not say."""
    try:
        with open("/proc/meminfo") as file:
            rows = dict(line.split(":") for line in file)
        free = float(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # not a Linux machine
        return None
    return min(free, _allowed())


def _allowed() -> float:
    """Bytes that the group of this process may still take."""
    try:
        with (
            open("/sys/fs/cgroup/memory.max") as most,
            open("/sys/fs/cgroup/memory.current") as now,
        ):
            return float(most.read()) - float(now.read())
    except (OSError, ValueError):  # no group, or no limit
        return float("inf")
