"""The cell of the workload: a file that all contenders read, each in its own way.

The standard library only, since it is imported in the environment of every peer.
"""

import tempfile
from pathlib import Path

from benchmarks.measure import data

L5 = "morphologies/morph_l5pc_with_axon.swc"
SYNTHETIC = """\
1 1 0 0 0 10 -1
2 1 0 10 0 10 1
3 1 0 -10 0 10 1
4 3 0 60 0 2 2
5 3 0 120 0 1.5 4
6 3 60 200 0 1 5
7 3 -60 200 0 1 5
8 2 0 -60 0 1 3
9 2 0 -200 0 0.5 8
"""
"""A soma, a dendrite that forks, and an axon."""


def path_of(spec: dict) -> str:
    """The file that a specification names, below RHEOBASE_DATA; a small one where it names none."""
    if spec["swc"] is None:
        file = Path(tempfile.mkdtemp(prefix="rheobase-swc-")) / "synthetic.swc"
        file.write_text(SYNTHETIC)
        return str(file)
    return str(data(spec["swc"]))


def spikes_of(v) -> int:
    """How often a voltage rises through 0 mV."""
    return int(((v[1:] >= 0) & (v[:-1] < 0)).sum())
