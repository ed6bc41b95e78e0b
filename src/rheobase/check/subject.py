"""A neuron under test, with currents and times at which it can be tested."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rheobase.errors import StepperError
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron, Onset
from rheobase.record import Record, Recording, RunState
from rheobase.simulate import simulate
from rheobase.units import Quantity, ms

_SIZES = np.logspace(-4, 5, 37)
"""Currents at which a neuron is looked for that fires, in internal units."""


class Subject:
    """A neuron under test; what is found out about it is found once."""

    def __init__(self, neuron: AbstractMembrane):
        self.neuron = neuron
        self.fires = isinstance(neuron, AbstractNeuron) and neuron.onset is not Onset.NEVER

    @functools.cached_property
    def dt(self) -> float:
        """The longest time step (ms) of some that the neuron takes."""
        for dt in (0.1, 0.02, 0.005):
            try:
                self.neuron.check(dt)
            except StepperError:
                continue
            return dt
        return 0.001

    @property
    def firing(self) -> AbstractNeuron:
        """The neuron, of which laws with `fires` know that it has a threshold."""
        if not isinstance(self.neuron, AbstractNeuron):
            raise TypeError(f"{type(self.neuron).__name__} has no threshold.")
        return self.neuron

    def run(
        self,
        current: Any,
        time: float,
        *,
        neuron: AbstractMembrane | None = None,
        dt: float | None = None,
        record: Record | tuple[str, ...] = (),
        state: RunState | None = None,
    ) -> Recording:
        """A simulation of `time` ms under a current in internal units."""
        dt = self.dt if dt is None else dt
        return simulate(
            self.neuron if neuron is None else neuron,
            current=Quantity(current, self.neuron.receives.internal()),
            duration=max(round(time / dt), 1) * dt * ms,
            dt=dt * ms,
            record=record,
            state=state,
            key=jax.random.key(0) if self.neuron.random and state is None else None,
        )

    @functools.cached_property
    def drive(self) -> float:
        """The weakest of some constant currents at which it fires, one where there is none."""
        if not self.fires:
            return 1.0
        currents = np.stack([_SIZES, -_SIZES], axis=1).ravel()
        counts = np.asarray(self.run(currents, 300.0, record=Record(spikes="count")).counts)
        for enough in (3, 1):
            if (counts >= enough).any():
                return float(currents[np.argmax(counts >= enough)])
        return 1.0

    @functools.cached_property
    def quiet(self) -> tuple[float, float]:
        """A current, and a time (ms) in which the neuron does not fire under it."""
        current, time = 0.3 * self.drive, 20.0
        first = self.run(current, time).spike_times() if self.fires else np.empty(0)
        return current, max(0.5 * float(first[0]), 2 * self.dt) if len(first) else time

    @functools.cached_property
    def visited(self) -> Any:
        """The states of five neurons, as they come about under different currents."""
        return self.run(self.drive * np.array([0.0, 0.3, 0.7, 1.0, 1.5]), 37.0).final.neuron

    @functools.cached_property
    def inputs(self) -> jax.Array:
        """A current for each of the visited states."""
        kind = jax.tree.leaves(self.visited)[0].dtype
        return jnp.linspace(-1.0, 1.5, 5, dtype=kind) * self.drive
