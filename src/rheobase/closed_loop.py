"""One step at a time, compiled once: robots, dynamic clamps, environments to learn in."""

import functools
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.arguments import require_finite, require_width
from rheobase.cable.members import Receiver, require_receiver
from rheobase.errors import ArgumentError, UnknownName, brief
from rheobase.given import require_flag
from rheobase.network import Drive, Network, NetworkRecording
from rheobase.network.delays import Delays
from rheobase.record import RunState, require_state
from rheobase.simulate import lengths_of, require_possible, require_steps, simulate
from rheobase.stimulus import Constant
from rheobase.systems.source import RasterSource
from rheobase.time import Clock
from rheobase.train.layers import Sequential
from rheobase.units import Quantity, Unit, ms, nA, to_internal


class _Form:
    """What does not change from call to call, compared by identity: a look at it costs nothing."""

    def __init__(self, system: Any, stepper: Any, dt: float, n: Any, record: Any):
        leaves, self.structure = jax.tree.flatten((system, stepper))
        self.moving = [isinstance(x, jax.Array) for x in leaves]
        self.still = [None if yes else x for x, yes in zip(leaves, self.moving, strict=True)]
        self.dt, self.n, self.record = dt, n, record
        # How long what is under way is kept follows from them.
        self.delays = Delays.of(system) if isinstance(system, Network) else None

    def whole(self, arrays: tuple[Array, ...]) -> tuple[Any, Any]:
        """The system and its stepper."""
        given = iter(arrays)
        pairs = zip(self.moving, self.still, strict=True)
        leaves = [next(given) if moves else x for moves, x in pairs]
        system, stepper = jax.tree.unflatten(self.structure, leaves)
        return system if self.delays is None else self.delays.known(system), stepper


class CompiledStep(eqx.Module):
    """A system that is advanced by one step a call: `state, out = step(state, inputs)`.

    Made by `rb.compiled`. A pure function of the state and the inputs, so that it also stands
    inside of `jit`, `grad`, `vmap` and `jax.lax.scan`.
    """

    arrays: tuple[Array, ...]
    form: _Form = eqx.field(static=True)
    names: Any = eqx.field(static=True)
    """In which unit each population or place gets its input."""

    def __repr__(self) -> str:
        system, _ = self.form.whole(self.arrays)
        return f"CompiledStep: {self.form.dt:g} ms of {brief(system)}"

    def __call__(
        self, state: RunState | None, inputs: Any = None, key: Array | None = None
    ) -> tuple[RunState, Any]:
        """The state after the step, and its recording, which has one row.

        - `state`: what the step before returned, or `run.final`; None to begin at rest.
        - `inputs`: numbers in the unit that is received (nA), or quantities. Of a neuron its
          current, one or (n,); of a stack a row of its input, (n,) or (batch, n); of a cell
          currents by place; of a network, by population, a current (n,) or the spikes (n,) of a
          `SpikeSource`.
        - `key`: of the first step, where random numbers are drawn.
        """
        names, values = _named(self.names, inputs)
        return _stepped(self.form, self.arrays, state, names, values, key)


def compiled(
    system: Receiver | Network | Sequential,
    *,
    dt: Quantity | None = None,
    n: int | tuple[int, ...] | None = None,
    record: Any = (),
    stepper: Any = None,
    coarse: bool = False,
) -> CompiledStep:
    """Make one compiled step of a system, for a loop that is closed outside of it.

    - `system`: a neuron, a cell, a network or a stack of layers.
    - `dt`: of a step; a stack has its own.
    - `n`: size of a population of neurons or cells, as in `simulate`.
    - `record`: what each step tells besides spikes, as in `simulate`.
    - `stepper`, `coarse`: as in `simulate`.

    Many such steps are a run of `rb.simulate` under the same inputs, up to the rounding of
    programs that are compiled differently.

    Errors: those of `simulate`, here or at the first call.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> step = rb.compiled(rb.LIF(), dt=0.1 * ms, n=2, record=("v",))
    >>> state = None
    >>> for _ in range(3):
    ...     state, out = step(state, [1.0, 2.0])
    >>> out.v.shape, int(state.step)
    ((1, 2), 3)
    """
    if isinstance(system, Sequential):
        dt = system.dt * ms if dt is None else dt
    elif not isinstance(system, Network):
        require_receiver(
            system, "`system` is a network, a stack of layers,", "rb.compiled({}, dt=0.1*ms)"
        )
    if dt is None:
        raise ArgumentError("`dt` is the length of a step. Write rb.compiled(..., dt=0.1*ms).")
    if isinstance(dt, dict):
        raise ArgumentError(
            "`dt` is one step for all populations, which a call makes. Write "
            "rb.compiled(..., dt=0.1*ms)."
        )
    lengths = lengths_of(system, dt)
    require_flag(coarse, "coarse", "rb.compiled(..., coarse=True)")
    if n is not None and isinstance(system, Network | Sequential):
        raise ArgumentError(
            f"`n` is for neurons and cells, got {brief(n)}: a network and a stack have sizes of "
            "their own. Leave it out."
        )
    if not isinstance(system, Sequential):  # which was checked when it was made
        if not coarse:
            require_possible(system, lengths)
        require_steps(system, stepper, lengths)
    form = _Form(system, stepper, lengths.dt, n, record)
    arrays = tuple(x for x in jax.tree.leaves((system, stepper)) if isinstance(x, jax.Array))
    return CompiledStep(arrays, form, _receives(system))


def _receives(system: Any) -> Unit | dict[str, Unit]:
    """The unit in which a system, or each population of it, gets its input."""
    if isinstance(system, Network):
        return {name: one.receives for name, one in system.systems.items()}
    return nA if isinstance(system, Sequential) else system.receives


def _named(
    receives: Unit | dict[str, Unit], inputs: Any
) -> tuple[tuple[Any, ...], tuple[Array, ...]]:
    """The populations or places that get inputs, None where they are one, in internal units."""
    given = {} if inputs is None else inputs
    if isinstance(receives, dict):
        if not isinstance(given, dict):
            raise ArgumentError(
                f"`inputs` go by population, got {brief(inputs)}. Write "
                f"{{{next(iter(receives))!r}: 1*nA}}."
            )
        for name in given:
            if name not in receives:
                raise UnknownName("population (in `inputs`)", name, receives)
        return tuple(given), tuple(_numbers(x, receives[name]) for name, x in given.items())
    given = given if isinstance(given, dict) else {None: given}
    return tuple(given), tuple(_numbers(x, receives) for x in given.values())


def _numbers(value: Any, unit: Unit) -> Array:
    if isinstance(value, Quantity):
        value = to_internal(value, unit, "inputs", "step(state, {})")
    if not (isinstance(value, jax.Array) or _is_numeric(value)):
        raise ArgumentError(
            f"`inputs` are numbers or quantities, one or one for each neuron, got {brief(value)}. "
            "Write step(state, 1.0), or of a network step(state, {'e': 1.0})."
        )
    array = jnp.asarray(value)
    require_finite(array, "`inputs`")
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


def _is_numeric(value: Any) -> bool:
    """Whether it is a number or an array of numbers, perhaps in lists."""
    leaves = jax.tree.leaves(value) if isinstance(value, list | tuple) else [value]
    return all(isinstance(x, jax.Array) or np.asarray(x).dtype.kind in "fiub" for x in leaves)


@functools.partial(jax.jit, static_argnums=(0, 3))
def _stepped(
    form: _Form,
    arrays: tuple[Array, ...],
    state: RunState | None,
    names: tuple[Any, ...],
    values: tuple[Array, ...],
    key: Array | None,
) -> tuple[RunState, Any]:
    if state is not None:
        require_state(state, None)
    now = Clock.of(0) if state is None else Clock.of(state.step)
    system, stepper = form.whole(arrays)
    system, given = _given(system, dict(zip(names, values, strict=True)), now)
    if not isinstance(system, Network | Sequential):
        given["n"] = form.n
    if not isinstance(system, Sequential):
        given["stepper"] = stepper
    time = form.dt * ms
    run = simulate(
        system, duration=time, dt=time, record=form.record, state=state, key=key, **given
    )
    if isinstance(run, NetworkRecording):
        run = replace(run, network=None)  # what is handed out in every step is small
    return run.final, run


def _given(system: Any, inputs: dict[Any, Array], now: Clock) -> tuple[Any, dict[str, Any]]:
    """A system, and what `simulate` is given with it, under the inputs of the step `now`."""
    if isinstance(system, Sequential):
        return system, {"inputs": inputs[None][None]}
    if not isinstance(system, Network):
        held = {place: Constant(Quantity(x, system.receives)) for place, x in inputs.items()}
        return system, {"current": held.get(None, held or None)}
    for name, x in inputs.items():
        if system.is_source(name):
            n = system.populations[name].n
            require_width(f"`inputs` of {name!r}", x.shape, (n,), f"population {name!r}")
            rows = jnp.broadcast_to(x, (1, n))
            system = system.with_source(name, RasterSource(n, rows, now))
        else:
            stimulus = Constant(Quantity(x, system.systems[name].receives))
            system = system.with_drive(Drive(name, stimulus))
    return system, {}
