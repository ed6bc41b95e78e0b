"""The network workloads in Brian2: C++ standalone, compiled in the first call, then run again."""

import tempfile

import brian2 as b2
import numpy as np
from brian2 import Hz, ms, mV, nF, nS

from benchmarks.measure import contend
from benchmarks.wiring import excitatory, gates, spike_work, wiring

CURRENTS = """
dv/dt = (ge + gi - (v - v_rest)) / tau : volt (unless refractory)
dge/dt = -ge / tau_e : volt
dgi/dt = -gi / tau_i : volt
"""
CONDUCTANCES = """
dv/dt = (ge * (E_e - v) + gi * (E_i - v) - (v - v_rest)) / tau : volt (unless refractory)
dge/dt = -ge / tau_e : 1
dgi/dt = -gi / tau_i : 1
"""
JUMPS = "dv/dt = (v_rest - v) / tau : volt (unless refractory)"
HODGKIN_HUXLEY = """
dv/dt = (g_L * (v_L - v) + ge * (E_e - v) + gi * (E_i - v) + g_Na * m**3 * h * (v_Na - v)
         + g_K * n**4 * (v_K - v)) / C : volt
dm/dt = alpha_m * (1 - m) - beta_m * m : 1
dn/dt = alpha_n * (1 - n) - beta_n * n : 1
dh/dt = alpha_h * (1 - h) - beta_h * h : 1
dge/dt = -ge / tau_e : siemens
dgi/dt = -gi / tau_i : siemens
u = (v - v_T) / mV : 1
alpha_m = 1.28 / exprel((13 - u) / 4) / ms : Hz
beta_m = 1.4 / exprel((u - 40) / 5) / ms : Hz
alpha_h = 0.128 * exp((17 - u) / 18) / ms : Hz
beta_h = 4 / (1 + exp((40 - u) / 5)) / ms : Hz
alpha_n = 0.16 / exprel((15 - u) / 5) / ms : Hz
beta_n = 0.5 * exp((10 - u) / 40) / ms : Hz
"""
PLASTIC = """
w : volt
dx/dt = -x / tau_plus : 1 (event-driven)
dy/dt = -y / tau_minus : 1 (event-driven)
"""
ON_PRE = """
ge += w
w = clip(w - A_minus * w_max * y, 0 * mV, w_max)
x += 1
"""
ON_POST = """
w = clip(w + A_plus * w_max * x, 0 * mV, w_max)
y += 1
"""
UNITS = {"C": nF, "A_plus": 1, "A_minus": 1, "g": 1, "eta": 1} | dict.fromkeys(
    ("g_Na", "g_K", "g_L"), nS
)


def with_units(spec):
    """The parameters as quantities; weights in the unit of what they are added to."""
    p = spec["parameters"]
    times = ("tau", "tau_e", "tau_i", "tau_plus", "tau_minus", "refractory", "delay")
    units = UNITS | dict.fromkeys(times, ms)
    values = {name: value * units.get(name, mV) for name, value in p.items()}
    if spec["network"] == "coba":  # in units of the leak
        values |= {"w_e": p["w_e"] / p["g_L"], "w_i": p["w_i"] / p["g_L"]}
    if spec["network"] == "cobahh":
        values |= {"w_e": p["w_e"] * nS, "w_i": p["w_i"] * nS}
    return values


def integrate_and_fire(n, equations, method, p, dt):
    return b2.NeuronGroup(
        n,
        equations,
        method=method,
        threshold="v >= v_th",
        reset="v = v_reset",
        # Brian2 counts the step of the spike as one of the period.
        refractory=p["refractory"] + dt,
        namespace=p,
    )


def neurons_of(spec, p, dt):
    n, network = spec["n"], spec["network"]
    if network in ("cuba", "stdp"):
        return integrate_and_fire(n, CURRENTS, "exact", p, dt)
    if network == "coba":
        return integrate_and_fire(n, CONDUCTANCES, "exponential_euler", p, dt)
    if network == "brunel":
        return integrate_and_fire(n, JUMPS, "exact", p, dt)
    group = b2.NeuronGroup(
        n,
        HODGKIN_HUXLEY,
        method="exponential_euler",
        threshold="v > v_th",
        refractory="v > v_th",
        namespace=p,
    )
    steady = gates(spec["parameters"]["v_L"], spec["parameters"]["v_T"])
    group.m, group.h, group.n = steady["m"], steady["h"], steady["n"]
    return group


def synapses_of(spec, p, neurons, shared):
    """From the excitatory neurons and from the inhibitory ones."""
    options = {
        "brunel": [{"on_pre": "v += J"}, {"on_pre": "v -= g * J"}],
        "stdp": [
            {"model": PLASTIC, "on_pre": ON_PRE, "on_post": ON_POST},
            {"on_pre": "gi += w_i"},
        ],
    }.get(spec["network"], [{"on_pre": "ge += w_e"}, {"on_pre": "gi += w_i"}])
    delay = {"delay": p["delay"]} if "delay" in p else {}
    excites = shared.pre < excitatory(spec)
    made = []
    for option, some in zip(options, (excites, ~excites), strict=True):
        synapses = b2.Synapses(neurons, neurons, namespace=p, **option, **delay)
        synapses.connect(i=shared.pre[some], j=shared.post[some])
        made.append(synapses)
    if spec["network"] == "stdp":
        made[0].w = p["w_e"]
    return made


def prepare(spec):
    b2.prefs.core.default_float_dtype = np.float32
    b2.set_device("cpp_standalone", build_on_run=False)
    dt = spec["dt"] * ms
    b2.defaultclock.dt = dt

    shared, p = wiring(spec), with_units(spec)
    neurons = neurons_of(spec, p, dt)
    neurons.v = shared.v * mV
    monitor = b2.SpikeMonitor(neurons)
    network = b2.Network(neurons, monitor, *synapses_of(spec, p, neurons, shared))
    if spec["network"] == "brunel":
        sources = round(excitatory(spec) * spec["in_degree"])
        values = spec["parameters"]
        total = values["eta"] * values["v_th"] / (values["J"] * values["tau"]) * 1000 * Hz
        network.add(b2.PoissonInput(neurons, "v", sources, total / sources, weight=p["J"]))
    network.run(spec["steps"] * dt)
    built = []

    def run():
        if not built:
            built.append(tempfile.TemporaryDirectory(prefix="brian2-network-"))
            b2.device.build(directory=built[0].name, run=False)
        b2.device.run(with_output=False)
        steps = np.round(np.asarray(monitor.t / dt)).astype(int)
        return spike_work(steps, spec) | {"seconds": b2.device._last_run_time}

    return run


if __name__ == "__main__":
    contend(prepare, packages=("Brian2",))
