"""The classical networks, one second each: CUBA, COBA, COBAHH, Brunel, and CUBA with STDP."""

from typing import Any

from benchmarks.contest import Contender, Size, Target, Workload

OURS, FLOOR, BRIAN, NEST, BRAINPY = "rheobase", "C++ loop", "Brian2", "NEST", "BrainPy"
LATE = "rheobase, 0.1 ms later"
SEED = 1
WITHIN = 0.02
# Chaotic networks without random input: from some time on rounding makes other spikes of the same
# network, and its rate in a second varies by more than a hundredth.
WITHIN_CHAOTIC = 0.03
WITHIN_EARLY = 0.01

# Units: ms, mV, nF, nS.
LIF = {"tau": 20.0, "v_th": -50.0, "v_reset": -60.0, "refractory": 5.0}
SYNAPSES = {"tau_e": 5.0, "tau_i": 10.0}
CONDUCTANCES = SYNAPSES | {"w_e": 6.0, "w_i": 67.0, "E_e": 0.0, "E_i": -80.0}
CUBA_PARAMETERS = LIF | SYNAPSES | {"v_rest": -49.0, "w_e": 1.62, "w_i": -9.0}
COBA_PARAMETERS = LIF | CONDUCTANCES | {"v_rest": -60.0, "g_L": 10.0}
COBAHH_PARAMETERS = CONDUCTANCES | {
    "C": 0.2,
    "g_Na": 20_000.0,
    "g_K": 6_000.0,
    "g_L": 10.0,
    "v_Na": 50.0,
    "v_K": -90.0,
    "v_L": -60.0,
    "v_T": -63.0,
    "v_th": -20.0,
}
STDP_PARAMETERS = CUBA_PARAMETERS | {
    "w_max": 3.24,
    "A_plus": 0.005,
    "A_minus": 0.00525,
    "tau_plus": 20.0,
    "tau_minus": 20.0,
}


def brunel_parameters(g: float, eta: float) -> dict[str, float]:
    return {
        "tau": 20.0,
        "v_rest": 0.0,
        "v_th": 20.0,
        "v_reset": 10.0,
        "refractory": 2.0,
        "J": 0.1,
        "delay": 1.5,
        "g": g,
        "eta": eta,
    }


# Lowest and highest initial voltage, the part of neurons that fire at once, and from where.
UNIFORM = [-60.0, -50.0, 0.0, 0.0]
VOLLEY = [-60.0, -50.0, 0.1, -45.0]
VOLLEY_HH = [-70.0, -60.0, 0.1, -30.0]


def specification(
    network: str, parameters: dict, start: list[float], n: int, steps: int, **more: Any
) -> dict:
    common = {"network": network, "n": n, "steps": steps, "dt": 0.1, "seed": SEED, "synapses": 80}
    return common | {"start": start, "parameters": parameters, "calls": 3} | more


def _apart(works: dict[str, dict], what: str, within: float) -> list[str]:
    counts = sorted(work[what] for work in works.values())
    middle = counts[len(counts) // 2]
    return [
        f"{name}: {what} {work[what]}, the others about {middle}"
        for name, work in works.items()
        if abs(work[what] - middle) > max(within * middle, 3)
    ]


def _unequal(works: dict[str, dict]) -> list[str]:
    return _apart(works, "spikes", WITHIN_CHAOTIC) + _apart(works, "in 50 ms", WITHIN_EARLY)


def unequal(works: dict[str, dict]) -> list[str]:
    """All of one delay must begin with the same spikes, but for rounding, and go on at one rate."""
    if LATE not in works:
        return _unequal(works)
    late = {name: work for name, work in works.items() if name in (LATE, NEST)}
    prompt = {name: work for name, work in works.items() if name not in late}
    return _unequal(late) + (_unequal(prompt) if prompt else [])


def equal_rates(works: dict[str, dict]) -> list[str]:
    """Where all draw random numbers of their own."""
    return _apart(works, "spikes", WITHIN)


def _contenders(
    ours: str, brian: str, floor: str | None, *more: Contender
) -> tuple[Contender, ...]:
    loop = f"{floor}; compiled before its first call, which has its synapses already"
    other = (
        f"{brian}; C++ standalone, synapses created by presynaptic neuron; the first call compiles"
        " it, later ones are timed by its own clock (processor time of its time loop, without"
        " the creation of synapses); its refractory period is a step longer, which makes it equal"
    )
    return (
        Contender(OURS, "ours/network.py", ours),
        *([Contender(FLOOR, "floor/network.py", loop)] if floor else []),
        Contender(BRIAN, "peers/brian2/network.py", other, peer="brian2"),
        *more,
    )


def _late(differs: str, options: dict[str, Any]) -> Contender:
    """Ours with the shortest delay that NEST has."""
    text = f"{differs} a delay of 0.1 ms, the shortest of NEST, which fires the same first spikes"
    return Contender(LATE, "ours/network.py", text, options={"delay": 0.1} | options)


def _nest(model: str, calls: int, seed: int = SEED) -> Contender:
    text = (
        f"{model}; in float64; each call builds the network anew, which only the time of the first"
        " one has in it; later ones are timed by the processor time of `Run`"
    )
    options = {"calls": calls, "seed": seed}
    return Contender(NEST, "peers/nest/network.py", text, peer="nest", options=options)


def _brainpy(text: str) -> Contender:
    how = (
        f"{text}; `LIFRef` and `AlignPostProj`, one `for_loop` under jit; rows of `brainevent.CSR`"
        " delivered by its numba kernel; it returns who fired at each step; its time is that of the"
        " compiled program"
    )
    return Contender(BRAINPY, "peers/brainpy/network.py", how, peer="brainpy")


def _faster(times: float, than: str = BRIAN, of: str = OURS) -> Target:
    return Target(f"{times:g}x faster than {than}", of, than, 1 / times)


def _within(times: float) -> Target:
    return Target(f"within {times:g}x of the C++ loop", OURS, FLOOR, times)


FIRST = Target("first call (build, compile, run) under 3 s", OURS, None, 3.0, column="first")
SECOND = "one second at 0.1 ms, float32; all spikes are recorded"

CUBA = Workload(
    name="cuba",
    title="CUBA network",
    description=(
        f"4,000 LIF neurons with exponential currents, 2 % connected (Brette et al. 2007),"
        f" {SECOND}."
    ),
    sizes=(
        Size("4,000 neurons", specification("cuba", CUBA_PARAMETERS, UNIFORM, 4000, 10_000), 2),
    ),
    smoke=Size(
        "400 neurons", specification("cuba", CUBA_PARAMETERS, UNIFORM, 400, 500, calls=1), 1
    ),
    contenders=_contenders(
        "`Network` of two populations, `Exact()`",
        "`exact`",
        "exact propagators",
        _brainpy("exponential Euler, exact since currents are held for a step and scaled for that"),
        _late("the same with", {}),
        _nest("`iaf_psc_exp`, exact propagators", 3),
    ),
    targets=(_faster(3), _faster(10, NEST, LATE), _faster(10, BRAINPY), _within(3), FIRST),
    unequal=unequal,
    per=lambda spec: spec["n"] * spec["steps"],
)

COBA = Workload(
    name="coba",
    title="COBA network",
    description=(
        "4,000 LIF neurons with exponential conductances, 2 % connected (Brette et al. 2007), set"
        f" off by a volley of a tenth of the neurons in the first step, {SECOND}."
    ),
    sizes=(Size("4,000 neurons", specification("coba", COBA_PARAMETERS, VOLLEY, 4000, 10_000), 2),),
    smoke=Size("400 neurons", specification("coba", COBA_PARAMETERS, VOLLEY, 400, 500, calls=1), 1),
    contenders=_contenders(
        "exponential Euler",
        "`exponential_euler`",
        "exponential Euler",
        _brainpy("exponential Euler"),
        _late(
            "`RungeKutta4()`; synapses of another seed, with which activity does not die out at",
            {"stepper": "RungeKutta4", "seed": 2},
        ),
        _nest("`iaf_cond_exp`, Runge-Kutta-Fehlberg 4(5) with a step of its own choice", 2, 2),
    ),
    targets=(_faster(3), _faster(10, NEST, LATE), _faster(10, BRAINPY), FIRST),
    unequal=unequal,
    per=lambda spec: spec["n"] * spec["steps"],
)

COBAHH = Workload(
    name="cobahh",
    title="COBAHH network",
    description=(
        "4,000 Traub-Miles neurons with exponential conductances, 2 % connected (Brette et al."
        f" 2007), set off by a volley of a tenth of the neurons, {SECOND}."
    ),
    sizes=(
        Size(
            "4,000 neurons", specification("cobahh", COBAHH_PARAMETERS, VOLLEY_HH, 4000, 10_000), 2
        ),
    ),
    smoke=Size(
        "400 neurons", specification("cobahh", COBAHH_PARAMETERS, VOLLEY_HH, 400, 300, calls=1), 1
    ),
    contenders=_contenders(
        "exponential Euler",
        "`exponential_euler`",
        "exponential Euler",
        _nest(
            "`hh_cond_exp_traub`, the same kinetics by Runge-Kutta-Fehlberg 4(5) with a step of its"
            " own choice, more exact than exponential Euler at 0.1 ms, which changes the rate; its"
            " delay is 0.1 ms; it fires where the voltage begins to fall above -33 mV, not where it"
            " rises through -20 mV, and not again for 2 ms",
            1,
        ),
    ),
    targets=(_faster(8), _within(2.2), FIRST),
    unequal=unequal,
    per=lambda spec: spec["n"] * spec["steps"],
)


def _brunel(n: int, steps: int, g: float, eta: float, calls: int) -> dict:
    start = [0.0, 20.0, 0.0, 0.0]
    parameters = brunel_parameters(g, eta)
    return specification("brunel", parameters, start, n, steps, in_degree=0.1, calls=calls)


BRUNEL = Workload(
    name="brunel",
    title="Brunel network",
    description=(
        "12,500 LIF neurons, 1,250 synapses on each, delays of 1.5 ms, Poisson input (Brunel 2000)"
        f", {SECOND}. Each contender draws its own input, so that rates are equal and spikes are"
        " not."
    ),
    sizes=(
        Size("asynchronous irregular: g 5, eta 2", _brunel(12_500, 10_000, 5.0, 2.0, 2), 2),
        Size("fast synchronous irregular: g 6, eta 4", _brunel(12_500, 10_000, 6.0, 4.0, 1), 1),
    ),
    # Long, since in a small network rates differ from input to input.
    smoke=Size("1,000 neurons", _brunel(1000, 10_000, 5.0, 2.0, 1), 1),
    contenders=_contenders(
        "delta synapses; input drawn in the compiled loop, the numbers of `jax.random`",
        "`exact`, `PoissonInput`",
        "a ring of the numbers of neurons that fired; one draw of xorshift a neuron and step",
        _nest(
            "`iaf_psc_delta`, `poisson_generator`; its delay is a step longer, which makes it"
            " equal, and its input begins that delay after the rest",
            1,
        ),
    ),
    targets=(_faster(3), _faster(3, NEST)),
    unequal=equal_rates,
    per=lambda spec: spec["n"] * spec["steps"],
)

STDP = Workload(
    name="stdp",
    title="CUBA network with STDP",
    description=(
        "The CUBA network with pair STDP on all 256,000 excitatory synapses, which begin at half of"
        f" the strongest weight, {SECOND}."
    ),
    sizes=(
        Size("4,000 neurons", specification("stdp", STDP_PARAMETERS, UNIFORM, 4000, 10_000), 2),
    ),
    smoke=Size(
        "400 neurons", specification("stdp", STDP_PARAMETERS, UNIFORM, 400, 300, calls=1), 1
    ),
    contenders=_contenders(
        "`PairSTDP`, a trace for each neuron",
        "`exact`; event-driven traces for each synapse, as its documentation writes STDP",
        None,
    ),
    targets=(_faster(2), FIRST),
    unequal=unequal,
    per=lambda spec: spec["n"] * spec["steps"],
)
