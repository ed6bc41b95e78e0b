"""Digits of an event camera: a small convolutional network looks at N-MNIST."""

# pyright: reportArgumentType=false
import jax

from rheobase import surrogate
from rheobase.datasets import Dataset, Drop, Jitter, Shift, Tempo, Warp, nmnist
from rheobase.neurons import LI, LIF
from rheobase.tasks.base import AbstractTask, Split
from rheobase.train import Conv2d, Dropout, Flatten, Linear, Pool, Sequential
from rheobase.train.losses import CrossEntropy, cross_entropy
from rheobase.units import ms

STEP = 20 * ms
SIDE = 34
CHANNELS = 12, 32
GAIN = 3.0
"""Factor on the weights of the convolutions: few pixels change in a step."""


class EventDigits(AbstractTask):
    """N-MNIST in steps of 20 ms, through two convolutions with LIF neurons and pools.

    Few samples are made many: turned, sheared, scaled, shifted, shaken, thinned out and played at
    another tempo. Validation is on a third, with equal shares of each digit; the saved network has
    learned from that third too.
    """

    @property
    def name(self) -> str:
        return "nmnist"

    @property
    def epochs(self) -> int:
        return 60

    @property
    def batch_size(self) -> int:
        return 25

    @property
    def rate(self) -> float:
        return 4e-3

    @property
    def decay(self) -> float:
        return 1e-2

    @property
    def ends_on_all(self) -> bool:
        return True

    @property
    def loss(self) -> CrossEntropy:
        return cross_entropy("membrane", smoothing=0.05)

    def data(self, path: object, damaged: str) -> Dataset:
        return nmnist(path, STEP, most=None, damaged=damaged)  # pyright: ignore

    def split(self, data: Dataset) -> Split:
        rest, held = data.split(1 / 3)
        return Split(rest, held, "a third, stratified")

    def augmented(self, data: Dataset) -> Dataset:
        return data.augmented(
            Warp(SIDE, SIDE), Shift(2), Jitter(2 * ms, 0.3), Drop(0.3), Tempo(0.15)
        )

    def model(self, key: jax.Array) -> Sequential:
        spike = surrogate.Scaled(surrogate.Triangle(), height=0.5)
        neuron = LIF(tau=30 * ms, spike=spike)
        few, many = CHANNELS
        layers = (
            Conv2d(2, few, 5, padding=2),
            neuron,
            Pool(2),
            Conv2d(few, many, 3, padding="same"),
            neuron,
            Pool(2),
            Dropout(0.3),
            Flatten(),
            Linear(many * (SIDE // 4) ** 2, 10),
            LI(tau=100 * ms),
        )
        model = Sequential(*layers, dt=STEP, key=key, inputs="spikes")
        return self.louder(model, (0, 3), GAIN)
