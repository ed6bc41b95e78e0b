"""`Neuron`: the DPI neuron of the chip with its four gates, in either of two modes."""

from typing import Any, ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase.devices.dynapse2 import compatible, physical
from rheobase.devices.dynapse2 import constants as c
from rheobase.devices.dynapse2.alpha import Alpha
from rheobase.devices.dynapse2.conductance import Conductance
from rheobase.devices.dynapse2.homeostasis import Homeostasis
from rheobase.devices.dynapse2.layout import chip_current
from rheobase.devices.dynapse2.steppers import CompatibleStep, PhysicalStep
from rheobase.errors import ParameterError, StepperError, UnknownName, brief
from rheobase.neurons.base import AbstractNeuron
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import Quantity, dimensionless, mV, nA, nF, positive, quantity

Mode = Literal["physical", "compatible"]

_SHARE = c.UT / c.KAPPA


def _bias(name: str, meaning: str, default: Quantity) -> Any:
    return quantity(nA, chip_current(name, default), meaning, default=default)


def _capacitor(meaning: str, default: Quantity) -> Any:
    return quantity(nF, positive, meaning, default=default)


_ITAU_MEM = _SHARE * c.C_MEM / c.TAU_MEM
_ITAU_AHP = _SHARE * c.C_AHP / c.TAU_AHP
_ITAU_AMPA = _SHARE * c.C_AMPA / c.TAU_SYN
_ITAU_SHUNT = _SHARE * c.C_SHUNT / c.TAU_SYN
_ITAU_GABA = _SHARE * c.C_GABA / c.TAU_SYN
_ITAU_NMDA = _SHARE * c.C_NMDA / c.TAU_SYN

OPTIONS: dict[str, type] = {
    "alpha_ampa": Alpha,
    "alpha_nmda": Alpha,
    "conductance": Conductance,
    "homeostasis": Homeostasis,
}
"""The circuits of a `Neuron` that are off unless they are given."""


class Neuron(AbstractNeuron):
    r"""A neuron of DYNAP-SE2: currents below threshold, set by its bias parameters.

    Every gate g is a differential-pair integrator with leak Itau_g, gain Igain_g, tau_g = C_g
    Ut/(kappa Itau_g), driven by pulses of width Vth C_pulse/Ipulse and weight Iw = w Iscale. The
    soma is another one with exponential feedback, Ileak = Itau_mem + Ishunt,

        tau (1 + Igain/Imem) dImem/dt + Imem (1 + Iahp/Ileak)
            = (Igain/Ileak) (Iin - Iahp - Ileak) + (Ia/Ileak) (Imem + Igain)

    Iin = Iampa + Inmda/(1 + If_nmda/Imem) - Igaba + Idc + I, at least Io; Ia = Io
    (Imem/Io)^(kappa/(kappa + 1)). It fires at Imem >= Ispkthr, Imem ← Io, and stays there for
    Vth C_ref/Iref; each spike drives the adaptation Iahp. No current is smaller than Io. Currents
    in nA, of shape (*n,). `current` is a current I into the soma; delta inputs add to Iampa.

    - `mode="physical"` (default): every current follows its circuit in the logarithm, so that it
      stays positive, and spikes are located inside a step: rates at dt = 1 ms are those of a
      small step.
    - `mode="compatible"`: the linear synapse, one for all signs, and explicit Euler steps of
      Rockpool 3.1's DynapSim, whose spikes it reproduces. Inhibition cannot lower Isyn there.

    Further circuits of the physical mode, off unless given:

    - `alpha_ampa`, `alpha_nmda`: an `Alpha`, which gives the gate a rise.
    - `conductance`: a `Conductance`, by which gates fade near their reversal potentials.
    - `homeostasis`: a `Homeostasis`, which scales excitation slowly towards a target rate.

    `rb.simulate` takes the mode's own rule unless a stepper is given; any other stepper integrates
    the same equations, on a grid. The margin is ln(Imem/Ispkthr) in units of ln(Ispkthr/Io).

    Defaults are Rockpool's operating point, see `rheobase.devices.dynapse2.constants`.
    Source: Livi & Indiveri 2009; Chicca et al. 2014, Proc. IEEE 102:1367.
    Errors: `UnknownName` for a mode; `ParameterError` for a further circuit in the other mode;
    units and domains as for every neuron.

    >>> import rheobase as rb
    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(d2.Neuron(Idc=1 * nA), duration=500 * ms, dt=1 * ms, record=("Imem",))
    >>> run.Imem.shape, int(run.counts) > 5
    ((500,), True)
    """

    Idc: Array = _bias("Idc", "constant input", c.IO)
    If_nmda: Array = _bias("If_nmda", "Imem at which the NMDA gate is half open", c.IO)
    Itau_mem: Array = _bias("Itau_mem", "leak of the soma", _ITAU_MEM)
    Igain_mem: Array = _bias("Igain_mem", "gain of the soma", c.GAIN_MEM * _ITAU_MEM)
    Ispkthr: Array = _bias("Ispkthr", "threshold", c.ISPKTHR)
    Iref: Array = _bias("Iref", "sets the refractory period", c.VTH * c.C_REF / c.T_REF)
    Itau_ahp: Array = _bias("Itau_ahp", "leak of the adaptation", _ITAU_AHP)
    Igain_ahp: Array = _bias("Igain_ahp", "gain of the adaptation", c.GAIN_AHP * _ITAU_AHP)
    Iw_ahp: Array = _bias("Iw_ahp", "weight of a spike in the adaptation", c.IO)
    Ipulse_ahp: Array = _bias(
        "Ipulse_ahp", "sets the pulse of the adaptation", c.VTH * c.C_PULSE_AHP / c.T_PULSE_AHP
    )
    Itau_ampa: Array = _bias("Itau_ampa", "leak of the fast excitation", _ITAU_AMPA)
    Igain_ampa: Array = _bias("Igain_ampa", "its gain", c.GAIN_SYN * _ITAU_AMPA)
    Itau_nmda: Array = _bias("Itau_nmda", "leak of the slow excitation", _ITAU_NMDA)
    Igain_nmda: Array = _bias("Igain_nmda", "its gain", c.GAIN_SYN * _ITAU_NMDA)
    Itau_gaba: Array = _bias("Itau_gaba", "leak of the subtractive inhibition", _ITAU_GABA)
    Igain_gaba: Array = _bias("Igain_gaba", "its gain", c.GAIN_SYN * _ITAU_GABA)
    Itau_shunt: Array = _bias("Itau_shunt", "leak of the shunting inhibition", _ITAU_SHUNT)
    Igain_shunt: Array = _bias("Igain_shunt", "its gain", c.GAIN_SYN * _ITAU_SHUNT)
    Ipulse: Array = _bias("Ipulse", "sets the pulse of the synapses", c.VTH * c.C_PULSE / c.T_PULSE)
    Iscale: Array = quantity(nA, positive, "current of a weight of one", default=c.ISCALE)
    C_mem: Array = _capacitor("capacitor of the soma", c.C_MEM)
    C_ahp: Array = _capacitor("capacitor of the adaptation", c.C_AHP)
    C_ampa: Array = _capacitor("capacitor of the fast excitation", c.C_AMPA)
    C_nmda: Array = _capacitor("capacitor of the slow excitation", c.C_NMDA)
    C_gaba: Array = _capacitor("capacitor of the subtractive inhibition", c.C_GABA)
    C_shunt: Array = _capacitor("capacitor of the shunting inhibition", c.C_SHUNT)
    C_pulse: Array = _capacitor("capacitor of the pulse extender", c.C_PULSE)
    C_pulse_ahp: Array = _capacitor("capacitor of the adaptation's extender", c.C_PULSE_AHP)
    C_ref: Array = _capacitor("capacitor of the refractory period", c.C_REF)
    kappa_n: Array = quantity(dimensionless, positive, "slope factor, n-channel", c.KAPPA_N)
    kappa_p: Array = quantity(dimensionless, positive, "slope factor, p-channel", c.KAPPA_P)
    Ut: Array = quantity(mV, positive, "thermal voltage", default=c.UT)
    Vth: Array = quantity(mV, positive, "threshold of the extenders", default=c.VTH)
    Io: Array = quantity(nA, positive, "smallest current", default=c.IO)
    spike: AbstractSurrogate = FastSigmoid()
    mode: Mode = eqx.field(static=True, default="physical")
    alpha_ampa: Alpha | None = None
    alpha_nmda: Alpha | None = None
    conductance: Conductance | None = None
    homeostasis: Homeostasis | None = None

    def __check_init__(self):
        if self.mode not in ("physical", "compatible"):
            raise UnknownName("mode", self.mode, ("physical", "compatible"))
        for name, kind in OPTIONS.items():
            given = getattr(self, name)
            if given is None:
                continue
            if not isinstance(given, kind):
                raise ParameterError(
                    f"`{name}` is a d2.{kind.__name__}, got {brief(given)}. "
                    f"Write d2.Neuron({name}=d2.{kind.__name__}())."
                )
            if self.mode == "compatible":
                raise ParameterError(
                    f"`{name}` belongs to mode 'physical': mode 'compatible' has the circuits of "
                    f"Rockpool alone. Write d2.Neuron({name}=d2.{kind.__name__}())."
                )

    @property
    def circuit(self) -> Any:
        """The functions of this mode."""
        return physical if self.mode == "physical" else compatible

    gated: ClassVar[bool] = True

    @property
    def target(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return "Iampa" if self.mode == "physical" else "Isyn"

    @property
    def crosses(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return "Imem"

    @property
    def own_stepper(self) -> Any:
        return PhysicalStep() if self.mode == "physical" else CompatibleStep()

    @property
    def kappa(self) -> Array:
        """Mean slope factor."""
        return (self.kappa_n + self.kappa_p) / 2

    @property
    def continuous(self) -> bool:
        return False

    def check_substep(self, dt: float) -> None:
        raise StepperError(
            "a neuron of the chip moves in whole steps of its own rule, in which no spike can be "
            "located. Leave out `substep`, or choose a smaller dt."
        )

    def init(self) -> Any:
        return self.circuit.init(self)

    def derivative(self, state: Any, current: Array) -> Any:
        return self.circuit.derivative(self, state, current)

    def margin(self, state: Any) -> Array:
        return jnp.log(state.Imem / self.Ispkthr) / jnp.log(self.Ispkthr / self.Io)

    def reset(self, state: Any) -> Any:
        return self.circuit.reset(self, state)

    def count(self, state: Any, spike: Array, dt: float) -> Any:
        return self.circuit.count(self, state, spike, dt)
