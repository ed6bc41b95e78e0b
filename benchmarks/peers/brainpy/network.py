"""CUBA and COBA in BrainPy: synapses on the postsynaptic side, events delivered by numba."""

import brainevent
import brainpy.state
import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import contend, processor_seconds
from benchmarks.wiring import excitatory, rows, spike_work, wiring


class Delivery(brainstate.nn.Module):
    """Rows of given synapses of one weight, added where a neuron fired."""

    def __init__(self, weight, target, start, n):
        super().__init__()
        self.rows = brainevent.CSR((weight, target, start), shape=(len(start) - 1, n))

    def update(self, spikes):
        return brainevent.BinaryArray(spikes) @ self.rows


def held(p, tau, dt):
    """The part of a current that moves the voltage, if held for a step, as one that decays does."""
    decay, leak = np.exp(-dt / tau), np.exp(-dt / p["tau"])
    return tau / (tau - p["tau"]) * (decay - leak) / (1 - leak)


def output(spec, kind):
    """What the synapses do, and their weight: neurons have 1 Ohm, so that mA V / V are mV."""
    p, state = spec["parameters"], brainpy.state
    if spec["network"] == "coba":
        return state.COBA.desc(E=p["E_" + kind] * u.mV), p["w_" + kind] / p["g_L"] * u.siemens
    scale = held(p, p["tau_" + kind], spec["dt"])
    return state.CUBA.desc(scale=scale * u.volt), p["w_" + kind] * u.mS


class Network(brainstate.nn.Module):
    """Excitatory and inhibitory synapses onto one population."""

    def __init__(self, spec, shared):
        super().__init__()
        p, n, dt, first = spec["parameters"], spec["n"], spec["dt"], excitatory(spec)
        self.first = first
        # The first step, which no synapse has reached: its spikes are there before the loop.
        self.begin = p["v_rest"] + (shared.v - p["v_rest"]) * np.exp(-dt / p["tau"])
        self.fires = self.begin >= p["v_th"]
        self.neurons = brainpy.state.LIFRef(
            n,
            tau=p["tau"] * u.ms,
            # Its clock is in float32: half a step keeps rounding from deciding.
            tau_ref=(p["refractory"] + dt / 2) * u.ms,
            V_rest=p["v_rest"] * u.mV,
            V_th=p["v_th"] * u.mV,
            V_reset=p["v_reset"] * u.mV,
            V_initializer=braintools.init.Constant(self.begin * u.mV),
            spk_reset="hard",
        )
        start = rows(shared)
        self.projections = []
        for kind, (a, b) in {"e": (0, first), "i": (first, n)}.items():
            out, weight = output(spec, kind)
            target = jnp.asarray(shared.post[start[a] : start[b]])
            projection = brainpy.state.AlignPostProj(
                comm=Delivery(weight, target, jnp.asarray(start[a : b + 1] - start[a]), n),
                syn=brainpy.state.Expon.desc(
                    n,
                    tau=p["tau_" + kind] * u.ms,
                    g_initializer=braintools.init.Constant(0.0 * u.get_unit(weight)),
                ),
                out=out,
                post=self.neurons,
            )
            self.projections.append(projection)

    def start(self):
        brainstate.nn.init_all_states(self.neurons)
        last = np.where(self.fires, 0.0, -1e7).astype(np.float32)
        self.neurons.last_spike_time.value = last * u.ms

    def update(self, i, dt):
        with brainstate.environ.context(i=i, t=i * dt):
            fired = self.neurons.get_spike()
            self.projections[0](fired[: self.first])
            self.projections[1](fired[self.first :])
            return self.neurons() != 0


def prepare(spec):
    shared, dt = wiring(spec), spec["dt"] * u.ms
    built = []

    @brainstate.transform.jit
    def simulate():
        built[0].start()
        steps = jnp.arange(1, spec["steps"])
        return brainstate.transform.for_loop(lambda i: built[0].update(i, dt), steps)

    def run():
        if not built:
            built.append(Network(spec, shared))
            brainstate.nn.init_all_states(built[0])
        begin = processor_seconds()
        with brainstate.environ.context(dt=dt):
            fired = jax.block_until_ready(simulate())
        taken = processor_seconds() - begin
        first = np.zeros(built[0].fires.sum(), int)
        steps = np.concatenate([first, 1 + np.nonzero(np.asarray(fired))[0]])
        return spike_work(steps, spec) | {"seconds": taken}

    return run


if __name__ == "__main__":
    contend(prepare, packages=("brainpy", "brainstate", "brainevent", "numba", "jax"))
