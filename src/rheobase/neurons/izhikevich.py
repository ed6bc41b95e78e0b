"""The neuron of Izhikevich, in the units of the membrane."""

from typing import Annotated, Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.neurons.base import AbstractNeuron, Onset
from rheobase.neurons.patterns import IZHIKEVICH, find, names
from rheobase.neurons.quadratic import bounded, growth
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import (
    Role,
    anything,
    dimensionless,
    ms,
    mV,
    nF,
    non_negative,
    positive,
    quantity,
)


class RecoveryState(NamedTuple):
    """A voltage and its recovery variable."""

    v: Annotated[Array, mV]
    u: Annotated[Array, mV / ms]


class Izhikevich(AbstractNeuron):
    r"""The simple model of Izhikevich.

    dv/dt = quadratic v^2 + linear v + constant - u + I/C
    du/dt = a (b (v - v_b) - leak u);  at v >= v_th, v ← c and u ← u + d.

    v (mV), u (mV/ms), I (nA), shape (*n,). With C = 1 nF, 1 nA is the 1 of the articles. v is
    bounded at v_th on the right-hand side and held there in the step of a spike. Starts at rest,
    the lower root of quadratic v^2 + (linear - b) v + constant + b v_b, or where there is none at
    its minimum. `Izhikevich.pattern(name)` has the twenty published parameter sets, of which
    "class 1" and "integrator" have another parabola and "accommodation" v_b and leak 0.

    Source: Izhikevich 2003, IEEE Trans Neural Netw 14:1569 (defaults: regular spiking), and 2004,
    15:1063 (patterns). The articles' scripts give u the v of the same step; here both advance
    from the same old state. Errors: `ParameterError` unless c < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.Izhikevich(), current=10 * nA, duration=200 * ms, dt=0.1 * ms,
    ...                   record=("v", "u"))
    >>> rb.Izhikevich.pattern("tonic bursting").c.item()
    -50.0
    """

    onset: ClassVar[Onset] = Onset.UPSTROKE

    a: Array = quantity(ms**-1, anything, "rate of recovery", default=0.02 / ms)
    b: Array = quantity(ms**-1, anything, "coupling of recovery to voltage", default=0.2 / ms)
    c: Array = quantity(mV, anything, "reset voltage", default=-65 * mV, below="v_th")
    d: Array = quantity(mV / ms, anything, "recovery at a spike", default=8 * mV / ms)
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=30 * mV, role=Role.PEAK
    )
    quadratic: Array = quantity(
        (mV * ms) ** -1, positive, "coefficient of v^2", default=0.04 / (mV * ms)
    )
    linear: Array = quantity(ms**-1, anything, "coefficient of v", default=5 / ms)
    constant: Array = quantity(mV / ms, anything, "constant of the parabola", default=140 * mV / ms)
    v_b: Array = quantity(mV, anything, "voltage without recovery", default=0 * mV)
    leak: Array = quantity(dimensionless, non_negative, "weight of u in du/dt", default=1.0)
    C: Array = quantity(nF, positive, "capacitance", default=1 * nF, role=Role.CAPACITANCE)
    spike: AbstractSurrogate = FastSigmoid()

    @classmethod
    def patterns(cls) -> tuple[str, ...]:
        """The names of the published firing patterns."""
        return names(IZHIKEVICH)

    @classmethod
    def pattern(cls, name: str) -> "Izhikevich":
        """The neuron of a published firing pattern; `rb.patterns.protocol` has its stimulus."""
        row = find("Izhikevich", IZHIKEVICH, name)
        make: Any = cls
        return make(
            a=row.a / ms,
            b=row.b / ms,
            c=row.c * mV,
            d=row.d * mV / ms,
            linear=row.linear / ms,
            constant=row.constant * mV / ms,
            v_b=row.v_b * mV,
            leak=row.leak,
        )

    def init(self) -> RecoveryState:
        slope = self.linear - self.b
        square = slope**2 - 4 * self.quadratic * (self.constant + self.b * self.v_b)
        # Selected before the root, whose derivative is infinite at zero.
        root = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, self.b**2)), 0)
        v = (-slope - root) / (2 * self.quadratic)
        return RecoveryState(v=v, u=self.b * (v - self.v_b))

    def derivative(self, state: RecoveryState, current: Array) -> RecoveryState:
        v, near = bounded(state.v, self.v_th, self.c)
        parabola = (self.quadratic * near + self.linear) * v + self.constant
        return RecoveryState(
            v=parabola - state.u + current / self.C,
            u=self.a * (self.b * (v - self.v_b) - self.leak * state.u),
        )

    def growth(self, z: Array) -> Array:
        return growth(z)

    def margin(self, state: RecoveryState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.c)

    def reset(self, state: RecoveryState) -> RecoveryState:
        return RecoveryState(v=self.c, u=state.u + self.d)
