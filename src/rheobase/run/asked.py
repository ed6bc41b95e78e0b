"""What a user asks `simulate` for."""

from typing import Any, NamedTuple

from jax import Array

from rheobase.record import RunState


class Asked(NamedTuple):
    """The arguments of `simulate`; what they mean depends on the system, which checks them."""

    dt: float
    """Of the longest step, ms."""
    steps: int
    current: Any
    clamp: Any
    delta: Any
    n: int | tuple[int, ...] | None
    stepper: Any
    record: Any
    init: Any
    state: RunState | None
    key: Array | None
    substep: bool
    progress: bool
    checkpoint: bool | int
