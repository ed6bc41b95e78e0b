"""Diehl and Cook's network, which learns to tell digits apart without being told what they are."""

# The fields of neurons and synapses take quantities and hold arrays.
# pyright: reportArgumentType=false, reportCallIssue=false

from typing import NamedTuple, cast

import equinox as eqx
import jax
import numpy as np
from jax.typing import ArrayLike

from rheobase.adaptors import Refractory, ThresholdAdaptation
from rheobase.connectivity import Dense, Uniform
from rheobase.connectivity.base import generator
from rheobase.errors import ArgumentError, ShapeError
from rheobase.network import Connection, Drive, Network, NetworkRecording, Population
from rheobase.neurons import LIF, variables
from rheobase.plasticity import PairSTDP
from rheobase.record import Record
from rheobase.simulate import simulate
from rheobase.stimulus import Poisson
from rheobase.synapses import Delta
from rheobase.units import DomainError, Hz, ms, mV

DT = 1 * ms
SHOWN = 100 * ms
"""How long a picture is shown; then all is at rest but thresholds and weights."""
BRIGHT = 200 * Hz
"""Rate of a pixel of 1."""
TOTAL = 10.0
"""mV: weights onto a neuron together, to which they are scaled before each picture."""
STRONGEST = 1 * mV
INHIBITION = -20 * mV
"""From each neuron to all others: who fires first silences them."""
RISE = 1 * mV
"""Of a threshold with each spike while it learns, so that all neurons get their turn."""


class DiehlCook(NamedTuple):
    """Excitatory neurons that compete for pictures; made by `diehl_cook`."""

    weights: np.ndarray
    """(pixels, n), mV."""
    theta: np.ndarray
    """How far thresholds have risen, (n,), mV."""
    labels: np.ndarray | None = None
    """Of each neuron, the class to which it responds most, (n,)."""

    def learned(self, pictures: ArrayLike, key: jax.Array) -> "DiehlCook":
        """The network after it has seen pictures (samples, pixels), 0 to 1, one after the other."""
        net, weights, theta = self._network(True), self.weights, self.theta
        for number, picture in enumerate(self._checked(pictures)):
            now = self._replace(weights=_scaled(weights), theta=theta)
            run = now._shown(net, picture, jax.random.fold_in(key, number))
            weights = np.asarray(run.weights("pixels", "e").value).reshape(weights.shape)
            theta = np.asarray(variables.get(run.final.neuron.systems["e"], "theta"))
        return DiehlCook(_scaled(weights), theta)

    def counts(self, pictures: ArrayLike, key: jax.Array) -> np.ndarray:
        """Spikes of each neuron for each picture, (samples, n), while nothing is learned."""
        net, found = self._network(False), []
        for number, picture in enumerate(self._checked(pictures)):
            run = self._shown(net, picture, jax.random.fold_in(key, number))
            found.append(np.asarray(run["e"].counts))
        return np.stack(found)

    def assigned(self, pictures: ArrayLike, labels: ArrayLike, key: jax.Array) -> "DiehlCook":
        """With each neuron assigned to the class of pictures to which it responds most."""
        labels, counts = np.asarray(labels), self.counts(pictures, key)
        if labels.shape != counts.shape[:1]:
            raise ShapeError(
                f"`labels` is one class a picture, ({len(counts)},), got {labels.shape}."
            )
        classes = np.unique(labels)
        rates = np.stack([counts[labels == one].mean(axis=0) for one in classes])
        return self._replace(labels=classes[rates.argmax(axis=0)])

    def classify(self, pictures: ArrayLike, key: jax.Array) -> np.ndarray:
        """The class of each picture, (samples,): of the neurons that fire most, on average."""
        if self.labels is None:
            raise ArgumentError(
                "no neuron has a class yet. Write net.assigned(pictures, labels, key) first."
            )
        counts, classes = self.counts(pictures, key), np.unique(self.labels)
        rates = [counts[:, self.labels == one].mean(axis=1) for one in classes]
        return classes[np.argmax(rates, axis=0)]

    def _network(self, learns: bool) -> Network:
        pixels, n = self.weights.shape
        rule = PairSTDP(STRONGEST, A_plus=0.05, A_minus=0.0, target=0.4)
        membrane = LIF(tau=100 * ms, v_rest=-65 * mV, v_reset=-65 * mV, v_th=-52 * mV)
        rise = RISE if learns else 0 * mV
        adapting = ThresholdAdaptation(membrane, tau=1e7 * ms, increment=rise)
        return Network(
            {"pixels": Population(LIF(), pixels), "e": Population(Refractory(adapting, 5 * ms), n)},
            [
                Connection(
                    "pixels",
                    "e",
                    Dense(),
                    Delta(),
                    weight=self.weights.reshape(-1) * mV,
                    plasticity=rule if learns else (),
                ),
                Connection("e", "e", Dense(autapses=False), Delta(), weight=INHIBITION),
            ],
            drives=[Drive("pixels", Poisson(np.ones(pixels) * BRIGHT, 1000 * mV))],
        )

    def _shown(self, net: Network, picture: np.ndarray, key: jax.Array) -> NetworkRecording:
        def inputs(net: Network):
            return net.projections[0].weight, net.drives[0].stimulus.rate  # pyright: ignore

        weight, rate = inputs(net)
        now = self.weights.reshape(-1).astype(weight.dtype), (picture * BRIGHT.value_in(1 / ms))
        net = eqx.tree_at(inputs, net, (now[0], now[1].astype(rate.dtype)))
        run = simulate(
            net,
            duration=SHOWN,
            dt=DT,
            init={"e": {"theta": self.theta * mV}},
            key=key,
            record={"e": Record(spikes="count")},
        )
        return cast(NetworkRecording, run)

    def _checked(self, pictures: ArrayLike) -> np.ndarray:
        pictures = np.asarray(pictures)
        if pictures.ndim != 2 or pictures.shape[1] != len(self.weights) or not len(pictures):
            raise ShapeError(
                f"`pictures` has the shape {pictures.shape}, expected (samples, "
                f"{len(self.weights)}). Write pictures.reshape(len(pictures), -1)."
            )
        if not (pictures.min() >= 0 and pictures.max() <= 1):
            raise DomainError(
                f"pixels lie between 0 and 1, got {pictures.min():g} to {pictures.max():g}. "
                f"Write pictures / pictures.max()."
            )
        return pictures


def diehl_cook(key: jax.Array, pixels: int = 64, n: int = 100) -> DiehlCook:
    """A network of n excitatory neurons that has seen nothing yet.

    Pixels fire at random, faster where a picture is bright, onto all neurons. Each neuron that
    fires inhibits all others, raises its threshold for good, and by `PairSTDP` draws its weights
    to the pixels that have just been active; weights onto a neuron keep their sum. So each comes to
    stand for one kind of picture. Of the published network this has the learning, threshold and
    competition; inhibition is direct instead of by a second population, and what a picture leaves
    behind is cleared instead of given time to fade.

    Source: Diehl & Cook 2015, Front Comput Neurosci 9:99.

    >>> import jax, numpy as np, rheobase as rb
    >>> net = rb.classics.diehl_cook(jax.random.key(0), pixels=16, n=5)
    >>> pictures = np.eye(2).repeat(8, axis=1)
    >>> net.learned(pictures, jax.random.key(1)).counts(pictures, jax.random.key(2)).shape
    (2, 5)
    """
    first = Uniform(0 * mV, STRONGEST).draw(pixels * n, generator(key))
    weights = np.asarray(first.value_in(mV), np.float32).reshape(pixels, n)
    return DiehlCook(_scaled(weights), np.zeros(n, np.float32))


def _scaled(weights: np.ndarray) -> np.ndarray:
    """With the same sum onto each neuron, as far as none becomes too strong."""
    scaled = weights * (TOTAL / np.maximum(weights.sum(axis=0), 1e-9))
    return np.minimum(scaled, STRONGEST.value_in(mV)).astype(np.float32)
