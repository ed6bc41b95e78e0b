"""What the laws are about: a new neuron, adaptor, stepper or stimulus gets a row here."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.channels import AbstractMechanism
from rheobase.connectivity import AbstractConnectivity
from rheobase.neurons import AbstractMembrane, Onset
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import AbstractStimulus
from rheobase.surrogate import SHAPES
from rheobase.synapses import AbstractSynapse
from rheobase.units import Hz, Quantity, Unit, ms, mV, nA, nS, um, uS


class Neuron(NamedTuple):
    """A model and currents of which the behaviour is known."""

    make: type[AbstractMembrane]
    """Called without arguments inside a test, so that it has the precision of the test."""
    quiet: Quantity
    """It stays below threshold."""
    drive: Quantity
    """It fires at 10 to 50 Hz (the squid axon cannot fire that slowly)."""
    dt: Quantity = 0.1 * ms

    @property
    def fires(self) -> bool:
        return self.make.onset is not Onset.NEVER

    @property
    def resets(self) -> bool:
        return self.make.onset not in (Onset.NEVER, Onset.EDGE)


NEURONS = {
    "LI": Neuron(rb.LI, quiet=1 * nA, drive=5 * nA),
    "Integrator": Neuron(rb.Integrator, quiet=1 * nA, drive=5 * nA),
    "IF": Neuron(rb.IF, quiet=0.1 * nA, drive=0.5 * nA),
    "LIF": Neuron(rb.LIF, quiet=1 * nA, drive=1.6 * nA),
    "CubaLI": Neuron(rb.CubaLI, quiet=0.1 * nA, drive=1 * nA),
    "CubaLIF": Neuron(rb.CubaLIF, quiet=0.08 * nA, drive=0.13 * nA),
    "ALIF": Neuron(rb.ALIF, quiet=1 * nA, drive=2.5 * nA),
    "GLIF": Neuron(rb.GLIF, quiet=0.5 * nA, drive=1.4 * nA),
    "ExpIF": Neuron(rb.ExpIF, quiet=0.02 * nA, drive=0.1 * nA),
    "AdEx": Neuron(rb.AdEx, quiet=0.3 * nA, drive=1 * nA),
    "QIF": Neuron(rb.QIF, quiet=0.03 * nA, drive=0.1 * nA),
    "AdQIF": Neuron(rb.AdQIF, quiet=0.02 * nA, drive=0.15 * nA),
    "Izhikevich": Neuron(rb.Izhikevich, quiet=2 * nA, drive=12 * nA),
    "HodgkinHuxley": Neuron(rb.HodgkinHuxley, quiet=0.02 * nA, drive=0.1 * nA, dt=0.02 * ms),
    "TraubMiles": Neuron(rb.TraubMiles, quiet=0.005 * nA, drive=0.1 * nA, dt=0.02 * ms),
    "MorrisLecar": Neuron(rb.MorrisLecar, quiet=0.5 * nA, drive=1.2 * nA),
}


class Stepper(NamedTuple):
    """A rule and the order it claims for a smooth trajectory."""

    make: Callable[[], AbstractStepper]
    order: int
    affine_only: bool = False


STEPPERS = {
    "Euler": Stepper(rb.Euler, order=1),
    "ExponentialEuler": Stepper(rb.ExponentialEuler, order=1),
    "ExponentialMidpoint": Stepper(rb.ExponentialMidpoint, order=2),
    "Heun": Stepper(rb.Heun, order=2),
    "Midpoint": Stepper(rb.Midpoint, order=2),
    "RungeKutta4": Stepper(rb.RungeKutta4, order=4),
    "Exact": Stepper(rb.Exact, order=0, affine_only=True),
}

AFFINE = {"LI", "Integrator", "CubaLI", "IF", "LIF", "CubaLIF", "ALIF", "GLIF"}
"""The neurons whose dynamics between spikes `Exact` integrates."""


class Adaptor(NamedTuple):
    """A way to wrap a neuron."""

    wrap: Callable[[Any], AbstractMembrane]
    needs_reset: bool = False
    """It changes what happens at a spike, so it wants a neuron that fires and resets."""
    draws: bool = False
    """It draws random numbers."""


N = 3
"""Size of the populations that `Mismatch` makes."""


def _spread(neuron):
    return rb.Mismatch(neuron, 0.1, distribution="gaussian", key=jax.random.key(7), n=N)


def _voltages(neuron):
    return rb.Mismatch(neuron, 1 * mV, None, "gaussian", key=jax.random.key(8), n=N)


ADAPTORS = {
    "Refractory": Adaptor(lambda x: rb.Refractory(x, 2 * ms), True),
    "Refractory all": Adaptor(lambda x: rb.Refractory(x, 2 * ms, hold="all"), True),
    "SoftReset": Adaptor(rb.SoftReset, True),
    "SurrogateReset": Adaptor(rb.SurrogateReset, True),
    "ThresholdAdaptation": Adaptor(lambda x: rb.ThresholdAdaptation(x, 50 * ms, 2 * mV), True),
    "SpikeRateAdaptation": Adaptor(
        lambda x: rb.SpikeRateAdaptation(x, 50 * ms, 1 * nS, -85 * mV), True
    ),
    "Noise": Adaptor(lambda x: rb.Noise(x, 0.05 * nA, 5 * ms), draws=True),
    "WhiteNoise": Adaptor(lambda x: rb.WhiteNoise(x, 0.05 * nA * ms**0.5), draws=True),
    "Mismatch": Adaptor(_spread, draws=True),
    "Mismatch voltages": Adaptor(_voltages, draws=True),
}

SURROGATES = {shape.__name__: shape for shape in SHAPES}

STIMULI: dict[str, Callable[[], AbstractStimulus]] = {
    "Constant": lambda: rb.stimulus.Constant(2 * nA),
    "Step": lambda: rb.stimulus.Step(2 * nA, start=2 * ms, stop=9 * ms),
    "Ramp": lambda: rb.stimulus.Ramp(0 * nA, 4 * nA, start=1 * ms, stop=8 * ms),
    "Sine": lambda: rb.stimulus.Sine(3 * nA, frequency=80 * Hz),
    "Pulses": lambda: rb.stimulus.Pulses([1, 4, 8] * ms, 9 * nA, width=1 * ms),
    "FromArray": lambda: rb.stimulus.FromArray(np.linspace(0, 4, 10) * nA, dt=1 * ms),
    "OrnsteinUhlenbeck": lambda: rb.stimulus.OrnsteinUhlenbeck(2 * nA, 1 * nA, 3 * ms),
    "Poisson": lambda: rb.stimulus.Poisson(100 * Hz, 5 * nA, sources=10),
    "Sum": lambda: STIMULI["OrnsteinUhlenbeck"]() + STIMULI["Poisson"](),
    "Product": lambda: STIMULI["OrnsteinUhlenbeck"]() * rb.stimulus.Step(1.0, stop=5 * ms),
}


every_neuron = pytest.mark.parametrize("name", NEURONS)
firing_neurons = pytest.mark.parametrize("name", [n for n, row in NEURONS.items() if row.fires])


def slow_but(few: tuple[Any, ...], names: Any) -> list[Any]:
    """All of them as parameters of a test, slow but for a few."""
    return [name if name in few else pytest.param(name, marks=pytest.mark.slow) for name in names]


FEW = ("LI", "LIF", "AdEx", "MorrisLecar")
"""One neuron of each kind, for laws that are too slow to run on all of them every time."""
every_neuron_in_time = pytest.mark.parametrize("name", slow_but(FEW, NEURONS))
firing_neurons_in_time = pytest.mark.parametrize(
    "name", slow_but(FEW, [n for n, row in NEURONS.items() if row.fires])
)
every_adaptor = pytest.mark.parametrize("adaptor", ADAPTORS)
FEW_ADAPTORS = ("Refractory", "SoftReset", "ThresholdAdaptation", "Noise")
every_adaptor_in_time = pytest.mark.parametrize("adaptor", slow_but(FEW_ADAPTORS, ADAPTORS))
every_stepper = pytest.mark.parametrize("stepper", STEPPERS)
every_stimulus = pytest.mark.parametrize("stimulus", STIMULI)
compositions = pytest.mark.parametrize(
    "adaptor, name",
    [(a, n) for a, kind in ADAPTORS.items() for n, row in NEURONS.items()
     if row.resets or not kind.needs_reset],
)  # fmt: skip
"""Every adaptor around every neuron where it makes sense."""
marches = pytest.mark.parametrize(
    "stepper, name",
    [
        (s, n)
        for s, rule in STEPPERS.items()
        for n in NEURONS
        if n in AFFINE or not rule.affine_only
    ],
)
"""Every stepper with every neuron that it takes."""


class Connectivity(NamedTuple):
    """A rule of connectivity and what it promises."""

    make: Callable[[], AbstractConnectivity]
    random: bool = True
    multapses: bool = False
    autapses: bool = True
    square: bool = False
    """It wants populations of one size."""


CONNECTIVITY = {
    "Dense": Connectivity(rb.Dense, random=False),
    "Dense, no autapses": Connectivity(lambda: rb.Dense(autapses=False), False, autapses=False),
    "OneToOne": Connectivity(rb.OneToOne, random=False, square=True),
    "Pairs": Connectivity(lambda: rb.Pairs([3, 1, 1], [0, 2, 2]), random=False, multapses=True),
    "FixedProbability": Connectivity(lambda: rb.FixedProbability(0.2)),
    "FixedProbability, no autapses": Connectivity(
        lambda: rb.FixedProbability(0.5, autapses=False), autapses=False
    ),
    "FixedInDegree": Connectivity(lambda: rb.FixedInDegree(7)),
    "FixedInDegree, no autapses": Connectivity(
        lambda: rb.FixedInDegree(11, autapses=False), autapses=False
    ),
    "FixedInDegree, multapses": Connectivity(
        lambda: rb.FixedInDegree(20, multapses=True), multapses=True
    ),
    "FixedOutDegree": Connectivity(lambda: rb.FixedOutDegree(7)),
    "FixedOutDegree, no autapses": Connectivity(
        lambda: rb.FixedOutDegree(11, autapses=False), autapses=False
    ),
    "FixedTotal": Connectivity(lambda: rb.FixedTotal(100)),
    "FixedTotal, multapses": Connectivity(
        lambda: rb.FixedTotal(300, multapses=True), multapses=True
    ),
    "GaussianProbability": Connectivity(lambda: rb.GaussianProbability(0.9, sigma=80 * um)),
    "ExponentialProbability": Connectivity(
        lambda: rb.ExponentialProbability(0.9, length=80 * um, autapses=False), autapses=False
    ),
}


class Synapse(NamedTuple):
    """A synapse and the unit of its weights."""

    make: Callable[[], AbstractSynapse]
    unit: Unit
    events: bool = True
    """It adds up single spikes; a state for each presynaptic neuron or a voltage does not."""


SYNAPSES = {
    "Exponential": Synapse(rb.Exponential, nA),
    "DualExponential": Synapse(rb.DualExponential, nA),
    "Alpha": Synapse(rb.Alpha, nA),
    "Conductance": Synapse(lambda: rb.Conductance(rb.Exponential(), reversal=0 * mV), uS),
    "Conductance, alpha": Synapse(lambda: rb.Conductance(rb.Alpha(), reversal=-80 * mV), uS),
    "NMDA": Synapse(lambda: rb.NMDA(rb.DualExponential()), uS),
    "AMPA": Synapse(rb.AMPA, uS, events=False),
    "GABAA": Synapse(rb.GABAA, uS, events=False),
    "GABAB": Synapse(rb.GABAB, uS, events=False),
    "SpikeSynapse": Synapse(rb.SpikeSynapse, nA),
    "SpikeSynapse, saturating": Synapse(lambda: rb.SpikeSynapse(saturating=True), nA, events=False),
    "Ionotropic": Synapse(rb.Ionotropic, nA, events=False),
    "Tanh": Synapse(rb.Tanh, nA, events=False),
    "Conductance, Ionotropic": Synapse(
        lambda: rb.Conductance(rb.Ionotropic(), reversal=-70 * mV), uS, events=False
    ),
    "NMDA, Binding": Synapse(lambda: rb.NMDA(rb.Binding()), uS, events=False),
    "GapJunction": Synapse(rb.GapJunction, uS, events=False),
}


CHANNELS: dict[str, Callable[[], AbstractMechanism]] = {
    "AdEx": ch.AdEx,
    "CaDynamics": ch.CaDynamics,
    "CaL": ch.CaL,
    "CaL_GHK": ch.CaL_GHK,
    "CaPump": ch.CaPump,
    "CaShells": ch.CaShells,
    "CaT": ch.CaT,
    "Ca_HVA": ch.Ca_HVA,
    "Ca_LVAst": ch.Ca_LVAst,
    "Diffusing": lambda: ch.Diffusing(ch.CaDynamics()),
    "ExpSpike": ch.ExpSpike,
    "Fire": ch.Fire,
    "HH": ch.HH,
    "Ih": ch.Ih,
    "Im": ch.Im,
    "Izhikevich": ch.Izhikevich,
    "K": ch.K,
    "KScheme": ch.KScheme,
    "K_Pst": ch.K_Pst,
    "K_Tst": ch.K_Tst,
    "Km": ch.Km,
    "Leak": ch.Leak,
    "Na": ch.Na,
    "NaTa_t": ch.NaTa_t,
    "NaTs2_t": ch.NaTs2_t,
    "Nap_Et2": ch.Nap_Et2,
    "PointNeuron": lambda: ch.PointNeuron(rb.Refractory(rb.AdEx(), 2 * ms)),
    "Q10": lambda: ch.Q10(ch.HH()),
    "SK_E2": ch.SK_E2,
    "SKv3_1": ch.SKv3_1,
    "SpikeDetector": ch.SpikeDetector,
    "TraubMiles": ch.TraubMiles,
}
KINKS = {"K_Pst": (-60.0,), "AdEx": (-32.0,), "Izhikevich": (30.0,), "PointNeuron": (20.0,)}
"""Voltages (mV) at which a published curve is put together from two, or an upstroke ends."""
every_channel = pytest.mark.parametrize("channel", CHANNELS)
FEW_CHANNELS = ("AdEx", "CaDynamics", "CaL_GHK", "CaT", "Fire", "HH", "KScheme", "K_Pst", "Q10")
every_channel_in_time = pytest.mark.parametrize("channel", slow_but(FEW_CHANNELS, CHANNELS))
