"""Spoken digits: a recurrent network of adaptive neurons with delays hears FSDD."""

# pyright: reportArgumentType=false
import jax
import numpy as np

from rheobase import surrogate
from rheobase.datasets import Dataset, Hiss, Mask, Speed, Stretch, TimeShift, fsdd
from rheobase.neurons import ALIF, LI
from rheobase.tasks.base import AbstractTask, Split
from rheobase.train import Delays, Dropout, Linear, Recurrent, Sequential
from rheobase.train.losses import CrossEntropy, cross_entropy
from rheobase.units import Quantity, ms, mV

CHANNELS = 64
HIDDEN = 256
STEP = 10 * ms
"""Of the network, and of the cochlea: a digit is 15 to 90 of them."""
DURATION = 800 * ms
HELD = 10
"""Recordings of an index below this are for validation; the official test set is below 5."""
DAMPING = 0.3
"""Peak of the pseudo-derivative, without which gradients grow through the recurrence (Bellec et
al. 2018, NeurIPS)."""
LOUDNESS = 6.0
"""Factor on the first weights: a cochlea gives a tenth on average, they are made for one."""


class SpokenDigits(AbstractTask):
    """FSDD through a mel cochlea of 64 channels in steps of 10 ms, to 256 recurrent neurons.

    Membranes of 20 to 100 ms, thresholds that adapt in 60 to 600 ms, delays of up to 200 ms from
    the cochlea; the mean voltage of ten leaky integrators decides. Validation is on the recordings
    with an index below 10, of all six speakers.
    """

    @property
    def name(self) -> str:
        return "spoken-digits"

    @property
    def epochs(self) -> int:
        return 30

    @property
    def batch_size(self) -> int:
        return 64

    @property
    def rate(self) -> float:
        return 4e-3

    @property
    def decay(self) -> float:
        return 1e-3

    @property
    def ends_on_all(self) -> bool:
        return False

    @property
    def loss(self) -> CrossEntropy:
        return cross_entropy("membrane", smoothing=0.05)

    def data(self, path: object, damaged: str) -> Dataset:
        return fsdd(path, CHANNELS, STEP, duration=DURATION, damaged=damaged)  # pyright: ignore

    def split(self, data: Dataset) -> Split:
        held = data.about["index"] < HELD
        return Split(data.where(~held), data.where(held), f"indices below {HELD}")

    def augmented(self, data: Dataset) -> Dataset:
        return data.augmented(
            Stretch(0.2), Speed(0.08), Hiss(), TimeShift(60 * ms), Mask(0.12, 0.12)
        )

    def model(self, key: jax.Array) -> Sequential:
        spread = np.linspace(0, 1, HIDDEN)
        # Membrane and threshold are spread each by itself.
        other = np.random.default_rng(0).permutation(spread)
        neuron = ALIF(
            tau=_between(20, 100, spread),
            tau_a=_between(60, 600, other),
            beta=0.5 * mV,
            spike=surrogate.Scaled(surrogate.Triangle(), height=DAMPING),
        )
        heard = Linear(CHANNELS, HIDDEN, delays=Delays(200 * ms, kernel="gaussian", width=4.0))
        layers = heard, Recurrent(neuron, HIDDEN, damping=1.0), Dropout(0.1), Linear(HIDDEN, 10)
        model = Sequential(*layers, LI(tau=100 * ms), dt=STEP, key=key)
        return self.louder(model, (0,), LOUDNESS)


def _between(low: float, high: float, part: np.ndarray) -> Quantity:
    """Times (ms) from low to high on a geometric scale."""
    return low * (high / low) ** part * ms
