import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ParameterError, ShapeError, UnknownName
from rheobase.units import DomainError, UnitError, ms

CODES = ("rate", "membrane", "max", "first_spike")


def one_spike(at, steps=400):
    return jnp.zeros((steps, 1, 1)).at[at].set(1)


@pytest.mark.parametrize("code", CODES)
def test_cross_entropy_of_equal_scores_is_the_logarithm_of_their_number(code):
    loss = rb.losses.cross_entropy(code)
    output = jnp.zeros((6, 4, 7))
    np.testing.assert_allclose(loss(output, jnp.arange(4)), np.log(7), rtol=1e-6)


@pytest.mark.parametrize(
    ("code", "scores"),
    [("rate", [3, 1]), ("membrane", [0.75, 0.25]), ("max", [1, 1]), ("first_spike", [-1, 0])],
)
def test_cross_entropy_of_what_the_code_reads(code, scores):
    spikes = jnp.asarray(np.array([[0, 1], [1, 0], [1, 0], [1, 0]], np.float32)[:, None])
    expected = np.log(np.exp(scores).sum()) - scores[0]
    found = rb.losses.cross_entropy(code)(spikes, jnp.array([0]))
    np.testing.assert_allclose(found, [expected], rtol=1e-6)


def test_temperature_divides_the_scores():
    output = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3, 4)), jnp.float32)
    target = jnp.array([0, 1, 3])
    warm = rb.losses.cross_entropy("membrane", temperature=2.5)(output, target)
    np.testing.assert_allclose(
        warm, rb.losses.cross_entropy("membrane")(output / 2.5, target), rtol=1e-6
    )


def test_the_largest_score_is_the_prediction():
    output = jnp.asarray(np.array([[[0.0, 2, 1], [5, 1, 2]]], np.float32))
    correct = rb.losses.cross_entropy("max").correct(output, jnp.array([1, 2]))
    assert correct.tolist() == [True, False]


@pytest.mark.parametrize("dt", [1.0, 0.25])
def test_van_rossum_distances_in_closed_form(dt):
    loss = rb.losses.van_rossum(10 * ms, dt * ms)
    none, steps = jnp.zeros((400, 1, 1)), round(7 / dt)
    np.testing.assert_allclose(loss(one_spike(3), none), 0.5, rtol=1e-5)
    np.testing.assert_allclose(loss(one_spike(399), none), 0.5, rtol=1e-5)
    np.testing.assert_allclose(
        loss(one_spike(20), one_spike(20 + steps)), 1 - np.exp(-7 / 10), rtol=1e-5
    )
    assert loss(one_spike(20), one_spike(20)).tolist() == [0]


def test_van_rossum_is_the_integral_of_filtered_trains():
    random = np.random.default_rng(0)
    f, g = (random.uniform(size=(60, 2, 3)) < 0.1 for _ in range(2))
    fine = np.linspace(0, 400, 400_001)
    spikes = np.arange(1, 61)
    kernel = np.where(
        fine >= spikes[:, None], np.exp(-np.maximum(fine - spikes[:, None], 0) / 8), 0
    )
    difference = np.einsum("tbn,tx->bnx", f.astype(float) - g, kernel)
    expected = np.trapezoid(difference**2, fine, axis=-1).sum(-1) / 8
    found = rb.losses.van_rossum(8 * ms)(jnp.asarray(f, float), jnp.asarray(g, float))
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def distance(one, two, q):
    """The recursion of Victor and Purpura, as it is written, for times in ms."""
    table = np.zeros((len(one) + 1, len(two) + 1))
    table[0], table[:, 0] = np.arange(len(two) + 1), np.arange(len(one) + 1)
    for i, t in enumerate(one):
        for j, u in enumerate(two):
            deleted, added, moved = table[i, j + 1] + 1, table[i + 1, j] + 1, table[i, j]
            table[i + 1, j + 1] = min(deleted, added, moved + q * abs(t - u))
    return table[-1, -1]


@pytest.mark.parametrize("dt", [1.0, 0.5])
@pytest.mark.parametrize("q", [0.01, 0.15, 3.0])
def test_victor_purpura_is_its_recursion(dt, q):
    random = np.random.default_rng(0)
    f, g = (random.uniform(size=(70, 3, 4)) < rate for rate in (0.1, 0.25))
    f[:, 0, 0] = g[:, 1, 1] = False
    loss = rb.losses.victor_purpura(q / ms, dt * ms)
    found = loss(jnp.asarray(f, "float32"), jnp.asarray(g, "float32"))
    for sample in range(3):
        pairs = ((np.flatnonzero(x[:, sample, i]) * dt for x in (f, g)) for i in range(4))
        expected = sum(distance(*pair, q) for pair in pairs)
        np.testing.assert_allclose(found[sample], expected, rtol=1e-5)


def test_victor_purpura_in_closed_form():
    random = np.random.default_rng(1)
    f, g, h = (jnp.asarray(random.uniform(size=(90, 5, 2)) < 0.15, "float32") for _ in range(3))
    few, many = rb.losses.victor_purpura(1e-7 / ms), rb.losses.victor_purpura(1e3 / ms)
    # Free moves leave the difference of counts, unaffordable ones what does not coincide.
    counts = jnp.abs(f.sum(0) - g.sum(0)).sum(-1)
    np.testing.assert_allclose(few(f, g), counts, atol=1e-3)
    np.testing.assert_allclose(many(f, g), jnp.abs(f - g).sum((0, 2)), rtol=1e-6)
    loss = rb.losses.victor_purpura(0.2 / ms)
    for apart, cost in ((0, 0.0), (7, 1.4), (10, 2.0), (30, 2.0)):
        np.testing.assert_allclose(loss(one_spike(20), one_spike(20 + apart)), cost, rtol=1e-5)
    np.testing.assert_allclose(loss(f, g), loss(g, f), rtol=1e-6)
    assert bool((loss(f, h) <= loss(f, g) + loss(g, h) + 1e-4).all())
    assert loss(f, f).tolist() == [0] * 5


def test_victor_purpura_judges_and_does_not_train():
    model = rb.Sequential(rb.Linear(3, 2), rb.LIF())
    data = np.ones((8, 20, 3)), np.zeros((8, 20, 2), np.float32)
    loss = rb.losses.victor_purpura()
    assert rb.train.evaluate(model, data, loss=loss).loss >= 0
    with pytest.raises(ArgumentError, match=r"no derivative.*van_rossum\(10\*ms\)"):
        rb.fit(model, data, loss=loss, batch_size=8, epochs=1, progress=False)


def test_mean_square_rate_is_in_hertz():
    spikes = jnp.zeros((500, 2, 3)).at[:100].set(1)  # 200 Hz at 1 ms, 400 Hz at 0.5 ms
    loss = rb.losses.mean_square_rate(0.5 * ms)
    np.testing.assert_allclose(loss(spikes, jnp.array([400.0, 390])), [0, 100], atol=1e-2)
    target = jnp.array([[400.0, 400, 430], [400, 400, 400]])
    np.testing.assert_allclose(loss(spikes, target), [300, 0], rtol=1e-4, atol=1e-2)


def test_spike_bounds():
    counts = jnp.array([[0.0, 2, 30], [1, 2, 10]])  # means 0.5, 2, 20
    spikes = jnp.zeros((40, 2, 3)).at[0].set(counts)
    few = rb.losses.spike_bounds(lower=1.5, strength=3)
    many = rb.losses.spike_bounds(upper=12, strength=3)
    np.testing.assert_allclose(few((spikes,)), 3 * 1.0**2 / 3, rtol=1e-6)
    np.testing.assert_allclose(many((spikes, spikes)), 2 * 3 * 8.0**2 / 3, rtol=1e-6)
    assert rb.losses.spike_bounds(lower=0.5, upper=20)((spikes,)) == 0


LOSSES = [
    *(rb.losses.cross_entropy(code) for code in CODES),
    rb.losses.van_rossum(5 * ms),
    rb.losses.mean_square_rate(100 * ms),
]


@pytest.mark.parametrize("loss", LOSSES, ids=[*CODES, "van_rossum", "rate"])
def test_gradients_are_those_of_finite_differences(x64, loss):
    random = np.random.default_rng(0)
    output, along = (jnp.asarray(random.uniform(size=(8, 3, 4))) for _ in range(2))
    target = {
        rb.losses.VanRossum: jnp.asarray(random.uniform(size=(8, 3, 4))),
        rb.losses.MeanSquareRate: jnp.asarray(random.uniform(size=(3, 4))),
        rb.losses.CrossEntropy: jnp.array([0, 3, 1]),
    }[type(loss)]

    def total(output):
        return loss(output, target).sum()

    h = 1e-6
    expected = (total(output + h * along) - total(output - h * along)) / (2 * h)
    np.testing.assert_allclose(jnp.sum(jax.grad(total)(output) * along), expected, rtol=1e-6)


def test_gradient_of_spike_bounds(x64):
    random = np.random.default_rng(0)
    spikes, along = (jnp.asarray(random.uniform(size=(8, 3, 4))) for _ in range(2))
    bounds = rb.losses.spike_bounds(lower=4, upper=4.3, strength=1)
    h = 1e-6
    expected = (bounds((spikes + h * along,)) - bounds((spikes - h * along,))) / (2 * h)
    found = jnp.sum(jax.grad(lambda s: bounds((s,)))(spikes) * along)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_what_is_wrong_is_said():
    with pytest.raises(UnknownName, match="Did you mean 'membrane'"):
        rb.losses.cross_entropy("membrain")
    with pytest.raises(DomainError, match=r"Write cross_entropy\(temperature=1.0\)"):
        rb.losses.cross_entropy("max", temperature=0)
    with pytest.raises(UnitError, match=r"Write van_rossum\(10\*ms\)"):
        rb.losses.van_rossum(10)
    with pytest.raises(ArgumentError, match="one number"):
        rb.losses.van_rossum([1, 2] * ms)
    with pytest.raises(ParameterError, match=r"spike_bounds\(lower=0.5, upper=20\)"):
        rb.losses.spike_bounds(lower=5, upper=2)


@pytest.mark.parametrize(
    ("loss", "targets", "text"),
    [
        (rb.losses.cross_entropy(), np.array([0, 10]), r"Write Linear\(..., 11\) before it\."),
        (rb.losses.cross_entropy(), np.array([1, 10]), "or labels from 0"),
        (rb.losses.cross_entropy(), np.array([-1, 3]), "from -1 to 3"),
        (rb.losses.cross_entropy(), np.array([0.0, 1]), r"Write targets.astype\(int\)"),
        (rb.losses.cross_entropy(), np.eye(10, dtype=int), r"targets.argmax\(-1\)"),
        (rb.losses.van_rossum(), np.zeros((2, 10)), r"\(samples, 20, 10\), got \(2, 10\)"),
        (rb.losses.victor_purpura(), np.zeros((2, 9, 10)), r"victor_purpura.*\(samples, 20, 10\)"),
        (rb.losses.mean_square_rate(), np.zeros((2, 9)), r"\(samples, 10\) or \(samples,\)"),
    ],
)
def test_targets_that_do_not_fit_the_output(loss, targets, text):
    with pytest.raises(ShapeError, match=text):
        loss.check(targets, (20, 2, 10))
