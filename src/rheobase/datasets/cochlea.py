r"""From sound to what a network receives: a filter bank, compression as in hair cells, a code.

Everything is JAX, differentiable in the sound and jit-able.
"""

from abc import abstractmethod
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from rheobase.declared import AbstractDeclared
from rheobase.errors import ParameterError, ShapeError, UnknownName, brief
from rheobase.train.arguments import positive_number
from rheobase.train.encoders import AbstractEncoder
from rheobase.units import Hz, Quantity, in_unit, ms

Code = Literal["current", "rate", "latency", "level"]
Bank = Literal["mel", "gammatone"]
CODES = ("current", "rate", "latency", "level")

WINDOW = 25.0
"""ms of sound that a mel filter sees at once."""
ORDER = 4
"""Of a gammatone filter, as in the auditory nerve."""
LONGEST = 40.0
"""ms after which the answer of a gammatone filter is cut; at 50 Hz it has fallen to 1 %."""


class AbstractBank(AbstractDeclared):
    """A bank of band-pass filters: the energy of a sound in each band, in every time step."""

    @abstractmethod
    def __call__(self, sound: Array, step: int) -> Array:
        """Energy (batch, time, channels) of sound (batch, samples) in steps of `step` samples."""


class Mel(AbstractBank):
    r"""Triangles on the mel scale over the power spectrum of a Hann window of 25 ms.

    m(f) = 2595 log10(1 + f/700 Hz); neighbours cross at half height. Weights (frequency, channel).
    Fast: one Fourier transform a step. Source: Davis & Mermelstein 1980, IEEE TASSP 28:357.
    """

    weights: np.ndarray
    window: int = eqx.field(static=True)

    def __init__(self, channels: int, rate: float, low: float, high: float):
        def mel(f: Any) -> Any:
            return 2595 * np.log10(1 + in_unit(f, Hz) / 700)

        self.window = int(round(WINDOW * rate))
        size = 1 << (self.window - 1).bit_length()
        places = mel(np.fft.rfftfreq(size, 1 / rate))
        edges = np.linspace(mel(low), mel(high), channels + 2)
        up = (places[:, None] - edges[:-2]) / np.diff(edges)[:-1]
        down = (edges[2:] - places[:, None]) / np.diff(edges)[1:]
        weights = np.maximum(0, np.minimum(up, down))
        # A triangle between two frequencies of the transform takes the nearest one.
        narrow = np.flatnonzero(weights.sum(axis=0) < 0.5)
        weights[np.abs(places[:, None] - edges[1:-1][narrow]).argmin(axis=0), narrow] = 1
        self.weights = weights / weights.sum(axis=0)

    def __call__(self, sound: Array, step: int) -> Array:
        size = 2 * (len(self.weights) - 1)
        steps = sound.shape[1] // step
        left = (self.window - step) // 2
        sound = jnp.pad(sound, ((0, 0), (max(left, 0), self.window)))
        begins = np.arange(steps)[:, None] * step + np.arange(self.window)
        shape = jnp.asarray(np.hanning(self.window + 2)[1:-1], sound.dtype)
        spectrum = jnp.fft.rfft(sound[:, begins] * shape[None, None], size, axis=-1)
        power = spectrum.real**2 + spectrum.imag**2
        return power @ jnp.asarray(self.weights, sound.dtype) / jnp.sum(shape**2)


class Gammatone(AbstractBank):
    r"""Gammatone filters, half-wave rectified: what a hair cell sees of the membrane.

    g(t) = t³ exp(-2 pi b t) cos(2 pi f t), b = 1.019 ERB(f), ERB(f) = 24.7 Hz + 0.108 f; centres
    f evenly on the ERB scale; the energy is the mean over the step of max(0, g * sound)².
    Source: Patterson et al. 1992; bandwidths of Glasberg & Moore 1990, Hear Res 47:103.
    """

    answers: np.ndarray
    """g of each channel, (channel, sample), scaled to a gain of 1 at its centre."""

    def __init__(self, channels: int, rate: float, low: float, high: float):
        def erbs(f: Any) -> Any:
            return np.log(1 + 0.00437 * in_unit(f, Hz))

        scale = np.linspace(erbs(low), erbs(high), channels)
        hertz = (np.exp(scale) - 1) / 0.00437
        centre = hertz / in_unit(1.0, Hz)
        width = 1.019 * (24.7 + 0.108 * hertz) / in_unit(1.0, Hz)
        t = np.arange(1, int(LONGEST * rate) + 1) / rate
        envelope = t ** (ORDER - 1) * np.exp(-2 * np.pi * width[:, None] * t)
        answers = envelope * np.cos(2 * np.pi * centre[:, None] * t)
        self.answers = answers / (envelope.sum(axis=1, keepdims=True) / 2)

    def __call__(self, sound: Array, step: int) -> Array:
        steps = sound.shape[1] // step
        size = 1 << (sound.shape[1] + self.answers.shape[1] - 1).bit_length()
        filters = jnp.fft.rfft(jnp.asarray(self.answers, sound.dtype), size)

        def channel(filter_: Array) -> Array:
            moved = jnp.fft.irfft(jnp.fft.rfft(sound, size) * filter_[None], size)
            rectified = jnp.maximum(moved[:, : steps * step], 0) ** 2
            return rectified.reshape(len(sound), steps, step).mean(axis=-1)

        # One channel at a time: all at once would hold `channels` copies of the sound.
        return jnp.moveaxis(jax.lax.map(channel, filters), 0, -1)


class Cochlea(AbstractEncoder):
    r"""A sound as the auditory nerve hands it on: one channel a frequency band.

    The energy E (time, batch, channel) of each band is compressed as loudness is,

        x = max(0, 1 + log10(E/E_max)/(span/10)),

    with E_max the largest of the sound: x lies from 0 to 1 whatever the volume, and what is `span`
    (dB) below the loudest is silence. Then by `code`

    - `"current"`: x itself, a graded current;
    - `"rate"`: spikes, as an integrator fires them that fills at x `peak`: the sum of spikes
      follows that of x peak dt to less than one;
    - `"latency"`: one spike in each window of 1/peak, the earlier the larger x; none where x < 0.1;
    - `"level"`: +1 where x has risen by 0.1 since the last event, -1 where it has fallen.

    Spikes pass the derivative of x on as if they were x (Bengio et al. 2013).

    - `channels`; `dt`: the time step, that of the network.
    - `sampling`: of the sound. `low`, `high`: the lowest and highest band; `high` is half the
      sampling rate by default.
    - `bank`: `"mel"` (fast) or `"gammatone"` (in the time domain, resolves single periods).
    - `span`: in dB. `peak`: the largest firing rate.

    `cochlea(sound)` takes (batch, samples), or (samples,), and gives (time, batch, channels).

    Errors: `ParameterError`, `ShapeError`, `UnknownName`.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import Hz, ms
    >>> sound = np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)
    >>> x = rb.datasets.Cochlea(channels=32, dt=10 * ms, sampling=8000 * Hz)(sound[None])
    >>> x.shape, int(x[25, 0].argmax())
    ((50, 1, 32), 6)
    """

    bank: AbstractBank
    channels: int = eqx.field(static=True)
    dt: float = eqx.field(static=True)
    sampling: float = eqx.field(static=True)
    span: float = eqx.field(static=True)
    code: Code = eqx.field(static=True)
    peak: float = eqx.field(static=True)

    def __init__(  # noqa: PLR0913
        self,
        channels: int = 64,
        dt: Quantity = 1 * ms,
        sampling: Quantity = 16000 * Hz,
        low: Quantity = 60 * Hz,
        high: Quantity | None = None,
        bank: Bank = "mel",
        span: float = 50.0,
        code: Code = "current",
        peak: Quantity = 200 * Hz,
    ):
        banks = {"mel": Mel, "gammatone": Gammatone}
        if bank not in banks:
            raise UnknownName("filter bank", bank, banks)
        if code not in CODES:
            raise UnknownName("code of a cochlea", code, CODES)
        if isinstance(channels, bool) or not isinstance(channels, int) or channels < 2:
            raise ParameterError(f"`channels` is a whole number >= 2, got {brief(channels)}.")
        self.channels, self.code, self.span = channels, code, float(span)
        self.dt = positive_number(dt, ms, "dt", "Cochlea(dt={})")
        self.sampling = positive_number(sampling, Hz, "sampling", "Cochlea(sampling={})")
        self.peak = positive_number(peak, Hz, "peak", "Cochlea(peak={})")
        bottom = positive_number(low, Hz, "low", "Cochlea(low={})")
        top = self.sampling / 2
        if high is not None:
            top = positive_number(high, Hz, "high", "Cochlea(high={})")
        if not bottom < top <= self.sampling / 2:
            raise ParameterError(
                f"bands lie between `low` and `high`, at most half the sampling rate of "
                f"{in_unit(self.sampling, Hz):g} Hz, got {in_unit(bottom, Hz):g} and "
                f"{in_unit(top, Hz):g} Hz. Write Cochlea(low=60*Hz, "
                f"high={in_unit(self.sampling, Hz) / 2:g}*Hz)."
            )
        if round(self.dt * self.sampling) < 1:
            raise ParameterError(
                f"a step of {dt} is shorter than a sample of the sound. Write Cochlea(dt=1*ms)."
            )
        self.bank = banks[bank](channels, self.sampling, bottom, top)

    @property
    def random(self) -> bool:
        return False

    @property
    def step(self) -> int:
        """Samples of sound in a time step."""
        return round(self.dt * self.sampling)

    def check(self, x: ArrayLike) -> None:
        if np.ndim(x) not in (1, 2):
            raise ShapeError(
                f"a cochlea takes sound of shape (batch, samples), got {np.shape(x)}. One channel "
                f"of a stereo recording is x[..., 0]."
            )
        if np.shape(x)[-1] < self.step:
            raise ShapeError(f"the sound has {np.shape(x)[-1]} samples, less than a time step.")

    def __call__(self, x: ArrayLike, key: Array | None = None) -> Array:
        self.check(x)
        sound = jnp.asarray(x)
        if not jnp.issubdtype(sound.dtype, jnp.floating):
            sound = sound.astype(jnp.result_type(float))
        single = sound.ndim == 1
        energy = self.bank(sound[None] if single else sound, self.step)
        top = jnp.max(energy, axis=(1, 2), keepdims=True)
        least = jnp.finfo(energy.dtype).tiny * 1e8  # so that silence has a logarithm
        level = jnp.log10(jnp.maximum(energy, least)) - jnp.log10(jnp.maximum(top, least))
        heard = jnp.where(top > least, jnp.maximum(0, 1 + level / (self.span / 10)), 0)
        coded = self._coded(jnp.moveaxis(heard, 1, 0))
        return coded[:, 0] if single else coded

    def _coded(self, x: Array) -> Array:
        if self.code == "current":
            return x
        plain = jax.lax.stop_gradient(x)
        if self.code == "rate":
            total = jnp.floor(jnp.cumsum(plain * (self.peak * self.dt), axis=0) + 0.5)
            spikes = jnp.diff(total, axis=0, prepend=jnp.zeros_like(total[:1]))
        elif self.code == "latency":
            spikes = _latency(plain, max(1, round(1 / (self.peak * self.dt))))
        else:
            spikes = _levels(plain)
        return jax.lax.stop_gradient(spikes) + (x - plain)


LEVEL = 0.1
"""The smallest x that the latency code shows, and the step of the level code."""


def _latency(x: Array, window: int) -> Array:
    """One spike in each window of steps: the louder its loudest step, the earlier."""
    steps = -(-len(x) // window) * window
    padded = jnp.pad(x, ((0, steps - len(x)), (0, 0), (0, 0)))
    folded = padded.reshape(-1, window, *x.shape[1:])
    loud = folded.max(axis=1, keepdims=True)
    when = jnp.round((1 - loud) * (window - 1)).astype(jnp.int32)
    place = jnp.arange(window, dtype=jnp.int32).reshape(1, -1, 1, 1)
    fired = (place == when) & (loud >= LEVEL)
    return fired.astype(x.dtype).reshape(steps, *x.shape[1:])[: len(x)]


def _levels(x: Array) -> Array:
    """Send on delta: +1 and -1 where x has moved by a level."""

    def body(reference: Array, now: Array) -> tuple[Array, Array]:
        events = jnp.sign(jnp.trunc((now - reference) / LEVEL))
        return reference + LEVEL * events, events

    return jax.lax.scan(body, jnp.zeros_like(x[0]), x)[1]
