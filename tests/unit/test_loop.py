"""`rheobase.loop.scan` is `jax.lax.scan`: in values, in derivatives and under every transform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.loop import scan

LENGTH = 6
XS = np.linspace(-1.0, 1.5, LENGTH).astype(np.float32)
RATE = np.float32(0.7)


def plain(c, x):
    return RATE * c + x, c - x


def tree_of_everything(carry, xs):
    a, rest = carry["a"], carry["rest"]
    x, (y,) = xs
    fresh = {"a": jnp.sin(a) + x, "rest": (rest[0] * 2 + 1, jnp.logical_not(rest[1]))}
    return fresh, (a, {"sum": a + y.sum(), "none": None})


def called_twice(c, x):
    inner = jax.jit(lambda u, v: u * jnp.exp(-v) + RATE)
    return inner(inner(c, x), jnp.abs(c)), inner(x, c)


def branches(c, x):
    y = jax.lax.cond(x > 0, lambda u: u * 2, lambda u: u - RATE, c)
    return y, jax.lax.while_loop(lambda u: u < 3, lambda u: u + 1 + x**2, y)


@jax.custom_jvp
def halved(x):
    return x / 2


@halved.defjvp
def _(primals, tangents):
    return halved(*primals), 10 * tangents[0]


def with_custom_jvp(c, x):
    return halved(c) + x, halved(RATE) * c


def invariants(c, x):
    """Decay factors, broadcasts and divisors that do not change, as a model has them."""
    tau = jnp.broadcast_to(jnp.asarray(RATE), c.shape)
    decay = jnp.exp(-0.1 / tau)
    table = jnp.linspace(0.0, 1.0, 3).astype(c.dtype)
    drift = jnp.exp(-c) / tau / jnp.sum(table)
    return decay * c + (1 - decay) * x, drift + jnp.where(tau > 0, c, x) / (tau + 1)


def loop_inside(c, x):
    total, _ = jax.lax.scan(lambda s, y: (s * RATE + y, None), c, jnp.arange(3, dtype=c.dtype))
    return total * 0.1 + x, None


def nothing_varies(c, x):
    return c, jnp.cos(RATE)


BODIES = {
    "plain": (plain, np.float32(0.3), XS),
    "tree": (
        tree_of_everything,
        {"a": np.float32(1), "rest": (np.int32(3), np.bool_(True))},
        (XS, [np.stack([XS, 2 * XS], axis=1)]),
    ),
    "called twice": (called_twice, np.float32(0.1), XS),
    "branches": (branches, np.float32(0.2), XS),
    "custom_jvp": (with_custom_jvp, np.float32(0.2), XS),
    "invariants": (invariants, np.linspace(0, 1, 4).astype(np.float32), np.stack([XS] * 4, 1)),
    "loop inside": (loop_inside, np.float32(0.2), XS),
    "nothing varies": (nothing_varies, np.float32(0.2), XS),
}
bodies = pytest.mark.parametrize("name", BODIES)


def assert_same(one, two, rtol=2e-6):
    assert jax.tree.structure(one) == jax.tree.structure(two)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype and a.weak_type == b.weak_type
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)


def both(name, transform=lambda f: f):
    body, carry, xs = BODIES[name]
    carry, xs = jax.tree.map(jnp.asarray, (carry, xs))
    return [transform(lambda c, x, f=f: f(body, c, x, LENGTH))(carry, xs) for f in (scan, lax)]


def lax(body, carry, xs, length):
    return jax.lax.scan(body, carry, xs, length=length)


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["eager", "jit"])
@bodies
def test_values_are_those_of_the_plain_scan(name, transform):
    assert_same(*both(name, transform))


@bodies
def test_vmap_is_that_of_the_plain_scan(name):
    def transform(f):
        def wide(carry, xs):
            carry, xs = jax.tree.map(lambda v: jnp.stack([v, v, v]), (carry, xs))
            return jax.vmap(f)(carry, xs)

        return jax.jit(wide)

    assert_same(*both(name, transform))


@pytest.mark.parametrize(
    "name, mode",
    # A while loop has no reverse mode.
    [(n, m) for n in BODIES for m in ("reverse", "forward") if (n, m) != ("branches", "reverse")],
)
def test_derivatives_are_those_of_the_plain_scan(name, mode):
    def transform(f):
        def objective(floats, rest):
            carry, xs = jax.tree.map(
                lambda a, b: b if a is None else a, floats, rest, is_leaf=lambda x: x is None
            )
            leaves = jax.tree.leaves(f(carry, xs))
            return sum(jnp.sum(jnp.sin(x)) for x in leaves if jnp.issubdtype(x.dtype, jnp.floating))

        def derivative(carry, xs):
            floats = jax.tree.map(
                lambda x: x if jnp.issubdtype(x.dtype, jnp.floating) else None, (carry, xs)
            )
            if mode == "reverse":
                return jax.grad(objective)(floats, (carry, xs))
            ones = jax.tree.map(jnp.ones_like, floats)
            return jax.jvp(lambda a: objective(a, (carry, xs)), (floats,), (ones,))

        return jax.jit(derivative)

    assert_same(*both(name, transform), rtol=1e-5)


@pytest.mark.parametrize("mode", ["grad", "grad of grad"])
def test_gradients_reach_what_is_constant_in_the_loop(mode):
    def objective(f, tau):
        def body(c, x):
            c = jnp.exp(-0.1 / tau) * c + x / tau
            return c, c * tau

        return jnp.sum(f(body, jnp.float32(0.5), jnp.asarray(XS), LENGTH)[1] ** 2)

    take = jax.grad if mode == "grad" else lambda f: jax.grad(jax.grad(f))
    found = [jax.jit(take(lambda tau, f=f: objective(f, tau)))(0.8) for f in (scan, lax)]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_random_numbers_are_the_same():
    key = jax.random.key(3)

    def body(c, number):
        frozen = jax.random.normal(key, (2,))
        fresh = jax.random.uniform(jax.random.fold_in(key, number), (2,))
        return c + frozen * fresh, jax.random.split(jax.random.fold_in(key, 0))

    numbers = jnp.arange(LENGTH)
    (sums, keys), (expected, others) = (f(body, jnp.zeros(2), numbers, LENGTH) for f in (scan, lax))
    np.testing.assert_allclose(sums, expected, rtol=1e-6)
    np.testing.assert_array_equal(jax.random.key_data(keys), jax.random.key_data(others))


def test_a_key_may_be_carried():
    def body(key, _):
        key, mine = jax.random.split(key)
        return key, jax.random.normal(mine)

    found, expected = (f(body, jax.random.key(1), None, LENGTH) for f in (scan, lax))
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("xs", [None, np.zeros((0, 2), np.float32)], ids=["no input", "empty"])
def test_no_steps_at_all(xs):
    def body(c, x):
        return c + 1, (c * RATE if x is None else c + x.sum())

    found, expected = (f(body, jnp.float32(2), xs, 0) for f in (scan, lax))
    assert_same(found, expected)
    assert found[0] == 2 and found[1].shape == (0,)


def test_integers_and_bools_are_carried_to_the_bit():
    def body(c, x):
        count, flag = c
        return (count + jnp.where(flag, 1, 1000), flag ^ (x > 0)), count // 3

    carry = (jnp.int32(7), jnp.bool_(False))
    found, expected = (f(body, carry, jnp.asarray(XS), LENGTH) for f in (scan, lax))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, b)


def equations(jaxpr):
    """Every equation of a program and of the programs in it."""
    for eqn in jaxpr.eqns:
        yield eqn
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from equations(inner)


def test_what_is_invariant_is_outside_the_loop():
    def run(c, tau):
        def body(c, x):
            return jnp.exp(-0.1 / tau) * c + jnp.tanh(tau), x

        return scan(body, c, jnp.arange(4.0), 4)

    closed = jax.make_jaxpr(run)(1.0, 2.0)
    (loop,) = [e for e in closed.jaxpr.eqns if e.primitive.name == "scan"]
    inside = {e.primitive.name for e in equations(loop.params["jaxpr"].jaxpr)}
    assert inside.isdisjoint({"exp", "tanh", "div"}) and "mul" in inside


def test_a_body_that_is_wrong_says_so_as_the_plain_scan_does():
    with pytest.raises(TypeError, match="carry"):
        scan(lambda c, x: ((c, c), x), jnp.float32(0), jnp.asarray(XS), LENGTH)


def test_a_run_is_linear_in_memory_of_its_carry():
    """The backward pass keeps the carry of every step and computes the rest again."""

    def objective(c):
        def body(c, x):
            inner = c
            for _ in range(8):
                inner = jnp.sin(inner * 1.1) + x
            return inner, None

        return jnp.sum(scan(body, c, jnp.arange(50.0), 50)[0])

    _, back = jax.vjp(objective, jnp.ones(100))
    kept = sum(x.size for x in jax.tree.leaves(back))
    assert kept < 3 * 50 * 100


@pytest.mark.parametrize("stretch", [1, 4, 7, 20, 30])
def test_stretches_change_no_value_and_no_derivative(stretch):
    xs = jnp.linspace(0.1, 1.0, 20)

    def total(a, stretch):
        carry, ys = scan(lambda c, x: (jnp.sin(a * c + x), c * x), a, xs, 20, stretch)
        return carry + ys.sum(), ys

    for stretched, plain in zip(
        jax.tree.leaves(jax.value_and_grad(total, has_aux=True)(0.7, stretch)),
        jax.tree.leaves(jax.value_and_grad(total, has_aux=True)(0.7, None)),
        strict=True,
    ):
        np.testing.assert_allclose(stretched, plain, rtol=1e-6)
