"""Layers from the nodes of NIR that are no populations."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase.errors import ArgumentError
from rheobase.io.nir.notes import kind_of, notes_of, unpacked
from rheobase.io.nir.units import from_amperes, internal
from rheobase.train import Conv1d, Conv2d, Delay, Delays, Flatten, Linear, Pool, Recurrent, Reshape
from rheobase.train.layer import Shape
from rheobase.train.recurrent import DAMPING
from rheobase.units import Quantity, ms, s


def read_linear(node: Any, name: str, entering: Any) -> Linear:
    """An Affine or Linear, whose inputs are `entering` times ours."""
    notes = notes_of(node)
    n_out, n_in = np.shape(node.weight)
    bias = node.bias if kind_of(node) == "Affine" else None
    held = unpacked(notes, name) or {}
    layer = Linear(
        n_in,
        n_out,
        bias is not None,
        key=jax.random.key(0),
        scale=notes.get("scale", 1.0),
        density=held.get("density", 1.0),
    )
    columns = np.asarray(node.weight, float).T * _column(entering)
    bias = None if bias is None else from_amperes(bias, 1.0)
    parts = from_amperes(columns, 1.0), bias, held.get("delays"), held.get("mask")
    return eqx.tree_at(
        lambda x: (x.weight, x.bias, x.delays, x.mask), layer, parts, is_leaf=lambda x: x is None
    )


def read_recurrent(neuron: Any, ways: list[tuple[Any, ...]], name: str, gain: Any, dt: float):
    """A population with the ways back to itself, and a bias that belongs to what comes before.

    - `gain`: how much of an ampere one of our numbers is to the population.
    """
    n, delays, bias, mask = _size(ways, gain), None, None, None
    weight = np.zeros((n, n))
    notes: dict[str, Any] = {}
    for way in ways:
        matrix, late = np.eye(n), np.zeros(n)
        for node in way:
            kind = kind_of(node)
            if kind == "Delay":
                late = late + np.asarray(node.delay, float).reshape(-1)
            elif kind == "Scale":
                matrix = np.asarray(node.scale, float).reshape(-1, 1) * matrix
            else:
                matrix, notes = np.asarray(node.weight, float) @ matrix, notes_of(node)
                if kind == "Affine" and np.any(node.bias):
                    bias = np.asarray(node.bias, float)
        if np.any(late) and len(ways) > 1:
            raise ArgumentError(
                f"population {name!r} hears itself by several ways, one of them with a Delay, for "
                f"which there is no layer."
            )
        weight, delays = weight + matrix, late if np.any(late) else delays
    held = unpacked(notes, name) or {}
    layer = Recurrent(
        neuron,
        n,
        scale=notes.get("scale", 1.0),
        density=held.get("density", 1.0),
        damping=notes.get("damping", DAMPING),
    )
    mask, kept = held.get("mask"), held.get("delays")
    if kept is None and delays is not None:
        kept = axons(delays + dt)
    rows = np.asarray(1e-9 / np.broadcast_to(np.asarray(gain, float).reshape(-1), (n,)))
    whole = np.allclose(rows, 1.0, rtol=1e-12)
    parts = from_amperes(weight.T if whole else weight.T * rows[None], 1.0), kept, mask
    layer = eqx.tree_at(
        lambda x: (x.weight, x.delays, x.mask), layer, parts, is_leaf=lambda x: x is None
    )
    return layer, bias


def _size(ways: list[tuple[Any, ...]], gain: Any) -> int:
    for node in (node for way in ways for node in way):
        if kind_of(node) in ("Linear", "Affine"):
            return int(np.shape(node.weight)[0])
        return int(np.size(node.delay if kind_of(node) == "Delay" else node.scale))
    return int(np.size(gain))


def axons(seconds: np.ndarray) -> Delays:
    """Delays of senders, fixed at these times."""
    times = internal(np.asarray(seconds, float).reshape(-1, 1), s)
    longest = float(np.asarray(times.max()))
    delays = Delays(Quantity(max(longest, 1e-6), ms), per="axon")
    dtype = jnp.result_type(float)
    parts = jnp.asarray(times.astype(dtype)), jnp.asarray(1.0, dtype)
    return eqx.tree_at(lambda d: (d.time, d.width), delays, parts, is_leaf=lambda x: x is None)


def read_delay(node: Any, dt: float) -> Delay:
    """A Delay, at least as long as a step so that the grid has a place for it."""
    seconds = np.asarray(node.delay, float).reshape(-1)
    layer = Delay(seconds.size, axons(np.append(seconds, dt)))
    time = layer.delays.time
    if time is None:
        raise ArgumentError("a Delay without times.")
    return eqx.tree_at(lambda x: x.delays.time, layer, time[:-1])


def read_convolution(node: Any, entering: Any) -> Conv1d | Conv2d:
    """A Conv1d or Conv2d."""
    notes = notes_of(node)
    weight = np.asarray(node.weight, float)
    axes = weight.ndim - 2
    groups = int(np.asarray(node.groups))
    weight, groups = _grouped(weight, int(notes.get("groups", groups)), groups)
    # Taps of zero that were written around a kernel are no part of it, if they still are zero.
    front, back = (np.atleast_1d(notes.get(x, (0,) * axes)).astype(int) for x in ("front", "back"))
    inner = tuple(slice(f, n - b) for f, b, n in zip(front, back, weight.shape[2:], strict=True))
    own = weight[(..., *inner)]
    if np.count_nonzero(weight) == np.count_nonzero(own):
        weight = own
    else:
        notes = {**notes, "padding": node.padding}
    padding = notes.get("padding", node.padding)
    if isinstance(padding, bytes | np.bytes_):
        padding = padding.decode()
    make: Any = Conv1d if axes == 1 else Conv2d
    layer = make(
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2:],
        stride=_sides(node.stride, axes),
        padding=padding if isinstance(padding, str) else _sides(padding, axes),
        dilation=_sides(node.dilation, axes),
        groups=groups,
        bias=bool(notes.get("bias", 1)),
        key=jax.random.key(0),
        scale=notes.get("scale", 1.0),
    )
    w = from_amperes(weight * _one(entering), 1.0)
    layer = eqx.tree_at(lambda x: x.weight, layer, w)
    if layer.bias is None:
        return layer
    return eqx.tree_at(lambda x: x.bias, layer, from_amperes(node.bias, 1.0))


def _grouped(weight: np.ndarray, told: int, groups: int) -> tuple[np.ndarray, int]:
    """The weights of `told` groups that were written as one, if there still is nothing between."""
    if told == groups:
        return weight, groups
    n_out, seen = weight.shape[0], weight.shape[1] // told
    rows = np.split(np.arange(n_out), told)
    own = np.concatenate([weight[r, g * seen : (g + 1) * seen] for g, r in enumerate(rows)])
    same = np.count_nonzero(own) == np.count_nonzero(weight)
    return (own, told) if same else (weight, groups)


def read_pool(node: Any) -> Pool:
    """A SumPool2d or AvgPool2d."""
    how = "sum" if kind_of(node) == "SumPool2d" else "mean"
    parts = [_sides(x, 2) for x in (node.kernel_size, node.stride, node.padding)]
    size, stride, padding = (x[0] if x[0] == x[1] else x for x in parts)
    return Pool(size, how, stride=stride, padding=padding)


def read_flatten(node: Any, before: Shape | None, following: Any) -> Flatten | Reshape:
    """A Flatten; some writers count a batch axis in `start_dim`, which the next node tells."""
    start, end = int(np.asarray(node.start_dim)), int(np.asarray(node.end_dim))
    weight = getattr(following, "weight", None)
    takes = None if weight is None else int(np.shape(weight)[1])
    if before is None or start == 0 or takes == int(np.prod(before)):
        return Flatten()
    end = end if end >= 0 else len(before) + end
    middle = int(np.prod(before[start : end + 1]))
    after = (*before[:start], middle, *before[end + 1 :])
    return Flatten() if len(after) == 1 else Reshape(*after)


def _sides(value: Any, axes: int) -> tuple[int, ...]:
    each = [int(x) for x in np.atleast_1d(np.asarray(value))]
    return tuple(each * axes) if len(each) == 1 else tuple(each)


def _column(entering: Any) -> Any:
    entering = np.asarray(entering, float)
    return entering if entering.ndim == 0 else entering.reshape(-1, 1)


def _one(entering: Any) -> float:
    """A factor that is the same everywhere."""
    entering = np.asarray(entering, float)
    if np.any(entering != entering.flat[0]):
        raise ArgumentError(
            "the NIR graph scales the places of a picture by themselves before a convolution, for "
            "which there is no layer."
        )
    return float(entering.flat[0])
