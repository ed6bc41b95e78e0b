"""The classes that a file may name, and where they stand.

A file names a class as `rheobase.neurons.exponential.AdEx`: where it stood when the file was
written. Nothing else of the library can be named, and a name that is not in these tables is never
imported. A law asks that all public classes and all states are here.

- A new class gets its name in `KINDS`, under its module.
- A class that moves to another module, or gets another name, moves in `KINDS` and leaves its old
  name in `MOVED`. No line of `MOVED` is ever taken out: files with that name exist.
- A class whose fields change gets a line in `rheobase.io.forms`.
"""

import importlib
from typing import Any

KINDS: dict[str, str] = {
    "rheobase.adaptors.mismatch": "Mismatch",
    "rheobase.adaptors.noise": "Noise NoiseState",
    "rheobase.adaptors.refractory": "Refractory RefractoryState",
    "rheobase.adaptors.reset_gradient": "SurrogateReset",
    "rheobase.adaptors.soft_reset": "SoftReset",
    "rheobase.adaptors.spike_rate_adaptation": "ConductanceState SpikeRateAdaptation",
    "rheobase.adaptors.threshold_adaptation": "ThresholdAdaptation ThresholdState",
    "rheobase.adaptors.white_noise": "WhiteNoise",
    "rheobase.analysis.voltage": "DetectedSpikes Firing",
    "rheobase.cable.cell": "Cell",
    "rheobase.cable.clamp": "VoltageClamp",
    "rheobase.channels.base": "Gate Stateless",
    "rheobase.channels.calcium_dynamics": "CaDynamics CalciumState",
    "rheobase.channels.calcium_shells": "CaPump CaShells CalciumPumpState ShellState",
    "rheobase.channels.constant_field": "CaL_GHK",
    "rheobase.channels.diffusing": "Diffusing",
    "rheobase.channels.fire": "DetectorState Fire FireState SpikeDetector",
    "rheobase.channels.hay": (
        "Ca_HVA Ca_LVAst Ih Im K_Pst K_Tst NaTa_t NaTs2_t Nap_Et2 SK_E2 SKv3_1"
    ),
    "rheobase.channels.hodgkin_huxley": "HH HHState",
    "rheobase.channels.ions": "Ion Ions Solutions",
    "rheobase.channels.leak": "Leak",
    "rheobase.channels.point_neuron": "PointNeuron",
    "rheobase.channels.pospischil": "CaL CaT K Km Na",
    "rheobase.channels.potassium_scheme": "KScheme SchemeState",
    "rheobase.channels.spiking": "AdEx AdaptationState ExpSpike Izhikevich RecoveryState",
    "rheobase.channels.states": "Activation ActivationInactivation Inactivation",
    "rheobase.channels.traub_miles": "TraubMiles",
    "rheobase.channels.warmed": "Q10",
    "rheobase.check": "Outcome",
    "rheobase.classics.base": "Classic",
    "rheobase.classics.diehl_cook": "DiehlCook",
    "rheobase.connectivity.base": "Sides",
    "rheobase.connectivity.degree": "FixedInDegree FixedOutDegree",
    "rheobase.connectivity.distance": "ExponentialProbability GaussianProbability",
    "rheobase.connectivity.distributions": "LogNormal Normal Uniform",
    "rheobase.connectivity.explicit": "Dense Matrix OneToOne Pairs",
    "rheobase.connectivity.probability": "FixedProbability",
    "rheobase.connectivity.storage": "Rows",
    "rheobase.connectivity.total": "FixedTotal",
    "rheobase.datasets.base": "Places",
    "rheobase.datasets.cochlea": "Cochlea Gammatone Mel",
    "rheobase.datasets.dvs_gesture": "Aedat Trial",
    "rheobase.datasets.events": "Binning Drop Events Jitter Shift Tempo Warp",
    "rheobase.datasets.heidelberg": "SpikeFile",
    "rheobase.datasets.nmnist": "Saccades",
    "rheobase.datasets.sound": "Hiss Mask Sound Speed Stretch TimeShift",
    "rheobase.demo": "Digits NoisyDirect",
    "rheobase.devices.dynapse2.alpha": "Alpha",
    "rheobase.devices.dynapse2.bias": "Code",
    "rheobase.devices.dynapse2.codes": "CoreBias",
    "rheobase.devices.dynapse2.compatible": "CompatibleState",
    "rheobase.devices.dynapse2.conductance": "Conductance",
    "rheobase.devices.dynapse2.convert": "Converted NeuronFit SynapseFit",
    "rheobase.devices.dynapse2.core": "CoreState",
    "rheobase.devices.dynapse2.frozen_noise": "Row",
    "rheobase.devices.dynapse2.gates": "AMPA GABA NMDA PulseState SHUNT",
    "rheobase.devices.dynapse2.grid": "Grid",
    "rheobase.devices.dynapse2.homeostasis": "Homeostasis",
    "rheobase.devices.dynapse2.limits": "Violation",
    "rheobase.devices.dynapse2.network": "Network NetworkRun NetworkState",
    "rheobase.devices.dynapse2.neuron": "Neuron",
    "rheobase.devices.dynapse2.physical": "Gate PhysicalState",
    "rheobase.devices.dynapse2.place": "Repair",
    "rheobase.devices.dynapse2.power": "CorePower Energies Power",
    "rheobase.devices.dynapse2.projection": "Depression Projection",
    "rheobase.devices.dynapse2.routing": "Destination Routes Site Synapse",
    "rheobase.devices.dynapse2.soma": "Inputs Membrane Reversals",
    "rheobase.devices.dynapse2.steppers": "CompatibleStep PhysicalStep",
    "rheobase.devices.dynapse2.training": "Redrawn Trained",
    "rheobase.fitting.fit": "Details RecordingFit",
    "rheobase.fitting.judge": "FreeRun",
    "rheobase.fitting.membrane": "Passive",
    "rheobase.fitting.patched": "Patched",
    "rheobase.fitting.posterior": "Posterior",
    "rheobase.fitting.ranking": "Ranked",
    "rheobase.fitting.scores": "Scores SweepScore",
    "rheobase.fitting.search": "Found",
    "rheobase.fitting.uncertainty": "Estimate",
    "rheobase.gradients.compare": "Check Comparison Row",
    "rheobase.gradients.eprop": "EProp",
    "rheobase.gradients.exact": "Exact",
    "rheobase.gradients.mixed": "Mixed",
    "rheobase.gradients.rtrl": "RTRL",
    "rheobase.gradients.surrogate": "Surrogate",
    "rheobase.inputs": "Input",
    "rheobase.io.recording": "Pulse",
    "rheobase.io.retired": "ResetAdaptation ResetState",
    "rheobase.kernels.delivery": "Targets",
    "rheobase.kernels.plasticity": "Columns Eligibility",
    "rheobase.morphology.compartments": "Compartments",
    "rheobase.morphology.locate": "Location",
    "rheobase.morphology.samples": "Samples",
    "rheobase.morphology.tree": "Tree",
    "rheobase.network.connection": "Connection",
    "rheobase.network.network": "Drive Network Population",
    "rheobase.network.recording": "NetworkRecording",
    "rheobase.network.source": "SpikeSource Trains",
    "rheobase.network.state": "NetworkState",
    "rheobase.neurons.adaptive": "ALIF ThresholdState",
    "rheobase.neurons.base": "Onset",
    "rheobase.neurons.exponential": "AdEx AdaptiveState ExpIF",
    "rheobase.neurons.gated": "GatedState",
    "rheobase.neurons.glif": "GLIF GLIFState",
    "rheobase.neurons.hodgkin_huxley": "HodgkinHuxley",
    "rheobase.neurons.izhikevich": "Izhikevich RecoveryState",
    "rheobase.neurons.leaky": "CubaLI CubaLIF IF Integrator LI LIF SynapticState VoltageState",
    "rheobase.neurons.morris_lecar": "MorrisLecar MorrisLecarState",
    "rheobase.neurons.patterns": "AdExRow GLIFRow IzhikevichRow",
    "rheobase.neurons.quadratic": "AdQIF QIF",
    "rheobase.neurons.rates": "ExpLinearRate ExponentialRate FallingLinearRate SigmoidRate",
    "rheobase.neurons.traub_miles": "TraubMiles",
    "rheobase.origin": "Origin",
    "rheobase.patterns.experiment": "Experiment",
    "rheobase.plasticity.base": "Change Synapses Traces",
    "rheobase.plasticity.pair": "PairSTDP Trace",
    "rheobase.plasticity.reward": "RewardModulated RewardState",
    "rheobase.plasticity.short_term": "ReleaseState TsodyksMarkram",
    "rheobase.plasticity.triplet": "FastAndSlow TripletSTDP",
    "rheobase.plasticity.vogels": "VogelsSTDP",
    "rheobase.population": "Carry",
    "rheobase.provenance": "Provenance",
    "rheobase.record": "Events Record Recording RunState",
    "rheobase.steppers.base": "Flow",
    "rheobase.steppers.euler": "Euler",
    "rheobase.steppers.exact": "Exact",
    "rheobase.steppers.exponential": "ExponentialEuler",
    "rheobase.steppers.exponential_midpoint": "ExponentialMidpoint",
    "rheobase.steppers.heun": "Heun",
    "rheobase.steppers.implicit": "BackwardEuler CrankNicolson",
    "rheobase.steppers.midpoint": "Midpoint",
    "rheobase.steppers.runge_kutta": "Tableau",
    "rheobase.steppers.runge_kutta4": "RungeKutta4",
    "rheobase.stimulus.base": "Constant Grid Once PerStep Product Sum",
    "rheobase.stimulus.poisson": "Poisson Tabled",
    "rheobase.stimulus.random": "OrnsteinUhlenbeck",
    "rheobase.stimulus.steady": "FromArray Pulses Ramp Sine Step",
    "rheobase.surrogate.base": "Profile Range",
    "rheobase.surrogate.custom": "Custom",
    "rheobase.surrogate.peers": "Peer PeerFunction",
    "rheobase.surrogate.piecewise": "PiecewiseQuadratic Rectangle StraightThrough Triangle",
    "rheobase.surrogate.scaled": "Scaled",
    "rheobase.surrogate.smooth": (
        "Atan Erf Exponential FastSigmoid MultiGaussian Sigmoid SoftSign Tanh"
    ),
    "rheobase.synapses.conductance": "Conductance NMDA",
    "rheobase.synapses.coupled": "Coupled CoupledState",
    "rheobase.synapses.delta": "Delta",
    "rheobase.synapses.exponential": "Alpha DecayState DualExponential Exponential RiseState",
    "rheobase.synapses.gap_junction": "GapJunction GapState",
    "rheobase.synapses.graded": (
        "Binding HeldState InstantState Ionotropic OpenState Tanh VoltageTerminals"
    ),
    "rheobase.synapses.kinetic": (
        "AMPA BoundAndActiveState BoundState ConductanceState GABAA GABAB Terminals"
    ),
    "rheobase.synapses.spike": "FullAtSpike JumpState SpikeSynapse",
    "rheobase.systems.cable": "Cable CellState Inserted",
    "rheobase.systems.cells": "CellsState CoupledCells",
    "rheobase.systems.imposed": "Clamped Clamps",
    "rheobase.systems.point": "Timed",
    "rheobase.systems.probes": "Probe Probes",
    "rheobase.systems.projection": "Projection ProjectionState",
    "rheobase.systems.source": "Listed SourceState StepSource",
    "rheobase.systems.terminals": "Terminals",
    "rheobase.tasks.base": "Split Trained Work",
    "rheobase.time": "Clock",
    "rheobase.train.circuit": "Held",
    "rheobase.train.convolution": "Conv1d Conv2d Form",
    "rheobase.train.delays": "Delay Delays",
    "rheobase.train.dense": "Linear",
    "rheobase.train.driven": "Driven How",
    "rheobase.train.encoders": "Delta Direct Latency Poisson",
    "rheobase.train.evaluate": "Evaluation",
    "rheobase.train.fit": "FitResult",
    "rheobase.train.graph": "Edge Graph",
    "rheobase.train.history": "History",
    "rheobase.train.layers": "Passage Sequential",
    "rheobase.train.losses": "CrossEntropy MeanSquareRate SpikeBounds VanRossum VictorPurpura",
    "rheobase.train.method": "Judged Objective Plain",
    "rheobase.train.norm": "BatchNorm",
    "rheobase.train.recurrent": "Recurrent",
    "rheobase.train.rewire": "Rewiring",
    "rheobase.train.shaping": "Dropout Flatten Pool Reshape Skip Threshold",
    "rheobase.train.source": "Batch",
    "rheobase.train.weights": "HalfPrecision Quantised WeightNorm",
    "rheobase.trains": "Trains",
    "rheobase.units.roles": "Role",
}
"""By module: modules, states, enumerations and shapes."""

FUNCTIONS: dict[str, str] = {
    "rheobase.train.losses": (
        "cross_entropy mean_square_rate spike_bounds van_rossum victor_purpura"
    ),
    "rheobase.train.readouts": "first_spike last maximum mean spike_count",
}
"""By module: functions that a field may hold. A reader returns them and calls none."""

MOVED: dict[str, str] = {
    "rheobase.adaptors.reset_adaptation.ResetAdaptation": "rheobase.io.retired.ResetAdaptation",
    "rheobase.adaptors.reset_adaptation.ResetState": "rheobase.io.retired.ResetState",
    "rheobase.analysis.trains.Trains": "rheobase.trains.Trains",
    "rheobase.cable.arguments.Clamped": "rheobase.systems.imposed.Clamped",
    "rheobase.cable.arguments.Clamps": "rheobase.systems.imposed.Clamps",
    "rheobase.cable.arguments.Probe": "rheobase.systems.probes.Probe",
    "rheobase.cable.arguments.Probes": "rheobase.systems.probes.Probes",
    "rheobase.cable.cell.Cable": "rheobase.systems.cable.Cable",
    "rheobase.cable.cell.Inserted": "rheobase.systems.cable.Inserted",
    "rheobase.cable.step.CellState": "rheobase.systems.cable.CellState",
    "rheobase.devices.dynapse2.place.Violation": "rheobase.devices.dynapse2.limits.Violation",
    "rheobase.network.cells.CellsState": "rheobase.systems.cells.CellsState",
    "rheobase.network.cells.CoupledCells": "rheobase.systems.cells.CoupledCells",
    "rheobase.network.projection.Projection": "rheobase.systems.projection.Projection",
    "rheobase.network.projection.ProjectionState": "rheobase.systems.projection.ProjectionState",
    "rheobase.network.run.NetworkState": "rheobase.network.state.NetworkState",
    "rheobase.network.source.Listed": "rheobase.systems.source.Listed",
    "rheobase.network.source.SourceState": "rheobase.systems.source.SourceState",
    "rheobase.network.source.StepSource": "rheobase.systems.source.StepSource",
    "rheobase.network.terminals.Terminals": "rheobase.systems.terminals.Terminals",
    "rheobase.neurons.hodgkin_huxley.GatedState": "rheobase.neurons.gated.GatedState",
    "rheobase.plasticity.trace.TraceSTDP": "rheobase.plasticity.pair.PairSTDP",
    "rheobase.stimulus.random.Poisson": "rheobase.stimulus.poisson.Poisson",
    "rheobase.train.convolution._Form": "rheobase.train.convolution.Form",
    "rheobase.train.fit.History": "rheobase.train.history.History",
    "rheobase.train.layers.Linear": "rheobase.train.dense.Linear",
    "rheobase.train.layers.Recurrent": "rheobase.train.recurrent.Recurrent",
}
"""From names of old files to where the class stands now."""

_OURS = "rheobase."


def name_of(value: Any) -> str:
    """The name of a class or a function in a file."""
    return f"{value.__module__}.{value.__qualname__}"


def is_ours(name: str) -> bool:
    """Whether a name is one of the library."""
    return name.startswith(_OURS)


def current(name: str) -> str:
    """The name under which a class stands now."""
    return MOVED.get(name, name)


def is_known(name: str, table: dict[str, str] = KINDS) -> bool:
    """Whether a file may name this class; imports nothing."""
    module, _, last = current(name).rpartition(".")
    return last in table.get(module, "").split()


def found(name: str) -> Any:
    """The class or function of a name that is known."""
    module, _, last = current(name).rpartition(".")
    return getattr(importlib.import_module(module), last)
