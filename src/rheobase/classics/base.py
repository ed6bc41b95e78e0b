"""A network with what it takes to run it as published."""

from typing import NamedTuple, cast

from jax import Array

from rheobase.network import Network, NetworkRecording
from rheobase.simulate import simulate
from rheobase.steppers import AbstractStepper, default_stepper
from rheobase.units import Quantity


class Classic(NamedTuple):
    """A published network and its protocol.

    >>> import jax
    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> classic = rb.classics.cuba(jax.random.key(0), n=400)
    >>> run = classic.run(jax.random.key(1), duration=20 * ms)
    >>> run["i"].counts.shape
    (80,)
    """

    network: Network
    init: dict[str, dict[str, Quantity]]
    """Initial values by population and variable."""
    dt: Quantity
    duration: Quantity
    rates: dict[str, float]
    """Published mean rate (Hz) of each population; empty where none was."""
    source: str
    stepper: AbstractStepper = default_stepper()

    def run(
        self, key: Array, *, duration: Quantity | None = None, progress: bool = False
    ) -> NetworkRecording:
        """Simulate it as published, keeping the spikes as events; for another time if asked."""
        run = simulate(
            self.network,
            duration=self.duration if duration is None else duration,
            dt=self.dt,
            stepper=self.stepper,
            init=self.init,
            key=key,
            progress=progress,
        )
        return cast(NetworkRecording, run)
