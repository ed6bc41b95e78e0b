"""Recordings of event cameras: events, their sums in time steps, augmentation."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import numpy as np

from rheobase.datasets.base import AbstractAugmentation
from rheobase.errors import DataError
from rheobase.train.arguments import positive_number
from rheobase.units import Quantity, dimensionless, ms, us


class Events(NamedTuple):
    """Changes of brightness, one by one."""

    t: np.ndarray
    """When (ms)."""
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    """1 brighter, 0 darker."""


class Binning(eqx.Module):
    """Events counted in time steps and cells of pixels: (time, polarity, height, width).

    - `dt`, `steps`; `height`, `width` of the sensor; `cell`: pixels along the side of a cell.
    - `most`: counts are cut there, since a step carries few spikes; None for none.
    """

    dt: float
    steps: int
    height: int
    width: int
    cell: int = 1
    most: float | None = 1.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Polarities, height and width of what a step holds."""
        return 2, -(-self.height // self.cell), -(-self.width // self.cell)

    def __call__(self, recordings: Sequence[Events]) -> np.ndarray:
        """(samples, time, 2, height, width) of some recordings."""
        size = self.steps * int(np.prod(self.shape))
        frames = np.zeros((len(recordings), size), np.float32)
        for frame, events in zip(frames, recordings, strict=True):
            step = (events.t / self.dt).astype(np.int64)
            inside = (step >= 0) & (step < self.steps)
            inside &= (events.x >= 0) & (events.x < self.width)
            inside &= (events.y >= 0) & (events.y < self.height)
            t, x, y, p = (part[inside].astype(np.int64) for part in (step, *events[1:]))
            place = np.ravel_multi_index(
                (t, p, y // self.cell, x // self.cell), (self.steps, *self.shape)
            )
            frame += np.bincount(place, minlength=size)
        if self.most is not None:
            np.minimum(frames, self.most, out=frames)
        return frames.reshape(len(recordings), self.steps, *self.shape)


def decode_40_bit(data: bytes, name: str) -> Events:
    """The events of N-MNIST's files, 5 bytes each.

    x, y, then 24 bits with the most significant first: one of polarity, 23 of microseconds.
    Errors: `DataError` where the length is no multiple of 5.
    """
    if len(data) % 5 or not data:
        raise DataError(
            f"{name} is damaged: it has {len(data)} bytes, and an event has 5. Get it anew."
        )
    raw = np.frombuffer(data, np.uint8).reshape(-1, 5).astype(np.int32)
    word = raw[:, 2] << 16 | raw[:, 3] << 8 | raw[:, 4]
    microseconds = (word & 0x7FFFFF).astype(np.float64)
    return Events(in_ms(microseconds), raw[:, 0], raw[:, 1], word >> 23)


def in_ms(microseconds: np.ndarray) -> np.ndarray:
    """Time stamps of a camera in ms."""
    return (microseconds * us).value_in(ms)


class Shift(AbstractAugmentation):
    """Moves all events by up to `most` pixels along each axis."""

    most: int = eqx.field(static=True, default=2)

    def __call__(self, recording: Events, random: np.random.Generator) -> Events:
        right, down = random.integers(-self.most, self.most + 1, 2)
        return recording._replace(x=recording.x + right, y=recording.y + down)


class Jitter(AbstractAugmentation):
    """Moves each event by itself, in time and by pixels, Gaussian with these deviations."""

    time: float = eqx.field(static=True)
    pixels: float = eqx.field(static=True)

    def __init__(self, time: Quantity = 2 * ms, pixels: float = 0.3):
        self.time = positive_number(time, ms, "time", "Jitter({})")
        self.pixels = positive_number(pixels, dimensionless, "pixels", "Jitter(pixels={})")

    def __call__(self, recording: Events, random: np.random.Generator) -> Events:
        t, x, y, p = recording
        moved = np.rint(random.normal(0, self.pixels, (2, len(t)))).astype(x.dtype)
        return Events(t + random.normal(0, self.time, len(t)), x + moved[0], y + moved[1], p)


class Drop(AbstractAugmentation):
    """Loses a part of the events, from none to `most`."""

    most: float = eqx.field(static=True, default=0.3)

    def __call__(self, recording: Events, random: np.random.Generator) -> Events:
        kept = random.random(len(recording.t)) >= random.uniform(0, self.most)
        return Events(*(part[kept] for part in recording))


class Warp(AbstractAugmentation):
    """Turns, shears and scales the picture about its middle, each at random.

    - `turn`: largest angle (rad); `shear`: largest; `scale`: largest part by which it grows or
      shrinks, along each axis by itself; `height`, `width` of the sensor.
    """

    height: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    turn: float = eqx.field(static=True, default=0.26)
    shear: float = eqx.field(static=True, default=0.2)
    scale: float = eqx.field(static=True, default=0.15)

    def __call__(self, recording: Events, random: np.random.Generator) -> Events:
        angle, shear = random.uniform(-1, 1, 2) * (self.turn, self.shear)
        wide, high = 1 + random.uniform(-self.scale, self.scale, 2)
        turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        change = turned @ np.array([[1, shear], [0, 1]]) @ np.diag([wide, high])
        middle = np.array([[self.width - 1], [self.height - 1]]) / 2
        places = np.stack([recording.x, recording.y]) + random.uniform(-0.5, 0.5, (2, 1))
        x, y = np.rint(change @ (places - middle) + middle).astype(recording.x.dtype)
        return recording._replace(x=x, y=y)


class Tempo(AbstractAugmentation):
    """Plays events faster or slower by a factor from 1 - most to 1 + most."""

    most: float = eqx.field(static=True, default=0.2)

    def __call__(self, recording: Events, random: np.random.Generator) -> Events:
        factor = np.exp(random.uniform(np.log(1 - self.most), np.log(1 + self.most)))
        return recording._replace(t=recording.t / factor)
