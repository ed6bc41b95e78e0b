"""States of gates that many channels have."""

from typing import Annotated, NamedTuple

from jax import Array

from rheobase.units import dimensionless


class Activation(NamedTuple):
    """One activation."""

    m: Annotated[Array, dimensionless]


class ActivationInactivation(NamedTuple):
    """An activation and an inactivation."""

    m: Annotated[Array, dimensionless]
    h: Annotated[Array, dimensionless]


class Inactivation(NamedTuple):
    """One inactivation."""

    h: Annotated[Array, dimensionless]
