"""The language of NEURON's .mod files: tokens, grammar, meaning."""
