"""Places from which a search may start, around the one that the data suggest."""

import equinox as eqx
import numpy as np
from jax.flatten_util import ravel_pytree

from rheobase.fitting.problem import Problem, fields
from rheobase.train.domains import free
from rheobase.units import Role, anything, mV, parameters

_KNOWN = {Role.TIME_CONSTANT, Role.RESISTANCE, Role.CAPACITANCE, Role.REST, Role.LEAK}
"""What the passive membrane has told already."""
_NEAR, _FAR = 0.1, 0.8
"""Standard deviation of the logarithm of known and of unknown parameters."""
_VOLTS = 4.0
"""mV, that of unknown voltages."""


def scatter(problem: Problem, n: int, seed: int) -> np.ndarray:
    """`n` parameter vectors, the first of them the start itself, (n, P)."""
    random = np.random.default_rng(seed)
    neuron = problem.build(problem.start)
    rows = [problem.start]
    found = fields(neuron, problem.mask)
    for _ in range(n - 1):
        drawn = []
        for module, name, leaf in found:
            noise = random.normal(size=leaf.shape)
            declared = parameters(module).get(name)
            value = np.asarray(leaf, float)
            known = declared is not None and declared.role in _KNOWN
            if (
                declared is not None
                and declared.unit.same_dimension(mV)
                and declared.domain is anything
            ):
                drawn.append(value + (0.25 if known else 1.0) * _VOLTS * noise)
            else:
                drawn.append(value * np.exp((_NEAR if known else _FAR) * noise))
        where = lambda m: [getattr(owner, name) for owner, name in _places(m, problem)]  # noqa: E731
        moved = eqx.tree_at(
            where,
            neuron,
            [np.asarray(x, leaf.dtype) for x, (_, _, leaf) in zip(drawn, found, strict=True)],
        )
        y = ravel_pytree(eqx.filter(free(moved, problem.mask), problem.mask))[0]
        rows.append(problem.ordered(np.asarray(y, float)))
    return np.array(rows)


def _places(model, problem):
    return [(owner, name) for owner, name, _ in fields(model, problem.mask)]
