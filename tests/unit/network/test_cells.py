"""Cells with a shape in networks: synapses on their compartments, and their spikes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.channels.base import exponential_euler
from rheobase.errors import ArgumentError, ShapeError, StepperError, UnknownName
from rheobase.units import MOhm, S, cm, ms, mV, nA, nS, um

DT = 0.025 * ms


def leaky(**more):
    cell = rb.Cell(rb.morphology.soma(radius=10 * um), v_init=-70 * mV)
    return cell.insert(ch.Leak(g=1e-4 * S / cm**2, e=-70 * mV)).insert(ch.Fire(**more))


def stick():
    cell = rb.Cell(rb.morphology.ball_and_stick(length=300 * um), max_length=50 * um)
    return cell.insert(ch.HH()).insert(ch.SpikeDetector(), at="soma")


def chain(synapse, weight, delay=None, post=None, at=None, **more):
    post = leaky() if post is None else post
    return rb.Network(
        {"a": rb.Population(leaky(), 1), "b": rb.Population(post, 1)},
        [rb.Connection("a", "b", rb.OneToOne(), synapse, weight=weight, delay=delay, at=at)],
        [rb.Drive("a", rb.stimulus.Step(0.5 * nA, stop=3 * ms))],
        **more,
    )


def simulate(net, record=("v",), duration=20 * ms, **more):
    record = {"a": rb.Record((), spikes="raster"), "b": record}
    return rb.simulate(net, duration=duration, dt=DT, record=record, **more)


@pytest.mark.parametrize("dt", [0.025, 2.0])
def test_a_spike_synapse_decays_exactly(dt, x64):
    """s jumps by one at each spike and decays with tau, for any dt; the current is w s."""
    steps = 20
    synapse = rb.SpikeSynapse(tau=3 * ms)
    state = synapse.init()
    state = synapse.arrive(state, jnp.asarray(1.0))
    for _ in range(steps):
        state = exponential_euler(synapse.derivative, state, dt)
    np.testing.assert_allclose(state.s, np.exp(-steps * dt / 3), rtol=1e-12)


def test_a_saturating_synapse_is_full_at_each_spike(x64):
    release = rb.SpikeSynapse(tau=3 * ms, saturating=True).release
    s, state = release.step(release.init(), jnp.asarray(1.0), 1.0)
    assert s == 1
    s, state = release.step(state, jnp.asarray(0.0), 1.0)
    np.testing.assert_allclose(s, np.exp(-1 / 3))
    s, _ = release.step(state, jnp.asarray(1.0), 1.0)
    assert s == 1


def test_positive_weights_excite_and_delays_are_kept():
    quick = simulate(chain(rb.SpikeSynapse(tau=5 * ms), 0.05 * nA))
    late = simulate(chain(rb.SpikeSynapse(tau=5 * ms), 0.05 * nA, delay=4 * ms))
    sent = int(np.flatnonzero(quick["a"].spikes[:, 0])[0])
    for run, delay in ((quick, 0), (late, 160)):
        moved = int(np.flatnonzero(run["b"].v[:, 0, 0] > -69.999)[0])
        assert sent + delay < moved <= sent + delay + 2
    assert simulate(chain(rb.SpikeSynapse(), -0.05 * nA))["b"].v.min() < -71


def test_synapses_act_where_they_are():
    """On the tip of a dendrite a synapse moves the tip more than the soma."""
    cell = stick()
    tip = cell.at("dendrite", path_distance=300 * um)
    synapse = rb.Conductance(rb.SpikeSynapse(tau=2 * ms), reversal=0 * mV)
    net = chain(synapse, 0.1 * nS, post=cell, at=tip)
    v = simulate(net, record={"v": [tip, "soma"], "HH.m": [tip]})["b"].v
    assert v.shape == (800, 1, 2)
    assert -50 > v[..., 0].max() > v[..., 1].max() + 0.02 > -64.98


def test_a_network_of_one_is_the_cell_alone(x64):
    cell = stick()
    soma = cell.at("soma")
    net = rb.Network({"b": rb.Population(cell, 2)}, drives=[
        rb.Drive("b", rb.stimulus.Constant([0.5, 1.0] * nA), at=soma)])  # fmt: skip
    run = rb.simulate(net, duration=10 * ms, dt=DT, record={"b": {"v": [soma]}})
    alone = rb.simulate(cell, current={soma: 1 * nA}, duration=10 * ms, dt=DT, record={"v": soma})
    np.testing.assert_allclose(run["b"].v[:, 1], alone.v, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(run["b"].counts, [1, 1])


def test_gap_junctions_pull_together(x64):
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak())
    pairs = rb.Pairs([0, 1], [1, 0])
    net = rb.Network(
        {"b": rb.Population(cell, 2)},
        [rb.Connection("b", "b", pairs, rb.GapJunction(), weight=3 * nS)],
        [rb.Drive("b", rb.stimulus.Constant([0.01, 0.0] * nA))],
    )
    run = rb.simulate(net, duration=100 * ms, dt=DT, record={"b": ("v",)})
    g, j = 3e-4 * 1e6 * 4 * np.pi * 100 * 1e-8, 3e-3
    expected = -70 + np.linalg.solve([[g + j, -j], [-j, g + j]], [0.01, 0.0])
    np.testing.assert_allclose(run["b"].v[-1, :, 0], expected, rtol=1e-5)


def test_synapses_spread_over_a_region():
    cell = stick()
    net = rb.Network(
        {"a": rb.Population(leaky(), 20), "b": rb.Population(cell, 3)},
        [rb.Connection("a", "b", rb.Dense(), rb.SpikeSynapse(), weight=0.1 * nA, at="dendrite")],
        key=jax.random.key(1),
    )
    target = np.asarray(net.projections[0].to.target)
    assert set(target // 6) == {0, 1, 2} and len(set(target % 6)) == 6
    rb.simulate(net, duration=1 * ms, dt=DT)


def excited(cell, n, synapses, synapse, weight, drive):
    return rb.Network(
        {"a": rb.Population(cell, n)},
        [rb.Connection("a", "a", rb.FixedInDegree(synapses), synapse, weight=weight)],
        [rb.Drive("a", rb.stimulus.Constant(drive))],
        key=jax.random.key(0),
    )


def of_sensible_size(net, weight, duration, dt):
    """Along the weights the derivative of the spikes is of the size of what stronger ones do."""

    @jax.jit
    @jax.value_and_grad
    def spikes(weight):
        changed = eqx.tree_at(lambda net: net.projections[0].weight, net, weight)
        record = {"a": rb.Record((), spikes="count")}
        run = rb.simulate(changed, duration=duration * ms, dt=dt * ms, record=record)
        return run["a"].counts.mean()

    value, slope = spikes(weight)
    real = (spikes(1.3 * weight)[0] - spikes(0.7 * weight)[0]) / 0.6
    assert value > duration / 100 and np.all(np.isfinite(slope)) and np.any(slope != 0)
    assert real / 3 < float(weight @ slope) < 10 * real
    assert np.linalg.norm(slope * weight) < 10 * float(weight @ slope)


def test_gradients_of_weights_are_of_sensible_size():
    """Of a recurrent network whose cells fire and are reset many times."""
    net = excited(leaky(refractory=2 * ms), 30, 5, rb.SpikeSynapse(tau=5 * ms),
                  np.full(150, 0.004) * nA, 0.05 * nA)  # fmt: skip
    of_sensible_size(net, jnp.full(150, 0.004), 50, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("cells", "duration"), [(1000, 100), (30, 1000)])
def test_they_are_in_large_and_in_long_runs(cells, duration):
    """In float32, of every weight, of cells that all fire and excite one another."""
    net = excited(leaky(refractory=2 * ms), cells, 10, rb.SpikeSynapse(tau=5 * ms),
                  np.full(10 * cells, 0.002) * nA, 0.05 * nA)  # fmt: skip
    of_sensible_size(net, jnp.full(10 * cells, 0.002), duration, 0.1)


@pytest.mark.slow
def test_a_thousand_cells_with_inhibition_have_finite_gradients():
    """Over a second in float32, with nothing clipped, within a factor of finite differences."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak()).insert(ch.Fire())
    synapse = rb.SpikeSynapse(tau=5 * ms)
    pairs = {("e", "e"): 1.0, ("e", "i"): 1.0, ("i", "e"): -4.0, ("i", "i"): -4.0}
    net = rb.Network(
        {"e": rb.Population(cell, 800), "i": rb.Population(cell, 200)},
        [rb.Connection(*pair, rb.FixedProbability(0.02), synapse, weight=by * 0.001 * nA)
         for pair, by in pairs.items()],
        [rb.Drive(name, rb.Normal(0.09 * nA, 0.01 * nA)) for name in "ei"],
        key=jax.random.key(0),
    )  # fmt: skip
    record = dict.fromkeys("ei", rb.Record("v", spikes="count", every=10))

    def loss(weights):
        changed = eqx.tree_at(lambda n: [p.weight for p in n.projections], net, weights)
        run = rb.simulate(changed, duration=1000 * ms, dt=0.1 * ms, record=record)
        counts = jnp.concatenate([run[name].counts for name in "ei"])
        return counts.mean() + sum(run[name].v.mean() for name in "ei"), counts

    weights = [p.weight for p in net.projections]
    slopes, counts = jax.jit(jax.grad(loss, has_aux=True))(weights)
    assert np.mean(counts > 0) > 0.9 and counts.mean() < 200
    value = jax.jit(lambda weights: loss(weights)[0])
    for k, (weight, slope) in enumerate(zip(weights, slopes, strict=True)):
        up, down = (
            value([w * by if i == k else w for i, w in enumerate(weights)]) for by in (1.3, 0.7)
        )
        assert slope.dtype == np.float32 and np.all(np.isfinite(slope))
        assert 1 / 3 < float(jnp.vdot(slope, weight)) / (float(up - down) / 0.6) < 3


@pytest.mark.slow
def test_they_are_through_action_potentials():
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH()).insert(ch.SpikeDetector())
    synapse = rb.Conductance(rb.SpikeSynapse(tau=5 * ms), reversal=0 * mV)
    net = excited(cell, 100, 10, synapse, np.full(1000, 0.1) * nS, np.linspace(0.1, 0.4, 100) * nA)
    of_sensible_size(net, jnp.full(1000, 1e-4), 100, 0.025)


@pytest.mark.slow
def test_a_spike_that_comes_earlier_has_an_exact_derivative(x64):
    """An action potential, and through a synapse the voltage of another cell."""
    detector = ch.SpikeDetector(window=1e6 * ms)
    sender = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH()).insert(detector)
    other = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak())
    synapse = rb.Conductance(rb.SpikeSynapse(tau=5 * ms), reversal=0 * mV)

    def reached(current):
        net = rb.Network(
            {"a": rb.Population(sender, 1), "b": rb.Population(other, 1)},
            [rb.Connection("a", "b", rb.OneToOne(), synapse, weight=5 * nS)],
            [rb.Drive("a", rb.stimulus.Constant(current * nA))],
        )
        run = rb.simulate(net, duration=8 * ms, dt=0.01 * ms, record={"b": ("v",)})
        return run["b"].v[-1, 0, 0]

    # Far enough apart that the spike, which stands on the grid, moves by many steps.
    real = (reached(0.33) - reached(0.27)) / 0.06
    np.testing.assert_allclose(jax.grad(reached)(0.3), real, rtol=0.05)


@pytest.mark.slow
def test_without_spikes_of_its_own_a_gradient_is_the_finite_difference(x64):
    """Of a weight onto a cell that is seen by a detector and stays below its threshold."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH()).insert(ch.SpikeDetector())
    synapse = rb.Conductance(rb.SpikeSynapse(tau=3 * ms), reversal=0 * mV)
    net = chain(synapse, 1 * nS, post=cell)

    @jax.jit
    def reached(weight):
        changed = eqx.tree_at(lambda net: net.projections[0].weight, net, weight[None])
        run = simulate(changed, {"v": ["soma"]}, 8 * ms)
        return run["b"].v[-1, 0, 0]

    step = 1e-7
    real = (reached(1e-3 + step) - reached(1e-3 - step)) / (2 * step)
    assert abs(real) > 1
    np.testing.assert_allclose(jax.jit(jax.grad(reached))(1e-3), real, rtol=1e-6)


def test_what_is_refused():
    silent = rb.Cell(rb.morphology.soma()).insert(ch.Leak())
    with pytest.raises(ArgumentError, match="never fires.*SpikeDetector"):
        rb.Network(
            {"a": rb.Population(silent, 1)},
            [rb.Connection("a", "a", rb.OneToOne(), rb.SpikeSynapse(), weight=1 * nA)],
        )
    with pytest.raises(ArgumentError, match="adds to the voltage of a point neuron"):
        chain(rb.Delta(), 1 * mV)
    with pytest.raises(ArgumentError, match="leave it out for a point neuron"):
        rb.Network(
            {"a": rb.Population(rb.LIF(), 1)},
            [rb.Connection("a", "a", rb.OneToOne(), rb.SpikeSynapse(), weight=1 * nA, at="soma")],
        )


def test_cells_start_where_they_are_told_and_are_kept_every_few_steps(x64):
    cell = stick()
    soma = cell.at("soma")

    def run(init=None, every=1, **more):
        net = rb.Network({"a": rb.Population(cell, 3)})
        record = {"a": rb.Record({"v": [soma], "HH.m": [soma]}, every=every)}
        return rb.simulate(net, duration=2 * ms, dt=DT, record=record, init=init, **more)["a"]

    whole = run({"a": {"v": [-75, -65, -55] * mV}})
    for k, v in enumerate((-75, -65, -55)):
        alone = rb.Cell(cell.compartments, v_init=v * mV).insert(ch.HH())
        expected = rb.simulate(alone, duration=2 * ms, dt=DT, record={"v": [soma], "HH.m": [soma]})
        for name in ("v", "HH.m"):
            np.testing.assert_allclose(whole[name][:, k], expected[name], rtol=1e-9)
    part = run({"a": {"v": [-75, -65, -55] * mV}}, every=16)
    assert part.v.shape == (5, 3, 1)
    np.testing.assert_array_equal(part.v, whole.v[15::16])
    with pytest.raises(ShapeError, match="size of the population, 3"):
        run({"a": {"v": [-75, -65] * mV}})
    with pytest.raises(UnknownName, match="HH.m"):
        run({"a": {"HH.m": 0.5}})


def test_cells_take_their_own_stepper(x64):
    cell = stick()
    soma = cell.at("soma")
    net = rb.Network({"a": rb.Population(cell, 1), "b": rb.Population(rb.LIF(), 1)},
                     drives=[rb.Drive("a", rb.stimulus.Constant(1 * nA))])  # fmt: skip
    alone = rb.simulate(cell, current={soma: 1 * nA}, duration=2 * ms, dt=DT,
                        record={"v": [soma]}, stepper=rb.BackwardEuler())  # fmt: skip
    for given in (rb.BackwardEuler(), (rb.Exact(), rb.BackwardEuler())):
        run = rb.simulate(net, duration=2 * ms, dt=DT, record={"a": {"v": [soma]}}, stepper=given)
        np.testing.assert_allclose(run["a"].v[:, 0], alone.v, rtol=1e-9)
    with pytest.raises(StepperError, match="one for neurons and one for cells"):
        rb.simulate(net, duration=2 * ms, dt=DT, stepper=(rb.Exact(), rb.Euler()))


@pytest.mark.slow
def test_cells_of_a_network_are_clamped_as_a_cell_alone(x64):
    """Through a series resistance, at once, and other variables, each cell at its own command."""
    cell = stick()
    soma, tip = cell.at("soma"), cell.at("dendrite", path_distance=290 * um)
    net = rb.Network(
        {"a": rb.Population(cell, 2), "b": rb.Population(stick(), 1)},
        [rb.Connection("a", "b", rb.Dense(), rb.SpikeSynapse(), weight=1 * nA)],
    )
    record = {"v": [soma, tip], "clamp": [soma]}

    def clamp(command):
        electrode = rb.VoltageClamp(command * mV, series_resistance=0.5 * MOhm)
        return {"v": {soma: electrode, tip: rb.stimulus.Constant(-60 * mV)}, "HH.h": {soma: 0.5}}

    more = {"duration": 5 * ms, "dt": DT, "stepper": rb.BackwardEuler()}
    whole = rb.simulate(net, record={"a": record}, clamp={"a": clamp([-40, 0])}, **more)["a"]
    for k, command in enumerate((-40, 0)):
        alone = rb.simulate(cell, record=record, clamp=clamp(command), **more)
        np.testing.assert_allclose(whole.v[:, k], alone.v, rtol=1e-9)
        np.testing.assert_allclose(whole["clamp"][:, k], alone["clamp"], rtol=1e-9)
    # Going on is one run; what is let go moves by itself.
    part = more | {"duration": 2.5 * ms}
    begun = rb.simulate(net, record={"a": record}, clamp={"a": clamp([-40, 0])}, **part)
    ended = rb.simulate(net, record={"a": record}, clamp={"a": clamp([-40, 0])},
                        state=begun.final, **part)  # fmt: skip
    np.testing.assert_array_equal(ended["a"].v, whole.v[100:])
    let = rb.simulate(net, record={"a": {"v": [soma]}}, state=begun.final, **part)
    assert np.ptp(let["a"].v[:, 0]) > 5


def test_clamps_are_refused_where_there_is_no_cell():
    cell = stick()
    net = rb.Network({"a": rb.Population(cell, 2), "b": rb.Population(rb.LIF(), 1)})
    for clamp, error, text in (
        ({"c": {}}, UnknownName, "clamp"),
        ({"b": {"v": {cell.at("soma"): 0 * mV}}}, ArgumentError, "LIF has none"),
        ([1], ArgumentError, r'clamp=\{"cells"'),
        ({"a": {"v": {cell.at("soma"): [1, 2, 3] * mV}}}, ShapeError, "size of population 'a', 2"),
    ):
        with pytest.raises(error, match=text):
            rb.simulate(net, clamp=clamp, duration=1 * ms, dt=DT)
