"""The training commands on real data, each judged on samples that it has not seen."""

from benchmarks.contest import Contender, Size, Target, Workload
from benchmarks.workloads.scaling import nothing_unequal

SPOKEN, EVENTS, DIGITS = "spoken digits", "N-MNIST", "scikit-learn digits"
SCRIPT = "ours/real_data.py"

REAL_DATA = Workload(
    name="real_data",
    title="Training on real data",
    description=(
        "What `rheobase train spoken-digits`, `rheobase train nmnist` and `rheobase demo` do, from"
        " the first file read to the saved model, on one core. Spoken digits: 256 recurrent ALIF"
        " neurons with learned delays, judged on the recordings with an index below 10 of all six"
        " speakers; N-MNIST: two convolutions, trained on 200 samples, judged on"
        " the other 100; scikit-learn digits: 64 to LIF to 10, judged on a fifth. Of spoken digits"
        " and N-MNIST, `RHEOBASE_DATA` holds the files."
    ),
    sizes=(Size("as the commands do it", {"epochs": None, "calls": 0}, 1),),
    smoke=Size("two epochs", {"epochs": 2, "calls": 0}, 1),
    contenders=tuple(
        Contender(name, SCRIPT, differs, options={"task": task})
        for name, task, differs in (
            (DIGITS, "demo", "`rheobase demo`"),
            (SPOKEN, "spoken-digits", "`rheobase train spoken-digits`"),
            (EVENTS, "nmnist", "`rheobase train nmnist`, and once more on all 300 samples"),
        )
    ),
    targets=(
        Target("scikit-learn digits: errors at most 2 %", DIGITS, None, 0.02, "error"),
        Target("spoken digits, with delays: errors at most 3 %", SPOKEN, None, 0.03, "error"),
        Target("spoken digits: 10 minutes on two cores", SPOKEN, None, 1200.0, "first"),
        Target("N-MNIST: errors at most 20 %", EVENTS, None, 0.2, "error"),
    ),
    unequal=nothing_unequal,
)
