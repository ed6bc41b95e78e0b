"""Samples of the parameters that a recording allows."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from rheobase.errors import ArgumentError, brief
from rheobase.fitting import engine
from rheobase.fitting.fit import RecordingFit
from rheobase.fitting.patched import patch_of
from rheobase.fitting.residuals import CORRELATION, VOLTAGE
from rheobase.fitting.target import BLOCK
from rheobase.fitting.uncertainty import covariance, short


class Posterior(NamedTuple):
    """Samples of the parameters, as `fit_posterior` draws them."""

    samples: dict[str, np.ndarray]
    """Of each parameter by its name, (samples,), in its unit."""
    acceptance: float
    """Share of proposals that were taken."""
    logarithm: np.ndarray
    """Of the density of each sample, up to a constant."""


def fit_posterior(
    fit: RecordingFit,
    *,
    samples: int = 500,
    warmup: int = 200,
    seed: int = 0,
) -> Posterior:
    """Sample the parameters of a fitted model by blackjax.

    Random-walk Metropolis, its proposals shaped by the Laplace approximation at the best model.
    The density is that of the voltage between spikes in runs that the spikes of the data reset (of
    a cell, in free ones), Gaussian with 1.5 mV over every 250 ms, and of the prior with which the
    model was fitted.

    - `fit`: from `rb.fit_recording`; `samples`, `warmup`: kept and discarded steps.

    Errors: `ImportError` with the cure where blackjax is not installed; `ArgumentError`.

    >>> from importlib.util import find_spec
    >>> import rheobase as rb
    >>> from rheobase.units import nA
    >>> rec = rb.fitting.synthetic(rb.LIF(), [-0.5, 1.7, 2, 2.5] * nA)
    >>> fit = rb.fit_recording(rec, rb.LIF(), starts=2, steps=3, progress=False)
    >>> if find_spec("blackjax"):
    ...     drawn = rb.fit_posterior(fit, samples=20, warmup=5)
    ...     assert drawn.samples["tau"].shape == (20,)
    """
    if not isinstance(fit, RecordingFit):
        raise ArgumentError(
            f"`fit` is what rb.fit_recording returns, got {brief(fit)}. "
            f"Write rb.fit_posterior(rb.fit_recording(rec, rb.AdEx()))."
        )
    try:
        import blackjax  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError(
            "fit_posterior needs blackjax, which is not installed. "
            'Write pip install "rheobase[posterior]".'
        ) from None
    problem = fit.details.problem
    density = _density(problem)
    start = jnp.asarray(fit.details.found.y[0], problem.current.dtype)
    size = len(start)
    spread = np.linalg.cholesky(covariance(fit.details.found) + 1e-10 * np.eye(size))
    step = jnp.asarray(spread * 2.38 / np.sqrt(size), start.dtype)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        walk: Any = blackjax.additive_step_random_walk(
            density, lambda key, at: step @ jax.random.normal(key, at.shape, at.dtype)
        )

        def one(state: Any, key: Array) -> Any:
            state, about = walk.step(key, state)
            return state, (state, about.is_accepted)

        keys = jax.random.split(jax.random.key(seed), warmup + samples)
        begin = walk.init(start)
        _, (states, accepted) = jax.jit(lambda s, k: jax.lax.scan(one, s, k))(begin, keys)

    def values(y: Array) -> Array:
        return ravel_pytree(eqx.filter(problem.build(y), problem.mask))[0]

    drawn = np.asarray(jax.vmap(values)(states.position[warmup:]), float)
    return Posterior(
        {name: drawn[:, k] for k, name in enumerate(short(problem.names))},
        float(np.mean(np.asarray(accepted[warmup:]))),
        np.asarray(states.logdensity[warmup:], float),
    )


def _density(problem: Any) -> Any:
    """Logarithm of the density of free parameters, up to a constant."""
    goal = problem.goal
    mask = jnp.asarray(goal.quiet)
    data = jnp.asarray(goal.v, problem.current.dtype)
    prior = jnp.asarray(problem.prior, problem.current.dtype)
    centre = jnp.asarray(problem.start, problem.current.dtype)
    weight = BLOCK / (CORRELATION * VOLTAGE**2)

    def density(y: Array) -> Array:
        neuron, given = problem.build(y), problem.trained_current
        patch, steps = patch_of(neuron), (problem.dt, problem.block)
        state = patch.rest(given.shape[1])
        if problem.resets:
            course, _ = engine.run(neuron, problem.stepper, state, given, problem.told, *steps)
        else:
            course, _ = patch.free_run(problem.stepper, state, given, *steps)
        error = jnp.where(mask, jnp.clip(course.v - data, -10.0, 10.0), 0)
        value = -0.5 * weight * jnp.sum(error**2) - 0.5 * jnp.sum(prior * (y - centre) ** 2)
        return jnp.where(jnp.isfinite(value), value, -jnp.inf)

    return density
