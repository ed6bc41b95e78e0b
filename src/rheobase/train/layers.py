"""Layers of a network: `Linear`, `Recurrent`, any neuron, and `Sequential`, a stack of them."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase import population
from rheobase.errors import ArgumentError, KeyRequired, ShapeError, UnknownName
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.record import Recording, RunState
from rheobase.steppers import AbstractStepper, ExponentialEuler
from rheobase.train.arguments import positive_number
from rheobase.train.scale import input_scale
from rheobase.units import Quantity, Unit, ms

GAIN = 1.0
"""Standard deviation of the summed input, in units of what carries a neuron to its threshold, if
every input of a layer is 1."""
ECHO = 0.5
"""The same for recurrent weights."""

Inputs = Literal["current", "spikes"]


class Linear(eqx.Module):
    r"""A dense connection: I_j = sum_i x_i w_ij + b_j.

    x (..., n_in) spikes or currents, w (n_in, n_out) and b (n_out,) in the unit that the following
    neuron receives (nA). A neuron whose `target` is not its voltage takes I as a delta input to
    that variable (`CubaLIF`: nA onto i_syn at each step).

    - `n_in`, `n_out`: widths.
    - `bias`: whether there is b; it starts at zero.
    - `key`: with it the weights are drawn now; without it they are None until `Sequential` draws
      them, by its own key and for the neuron that follows.
    - `scale`: size of a strong input of what follows; w is uniform with standard deviation
      scale/sqrt(n_in), and is trained in units of it.

    >>> import jax, jax.numpy as jnp, rheobase as rb
    >>> rb.Linear(3, 5, key=jax.random.key(0))(jnp.ones((7, 3))).shape
    (7, 5)
    """

    weight: Array | None
    bias: Array | None
    n_in: int = eqx.field(static=True)
    n_out: int = eqx.field(static=True)
    biased: bool = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        bias: bool = True,
        key: Array | None = None,
        scale: float = 1.0,
    ):
        self.n_in = _width(n_in, "n_in", "Linear(64, 256)")
        self.n_out = _width(n_out, "n_out", "Linear(64, 256)")
        self.biased = bias
        self.scale = scale
        self.weight = None if key is None else _uniform(key, n_in, n_out, GAIN * scale)
        self.bias = None if key is None or not bias else jnp.zeros(n_out)

    def __call__(self, x: Array) -> Array:
        if self.weight is None:
            raise ArgumentError(
                "this Linear has no weights yet. Write Linear(..., key=jax.random.key(0)), or put "
                "it into rb.Sequential(...), which draws them for the neuron that follows."
            )
        # One product over all leading axes: time and batch as one long batch.
        rows = x.reshape(-1, x.shape[-1]) @ self.weight
        rows = rows if self.bias is None else rows + self.bias[None]
        return rows.reshape(*x.shape[:-1], self.n_out)


class Recurrent(eqx.Module):
    r"""A population of n whose spikes reach itself: I_j(k+1) = x_j(k+1) + sum_i s_i(k) w_ij.

    x (time, batch, n) from the layer before, s spikes of 0 and 1, w (n, n) in the unit that
    `neuron` receives, self-connections included. Arguments as in `Linear`; the weights start at
    half the strength of a feed-forward layer.

    >>> import rheobase as rb
    >>> layer = rb.Recurrent(rb.LIF(), 100)
    """

    neuron: AbstractMembrane
    weight: Array | None
    n: int = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def __init__(
        self, neuron: AbstractMembrane, n: int, key: Array | None = None, scale: float = 1.0
    ):
        self.neuron = _neuron(neuron, "Recurrent(rb.LIF(), 256)")
        if neuron.onset is Onset.NEVER:
            raise ArgumentError(
                f"Recurrent feeds spikes back, and {type(neuron).__name__} never fires. "
                f"Put it into Sequential by itself, or write rb.Recurrent(rb.LIF(), {n})."
            )
        self.n = _width(n, "n", "Recurrent(rb.LIF(), 256)")
        self.scale = scale
        self.weight = None if key is None else _uniform(key, n, n, ECHO * scale)


Layer = Linear | Recurrent | AbstractMembrane


class Sequential(eqx.Module):
    """A stack of layers, simulated in time: `Linear`, `Recurrent`, or any neuron with its adaptors.

    - `layers`: neurons take their number from the layer before; adjacent widths must agree.
    - `dt`: the time step, one row of the input each.
    - `stepper`: how neurons are advanced, `ExponentialEuler()` by default.
    - `key`: draws the weights of layers that have none, each from `fold_in(key, position)`;
      `jax.random.key(0)` by default.
    - `inputs`: what the first layer gets: `"current"`, numbers that last (its weights then reach
      the threshold in the steady state), or `"spikes"`, where each must count for one step.

    `model(x)` runs it from rest over x (time, batch, n_in) and returns what the last layer gives:
    spikes of 0 and 1, the voltage (mV) of a membrane that never fires (`LI`), or the current of a
    `Linear`, always (time, batch, n). `model(x, key)` where a neuron draws random numbers.
    `model.activity(x)` returns recordings of every population.

    Feed-forward products are taken over all steps at once, outside the time loops.

    Errors: `ShapeError` for widths, `ArgumentError` for what is no layer, `UnknownName`,
    `KeyRequired`; `StepperError` where a neuron or the stepper cannot take dt.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> from rheobase.units import ms
    >>> model = rb.Sequential(rb.Linear(64, 100), rb.LIF(), rb.Linear(100, 10), rb.LI(), dt=1 * ms)
    >>> model(jnp.ones((20, 8, 64))).shape
    (20, 8, 10)
    """

    layers: tuple[Any, ...]
    stepper: AbstractStepper
    dt: float = eqx.field(static=True)

    def __init__(
        self,
        *layers: Any,
        dt: Quantity = 1 * ms,
        stepper: AbstractStepper | None = None,
        key: Array | None = None,
        inputs: Inputs = "current",
    ):
        if inputs not in ("current", "spikes"):
            raise UnknownName("kind of input", inputs, ("current", "spikes"))
        self.dt = positive_number(dt, ms, "dt", "Sequential(..., dt={})")
        self.stepper = ExponentialEuler() if stepper is None else stepper
        if not isinstance(self.stepper, AbstractStepper):
            raise ArgumentError(f"`stepper` takes a stepper, got {stepper!r}. Write rb.Heun().")
        for number, layer in enumerate(layers):
            _require_layer(layer, number)
            if (neuron := _population_of(layer)) is not None:
                neuron.check(self.dt)
                self.stepper.check(neuron, self.dt)
        if not layers:
            raise ShapeError(
                "Sequential has no layers. Write rb.Sequential(rb.Linear(64, 10), rb.LI())."
            )
        _check_widths(layers)
        key = jax.random.key(0) if key is None else key
        self.layers = _drawn(layers, key, self.dt, inputs == "spikes")

    @property
    def populations(self) -> tuple[AbstractMembrane, ...]:
        """The neurons of the layers that have any, in order."""
        found = [_population_of(layer) for layer in self.layers]
        return tuple(neuron for neuron in found if neuron is not None)

    @property
    def n_in(self) -> int | None:
        """Width of the input, where the layers fix it."""
        return next((w for layer in self.layers if (w := _widths(layer)[0])), None)

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        return _forward(self, _checked(self, x, key), key, ())[0]

    def activity(
        self, x: Array, key: Array | None = None, record: tuple[str, ...] | str = ()
    ) -> tuple[Recording, ...]:
        """A `Recording` of each population in order, of shape (time, batch, n).

        - `record`: names of variables to keep besides the spikes, such as `("v",)`; a population
          that has no variable of a name leaves it out.

        >>> import jax.numpy as jnp, rheobase as rb
        >>> model = rb.Sequential(rb.Linear(4, 9), rb.LIF(), rb.Linear(9, 2), rb.LI())
        >>> hidden, readout = model.activity(jnp.ones((20, 3, 4)), record=("v",))
        >>> hidden.spikes.shape, readout.v.shape
        ((20, 3, 9), (20, 3, 2))
        """
        return self.run(x, key, record)[1]

    def run(
        self, x: Array, key: Array | None = None, record: tuple[str, ...] | str = ()
    ) -> tuple[Array, tuple[Recording, ...]]:
        """What `model(x)` and `model.activity(x)` give, at once."""
        record = (record,) if isinstance(record, str) else tuple(record)
        known = {name for neuron in self.populations for name in variables.units(neuron.init())}
        for name in record:
            if name not in known:
                raise UnknownName("variable of any layer (in `record`)", name, sorted(known))
        return _forward(self, _checked(self, x, key), key, record)


# Inlined: under an outer jit a call that stays makes a gradient 5 % slower.
@eqx.filter_jit(inline=True)  # pyright: ignore[reportCallIssue]
def _forward(
    model: Sequential, x: Array, key: Array | None, record: tuple[str, ...]
) -> tuple[Array, tuple[Recording, ...]]:
    passage = advance(model, begin(model, x), x, key, record)
    return passage.output, passage.recordings


class Passage(NamedTuple):
    """What a stack of layers did over a stretch of time."""

    output: Array
    recordings: tuple[Recording, ...]
    carries: tuple[Any, ...]
    """What each layer takes into the next stretch."""


class Run(Protocol):
    """How a population is run over a stretch of time: `population.run`, or another derivative."""

    def __call__(
        self,
        neuron: AbstractMembrane,
        stepper: AbstractStepper,
        inputs: Array,
        dt: float,
        *,
        weight: Array | None = ...,
        key: Array | None = ...,
        record: tuple[str, ...] = ...,
        carry: population.Carry | None = ...,
        first: Array | int = ...,
    ) -> population.Course:
        """As `population.run`."""
        ...


def begin(model: Sequential, x: Any) -> tuple[Any, ...]:
    """What every layer carries before the first step of x (time, batch, ...); None for nothing."""
    carries = []
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    for layer in model.layers:
        neuron = _population_of(layer)
        if neuron is None:
            carries.append(None)
            shape = eqx.filter_eval_shape(layer, shape)
            continue
        weight = layer.weight if isinstance(layer, Recurrent) else None
        carries.append(population.begin(neuron, weight, shape))
        shape = jax.ShapeDtypeStruct(shape.shape, population.dtype_of(neuron, shape))
    return tuple(carries)


def advance(
    model: Sequential,
    carries: tuple[Any, ...],
    x: Array,
    key: Array | None,
    record: tuple[str, ...] = (),
    *,
    first: Array | int = 0,
    runs: Sequence[Run] | None = None,
) -> Passage:
    """Run a model on from `carries` over x (time, batch, ...), whose first step has number `first`.

    - `runs`: how the population of each layer is run, one a layer; `population.run` by default.
    """
    kept, after = [], []
    for position, layer in enumerate(model.layers):
        if isinstance(layer, Linear):
            x = layer(x)
            after.append(None)
            continue
        neuron = layer.neuron if isinstance(layer, Recurrent) else layer
        fires = neuron.onset is not Onset.NEVER
        units = variables.units(neuron.init())
        names = tuple(name for name in record if name in units)
        run = population.run if runs is None else runs[position]
        course = run(
            neuron,
            model.stepper,
            x,
            model.dt,
            weight=layer.weight if isinstance(layer, Recurrent) else None,
            key=None if key is None else jax.random.fold_in(key, position),
            record=names if fires or "v" in names else (*names, "v"),
            carry=carries[position],
            first=first,
        )
        x = course.traces["v"] if course.emitted is None else course.emitted
        after.append(course.final)
        traces = {name: course.traces[name] for name in names}
        kept.append(_recording(course, traces, units, model.dt, len(x), first, key))
    return Passage(x, tuple(kept), tuple(after))


def _recording(
    course: population.Course,
    traces: dict[str, Array],
    units: dict[str, Unit],
    dt: float,
    steps: int,
    first: Array | int,
    key: Array | None,
) -> Recording:
    start = jnp.asarray(first, jnp.int32)
    return Recording(
        traces=traces,
        raster=course.spikes,
        sums=None,
        fractions=course.fractions,
        final=RunState(course.final.state, start + steps, None, None, key),
        start=start,
        dt=dt,
        every=1,
        steps=steps,
        units={name: units[name] for name in traces},
    )


def _drawn(layers: tuple[Any, ...], key: Array, dt: float, spikes: bool) -> tuple[Any, ...]:
    """The layers with weights where they had none, sized for the neuron that follows."""
    done = []
    for position, layer in enumerate(layers):
        own = jax.random.fold_in(key, position)
        neuron = next((n for n in map(_population_of, layers[position:]) if n is not None), None)
        if isinstance(layer, Linear) and layer.weight is None:
            scale = 1.0 if neuron is None else input_scale(neuron, dt, spikes=spikes)
            layer = Linear(layer.n_in, layer.n_out, layer.biased, own, scale)
        elif isinstance(layer, Recurrent) and layer.weight is None:
            scale = input_scale(layer.neuron, dt, spikes=True)
            layer = Recurrent(layer.neuron, layer.n, own, scale)
        if neuron is not None and not isinstance(layer, Linear):
            spikes = neuron.onset is not Onset.NEVER
        done.append(layer)
    return tuple(done)


def _uniform(key: Array, n_in: int, n_out: int, deviation: float) -> Array:
    bound = deviation * (3 / n_in) ** 0.5
    return jax.random.uniform(key, (n_in, n_out), jnp.result_type(float), -bound, bound)


def _population_of(layer: Any) -> AbstractMembrane | None:
    if isinstance(layer, Recurrent):
        return layer.neuron
    return layer if isinstance(layer, AbstractMembrane) else None


def _widths(layer: Any) -> tuple[int | None, int | None]:
    """Width that goes in and that comes out, None where the layer takes any."""
    if isinstance(layer, Linear):
        return layer.n_in, layer.n_out
    return (layer.n, layer.n) if isinstance(layer, Recurrent) else (None, None)


def _check_widths(layers: tuple[Any, ...]) -> None:
    width, before = None, ""
    for number, layer in enumerate(layers):
        takes, gives = _widths(layer)
        name = f"{type(layer).__name__} (layer {number})"
        if width is not None and takes is not None and takes != width:
            right = f"Linear({width}, {gives})" if isinstance(layer, Linear) else f"n={width}"
            raise ShapeError(
                f"{name} takes {takes} inputs, but {before} gives {width}. Write {right}."
            )
        width = width if gives is None else gives
        before = name if gives is not None or not before else before
        neuron = _population_of(layer)
        if neuron is None or width is None:
            continue
        leaves = jax.tree.leaves(eqx.filter(neuron, eqx.is_inexact_array))
        shape = np.broadcast_shapes(*(x.shape for x in leaves))
        if shape not in ((), (1,), (width,)):
            raise ShapeError(
                f"{name} has parameters of shape {shape} for {width} neurons. "
                f"Give one value for all, or {width}."
            )


def _checked(model: Sequential, x: Any, key: Array | None) -> Array:
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(jnp.result_type(float))
    if x.ndim != 3:
        raise ShapeError(
            f"a network takes x of shape (time, batch, n), got {x.shape}. One sample of shape "
            f"(time, n) is x[:, None]; features without time are rb.encoders.Direct(20*ms)(x)."
        )
    if model.n_in is not None and x.shape[-1] != model.n_in:
        swapped = " Its first axis is time." if x.shape[0] == model.n_in else ""
        raise ShapeError(
            f"the first layer takes {model.n_in} inputs, got x of shape {x.shape}, whose last axis "
            f"has {x.shape[-1]}.{swapped} Write Linear({x.shape[-1]}, ...), or give "
            f"x[..., :{model.n_in}]."
        )
    if key is None and any(neuron.random for neuron in model.populations):
        raise KeyRequired("a layer draws random numbers. Write model(x, key=jax.random.key(0)).")
    return x


def _require_layer(layer: Any, number: int) -> None:
    if isinstance(layer, Linear | Recurrent | AbstractMembrane):
        return
    if isinstance(layer, type):
        example = "rb.Linear(64, 256)" if layer is Linear else f"rb.{layer.__name__}()"
        raise ArgumentError(f"layer {number} is the class {layer.__name__}. Write {example}.")
    raise ArgumentError(
        f"layer {number} of Sequential must be a Linear, a Recurrent or a neuron, got {layer!r}. "
        f"Write rb.Sequential(rb.Linear(64, 256), rb.LIF(), rb.Linear(256, 10), rb.LI())."
    )


def _neuron(neuron: Any, example: str) -> AbstractMembrane:
    if isinstance(neuron, type):
        raise ArgumentError(f"`neuron` is the class {neuron.__name__}. Write {example}.")
    if not isinstance(neuron, AbstractMembrane):
        raise ArgumentError(f"`neuron` must be a neuron, got {neuron!r}. Write {example}.")
    return neuron


def _width(n: Any, name: str, example: str) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ShapeError(f"`{name}` is a number of neurons >= 1, got {n!r}. Write {example}.")
    return int(n)
