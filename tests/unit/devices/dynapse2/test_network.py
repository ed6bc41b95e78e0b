"""Networks on the chip: streaming, gates, delays, depression, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import rheobase as rb
from rheobase.devices import dynapse2 as d2
from rheobase.errors import ArgumentError, ParameterError, ShapeError, StepperError, UnknownName
from rheobase.units import ms, nA
from tests.registry import slow_but

STRONG = {"Iscale": 100 * nA}


def events(n, batch=2, steps=200, rate=0.05, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.uniform(size=(steps, batch, n)) < rate).astype(np.float32)


def varied(mode="physical", n_in=12, n=5, **options):
    """A network that uses every kind of synapse."""
    rng = np.random.default_rng(4)

    def projection(pre):
        kinds = (
            {
                "slow": rng.uniform(size=(pre, n)) < 0.4,
                "delay": rng.integers(0, 3, (pre, n)),
                "depressing": rng.uniform(size=(pre, n)) < 0.4,
            }
            if mode == "physical"
            else {}
        )
        return d2.Projection(rng.normal(1, 2, (pre, n)).astype(np.float32), **kinds)

    return d2.Network(
        n_out=2, neuron=d2.Neuron(**STRONG, mode=mode), inputs=projection(n_in),
        synapses=projection(n), **options,
    )  # fmt: skip


@pytest.mark.parametrize("mode", slow_but(("compatible",), ("physical", "compatible")))
@pytest.mark.parametrize("cut", [pytest.param(1, marks=pytest.mark.slow), 77])
def test_two_runs_are_one(mode, cut):
    net, x = varied(mode), events(12)
    whole = net.run(x, record=("Imem",))
    first = net.run(x[:cut], record=("Imem",))
    rest = net.run(x[cut:], state=first.state, record=("Imem",))
    assert float(whole.spikes.sum()) > 10
    np.testing.assert_array_equal(whole.spikes, jnp.concatenate([first.spikes, rest.spikes]))
    np.testing.assert_allclose(
        whole.traces["Imem"],
        jnp.concatenate([first.traces["Imem"], rest.traces["Imem"]]),
        rtol=1e-5,
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["physical", "compatible"])
def test_a_batch_is_its_samples(mode):
    net, x = varied(mode), events(12, batch=3)
    together = net.run(x).spikes
    for k in range(3):
        np.testing.assert_array_equal(together[:, k], net.run(x[:, k : k + 1]).spikes[:, 0])


def single(weight, slow=None, **currents):
    return d2.Network(
        n_out=1,
        neuron=d2.Neuron(**STRONG, **currents),
        inputs=d2.Projection(jnp.asarray([[2.0], [weight]]), slow=slow),
    )


@pytest.mark.parametrize("slow", [False, True], ids=["GABA", "SHUNT"])
def test_inhibition_inhibits_afterwards(slow):
    x = np.zeros((200, 1, 2), np.float32)
    x[::2, 0, 0] = 1  # excitation at even steps
    excited = single(0.0).run(x).spikes.sum()
    x[1::2, 0, 1] = 1  # inhibition at odd ones
    mask = np.array([[False], [slow]])
    inhibited = single(-4.0, mask).run(x).spikes.sum()
    assert excited > 5
    assert inhibited < excited / 2


def test_inhibition_does_nothing_of_the_kind_in_the_mode_compatible():
    """A property of the peer that the mode keeps."""
    x = np.zeros((200, 1, 2), np.float32)
    x[::2, 0, 0] = 1
    neuron = d2.Neuron(mode="compatible")
    both = d2.Projection(jnp.asarray([[2.0], [-4.0]]))
    net = d2.Network(n_out=1, neuron=neuron, inputs=both)
    alone = net.run(x).spikes.sum()
    x[1::2, 0, 1] = 1
    assert net.run(x).spikes.sum() == alone


def test_nmda_waits_for_the_membrane():
    """Where If_nmda is large, slow excitation alone does not move the soma."""
    mask = np.array([[True], [False]])
    x = np.zeros((100, 1, 2), np.float32)
    x[:, 0, 0] = 1
    open_, shut = (
        single(0.0, mask, If_nmda=current).run(x).spikes.sum() for current in (1e-3 * nA, 900 * nA)
    )
    assert open_ > 3
    assert shut == 0


def test_delay_lines_shift_spikes():
    x = np.zeros((40, 1, 1), np.float32)
    x[3] = 1

    def at(line):
        projection = d2.Projection(jnp.full((1, 1), 50.0), delay=np.full((1, 1), line))
        net = d2.Network(n_out=1, neuron=d2.Neuron(**STRONG), inputs=projection,
                         delays=(0, 2, 7) * ms)  # fmt: skip
        return np.asarray(net.run(x, record=("Iampa",)).traces["Iampa"])[:, 0, 0]

    base = at(0)
    np.testing.assert_allclose(at(1)[2:], base[:-2], rtol=1e-6)
    np.testing.assert_allclose(at(2)[7:], base[:-7], rtol=1e-6)


def test_depression_follows_its_resource():
    d = d2.Depression(use=0.4, tau=100.0)
    r, seen = d.step(jnp.ones(()), jnp.ones(()), 1.0)
    assert float(seen) == 1
    assert float(r) == pytest.approx(1 - 0.4 * np.exp(-0.01))
    _, again = d.step(r, jnp.ones(()), 1.0)
    assert float(again) == pytest.approx(float(r))


@pytest.mark.slow
def test_gradients_reach_weights_and_currents():
    net, x = varied(), events(12)

    def loss(net):
        return net.run(x).output.sum()

    gradient = jax.grad(loss, allow_int=True)(net)
    for leaf in (gradient.inputs.weight, gradient.synapses.weight, gradient.neuron.Itau_mem):
        assert np.all(np.isfinite(leaf))
        assert np.abs(leaf).max() > 0
    # In the logarithm of a current: of the order of the spikes themselves.
    log = float(gradient.neuron.Igain_mem * net.neuron.Igain_mem)
    assert 0.01 < abs(log) < 1e4


@pytest.mark.slow
def test_gradients_below_threshold_are_those_of_finite_differences(x64):
    neuron = d2.Neuron(Ispkthr=900 * nA, **STRONG)
    net = d2.Network(n_in=4, n_out=2, gain=0.75, neuron=neuron)
    x = jnp.asarray(events(4, steps=40, rate=0.3), jnp.float64)

    def loss(weight):
        run = d2.Network(n_out=2, neuron=neuron, inputs=d2.Projection(weight)).run(x, record="Imem")
        return jnp.log(run.traces["Imem"][-1]).sum()

    assert float(net.run(x).spikes.sum()) == 0
    assert float(loss(net.inputs.weight)) > 4 * np.log(5e-4) + 1
    check_grads(loss, (net.inputs.weight,), order=1, modes="rev", eps=1e-6, rtol=1e-4)


@pytest.mark.slow
def test_a_chip_is_a_key():
    net, x = varied(), events(12)
    keys = jax.random.split(jax.random.key(3), 4)
    chips = jax.vmap(lambda key: d2.mismatch(net, 0.2, key=key).run(x).spikes.sum(0))(keys)
    for k, key in enumerate(keys):
        one = d2.mismatch(net, 0.2, key=key)
        np.testing.assert_array_equal(chips[k], one.run(x).spikes.sum(0))
        np.testing.assert_array_equal(
            one.inputs.weight, d2.mismatch(net, 0.2, key=key).inputs.weight
        )
    assert len({float(c.sum()) for c in chips}) > 1


@pytest.mark.parametrize("distribution", ["lognormal", "gaussian"])
def test_mismatch_has_the_spread_that_is_asked_for(distribution):
    chip = d2.mismatch(d2.Neuron(), 0.2, key=jax.random.key(0), n=20000, distribution=distribution)
    values = np.asarray(chip.Itau_mem)
    assert values.mean() == pytest.approx(float(d2.Neuron().Itau_mem), rel=0.01)
    assert values.std() / values.mean() == pytest.approx(0.2, rel=0.03)
    assert np.all(values > 0)
    assert np.corrcoef(values, np.asarray(chip.Igain_mem))[0, 1] < 0.05
    assert chip.C_mem.shape == ()
    two = d2.mismatch(chip, 0.1, key=jax.random.key(1), parameters="C_mem")
    assert two.C_mem.shape == (20000,)


@pytest.mark.slow
def test_it_trains_with_rb_fit():
    x = np.stack([events(6, 1, 60, 0.2, seed=k)[:, 0] for k in range(8)])
    net = d2.Network(n_in=6, n_out=2, neuron=d2.Neuron(**STRONG))
    result = rb.fit(
        net, (x, np.arange(8) % 2), loss=rb.losses.cross_entropy("rate"), epochs=2, batch_size=4,
        progress=False,
    )  # fmt: skip
    assert np.all(np.isfinite(result.history.train_loss))
    assert not np.array_equal(result.model.inputs.weight, net.inputs.weight)
    assert float(result.model.neuron.Itau_mem) != float(net.neuron.Itau_mem)


def test_errors_teach():
    net = d2.Network(n_in=4, n_out=2)
    with pytest.raises(ShapeError, match=r"x\[:, None\]"):
        net(np.zeros((10, 4)))
    with pytest.raises(UnknownName, match="Imem"):
        net.run(np.zeros((10, 1, 4)), record=("Imen",))
    with pytest.raises(ShapeError, match="`n_in`"):
        d2.Network(n_out=2)
    with pytest.raises(ParameterError, match="delay line"):
        d2.Projection(np.zeros((2, 2)), delay=[[0, 3], [0, 0]])
    with pytest.raises(ShapeError, match="`slow`"):
        d2.Projection(np.zeros((2, 2)), slow=[True])
    with pytest.raises(ArgumentError, match=r"rb.Mismatch"):
        d2.mismatch(rb.LIF(), 0.2, key=jax.random.key(0))  # pyright: ignore
    with pytest.raises(UnknownName, match="Itau_mem"):
        d2.mismatch(d2.Neuron(), 0.2, key=jax.random.key(0), parameters="Itau_men")
    with pytest.raises(ParameterError, match="0.2"):
        d2.mismatch(d2.Neuron(), -1.0, key=jax.random.key(0))


def left(batch=2, **options):
    return varied(**options).run(events(12, batch=batch)[:3]).state


OTHER_STATES = {
    "another number of neurons": (
        lambda: left(n=6), ArgumentError, "was 12 inputs, 6 neurons.*is 12 inputs, 5 neurons",
    ),
    "another number of inputs": (
        lambda: varied(n_in=9).run(events(9, batch=2)[:3]).state, ArgumentError, "was 9 inputs",
    ),
    "another mode": (lambda: left(mode="compatible"), ArgumentError, "compatible there, and is"),
    "another batch": (lambda: left(batch=3), ShapeError, r"\(3, 5\).*carries \(2, 5\)"),
    "another step": (lambda: left(dt=0.5 * ms), StepperError, r"write dt=0\.5\*ms"),
    "other delays": (
        lambda: left(delays=(0, 1, 9) * ms), ShapeError, r"inputs_before of `state` has the shape",
    ),
    "no recurrence": (
        lambda: d2.Network(
            n_out=2, neuron=d2.Neuron(**STRONG), inputs=varied().inputs, n_hidden=3
        ).run(events(12, batch=2)[:3]).state,
        ArgumentError, r"of another system: it (lacks|has).*Go on with the system",
    ),
    "the neurons alone": (lambda: left().neurons, ArgumentError, "Write state=run.state"),
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER_STATES)
def test_the_state_of_another_network_is_refused(what):
    make, error, text = OTHER_STATES[what]
    with pytest.raises(error, match=text):
        varied().run(events(12, batch=2)[:3], state=make())


def test_a_state_of_another_precision_is_refused():
    net, x = varied(), events(12, batch=2)[:3]
    state = net.run(x).state
    wide = jax.tree.map(lambda v: np.asarray(v, "float64") if v.dtype == jnp.float32 else v, state)
    with pytest.raises(ShapeError, match="type float64.*carries float32.*jax_enable_x64"):
        net.run(x, state=wide)
