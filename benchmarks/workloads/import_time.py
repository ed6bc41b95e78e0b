"""Import of the package, against that of the two packages on which it is built."""

from benchmarks.contest import Contender, Size, Target, Workload

OURS, BASIS = "import rheobase", "import jax, equinox"

IMPORT_TIME = Workload(
    name="import_time",
    title="Import",
    description="Processor time of the import in a fresh process, after that of Python itself.",
    sizes=(Size("one process each", {}, rounds=10),),
    smoke=Size("one process each", {}, rounds=1),
    contenders=(
        Contender(OURS, "imports.py", "", options={"modules": ["rheobase"]}),
        Contender(BASIS, "imports.py", "", options={"modules": ["jax", "equinox"]}),
    ),
    targets=(Target("within 1.2x of import jax, equinox", OURS, BASIS, 1.2),),
    unequal=lambda works: [],
)
