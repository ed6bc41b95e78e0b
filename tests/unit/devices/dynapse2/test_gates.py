"""Chip neurons among the populations of a network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.devices import dynapse2 as d2
from rheobase.errors import ArgumentError, ParameterError
from rheobase.units import UnitError, ms, mV, nA, um, uS

DT = 1.0
STEPS, N_IN, N = 120, 6, 4


def events(seed):
    random = np.random.default_rng(seed)
    raster = (random.random((STEPS, N_IN)) < 0.15).astype(np.float32)
    raster[0] = raster[-1] = 0  # spikes act one step later here than those of a chip network
    return raster


def alone(mode, raster, weights, back):
    """The spikes of a chip network."""
    neuron = d2.Neuron(mode=mode)
    net = d2.Network(
        n_out=N,
        neuron=neuron,
        inputs=d2.Projection(weights),
        synapses=d2.Projection(back),
        dt=DT * ms,
    )
    return np.asarray(net(jnp.asarray(np.roll(raster, 1, axis=0))[:, None]))[:, 0]


def among(mode, raster, weights, back):
    """The same neurons as a population of a network, by gates."""
    step, who = np.nonzero(raster)
    trains = rb.SpikeSource((step + 1) * DT * ms, who, n=N_IN)
    scale = d2.Neuron().Iscale

    def through(pre, w):
        signs = (d2.AMPA, w > 0), (d2.GABA, w < 0)
        found = []
        for gate, chosen in signs:
            i, j = np.nonzero(chosen)
            weight = np.abs(w[i, j]) * np.asarray(scale) * nA
            found.append(rb.Connection(pre, "chip", rb.Pairs(i, j), gate(), weight=weight))
        return found

    chip = rb.Population(d2.Neuron(mode=mode), N)
    net = rb.Network({"in": trains, "chip": chip}, through("in", weights) + through("chip", back))
    record = {"chip": rb.Record(spikes="raster")}
    run = rb.simulate(net, duration=STEPS * DT * ms, dt=DT * ms, record=record)
    return np.asarray(run["chip"].spikes)


@pytest.mark.parametrize("mode", ["physical", "compatible"])
def test_a_population_of_them_is_a_chip_network(mode):
    random = np.random.default_rng(3)
    weights = random.uniform(-10, 30, (N_IN, N)).astype(np.float32)
    back = random.uniform(-10, 20, (N, N)).astype(np.float32)
    one, other = (f(mode, events(1), weights, back) for f in (alone, among))
    assert one.sum() > 20
    np.testing.assert_array_equal(np.minimum(one, 1), other)


def mixed(weight=300.0):
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH()).insert(ch.SpikeDetector())
    ampa = rb.Conductance(rb.Exponential(tau=2 * ms), 0 * mV)
    return rb.Network(
        {
            "in": rb.SpikeSource(np.arange(1, 20) * 2 * ms, np.arange(19) % 3, n=3),
            "p": rb.Population(rb.AdEx(), 5),
            "c": rb.Population(cell, 2),
            "chip": rb.Population(d2.Neuron(), 4),
        },
        [
            rb.Connection("in", "p", rb.Dense(), rb.Exponential(tau=5 * ms), weight=3 * nA),
            rb.Connection("p", "c", rb.Dense(), ampa, weight=2e-3 * uS),
            rb.Connection("c", "chip", rb.Dense(), d2.AMPA(), weight=weight * nA, delay=1 * ms),
            rb.Connection("chip", "p", rb.Dense(), rb.Exponential(tau=5 * ms), weight=-0.1 * nA),
        ],
    )


def test_points_cells_and_silicon_in_one_network():
    record = {name: rb.Record(spikes="raster") for name in ("p", "c", "chip")}
    record["chip"] = rb.Record(("Imem",), spikes="raster")
    run = rb.simulate(mixed(), duration=40 * ms, dt=0.025 * ms, record=record)
    assert all(run[name].counts.sum() > 0 for name in record)
    half = rb.simulate(mixed(), duration=20 * ms, dt=0.025 * ms, record=record)
    rest = rb.simulate(mixed(), duration=20 * ms, dt=0.025 * ms, record=record, state=half.final)
    both = np.concatenate([half["chip"].Imem, rest["chip"].Imem])
    np.testing.assert_array_equal(both, run["chip"].Imem)
    assert "PhysicalStep" in str(run.provenance)


def test_the_gradient_of_a_weight_is_a_finite_difference(x64):
    """Before anything fires on the chip: its current follows the weight smoothly."""

    def reached(weight):
        net = rb.Network(
            {
                "in": rb.SpikeSource(np.arange(1, 9) * ms, 0, n=1),
                "chip": rb.Population(d2.Neuron(), 1),
            },
            [rb.Connection("in", "chip", rb.Dense(), d2.AMPA(), weight=weight * nA)],
        )
        run = rb.simulate(net, duration=10 * ms, dt=0.1 * ms, record={"chip": ("Imem",)})
        return jnp.log(run["chip"].Imem[-1, 0])

    at, h = 80.0, 1e-3
    slope = (reached(at + h) - reached(at - h)) / (2 * h)
    assert abs(slope) > 1e-4
    np.testing.assert_allclose(jax.grad(reached)(at), slope, rtol=1e-5)


def connected(synapse, to="chip", weight=1 * nA):
    return rb.Network(
        {"p": rb.Population(rb.LIF(), 2), "chip": rb.Population(d2.Neuron(), 2)},
        [rb.Connection("p", to, rb.Dense(), synapse, weight=weight)],
    )


def test_only_gates_act_on_them_and_on_nothing_else():
    with pytest.raises(ArgumentError, match=r"are its own gates: write d2.AMPA\(\)"):
        connected(rb.Exponential(tau=5 * ms))
    with pytest.raises(ArgumentError, match="are its own gates"):
        connected(rb.Delta())
    with pytest.raises(ArgumentError, match="a gate of a chip neuron, which LIF does not have"):
        connected(d2.AMPA(), to="p")
    with pytest.raises(UnitError, match="the pulse of a gate is a current, measured in nA"):
        connected(d2.AMPA(), weight=1 * mV)
    with pytest.raises(ParameterError, match=r"never negative.*d2.GABA\(\)"):
        connected(d2.AMPA(), weight=-1 * nA)
    with pytest.raises(ArgumentError, match="no voltage that GapJunction could transmit"):
        rb.Network(
            {"p": rb.Population(rb.LIF(), 2), "chip": rb.Population(d2.Neuron(), 2)},
            [rb.Connection("chip", "p", rb.Dense(), rb.GapJunction(), weight=1e-3 * uS)],
        )
