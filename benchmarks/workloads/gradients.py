"""The gradient methods beside each other: memory over time, spikes instead of steps, finiteness."""

from benchmarks.contest import Contender, Size, Target, Workload
from benchmarks.workloads.scaling import nothing_unequal

FULL, CHECKPOINTED = "surrogate", "surrogate, checkpointed"
ONLINE, SHORT = "e-prop", "e-prop, a quarter of the time"
EXACT, GRID, CHECKED = "exact", "surrogate", "exact, float64"
SCRIPT = "ours/gradients.py"


def specification(hidden: int, steps: int, batch: int, rate: float, calls: int = 3) -> dict:
    return {
        "hidden": hidden, "steps": steps, "batch": batch, "rate": rate, "calls": calls,
        "channels": 64, "method": "surrogate", "neuron": "ALIF", "recurrent": True, "shapes": None,
    }  # fmt: skip


def unequal(works: dict[str, dict]) -> list[str]:
    """The exact method has to be right and its network sparse, to be compared at all."""
    rate = works.get(EXACT, {}).get("spikes per step", 0.01)
    return [] if 0 < rate < 0.02 else [f"{rate:.2%} of the neurons fire in a step"]


MEMORY = Workload(
    name="training_memory",
    title="Memory of a training step",
    description=(
        "64 channels, 256 recurrent ALIF neurons, 10 leaky readouts, 5,000 steps, 4 samples,"
        " float32: the gradient of a cross entropy to all weights. The memory is what the compiled"
        " program needs beside its arguments, by XLA's own account."
    ),
    sizes=(Size("5,000 steps", specification(256, 5000, 4, 0.02), 1),),
    smoke=Size("200 steps", specification(16, 200, 2, 0.02, calls=1), 1),
    contenders=(
        Contender(FULL, SCRIPT, "`Surrogate()`"),
        Contender(
            CHECKPOINTED, SCRIPT, "`Surrogate(checkpoint=True)`", options={"method": "checkpointed"}
        ),
        Contender(ONLINE, SCRIPT, "`EProp()`", options={"method": "eprop"}),
        Contender(
            SHORT, SCRIPT, "`EProp()` on the first quarter", options={"method": "eprop", "part": 4}
        ),
    ),
    targets=(
        Target("checkpointed in 0.1 of the memory", CHECKPOINTED, FULL, 0.1, "temporary MB"),
        Target("e-prop's does not grow with time", ONLINE, SHORT, 1.02, "temporary MB"),
    ),
    unequal=nothing_unequal,
)  # fmt: skip

EVENTPROP = Workload(
    name="eventprop",
    title="Exact gradients of sparse spikes",
    description=(
        "64 channels, 256 CubaLIF neurons that fire in under 2 % of the steps, 10 leaky readouts,"
        " 500 steps, 16 samples, float32: loss and gradient to all weights by `Exact` (EventProp's"
        " adjoint, spikes located inside their steps) and by `Surrogate`. The error is that of the"
        " exact gradient along a random direction against central finite differences in float64."
    ),
    sizes=(
        Size(
            "500 steps",
            specification(256, 500, 16, 0.02) | {"neuron": "CubaLIF", "recurrent": False},
            2,
        ),
    ),
    smoke=Size(
        "50 steps",
        specification(16, 50, 2, 0.03, calls=1) | {"neuron": "CubaLIF", "recurrent": False},
        1,
    ),
    contenders=(
        Contender(EXACT, SCRIPT, "`Exact()`", options={"method": "exact"}),
        Contender(GRID, SCRIPT, "`Surrogate()`"),
        Contender(CHECKED, SCRIPT, "`rb.gradients.check`", options={"method": "check"}),
    ),
    targets=(
        Target("a step not slower than the surrogate's", EXACT, GRID, 1.0),
        Target("within 1e-4 of finite differences", CHECKED, None, 1e-4, "error"),
    ),
    unequal=unequal,
)

RESET_PATH = Workload(
    name="reset_path",
    title="Gradients through many resets",
    description=(
        "500 recurrent LIF neurons, hard reset, 2,000 steps, 2 samples, float32: the gradient to"
        " all weights with every surrogate of the library at its defaults. `not finite` counts the"
        " surrogates with a NaN or an infinity among their derivatives."
    ),
    sizes=(
        Size(
            "500 neurons, 2,000 steps",
            specification(500, 2000, 2, 0.02, calls=1) | {"neuron": "LIF"},
            1,
        ),
    ),
    smoke=Size(
        "50 steps", specification(16, 50, 2, 0.1, calls=1) | {"neuron": "LIF", "shapes": 2}, 1
    ),
    contenders=(Contender("rheobase", SCRIPT, "", options={"method": "every surrogate"}),),
    targets=(Target("no surrogate without finite gradients", "rheobase", None, 0, "not finite"),),
    unequal=nothing_unequal,
)
