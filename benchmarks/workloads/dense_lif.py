"""A dense layer n -> n with bias and n LIF neurons: loss and its gradient to the weights."""

import math

from benchmarks.contest import Contender, Size, Target, Workload

SPIKES_WITHIN = 0.1
DECAY = 0.9
OURS, PLAIN = "rheobase", "JAX scan"
PEERS = {
    "snnTorch": (
        "snntorch",
        "a loop in Python; the reset is subtracted after the decay of the next step",
    ),
    "Norse": ("norse", "a loop in Python; the gradient passes through the reset"),
    "SpikingJelly": ("spikingjelly", "its multi-step mode, in PyTorch"),
    "Spyx": (
        "spyx",
        "the gradient passes through the reset, which is subtracted after the decay of the next"
        " step; the decay is a parameter",
    ),
    "jaxpike": ("jaxpike", "the gradient passes through the reset; the decay is a parameter"),
    "sparx": ("sparxml", "runs on the newer JAX that it needs"),
}


def specification(n: int, steps: int, calls: int) -> dict:
    return {
        "n": n,
        "batch": 16,
        "steps": steps,
        "gain": 0.7,
        "decay": DECAY,
        "tau": -1 / math.log(DECAY),
        "calls": calls,
    }


def unequal(works: dict[str, dict]) -> list[str]:
    """The rate may differ as the conventions of the reset do; there must be a gradient."""
    rates = {name: work["spikes per step"] for name, work in works.items()}
    middle = sorted(rates.values())[len(rates) // 2]
    complaints = [
        f"{name} fired {rate:.4f} spikes a step, the others about {middle:.4f}"
        for name, rate in rates.items()
        if abs(rate - middle) > SPIKES_WITHIN * middle
    ]
    norms = {name: work["norm of gradient"] for name, work in works.items()}
    return complaints + [
        f"the gradient of {name} is {norm}"
        for name, norm in norms.items()
        if not (math.isfinite(norm) and norm > 0)
    ]


DENSE_LIF = Workload(
    name="dense_lif",
    title="Dense LIF layer",
    description=(
        "A dense layer n -> n with bias and n LIF neurons (decay 0.9 a step, soft reset, fast"
        " sigmoid of slope 25); input randn of shape (500, 16, n), float32; the loss is the sum of"
        " all spikes. Timed: loss and gradient to the weights. All get the same input and weights,"
        " with the scale of the input that each expects, and all compute the product for all time"
        " steps at once."
    ),
    sizes=(
        Size("n = 512", specification(512, 500, calls=4), rounds=3),
        Size("n = 2048", specification(2048, 500, calls=2), rounds=3),
    ),
    smoke=Size("n = 32", specification(32, 50, calls=1), rounds=1),
    contenders=(
        Contender(OURS, "ours/dense_lif.py", "`Sequential(Linear, SoftReset(LIF))`"),
        Contender(PLAIN, "plain_jax/dense_lif.py", "the decay is a constant"),
        *(
            Contender(name, f"peers/{peer}/dense_lif.py", differs, peer=peer)
            for name, (peer, differs) in PEERS.items()
        ),
    ),
    targets=(
        *(Target(f"not slower than {name}", OURS, name, 1.0) for name in PEERS),
        Target("within 1.1x of the JAX scan", OURS, PLAIN, 1.1),
        Target("first call within 1.5x of the JAX scan's", OURS, PLAIN, 1.5, column="first"),
    ),
    unequal=unequal,
)
