"""Networks that are fitted like stacks of layers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.devices import dynapse2 as d2
from rheobase.errors import ArgumentError, ShapeError, StepperError, UnknownName
from rheobase.train import Driven
from rheobase.units import ms, mV, nA, um, uS

N_IN, STEPS = 16, 60


def data(samples=64, seed=0):
    """Spike trains whose rates rise or fall from channel to channel."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, samples)
    rising = np.linspace(0.02, 0.3, N_IN)
    rates = np.where(labels[:, None] == 1, rising, rising[::-1])
    return (random.random((samples, STEPS, N_IN)) < rates[:, None]).astype(np.float32), labels


def sparse(plasticity=(), out=2):
    current = rb.Exponential(tau=5 * ms)
    return rb.Network(
        {
            "in": rb.SpikeSource([] * ms, [], n=N_IN),
            "h": rb.Population(rb.LIF(), 20),
            "e": rb.Population(rb.LIF(), out),
        },
        [
            rb.Connection(
                "in", "h", rb.FixedProbability(0.5), current, weight=rb.Normal(0.5 * nA, 1 * nA),
                delay=1 * ms,
            ),
            rb.Connection(
                "h", "h", rb.FixedProbability(0.2), current, weight=rb.Uniform(0 * nA, 0.3 * nA),
                delay=rb.Uniform(1 * ms, 4 * ms), plasticity=plasticity,
            ),
            rb.Connection("h", "e", rb.Dense(), current, weight=rb.Normal(0.5 * nA, 0.5 * nA)),
        ],
        key=jax.random.key(1),
    )  # fmt: skip


def driven(network, out="e", dt=1 * ms):
    return Driven(network, dt=dt, into="in", out=out)


@pytest.mark.parametrize("plasticity", [(), rb.PairSTDP(w_max=1 * nA)])
def test_it_runs_as_simulate_does(plasticity):
    net, (x, _) = sparse(plasticity), data(2)
    spikes = driven(net)(jnp.moveaxis(jnp.asarray(x), 1, 0))
    assert spikes.sum() > 5
    for sample in range(2):
        step, who = np.nonzero(x[sample])
        source = rb.SpikeSource((step + 1) * ms, who, n=N_IN)
        told = eqx.tree_at(
            lambda n: (n.populations["in"].neuron, n.systems["in"]), net, (source, source)
        )
        record = {"e": rb.Record(spikes="raster")}
        run = rb.simulate(told, duration=STEPS * ms, dt=1 * ms, record=record)
        np.testing.assert_array_equal(spikes[:, sample], run["e"].spikes)


def test_a_sparse_network_with_delays_learns():
    net = sparse()
    x, labels = data(128)
    result = rb.fit(
        net, (x, labels), dt=1 * ms, into="in", out=rb.readouts.count("e"), epochs=6,
        batch_size=32, progress=False, optimizer=optax.adam(1e-2),
    )  # fmt: skip
    assert isinstance(result.model, rb.Network)
    moved = [
        bool(jnp.any(a.weight != b.weight))
        for a, b in zip(net.projections, result.model.projections, strict=True)
    ]
    assert all(moved)
    rate = rb.losses.cross_entropy("rate")
    fresh = data(128, seed=5)
    before, after = (
        rb.train.evaluate(driven(n), fresh, loss=rate).loss for n in (net, result.model)
    )
    assert after < 0.5 * before
    assert rb.train.evaluate(driven(result.model), fresh, loss=rate).accuracy > 0.85
    assert result.provenance.dt == 1.0


def test_conductances_and_pulses_stay_positive_and_neurons_train():
    net = rb.Network(
        {
            "in": rb.SpikeSource([] * ms, [], n=N_IN),
            "e": rb.Population(rb.LIF(), 3),
            "chip": rb.Population(d2.Neuron(), 2),
        },
        [
            rb.Connection(
                "in", "e", rb.Dense(), rb.Conductance(rb.Exponential(tau=5 * ms), 0 * mV),
                weight=rb.Uniform(1e-2 * uS, 3e-2 * uS),
            ),
            rb.Connection(
                "e", "chip", rb.Dense(), d2.AMPA(), weight=rb.Uniform(200 * nA, 900 * nA)
            ),
        ],
        key=jax.random.key(0),
    )  # fmt: skip
    result = rb.fit(
        net, data(32), dt=1 * ms, into="in", out=rb.readouts.count("chip"), epochs=2,
        batch_size=16, progress=False,
        trainable=lambda n: (
            [p.weight for p in n.projections],
            n.populations["e"].neuron.tau,
        ),
    )  # fmt: skip
    for before, after in zip(net.projections, result.model.projections, strict=True):
        assert jnp.all(after.weight > 0)
        assert jnp.any(after.weight != before.weight)
    tau = result.model.populations["e"].neuron.tau
    assert tau != net.populations["e"].neuron.tau
    assert result.model.systems["e"].neuron.tau == tau


def test_the_gradient_of_a_voltage_is_a_finite_difference(x64):
    """A network with a cell, read by the voltage of its point neurons below threshold."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH()).insert(ch.SpikeDetector())
    net = rb.Network(
        {
            "in": rb.SpikeSource([] * ms, [], n=1),
            "c": rb.Population(cell, 1),
            "p": rb.Population(rb.LI(), 1),
        },
        [
            rb.Connection(
                "in", "c", rb.Dense(), rb.Conductance(rb.Exponential(tau=2 * ms), 0 * mV),
                weight=1e-2 * uS,
            ),
            rb.Connection("c", "p", rb.Dense(), rb.Exponential(tau=5 * ms), weight=0.5 * nA),
        ],
    )  # fmt: skip
    x = jnp.zeros((800, 1, 1)).at[20].set(1.0)
    weight = lambda n: n.projections[1].weight  # noqa: E731

    def read(value):
        model = driven(eqx.tree_at(weight, net, jnp.asarray([value])), "p", 0.025 * ms)
        return model(x)[-1, 0, 0]

    at, h = 0.5, 1e-4
    slope = (read(at + h) - read(at - h)) / (2 * h)
    assert abs(slope) > 0.01
    np.testing.assert_allclose(jax.grad(read)(at), slope, rtol=1e-6)


def test_a_current_into_neurons():
    net = rb.Network({"in": rb.Population(rb.LIF(), 2)})
    x = jnp.full((50, 3, 2), 2.0)
    spikes = driven(net, "in")(x)
    run = rb.simulate(rb.LIF(), current=2 * nA, duration=50 * ms, dt=1 * ms)
    np.testing.assert_array_equal(spikes[:, 1, 0], run.spikes)


def test_what_is_wrong_is_refused():
    net, (x, labels) = sparse(), data(4)
    with pytest.raises(ArgumentError, match=r'dt=0.5\*ms, into="in", out=rb.readouts.count'):
        rb.fit(net, (x, labels))
    with pytest.raises(UnknownName, match="in `into`"):
        Driven(net, dt=1 * ms, into="inn", out="e")
    with pytest.raises(ShapeError, match="'in' has 16 neurons"):
        driven(net)(jnp.zeros((5, 1, 3)))
    with pytest.raises(ShapeError, match="got a list"):
        driven(net)([x])
    with pytest.raises(ArgumentError, match="one random key"):
        driven(net)(jnp.moveaxis(jnp.asarray(x), 1, 0), 1)
    with pytest.raises(ArgumentError, match="`out` is the name of a population"):
        Driven(net, dt=1 * ms, into="in", out=["e"])
    for wrong in ("Heun", rb.Heun, rb.CrankNicolson()):
        with pytest.raises(StepperError, match="Write "):
            Driven(net, dt=1 * ms, into="in", out="e", stepper=wrong)
    with pytest.raises(StepperError, match="rb.CrankNicolson()"):
        Driven(net, dt=1 * ms, into="in", out="e", rule=rb.Heun())
    with pytest.raises(StepperError, match="shorter than a step"):
        Driven(net, dt=5 * ms, into="in", out="e")
    with pytest.raises(ArgumentError, match="are for an rb.Network"):
        rb.fit(rb.Sequential(rb.Linear(N_IN, 2), rb.LI()), (x, labels), dt=1 * ms)
    with pytest.raises(ArgumentError, match="made anew from the populations"):
        rb.fit(
            net, (x, labels), dt=1 * ms, into="in", out="e", progress=False, batch_size=4,
            trainable=lambda n: n.systems["e"].neuron.tau,
        )  # fmt: skip


@pytest.mark.parametrize(
    "silent", [rb.LI(), rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak())]
)
def test_spikes_of_what_never_fires_are_not_read(silent):
    net = rb.Network({"in": rb.SpikeSource([] * ms, [], n=3), "e": rb.Population(silent, 2)})
    with pytest.raises(ArgumentError, match=r"never fires.*rb.readouts.voltage\(\"e\"\)"):
        driven(net, rb.readouts.count("e"))
    assert driven(net, "e").out.of == "v"


@pytest.mark.parametrize("door", [rb.gradients.value_and_grad, rb.train.evaluate])
def test_a_bare_network_is_told_to_become_a_model(door):
    with pytest.raises(ArgumentError, match=r"rb.train.Driven\(net"):
        door(sparse(), data(4))


@pytest.mark.parametrize("fires", [True, False])
def test_cells_are_read_as_neurons_are(fires):
    """Where no compartment fires what is read is their voltage, one for each cell."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak())
    cell = cell.insert(ch.Fire()) if fires else cell
    net = rb.Network(
        {"in": rb.SpikeSource([] * ms, [], n=3), "e": rb.Population(cell, 2)},
        rb.Connection("in", "e", rb.Dense(), rb.Exponential(tau=5 * ms), weight=0.05 * nA),
    )
    x = jnp.ones((30, 4, 3))
    out, v = driven(net, "e", 0.1 * ms)(x), driven(net, rb.readouts.voltage("e"), 0.1 * ms)(x)
    assert out.shape == v.shape == (30, 4, 2)
    assert (set(np.unique(out)) == {0, 1}) if fires else np.array_equal(out, v)
