"""10,000 uncoupled AdEx neurons for one second."""

from benchmarks.contest import Contender, Size, Target, Workload

SPIKES_WITHIN = 0.02

# Regular spiking, Brette & Gerstner 2005 (C 281 pF, g_L 30 nS), spikes cut at v_T + 5 delta_T.
# Units: ms, mV, MOhm, uS, nA.
PARAMETERS = {
    "tau": 281 / 30,
    "R": 1000 / 30,
    "v_rest": -70.6,
    "v_th": -40.4,
    "v_reset": -70.6,
    "v_T": -50.4,
    "delta_T": 2.0,
    "tau_w": 144.0,
    "a": 0.004,
    "b": 0.0805,
}


def specification(n: int, steps: int, calls: int) -> dict:
    # The currents are spread evenly over the neurons; at one second they give 0 to 31 spikes each.
    return {
        "n": n,
        "steps": steps,
        "dt": 0.1,
        "current": [0.55, 1.0],
        "calls": calls,
        "parameters": PARAMETERS,
    }


def unequal(works: dict[str, dict]) -> list[str]:
    """All must have fired as often as the others, within 2 %."""
    spikes = {name: work["spikes"] for name, work in works.items()}
    middle = sorted(spikes.values())[len(spikes) // 2]
    return [
        f"{name} fired {count} spikes, the others about {middle}"
        for name, count in spikes.items()
        if abs(count - middle) > SPIKES_WITHIN * middle
    ]


def both_steppers(name: str, script: str, differs: str) -> list[Contender]:
    steppers = {"Euler": "euler", "exponential Euler": "exponential_euler"}
    return [
        Contender(f"{name}, {title}", script, differs, options={"stepper": stepper})
        for title, stepper in steppers.items()
    ]


ADEX = Workload(
    name="adex",
    title="AdEx neurons",
    description=(
        "10,000 uncoupled AdEx neurons, 10,000 steps of 0.1 ms, float32, a constant current that"
        " differs from neuron to neuron; the spikes of each neuron are counted and nothing else is"
        " kept."
    ),
    sizes=(Size("10,000 neurons, 10,000 steps", specification(10_000, 10_000, calls=3), rounds=3),),
    smoke=Size("200 neurons, 2,000 steps", specification(200, 2_000, calls=1), rounds=1),
    contenders=(
        *both_steppers("rheobase", "ours/adex.py", "the generic `AdEx` through `simulate`"),
        *both_steppers("C++ loop", "floor/adex.py", "compiled before its first call"),
        *both_steppers("JAX scan", "plain_jax/adex.py", "parameters are constants"),
        Contender(
            "Brian2",
            "peers/brian2/adex.py",
            "Euler; C++ standalone: the first call compiles it with g++ (whose memory is the peak),"
            " each call starts the binary; the exponential is not bounded at the threshold",
            peer="brian2",
        ),
        Contender(
            "BrainPy",
            "peers/brainpy/adex.py",
            "exponential Euler, built into its AdExIF; w is advanced with the new v; its program is"
            " compiled again at the second call",
            peer="brainpy",
        ),
        Contender(
            "ngc-learn",
            "peers/ngclearn/adex.py",
            "Euler; its scan returns the spikes of every step, here of a thousand steps at a time;"
            " the exponential is not bounded; the time of the last spike is kept too",
            peer="ngclearn",
        ),
    ),
    targets=(
        Target("within 1.5x of the C++ loop", "rheobase, Euler", "C++ loop, Euler", 1.5),
        Target(
            "within 1.5x of the C++ loop, exponential Euler",
            "rheobase, exponential Euler",
            "C++ loop, exponential Euler",
            1.5,
        ),
        Target("6x faster than Brian2", "rheobase, Euler", "Brian2", 1 / 6),
        Target("10x faster than BrainPy", "rheobase, Euler", "BrainPy", 1 / 10),
        Target("10x faster than ngc-learn", "rheobase, Euler", "ngc-learn", 1 / 10),
    ),
    unequal=unequal,
    per=lambda spec: spec["n"] * spec["steps"],
)
