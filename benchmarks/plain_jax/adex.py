"""The AdEx workload as one careful `jax.lax.scan`, without any library."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import contend, spike_counts


def phi(z):
    """(exp(z) - 1) / z."""
    return jnp.where(z == 0, 1.0, jnp.expm1(z) / jnp.where(z == 0, 1.0, z))


def prepare(spec):
    p, dt, n = spec["parameters"], spec["dt"], spec["n"]
    v_rest, v_th, v_reset, v_T, delta_T = (
        p[name] for name in ("v_rest", "v_th", "v_reset", "v_T", "delta_T")
    )
    exponential = spec["stepper"] == "exponential_euler"
    rate, rate_w = dt / p["tau"], dt / p["tau_w"]
    gain_w = -np.expm1(-rate_w) if exponential else rate_w

    def advance(v, w, current):
        e = jnp.exp((jnp.minimum(v, v_th) - v_T) * (1 / delta_T))
        slope = v_rest - v + delta_T * e + p["R"] * (current - w)
        gain = rate * phi(rate * (e - 1)) if exponential else rate
        return v + gain * slope, w + gain_w * (p["a"] * (v - v_rest) - w)

    @jax.jit
    def simulate(current):
        def step(carry, _):
            v, w, counts = carry
            v, w = advance(v, w, current)
            spike = v >= v_th
            v = jnp.where(spike, v_reset, v)
            w = jnp.where(spike, w + p["b"], w)
            return (v, w, counts + spike), None

        start = jnp.full(n, v_rest), jnp.zeros(n), jnp.zeros(n, jnp.int32)
        return jax.lax.scan(step, start, length=spec["steps"])[0][2]

    current = jnp.linspace(*spec["current"], n)
    return lambda: spike_counts(np.asarray(simulate(current)))


if __name__ == "__main__":
    contend(prepare, packages=("jax",))
