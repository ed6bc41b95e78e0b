"""Synapses of a network on the chip: weights, and of each synapse its gate, delay and depression.

The sign of a weight chooses between excitation and inhibition, `slow` between the two gates of
each: AMPA or NMDA, GABA or SHUNT. Each synapse also chooses one of three delay lines, and whether
it is depressed by use.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.devices.dynapse2.layout import GATES
from rheobase.devices.dynapse2.neuron import Mode
from rheobase.errors import ParameterError, ShapeError


class Projection(eqx.Module):
    r"""Synapses from `pre` sources to `post` neurons.

    - `weight`: (pre, post), dimensionless, the current of a synapse in units of `Iscale`.
    - `slow`: (pre, post) of True where a synapse uses NMDA or SHUNT and not AMPA or GABA; None
      where none does.
    - `delay`: (pre, post) of the delay line 0, 1 or 2; None where all use line 0.
    - `depressing`: (pre, post) of True where short-term depression acts; None where it does not.

    Errors: `ShapeError`, `ParameterError`.

    >>> import jax.numpy as jnp
    >>> from rheobase.devices import dynapse2 as d2
    >>> d2.Projection(jnp.asarray([[1.0, -2.0]])).gates
    ('AMPA', 'GABA')
    """

    weight: Array
    slow: Array | None
    delay: Array | None
    depressing: Array | None

    def __init__(self, weight: Any, slow: Any = None, delay: Any = None, depressing: Any = None):
        self.weight = jnp.asarray(weight)
        if self.weight.ndim < 2:
            raise ShapeError(
                f"`weight` has shape (pre, post), got {self.weight.shape}. "
                f"Write Projection(jnp.zeros((60, 2)))."
            )
        self.slow = self._mask("slow", slow, bool)
        self.depressing = self._mask("depressing", depressing, bool)
        self.delay = self._mask("delay", delay, np.int32)
        if delay is not None and not np.isin(np.asarray(delay), (0, 1, 2)).all():
            raise ParameterError("`delay` names the delay line of each synapse, 0, 1 or 2.")

    def _mask(self, name: str, value: Any, kind: Any) -> Array | None:
        if value is None:
            return None
        array = jnp.asarray(value, kind)
        if array.shape != self.weight.shape[-2:]:
            raise ShapeError(
                f"`{name}` has one value for each synapse, shape {self.weight.shape[-2:]}, got "
                f"{array.shape}."
            )
        return array

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates that its synapses can use."""
        return ("AMPA", "GABA") if self.slow is None else GATES

    @property
    def lines(self) -> tuple[int, ...]:
        """The delay lines that its synapses can use."""
        return (0,) if self.delay is None else (0, 1, 2)

    def stacked(self) -> Array:
        """Non-negative weights (streams*pre, gates*post), by stream and gate.

        A stream is the sources behind one delay line, as they are, and then as depression leaves
        them.
        """
        parts = []
        for line in self.lines:
            for depressed in (False,) if self.depressing is None else (False, True):
                here = self.weight
                if self.delay is not None:
                    here = jnp.where(self.delay == line, here, 0)
                if self.depressing is not None:
                    here = jnp.where(self.depressing == depressed, here, 0)
                parts.append(jnp.concatenate([self._gate(here, g) for g in self.gates], axis=-1))
        return jnp.concatenate(parts, axis=-2)

    def _gate(self, weight: Array, gate: str) -> Array:
        one_sign = jnp.maximum(weight if gate in ("AMPA", "NMDA") else -weight, 0)
        if self.slow is None:
            return one_sign
        return jnp.where(self.slow == (gate in ("NMDA", "SHUNT")), one_sign, 0)

    def gates_in(self, mode: Mode) -> tuple[str, ...]:
        """The gates that inputs of a neuron in this mode have."""
        return ("sum",) if mode == "compatible" else self.gates

    def weights(self, mode: Mode) -> Array:
        """The weights of a neuron in this mode: as they are, or by stream and gate."""
        return self.weight if mode == "compatible" else self.stacked()

    def delayed(self, lines: tuple[int, ...], series: Array, steps: int) -> Array:
        """The last `steps` of a series as it comes out of each delay line, side by side.

        `lines`: steps of each delay line.
        """
        reach = len(series) - steps
        if reach == 0 and len(self.lines) == 1:
            return series
        delays = [0 if self.delay is None else lines[line] for line in self.lines]
        parts = [series[reach - delay : reach - delay + steps] for delay in delays]
        return jnp.concatenate(parts, axis=-1)


def by_gate(given: Array, gates: tuple[str, ...]) -> dict[str, Array]:
    """What stands side by side for each of the gates."""
    parts = jnp.split(given, len(gates), axis=-1)
    return dict(zip(gates, parts, strict=True))


class Depression(eqx.Module):
    r"""Short-term depression: a spike uses the share `use` of a resource r, which recovers.

    The synapses that depress see r; after a spike r ← r (1 - use); dr/dt = (1 - r)/tau. All
    synapses of a source share its r, since their parameters belong to the core.
    Source: Tsodyks & Markram 1997; the chip's circuit by Richter et al. 2024, of which this is the
    behaviour, not the transistors.

    >>> from rheobase.devices import dynapse2 as d2
    >>> net = d2.Network(n_in=3, n_out=2, depression=d2.Depression(use=0.3, tau=100.0))
    """

    use: float = eqx.field(static=True, default=0.5)
    tau: float = eqx.field(static=True, default=200.0)
    """ms."""

    def __check_init__(self):
        if not (0 <= self.use <= 1 and self.tau > 0):
            raise ParameterError(
                f"depression uses a share between 0 and 1 and recovers in tau > 0 ms, got use = "
                f"{self.use} and tau = {self.tau}. Write Depression(use=0.5, tau=200.0)."
            )

    def step(self, r: Array, spikes: Array, dt: float) -> tuple[Array, Array]:
        """The resource after a step, and what the depressed synapses see of its spikes."""
        seen = spikes * r
        left = r * (1 - self.use) ** spikes
        return 1 - (1 - left) * np.exp(-dt / self.tau), seen
