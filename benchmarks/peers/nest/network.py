"""The network workloads in NEST: built before each call, only its time loop timed."""

import nest
import numpy as np

from benchmarks.measure import contend, processor_seconds
from benchmarks.wiring import excitatory, gates, spike_work, wiring

WITH_SYNAPSES = {"tau_syn_ex": "tau_e", "tau_syn_in": "tau_i"}
LIF = {"E_L": "v_rest", "V_th": "v_th", "V_reset": "v_reset", "t_ref": "refractory"}
REVERSALS = {"E_ex": "E_e", "E_in": "E_i"}
TRAUB = {"g_Na": "g_Na", "g_K": "g_K", "g_L": "g_L"}
TRAUB |= {"E_Na": "v_Na", "E_K": "v_K", "E_L": "v_L", "V_T": "v_T"}
# Its model, and our names of its parameters.
MODELS = {
    "cuba": ("iaf_psc_exp", LIF | WITH_SYNAPSES | {"tau_m": "tau"}),
    "coba": ("iaf_cond_exp", LIF | WITH_SYNAPSES | REVERSALS | {"g_L": "g_L"}),
    "cobahh": ("hh_cond_exp_traub", TRAUB | WITH_SYNAPSES | REVERSALS),
    "brunel": ("iaf_psc_delta", LIF | {"tau_m": "tau"}),
}


def capacitance(network, p):
    """pF, by which a current in pA drives the voltage as the workload has it."""
    if network == "cobahh":
        return 1000 * p["C"]
    return p["tau"] * p.get("g_L", 1.0)  # of 1 nS: a weight in pA is one in mV


def weights(p):
    """Excitatory and inhibitory, in the unit of the model: pA, nS or mV."""
    if "J" in p:
        return p["J"], -p["g"] * p["J"]
    return p["w_e"], -abs(p["w_i"])  # the sign says which kind of synapse


def create(spec, shared):
    p, network = spec["parameters"], spec["network"]
    model, names = MODELS[network]
    given = {theirs: p[ours] for theirs, ours in names.items()}
    neurons = nest.Create(model, spec["n"], given | {"C_m": capacitance(network, p)})
    neurons.V_m = shared.v.tolist()
    if network == "cobahh":
        steady = gates(p["v_L"], p["v_T"])
        neurons.set(Act_m=steady["m"], Inact_h=steady["h"], Act_n=steady["n"])
    return neurons


def connect(spec, shared, neurons):
    """All with one delay, which is how long NEST runs before it looks for spikes."""
    p, dt = spec["parameters"], spec["dt"]
    # A jump that arrives at the end of a step acts a step earlier than ours.
    delay = {"delay": p["delay"] + dt if "delay" in p else dt}
    numbers = np.array(neurons.tolist())
    excites = shared.pre < excitatory(spec)
    for name, weight, some in zip("ei", weights(p), (excites, ~excites), strict=True):
        nest.CopyModel("static_synapse_hom_w", name, {"weight": weight} | delay)
        pairs = numbers[shared.pre[some]], numbers[shared.post[some]]
        nest.Connect(*pairs, "one_to_one", {"synapse_model": name})
    if spec["network"] == "brunel":
        rate = p["eta"] * p["v_th"] / (p["J"] * p["tau"]) * 1000  # Hz
        source = nest.Create("poisson_generator", params={"rate": rate})
        nest.Connect(source, neurons, syn_spec={"weight": p["J"]} | delay)
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder, syn_spec=delay)
    return recorder


def prepare(spec):
    shared = wiring(spec)
    nest.verbosity = nest.VerbosityLevel.ERROR

    def run():
        nest.ResetKernel()
        nest.set(resolution=spec["dt"], local_num_threads=1, rng_seed=spec["seed"])
        neurons = create(spec, shared)
        recorder = connect(spec, shared, neurons)
        nest.Prepare()
        begin = processor_seconds()
        nest.Run(spec["steps"] * spec["dt"])
        taken = processor_seconds() - begin
        nest.Cleanup()
        steps = np.round(recorder.events["times"] / spec["dt"]).astype(int) - 1
        return spike_work(steps, spec) | {"seconds": taken}

    return run


if __name__ == "__main__":
    contend(prepare, packages=("nest-simulator",))
