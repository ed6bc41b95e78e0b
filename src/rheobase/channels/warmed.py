"""Any channel at another temperature."""

from typing import Any

import jax
from jax import Array

from rheobase.channels.base import AbstractChannel, Gate
from rheobase.channels.ions import Ions
from rheobase.units import dimensionless, kelvin, positive, quantity


class Q10(AbstractChannel):
    r"""A channel whose gates are faster by q10 for every 10 kelvin: rates times q10^((T - T_0)/10).

    T temperature of the cell's solutions, T_0 that of the recordings (kelvin), `reference`. The
    conductance may have one of its own, `conductance`, which scales the current. The state is
    that of the channel inside.

    Source: Hille 2001, Ion Channels of Excitable Membranes, ch. 2.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import kelvin
    >>> warm = ch.Q10(ch.HH(), q10=3, reference=279.45 * kelvin)
    """

    channel: AbstractChannel
    q10: Array = quantity(dimensionless, positive, "factor of rates for 10 kelvin", default=3.0)
    conductance: Array = quantity(dimensionless, positive, "factor of the current", default=1.0)
    reference: Array = quantity(
        kelvin, positive, "temperature of the recordings", default=279.45 * kelvin
    )

    interval: Array = quantity(
        kelvin, positive, "difference of temperature to which q10 belongs", default=10 * kelvin
    )

    def _warm(self, factor: Array, ions: Ions) -> Array:
        return factor ** ((ions.temperature - self.reference) / self.interval)

    def gates(self, v: Array, ions: Ions) -> Any:
        faster = self._warm(self.q10, ions)
        return jax.tree.map(
            lambda gate: Gate(gate.inf, faster * gate.rate),
            self.channel.gates(v, ions),
            is_leaf=lambda x: isinstance(x, Gate),
        )

    @property
    def label(self) -> str:
        return self.channel.label

    @property
    def reads(self) -> frozenset[str]:
        return self.channel.reads

    def current(self, state: Any, v: Array, ions: Ions) -> Array:
        return self._warm(self.conductance, ions) * self.channel.current(state, v, ions)

    def carried(self, state: Any, v: Array, ions: Ions) -> dict[str, Array]:
        scale = self._warm(self.conductance, ions)
        return {
            ion: scale * current for ion, current in self.channel.carried(state, v, ions).items()
        }
