r"""dL/du step by step, where the loss depends on a mean or a maximum of a leaky readout.

With y the voltage of the readout, z its mean or maximum over time and L(z) the loss,

    dL/du_k = sum over steps t >= k of dL/dz g_t dy_t/du_k,

where g_t is 1/T for a mean, and for a maximum 1 where it was reached. Since a leaky integrator is
linear, dy_t/du_k depends on no state. So a first run gives z; a way back over the readout alone
gives its cotangent at the end of each stretch; and in the second run dL/du follows stretch by
stretch. What is kept over time is the input, one cotangent a stretch, and a bit a step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.neurons import LI, CubaLI
from rheobase.train.layers import Sequential, advance, begin
from rheobase.train.losses import CrossEntropy
from rheobase.train.method import Judged, Objective

STRETCH = 64
"""Steps that are computed at once."""
_WORD = 32


class AbstractWalk(Protocol):
    """The second run, as `online.Walk`."""

    def begin(self, x: Any, u: Any) -> Any:
        """Before the first step."""
        ...

    def on(self, walked: Any, x: Array, slope: Array, first: Array) -> Any:
        """After a stretch."""
        ...


def reads_linearly(tail: Sequential) -> bool:
    """Whether what follows the last population that fires is one leaky integrator."""
    return len(tail.layers) == 1 and isinstance(tail.layers[0], LI | CubaLI)


def scores_by_steps(objective: Objective) -> bool:
    """Whether a loss depends on the mean or the maximum of each output alone."""
    loss = objective.loss
    return isinstance(loss, CrossEntropy) and loss.code in ("membrane", "max")


def streamed(
    front: Sequential,
    tail: Sequential,
    walk: AbstractWalk,
    objective: Objective,
    x: Array,
    key: Array | None,
) -> tuple[Judged, Any, Any]:
    """What an objective makes of a run, the gradient of the tail's layers, and the walk's sums."""
    steps, loss = len(x), objective.loss
    total = isinstance(loss, CrossEntropy) and loss.code == "membrane"
    moving, fixed = eqx.partition(tail, eqx.is_inexact_array)

    def read(moving: Any, carries: Any, u: Array) -> tuple[Any, Array]:
        done = advance(eqx.combine(moving, fixed), carries, u, None)
        return done.carries, done.output

    # The first run: scores.
    def heard(carry: Any, first: Array, x: Array) -> tuple[Any, Array]:
        inner, outer, best = carry
        done = advance(front, inner, x, key, first=first)
        outer, y = read(moving, outer, done.output)
        best, record = best.over(y, first)
        return (done.carries, outer, best), _packed(record)

    u = eqx.filter_eval_shape(lambda: advance(front, begin(front, x), x, key).output)
    rest, at_rest = jax.vjp(lambda moving: begin(eqx.combine(moving, fixed), u), moving)
    start = begin(front, x), rest, _Best.begin(u)
    (_, _, best), records = _along(heard, start, x)
    scores = best.sum / steps if total else best.most

    def judged(scores: Array) -> tuple[Array, Judged]:
        found = objective(scores[None])
        return found.value, found

    slope, found = jax.grad(judged, has_aux=True)(scores)

    def share(first: Array, record: Array, length: int) -> Array:
        """dL/dy of the steps of a stretch."""
        if total:
            return jnp.broadcast_to(slope / steps, (length, *slope.shape))
        numbers = first + jnp.arange(length, dtype=jnp.int32)
        reached = _unpacked(record, length) & (numbers[:, None, None] >= best.first[None])
        return jnp.where(reached, (slope / best.times)[None], 0)

    # Back over the readout: its cotangent at the end of each stretch.
    def back(end: Any, first: Array, record: Array, length: int) -> Any:
        none = jnp.zeros((length, *u.shape[1:]), u.dtype)
        _, pull = jax.vjp(lambda carries: read(moving, carries, none), rest)
        return pull((end, share(first, record, length)))[0]

    begun, ends = _against(back, jax.tree.map(jnp.zeros_like, rest), records, steps)

    # The second run.
    def traced(carry: Any, first: Array, x: Array, given: Any) -> Any:
        inner, outer, walked, after = carry
        record, end = given
        done = advance(front, inner, x, key, first=first)
        (outer, _), pull = jax.vjp(read, moving, outer, done.output)
        more, _, c = pull((end, share(first, record, len(x))))
        after = jax.tree.map(jnp.add, after, more)
        return (done.carries, outer, walk.on(walked, x, c, first), after), None

    start = begin(front, x), rest, walk.begin(x, u), at_rest(begun)[0]
    (_, _, walked, after), _ = _along(traced, start, x, (records, ends))
    return found, after.layers, walked.sums


class _Best(NamedTuple):
    """What is known of each output, (batch, n)."""

    sum: Array
    most: Array
    first: Array
    """Number of the step in which `most` was reached first."""
    times: Array
    """In how many steps it was reached."""

    @classmethod
    def begin(cls, y: Any) -> "_Best":
        zero = jnp.zeros(y.shape[1:], y.dtype)
        return cls(zero, jnp.full_like(zero, -jnp.inf), jnp.zeros(zero.shape, jnp.int32), zero)

    def over(self, y: Array, first: Array) -> "tuple[_Best, Array]":
        """After the steps of y, and in which of them it was at least as large as ever before."""
        before = jnp.concatenate([self.most[None], y[:-1]])
        record = y >= jax.lax.cummax(before, axis=0)
        most = jnp.maximum(self.most, y.max(axis=0))
        at = y == most[None]
        times = at.sum(axis=0).astype(y.dtype)
        higher = most > self.most
        began = first + jnp.argmax(at, axis=0).astype(jnp.int32)
        after = _Best(
            self.sum + y.sum(axis=0),
            most,
            jnp.where(higher, began, self.first),
            jnp.where(higher, times, self.times + times),
        )
        return after, record


def _packed(bits: Array) -> Array:
    """Bits (at most STRETCH, ...) as words (STRETCH/32, ...)."""
    missing = jnp.zeros((STRETCH - len(bits), *bits.shape[1:]), bool)
    words = jnp.concatenate([bits, missing]).reshape(-1, _WORD, *bits.shape[1:])
    place = jnp.arange(_WORD, dtype=jnp.uint32).reshape(-1, *(1,) * (bits.ndim - 1))
    return jnp.sum(words.astype(jnp.uint32) << place[None], axis=1, dtype=jnp.uint32)


def _unpacked(words: Array, length: int) -> Array:
    """The first bits of words."""
    place = jnp.arange(_WORD, dtype=jnp.uint32).reshape(-1, *(1,) * (words.ndim - 1))
    bits = (words[:, None] >> place[None]) & jnp.uint32(1)
    return bits.reshape(STRETCH, *words.shape[1:])[:length] > 0


class _Cut(NamedTuple):
    """Series with one entry a stretch: those of the whole ones, and of what is left."""

    whole: Any
    rest: Any


def _along(part: Callable, carry: Any, x: Array, given: tuple[_Cut, ...] = ()) -> tuple[Any, _Cut]:
    """`carry, out = part(carry, first, x of a stretch, *given)` from the first to the last."""
    count, left = divmod(len(x), STRETCH)

    def body(carry: Any, xs: Any) -> tuple[Any, Any]:
        number, whole = xs
        first = STRETCH * number
        # Cut out of x as it is: to fold x would cost as much memory again.
        rows = jax.lax.dynamic_slice_in_dim(x, first, STRETCH)
        return part(carry, first, rows, *((whole,) if given else ()))

    whole, numbers = None, jnp.arange(count, dtype=jnp.int32)
    if count:
        carry, whole = jax.lax.scan(body, carry, (numbers, tuple(cut.whole for cut in given)))
    if not left:
        return carry, _Cut(whole, None)
    more = (tuple(cut.rest for cut in given),) if given else ()
    carry, rest = part(carry, jnp.int32(STRETCH * count), x[STRETCH * count :], *more)
    return carry, _Cut(whole, rest)


def _against(part: Callable, end: Any, records: _Cut, steps: int) -> tuple[Any, _Cut]:
    """What is before the first stretch and after each, from the last one on.

    By `part(end, first, record, length)`, which goes from the end of a stretch to its beginning.
    """
    count, left = divmod(steps, STRETCH)
    last = end if left else None
    if left:
        end = part(end, jnp.int32(STRETCH * count), records.rest, left)

    def body(end: Any, xs: Any) -> tuple[Any, Any]:
        number, record = xs
        return part(end, STRETCH * number, record, STRETCH), end

    if not count:
        return end, _Cut(None, last)
    numbers = jnp.arange(count, dtype=jnp.int32)
    end, ends = jax.lax.scan(body, end, (numbers, records.whole), reverse=True)
    return end, _Cut(ends, last)
