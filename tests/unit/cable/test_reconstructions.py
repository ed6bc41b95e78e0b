"""The first use of a cell, on every real reconstruction that RHEOBASE_DATA has."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import MorphologyError, ParameterError, UnknownName
from rheobase.units import S, cm, ms, mV, nA, ohm, uF, um

FILES = sorted(Path(os.environ.get("RHEOBASE_DATA", "none")).glob("morphologies/*.swc"))


def read(file):
    """As it is; where the radii were not traced, with the smallest that the error asks for."""
    try:
        return rb.io.read_swc(file)
    except MorphologyError as error:
        assert "line" in str(error) and "min_radius=" in str(error)
        return rb.io.read_swc(file, min_radius=0.1 * um)


@pytest.mark.slow
@pytest.mark.skipif(not FILES, reason="RHEOBASE_DATA has no morphologies")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_reconstruction_is_simulated(file):
    cell = rb.Cell(
        read(file),
        max_length=20 * um,
        axial_resistivity=100 * ohm * cm,
        capacitance=1 * uF / cm**2,
        v_init=-65 * mV,
    )
    cell = cell.insert(ch.HH(), at="all")
    regions = set(cell.compartments.region)
    if regions & {"basal", "apical"}:
        cell = cell.insert(ch.Leak(g=1e-4 * S / cm**2, e=-70 * mV), at="dendrite")
    else:
        with pytest.raises(UnknownName, match="dendrite"):
            cell.insert(ch.Leak(), at="dendrite")
    soma = cell.at("soma") if "soma" in regions else rb.morphology.Location(0, 0.5)
    far = cell.at("apical", path_distance=reach(cell)) if "apical" in regions else soma
    run = rb.simulate(
        cell,
        duration=100 * ms,
        dt=0.025 * ms,
        current={soma: rb.stimulus.Step(1 * nA, start=10 * ms, stop=90 * ms)},
        record={"v": [soma, far]},
    )
    v = np.asarray(run.v)
    assert v.shape == (4000, 2) and np.isfinite(v).all()
    assert -150 < v.min() and v.max() < 5000
    # Nothing moves before the current but for settling, and the current is felt.
    assert np.ptp(v[399]) < 15 and v[400:3600, 0].max() > v[399, 0] + 10


def reach(cell):
    """300 um, or what the error says where the apical dendrites end before."""
    try:
        cell.at("apical", path_distance=300 * um)
    except ParameterError as error:
        return float(re.search(r"path_distance=(\d+)\*um\.$", str(error))[1]) * um
    return 300 * um
