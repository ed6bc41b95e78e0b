"""The workloads, one file each."""

from benchmarks.workloads.adex import ADEX
from benchmarks.workloads.dense_lif import DENSE_LIF
from benchmarks.workloads.import_time import IMPORT_TIME

WORKLOADS = (ADEX, DENSE_LIF, IMPORT_TIME)
