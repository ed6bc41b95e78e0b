"""A neuron and the sweeps that it shall follow, as functions of a vector of free parameters."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from rheobase.adaptors import Refractory
from rheobase.adaptors.base import AbstractAdaptor
from rheobase.cable.members import Receiver
from rheobase.fitting import engine, residuals
from rheobase.fitting.objective import Objective
from rheobase.fitting.patched import patch_of
from rheobase.fitting.residuals import Residuals, Seen
from rheobase.fitting.target import Target
from rheobase.neurons import variables
from rheobase.steppers import AbstractStepper
from rheobase.train.domains import free, legal, ordered
from rheobase.units import anything, mV, parameters

_TRUSTED = 10.0
"""mV that a voltage is expected to move from where the fit begins."""
_TOGETHER = 16
"""Rows of a population that one compiled run takes."""
_LOOSE = 2.0
"""The same for other parameters, in the free coordinates of `rheobase.train.domains`."""


class Problem:
    """What a search varies and evaluates; rows of `Y` are parameter vectors, one a start.

    - `neuron`: where the fit begins, a neuron or a cell; `trained`: mask of what moves, as by
      `rb.train.choose`.
    - `every`: all sweeps in the order in which they were recorded; `train`: places of those that
      count. Sweeps that follow each other are run side by side, each from the state in which the
      one before ended at the last evaluation; `follows` says which follow another at once.
    """

    def __init__(
        self,
        neuron: Receiver,
        trained: Any,
        stepper: AbstractStepper,
        every: Target,
        train: np.ndarray,
        follows: np.ndarray,
    ):
        self.stepper, self.dt, self.block = stepper, every.dt, every.every
        self.mask, self.resets = trained, patch_of(neuron).resets
        coordinates = free(neuron, trained)
        moving, self.fixed = eqx.partition(coordinates, trained)
        start, self.unravel = ravel_pytree(moving)
        self.start = np.asarray(start, float)
        self.names = _names(moving, self.start)
        self.train, self.follows = train, follows
        self.goal = part(every, train)
        dtype = start.dtype
        self.current = jnp.asarray(every.current, dtype)
        self.trained_current = jnp.asarray(self.goal.current, dtype)
        self.told = jnp.asarray(self.goal.forced())
        self.first = jnp.asarray(self.goal.v[0], dtype)
        self.prior = _prior(neuron, trained)
        self.objective = Objective.of(self.goal)
        self.states: Any = None
        self.shared: Any = None
        self._free = jax.jit(jax.vmap(self._with_slopes, in_axes=(0, 0, None, None)))
        self._forced = jax.jit(jax.vmap(self._from_rest, in_axes=(0, None, None)))
        self._plain = jax.jit(jax.vmap(self._run, in_axes=(0, 0, None, None)))
        self._only = jax.jit(jax.vmap(self._forced_only, in_axes=(0, None, None)))
        self._lean = jax.jit(jax.vmap(self._free_run, in_axes=(0, None, None)))
        self._tidy = jax.jit(jax.vmap(self._ordered))
        self._rest = jax.jit(jax.vmap(self._resting, in_axes=(0, None)), static_argnums=1)

    @property
    def size(self) -> int:
        """Number of free parameters."""
        return len(self.start)

    def build(self, y: Any) -> Any:
        """The neuron with these free parameters."""
        neuron = legal(eqx.combine(self.unravel(jnp.asarray(y)), self.fixed), self.mask)
        return _held(neuron, self.dt)

    def ordered(self, y: np.ndarray) -> np.ndarray:
        """The parameters, moved where one would pass another that must stay above it."""
        return self.all_ordered(y[None])[0]

    def all_ordered(self, Y: np.ndarray) -> np.ndarray:
        """The same for each row."""
        return np.asarray(self._tidy(self._given(Y)), float)

    def population(self, Y: np.ndarray) -> np.ndarray:
        """What free runs cost, one number for each row; `settle` says from where they begin."""
        if self.shared is None:
            self.settle(self.start, self.current.shape[1])
        states = jax.tree.map(lambda x: x[self.train], self.shared)
        chunks = [self._given(Y[k : k + _TOGETHER]) for k in range(0, len(Y), _TOGETHER)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            # The compiled loop takes one core and lets Python go on, so several run at once.
            run = lambda y: self.objective(self._lean(y, states, self.trained_current)[0])  # noqa: E731
            return np.concatenate(list(pool.map(run, chunks)))

    def settle(self, y: np.ndarray, passes: int = 1) -> None:
        """Let the sweeps of a population begin where those before them end under `y`.

        - `passes`: after how many the state of the first sweep has reached the last one.
        """
        given, n = self._given(y[None]), self.current.shape[1]
        rest = jax.tree.map(lambda x: x[0], self._rest(given, n))
        if not self.follows.any():
            self.shared = rest
            return
        state = rest if self.shared is None else self.shared

        def shifted(end: Array, rest: Array) -> Array:
            follows = jnp.asarray(self.follows).reshape(-1, *(1,) * (rest.ndim - 1))
            return jnp.where(follows, jnp.roll(end[0], 1, axis=0).astype(rest.dtype), rest)

        for _ in range(passes):
            _, final = self._lean(given, state, self.current)
            state = jax.tree.map(shifted, final, rest)
        self.shared = state

    def forced(self, Y: np.ndarray) -> list[Residuals]:
        """Residuals of runs that the data's spikes reset, one for each row."""
        seen = self._forced(self._given(Y), self.trained_current, self.told)
        return [residuals.forced(one, self.goal) for one in _each(seen)]

    def screen(self, Y: np.ndarray) -> np.ndarray:
        """The cost of such runs, without derivatives."""
        course = self._only(self._given(Y), self.trained_current, self.told)
        return np.array([residuals.forced(one, self.goal).cost for one in _bare(course)])

    def free(self, Y: np.ndarray) -> list[Residuals]:
        """Residuals of free runs, one for each row."""
        y = self._given(Y)
        states = self._begin(y)
        seen = self._free(
            y, jax.tree.map(lambda x: x[:, self.train], states), self.trained_current, None
        )
        return [residuals.free(one, self.goal) for one in _each(seen)]

    def voltages(self, Y: np.ndarray) -> np.ndarray:
        """Free runs at the end of each block, (rows, blocks, sweeps), from where `settle` ended."""
        states = jax.tree.map(lambda x: x[self.train], self.shared)
        return np.asarray(self._lean(self._given(Y), states, self.trained_current)[0].v, float)

    def forget(self) -> None:
        """Begin the sweeps at rest again."""
        self.states = None

    def _begin(self, y: Array) -> Any:
        """The state at the beginning of each sweep, (starts, sweeps)."""
        rest = self._rest(y, self.current.shape[1])
        if not self.follows.any():
            return rest
        before = rest if self.states is None or _length(self.states) != len(y) else self.states
        _, final = self._plain(y, before, self.current, None)
        follows = jnp.asarray(self.follows)

        def shifted(end: Array, rest: Array) -> Array:
            moved = jnp.concatenate([rest[:, :1], end[:, :-1].astype(rest.dtype)], axis=1)
            # A start that has run away begins anew.
            sound = jnp.isfinite(moved) if jnp.issubdtype(rest.dtype, jnp.floating) else True
            return jnp.where(follows[None] & sound, moved, rest)

        self.states = jax.tree.map(shifted, final, rest)
        return self.states

    def _given(self, Y: np.ndarray) -> Array:
        return jnp.asarray(Y, self.current.dtype)

    def _resting(self, y: Array, n: int) -> Any:
        return patch_of(self.build(y)).rest(n)

    def _as_recorded(self, y: Array) -> Any:
        """Rest, but with the voltage with which each trained sweep begins."""
        state = self._resting(y, len(self.first))
        return variables.replace(state, "v", self.first)

    def _run(self, y: Array, state: Any, current: Array, told: Array | None) -> Any:
        return engine.run(self.build(y), self.stepper, state, current, told, self.dt, self.block)

    def _free_run(self, y: Array, state: Any, current: Array) -> Any:
        patch = patch_of(self.build(y))
        return patch.free_run(self.stepper, state, current, self.dt, self.block)

    def _ordered(self, y: Array) -> Array:
        whole = eqx.combine(self.unravel(y), self.fixed)
        return ravel_pytree(eqx.filter(ordered(whole, self.mask), self.mask))[0]

    def _with_slopes(self, y: Array, state: Any, current: Array, told: Array | None) -> Any:
        def course(y: Array) -> Any:
            begin = self._as_recorded(y) if state is None else state
            return self._run(y, begin, current, told)[0]

        slopes = jax.vmap(lambda along: jax.jvp(course, (y,), (along,))[1])(
            jnp.eye(y.shape[0], dtype=y.dtype)
        )
        return course(y), slopes

    def _from_rest(self, y: Array, current: Array, told: Array) -> Any:
        return self._with_slopes(y, None, current, told)

    def _forced_only(self, y: Array, current: Array, told: Array) -> Any:
        return self._run(y, self._as_recorded(y), current, told)[0]


def _held(neuron: Any, dt: float) -> Any:
    """The neuron with a refractoriness of one step at least, as a simulation asks for."""
    if not isinstance(neuron, AbstractAdaptor):
        return neuron
    if isinstance(neuron, Refractory):
        return eqx.tree_at(lambda n: n.period, neuron, jnp.maximum(neuron.period, dt))
    return eqx.tree_at(lambda n: n.neuron, neuron, _held(neuron.neuron, dt))


def part(every: Target, places: np.ndarray) -> Target:
    """The sweeps at these places."""
    return every._replace(
        numbers=tuple(every.numbers[k] for k in places),
        current=every.current[:, places],
        v=every.v[:, places],
        spikes=tuple(every.spikes[k] for k in places),
        edges=tuple(every.edges[k] for k in places),
        driven=tuple(every.driven[k] for k in places),
    )


def _names(moving: Any, start: np.ndarray) -> tuple[str, ...]:
    found = []
    for path, leaf in jax.tree_util.tree_flatten_with_path(moving)[0]:
        name = ".".join(str(getattr(key, "name", key)) for key in path)
        found += [name] if leaf.ndim == 0 else [f"{name}[{k}]" for k in range(leaf.size)]
    return tuple(found)


def _prior(neuron: Any, trained: Any) -> np.ndarray:
    """Inverse variance of each free parameter about its start."""
    raised = jax.tree.map(lambda x, moves: x + 1 if moves else x, neuron, trained)
    there, here = (eqx.filter(free(n, trained), trained) for n in (raised, neuron))
    found: list[float] = []
    for (module, name, leaf), up, down in zip(
        fields(neuron, trained), jax.tree.leaves(there), jax.tree.leaves(here), strict=True
    ):
        declared = parameters(module).get(name)
        width = np.full(leaf.size, _LOOSE)
        if (
            declared is not None
            and declared.unit.same_dimension(mV)
            and declared.domain is anything
        ):
            width = _TRUSTED * np.ravel(up - down)
        found += (1 / width**2).tolist()
    return np.array(found)


def fields(neuron: Any, trained: Any) -> list[tuple[Any, str, Any]]:
    """The module, the name and the array of everything that is trained, in the order of leaves."""
    found = []
    chosen = jax.tree.leaves(trained)
    for (path, leaf), moves in zip(
        jax.tree_util.tree_flatten_with_path(neuron)[0], chosen, strict=True
    ):
        if moves:
            module = neuron
            for key in path[:-1]:
                module = getattr(module, key.name) if hasattr(key, "name") else module[key.idx]
            found.append((module, getattr(path[-1], "name", str(path[-1])), leaf))
    return found


def _length(states: Any) -> int:
    return jax.tree.leaves(states)[0].shape[0]


def _each(seen: Any) -> list[Seen]:
    course, slopes = jax.tree.map(np.asarray, seen)
    return [
        _seen(course, k, slopes.v[k], slopes.top[k], slopes.when[k]) for k in range(len(course.v))
    ]


def _bare(course: Any) -> list[Seen]:
    course = jax.tree.map(np.asarray, course)
    none = np.zeros((0, *course.v.shape[1:]))
    return [_seen(course, k, none, none, none) for k in range(len(course.v))]


def _seen(course: Any, k: int, dv: np.ndarray, dtop: np.ndarray, dwhen: np.ndarray) -> Seen:
    return Seen(course.v[k], course.top[k], course.fired[k], course.when[k], dv, dtop, dwhen)
