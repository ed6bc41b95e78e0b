"""Run cases in BrainPy, in float64: `python brainpy_neurons.py cases.json currents.npz out.npz`.

A case names one of its neurons and gives parameters by our names, in ms, mV, MOhm, nA. They are put
in as ohm and mA, of which its documentation speaks: the numbers, and so the rounding, are ours.
"""

import json
import sys

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

UNITS = {
    "tau": u.ms, "tau_w": u.ms, "tau_a": u.ms, "tau_ref": u.ms, "R": u.ohm, "c": 1 / u.mV,
    "a": u.siemens, "b": u.mA, "k1": 1 / u.ms, "k2": 1 / u.ms, "R1": 1.0, "R2": 1.0,
    "A1": u.mA, "A2": u.mA,
}  # fmt: skip
GIF_UNITS = UNITS | {"a": 1 / u.ms, "b": 1 / u.ms}


def build(case, n):
    model = getattr(brainpy.state, case["model"])
    units = GIF_UNITS if case["model"].startswith("Gif") else UNITS
    parameters = {
        "V" + name[1:] if name.startswith("v_") else name: np.asarray(value) * units.get(name, u.mV)
        for name, value in case["parameters"].items()
    }
    return model(n, **parameters, spk_reset=case["reset"])


def simulate(case, current):
    """Spikes (time, n) of 0 and 1, and the voltage (time, n) that each step reached."""
    steps, n = current.shape
    dt = case["dt"] * u.ms
    neurons = build(case, n)

    @brainstate.transform.jit
    def run(current):
        def step(i, now):
            with brainstate.environ.context(i=i, t=i * dt):
                return neurons(now * u.mA), neurons.V.value.to_decimal(u.mV)

        return brainstate.transform.for_loop(step, jnp.arange(steps), current)

    with brainstate.environ.context(dt=dt):
        brainstate.nn.init_all_states(neurons)
        for state, value in case["start"].items():
            getattr(neurons, state).value = jnp.asarray(value) * u.mV
        return run(jnp.asarray(current))


def main(cases, currents, out):
    jax.config.update("jax_enable_x64", True)
    results = {}
    with np.load(currents) as current, open(cases) as file:
        for name, case in json.load(file).items():
            spikes, v = simulate(case, current[name])
            results[name + ".spikes"], results[name + ".v"] = np.asarray(spikes), np.asarray(v)
    np.savez(out, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
