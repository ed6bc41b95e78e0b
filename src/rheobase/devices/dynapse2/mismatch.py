"""Mismatch of transistors: every current of every neuron and every synapse drawn, by chip."""

import zlib
from operator import attrgetter
from typing import Any, Literal, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.devices.dynapse2.layout import DEVICES
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.neuron import OPTIONS, Neuron
from rheobase.devices.dynapse2.projection import Projection
from rheobase.errors import ArgumentError, ParameterError, ShapeError, UnknownName, brief
from rheobase.units import nA, parameters

Model = TypeVar("Model", Neuron, Network)
Distribution = Literal["lognormal", "gaussian"]

CURRENTS = tuple(name for name in DEVICES if not name.startswith("Iw_") or name == "Iw_ahp")
"""The currents of a neuron, which differ from chip to chip."""
_LARGEST = 2.0
"""A spread above it is a percentage."""
_LEAST = 0.05
"""What a Gaussian draw leaves of a current at least: none is zero or negative."""


def mismatch(
    model: Model,
    spread: float | Array = 0.2,
    *,
    key: Array,
    n: int | None = None,
    parameters: tuple[str, ...] | str | None = None,
    weights: float | Array | None = None,
    distribution: Distribution = "lognormal",
) -> Model:
    r"""A chip: the model with currents of its own for every neuron, and weights for every synapse.

    With p the nominal value and xi a standard normal number for each neuron (synapse) and
    parameter, p exp(s xi - s²/2), s² = ln(1 + spread²), of mean p, or p (1 + spread xi) by
    `distribution="gaussian"`, at least p/20.

    - `model`: a `Neuron`, or a `Network`.
    - `spread`: coefficient of variation; users of the chip quote about 0.2. (Rockpool's "percent"
      is three of them.)
    - `key`: a key is a chip. The draws of a parameter depend on `key`, its shape and its name, so
      several calls give several parameters their own spreads; `jax.vmap` over keys gives many
      chips, and a new key in each step of a training redraws them.
    - `n`: number of neurons, for a `Neuron`; a network has its own.
    - `parameters`: names of currents; all by default, those of further circuits as
      "alpha_ampa.Itau". Capacitors, kappa, Ut, Vth and Io may be named too.
    - `weights`: spread of the synapses of a network; `spread` by default.
    - `distribution`: "lognormal" or "gaussian".

    Gradients reach the nominal values. Errors: `UnknownName`, `ParameterError`, `ShapeError`,
    `ArgumentError`.

    >>> import jax
    >>> from rheobase.devices import dynapse2 as d2
    >>> chip = d2.mismatch(d2.Neuron(), 0.2, key=jax.random.key(7), n=256)
    >>> chip.Itau_mem.shape
    (256,)
    """
    if not isinstance(model, Neuron | Network):
        raise ArgumentError(
            f"mismatch is drawn for a d2.Neuron or a d2.Network, got {brief(model)}. For any other "
            f"neuron write rb.Mismatch(neuron, 0.2, key=key, n=100)."
        )
    if distribution not in ("lognormal", "gaussian"):
        raise UnknownName("distribution", distribution, ("lognormal", "gaussian"))
    for name, value in (("spread", spread), ("weights", weights)):
        if isinstance(value, int | float) and not 0 <= value < float("inf"):
            raise ParameterError(f"`{name}` must be finite and >= 0, got {value}. Write 0.2.")
        if isinstance(value, int | float) and value > _LARGEST:
            raise ParameterError(
                f"`{name}` is a coefficient of variation: {value:g} would be {100 * value:g} %. "
                f"Write {value / 100:g} for {value:g} %."
            )
    names = _names(parameters, model if isinstance(model, Neuron) else model.neuron)
    if isinstance(model, Neuron):
        size = _size(model) if n is None else (n,)
        return _neuron(model, names, spread, key, size, distribution)
    if n is not None:
        raise ShapeError(f"a network has its own size, {model.n}: leave out `n`.")
    neuron = _neuron(model.neuron, names, spread, key, (model.n,), distribution)
    share = spread if weights is None else weights
    drawn = [
        None
        if part is None
        else _projection(part, share, jax.random.fold_in(key, number), distribution)
        for number, part in enumerate((model.inputs, model.synapses))
    ]
    return eqx.tree_at(
        lambda net: (net.neuron, net.inputs, net.synapses),
        model,
        (neuron, *drawn),
        is_leaf=lambda x: x is None,
    )


def _neuron(neuron, names, spread, key, shape, distribution) -> Neuron:
    values = [attrgetter(name)(neuron) for name in names]
    width = jnp.broadcast_shapes(shape, *(v.shape for v in values))
    drawn = [
        value * _factor(jax.random.fold_in(key, zlib.crc32(name.encode())), width, value, spread,
                        distribution)
        for name, value in zip(names, values, strict=True)
    ]  # fmt: skip
    return eqx.tree_at(lambda m: [attrgetter(name)(m) for name in names], neuron, drawn)


def _projection(projection: Projection, spread, key, distribution) -> Projection:
    weight = projection.weight
    factor = _factor(key, weight.shape, weight, spread, distribution)
    return eqx.tree_at(lambda p: p.weight, projection, weight * factor)


def _factor(key, shape, like: Array, spread: Any, distribution: Distribution) -> Array:
    spread = jax.lax.stop_gradient(jnp.asarray(spread, like.dtype))
    xi = jax.random.normal(key, shape, like.dtype)
    if distribution == "gaussian":
        return jnp.maximum(1 + spread * xi, _LEAST)
    s = jnp.sqrt(jnp.log1p(spread * spread))
    return jnp.exp(s * xi - s * s / 2)


def _names(given: tuple[str, ...] | str | None, neuron: Neuron) -> tuple[str, ...]:
    options = [(name, getattr(neuron, name)) for name in OPTIONS]
    further = {
        f"{name}.{current}": p
        for name, option in options
        if option is not None
        for current, p in parameters(option).items()
    }
    if given is None:
        return CURRENTS + tuple(name for name, p in further.items() if p.unit == nA)
    names = (given,) if isinstance(given, str) else tuple(given)
    known = parameters(Neuron) | further
    for name in names:
        if name not in known:
            raise UnknownName("parameter of a chip neuron", name, known)
    return tuple(dict.fromkeys(names))


def _size(neuron: Neuron) -> tuple[int, ...]:
    leaves = jax.tree.leaves(eqx.filter(neuron, eqx.is_inexact_array))
    return np.broadcast_shapes(*(leaf.shape for leaf in leaves))
