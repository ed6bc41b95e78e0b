"""Training a recurrent network, step by step: the same model and data in three libraries."""

from benchmarks.contest import Contender, Size, Target, Workload

OURS, SNNTORCH, SPYX = "rheobase", "snnTorch", "Spyx"
DECAY, DECAY_OUT = 0.9, 0.95
MORE_ERRORS = 0.02


def specification(hidden: int, steps: int, updates: int, noise: float) -> dict:
    return {
        "channels": 64, "hidden": hidden, "steps": steps, "batch": 64, "updates": updates,
        "held_out": 500, "rate": 0.05, "noise": noise, "decay": DECAY, "decay_out": DECAY_OUT,
        "rate of learning": 2e-3, "clip": 0.5, "calls": 7,
    }  # fmt: skip


def unequal(works: dict[str, dict]) -> list[str]:
    """They must all have learned, and we not worse than the others."""
    errors = {name: work["error"] for name, work in works.items()}
    complaints = [f"{name} has learned nothing" for name, e in errors.items() if not e < 0.8]
    best = min(errors.values())
    if errors.get(OURS, best) > best + MORE_ERRORS:
        complaints.append(f"rheobase errs on {errors[OURS]:.1%}, another on {best:.1%}")
    return complaints


TRAINING = Workload(
    name="training",
    title="Training a recurrent network",
    description=(
        "64 channels, 256 recurrent LIF neurons (soft reset, fast sigmoid of slope 25), a leaky"
        " readout of 10 classes, cross entropy of its largest potential, Adam at 2e-3 on all"
        " weights and on the decay of every neuron (from 0.9 a step, of the readout 0.95),"
        " gradients clipped to a norm of 0.5 (without it they explode now and then through the"
        " recurrence, in any of the three); 250 steps, batches of 64, float32. All begin with the"
        " same weights and see the same spikes: Poisson, of rates that are half those of the"
        " class. A call is an epoch of 20 steps of Adam; the first one includes all compilation."
        " `error` is of 500 held-out samples, a mean over epochs 6 to 8."
    ),
    sizes=(Size("256 neurons", specification(256, 250, 20, noise=0.5), rounds=2),),
    smoke=Size("32 neurons", specification(32, 50, 20, noise=0.1), rounds=1),
    contenders=(
        Contender(OURS, "ours/training.py", "`Sequential` and optax"),
        Contender(
            SNNTORCH, "peers/snntorch/training.py",
            "a loop in Python; the reset is subtracted after the decay of the next step",
            peer="snntorch",
        ),
        Contender(
            SPYX, "peers/spyx/training.py",
            "the gradient passes through the reset", peer="spyx",
        ),
    ),
    targets=(
        Target("a step 3x faster than snnTorch's", OURS, SNNTORCH, 1 / 3),
        Target("a step 1.5x faster than Spyx's", OURS, SPYX, 1 / 1.5),
        Target("20 steps, first included, 3x faster than snnTorch", OURS, SNNTORCH, 1 / 3, "first"),
        Target("20 steps, first included, 1.5x faster than Spyx", OURS, SPYX, 1 / 1.5, "first"),
        Target("errors at most 1.1x those of snnTorch", OURS, SNNTORCH, 1.1, "error"),
        Target("errors at most 1.1x those of Spyx", OURS, SPYX, 1.1, "error"),
    ),
    unequal=unequal,
)  # fmt: skip
