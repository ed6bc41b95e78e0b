"""256 neurons of DYNAP-SE2 with dense recurrent weights and mismatch: run, gradient, making."""

from benchmarks.contest import Contender, Size, Target, Workload

SPIKES_WITHIN = 0.02
OURS, PHYSICAL, PEER = "rheobase", "rheobase, physical", "Rockpool"


def specification(n: int, steps: int, batch: int, task: str, calls: int) -> dict:
    return {
        "n": n,
        "steps": steps,
        "batch": batch,
        "task": task,
        "rate": 0.02,
        "gain": 0.5,
        "calls": calls,
    }


def unequal(works: dict[str, dict]) -> list[str]:
    """Mismatch is drawn by each, so rates agree but not spikes; the physical mode has its own."""
    rates = {
        name: work["spikes per step"]
        for name, work in works.items()
        if "spikes per step" in work and name != PHYSICAL
    }
    if not rates:
        return []
    middle = rates.get(OURS, next(iter(rates.values())))
    return [
        f"{name} fired {rate:.5f} spikes a step, not {middle:.5f}"
        for name, rate in rates.items()
        if abs(rate - middle) > SPIKES_WITHIN * middle
    ]


DYNAPSE2 = Workload(
    name="dynapse2",
    title="Neurons of DYNAP-SE2",
    description=(
        "256 neurons with dense input and recurrent weights, 1,000 steps of 1 ms, float32, mismatch"
        " of 5 %"
        " at three standard deviations, all currents traced. The mode compatible gives the spikes"
        " of Rockpool's DynapSim (tests/peers/test_dynapsim.py); the mode physical simulates the"
        " circuits. The gradient is that of the number of spikes to every weight."
    ),
    sizes=(
        Size("forward, batch 1", specification(256, 1000, 1, "forward", calls=3), rounds=2),
        Size("forward, batch 32", specification(256, 1000, 32, "forward", calls=2), rounds=2),
        Size("gradient, batch 1", specification(256, 1000, 1, "gradient", calls=2), rounds=2),
        Size("construction", specification(256, 0, 1, "construction", calls=3), rounds=1),
    ),
    smoke=Size("n = 16", specification(16, 50, 2, "gradient", calls=1), rounds=1),
    contenders=(
        Contender(OURS, "ours/dynapse2.py", "surrogate in the logarithm of Imem"),
        Contender(
            PHYSICAL,
            "ours/dynapse2.py",
            "log-domain circuits, two gates, located spikes; 250 nA for a weight of one",
            options={"mode": "physical", "iscale": 250},
        ),
        Contender(
            PEER,
            "peers/rockpool/dynapse2.py",
            "surrogate in amperes; weights alone",
            peer="rockpool",
        ),
    ),
    targets=(
        Target("8 times as fast as Rockpool", OURS, PEER, 1 / 8, size="forward, batch 1"),
        Target("4 times as fast as Rockpool", OURS, PEER, 1 / 4, size="forward, batch 32"),
        Target("4 times as fast as Rockpool", OURS, PEER, 1 / 4, size="gradient, batch 1"),
        Target("100 times as fast as Rockpool", OURS, PEER, 1 / 100, size="construction"),
        Target("physical at most 4 times compatible", PHYSICAL, OURS, 4.0),
    ),
    unequal=unequal,
)
