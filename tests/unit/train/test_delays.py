import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, StepperError, UnknownName
from rheobase.train.layers import advance, begin
from rheobase.units import DomainError, ms

STEPS, BATCH = 14, 3


def inputs(n, rate=0.3):
    return jnp.asarray(np.random.default_rng(0).uniform(size=(STEPS, BATCH, n)) < rate, float)


def stack(delays, n=4, width=5, recurrent=False, **more):
    first = rb.Linear(n, width, delays=None if recurrent else delays)
    hidden = rb.Recurrent(rb.LIF(), width, delays=delays) if recurrent else rb.LIF()
    return rb.Sequential(first, hidden, rb.Linear(width, 2), rb.LI(), dt=2 * ms, **more)


def with_times(model, place, time):
    return eqx.tree_at(lambda m: m.layers[place].delays.time, model, jnp.asarray(time))


@pytest.mark.parametrize("per", ["synapse", "axon"])
@pytest.mark.parametrize("time", [0.0, 3.0, 6.0, 8.0])
def test_a_delay_shifts_and_half_a_step_is_half_of_each(x64, per, time):
    layer = stack(rb.Delays(max=8 * ms, per=per)).layers[0]
    layer = eqx.tree_at(lambda l: l.delays.time, layer, jnp.full_like(layer.delays.time, time))
    x = inputs(4)
    y, _ = layer.advance(x, layer.begin(x, 2.0), 2.0, None)
    later, part = divmod(time / 2, 1)
    padded = jnp.concatenate([jnp.zeros((6, BATCH, 4)), x])
    begin_ = 6 - int(later)
    early, late = padded[begin_ : begin_ + STEPS], padded[begin_ - 1 : begin_ - 1 + STEPS]
    expected = ((1 - part) * early + part * late) @ layer.weight
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_each_synapse_has_its_own_delay(x64):
    layer = stack(rb.Delays(max=8 * ms)).layers[0]
    steps = np.random.default_rng(1).integers(0, 5, (4, 5))
    layer = eqx.tree_at(lambda l: l.delays.time, layer, jnp.asarray(2.0 * steps))
    x = inputs(4)
    y, _ = layer.advance(x, layer.begin(x, 2.0), 2.0, None)
    expected = np.zeros((STEPS, BATCH, 5))
    for t in range(STEPS):
        for i in range(4):
            for j in range(5):
                if t >= steps[i, j]:
                    expected[t, :, j] += x[t - steps[i, j], :, i] * layer.weight[i, j]
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_recurrent_spikes_arrive_after_their_delay(x64):
    model = stack(rb.Delays(max=8 * ms), recurrent=True)
    layer = model.layers[1]
    steps = np.random.default_rng(1).integers(1, 5, (5, 5))
    model = with_times(model, 1, 2.0 * steps)
    x = 8 * inputs(4)
    spikes = np.asarray(model.activity(x)[0].spikes)
    assert 0.05 < spikes.mean() < 0.8
    current, v = np.asarray(model.layers[0](x)), np.full((BATCH, 5), -65.0)
    for t in range(STEPS):
        now = current[t].copy()
        for i in range(5):
            for j in range(5):
                if t >= steps[i, j]:
                    now[:, j] += spikes[t - steps[i, j], :, i] * layer.weight[i, j]
        rest = -65.0 + 10 * now
        v = rest + (v - rest) * np.exp(-2.0 / 10)
        np.testing.assert_array_equal(v >= -50.0, spikes[t] > 0)
        v = np.where(v >= -50.0, -65.0, v)


@pytest.mark.parametrize(("longest", "per"), [(7.0, "synapse"), (8.0, "axon")])
def test_two_neighbouring_slots_are_what_the_triangle_reaches(x64, longest, per):
    layer = rb.Recurrent(rb.LIF(), 5, delays=rb.Delays(max=longest * ms, per=per))
    layer = layer.drawn(jax.random.key(0), 1.0, 2.0)
    time = np.broadcast_to([[0.0], [2.0], [longest], [4.0], [2.6]], layer.delays.time.shape)
    layer = eqx.tree_at(lambda l: l.delays.time, layer, jnp.asarray(time))
    taps = layer.delays.taps(2.0, 1) * layer.weight[None]
    np.testing.assert_allclose(layer.weights(2.0).dense(), taps, atol=1e-14)


@pytest.mark.parametrize("kernel", ["triangle", "gaussian"])
@pytest.mark.parametrize("per", ["synapse", "axon"])
def test_the_derivative_of_a_delay_is_that_of_finite_differences(x64, kernel, per):
    delays = rb.Delays(max=10 * ms, per=per, kernel=kernel, width=1.5)
    model = rb.Sequential(rb.Linear(3, 2, delays=delays), rb.LI(), dt=1 * ms)
    x = inputs(3)
    time = model.layers[0].delays.time
    direction = jnp.asarray(np.random.default_rng(2).normal(size=time.shape))

    def total(h):
        return jnp.sum(with_times(model, 0, time + h * direction)(x) ** 2)

    numeric = (total(1e-6) - total(-1e-6)) / 2e-6
    np.testing.assert_allclose(jax.grad(total)(0.0), numeric, rtol=1e-6)
    assert abs(numeric) > 1e-5


@pytest.mark.parametrize("recurrent", [False, True])
def test_going_on_keeps_what_is_on_its_way(x64, recurrent):
    model = stack(rb.Delays(max=8 * ms), recurrent=recurrent)
    x = 3 * inputs(4)
    first = advance(model, begin(model, x), x[:5], None)
    second = advance(model, first.carries, x[5:], None, first=5)
    together = jnp.concatenate([first.output, second.output])
    # Products of fewer rows may round otherwise in the last bit.
    np.testing.assert_allclose(together, model(x), rtol=1e-14)


def test_a_wide_kernel_becomes_one_slot():
    delays = rb.Delays(max=20 * ms, kernel="gaussian", width=5.0)
    layer = rb.Sequential(rb.Linear(3, 4, delays=delays), dt=1 * ms).layers[0]
    widths = [float(layer.delays.narrowed(p).width) for p in (0, 0.5, 1)]
    np.testing.assert_allclose(widths, [5, 1, 0.2], rtol=1e-6)
    taps = layer.delays.rounded(1.0, 0).taps(1.0, 0)
    np.testing.assert_allclose(taps.sum(axis=0), 1, rtol=1e-6)
    assert set(np.unique(taps)) == {0, 1}


@pytest.mark.slow
def test_delays_are_learned_stay_in_their_range_and_are_rounded(x64):
    random = np.random.default_rng(0)
    # The class is by how much the second channel follows the first: a delay tells them apart.
    labels = random.integers(0, 2, 128)
    x = np.zeros((128, 20, 2))
    begin_ = random.integers(0, 8, 128)
    x[np.arange(128), begin_, 0] = 20
    x[np.arange(128), begin_ + np.where(labels == 1, 8, 3), 1] = 20
    layer = rb.Linear(2, 12, delays=rb.Delays(max=10 * ms, kernel="gaussian", width=3.0))
    lif = rb.LIF(tau=3 * ms)
    model = rb.Sequential(layer, lif, rb.Linear(12, 2), rb.LI(tau=30 * ms), dt=1 * ms)
    import optax

    more = {"optimizer": optax.adam(0.05), "batch_size": 32, "progress": False, "epochs": 60}
    result = rb.fit(model, (x, labels), loss=rb.losses.cross_entropy("membrane"), **more)
    learned = result.model.layers[0].delays
    assert float(learned.width) == pytest.approx(0.2)
    assert np.abs(learned.time - model.layers[0].delays.time).mean() > 0.3
    assert learned.time.min() >= 0 and learned.time.max() <= 10
    loss = rb.losses.cross_entropy("membrane")
    assert rb.train.evaluate(result.model, (x, labels), loss=loss).accuracy > 0.95
    # Nothing keeps a delay from ending halfway between two steps, which rounding then moves.
    rounded = rb.train.rounded(result.model)
    assert rb.train.evaluate(rounded, (x, labels), loss=loss).accuracy > 0.7


def test_what_they_cannot_be_is_refused():
    with pytest.raises(ArgumentError, match=r"Write rb.Delays\(max=20\*ms\)"):
        rb.Recurrent(rb.LIF(), 4, delays=20 * ms)
    with pytest.raises(StepperError, match="shorter than a step of 2 ms"):
        stack(rb.Delays(max=1 * ms))
    with pytest.raises(UnknownName, match="gaussian"):
        rb.Delays(kernel="gausian")
    with pytest.raises(UnknownName, match="synapse"):
        rb.Delays(per="neuron")
    with pytest.raises(DomainError, match="greater than 0"):
        rb.Delays(max=-1 * ms)
    with pytest.raises(ArgumentError, match="needs a time step"):
        stack(rb.Delays(max=4 * ms)).layers[0](jnp.ones((2, 4)))
