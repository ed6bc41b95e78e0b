"""Products of weights with what is mostly zero, such as the spikes of all steps of a layer.

`product` is x @ w, and its gradient by w is `outer`, x.T @ c: a bilinear pair, each the derivative
of the other, so that both modes of differentiation work to any order. Where few of the numbers in x
are not zero the compiled kernels add up the rows that those ask for; where many are, and under
`vmap`, on several devices, without kernels and for small products it is the plain product. Which of
both is seen from every sixteenth row, when it runs.
"""

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax import Array
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from rheobase.kernels import library
from rheobase.kernels.product import spike_outer, spike_product

_FEW = 0.1
"""The part of x that is not zero, above which the plain product is faster."""
_SEEN = 16
_SMALL = 2**22
"""Multiplications of a product that takes no time worth to look."""
_NARROW = 32
"""Columns of w; to look for what is not zero takes longer than to multiply by fewer."""

_product_p = jex.Primitive("mostly_zero_product")
_outer_p = jex.Primitive("mostly_zero_outer")


def product(x: Array, w: Array) -> Array:
    """x @ w of x (rows, n_pre), mostly 0, and w (n_pre, n_post).

    >>> import jax.numpy as jnp
    >>> product(jnp.asarray([[0.0, 1.0]]), jnp.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0]]
    """
    kind = jnp.result_type(x, w)
    return _product_p.bind(x.astype(kind), w.astype(kind))


def _times(x: Array, w: Array) -> Array:
    if w.shape[1] < _NARROW or not _served(x, w):
        return x @ w
    return jax.lax.cond(_mostly_zero(x), spike_product, jnp.matmul, x, w)


def _outer(x: Array, c: Array) -> Array:
    if not _served(x, c):
        return _plain_outer(x, c)
    return jax.lax.cond(_mostly_zero(x), spike_outer, _plain_outer, x, c)


def _plain_outer(x: Array, c: Array) -> Array:
    return x.T @ c


def _served(x: Array, other: Array) -> bool:
    """Whether it is worth a look: on several devices a kernel would gather what they share."""
    large = x.size * other.shape[1] >= _SMALL
    return large and library.serves(x.dtype) and jax.device_count() == 1


def _mostly_zero(x: Array) -> Array:
    some = x[::_SEEN]
    return jnp.count_nonzero(some) < int(_FEW * some.size)


for _primitive, _function, _shape in (
    (_product_p, _times, lambda x, w: (x.shape[0], w.shape[1])),
    (_outer_p, _outer, lambda x, c: (x.shape[1], c.shape[1])),
):
    _primitive.def_impl(jax.jit(_function))
    _primitive.def_abstract_eval(
        lambda x, other, shape=_shape: ShapedArray(shape(x, other), x.dtype)
    )
    mlir.register_lowering(_primitive, mlir.lower_fun(_function, multiple_results=False))

ad.defbilinear(_product_p, lambda c, x, w: c @ w.T, lambda c, x, w: _outer_p.bind(x, c))
ad.defbilinear(_outer_p, lambda g, x, c: c @ g.T, lambda g, x, c: _product_p.bind(x, g))


def _plainly(function):
    def batched(operands, axes):
        return jax.vmap(function, in_axes=axes)(*operands), 0

    return batched


batching.primitive_batchers[_product_p] = _plainly(jnp.matmul)
batching.primitive_batchers[_outer_p] = _plainly(_plain_outer)
