"""`Sequential`: layers and populations one after the other, simulated in time."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase import population, printed
from rheobase.errors import ArgumentError, KeyRequired, ShapeError, UnknownName, brief
from rheobase.gate_speed import require_slow_gates
from rheobase.given import key_or_first, require_flag, require_random_key
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.population import Run, Setting
from rheobase.record import Kept, Recording, RunState, Span, recording_of
from rheobase.steppers import AbstractStepper, default_stepper
from rheobase.systems.feedback import AbstractFeedback
from rheobase.time import Clock
from rheobase.train import circuit
from rheobase.train.arguments import positive_number
from rheobase.train.circuit import recorded
from rheobase.train.dense import Linear
from rheobase.train.graph import Graph
from rheobase.train.layer import AbstractLayer, Shape, text
from rheobase.train.recurrent import Recurrent
from rheobase.train.scale import input_scale
from rheobase.train.shaping import Skip
from rheobase.train.weights import AbstractWeights, innermost
from rheobase.uncoupled import origin_of
from rheobase.units import Quantity, ms

Inputs = Literal["current", "spikes"]


Layer = AbstractLayer | Recurrent | Graph | AbstractMembrane


class Sequential(eqx.Module):
    """A stack of layers, simulated in time: `Linear`, `Recurrent`, any neuron, and others.

    - `layers`: neurons take their number from the layer before; adjacent widths must agree.
    - `dt`: the time step, one row of the input each.
    - `stepper`: how neurons are advanced, `ExponentialMidpoint()` by default.
    - `key`: draws the weights of layers that have none, each from `fold_in(key, position)`;
      `jax.random.key(0)` by default.
    - `inputs`: what the first layer gets: `"current"`, numbers that last (its weights then reach
      the threshold in the steady state), or `"spikes"`, where each must count for one step.
    - `coarse`: as in `simulate`, take a step that is refused otherwise.

    `model(x)` runs it from rest over x (time, batch, n_in), pictures (time, batch, channels,
    height, width) before a `Conv2d`, and returns what the last layer gives: spikes of 0 and 1, the
    voltage (mV) of a membrane that never fires (`LI`), or the current of a `Linear`, always
    (time, batch, n). `model(x, key)` where a neuron draws random numbers.
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
        coarse: bool = False,
    ):
        if inputs not in ("current", "spikes"):
            raise UnknownName("kind of input", inputs, ("current", "spikes"))
        self.dt = positive_number(dt, ms, "dt", "Sequential(..., dt={})")
        self.stepper = default_stepper() if stepper is None else stepper
        if not isinstance(self.stepper, AbstractStepper):
            raise ArgumentError(
                f"`stepper` takes a stepper, got {brief(stepper)}. Write rb.Heun()."
            )
        require_flag(coarse, "coarse", "rb.Sequential(..., coarse=True)")
        for number, layer in enumerate(layers):
            _require_layer(layer, number)
            for neuron in populations_of(layer):
                neuron.check(self.dt)
                self.stepper.check(neuron, self.dt)
                if not coarse:
                    require_slow_gates(neuron, self.dt)
        if not layers:
            raise ShapeError(
                "Sequential has no layers. Write rb.Sequential(rb.Linear(64, 10), rb.LI())."
            )
        _shapes(layers, None)
        key = key_or_first(key, "rb.Sequential(..., key={})")
        self.layers = _drawn(layers, key, self.dt, inputs == "spikes")

    def __repr__(self) -> str:
        layers = ((str(k), layer) for k, layer in enumerate(self.layers))
        return printed.parts(f"Sequential: steps of {self.dt:g} ms", layers)

    @property
    def populations(self) -> tuple[AbstractMembrane, ...]:
        """The neurons of the layers that have any, in order."""
        return tuple(neuron for layer in self.layers for neuron in populations_of(layer))

    @property
    def n_in(self) -> int | None:
        """Width of the input, where the layers fix it."""
        first = next((layer for layer in self.layers if not isinstance(layer, AbstractMembrane)), 0)
        first = innermost(first)
        if isinstance(first, Linear):
            return first.n_in
        return first.n if isinstance(first, Recurrent) else None

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        return _forward(self, checked(self, x, key), key, ())[0]

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
        return _forward(self, checked(self, x, key), key, record)


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


def begin(model: Sequential, x: Any) -> tuple[Any, ...]:
    """What every layer carries before the first step of x (time, batch, ...); None for nothing."""
    carries = []
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    for layer in model.layers:
        if isinstance(layer, Skip):
            carries.append(None)
            continue
        if isinstance(layer, Graph):
            carries.append(circuit.begin(layer, shape, model.dt))
            shape = circuit.given(layer, shape)
            continue
        neuron = _population_of(layer)
        if neuron is None:
            carries.append(layer.begin(shape, model.dt))
            shape = eqx.filter_eval_shape(_after, layer, shape, carries[-1], model.dt)
            continue
        weight = _weight(_used(layer), model.dt)
        carries.append(population.begin(neuron, weight, shape))
        shape = jax.ShapeDtypeStruct(shape.shape, population.dtype_of(neuron, shape))
    return tuple(carries)


def _after(layer: AbstractLayer, x: Array, carry: Any, dt: float) -> Array:
    return layer.advance(x, carry, dt, jax.random.key(0))[0]


def advance(
    model: Sequential,
    carries: tuple[Any, ...],
    x: Array,
    key: Array | None,
    record: tuple[str, ...] = (),
    *,
    first: Clock | Array | int = 0,
    runs: Sequence[Run] | None = None,
) -> Passage:
    """Run a model on from `carries` over x (time, batch, ...), whose first step has number `first`.

    - `runs`: how the population of each layer is run, one a layer; `population.run` by default.
    """
    kept, after, entered = [], [], []
    for position, layer in enumerate(map(_used, model.layers)):
        entered.append(x)
        own = None if key is None else jax.random.fold_in(key, position)
        setting = Setting(model.stepper, model.dt, own, record, first)
        if isinstance(layer, Skip):
            x = x + entered[position - layer.layers]
            after.append(None)
            continue
        if isinstance(layer, AbstractLayer):
            x, carry = layer.advance(x, carries[position], model.dt, own)
            after.append(carry)
            continue
        if isinstance(layer, Graph):
            ran = circuit.advance(layer, carries[position], x, setting)
            x = ran.output
            after.append(ran.held)
            for neuron, course in zip(layer.neurons, ran.courses, strict=True):
                kept.append(_recording(neuron, course, record, model, len(x), first, key))
            continue
        neuron = layer.neuron if isinstance(layer, Recurrent) else layer
        run = population.run if runs is None else runs[position]
        setting = setting._replace(record=recorded(neuron, record))
        course = run(neuron, x, setting, _weight(layer, model.dt), carries[position])
        x = course.traces["v"] if course.emitted is None else course.emitted
        after.append(course.final)
        kept.append(_recording(neuron, course, record, model, len(x), first, key))
    return Passage(x, tuple(kept), tuple(after))


def _recording(
    neuron: AbstractMembrane,
    course: population.Course,
    record: tuple[str, ...],
    model: Sequential,
    steps: int,
    first: Clock | Array | int,
    key: Array | None,
) -> Recording:
    start = Clock.of(first)
    units = variables.units(neuron.init())
    traces = {name: course.traces[name] for name in record if name in units}
    origin = origin_of(neuron, model.stepper, model.dt)
    final = RunState(course.final.state, start.after(steps), None, None, key, origin)
    kept = Kept(traces, course.spikes, None, course.fractions)
    return recording_of(kept, Span(start, model.dt, steps), {n: units[n] for n in traces}, final)


def _drawn(layers: tuple[Any, ...], key: Array, dt: float, spikes: bool) -> tuple[Any, ...]:
    """The layers with weights where they had none, sized for the neuron that follows."""
    done = []
    for position, layer in enumerate(layers):
        own = jax.random.fold_in(key, position)
        neuron = next((n for n in map(_entered, layers[position:]) if n is not None), None)
        if isinstance(layer, Graph):
            layer, spikes = layer.drawn(own, dt, spikes), layer.fires
        elif isinstance(layer, AbstractLayer | Recurrent):
            among = spikes or isinstance(innermost(layer), Recurrent)
            scale = 1.0 if neuron is None else input_scale(neuron, dt, spikes=among)
            layer = layer.drawn(own, scale, dt)
        if (here := _population_of(layer)) is not None:
            spikes = here.onset is not Onset.NEVER
        done.append(layer)
    return tuple(done)


def _weight(layer: Any, dt: float) -> AbstractFeedback | None:
    return layer.weights(dt) if isinstance(layer, Recurrent) else None


def _used(layer: Any) -> Any:
    """A layer as it runs: a population whose weights an adaptor makes has them."""
    wrapped = isinstance(layer, AbstractWeights) and isinstance(innermost(layer), Recurrent)
    return layer.plain() if wrapped else layer


def _population_of(layer: Any) -> AbstractMembrane | None:
    layer = innermost(layer)
    if isinstance(layer, Recurrent):
        return layer.neuron
    return layer if isinstance(layer, AbstractMembrane) else None


def _entered(layer: Any) -> AbstractMembrane | None:
    """The neuron that receives what comes before."""
    return layer.entered if isinstance(layer, Graph) else _population_of(layer)


def populations_of(layer: Any) -> tuple[AbstractMembrane, ...]:
    """The neurons of a layer, several of a graph, none of a layer of weights."""
    if isinstance(layer, Graph):
        return layer.neurons
    neuron = _population_of(layer)
    return () if neuron is None else (neuron,)


def _shapes(layers: tuple[Any, ...], shape: Shape | None) -> None:
    """Refuse layers that do not fit together, or not the `shape` of a step of the input."""
    giver, entered = "the input", []
    for number, layer in enumerate(layers):
        entered.append(shape)
        name = f"{type(layer).__name__} (layer {number})"
        if isinstance(layer, Skip):
            _check_skip(layer, name, number, entered)
        elif not isinstance(layer, AbstractMembrane):
            try:
                shape = layer.shape(shape, giver)
            except ShapeError as error:
                raise ShapeError(f"{name} {error}") from None
        if shape is not None and not isinstance(layer, AbstractMembrane | Skip):
            giver = name
        if isinstance(layer, Graph):
            known = layer.shapes(entered[-1], giver)
            for node, neuron in zip(layer.names, layer.neurons, strict=True):
                _check_parameters(neuron, f"node {node!r} of {name}", known.get(node))
        elif (neuron := _population_of(layer)) is not None:
            _check_parameters(neuron, name, shape)


def _check_parameters(neuron: AbstractMembrane, name: str, shape: Shape | None) -> None:
    if shape is None:
        return
    leaves = jax.tree.leaves(eqx.filter(neuron, eqx.is_inexact_array))
    own = np.broadcast_shapes(*(x.shape for x in leaves))
    if own not in ((), (1,), (shape[-1],), shape):
        raise ShapeError(
            f"{name} has parameters of shape {own} for {text(shape)} neurons. "
            f"Give one value for all, or {text(shape)}."
        )


def _check_skip(layer: "Skip", name: str, number: int, entered: list[Shape | None]) -> None:
    if layer.layers > number:
        raise ShapeError(f"{name} skips {layer.layers} layers, but {number} stand before it.")
    skipped, now = entered[number - layer.layers], entered[number]
    if None not in (skipped, now) and skipped != now:
        raise ShapeError(
            f"{name} adds what entered the {layer.layers} layers before it, of shape {skipped}, "
            f"to what comes out of them, of shape {now}. They must be the same."
        )


def checked(model: Sequential, x: Any, key: Array | None) -> Array:
    """The inputs of a model, refused where they do not fit its first layer."""
    if key is not None:
        require_random_key(key, "model(x, key={})")
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(jnp.result_type(float))
    if x.ndim < 3:
        raise ShapeError(
            f"a network takes x of shape (time, batch, n), got {x.shape}. One sample of shape "
            f"(time, n) is x[:, None]; features without time are rb.encoders.Direct(20*ms)(x)."
        )
    if x.ndim == 3 and model.n_in is not None and x.shape[-1] != model.n_in:
        swapped = " Its first axis is time." if x.shape[0] == model.n_in else ""
        raise ShapeError(
            f"the first layer takes {model.n_in} inputs, got x of shape {x.shape}, whose last axis "
            f"has {x.shape[-1]}.{swapped} Write Linear({x.shape[-1]}, ...), or give "
            f"x[..., :{model.n_in}]."
        )
    _shapes(model.layers, x.shape[2:])
    if key is None and any(neuron.random for neuron in model.populations):
        raise KeyRequired("a layer draws random numbers. Write model(x, key=jax.random.key(0)).")
    return x


def _require_layer(layer: Any, number: int) -> None:
    if isinstance(layer, AbstractLayer | Recurrent | Graph | AbstractMembrane):
        for neuron in populations_of(layer):
            _require_no_chip(neuron, number)
        return
    if isinstance(layer, type):
        example = "rb.Linear(64, 256)" if layer is Linear else f"rb.{layer.__name__}()"
        raise ArgumentError(f"layer {number} is the class {layer.__name__}. Write {example}.")
    raise ArgumentError(
        f"layer {number} of Sequential must be a Linear, a Recurrent or a neuron, got "
        f"{brief(layer)}. "
        f"Write rb.Sequential(rb.Linear(64, 256), rb.LIF(), rb.Linear(256, 10), rb.LI())."
    )


def _require_no_chip(neuron: AbstractMembrane, number: int) -> None:
    """Refuse a neuron whose synapses are circuits of its own, with a rule of its own."""
    if neuron.gated:
        raise ArgumentError(
            f"layer {number} is a {type(neuron).__name__} of a chip, whose inputs are spikes "
            "through gates of its own, and no weighted currents. Write d2.Network(...), or "
            "rb.Network with rb.Connection(..., d2.AMPA(), weight=100*nA)."
        )


def require_regulable(regulariser: Any, model: Any) -> None:
    """Refuse a regulariser of spikes of a model that does not tell those of its populations."""
    if regulariser is not None and not isinstance(model, Sequential):
        raise ArgumentError(
            f"`regulariser` needs the spikes of an rb.Sequential, got {brief(model)}. Leave it "
            "out, and let the loss ask for what you want of the output."
        )
