"""Gradients forwards in time: traces that go along with the state, and no way back.

The model is run twice. The first run gives the output and dL/du, the derivative of the loss by the
input u of what comes after the last population that fires; the second one carries the traces of
every population and adds up

    dL/dw_ij = sum over steps k of L_j(k) ds_j(k)/dw_ij,     L_j = dL/ds_j

with L_j by what happens within the step, from u downwards. Where the readout is a leaky integrator
and the loss depends on its mean or its maximum, nothing is kept over time but the input
(`streamed`); else u and dL/du are.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.adaptors import SurrogateReset
from rheobase.adaptors.base import AbstractAdaptor
from rheobase.errors import ArgumentError
from rheobase.gradients.base import require_sequential
from rheobase.gradients.lines import Held, Line, filled, line_of
from rheobase.gradients.streamed import STRETCH, reads_linearly, scores_by_steps, streamed
from rheobase.gradients.surrogate import forwards
from rheobase.gradients.traces import Jacobian
from rheobase.loop import scan
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.population import dtype_of, received, rest
from rheobase.step import step
from rheobase.time import Clock, fold_in
from rheobase.train.dense import Linear, masked
from rheobase.train.layers import Sequential, advance, begin
from rheobase.train.method import AbstractGradient, Judged, Objective
from rheobase.train.recurrent import Recurrent


class Rule(NamedTuple):
    """In what the methods differ."""

    own: bool
    """Whether a trace goes through the weight of a neuron onto itself, and through resets."""
    decay: float | None
    """Of the factors of a trace of rank one; None for whole traces."""
    feedback: Array | None
    """Key of random feedback; None for the transposed weights."""


class Block(NamedTuple):
    """A population that fires and the connections to it."""

    position: int
    linear: Any
    neuron: AbstractMembrane
    recurrent: Any


class Lines(NamedTuple):
    """The connections of a block as they run, each None where there is none."""

    into: Line | None
    back: Line | None


class Course(NamedTuple):
    """What a population carries from step to step."""

    state: Any
    spikes: Array
    held: tuple[Held | None, ...]
    """Of each of its `Lines`."""
    own: tuple[tuple[Array, ...], ...]
    """Traces of what each neuron has one of: its parameters, and last the bias."""


class Total(NamedTuple):
    """What is added up for a population: the gradient of each kind of parameter."""

    lines: tuple[tuple[Array, ...] | None, ...]
    """Of each trace of each of its `Lines`."""
    own: tuple[Array, ...]
    """(batch, n) each, since a parameter may be one number for all."""


def blocks(method: AbstractGradient, model: Any) -> tuple[list[Block], int]:
    """The populations that fire, and the number of layers up to the last one."""
    require_sequential(method, model)
    found: list[Block] = []
    linear: Any = None
    name = type(method).__name__
    firing = [position for position, layer in enumerate(model.layers) if _fires(layer)]
    end = firing[-1] + 1 if firing else 0
    for position, layer in enumerate(model.layers[:end]):
        if isinstance(layer, Linear) and linear is None:
            linear = layer
        elif _fires(layer):
            recurrent = layer if isinstance(layer, Recurrent) else None
            neuron: Any = layer if recurrent is None else recurrent.neuron
            found.append(Block(position, linear, neuron, recurrent))
            linear = None
        else:
            raise ArgumentError(
                f"{name} follows populations that fire with a Linear before each, and layer "
                f"{position} is a {type(layer).__name__}. "
                f"Write gradient=rb.gradients.Surrogate(checkpoint=True)."
            )
    if not found:
        raise ArgumentError(f"{name} is for models that fire. Write rb.gradients.Surrogate().")
    for position, layer in enumerate(model.layers[firing[0] :], firing[0]):
        if isinstance(layer, Linear) and layer.delays is not None:
            raise ArgumentError(
                f"{name} takes delays in Recurrent layers and in the first Linear. Layer "
                f"{position} is a Linear with delays after a population, whose spikes would have "
                f"their learning signal only when they arrive, when their traces are gone. "
                f"Write gradient=rb.gradients.Surrogate(checkpoint=True)."
            )
    return found, end


def gradient(
    method: AbstractGradient,
    model: Sequential,
    objective: Objective,
    x: Array,
    key: Array | None,
    rule: Rule,
) -> tuple[Judged, Any]:
    """What the objective makes of a run over x, and the gradient by a rule."""
    if objective.regulariser is not None:
        raise ArgumentError(
            f"{type(method).__name__} has no way back for a regulariser of spikes. Leave it out, "
            f"or write gradient=rb.gradients.Surrogate(checkpoint=True)."
        )
    body, end = blocks(method, model)
    head = model.layers[end] if end < len(model.layers) else None
    readout: Any = head if isinstance(head, Linear) else None
    cut = end + (readout is not None)
    walk = Walk(model, body, [_lines(model, block, rule) for block in body], readout, key, rule)
    front, tail = _part(model, model.layers[:cut]), _part(model, model.layers[cut:])
    if reads_linearly(tail) and scores_by_steps(objective):
        found, slope_after, sums = streamed(front, tail, walk, objective, x, key)
    else:
        found, slope_after, sums = _stored(front, tail, walk, objective, x, key)
    layers: list[Any] = [eqx.filter(layer, eqx.is_inexact_array) for layer in model.layers]
    for block, lines, total in zip(body, walk.wired, sums.totals, strict=True):
        own = list(total.own)
        if block.linear is not None and lines.into is not None:
            bias = own.pop().sum(axis=0) if block.linear.bias is not None else None
            summed = total.lines[0] or ()
            layer = filled(block.linear, *lines.into.gradient(summed, block.linear.mask))
            layers[block.position - 1] = _biased(layer, bias)
        layers[block.position] = _population(block, lines, own, total.lines[1])
    if readout is not None:
        weight = jnp.asarray(masked(sums.weight, readout.mask))
        bias = None if readout.bias is None else sums.signal
        layers[end] = _biased(filled(readout, weight, None), bias)
    layers[cut:] = slope_after
    return found, _part(eqx.filter(model, eqx.is_inexact_array), tuple(layers))


def _stored(
    front: Sequential, tail: Sequential, walk: "Walk", objective: Objective, x: Array, key: Any
) -> tuple[Judged, Any, "Sums"]:
    """By the whole course of what comes after the last population that fires."""
    u = forwards(front, x, key, STRETCH)

    def judged(parts: Any) -> tuple[Array, Judged]:
        after, u = parts
        layers = _part(tail, after)
        found = objective(advance(layers, begin(layers, u), u, key).output if after else u)
        return found.value, found

    (slope_after, slope), found = eqx.filter_grad(judged, has_aux=True)((tail.layers, u))
    walked = walk.begin(x, u)
    return found, slope_after, walk.on(walked, x, slope, jnp.zeros((), jnp.int32)).sums


class Sums(NamedTuple):
    """What is added up on the way."""

    totals: tuple[Total, ...]
    """For each population."""
    weight: Array | None
    """Of the readout, None where there is none."""
    signal: Array
    """dL/du of all steps and samples, which is the gradient of the readout's bias, (n,)."""


class Walked(NamedTuple):
    """Where the second run is."""

    courses: tuple[Course, ...]
    sums: Sums


class Walk(NamedTuple):
    """The second run, which takes dL/du and carries the traces."""

    model: Sequential
    body: list[Block]
    wired: list[Lines]
    readout: Any
    key: Array | None
    rule: Rule

    def begin(self, x: Any, u: Any) -> Walked:
        """Before the first step of x (time, batch, n), what comes of it being u."""
        courses, shape = [], x
        for block, lines in zip(self.body, self.wired, strict=True):
            course = _begun(block, lines, shape, self.rule)
            shape = jax.ShapeDtypeStruct((len(x), *course.spikes.shape), course.spikes.dtype)
            courses.append(course)
        totals = tuple(map(_nothing, self.wired, courses))
        last = None if self.readout is None else jnp.zeros_like(self.readout.weight)
        none = jnp.zeros(u.shape[-1], u.dtype)
        return Walked(tuple(courses), Sums(totals, last, none))

    def on(self, walked: Walked, x: Array, slope: Array, first: Clock | Array) -> Walked:
        """After the steps of x, of which the first has the number `first`."""
        widths = [course.spikes.shape[-1] for course in walked.courses]
        routes = _routes(self.rule, self.readout, slope, widths)
        numbers = Clock.of(first).ahead(len(x))

        def step(walked: Walked, xs: Any) -> tuple[Walked, None]:
            number, now, c = xs
            return self._step(walked, number, now, c, routes), None

        return scan(step, walked, (numbers, x, slope), len(x))[0]

    def _step(
        self, walked: Walked, number: Clock, now: Array, c: Array, routes: list[Array] | None
    ) -> Walked:
        after, bends = [], []
        for block, lines, course in zip(self.body, self.wired, walked.courses, strict=True):
            noise = None if self.key is None else jax.random.fold_in(self.key, block.position)
            noise = None if noise is None else fold_in(noise, number)
            course, bend = _stepped(self.model, block, lines, course, now, noise, self.rule)
            now = course.spikes
            after.append(course)
            bends.append(bend)
        totals, last, signalled = walked.sums
        signal = c if self.readout is None else c @ self.readout.weight.T
        summed = []
        for index in reversed(range(len(self.body))):
            signal = signal if routes is None else c @ routes[index]
            summed.append(_added(self.wired[index], totals[index], after[index], signal))
            signal, linear = signal * bends[index], self.body[index].linear
            signal = signal if linear is None else signal @ linear.weight.T
        last = None if last is None else last + now.T @ c
        return Walked(tuple(after), Sums(tuple(summed[::-1]), last, signalled + c.sum(axis=0)))


def _stepped(
    model: Sequential,
    block: Block,
    lines: Lines,
    course: Course,
    now: Array,
    noise: Any,
    rule: Rule,
) -> tuple[Course, Array]:
    """A population and its traces after a step, and the derivative of its spikes by its input."""
    neuron = block.neuron if rule.own else detached(block.neuron)
    arrays, static = eqx.partition(neuron, eqx.is_inexact_array)
    values, structure = jax.tree.flatten(arrays)
    moving, fixed = eqx.partition(course.state, eqx.is_inexact_array)
    leaves, form = jax.tree.flatten(moving)
    held = tuple(
        None if line is None or h is None else line.pushed(h, y)
        for line, h, y in zip(lines, course.held, (now, course.spikes), strict=True)
    )
    a, echo = _received(block, lines, held, now, rule)

    def run(leaves: list, a: Array, values: list) -> tuple[tuple, Any]:
        neuron = eqx.combine(jax.tree.unflatten(structure, values), static)
        state = eqx.combine(jax.tree.unflatten(form, leaves), fixed)
        done = step(neuron, model.stepper, state, *received(neuron, a), model.dt, noise, False)
        moved, counters = eqx.partition(done.state, eqx.is_inexact_array)
        return (*jax.tree.leaves(moved), done.spike), counters

    at = (leaves, a, values)
    still = jax.tree.map(jnp.zeros_like, at)

    def along(which: int, index: int | None = None) -> tuple[Array, ...]:
        """The derivative of variables and spike by one of the arguments, elementwise."""
        one = jax.tree.map(jnp.ones_like, at[which] if index is None else at[which][index])
        if index is not None:
            one = [one if i == index else z for i, z in enumerate(still[which])]
        tangents = tuple(one if i == which else part for i, part in enumerate(still))
        return jax.jvp(lambda *p: run(*p)[0], at, tangents)[1]

    out, counters = run(*at)
    by_input = along(1)
    by_state = [along(0, i) for i in range(len(leaves))]
    if echo is not None:
        by_state.append(tuple(echo * d for d in by_input))
    jacobian = Jacobian(tuple(by_state), by_input)
    sources = [along(2, i) for i in range(len(values))]
    sources += [by_input] * (len(course.own) - len(sources))
    after = Course(
        eqx.combine(jax.tree.unflatten(form, out[:-1]), counters),
        out[-1],
        tuple(
            None if line is None or h is None else line.advanced(h, jacobian)
            for line, h in zip(lines, held, strict=True)
        ),
        tuple(jacobian.moved(t, s) for t, s in zip(course.own, sources, strict=True)),
    )
    return after, by_input[-1]


def _received(
    block: Block, lines: Lines, held: tuple[Held | None, ...], now: Array, rule: Rule
) -> tuple[Array, Array | None]:
    """What a population receives, and the weight of each neuron onto itself, one step later."""
    into, back = held
    a = now if lines.into is None or into is None else lines.into.received(into)
    if block.linear is not None and block.linear.bias is not None:
        a = a + block.linear.bias[None]
    if lines.back is None or back is None:
        return a, None
    a = a + lines.back.received(back)
    if not rule.own:
        return a, None
    taps, weight = lines.back.taps, lines.back.weight
    own = jnp.diagonal(weight if taps is None else taps[0] * weight)
    return a, block.recurrent.damping * own[None]


def _lines(model: Sequential, block: Block, rule: Rule) -> Lines:
    into, back = block.linear, block.recurrent
    return Lines(
        None if into is None else line_of(into, model.dt, 0, rule.decay),
        None if back is None else line_of(back, model.dt, 1, rule.decay),
    )


def detached(neuron: AbstractMembrane) -> AbstractMembrane:
    """The neuron without the gradient through its reset."""
    if isinstance(neuron, SurrogateReset):
        return detached(neuron.neuron)
    if isinstance(neuron, AbstractAdaptor):
        return eqx.tree_at(lambda n: n.neuron, neuron, detached(neuron.neuron))
    return neuron


def _begun(block: Block, lines: Lines, inputs: Any, rule: Rule) -> Course:
    """A population at rest, with traces of what its rest depends on."""
    batch, n_in = inputs.shape[1:]
    n = n_in if block.linear is None else block.linear.n_out
    neuron = block.neuron if rule.own else detached(block.neuron)
    dtype = dtype_of(neuron, inputs)
    arrays, static = eqx.partition(neuron, eqx.is_inexact_array)
    values, structure = jax.tree.flatten(arrays)

    def variables(values: list) -> list:
        neuron = eqx.combine(jax.tree.unflatten(structure, values), static)
        state = rest(neuron, (batch, n), dtype)
        return jax.tree.leaves(eqx.filter(state, eqx.is_inexact_array))

    none = jnp.zeros((batch, n), dtype)
    own = []
    for i in range(len(values)):
        one = [jnp.ones_like(v) if i == j else jnp.zeros_like(v) for j, v in enumerate(values)]
        own.append((*jax.jvp(variables, (values,), (one,))[1], none))
    count = len(variables(values)) + 1
    if block.linear is not None and block.linear.bias is not None:
        own.append((none,) * count)
    held = tuple(None if line is None else line.begin(batch, count, dtype) for line in lines)
    return Course(rest(neuron, (batch, n), dtype), none, held, tuple(own))


def _nothing(lines: Lines, course: Course) -> Total:
    none = jnp.zeros_like(course.spikes)
    return Total(_sums(lines, course, none), (none,) * len(course.own))


def _added(lines: Lines, total: Total, course: Course, signal: Array) -> Total:
    summed = jax.tree.map(jnp.add, total.lines, _sums(lines, course, signal))
    own = tuple(sums + signal * t[-1] for sums, t in zip(total.own, course.own, strict=True))
    return Total(summed, own)


def _sums(lines: Lines, course: Course, signal: Array) -> tuple[tuple[Array, ...] | None, ...]:
    return tuple(
        None if line is None or held is None else line.sums(held, signal)
        for line, held in zip(lines, course.held, strict=True)
    )


def _routes(rule: Rule, readout: Any, slope: Array, widths: list[int]) -> list[Array] | None:
    """Random weights from u to each population, as strong as those of the readout."""
    if rule.feedback is None:
        return None
    n = slope.shape[-1]
    size = 1.0 if readout is None else jnp.sqrt(jnp.mean(readout.weight**2))
    return [
        size * jax.random.normal(jax.random.fold_in(rule.feedback, i), (n, width), slope.dtype)
        for i, width in enumerate(widths)
    ]


def _population(block: Block, lines: Lines, own: list[Array], sums: Any) -> Any:
    """The gradient of a layer that fires, from the sums for each neuron."""
    leaves, structure = jax.tree.flatten(eqx.filter(block.neuron, eqx.is_inexact_array))
    summed = [_shaped(total, leaf.shape) for total, leaf in zip(own, leaves, strict=True)]
    neuron = jax.tree.unflatten(structure, summed)
    if lines.back is None:
        return neuron
    layer = filled(block.recurrent, *lines.back.gradient(sums, block.recurrent.mask))
    return eqx.tree_at(lambda x: x.neuron, layer, neuron)


def _shaped(total: Array, shape: tuple[int, ...]) -> Array:
    """A sum over the batch, and over the neurons that share a parameter."""
    total = total.sum(axis=0)
    return total if total.shape == shape else total.sum().reshape(shape)


def _biased(linear: Any, bias: Array | None) -> Any:
    return linear if bias is None else eqx.tree_at(lambda x: x.bias, linear, bias)


def _part(model: Sequential, layers: tuple[Any, ...]) -> Sequential:
    return eqx.tree_at(lambda m: m.layers, model, tuple(layers), is_leaf=lambda x: x is None)


def _fires(layer: Any) -> bool:
    neuron = layer.neuron if isinstance(layer, Recurrent) else layer
    return isinstance(neuron, AbstractMembrane) and neuron.onset is not Onset.NEVER
