"""What files of older versions hold of classes that have changed since.

How to add a reader, when the fields of a class change:

1. A new field: name what it is worth in a file without it, `Form(absent={"dt": None})`. Take the
   value with which the class behaves as it did before, not today's default. A field of a NamedTuple
   with a default needs no line: without one in the file it has that default.
2. A field that went: `Form(dropped=("ceiling",))`.
   One that was renamed: `Form(renamed={"old": "new"})`.
3. Anything else, such as a counter of one word that now has two: `Form(read=function)`, from the
   fields by name to the fields by name. It runs on files of every version, after the steps above,
   so it must leave the present form as it is.

A class that moved, or got another name, belongs into `MOVED` of `rheobase.io.names` as well; here
it stands under its present name. A file of the old form goes to `tests/archive`.
"""

from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from rheobase.time import Clock

Fields = dict[str, Any]


class Form(NamedTuple):
    """How the fields of an older file become those of today."""

    absent: Fields = {}  # noqa: RUF012 - read only
    """Values of fields that older files do not have."""
    dropped: tuple[str, ...] = ()
    """Fields that are no longer there."""
    renamed: dict[str, str] = {}  # noqa: RUF012 - read only
    """From the old name of a field to the new one."""
    read: Callable[[Fields], Fields] | None = None
    """What no table says."""


def _by_axis(fields: Fields) -> Fields:
    """Kernels of one number, as before they had one for each axis."""
    axes = fields["axes"]

    def each(value: Any) -> Any:
        return (value,) * axes if type(value) is int else value

    sides = {name: each(fields[name]) for name in ("kernel", "stride", "padding", "dilation")}
    return fields | sides


def _stride_of_size(fields: Fields) -> Fields:
    return {"stride": fields["size"], **fields}


def _time_of_spike(fields: Fields) -> Fields:
    """The detector's second variable, which is zero wherever the first is defined."""
    if "early" in fields:
        return fields
    return fields | {"early": jnp.zeros(np.shape(fields["above"]), jnp.result_type(float))}


def _two_words(name: str) -> Callable[[Fields], Fields]:
    """A counter of steps that was one int32."""

    def read(fields: Fields) -> Fields:
        count = fields[name]
        if not isinstance(count, Clock) and jnp.issubdtype(count.dtype, jnp.integer):
            count = Clock.of(count)
        return fields | {name: count}

    return read


def _windowed(fields: Fields) -> Fields:
    """A detector from before its surrogate had a window, with that of every detector since."""
    if "window" in fields:
        return fields
    return fields | {"window": jnp.asarray(2.0, fields["span"].dtype)}


def _unaimed(fields: Fields) -> Fields:
    """A rule without a target, in the precision of its file."""
    if "target" in fields:
        return fields
    return fields | {"target": jnp.zeros((), fields["A_plus"].dtype)}


FORMS: dict[str, Form] = {
    "rheobase.systems.probes.Probes": Form(absent={"indices": None}),
    "rheobase.systems.cable.Inserted": Form(absent={"between": ()}),
    "rheobase.channels.fire.DetectorState": Form(read=_time_of_spike),
    "rheobase.channels.fire.SpikeDetector": Form(read=_windowed),
    "rheobase.channels.spiking.AdEx": Form(absent={"through_reset": False}),
    "rheobase.channels.spiking.Izhikevich": Form(absent={"through_reset": False}),
    "rheobase.devices.dynapse2.neuron.Neuron": Form(
        absent={"alpha_ampa": None, "alpha_nmda": None, "conductance": None, "homeostasis": None}
    ),
    "rheobase.devices.dynapse2.physical.PhysicalState": Form(
        absent={"Iampa_rise": None, "Inmda_rise": None, "activity": None, "log_gain": None}
    ),
    "rheobase.devices.dynapse2.soma.Inputs": Form(absent={"reversals": None}),
    "rheobase.gradients.compare.Row": Form(absent={"refusal": None}),
    "rheobase.network.connection.Connection": Form(absent={"at": None, "source": None}),
    "rheobase.network.network.Drive": Form(absent={"at": None}),
    "rheobase.systems.projection.Projection": Form(absent={"source": 0, "never_negative": None}),
    "rheobase.train.driven.Driven": Form(absent={"how": None}),
    "rheobase.network.recording.NetworkRecording": Form(absent={"connections": {}}),
    "rheobase.origin.Origin": Form(absent={"versions": None}),
    "rheobase.plasticity.pair.PairSTDP": Form(read=_unaimed),
    "rheobase.record.Record": Form(absent={"places": None}),
    "rheobase.record.RunState": Form(read=_two_words("step")),
    "rheobase.record.Recording": Form(read=_two_words("start")),
    "rheobase.stimulus.base.Grid": Form(renamed={"steps": "clock"}),
    "rheobase.stimulus.poisson.Poisson": Form(dropped=("ceiling",)),
    "rheobase.train.convolution.Form": Form(absent={"dilation": 1, "groups": 1}, read=_by_axis),
    "rheobase.train.dense.Linear": Form(absent={"delays": None, "mask": None, "density": 1.0}),
    "rheobase.train.recurrent.Recurrent": Form(
        absent={"delays": None, "mask": None, "density": 1.0, "damping": 1.0}
    ),
    "rheobase.train.shaping.Pool": Form(absent={"padding": 0}, read=_stride_of_size),
}
"""By the present name of the class."""


def absent(name: str, kind: type) -> Fields:
    """What fields are worth that a file does not have: by the table, and in a state its default."""
    defaults = getattr(kind, "_field_defaults", {})
    return {**defaults, **FORMS.get(name, Form()).absent}


def present(name: str, kind: type, fields: Fields) -> Fields:
    """The fields of a class, as a file of any version has them, in today's form."""
    form = FORMS.get(name, Form())
    kept = {form.renamed.get(k, k): x for k, x in fields.items() if k not in form.dropped}
    kept = {name: copy(x) for name, x in absent(name, kind).items()} | kept
    return kept if form.read is None else form.read(kept)
