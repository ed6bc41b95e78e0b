"""Work that follows spikes, compiled for a CPU, each kernel beside its twin in JAX."""
