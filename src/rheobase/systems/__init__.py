"""What moves in steps of time: neurons, cells, lists of spikes, and circuits of them."""
