"""Functions of voltage from which gates are made: finite, with their slopes, at every voltage.

Written with one exponential each, and arguments bounded before it, so that XLA makes one
vectorised loop of all gates of a channel.
"""

import jax.numpy as jnp
from jax import Array

_LARGEST = 40.0
"""e^40 = 2e17: a rate so large or so small has long done all it can; its square is a float32."""


def exponential(x: Array) -> Array:
    """e^x, x taken as 40 beyond that.

    >>> import jax.numpy as jnp
    >>> from rheobase.channels import exponential
    >>> bool(jnp.isfinite(exponential(jnp.asarray(1e4))))
    True
    """
    return jnp.exp(jnp.minimum(x, _LARGEST))


def sigmoid(x: Array) -> Array:
    """1/(1 + e^-x).

    >>> from rheobase.channels import sigmoid
    >>> sigmoid(0.0).item()
    0.5
    """
    return 1 / (1 + exponential(-x))


def exp_linear(x: Array) -> Array:
    """x/(1 - e^-x): 1 at x = 0, a line for large x; with the first two derivatives at any x.

    Rates of the form a (v - b)/(1 - exp(-(v - b)/c)) are a c exp_linear((v - b)/c), those of the
    form a (v - b)/(exp((v - b)/c) - 1) are a c exp_linear(-(v - b)/c).

    >>> import jax
    >>> from rheobase.channels import exp_linear
    >>> exp_linear(0.0).item(), jax.grad(exp_linear)(0.0).item()
    (1.0, 0.5)
    """
    # Nearer to zero than 0.5 the difference loses digits, and the series keeps them all.
    small = jnp.abs(x) < 0.5
    y = jnp.where(small, x * x, 0)
    series = 1 + x / 2 + y / 12 * (1 - y / 60 * (1 - y / 42 * (1 - y / 40)))
    safe = jnp.where(small, 1, jnp.maximum(x, -_LARGEST))
    return jnp.where(small, series, safe / (1 - jnp.exp(-safe)))
