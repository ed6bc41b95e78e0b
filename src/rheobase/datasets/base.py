"""A data set: labelled recordings that are read when they are needed."""

import os
import threading
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, final

import numpy as np

from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, DataError, UnknownName, brief
from rheobase.train.source import AbstractSource, Batch, batches

Damaged = Literal["raise", "skip"]
Level = Literal["recording", "input"]
MEMORY = 512
"""MB of recordings that are kept once they have been read."""


class AbstractFormat(AbstractDeclared):
    """How a recording is read from its place, and how a batch of them becomes an input."""

    @abstractmethod
    def read(self, place: Any) -> Any:
        """The recording at a place (a file, an entry of a file), as an array or `Events`.

        Errors: `DataError` for what is damaged.
        """

    @abstractmethod
    def inputs(self, recordings: Sequence[Any]) -> np.ndarray:
        """What a network receives, (samples, time, ...)."""


class AbstractAugmentation(AbstractDeclared):
    """A random change of a recording that leaves its class as it is.

    `on` says what it changes: the recording, or the input (time, ...) that is made of it.
    """

    on: ClassVar[Level] = "recording"

    @abstractmethod
    def __call__(self, recording: Any, random: np.random.Generator) -> Any:
        """The changed recording."""


class Places(NamedTuple):
    """Where the samples of a data set are, and what is known of them without reading them."""

    places: Sequence[Any]
    labels: np.ndarray
    about: dict[str, np.ndarray]
    """Further facts, one a sample: speaker, index, user."""


@final
class Dataset(AbstractSource):
    """Labelled recordings on disk, read batch by batch by a worker in the background.

    `rb.fit(model, data)` and `rb.train.evaluate(model, data)` take it as it is. What has been read
    is kept while it fits into `memory` MB, so that a small data set is read once.

    - `data.labels` (samples,), `data.classes`, the names of the classes; `data.about["speaker"]`
      and the like, one a sample; `data.skipped`, the places of damaged recordings.
    - `data.where(mask)`: the samples of a mask or of numbers, such as `data.about["index"] < 10`.
    - `data.split(fraction)`: two parts with equal shares of each class, always the same ones.
    - `data.augmented(...)`: changed at random each time it is trained on, never when it is judged.
    - `data.batches(64)`: an iterator of (inputs, targets).
    - `data[k]`: inputs and label of one sample.

    Made by `rb.datasets.fsdd` and its neighbours.
    """

    def __init__(
        self,
        format: AbstractFormat,
        places: Places,
        classes: Sequence[str],
        *,
        damaged: Damaged = "raise",
        augmentations: tuple[AbstractAugmentation, ...] = (),
        memory: float = MEMORY,
    ):
        if damaged not in ("raise", "skip"):
            raise UnknownName("way to treat damaged recordings", damaged, ("raise", "skip"))
        self.format, self.classes = format, tuple(classes)
        self.damaged: Damaged = damaged
        self.labels, self.about = np.asarray(places.labels), places.about
        self.augmentations = augmentations
        self._places = list(places.places)
        self._shelf = _Shelf(int(memory * 1e6))

    @property
    def targets(self) -> np.ndarray:
        return self.labels

    @property
    def skipped(self) -> tuple[Any, ...]:
        """The places of the damaged recordings that were met so far, with `damaged="skip"`."""
        return tuple(sorted(self._shelf.damaged, key=str))

    def batch(self, rows: np.ndarray, random: np.random.Generator | None = None) -> Batch:
        # In the place of a damaged recording the next one that can be read.
        found = [self._next(int(row)) for row in rows]
        recordings = [recording for _, recording in found]
        if random is None:
            inputs = self.format.inputs(recordings)
        else:
            inputs = self._changed(recordings, random)
        return Batch(inputs, self.labels[[row for row, _ in found]])

    def batches(
        self, size: int = 64, *, shuffle: bool = False, seed: int | None = None
    ) -> Iterator[Batch]:
        """The full batches of one pass, inputs (size, time, ...) and targets, samples first.

        - `shuffle`: in an order that follows from `seed`; `seed`: with it augmented.
        """
        order = np.arange(len(self))
        if shuffle:
            order = np.random.default_rng(seed).permutation(order)
        return batches(self, order, size, None if seed is None else (seed,))

    def __getitem__(self, row: int) -> Batch:
        inputs, targets = self.batch(np.asarray([range(len(self))[row]]))
        return Batch(inputs[0], targets[0])

    def recording(self, row: int) -> Any:
        """A recording as it was read: a sound, or `Events`."""
        return self._read(self._places[row])

    def where(self, mask: Any) -> "Dataset":
        """The samples for which a mask is true, or of these numbers."""
        mask = np.asarray(mask)
        rows = np.flatnonzero(mask) if mask.dtype == bool else mask
        if mask.dtype == bool and mask.shape != (len(self),):
            raise ArgumentError(
                f"a mask has one entry a sample, ({len(self)},), got {mask.shape}. Write "
                f"data.where(data.labels < 5)."
            )
        return self._with(rows, self.augmentations)

    def split(self, fraction: float = 0.2, seed: int = 0) -> tuple["Dataset", "Dataset"]:
        """The rest and a `fraction` of each class, drawn by `seed`."""
        random, held = np.random.default_rng(seed), []
        for label in np.unique(self.labels):
            rows = random.permutation(np.flatnonzero(self.labels == label))
            held.append(rows[: round(fraction * len(rows))])
        mask = np.isin(np.arange(len(self)), np.concatenate(held))
        return self.where(~mask), self.where(mask)

    def augmented(self, *augmentations: AbstractAugmentation) -> "Dataset":
        """The same samples, changed at random by all of these, one after the other, in training."""
        for change in augmentations:
            if not isinstance(change, AbstractAugmentation):
                raise ArgumentError(
                    f"augmented takes augmentations, got {brief(change)}. "
                    f"Write data.augmented(rb.datasets.Shift(50*ms))."
                )
        return self._with(np.arange(len(self)), (*self.augmentations, *augmentations))

    def __repr__(self) -> str:
        return f"Dataset({len(self)} samples of {len(self.classes)} classes, {self.format})"

    def _with(self, rows: np.ndarray, augmentations: tuple) -> "Dataset":
        about = {name: values[rows] for name, values in self.about.items()}
        places = Places([self._places[row] for row in rows], self.labels[rows], about)
        part = Dataset(
            self.format, places, self.classes, damaged=self.damaged, augmentations=augmentations
        )
        part._shelf = self._shelf  # one memory for all parts
        return part

    def _changed(self, recordings: list[Any], random: np.random.Generator) -> np.ndarray:
        for change in self.augmentations:
            if change.on == "recording":
                recordings = [change(recording, random) for recording in recordings]
        inputs = self.format.inputs(recordings)
        for change in self.augmentations:
            if change.on == "input":
                inputs = np.stack([change(sample, random) for sample in inputs])
        return inputs

    def _next(self, row: int) -> tuple[int, Any]:
        for ahead in range(len(self)):
            place = (row + ahead) % len(self)
            recording = self._read(self._places[place])
            if recording is not None:
                return place, recording
        raise DataError("none of the recordings of this data set can be read.")

    def _read(self, place: Any) -> Any:
        """The recording at a place, None where it is damaged and is to be skipped."""
        if place in self._shelf.damaged:
            return None
        recording = self._shelf.get(place)
        if recording is not None:
            return recording
        try:
            recording = self.format.read(place)
        except DataError as error:
            if self.damaged == "raise":
                raise
            self._shelf.damaged.add(place)
            warnings.warn(
                f"{error} It is skipped, the {len(self._shelf.damaged)}. of this data set.",
                stacklevel=2,
            )
            return None
        self._shelf.put(place, recording)
        return recording


class _Shelf:
    """Recordings that have been read, up to a number of bytes; what comes later is not kept."""

    def __init__(self, most: int):
        self.room = most
        self.damaged: set = set()
        self._kept: dict = {}
        self._lock = threading.Lock()  # the worker and the one who asks for it read both

    def get(self, place: Any) -> Any:
        return self._kept.get(place)

    def put(self, place: Any, recording: Any) -> None:
        size = sum(np.asarray(part).nbytes for part in _parts(recording))
        with self._lock:
            if size <= self.room and place not in self._kept:
                self.room -= size
                self._kept[place] = recording


def _parts(recording: Any) -> tuple:
    return recording if isinstance(recording, tuple) else (recording,)


def folder_of(path: str | Path | None, name: str, holds: str, source: str) -> Path:
    """The folder of a data set: `path`, or `name` in the folder that RHEOBASE_DATA names.

    Errors: `DataError` where there is none, with where to get it.
    """
    if path is None:
        root = os.environ.get("RHEOBASE_DATA")
        if root is None:
            raise DataError(
                f"no path to the data set {name} was given. Write rb.datasets.{name}(PATH), "
                f"PATH a folder with {holds}, or set RHEOBASE_DATA to the folder that holds "
                f"{name}/. It comes from {source}."
            )
        path = Path(root) / name
    folder = Path(path).expanduser()
    if not folder.exists():
        raise DataError(
            f"there is no {folder}. {name} is a folder with {holds}; it comes from {source}."
        )
    return folder


def none_found(folder: Path, name: str, holds: str, source: str) -> DataError:
    """The error of a folder that does not hold what it should."""
    shown = ", ".join(sorted(p.name for p in folder.iterdir())[:4]) or "nothing"
    return DataError(
        f"{folder} holds no {name}: expected {holds}, found {shown}. It comes from {source}."
    )
