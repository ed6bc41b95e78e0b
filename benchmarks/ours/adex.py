"""The AdEx workload in rheobase: the generic `AdEx` through `simulate`."""

import jax.numpy as jnp
import numpy as np

import rheobase as rb
from benchmarks.measure import contend, spike_counts
from rheobase.units import MOhm, ms, mV, nA, uS

STEPPERS = {"euler": rb.Euler(), "exponential_euler": rb.ExponentialEuler()}


def prepare(spec):
    units = {"tau": ms, "tau_w": ms, "R": MOhm, "a": uS, "b": nA}
    parameters = {name: value * units.get(name, mV) for name, value in spec["parameters"].items()}
    neuron = rb.AdEx(**parameters)
    current = jnp.linspace(*spec["current"], spec["n"]) * nA

    def run():
        run = rb.simulate(
            neuron,
            n=spec["n"],
            current=current,
            duration=spec["steps"] * spec["dt"] * ms,
            dt=spec["dt"] * ms,
            stepper=STEPPERS[spec["stepper"]],
            record=rb.Record(spikes="count"),
        )
        return spike_counts(np.asarray(run.counts))

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
