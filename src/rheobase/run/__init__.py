"""How circuits go through time: the loop, what is recorded, and runs in pieces."""
