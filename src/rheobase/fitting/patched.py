"""Models at an electrode, cells at that of their soma: current in, voltage and spikes out."""

import functools
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.adaptors.base import chain
from rheobase.cable import Cell
from rheobase.cable.run import at_rest
from rheobase.channels import Q10, Leak
from rheobase.errors import ArgumentError
from rheobase.fitting import engine
from rheobase.fitting.engine import Course
from rheobase.fitting.start import Look, begin
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.origin import Origin
from rheobase.record import RunState
from rheobase.simulate import simulate
from rheobase.steppers import AbstractStepper, default_stepper
from rheobase.stimulus import AbstractStimulus, FromArray
from rheobase.time import Clock
from rheobase.train.domains import choose
from rheobase.units import Quantity, Role, S, cm, ms, mV, nA, parameters
from rheobase.units.fields import name_of_role

SOMA = "soma"
LEVEL = -10.0
"""mV: a voltage that rises through it counts as a spike."""


class Patched(NamedTuple):
    """What a model did under a current."""

    t: np.ndarray
    """ms, at the end of each step."""
    v: np.ndarray
    """mV, (steps,)."""
    spikes: np.ndarray
    """ms."""
    final: RunState


class Injected(NamedTuple):
    """A current through the electrode, and how the run under it is made."""

    current: AbstractStimulus
    duration: Quantity
    dt: Quantity
    stepper: AbstractStepper | None = None
    state: RunState | None = None
    """At the end of the run before; None at rest."""


class Point(eqx.Module):
    """A neuron at an electrode."""

    neuron: Any
    longest: ClassVar[float] = 0.1
    """ms: the longest step that is taken by default."""
    resets: ClassVar[bool] = True
    """Whether the spikes of the data can reset it, and its own have exact derivatives."""

    def check(self, dt: float, stepper: AbstractStepper | None) -> AbstractStepper:
        """Refuse what cannot be fitted in steps of dt (ms); the stepper that advances it."""
        neuron, name = self.neuron, self.neuron.title
        voltage = neuron.units.get("v")
        if voltage is None or not voltage.same_dimension(mV):
            raise ArgumentError(
                f"{name} has no variable v in mV, which a recording could be compared with. Fit a "
                "neuron that has one, such as rb.AdEx(), and bring a network of it to the chip by "
                "rb.devices.dynapse2.convert."
            )
        if not neuron.outputs:
            raise ArgumentError(f"{name} never fires. Fit a neuron such as rb.AdEx().")
        if neuron.random:
            raise ArgumentError(
                f"{name} draws random numbers: its spike times have no derivative. Fit the neuron "
                "inside, and put the noise around fit.model."
            )
        stepper = default_stepper(neuron) if stepper is None else stepper
        neuron.check(dt)
        stepper.check(neuron, dt)
        return stepper

    def mask(self) -> Any:
        """Every parameter, but where an upstroke is cut off."""
        found = choose(self.neuron)
        peak = name_of_role(chain(self.neuron)[-1], Role.PEAK)
        if self.neuron.onset is Onset.UPSTROKE and peak is not None:
            found = eqx.tree_at(lambda model: getattr(chain(model)[-1], peak), found, False)
        return found

    def begun(self, look: Look) -> Any:
        """The model with what a first look at the data says of its parameters."""
        return begin(self.neuron, look)

    def rest(self, n: int) -> Any:
        """The state at rest, n side by side."""
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (n,)), self.neuron.init())

    def under(self, given: Injected) -> Patched:
        """The voltage and the spikes under a current."""
        run = simulate(
            self.neuron, current=given.current, duration=given.duration, dt=given.dt,
            stepper=given.stepper, record="v", state=given.state,
        )  # fmt: skip
        spikes = np.asarray(run.spike_times(), float)
        return Patched(np.asarray(run.t, float), np.asarray(run["v"], float), spikes, run.final)

    def free_run(
        self, stepper: AbstractStepper, state: Any, current: Array, dt: float, every: int
    ) -> tuple[Course, Any]:
        """Models side by side from `state`, under currents (steps, n), as `engine.free_run`."""
        return engine.free_run(self.neuron, stepper, state, current, dt, every)


class Soma(eqx.Module):
    """A cell with the electrode at its soma."""

    cell: Cell
    longest: ClassVar[float] = 0.05
    resets: ClassVar[bool] = False

    def check(self, dt: float, stepper: AbstractStepper | None) -> AbstractStepper:
        return default_stepper()

    def mask(self) -> Any:
        """Conductances, the leak's reversal potential, the capacitance."""
        cell = self.cell

        def moves(model: Cell) -> list[Any]:
            found: list[Any] = [model.capacitance]
            for ours, theirs in zip(cell.mechanisms, model.mechanisms, strict=True):
                channel = ours.channel
                moved: Any = theirs.channel
                if isinstance(channel, Q10):
                    channel, moved = channel.channel, moved.channel
                for name, declared in parameters(channel).items():
                    leaks = name == "e_L" or (name == "e" and isinstance(channel, Leak))
                    if leaks or declared.unit.same_dimension(S / cm**2):
                        found.append(getattr(moved, name))
            return found

        return choose(cell, moves)

    def begun(self, look: Look) -> Any:
        rest = jnp.full_like(self.cell.v_init, look.passive.v_rest)
        return eqx.tree_at(lambda cell: cell.v_init, self.cell, rest)

    def rest(self, n: int) -> Any:
        return at_rest(self.cell, n)

    def under(self, given: Injected) -> Patched:
        soma = self.cell.at(SOMA)
        run = simulate(
            self.cell, current={soma: given.current}, duration=given.duration, dt=given.dt,
            record={"v": soma}, state=given.state,
        )  # fmt: skip
        v = np.asarray(run["v"], float)[:, 0]
        spikes = (np.flatnonzero((v[:-1] < LEVEL) & (v[1:] >= LEVEL)) + 2) * run.dt
        return Patched(np.asarray(run.t, float), v, spikes, run.final)

    def free_run(
        self, stepper: AbstractStepper, state: Any, current: Array, dt: float, every: int
    ) -> tuple[Course, Any]:
        blocks = len(current) // every
        steps, n = blocks * every, current.shape[1]
        cell, soma = self.cell, self.cell.at(SOMA)
        stimulus = FromArray(current[:steps] * nA)
        begin = RunState(state, Clock.of(0), None, None, None, Origin(dt))
        done = simulate(
            cell,
            current={soma: stimulus},
            duration=steps * dt * ms,
            dt=dt * ms,
            record={"v": soma},
            state=begin,
        )
        v = done["v"][..., 0]
        before = jnp.concatenate([state.v[None, :, cell.node(soma)], v[:-1]])
        rises = (before < LEVEL) & (v >= LEVEL)
        folded = rises.reshape(blocks, every, n)
        number = jnp.arange(1, every + 1, dtype=v.dtype)[None, :, None]
        when = jnp.max(jnp.where(folded, number * dt, 0), axis=1)
        fired = folded.sum(axis=1).astype(v.dtype)
        return Course(v[every - 1 :: every], jnp.zeros_like(fired), fired, when), done.final.neuron


@functools.singledispatch
def patch_of(model: AbstractMembrane) -> Point | Soma:
    """A neuron or a cell at an electrode."""
    return Point(model)


@patch_of.register
def _(model: Cell) -> Soma:
    return Soma(model)
