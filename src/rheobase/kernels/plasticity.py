"""Changes of weights where spikes are: compiled kernels, their twins in JAX, and derivatives."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax import Array

from rheobase.errors import ShapeError
from rheobase.kernels import library
from rheobase.kernels.delivery import Targets, compiled, for_each_row
from rheobase.kernels.layout import CourseNumbers


class Columns(eqx.Module):
    """The synapses of `Targets` seen from the postsynaptic neurons."""

    to: Targets
    """Rows by postsynaptic neuron; `target` is the presynaptic one."""
    synapse: Array
    """The number of each synapse in the rows by presynaptic neuron, (synapses,), int32."""


def columns(to: Targets) -> Columns:
    """The columns of these rows; built once, in numpy."""
    start, target = np.asarray(to.start), np.asarray(to.target)
    n_pre, numbers = len(start) - 1, np.arange(len(target), dtype=np.int32)
    # A counting sort.
    rows = scipy.sparse.csr_array((numbers, target, start), shape=(n_pre, to.n_post))
    some = rows.tocsc()
    first, source, synapse = (x.astype(np.int32, copy=False) for x in
                              (some.indptr, some.indices, some.data))  # fmt: skip
    widest = int(np.diff(first).max(initial=1))
    by_post = Targets(jax.device_put(first), jax.device_put(source), n_pre, widest, to.native)
    return Columns(by_post, jax.device_put(synapse))


class Course(eqx.Module):
    """Where weights may lie, and how a change depends on them: f(w) = ((w - anchor) scale)^mu."""

    low: Array
    high: Array
    anchor: Array
    scale: Array
    mu: float = eqx.field(static=True)
    """0 for f = 1."""

    def like(self, weight: Array) -> "Course":
        """The same in the type of the weights."""
        return jax.tree.map(lambda x: x.astype(weight.dtype), self)

    def packed(self) -> Array:
        """As the compiled kernels take it: `CourseNumbers` in one array."""
        mu = jnp.full_like(self.low, self.mu)
        return jnp.stack(CourseNumbers(self.low, self.high, self.anchor, self.scale, mu))

    def factor(self, weight: Array) -> Array:
        """f(w); 0 beyond the anchor."""
        if self.mu == 0:
            return jnp.ones_like(weight)
        distance = (weight - self.anchor) * self.scale
        some = distance > 0
        return jnp.where(some, jnp.where(some, distance, 1) ** self.mu, 0)

    def inside(self, weight: Array) -> Array:
        """The nearest weight within the bounds; on a bound its derivative is 1, beyond it 0."""
        below = jnp.where(weight < self.low, self.low, weight)
        return jnp.where(weight > self.high, self.high, below)


class Eligibility(NamedTuple):
    """What synapses have earned, each as it was when it was last touched."""

    value: Array
    """(synapses,)."""
    touched: Array
    """The step of that, (synapses,), int32."""


class Ends(NamedTuple):
    """The two factors of a change; that of the side that spikes is 0 where it is silent."""

    pre: Array
    """(n_pre,)."""
    post: Array
    """(n_post,)."""


def change(
    to: Targets, by_post: Columns | None, weight: Array, ends: Ends, course: Course, after: Array
) -> Array:
    """The weights after the spikes of one side have changed them, (synapses,).

    w[k] <- w[k] + pre[i] post[j] f(w[k]), within the bounds, for the synapses k from i to j

    - `by_post`: the columns, where the postsynaptic side spikes; None where the presynaptic does.
    - `after`: an array that is computed first. What has read the weights names itself here, so that
      they are not copied before they change.

    The work is in proportion to the synapses of the neurons that spiked. The derivative visits
    every synapse, since a silent neuron has a surrogate derivative. Reverse mode only.

    Errors: `ShapeError` for arrays that do not fit the synapses.
    """
    _require(to, weight, ends)
    ends, course = _like(ends, weight), course.like(weight)
    return _change(to, by_post, _source(to), after, weight, ends, course)


def mark(
    to: Targets, by_post: Columns | None, eligibility: Eligibility, weight: Array, ends: Ends,
    course: Course, now: Array, rate: Array,
) -> Eligibility:  # fmt: skip
    """The eligibilities after the spikes of one side have been added to those of their synapses.

    e[k] <- e[k] e^(-rate (now - touched[k])) + pre[i] post[j] f(w[k]);  touched[k] <- now

    `now` is the number of the step, int32, `rate` the decay in a step, the rest as in `change`. The
    derivative leaves out what a silent neuron would have added.
    """
    _require(to, weight, ends)
    ends, course = _like(ends, weight), course.like(weight)
    value, touched = eligibility
    rate = rate.astype(weight.dtype)
    return _mark(to, by_post, _source(to), now, touched, value, weight, ends, course, rate)


def reap(
    to: Targets, weight: Array, eligibility: Eligibility, reward: Array, course: Course,
    now: Array, rate: Array, after: Array,
) -> tuple[Array, Eligibility]:  # fmt: skip
    """The weights after a reward, and the eligibilities; where there is none both as they were.

    w[k] <- w[k] + reward e[k], within the bounds, for all synapses, with e[k] as it is `now`
    """
    value, touched = eligibility
    rate, reward = rate.astype(weight.dtype), reward.astype(weight.dtype)
    return _reap(to, after, now, touched, weight, value, reward, course.like(weight), rate)


def _require(to: Targets, weight: Array, ends: Ends) -> None:
    n_pre, synapses = to.start.shape[0] - 1, to.target.shape[0]
    shapes = (synapses,), (n_pre,), (to.n_post,)
    if (weight.shape, ends.pre.shape, ends.post.shape) != shapes:
        raise ShapeError(
            f"`weight` {weight.shape} and `ends` {ends.pre.shape} and {ends.post.shape} do not fit "
            f"{synapses} synapses from {n_pre} to {to.n_post} neurons."
        )


def _like(ends: Ends, weight: Array) -> Ends:
    return Ends(*(x.astype(weight.dtype) for x in ends))


def _source(to: Targets) -> Array:
    """The presynaptic neuron of each synapse, for the derivatives: nothing where nobody asks."""
    neurons = jnp.arange(to.start.shape[0] - 1, dtype=jnp.int32)
    return jnp.repeat(neurons, jnp.diff(to.start), total_repeat_length=to.target.shape[0])


def _sides(to: Targets, by_post: Columns | None, ends: Ends) -> tuple[str, Array, Array, tuple]:
    """Which kernel, the factors of the side that spikes and of the other, and the synapses."""
    if by_post is None:
        return "rows", ends.pre, ends.post, (to.start, to.target)
    rows = by_post.to
    return "columns", ends.post, ends.pre, (rows.start, rows.target, by_post.synapse)


def _each(
    to: Targets, by_post: Columns | None, ends: Ends, visit: Callable, arrays: tuple, read: tuple
) -> tuple:
    """Loop over the synapses of the spikes: `arrays = visit(*arrays, *read, product)` of each."""
    _, active, passive, _ = _sides(to, by_post, ends)
    rows = to if by_post is None else by_post.to
    lanes = jnp.arange(rows.widest, dtype=jnp.int32)

    def one(row, own, arrays):
        k = row.first + lanes if by_post is None else row.cut(by_post.synapse)
        product = own * passive[row.cut(rows.target)]
        new = visit(*(a[k] for a in (*arrays, *read)), product)
        k = jnp.where(row.own, k, to.target.shape[0])
        return tuple(a.at[k].set(x, mode="drop") for a, x in zip(arrays, new, strict=True))

    return for_each_row(rows, active, one, arrays)


@jax.custom_vjp
def _change(to, by_post, source, after, weight, ends, course):
    if compiled(to, weight):
        kind, active, passive, rows = _sides(to, by_post, ends)
        operands = after, active, *rows, passive, course.packed()
        return library.update(f"change_{kind}", (weight,), *operands)[0]

    def visit(weight, product):
        return (course.inside(weight + product * course.factor(weight)),)

    return _each(to, by_post, ends, visit, (weight,), ())[0]


def _change_forward(*operands):
    to, _, source, after, weight, ends, course = operands
    return _change(*operands), (to, source, after, weight, ends, course)


def _change_backward(kept, cotangent):
    to, source, after, *values = kept

    def dense(weight, ends, course):
        product = ends.pre[source] * ends.post[to.target]
        return course.inside(weight + product * course.factor(weight))

    _, back = jax.vjp(dense, *values)
    return None, None, None, jnp.zeros_like(after), *back(cotangent)


_change.defvjp(_change_forward, _change_backward)


def _left(value, touched, now, rate):
    """What an eligibility has decayed to."""
    # The difference modulo 2**32, which is right also where the counter has turned over.
    age = jax.lax.bitcast_convert_type(now - touched, jnp.uint32)
    return value * jnp.exp(-rate * age.astype(value.dtype))


@jax.custom_vjp
def _mark(to, by_post, source, now, touched, value, weight, ends, course, rate):
    if compiled(to, weight):
        kind, active, passive, rows = _sides(to, by_post, ends)
        operands = active, *rows, passive, course.packed(), weight, now[None], rate[None]
        return Eligibility(*library.update(f"mark_{kind}", (value, touched), *operands))

    def visit(value, touched, weight, product):
        new = _left(value, touched, now, rate) + product * course.factor(weight)
        return new, jnp.full_like(touched, now)

    return Eligibility(*_each(to, by_post, ends, visit, (value, touched), (weight,)))


def _mark_forward(*operands):
    return _mark(*operands), operands


def _mark_backward(kept, cotangent):
    to, by_post, source, now, touched, *values = kept

    def dense(value, weight, ends, course, rate):
        product = ends.pre[source] * ends.post[to.target]
        new = _left(value, touched, now, rate) + product * course.factor(weight)
        active = ends.pre[source] if by_post is None else ends.post[to.target]
        return jnp.where(active != 0, new, value)

    _, back = jax.vjp(dense, *values)
    return None, None, None, None, None, *back(cotangent.value)


_mark.defvjp(_mark_forward, _mark_backward)


def _reap_dense(now, touched, weight, value, reward, course, rate):
    left = _left(value, touched, now, rate)
    given = reward != 0
    weight = jnp.where(given, course.inside(weight + reward * left), weight)
    return weight, jnp.where(given, left, value)


@jax.custom_vjp
def _reap(to, after, now, touched, weight, value, reward, course, rate):
    if compiled(to, weight):
        operands = after, reward[None], course.packed(), now[None], rate[None]
        weight, *rest = library.update("reap", (weight, value, touched), *operands)
        return weight, Eligibility(*rest)
    weight, value = _reap_dense(now, touched, weight, value, reward, course, rate)
    return weight, Eligibility(value, jnp.where(reward != 0, now, touched))


def _reap_forward(*operands):
    return _reap(*operands), operands


def _reap_backward(kept, cotangent):
    _, after, now, touched, *values = kept
    _, back = jax.vjp(lambda *x: _reap_dense(now, touched, *x), *values)
    weight, eligibility = cotangent
    return None, jnp.zeros_like(after), None, None, *back((weight, eligibility.value))


_reap.defvjp(_reap_forward, _reap_backward)
