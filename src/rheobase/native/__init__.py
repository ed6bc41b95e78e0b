"""What the compiled loops of networks are given, beside what `kernels/layout.py` declares."""
