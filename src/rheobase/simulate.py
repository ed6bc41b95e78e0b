"""`simulate`: the one entry point, for every system."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast, overload

from jax import Array
from jax.core import Tracer

from rheobase import uncoupled
from rheobase.cable import Cell
from rheobase.cable import run as cable_run
from rheobase.cable.members import Receiver, require_receiver
from rheobase.errors import (
    ArgumentError,
    ShapeError,
    StepperError,
    UnknownName,
    brief,
)
from rheobase.gate_speed import require_slow_gates
from rheobase.given import require_flag, require_random_key
from rheobase.network import Network, NetworkRecording
from rheobase.network.circuit import Setting
from rheobase.network.gaps import require_prompt
from rheobase.network.simulate import Begun
from rheobase.network.simulate import require_steps as require_steps_of_network
from rheobase.network.simulate import simulate as simulate_network
from rheobase.network.steps import Steps
from rheobase.neurons.base import AbstractMembrane
from rheobase.record import Record, Recording, RunState
from rheobase.run.asked import Asked
from rheobase.run.run import Way
from rheobase.steppers import (
    AbstractImplicit,
    AbstractStepper,
    CrankNicolson,
    default_stepper,
)
from rheobase.stimulus import AbstractStimulus
from rheobase.time import Clock
from rheobase.units import Quantity, ms, to_internal

_NO_STACK = (
    "not for a stack of layers, which has its own neurons, weights and stepper: leave it out, and "
    "give inputs=x."
)
_NO_NETWORK = (
    "for neurons: the populations of a network have their own. Write rb.Network(..., "
    "drives=[rb.Drive('e', rb.stimulus.Constant(1*nA))])."
)


class Layered(Protocol):
    """Layers one after the other, `rb.Sequential`, as far as it is known here."""

    layers: tuple[Any, ...]
    dt: float


class Stack(NamedTuple):
    """Layers over time, as `simulate` takes them."""

    dt: float
    """Of a step, ms."""
    simulate: Callable[..., NetworkRecording]
    """Of inputs, number of steps, record, state, key and progress."""


@functools.singledispatch
def stack_of(system: Any) -> Stack | None:
    """The layers that a model is made of; None of what is no stack.

    The module of the layers says so of its classes, so that who simulates a neuron need not wait
    for everything that trains.
    """
    return None


@overload
def simulate(
    system: AbstractMembrane,
    *,
    duration: Quantity,
    dt: Quantity,
    current: Quantity | AbstractStimulus | None = ...,
    delta: Quantity | AbstractStimulus | None = ...,
    n: int | tuple[int, ...] | None = ...,
    stepper: AbstractStepper | None = ...,
    record: Record | tuple[str, ...] | str = ...,
    init: dict[str, Any] | None = ...,
    state: RunState | None = ...,
    key: Array | None = ...,
    substep: bool = ...,
    progress: bool = ...,
    checkpoint: bool | int = ...,
    coarse: bool = ...,
) -> Recording: ...


@overload
def simulate(
    system: Network,
    *,
    duration: Quantity,
    dt: Quantity | dict[str, Quantity],
    clamp: dict[str, dict[str, dict[Any, Any]]] | None = ...,
    stepper: Any = ...,
    record: dict[str, Any] | tuple[()] = ...,
    init: dict[str, Any] | None = ...,
    state: RunState | None = ...,
    key: Array | None = ...,
    substep: bool = ...,
    progress: bool = ...,
    checkpoint: bool | int = ...,
    coarse: bool = ...,
) -> NetworkRecording: ...


@overload
def simulate(
    system: Cell,
    *,
    duration: Quantity,
    dt: Quantity,
    current: dict[Any, Any] | None = ...,
    clamp: dict[str, dict[Any, Any]] | None = ...,
    n: int | None = ...,
    stepper: AbstractImplicit | None = ...,
    record: Record | dict[str, Any] | tuple[str, ...] | str = ...,
    state: RunState | None = ...,
    key: Array | None = ...,
    progress: bool = ...,
    checkpoint: bool | int = ...,
    coarse: bool = ...,
) -> Recording: ...


@overload
def simulate(
    system: Layered,
    *,
    duration: Quantity,
    inputs: Any,
    dt: Quantity | None = ...,
    record: Record | dict[Any, Any] | tuple[str, ...] | str = ...,
    state: RunState | None = ...,
    key: Array | None = ...,
    progress: bool = ...,
) -> NetworkRecording: ...


def simulate(  # noqa: PLR0913
    system: AbstractMembrane | Cell | Network | Layered,
    *,
    duration: Quantity,
    dt: Quantity | dict[str, Quantity] | None = None,
    inputs: Any = None,
    current: Quantity | AbstractStimulus | dict[Any, Any] | None = None,
    clamp: dict[str, dict[Any, Any]] | None = None,
    delta: Quantity | AbstractStimulus | None = None,
    n: int | tuple[int, ...] | None = None,
    stepper: AbstractStepper | AbstractImplicit | tuple[Any, ...] | None = None,
    record: Record | tuple[str, ...] | str | dict[str, Any] = (),
    init: dict[str, Any] | None = None,
    state: RunState | None = None,
    key: Array | None = None,
    substep: bool = False,
    progress: bool = False,
    checkpoint: bool | int = False,
    coarse: bool = False,
) -> Recording | NetworkRecording:
    """Simulate a neuron, a population of it, a cell, a network or a stack of layers, step by step.

    - `system`: a neuron with all its adaptors, a `Cell`, or a `Network`. A network holds its own
      inputs and sizes; `record` and `init` then are dictionaries by population. Of a cell,
      `current` goes by location and `record` by variable: `{"v": [cell.at("soma")]}`.
    - `duration`, `dt`: the length of the run, and of its steps, of which it is a whole number. A
      stack has a step of its own. The populations of a network may make shorter steps,
      `dt={"cells": 0.025*ms, "points": 0.1*ms}`, each a whole part of the next longer one; delays
      are counted in those of the receiver.
    - `inputs`: of a stack, (time, n) or (time, batch, ...), a row a step. The result goes by the
      number of the layer, `run[1].spikes`, and `record` may: `{1: ("v",)}`.
    - `current`: a constant (one number, or one for each neuron) or a stimulus, in the unit that
      the neuron receives (nA). Beyond 1e9 nA it is taken as 1e9 nA, as is a delta input.
    - `delta`: what is added at the end of each step to the variable `neuron.target`: mV for the
      voltage, nA for the synaptic current of `CubaLIF`.
    - `clamp`: of a cell, what its variables follow, by variable and location:
      `{"v": {cell.at("soma"): rb.VoltageClamp(-20*mV)}}`; of a network by population first.
    - `n`: size of the population, or a shape such as (batch, n). Without it the shape is that to
      which parameters, current and delta broadcast.
    - `stepper`: how the state is advanced; by default the neuron's own rule where it has one, else
      `ExponentialMidpoint()`, of a cell `CrankNicolson()`. Of a network that has cells, the one of
      its neurons, that of its cells, or a tuple of both.
    - `record`: names of variables to keep, or a `Record`; spikes are always kept unless it says
      otherwise.
    - `init`: initial values by name, `{"v": -70*mV}`; the others are those of `neuron.init()`.
    - `state`: `final` of an earlier run, to continue it to the bit.
    - `key`: for what draws random numbers.
    - `substep`: locate each spike of a point neuron inside its step and restart there, so that
      spike times converge faster than dt and have exact derivatives (`rb.gradients.spike_times`).
      In a network a spike is sent in two parts, at both ends of its step, and arrives when its
      delay says to second order in dt (to first order between populations of different steps);
      cells and chip neurons stay on the grid. Costs two more evaluations of the stepper, and a few
      in steps with spikes.
    - `progress`: show a bar and run in chunks whose recordings move to host memory; Ctrl-C returns
      what is done.
    - `checkpoint`: how a gradient of the run keeps memory small: True for the state of every
      sqrt(T)-th of T steps, a whole number k for every k-th. Each step is then run once more. A
      network whose gradient is that of the compiled loop does so by itself.
    - `coarse`: take a step that is refused otherwise because it loses spikes or lags behind: more
      than 6.5 time constants of the fastest gate of a cell or of a Hodgkin-Huxley neuron, or more
      than 5 % of C/g of gap junctions.

    Returns a `Recording`. Differentiable and jit-able in everything but `duration` and `dt`.

    Errors, before anything is computed: `UnitError`, `ShapeError`, `StepperError`, `UnknownName`.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), n=3, current=[1, 2, 3] * nA, duration=50 * ms, dt=0.1 * ms)
    >>> run.counts.tolist()
    [0.0, 3.0, 7.0]
    """
    stack = stack_of(system)
    if stack is None and not isinstance(system, Network):
        require_receiver(system, "simulate takes", "simulate({}, ...)")
    key = None if key is None else require_random_key(key, "simulate(..., key={})")
    for name, flag in (("substep", substep), ("progress", progress), ("coarse", coarse)):
        require_flag(flag, name, f"simulate(..., {name}=True)")
    if stack is not None:
        dt = stack.dt * ms if dt is None else dt
        _require_own_step(stack, lengths_of(system, dt).dt)
    if dt is None:
        raise ArgumentError("`dt` is the length of a step. Write simulate(..., dt=0.1*ms).")
    lengths = lengths_of(system, dt)
    dt_ms = lengths.dt
    steps = _whole(_concrete(duration, "duration"), dt_ms)
    if stack is not None:
        given = {"current": current, "clamp": clamp, "delta": delta, "n": n, "stepper": stepper}
        given |= {"init": init, "substep": substep or None, "checkpoint": checkpoint or None}
        _require_none(given, _NO_STACK)
        return stack.simulate(inputs, steps, record, state, key, progress)
    if inputs is not None:
        raise ArgumentError(
            "`inputs` are for a stack of layers: neurons and cells take `current`, networks "
            "rb.Network(..., drives=[...])."
        )
    system = cast(Receiver | Network, system)
    if not coarse:
        require_possible(system, lengths)
    if isinstance(state, RunState):
        state = state._replace(step=Clock.of(state.step))
    asked = Asked(
        dt_ms, steps, current, clamp, delta, n, stepper, record, init, state, key, substep,
        progress, checkpoint,
    )  # fmt: skip
    return _simulated(system, asked, lengths)


@functools.singledispatch
def _simulated(neuron: AbstractMembrane, asked: Asked, lengths: Steps) -> Any:
    """The run of a neuron; below those of cells and networks."""
    if asked.clamp is not None:
        neuron.clamps(asked.clamp, asked.dt)
    return uncoupled.simulate(neuron, stepper_for(asked.stepper, neuron), asked)


@_simulated.register
def _(cell: Cell, asked: Asked, lengths: Steps) -> Recording:
    given = {"delta": asked.delta, "substep": asked.substep or None}
    _require_none(given, "for point neurons: leave it out for a cell.")
    return cable_run.simulate(cell, rule_for(asked.stepper), asked)


@_simulated.register
def _(network: Network, asked: Asked, lengths: Steps) -> NetworkRecording:
    _require_none({"current": asked.current, "delta": asked.delta, "n": asked.n}, _NO_NETWORK)
    both = _both(asked.stepper, network)
    setting = Setting(*both, lengths, 0.0 if asked.substep else None)
    begun = Begun(asked.init, asked.state, asked.key)
    way = Way.of(1, asked.checkpoint, asked.steps)
    return simulate_network(
        network, setting, asked.steps, asked.record, asked.clamp, begun, way, asked.progress
    )


def lengths_of(system: Any, dt: Any) -> Steps:
    """The length of a step, of a network also one for each population."""
    if not isinstance(dt, dict):
        return Steps(_concrete(dt, "dt"))
    if not isinstance(system, Network):
        raise ArgumentError("`dt` goes by population for a network only. Write dt=0.1*ms.")
    each = {name: _concrete(one, "dt") for name, one in dt.items()}
    return Steps.of(each, system.populations)


def require_possible(system: Receiver | Network, lengths: Steps) -> None:
    """Refuse steps that are too long for gates and gap junctions; `coarse=True` takes them."""
    if not isinstance(system, Network):
        require_slow_gates(system, lengths.dt)
        return
    for name, population in system.populations.items():
        require_slow_gates(population.neuron, lengths.each(name))
    require_prompt(system, lengths)


@functools.singledispatch
def require_steps(neuron: AbstractMembrane, stepper: Any, lengths: Steps) -> None:
    """Refuse steps that a system cannot take: for runs in which its arrays are traced."""
    neuron.check(lengths.dt)
    stepper_for(stepper, neuron).check(neuron, lengths.dt)


@require_steps.register
def _(cell: Cell, stepper: Any, lengths: Steps) -> None:
    rule_for(stepper)
    cell.check(lengths.dt)


@require_steps.register
def _(network: Network, stepper: Any, lengths: Steps) -> None:
    require_steps_of_network(network, Setting(*_both(stepper, network), lengths))


def _require_own_step(stack: Stack, dt: float) -> None:
    if not math.isclose(dt, stack.dt, rel_tol=1e-6):
        raise StepperError(
            f"this stack of layers was made for steps of {stack.dt:g} ms, got dt={dt:g}*ms. Leave "
            "out `dt`, or write rb.Sequential(..., dt=...)."
        )


def _require_none(given: dict[str, Any], why: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(f"`{name}` is {why}")


def rule_for(stepper: Any) -> AbstractImplicit:
    """The rule of cells that is meant, Crank-Nicolson by default; refuses what is none."""
    if stepper is None:
        return CrankNicolson()
    if isinstance(stepper, AbstractImplicit):
        return stepper
    name = stepper.__name__ if isinstance(stepper, type) else type(stepper).__name__
    raise StepperError(
        f"the voltages of a cell are coupled so strongly that an explicit step would have to be "
        f"far below a microsecond, and branch points take none: {name} cannot advance them. Write "
        f"stepper=rb.CrankNicolson(), or rb.BackwardEuler()."
    )


def _whole(duration: float, dt: float) -> int:
    """The number of steps of a duration, both in ms."""
    steps = round(duration / dt)
    if steps >= 1 and abs(duration / dt - steps) <= max(1e-3, 1e-6 * steps):
        return steps
    if duration < dt:
        raise ShapeError(
            f"duration = {duration:g} ms is shorter than a step of dt = {dt:g} ms. Choose a "
            "smaller dt."
        )
    below = int(duration / dt)
    raise ShapeError(
        f"duration = {duration:g} ms is no whole number of steps of dt = {dt:g} ms. Write duration="
        f"{below * dt:g}*ms or {(below + 1) * dt:g}*ms, or a dt that divides it."
    )


def _concrete(value: Any, name: str) -> float:
    """A positive time in ms that is known before the program is compiled."""
    array = to_internal(value, ms, name, f"simulate(..., {name}={{}})")
    # From the quantity itself where possible: float64, whatever the default type of arrays.
    given = value.value if isinstance(value, Quantity) else array
    if isinstance(given, Tracer):
        raise ArgumentError(
            f"`{name}` fixes the number of steps, so it must be known outside jit and grad, got a "
            f"traced value. Write {name}=0.1*ms."
        )
    if array.shape:
        raise ShapeError(f"`{name}` is one time, got {brief(value)}. Write {name}=0.1*ms.")
    number = float(value.value_in(ms)) if isinstance(value, Quantity) else float(array)
    if not 0 < number < float("inf"):
        raise StepperError(f"`{name}` must be a positive time, got {value}. Write {name}=0.1*ms.")
    return number


def stepper_for(stepper: Any, system: AbstractMembrane | Network) -> AbstractStepper:
    """The stepper of neurons that is meant, by default that of the system; refuses what is none."""
    if stepper is None:
        return default_stepper(None if isinstance(system, Network) else system)
    if isinstance(stepper, AbstractStepper):
        return stepper
    known = {c.__name__: c for c in AbstractStepper.__subclasses__()}
    if isinstance(stepper, AbstractImplicit):
        raise StepperError(
            f"{type(stepper).__name__} is for cells. Write stepper=rb.ExponentialMidpoint()."
        )
    name = stepper.__name__ if isinstance(stepper, type) else stepper
    if name in known:
        raise StepperError(f"`stepper` takes an object, got {brief(stepper)}. Write rb.{name}().")
    raise UnknownName("stepper", name, known)


def _both(stepper: Any, system: Network) -> tuple[AbstractStepper, AbstractImplicit]:
    """The steppers of the neurons of a network and of its cells."""
    given = stepper if isinstance(stepper, tuple) else (stepper,)
    cells = any(p.neuron.implicit for p in system.populations.values())
    implicit = [one for one in given if cells and isinstance(one, AbstractImplicit)]
    others = [one for one in given if one not in implicit]
    if len(implicit) > 1 or len(others) > 1:
        raise StepperError(
            f"`stepper` takes one for neurons and one for cells, got {brief(stepper)}. Write "
            "stepper=(rb.ExponentialMidpoint(), rb.CrankNicolson())."
        )
    own = stepper_for(others[0] if others else None, system)
    return own, rule_for(implicit[0] if implicit else None)
