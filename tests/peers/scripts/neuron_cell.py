"""Run in NEURON: `python neuron_cell.py mechanisms cell.swc out.npz`.

Compiles the .mod files of a folder, runs one compartment that has all of them, and reads an SWC
file: v (mV) every 0.005 ms, calcium (mM), and area (um2) and length (um) of each section.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

folder, swc, out = map(Path, sys.argv[1:])
subprocess.run(
    [Path(sys.executable).parent / "nrnivmodl"], cwd=folder, check=True, capture_output=True
)
os.chdir(folder)  # NEURON loads what was compiled from where it starts

from neuron import h  # noqa: E402

h.load_file("stdrun.hoc")
h.load_file("import3d.hoc")
cell = h.Section(name="cell")
cell.L = cell.diam = 20
cell.cm = 1
for name in ("squid", "nat", "kslow", "cahva", "cashell"):
    cell.insert(name)
cell.gbar_nat = 0.001
cell.ena, cell.ek = 50, -77
h.cao0_ca_ion, h.cai0_ca_ion = 2, 1e-4
stimulus = h.IClamp(cell(0.5))
stimulus.delay, stimulus.dur, stimulus.amp = 5, 20, 0.3
v = h.Vector().record(cell(0.5)._ref_v)
ca = h.Vector().record(cell(0.5)._ref_cai)
h.usetable_squid = 0  # exact curves, as ours
h.celsius, h.dt, h.steps_per_ms, h.secondorder = 6.3, 0.005, 200, 2
h.finitialize(-65)
h.continuerun(30)

before = set(h.allsec())
reader = h.Import3d_SWC_read()
reader.input(str(swc))
h.Import3d_GUI(reader, False).instantiate(None)
read = [section for section in h.allsec() if section not in before]
np.savez(
    out,
    v=np.array(v)[1:],
    ca=np.array(ca)[1:],
    area=[sum(segment.area() for segment in section) for section in read],
    length=[section.L for section in read],
)
