"""Whether the parts of what was read from a file fit together: sizes, indices and counts.

A constructor has seen to that for what a user makes; a file may hold anything. Conditions that a
field declares (`rheobase.io.fields`), and those that a class checks by itself in `__check_init__`,
are not repeated here.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rheobase.errors import ShapeError
from rheobase.io.names import name_of

RANGES: dict[str, dict[str, str]] = {
    "rheobase.systems.probes.Probes": {"every": "1.."},
    "rheobase.connectivity.distributions.LogNormal": {"std": "0.."},
    "rheobase.connectivity.distributions.Normal": {"std": "0.."},
    "rheobase.devices.dynapse2.network.Network": {"n_out": "1..", "dt": ">0", "delays": "0.."},
    "rheobase.kernels.delivery.Targets": {"n_post": "0..", "widest": "0.."},
    "rheobase.network.source.SpikeSource": {"n": "1.."},
    "rheobase.record.Events": {"steps": "0..", "size": "0.."},
    "rheobase.record.Record": {"every": "1.."},
    "rheobase.record.Recording": {"dt": ">0", "every": "1..", "steps": "0.."},
    "rheobase.stimulus.random.Poisson": {"sources": "1.."},
    "rheobase.train.convolution.Form": {
        **{name: "1.." for name in ("axes", "n_in", "n_out", "groups")},
        **{name: "1.." for name in ("kernel", "stride", "dilation")},
        "padding": "0..",
    },
    "rheobase.train.delays.Delay": {"n": "1.."},
    "rheobase.train.delays.Delays": {"longest": ">0", "widest": ">0"},
    "rheobase.train.dense.Linear": {
        "n_in": "1..", "n_out": "1..", "scale": ">0", "density": "0..1",
    },
    "rheobase.train.encoders.Direct": {"steps": "1.."},
    "rheobase.train.encoders.Latency": {"steps": "1.."},
    "rheobase.train.encoders.Poisson": {"steps": "1..", "dt": ">0", "rate": "0.."},
    "rheobase.train.layers.Sequential": {"dt": ">0"},
    "rheobase.train.losses.CrossEntropy": {"temperature": ">0", "smoothing": "0..1"},
    "rheobase.train.losses.MeanSquareRate": {"dt": ">0"},
    "rheobase.train.losses.VanRossum": {"tau": ">0", "dt": ">0"},
    "rheobase.train.losses.VictorPurpura": {"cost": "0..", "dt": ">0"},
    "rheobase.train.norm.BatchNorm": {"n": "1..", "scale": ">0"},
    "rheobase.train.recurrent.Recurrent": {
        "n": "1..", "scale": ">0", "density": "0..1", "damping": "0..1",
    },
    "rheobase.train.shaping.Dropout": {"rate": "0..1"},
    "rheobase.train.shaping.Pool": {"size": "1..", "stride": "1..", "padding": "0.."},
    "rheobase.train.shaping.Reshape": {"axes": "1.."},
    "rheobase.train.shaping.Skip": {"layers": "1.."},
    "rheobase.train.weights.Quantised": {"bits": "2.."},
}  # fmt: skip
"""Where the numbers of a class may lie that are counts, times and parts, by field."""


def require(made: Any) -> None:
    """Refuse what does not fit together. Errors: `ShapeError`."""
    name = name_of(type(made))
    for field, condition in RANGES.get(name, {}).items():
        value = getattr(made, field)
        for number in value if isinstance(value, tuple) else (value,):
            _need(isinstance(number, str) or _lies(number, condition), made, f"{field} {condition}")
    if name in _CHECKS:
        _CHECKS[name](made)


def _lies(number: Any, condition: str) -> bool:
    if condition == ">0":
        return bool(number > 0)
    low, _, high = condition.partition("..")
    return bool(float(low) <= number <= float(high or "inf"))


def _need(holds: Any, made: Any, what: str) -> None:
    if not holds:
        raise ShapeError(f"{type(made).__name__} needs {what}")


def _within(array: Any, low: int, high: int) -> bool:
    values = np.asarray(array)
    return bool(
        np.issubdtype(values.dtype, np.integer) and np.all((values >= low) & (values < high))
    )


def _targets(made: Any) -> None:
    start, target = np.asarray(made.start), np.asarray(made.target)
    _need(start.dtype == target.dtype == np.int32, made, "numbers of synapses of int32")
    _need(start.ndim == target.ndim == 1 and start.size, made, "start and target of one axis")
    rises = start[0] == 0 and start[-1] == len(target) and np.all(np.diff(start) >= 0)
    _need(rises, made, "a start that rises from 0 to the number of synapses")
    _need(_within(target, 0, made.n_post), made, "targets below n_post")
    _need(made.widest >= np.diff(start).max(initial=0), made, "the widest row in widest")


def _columns(made: Any) -> None:
    synapse = np.asarray(made.synapse)
    _need(synapse.shape == made.to.target.shape, made, "a number for each synapse")
    _need(_within(synapse, 0, len(synapse)), made, "numbers of synapses that there are")


def _projection(made: Any) -> None:
    shapes = ((1,), (made.synapses,))
    _need(made.weight.shape in shapes, made, "one weight, or one for each synapse")
    _need(made.delay is None or made.delay.shape in shapes, made, "one delay, or one for each")
    seen = made.by_post
    if seen is not None:
        fits = seen.to.n_post == made.n_pre and len(seen.to.start) == made.to.n_post + 1
        _need(fits and seen.synapse.shape == (made.synapses,), made, "columns of its own synapses")


def _network(made: Any) -> None:
    sizes = {name: population.n for name, population in made.populations.items()}
    for p in made.projections:
        _need(p.pre in sizes and p.post in sizes, made, "connections of its populations")
        fits = p.n_pre == sizes[p.pre] and p.to.n_post == sizes[p.post]
        _need(fits, made, f"synapses from {p.pre!r} to {p.post!r} of their sizes")
    for drive in made.drives:
        _need(drive.population in sizes, made, "drives of its populations")


def _tree(made: Any) -> None:
    n, first = len(made.region), np.asarray(made.first)
    _need(n and made.points.shape == (len(made.radii), 3), made, "a point for each radius")
    _need(
        len(made.parent) == len(made.attach) == n == len(first) - 1, made, "arrays of its sections"
    )
    rises = first[0] == 0 and first[-1] == len(made.radii) and np.all(np.diff(first) >= 1)
    _need(rises, made, "sections of at least one sample")
    _need(_before(made.parent), made, "parents before their children")
    _need(np.all((made.attach >= 0) & (made.attach <= 1)), made, "places from 0 to 1")
    _need(np.all(np.isfinite(made.points)) and np.all(made.radii > 0), made, "radii above 0")
    _need(all(_within(k, 0, n) for _, k in made.groups), made, "groups of its sections")


def _before(parent: Any) -> bool:
    values = np.asarray(parent)
    return bool(np.all((values >= -1) & (values < np.arange(len(values)))))


def _compartments(made: Any) -> None:
    n = len(made.parent)
    one = ("area", "volume", "axial", "shell", "axial_share", "shell_share", "length", "radius")
    _alike(made, (*one, "section", "at", "path_distance"), (n,))
    _need(made.xyz.shape == (n, 3) and made.owners.shape == (2, n), made, "arrays of its nodes")
    _need(_before(made.parent), made, "parents before their children")
    _need(_within(made.section, 0, len(made.tree)), made, "sections of its tree")
    _need(_within(made.owners, -1, n), made, "owners among its nodes")


def _alike(made: Any, fields: Iterable[str], shape: tuple[int, ...]) -> None:
    for field in fields:
        _need(getattr(made, field).shape == shape, made, f"`{field}` of shape {shape}")


def _cell(made: Any) -> None:
    n = made.nodes.size
    _need(n == len(made.compartments), made, "a node for each compartment")
    for field in ("radius", "length"):
        _need(getattr(made, field).shape in ((), (n,)), made, f"`{field}` of shape {(n,)}")
    for inserted in made.mechanisms:
        _need(_within((*inserted.nodes, *inserted.between, 0), 0, n), made, "channels in its nodes")


def _linear(made: Any) -> None:
    shape = (made.n_in, made.n_out)
    _need(made.weight is None or made.weight.shape == shape, made, f"weights of shape {shape}")
    _need(made.bias is None or made.bias.shape == shape[1:], made, f"biases of shape {shape[1:]}")
    _need(made.mask is None or made.mask.shape == shape, made, f"a mask of shape {shape}")


def _recurrent(made: Any) -> None:
    shape = (made.n, made.n)
    _need(made.weight is None or made.weight.shape == shape, made, f"weights of shape {shape}")
    _need(made.mask is None or made.mask.shape == shape, made, f"a mask of shape {shape}")


def _source(made: Any) -> None:
    times, neurons = made.trains.times, made.trains.neurons
    _need(times.shape == neurons.shape and times.ndim == 1, made, "a neuron for each time")
    _need(_within(neurons, 0, made.n), made, "neurons below n")
    _need(np.all(np.isfinite(times)) and np.all(times >= 0), made, "times of 0 or more")
    _need(np.all(np.diff(times) >= 0), made, "times in their order")


_CHECKS: dict[str, Callable[[Any], None]] = {
    "rheobase.cable.cell.Cell": _cell,
    "rheobase.kernels.delivery.Targets": _targets,
    "rheobase.kernels.plasticity.Columns": _columns,
    "rheobase.morphology.compartments.Compartments": _compartments,
    "rheobase.morphology.tree.Tree": _tree,
    "rheobase.network.network.Network": _network,
    "rheobase.systems.projection.Projection": _projection,
    "rheobase.network.source.SpikeSource": _source,
    "rheobase.train.dense.Linear": _linear,
    "rheobase.train.recurrent.Recurrent": _recurrent,
}
