"""Fit of a recording in a given processor time: covariance adaptation against scipy's search."""

import os
from pathlib import Path

from benchmarks.contest import Contender, Size, Target, Workload

OURS, SCIPY = "rheobase", "scipy"
FILE = "171116sh_0018.abf"
_DATA = Path(os.environ.get("RHEOBASE_DATA", ".")) / "patch_clamp" / FILE


def specification(file: str | None, seconds: float, calls: int) -> dict:
    return {"file": file, "seconds": seconds, "calls": calls}


def unequal(works: dict[str, dict]) -> list[str]:
    """Both have the same time; what they reach is what is compared."""
    return []


RECORDING_FIT = Workload(
    name="recording_fit",
    title="A model of a recording",
    description=(
        "AdEx with refractoriness, a rising threshold and an afterhyperpolarising conductance (15"
        " parameters) fitted to every second sweep of 171116sh_0018.abf where RHEOBASE_DATA holds"
        " it, else of a known cell. Both searches call the same compiled simulator and loss with 32"
        " candidates a generation, begin from the same 160, and end after the same processor time,"
        " so that seconds say nothing: the work is the loss that is reached, median and worst over"
        " seeds. scipy: differential_evolution, best1bin, deferred updating, without polish."
    ),
    sizes=(Size("30 s", specification(FILE if _DATA.exists() else None, 30.0, 1), 1),),
    smoke=Size("synthetic", specification(None, 3.0, 1), 1),
    contenders=(
        Contender(OURS, "ours/recording_fit.py", "covariance matrix adaptation"),
        Contender(
            SCIPY, "ours/recording_fit.py", "differential evolution",
            options={"search": "differential"},
        ),
    ),
    targets=(Target("a smaller loss than scipy's", OURS, SCIPY, 1.0, column="median loss"),),
    unequal=unequal,
)  # fmt: skip
