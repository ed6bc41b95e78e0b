"""Weights after given spike trains in Brian2: python brian2_plasticity.py cases.json out.npz.

Each case has spike times (ms) and neurons of both sides, pairs, the text of the synapses, values
for its names and first values of its variables. Runs in the environment of the peer.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
from brian2 import (  # noqa: E402
    Network,
    SpikeGeneratorGroup,
    Synapses,
    defaultclock,
    ms,
    prefs,
)

prefs.codegen.target = "numpy"


def weights(case):
    """The weights at the end of the run."""
    defaultclock.dt = case["dt"] * ms
    pre = SpikeGeneratorGroup(case["n_pre"], case["pre"][0], case["pre"][1] * ms, name="before")
    post = SpikeGeneratorGroup(case["n_post"], case["post"][0], case["post"][1] * ms, name="behind")
    given = {name: value * ms if name.startswith("tau") else value
             for name, value in case["values"].items()}  # fmt: skip
    learning = Synapses(
        pre,
        post,
        "w : 1\n" + case["model"],
        on_pre=case["on_pre"],
        on_post=case["on_post"] or None,
        method="exact",
        namespace=given,
        name="learning",
    )
    learning.connect(i=case["i"], j=case["j"])
    for name, value in case["start"].items():
        setattr(learning, name, value)
    learning.pre.delay = case["delay"] * ms
    if case["every_step"]:
        learning.run_regularly(case["every_step"], when="end", dt=case["dt"] * ms)
    Network(pre, post, learning).run(case["duration"] * ms)
    return np.asarray(learning.w)


if __name__ == "__main__":
    cases = json.loads(Path(sys.argv[1]).read_text())
    for case in cases.values():
        for side in ("pre", "post"):
            index, times = case[side]
            case[side] = np.array(index, int), np.array(times, float)
    np.savez(sys.argv[2], **{name: weights(case) for name, case in cases.items()})
