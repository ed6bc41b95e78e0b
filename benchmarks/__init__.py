"""Benchmarks: one harness, one file a workload, every contender in a process of its own."""
