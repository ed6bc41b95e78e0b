"""Forward Euler as one would write it in a notebook: float64, numpy, no code of the library."""

import numpy as np


def euler(start, flow, fires, reset, current, dt, steps, ceiling=None):
    """The recorded variables, shape (steps, variable), and the numbers of the spiking steps.

    All variables advance from the same old state; the row of a spiking step is the one that
    crossed, with its first variable held at `ceiling` where there is one.
    """
    state, rows, spikes = np.array(start, float), [], []
    for k in range(steps):
        state = state + dt * np.array(flow(*state, current))
        fired = fires(*state)
        if fired and ceiling is not None:
            state[0] = min(state[0], ceiling)
        rows.append(state)
        if fired:
            spikes.append(k)
            state = np.array(reset(*state), float)
    return np.array(rows), spikes
