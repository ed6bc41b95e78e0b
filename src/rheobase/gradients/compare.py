"""Gradient methods side by side, and against finite differences."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.errors import ArgumentError
from rheobase.gradients.base import prepare, taken
from rheobase.gradients.exact import Exact
from rheobase.gradients.mixed import Mixed
from rheobase.train.data import Loss
from rheobase.train.method import AbstractGradient, require_method

NAN = float("nan")
LONGEST = 10.0
"""Seconds of a method's calls after which no other is timed."""


class Row(NamedTuple):
    """What came of one method."""

    method: str
    value: float
    """The loss of its run."""
    norm: float
    """Of the gradient."""
    cosine: float
    """Between its gradient and that of the reference, all weights together."""
    cosines: tuple[float, ...]
    """The same for each layer; NaN where a gradient is zero."""
    seconds: float
    """Of a call, the least of some."""
    megabytes: float
    """What the compiled program needs beside model and batch."""
    first: float
    """Seconds to compile."""
    refusal: str | None = None
    """Why the method does not apply to the model; its numbers are then NaN."""


class Comparison(NamedTuple):
    """What `compare` found; prints as a table, `rb.plot.gradients(comparison)` draws it."""

    rows: tuple[Row, ...]
    reference: str

    def __str__(self) -> str:
        head = ("method", "loss", "norm", f"cosine to {self.reference}", "s", "MB", "compile s")
        ran = [r for r in self.rows if r.refusal is None]
        cells = [
            (r.method, f"{r.value:.4g}", f"{r.norm:.3g}", f"{r.cosine:+.3f}",
             f"{r.seconds:.3g}", f"{r.megabytes:.3g}", f"{r.first:.2g}")
            for r in ran
        ]  # fmt: skip
        wide = [max(map(len, column)) for column in zip(head, *cells, strict=True)]

        def line(cells: Sequence[str]) -> str:
            first, *rest = (c.ljust(w) if not i else c.rjust(w) for i, (c, w) in
                            enumerate(zip(cells, wide, strict=True)))  # fmt: skip
            return "  ".join([first, *rest])

        refused = [f"{r.method}: {r.refusal}" for r in self.rows if r.refusal is not None]
        return "\n".join([*map(line, (head, *cells)), *refused])


def compare(
    model: Any,
    batch: tuple[Any, Any],
    methods: Sequence[AbstractGradient],
    *,
    loss: Loss | None = None,
    key: Array | None = None,
    repeats: int = 3,
) -> Comparison:
    """The gradients of several methods on one batch: direction, time and memory.

    The reference is the first `Exact` among the methods, or else the first of them. Directions are
    those of the weights (arrays of two axes or more), since parameters have units of their own.

    - `model`, `batch`, `loss`, `key`: as in `value_and_grad`.
    - `methods`: of `rb.gradients`.
    - `repeats`: calls that are timed; fewer of a method that has taken 10 s.

    A method that does not apply to the model has a row that says why, and no numbers.

    Errors: `ArgumentError`, also where no method applies; `ShapeError`.

    >>> import numpy as np, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 2), rb.LI())
    >>> batch = np.full((8, 30, 4), 2.0), np.zeros(8, int)
    >>> methods = [rb.gradients.Surrogate(), rb.gradients.EProp()]
    >>> found = rb.gradients.compare(model, batch, methods)
    >>> [round(row.cosine, 4) for row in found.rows]
    [1.0, 1.0]
    """
    methods = list(methods)
    if not methods:
        raise ArgumentError("`methods` is empty. Write methods=[rb.gradients.Surrogate()].")
    given = prepare(model, batch, loss, None)
    refusals = [_refusal(method, model) for method in methods]
    applies = [m for m, refusal in zip(methods, refusals, strict=True) if refusal is None]
    if not applies:
        raise ArgumentError(f"no method applies to this model. {refusals[0]}")
    reference = next((m for m in applies if isinstance(m, Exact)), applies[0])
    runs = {id(m): _timed(m, model, given, key, repeats) for m in applies}
    truth = runs[id(reference)][0]
    rows = []
    for method, refusal in zip(methods, refusals, strict=True):
        if refusal is not None:
            rows.append(Row(_name(method), NAN, NAN, NAN, (), NAN, NAN, NAN, refusal))
            continue
        gradient, value, seconds, megabytes, first = runs[id(method)]
        layers = getattr(gradient, "layers", (gradient,))
        others = getattr(truth, "layers", (truth,))
        cosines = tuple(_cosine(a, b) for a, b in zip(layers, others, strict=True))
        norm = float(np.linalg.norm(_weights(gradient)))
        cosine = _cosine(gradient, truth)
        row = Row(_name(method), value, norm, cosine, cosines, seconds, megabytes, first)
        rows.append(row)
    return Comparison(tuple(rows), _name(reference))


def _refusal(method: Any, model: Any) -> str | None:
    """Why a method does not apply to a model; raises for what is no method."""
    if not isinstance(method, AbstractGradient):
        require_method(method, model)
    try:
        method.check(model)
    except ArgumentError as error:
        return str(error)
    return None


class Check(NamedTuple):
    """A gradient along a direction, and the central difference of the loss along it."""

    gradient: float
    difference: float

    @property
    def error(self) -> float:
        """|gradient - difference|/|difference|."""
        return abs(self.gradient - self.difference) / max(abs(self.difference), 1e-300)


def check(
    model: Any,
    batch: tuple[Any, Any],
    *,
    method: AbstractGradient | None = None,
    loss: Loss | None = None,
    step: float = 1e-6,
    key: Array | None = None,
    seed: int = 0,
) -> Check:
    """A gradient against central finite differences, along a random direction of all arrays.

    The difference is that of the loss of the method's own run: `Exact` agrees with it as long as no
    spike comes or goes, while a surrogate has nothing there to agree with. They want float64,
    `jax.config.update("jax_enable_x64", True)`.

    - `step`: how far to either side, in parts of the size of each array.
    - `seed`: of the direction. The others as in `value_and_grad`.

    >>> import jax, numpy as np, rheobase as rb
    >>> with jax.enable_x64(True):
    ...     model = rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 2), rb.LI())
    ...     batch = np.random.default_rng(0).uniform(1, 3, (4, 30, 4)), np.zeros(4, int)
    ...     found = rb.gradients.check(model, batch, method=rb.gradients.Exact())
    >>> found.error < 1e-5
    True
    """
    given = prepare(model, batch, loss, None)
    method = require_method(method, model)
    arrays, static = eqx.partition(model, eqx.is_inexact_array)
    leaves, structure = jax.tree.flatten(arrays)
    draws = np.random.default_rng(seed)
    along = [
        jnp.asarray(draws.normal(size=x.shape) * max(float(jnp.abs(x).mean()), 1e-3), x.dtype)
        for x in leaves
    ]

    def value(by: float) -> float:
        moved = [x + jnp.asarray(by, x.dtype) * d for x, d in zip(leaves, along, strict=True)]
        there = eqx.combine(jax.tree.unflatten(structure, moved), static)
        return float(taken(method, there, given, key)[0].value)

    _, gradient = taken(method, model, given, key)
    slopes = jax.tree.leaves(gradient)
    dot = sum(float(jnp.sum(g * d)) for g, d in zip(slopes, along, strict=True))
    return Check(dot, (value(step) - value(-step)) / (2 * step))


def _timed(method: AbstractGradient, model: Any, given: Any, key: Any, repeats: int) -> tuple:
    begun = time.perf_counter()
    lowered: Any = taken
    program = lowered.lower(method, model, given, key).compile()
    first = time.perf_counter() - begun
    needs = program.compiled.memory_analysis()
    megabytes = float("nan") if needs is None else needs.temp_size_in_bytes / 1e6
    spent = []
    while True:
        begun = time.perf_counter()
        judged, gradient = jax.block_until_ready(program(method, model, given, key))
        spent.append(time.perf_counter() - begun)
        if len(spent) >= repeats or sum(spent) > LONGEST:
            return gradient, float(judged.value), min(spent), megabytes, first


def _weights(gradient: Any) -> np.ndarray:
    leaves = [np.asarray(x, float) for x in jax.tree.leaves(gradient) if jnp.ndim(x) > 1]
    return np.concatenate([x.ravel() for x in leaves]) if leaves else np.zeros(0)


def _cosine(one: Any, two: Any) -> float:
    a, b = _weights(one), _weights(two)
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / size) if size > 0 else float("nan")


def _name(method: AbstractGradient) -> str:
    """A method as it would be written, without what is as by default."""
    kind = type(method)
    if isinstance(method, Mixed):
        others = zip(method.positions, map(_name, method.others), strict=True)
        given = ", ".join(f"{position}: {name}" for position, name in others)
        return f"Mixed({_name(method.method)}, {{{given}}})"
    default = kind()
    changed = [
        f"{name}={getattr(method, name)!r}"
        for name in kind.__dataclass_fields__
        if name != "key" and getattr(method, name) != getattr(default, name)
    ]
    return f"{kind.__name__}({', '.join(changed)})"
