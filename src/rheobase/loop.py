"""The time loop: `jax.lax.scan` whose body is freed of everything that does not change.

A model is written as plain mathematics, so its body computes decay factors, propagators and scaled
parameters again at every step. XLA does not move them out of a loop when the parameters are traced.
`scan` does: it reads the body's jaxpr, computes once what depends on neither state nor input, and
loops over the rest. Values and derivatives are those of the plain scan; the backward pass keeps the
carry of every step, what is marked as `kept`, and nothing else.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax import tree_util as tree
from jax.ad_checkpoint import checkpoint_name

from rheobase import jaxprs

# Element-wise primitives act alike on a scalar and on its broadcast, so an invariant that is one
# number stays one number outside the loop instead of becoming an array that each step must load.
_ELEMENTWISE = frozenset(
    "abs add and cbrt ceil clamp convert_element_type cos cosh div eq erf exp exp2 expm1 floor ge"
    " gt integer_pow is_finite le log log1p logistic lt max min mul ne neg not or pow rem round"
    " rsqrt select_n sign sin sinh sqrt square stop_gradient sub tan tanh xor".split()
)
_KEPT = "kept"
_COSTLY = frozenset("exp exp2 expm1 log log1p logistic pow tanh sin cos erf".split())


def scan(
    body: Callable, carry: Any, xs: Any, length: int, stretch: int | None = None
) -> tuple[Any, Any]:
    """Loop `carry, y = body(carry, x)` over the leading axis of `xs`, hoisting what is invariant.

    The same result as `jax.lax.scan(body, carry, xs, length)`. With `stretch` the backward pass
    keeps the carry of one step in so many, and runs the steps between once more.

    >>> import jax.numpy as jnp
    >>> total, sums = scan(lambda c, x: (c + x, c + x), jnp.zeros(()), jnp.arange(3.0), 3)
    >>> sums.tolist()
    [0.0, 1.0, 3.0]
    """
    first = tree.tree_map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), xs)
    closed, out_shape = jax.make_jaxpr(body, return_shape=True)(carry, first)
    invariants, lean = _split(closed)
    structure = tree.tree_structure(out_shape)

    def lean_body(carry, x):
        leaves = lean(invariants, tree.tree_leaves((carry, x)))
        return tree.tree_unflatten(structure, leaves)

    # The backward pass computes a step again from its carry: cheaper than to store its inside.
    policy = jax.checkpoint_policies.save_only_these_names(_KEPT)
    again = jax.checkpoint(lean_body, prevent_cse=False, policy=policy)
    if stretch is None or stretch >= length:
        return jax.lax.scan(again, carry, xs, length=length)

    def stretch_over(carry, xs):
        return jax.lax.scan(again, carry, xs)

    # Nothing of a stretch is kept but its beginning.
    return blocks(jax.checkpoint(stretch_over, prevent_cse=False), carry, xs, length, stretch)


def blocks(part: Callable, carry: Any, xs: Any, length: int, size: int) -> tuple[Any, Any]:
    """Loop `carry, ys = part(carry, xs)` over blocks of `size` steps, and over what is left.

    `part` takes the rows of `xs` of its block, and gives rows, which come one after the other.

    >>> import jax.numpy as jnp
    >>> def sums(carry, x):
    ...     return carry + x.sum(), carry + jnp.cumsum(x)
    >>> total, rows = blocks(sums, jnp.zeros(()), jnp.arange(5.0), 5, 2)
    >>> rows.tolist()
    [0.0, 1.0, 3.0, 6.0, 10.0]
    """
    count, rest = divmod(length, size)
    if count == 1 and not rest:
        return part(carry, xs)
    whole = count * size
    folded = tree.tree_map(lambda x: x[:whole].reshape(count, size, *x.shape[1:]), xs)
    carry, ys = jax.lax.scan(part, carry, folded)
    ys = tree.tree_map(lambda y: y.reshape(-1, *y.shape[2:]), ys)
    if rest:
        carry, tail = part(carry, tree.tree_map(lambda x: x[whole:], xs))
        ys = tree.tree_map(lambda a, b: jnp.concatenate([a, b]), ys, tail)
    return carry, ys


def kept(x: jax.Array) -> jax.Array:
    """x, which the backward pass of `scan` keeps: what is small and dear to compute again.

    >>> import jax.numpy as jnp
    >>> kept(jnp.ones(())).item()
    1.0
    """
    return checkpoint_name(x, _KEPT)


def plainly(function: Callable) -> Callable:
    """`function` with the derivative of what it computes, whatever derivatives its parts declare.

    What is bounded on an upstroke declares a derivative beyond the bound for the sake of surrogate
    gradients; the time of a spike is differentiated without.

    >>> import jax
    >>> from rheobase.neurons.base import at_most
    >>> slope = jax.grad(lambda v: at_most(v, 0.0, 1.0))
    >>> float(slope(1.0)), float(jax.grad(plainly(lambda v: at_most(v, 0.0, 1.0)))(1.0))
    (0.25, 0.0)
    """

    def plain(*arguments):
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        leaves = _replayed(closed, tree.tree_leaves(arguments))
        return tree.tree_unflatten(tree.tree_structure(shape), leaves)

    return plain


def _replayed(program: Any, operands: Iterable[Any]) -> list[Any]:
    """The results of a program with calls opened, also those with a derivative of their own."""
    jaxpr = jaxprs.parts(program)[0]

    def equation(eqn: Any, values: list[Any]) -> list[Any]:
        inner = jaxprs.called(eqn, jaxprs.PLAIN | {"custom_jvp_call"})
        if inner is None:
            return jaxprs.evaluate(jaxpr, eqn, values)
        return _replayed(inner, values)

    return jaxprs.walk(program, operands, equation, lambda value, aval: value)


class _Broadcast(NamedTuple):
    """A number that stands for an array of `shape`; made into that array only where it must be."""

    value: jax.Array
    shape: tuple[int, ...]


def _split(closed):
    """Split a body into its invariant values, computed now, and a function of the rest."""
    eqns, outvars, known = jaxprs.inline(closed)
    varying, costly, made = [], set(), {}
    for eqn in eqns:
        operands = [v for v in eqn.invars if not isinstance(v, jex.Literal)]
        if eqn.effects or not all(v in known for v in operands):
            varying.append(_cheapened(eqn, known, costly, made))
            continue
        # What is computed twice is one value: XLA cannot see that two operands of a loop are equal.
        key = _key(eqn, known)
        if key not in made:
            values = [v.val if isinstance(v, jex.Literal) else known[v] for v in eqn.invars]
            made[key] = _evaluate(closed.jaxpr, eqn, values)
        known.update(zip(eqn.outvars, made[key], strict=True))

    used = {v for v in outvars if not isinstance(v, jex.Literal)}
    needed = []
    for eqn in reversed(varying):
        if eqn.effects or not used.isdisjoint(eqn.outvars):
            needed.append(eqn)
            used.update(v for v in eqn.invars if not isinstance(v, jex.Literal))
    kept = [v for v in known if v in used]
    unique = list({id(known[v]): known[v] for v in kept}.values())
    places = {id(value): place for place, value in enumerate(unique)}
    rest = jaxprs.function(closed.jaxpr, kept + closed.jaxpr.invars, needed[::-1], outvars)

    def lean(values, leaves):
        full = [values[places[id(known[v])]] for v in kept]
        full = [
            jnp.broadcast_to(value, known[v].shape) if _virtual(known[v]) else value
            for v, value in zip(kept, full, strict=True)
        ]
        return rest(*full, *leaves)

    return [_scalar(value) for value in unique], lean


def _key(eqn, known):
    """What equal equations of equal operands have in common."""
    operands = [
        (str(v.val), str(v.aval)) if isinstance(v, jex.Literal) else id(known[v])
        for v in eqn.invars
    ]
    inner = any(isinstance(x, jex.ClosedJaxpr | jex.Jaxpr) for x in eqn.params.values())
    return (eqn.primitive, id(eqn) if inner else str(eqn.params), *operands)


def _cheapened(eqn, known, costly, made):
    """x / c with an invariant c as x * (1/c), unless much was computed for x.

    XLA writes the result of a division to memory once and repeats cheaper operations in each of
    their users. So a division is a burden where x was cheap, and saves work where x contains an
    exponential: there the first division stays. `costly` collects the variables with such work in
    them since the last division.
    """
    if eqn.primitive.name in _COSTLY or not costly.isdisjoint(
        v for v in eqn.invars if not isinstance(v, jex.Literal)
    ):
        if eqn.primitive.name == "div":
            return eqn
        costly.update(eqn.outvars)
    if eqn.primitive.name != "div" or isinstance(eqn.invars[1], jex.Literal):
        return eqn
    numerator, divisor = eqn.invars
    if divisor not in known or not jnp.issubdtype(divisor.aval.dtype, jnp.floating):
        return eqn
    value, inverse = known[divisor], jex.Var(divisor.aval)
    key = "inverse", id(value)
    if key not in made:
        made[key] = value._replace(value=1 / value.value) if _virtual(value) else 1 / value
    known[inverse] = made[key]
    product = jaxprs.single(jax.lax.mul, numerator.aval, divisor.aval)
    return product.replace(
        invars=[numerator, inverse], outvars=eqn.outvars, source_info=eqn.source_info
    )


def _evaluate(jaxpr, eqn, values):
    name = eqn.primitive.name
    scalars = [_scalar(v) for v in values]
    if all(jnp.ndim(v) == 0 for v in scalars):
        if name == "broadcast_in_dim":
            return [_Broadcast(scalars[0], eqn.outvars[0].aval.shape)]
        if name in _ELEMENTWISE and any(map(_virtual, values)):
            result = eqn.primitive.bind(*scalars, **eqn.params)
            return [_Broadcast(result, eqn.outvars[0].aval.shape)]
    return jaxprs.evaluate(jaxpr, eqn, [_full(v) for v in values])


def _virtual(value):
    return isinstance(value, _Broadcast)


def _full(value):
    return jnp.broadcast_to(value.value, value.shape) if _virtual(value) else value


def _scalar(value):
    return value.value if _virtual(value) else value
