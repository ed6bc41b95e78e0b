"""Where batches come from: arrays in memory, or what reads samples when they are needed."""

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple, TypeVar, final

import numpy as np

T = TypeVar("T")

AHEAD = 2
"""Batches that a worker prepares while one is trained on."""


class Batch(NamedTuple):
    """Inputs and targets on the host, one sample along the first axis of each."""

    inputs: np.ndarray
    targets: np.ndarray


class AbstractSource(ABC):
    """A set of samples with targets, of which `fit` and `evaluate` ask one batch at a time."""

    @property
    @abstractmethod
    def targets(self) -> np.ndarray:
        """The targets of all samples, one along the first axis."""

    @abstractmethod
    def batch(self, rows: np.ndarray, random: np.random.Generator | None = None) -> Batch:
        """The samples of these numbers.

        With `random` as they are presented in training (shifted, stretched), else as they are.
        """

    def __len__(self) -> int:
        return len(self.targets)


@final
class Arrays(AbstractSource):
    """Samples in memory."""

    def __init__(self, inputs: np.ndarray, targets: np.ndarray):
        self._all = Batch(inputs, targets)

    @property
    def targets(self) -> np.ndarray:
        return self._all.targets

    def batch(self, rows: np.ndarray, random: np.random.Generator | None = None) -> Batch:
        return Batch(*(part[rows] for part in self._all))


def batches(
    source: AbstractSource, order: np.ndarray, size: int, seed: tuple[int, ...] | None
) -> Iterator[Batch]:
    """The full batches of `order`, made by a worker in the background.

    - `seed`: of what is random in a batch, which follows from it and the number of the batch alone;
      None for samples as they are.
    """

    def make(number: int) -> Batch:
        random = None if seed is None else np.random.default_rng((*seed, number))
        return source.batch(order[number * size : (number + 1) * size], random)

    if isinstance(source, Arrays):  # indexing costs less than a thread
        return (make(number) for number in range(len(order) // size))
    return ahead(make, len(order) // size)


def ahead(make: Callable[[int], T], count: int, most: int = AHEAD) -> Iterator[T]:
    """`make(0)`, `make(1)`, ... as a worker makes them, at most `most` ahead of who asks for them.

    What `make` raises is raised here; who stops asking stops the worker.

    >>> from rheobase.train.source import ahead
    >>> list(ahead(lambda number: number**2, 4))
    [0, 1, 4, 9]
    """
    ready: queue.Queue = queue.Queue(most)
    stop = threading.Event()

    def put(item: tuple[T | None, BaseException | None]) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        for number in range(count):
            try:
                item = (make(number), None)
            except BaseException as error:  # for the one who waits
                put((None, error))
                return
            if not put(item):
                return

    def give() -> Iterator[T]:
        worker = threading.Thread(target=work, name="rheobase batches", daemon=True)
        worker.start()
        try:
            for _ in range(count):
                made, error = ready.get()
                if error is not None:
                    raise error
                yield made  # pyright: ignore[reportReturnType]
        finally:
            stop.set()
            worker.join()

    return give()


def each(source: AbstractSource, size: int) -> Iterator[tuple[Batch, np.ndarray]]:
    """All samples as they are, in order; the last batch is filled up with its last sample.

    Beside each batch which of its samples count.
    """
    last = len(source) - 1
    padded = np.minimum(np.arange(-(-len(source) // size) * size), last)
    counts = np.arange(len(padded)) <= last
    with closing(batches(source, padded, size, None)) as made:  # pyright: ignore[reportArgumentType]
        for number, batch in enumerate(made):
            yield batch, counts[number * size : (number + 1) * size]
