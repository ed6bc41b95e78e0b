"""To the formats of others."""

from typing import TYPE_CHECKING, Any

from rheobase.analysis.trains import trains_of
from rheobase.units import Quantity

if TYPE_CHECKING:
    import neo.core.spiketrainlist  # pyright: ignore[reportMissingImports]


def to_neo(
    spikes: Any, *, n: int | None = None, duration: Quantity | None = None
) -> "neo.core.spiketrainlist.SpikeTrainList":
    """The spikes as a `neo.SpikeTrainList` of n trains in ms, for elephant and file formats.

    Errors: `ImportError` with the cure where neo is not installed.

    >>> from importlib.util import find_spec
    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), n=2, current=2 * nA, duration=50 * ms, dt=0.1 * ms)
    >>> trains = rb.analysis.to_neo(run) if find_spec("neo") else None
    """
    try:
        from neo import SpikeTrain  # pyright: ignore[reportMissingImports]
        from neo.core.spiketrainlist import (  # pyright: ignore[reportMissingImports]
            SpikeTrainList,
        )
    except ImportError:
        raise ImportError(
            'to_neo needs neo, which is not installed. Write pip install "rheobase[analysis]".'
        ) from None
    trains = trains_of(spikes, n, duration)
    make: Any = SpikeTrain  # which takes plain numbers too, whatever its annotations say
    return SpikeTrainList(
        items=[
            make(times, units="ms", t_start=trains.begin, t_stop=trains.end)
            for times in trains.each()
        ]
    )
