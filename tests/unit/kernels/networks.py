"""Random networks in a process whose kernels are sanitized: python -m tests.unit.kernels.networks.

Each is run on from its own state and from forged ones; some are differentiated by their weights.
"""

import sys

import jax

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, StepperError
from rheobase.kernels import library
from tests.laws.random_networks import DT, forged, numbers, run, structure, weighted

STEPS = 40
FORGED = 6
EACH = 3
"""Networks of a structure, which are the same compiled programs."""


def go_on(net: rb.Network, seed: int) -> None:
    """From its own state, and from forged ones where they are not refused."""
    state = run(net, seed, STEPS).final
    run(net, seed, STEPS, state=state)
    for k in range(FORGED):
        try:
            run(net, seed, STEPS, state=forged(state, FORGED * seed + k))
        except (ArgumentError, ShapeError, StepperError):
            continue


def differentiate(net: rb.Network, seed: int) -> None:
    """Back through the compiled loop, where it is differentiated there."""
    record = {name: rb.Record(spikes="count") for name in net.populations}

    def total(weights):
        key, given = jax.random.key(seed), weighted(net, weights)
        done = rb.simulate(given, duration=STEPS * DT, dt=DT, key=key, record=record)
        return sum(done[name].counts.sum() for name in record)

    jax.block_until_ready(jax.jit(jax.grad(total))([p.weight for p in net.projections]))


def main(dtype: str, first: str, last: str) -> None:
    """The structures from one seed to another, in float32 or float64."""
    if not library.available():
        raise SystemExit("the sanitized kernels cannot be loaded")
    with jax.enable_x64(dtype == "float64"):
        for seed in range(int(first), int(last)):
            net = structure(seed)
            for own in range(EACH * seed, EACH * (seed + 1)):
                go_on(numbers(net, own), own)
                print(own, flush=True)
            if seed % 4 == 0 and net.projections:
                differentiate(net, seed)


if __name__ == "__main__":
    main(*sys.argv[1:])
