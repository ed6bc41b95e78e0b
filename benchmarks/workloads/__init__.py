"""The workloads, one file each."""

from benchmarks.workloads.adex import ADEX
from benchmarks.workloads.cells import CELL_NETWORK, CELLS
from benchmarks.workloads.dense_lif import DENSE_LIF
from benchmarks.workloads.dynapse2 import DYNAPSE2
from benchmarks.workloads.gradients import EVENTPROP, MEMORY, RESET_PATH
from benchmarks.workloads.import_time import IMPORT_TIME
from benchmarks.workloads.networks import BRUNEL, COBA, COBAHH, CUBA, STDP
from benchmarks.workloads.real_data import REAL_DATA
from benchmarks.workloads.recording_fit import RECORDING_FIT
from benchmarks.workloads.recordings import RECORDINGS
from benchmarks.workloads.scaling import CELL_SIZE, CUBA_GRADIENT, CUBA_SIZE
from benchmarks.workloads.training import TRAINING

WORKLOADS = (
    ADEX,
    DENSE_LIF,
    DYNAPSE2,
    CUBA,
    COBA,
    COBAHH,
    BRUNEL,
    STDP,
    CUBA_SIZE,
    CUBA_GRADIENT,
    CELLS,
    CELL_NETWORK,
    CELL_SIZE,
    RECORDING_FIT,
    RECORDINGS,
    TRAINING,
    MEMORY,
    EVENTPROP,
    RESET_PATH,
    REAL_DATA,
    IMPORT_TIME,
)
