r"""Homeostasis: the gain of the excitatory synapses scales slowly, towards a target rate.

Every spike of the neuron lifts its activity a, which decays; at the target rate its mean is one.
The gain g, by which Igain of AMPA and NMDA is multiplied, rises where a < 1 and falls where a > 1,

    da/dt = -a/tau_activity,  a ← a + 1/(rate tau_activity) at a spike
    d(ln g)/dt = (1 - a)/(1 + a)/tau_gain,  low <= g <= high,

in which (1 - a)/(1 + a) is the output of a differential pair that compares the logarithms of two
currents. This is the behaviour of the chip's circuit (a calcium integrator, an amplifier and a
capacitor that leaks by femtoamperes), not its transistors.

Sources: Qiao, Bartolozzi & Indiveri 2017, IEEE Trans. Biomed. Circuits Syst. 11:1271; Richter et
al. 2024, Neuromorph. Comput. Eng. 4:014003 (the latches ho_enable, ho_so_de).
"""

import jax.numpy as jnp
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.units import Hz, dimensionless, ms, positive, quantity, s


class Homeostasis(AbstractDeclared):
    r"""A slow loop from the rate of a neuron to the gain of its excitatory synapses.

    The gain acts where a gate is far above it: at I << Igain the growth of a DPI does not depend on
    its gain. tau_gain is to be much longer than tau_activity, or the loop rings.

    Errors: `ParameterError` unless low < high.

    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import Hz, s
    >>> neuron = d2.Neuron(homeostasis=d2.Homeostasis(rate=30 * Hz, tau_gain=20 * s))
    >>> float(neuron.init().activity)
    0.0
    """

    rate: Array = quantity(Hz, positive, "target rate", default=20 * Hz)
    tau_activity: Array = quantity(ms, positive, "time over which spikes count", default=500 * ms)
    tau_gain: Array = quantity(ms, positive, "time for a factor e of the gain", default=10 * s)
    low: Array = quantity(dimensionless, positive, "smallest gain", default=0.1, below="high")
    high: Array = quantity(dimensionless, positive, "largest gain", default=10.0)

    def rest(self) -> tuple[Array, Array]:
        """Activity and ln g of a neuron that has not fired."""
        none = jnp.zeros_like(self.rate * self.low)
        return none, jnp.clip(none, jnp.log(self.low), jnp.log(self.high))

    def after(self, activity: Array, log_gain: Array, dt: Array | float) -> tuple[Array, Array]:
        """Activity and ln g after dt (ms) without a spike, by the integral of their equations."""
        left = activity * jnp.exp(-dt / self.tau_activity)
        pulled = self.tau_activity * 2 * (jnp.log1p(activity) - jnp.log1p(left))
        moved = log_gain + (dt - pulled) / self.tau_gain
        return left, jnp.clip(moved, jnp.log(self.low), jnp.log(self.high))

    def derivative(self, activity: Array, log_gain: Array) -> tuple[Array, Array]:
        """d(a)/dt and d(ln g)/dt (1/ms); at its limits the gain only turns back."""
        speed = (1 - activity) / (1 + activity) / self.tau_gain
        stuck = jnp.where(speed > 0, log_gain >= jnp.log(self.high), log_gain <= jnp.log(self.low))
        return -activity / self.tau_activity, jnp.where(stuck, 0 * speed, speed)

    def spiked(self, activity: Array) -> Array:
        """Activity after a spike."""
        return activity + 1 / (self.rate * self.tau_activity)
