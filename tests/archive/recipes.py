"""What the files of the archive hold, by family: run by the code of an old commit and by today's.

A recipe that a commit does not know yet is left out of its file. `runs` are what came out of a
simulation; their numbers belong to the commit.
"""

import jax
import numpy as np

import rheobase as rb
from rheobase.units import Hz, cm, ms, mV, nA, nS, um, uS

KEY = jax.random.key(3)
POINT = """LI LIF IF QIF ALIF GLIF AdEx AdQIF ExpIF CubaLI CubaLIF Integrator Izhikevich
    HodgkinHuxley TraubMiles MorrisLecar""".split()
SYNAPSES = """Exponential DualExponential Alpha AMPA GABAA GABAB SpikeSynapse Ionotropic Tanh
    Binding GapJunction""".split()
STEPPERS = """Euler ExponentialEuler Heun Midpoint RungeKutta4 Exact BackwardEuler
    CrankNicolson""".split()
MECHANISMS = """AdEx CaDynamics CaL CaL_GHK CaPump CaShells CaT Ca_HVA ExpSpike Fire HH Ih Im
    Izhikevich K KScheme Km Leak Na NaTa_t SK_E2 SpikeDetector TraubMiles""".split()


def of(module, names):
    return {name: getattr(module, name) for name in names if name in dir(module)}


def neurons():
    return of(rb, POINT) | {
        "varied": lambda: rb.LIF(tau=np.array([10.0, 20.0, 30.0]) * ms, v_th=-45 * mV),
        "surrogate": lambda: rb.LIF(spike=rb.surrogate.Sigmoid()),
        "refractory": lambda: rb.Refractory(rb.AdEx(v_T=-52 * mV), 2 * ms),
        "held": lambda: rb.Refractory(rb.LIF(), 2 * ms, hold="all"),
        "soft": lambda: rb.SoftReset(rb.LIF()),
        "reset": lambda: rb.SurrogateReset(rb.LIF()),
        "threshold": lambda: rb.ThresholdAdaptation(rb.GLIF(), 50 * ms, 2 * mV),
        "rate": lambda: rb.SpikeRateAdaptation(rb.LIF(), 50 * ms, 1 * nS, -85 * mV),
        "noise": lambda: rb.Noise(rb.LIF(), 0.05 * nA, 5 * ms),
        "white": lambda: rb.WhiteNoise(rb.LIF(), 0.05 * nA * ms**0.5),
        "mismatch": lambda: rb.Mismatch(rb.LIF(), 0.1, distribution="gaussian", key=KEY, n=3),
        "shallow": lambda: rb.ResetAdaptation(rb.LIF(), tau=100 * ms, increment=0.1),
        "chip": lambda: __import__("rheobase.devices.dynapse2").devices.dynapse2.Neuron(),
    }


def parts():
    from rheobase import stimulus as s

    shapes = [kind for kind in rb.surrogate.SHAPES if kind.__name__ != "Custom"]
    return of(rb, SYNAPSES) | of(rb, STEPPERS) | {kind.__name__: kind for kind in shapes} | {
        "conductance": lambda: rb.Conductance(rb.Alpha(), reversal=-80 * mV),
        "nmda": lambda: rb.NMDA(rb.DualExponential()),
        "scaled": lambda: rb.surrogate.Scaled(rb.surrogate.Sigmoid(), 0.5),
        "constant": lambda: s.Constant(np.array([1.0, 2.0]) * nA),
        "step": lambda: s.Step(2 * nA, start=2 * ms, stop=9 * ms),
        "ramp": lambda: s.Ramp(0 * nA, 4 * nA, start=1 * ms, stop=8 * ms),
        "sine": lambda: s.Sine(3 * nA, frequency=80 * Hz),
        "pulses": lambda: s.Pulses([1, 4, 8] * ms, 9 * nA, width=1 * ms),
        "array": lambda: s.FromArray(np.linspace(0, 4, 10) * nA, dt=1 * ms),
        "ornstein": lambda: s.OrnsteinUhlenbeck(2 * nA, 1 * nA, 3 * ms),
        "poisson": lambda: s.Poisson(100 * Hz, 5 * nA, sources=10),
        "sum": lambda: s.Constant(2 * nA) + s.Sine(3 * nA, frequency=80 * Hz),
        "product": lambda: s.Constant(2 * nA) * s.Step(1.0, stop=5 * ms),
        "record": lambda: rb.Record(("v", "w"), indices=(0, 2), every=10, spikes="count"),
        "pair": lambda: rb.PairSTDP(w_max=1 * nA, A_plus=0.02),
        "trace": lambda: rb.TraceSTDP(w_max=1 * mV, A_plus=0.01, target=0.4, mu=0.2),
        "triplet": lambda: rb.TripletSTDP(w_max=1 * nA),
        "vogels": lambda: rb.VogelsSTDP(w_max=1 * nA),
        "short": lambda: rb.TsodyksMarkram(),
        "normal": lambda: rb.Normal(1 * nA, 0.1 * nA),
        "uniform": lambda: rb.Uniform(1 * ms, 2 * ms),
        "lognormal": lambda: rb.LogNormal(1 * nA, 0.5 * nA),
        "pairs": lambda: rb.Pairs([3, 1, 1], [0, 2, 2]),
        "matrix": lambda: rb.Matrix(np.eye(3)),
        "gaussian": lambda: rb.GaussianProbability(0.9, sigma=80 * um),
        "total": lambda: rb.FixedTotal(100),
    }  # fmt: skip


def network(**extra):
    return rb.Network(
        {"e": rb.Population(rb.LIF(), 6), "i": rb.Population(rb.Refractory(rb.LIF(), 2 * ms), 2)},
        [
            rb.Connection("e", "i", rb.FixedInDegree(2), rb.Exponential(), weight=0.5 * nA),
            rb.Connection("i", "e", rb.Dense(), rb.Conductance(rb.Exponential(), -80 * mV),
                          weight=0.01 * uS, delay=1 * ms),
            rb.Connection("e", "e", rb.Dense(autapses=False), rb.Delta(), weight=0.1 * mV,
                          **extra),
        ],
        drives=[rb.Drive("e", rb.stimulus.Constant(2 * nA))],
        key=jax.random.key(1),
    )  # fmt: skip


def plastic():
    return network(plasticity=rb.PairSTDP(w_max=1 * mV), delay=1.5 * ms)


def networks():
    return {
        "plain": network,
        "plastic": plastic,
        "poisson": lambda: rb.Network(
            {"a": rb.Population(rb.LIF(), 3)},
            drives=[rb.Drive("a", rb.stimulus.Poisson(1000 * Hz, 1 * mV))],
        ),
    }


def layers():
    from rheobase import train

    return {
        "dense": lambda: rb.Sequential(rb.Linear(4, 6), rb.LIF(), key=KEY),
        "recurrent": lambda: rb.Sequential(
            rb.Linear(4, 6), rb.Recurrent(rb.LIF(), 6), rb.Linear(6, 2), rb.LI(), key=KEY
        ),
        "image": lambda: rb.Sequential(
            rb.Conv2d(1, 2, kernel=3),
            rb.LIF(),
            rb.Pool(2),
            rb.Flatten(),
            rb.Dropout(0.1),
            rb.Linear(2, 2),
            rb.LI(),
            key=KEY,
        ),
        "sound": lambda: rb.Sequential(rb.Conv1d(1, 2, kernel=3), rb.LIF(), key=KEY),
        "delays": lambda: rb.Sequential(
            rb.Linear(4, 3, delays=rb.Delays(5 * ms)), rb.LIF(), key=KEY
        ),
        "norm": lambda: rb.Sequential(rb.Linear(4, 3), rb.BatchNorm(3), rb.LIF(), key=KEY),
        "sparse": lambda: rb.Sequential(rb.Linear(4, 6, density=0.5), rb.LIF(), key=KEY),
        "quantised": lambda: rb.Sequential(rb.Quantised(rb.Linear(4, 3)), rb.LIF(), key=KEY),
        "graph": lambda: rb.Graph(
            nodes={"a": rb.LIF(), "b": rb.LIF()},
            edges={("input", "a"): rb.Linear(4, 3), ("a", "b"): rb.Linear(3, 2)},
            feedback={("b", "a"): rb.Linear(2, 3)},
            output="b",
        ),
        "cross": lambda: train.losses.CrossEntropy(),
        "rate": lambda: train.losses.MeanSquareRate(),
        "rossum": lambda: train.losses.VanRossum(),
        "surrogate": lambda: rb.gradients.Surrogate(checkpoint=10),
        "exact": lambda: rb.gradients.Exact(),
        "eprop": lambda: rb.gradients.EProp(),
        "direct": lambda: rb.encoders.Direct(5 * ms),
        "latency": lambda: rb.encoders.Latency(5 * ms),
    }


def cell(*channels):
    tree = rb.morphology.ball_and_stick(length=100 * um)
    made = rb.Cell(tree, max_length=50 * um)
    for channel, place in channels:
        made = made.insert(channel, at=place)
    return made


def cells():
    from rheobase import channels as ch

    def in_network():
        made = cell((ch.Leak(), "all"), (ch.Fire(), "soma"))
        return rb.Network(
            {"c": rb.Population(made, 2)},
            [rb.Connection("c", "c", rb.Dense(), rb.Exponential(), weight=0.1 * nA,
                           at=made.at("dendrite"))],
        )  # fmt: skip

    return of(ch, MECHANISMS) | {
        "tree": lambda: rb.morphology.ball_and_stick(length=100 * um),
        "passive": lambda: cell((ch.Leak(), "all")),
        "active": lambda: cell((ch.Leak(), "all"), (ch.HH(), "soma")),
        "warm": lambda: cell((ch.Q10(ch.HH()), "soma")),
        "diffusing": lambda: cell((ch.Diffusing(ch.CaDynamics()), "all")),
        "firing": lambda: cell((ch.Leak(), "all"), (ch.Fire(), "soma")),
        "clamp": lambda: rb.VoltageClamp(-40 * mV),
        "network": in_network,
        "density": lambda: ch.Leak(g=1e-4 * 1e6 * uS / cm**2),
    }


def chip():
    from rheobase.devices import dynapse2 as d2

    def fields(**parts):
        return lambda: d2.Neuron(**{name: make() for name, make in parts.items()})

    return {
        "compatible": lambda: d2.Neuron(mode="compatible"),
        "alpha": fields(alpha_ampa=lambda: d2.Alpha()),
        "conductance": fields(conductance=lambda: d2.Conductance()),
        "homeostasis": fields(homeostasis=lambda: d2.Homeostasis()),
    }


def short(model, **more):
    return rb.simulate(model, duration=4 * ms, dt=0.1 * ms, **more)


def runs():
    def active():
        ch = rb.channels
        return cell((ch.HH(), "soma"), (ch.SpikeDetector(), "soma"))

    return {
        "neuron": lambda: short(rb.LIF(), n=2, current=4 * nA, record="v"),
        "state": lambda: short(rb.Refractory(rb.AdEx(), 2 * ms), current=1 * nA).final,
        "noise": lambda: short(rb.Noise(rb.LIF(), 0.05 * nA, 5 * ms), key=KEY).final,
        "held": lambda: short(rb.HodgkinHuxley(), current=0.1 * nA).final,
        "network": lambda: short(plastic()).final,
        "networks": lambda: short(network(), record={"e": ("v",)}),
        "cell": lambda: short(active()).final,
    }


FAMILIES = (neurons, parts, networks, layers, cells, chip, runs)
