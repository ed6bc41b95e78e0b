"""`rheobase fit` on real recordings, each judged on the sweeps that it has not seen."""

from benchmarks.contest import Contender, Size, Target, Workload
from benchmarks.workloads.scaling import nothing_unequal

STEPS, LONG, RAMPS = "171116sh_0018", "17o05028_ic_steps", "171116sh_0016"
SCRIPT = "ours/recordings.py"

RECORDINGS = Workload(
    name="recordings",
    title="From a recording to a model",
    description=(
        "What `rheobase fit recording.abf --model AdEx` does, from the file to the report, on one"
        " core: AdEx, dressed, fitted to every second sweep and judged on the others, of which the"
        " model sees the current only. Scores are means over held-out sweeps: spikes too many or"
        " too few, and by how many of the data's; ms by which the first spike of a pulse is off;"
        " mV away from spikes; 1 - R² of the f-I curve; coincidence factor at 4 ms. There is no"
        " current twice in these files, so that the cell's own limit of that factor is not known."
        " 17o05028 fires by itself without a current, at times that no current tells; 0016 has"
        " ramps. `RHEOBASE_DATA` holds the files."
    ),
    sizes=(Size("held-out sweeps", {"steps": None, "calls": 0}, 1),),
    smoke=Size("two steps", {"steps": 2, "calls": 0}, 1),
    contenders=tuple(
        Contender(name, SCRIPT, f"`rheobase fit {name}.abf --model AdEx`", options={"file": name})
        for name in (STEPS, LONG, RAMPS)
    ),
    targets=tuple(
        target
        for name in (STEPS, LONG)
        for target in (
            Target(f"{name}: counts within 1 spike", name, None, 1.0, "spikes off"),
            Target(f"{name}: first spikes within 5 ms", name, None, 5.0, "ms late"),
            Target(f"{name}: within 2.5 mV", name, None, 2.5, "mV off"),
            Target(f"{name}: R² of 0.97", name, None, 0.03, "1 - R²"),
            Target(f"{name}: 3 minutes on two cores", name, None, 360.0, "first"),
        )
    ),
    unequal=nothing_unequal,
)
