"""Point neurons on a membrane: their equations become a current, a threshold and a reset."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.adaptors.base import chain, require_neuron
from rheobase.channels.base import AbstractFiring, exponential_euler, linearised
from rheobase.channels.ions import Ions
from rheobase.errors import CompositionError
from rheobase.neurons import AbstractNeuron, Onset, variables
from rheobase.steppers.base import variables_only
from rheobase.surrogate import AbstractSurrogate
from rheobase.units import cm, dimensionless, positive, quantity, uF


class AbstractPointNeuron(AbstractFiring):
    """A neuron without its voltage, which is that of the compartment.

    Its current is i = -c_m dv/dt by the neuron's equations without input. A final class says what
    the neuron is, and how its own state becomes that of the neuron.
    """

    neuron: eqx.AbstractVar[AbstractNeuron]
    c_m: eqx.AbstractVar[Any]

    @abstractmethod
    def whole(self, state: Any, v: Array) -> Any:
        """The state of the neuron at voltage v (mV)."""

    @abstractmethod
    def parted(self, state: Any) -> Any:
        """What of a state of the neuron is its own: all but the voltage."""

    @property
    def onset(self) -> Onset:
        return self.neuron.onset

    @property
    def pause(self) -> Array | float:
        return self.neuron.pause

    def check(self, dt: float) -> None:
        self.neuron.check(dt)

    def _moving(self, state: Any, v: Array) -> tuple[list, Callable[[list], list], Callable]:
        """Its continuous variables, their rates of change at v, and the way back to a state."""

        def rate(state: Any) -> Any:
            return self.parted(self.neuron.derivative(self.whole(state, v), jnp.zeros_like(v)))

        return variables_only(rate, state)

    def init(self, v: Array, ions: Ions) -> Any:
        begun = jax.tree.map(lambda x: jnp.broadcast_to(x, v.shape), self.neuron.init())
        leaves, rate, back = self._moving(self.parted(begun), v)
        # One step of Newton's method settles what is linear in itself, as gates and adaptation are.
        return back(
            [
                jnp.where(slope < 0, x - f / jnp.where(slope < 0, slope, -1), x)
                for x, f, slope in linearised(rate, leaves, leaves)
            ]
        )

    def moved(self, state: Any, v: Array, ions: Ions, dt: float) -> Any:
        leaves, rate, back = self._moving(state, v)
        new = back(exponential_euler(rate, leaves, dt))
        return self.parted(self.neuron.hold(self.whole(state, v), self.whole(new, v)))

    def relaxation(self, v: Array, ions: Ions) -> dict[str, Array]:
        """How fast each gate relaxes; a gate is a dimensionless variable."""
        leaves, rate, back = self._moving(state := self.init(v, ions), v)
        slopes = back([-slope for _, _, slope in linearised(rate, leaves, leaves)])
        gates = variables.units(state)
        return {
            name: x
            for name, x in variables.items(slopes)
            if gates[name] == dimensionless and jnp.issubdtype(x.dtype, jnp.floating)
        }

    def current(self, state: Any, v: Array, ions: Ions) -> Array:
        change = self.neuron.derivative(self.whole(state, v), jnp.zeros_like(v))
        return -self.c_m * variables.get(change, "v")

    def margin(self, state: Any, v: Array) -> Array:
        return self.neuron.margin(self.whole(state, v))

    def reset(self, state: Any, v: Array) -> tuple[Any, Array]:
        fresh = self.neuron.reset(self.whole(state, v))
        return self.parted(fresh), jnp.broadcast_to(variables.get(fresh, "v"), v.shape)

    def holds(self, state: Any) -> Array | None:
        # Held is what a step from 0 to 1 leaves at 0.
        old, new = jnp.zeros(()), jnp.ones(())
        kept = self.neuron.hold(self.whole(state, old), self.whole(state, new))
        v = variables.get(kept, "v")
        return None if v is new else v == old

    def ready(self, state: Any) -> Array | bool:
        return self.neuron.ready(self.whole(state, jnp.zeros(())))

    def counted(self, state: Any, before: Array, v: Array, spike: Array, dt: float) -> Any:
        return self.parted(self.neuron.count(self.whole(state, v), spike, dt))


class PointNeuron(AbstractPointNeuron):
    r"""Any neuron that fires, with its adaptors, on a membrane: leak, upstroke, threshold, reset.

    i = -c_m dv/dt, where dv/dt is that of the neuron at the voltage of the compartment without
    input; its other variables x move by their own dx/dt. It fires and is reset, held and counted
    as the neuron is.

    i current out of the cell (nA/um**2), c_m (uF/cm**2), v (mV). With c_m the capacitance of the
    membrane and no other channel the compartment is the neuron; a neuron of capacitance C is
    that of C/c_m of membrane. Its variables keep their units, and are recorded by the name of the
    innermost neuron, `"AdEx.w"`. They start where they settle at the voltage of the cell.
    `through_reset` is as in `Fire`.

    Errors: `CompositionError` for what never fires, has no voltage v, or draws random numbers.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms, um
    >>> cell = rb.Cell(rb.morphology.ball_and_stick())
    >>> cell = cell.insert(ch.PointNeuron(rb.Refractory(rb.AdEx(), 2 * ms)), at="soma")
    >>> cell = cell.insert(ch.Leak(), at="dendrite")
    """

    neuron: AbstractNeuron
    c_m: Array = quantity(uF / cm**2, positive, "capacitance", default=1 * uF / cm**2)
    through_reset: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        require_neuron("channels.PointNeuron", self.neuron)
        name, found = self.neuron.title, dict(variables.items(jax.eval_shape(self.neuron.init)))
        if "v" not in found:
            raise CompositionError(
                f"{name} has no voltage v in mV that could be that of a membrane, only "
                f"{', '.join(found)}. Write channels.PointNeuron(rb.LIF())."
            )
        drawn = not all(jnp.issubdtype(x.dtype, jnp.floating) for x in jax.tree.leaves(self.neuron))
        if drawn or self.neuron.random:
            raise CompositionError(
                f"{name} draws random numbers, and a channel has none. Leave that adaptor out: "
                "inject noise, simulate(..., current={place: rb.stimulus.OrnsteinUhlenbeck(...)}), "
                "and give a parameter one value for each compartment."
            )

    @property
    def spike(self) -> AbstractSurrogate:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.neuron.spike

    @property
    def label(self) -> str:
        return type(chain(self.neuron)[-1]).__name__

    def whole(self, state: Any, v: Array) -> Any:
        return variables.replace(state, "v", v)

    def parted(self, state: Any) -> Any:
        return variables.replace(state, "v", None)
