"""Firing rate against current."""

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import numpy as np

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.neurons.base import AbstractMembrane
from rheobase.plot.arrays import numbers
from rheobase.plot.style import MAIN, drawing
from rheobase.record import Record, Recording
from rheobase.simulate import simulate
from rheobase.steppers import AbstractStepper
from rheobase.units import Hz, Quantity, in_unit, ms, nA, to_internal

if TYPE_CHECKING:
    import matplotlib.axes


def fi_curve(
    source: Any,
    currents: Quantity,
    *,
    duration: Quantity = 1000 * ms,
    dt: Quantity = 0.1 * ms,
    stepper: AbstractStepper | None = None,
    key: jax.Array | None = None,
    label: str | None = None,
    color: str = MAIN,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """The f-I curve: the rate at which a neuron fires under each of several constant currents.

    **Arguments:**

    - `source`: a neuron, which is simulated; a `Recording` of one neuron for each current; or an
      array of rates (Hz), shape (m,).
    - `currents`: shape (m,), in ascending order where they are to be joined by one line.
    - `duration`, `dt`, `stepper`, `key`: of the simulation of a neuron, all currents in one run.
    - `label`: for a legend, `color`: of the line.
    - `ax`: axes to draw on; a new figure without it.

    **Raises:** `UnitError` for currents without unit, `ShapeError` where there is not one rate for
    each current, `ArgumentError` for a cell or a network, and what `simulate` raises.

    **Example:**

        >>> import numpy as np
        >>> import rheobase as rb
        >>> from rheobase.units import ms, nA
        >>> ax = rb.plot.fi_curve(rb.LIF(), np.linspace(1, 4, 13) * nA, duration=500 * ms)
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('current (nA)', 'firing rate (Hz)')
    """
    if isinstance(source, eqx.Module) and not isinstance(source, AbstractMembrane | Recording):
        raise ArgumentError(
            f"fi_curve simulates one neuron, got {brief(source)}. Simulate it under each current "
            "and give the rates that you find: rb.plot.fi_curve([0, 12, 31] * Hz, currents)."
        )
    if not isinstance(currents, Quantity):
        unit = source.receives if isinstance(source, AbstractMembrane) else nA
        to_internal(currents, unit, "currents", "fi_curve(..., currents={})")
    x = np.atleast_1d(np.asarray(currents.value, float))
    if isinstance(source, AbstractMembrane):
        source = simulate(
            source,
            current=currents,
            duration=duration,
            dt=dt,
            stepper=stepper,
            key=key,
            record=Record(spikes="count"),
        )
    if isinstance(source, Recording):
        rates = np.asarray(source.rate(), float)
    else:
        rates = in_unit(numbers(source, Hz, "rates", "fi_curve({}, currents)"), Hz)
        if not isinstance(source, Quantity):
            rates = np.asarray(source, float)
    rates = np.atleast_1d(rates)
    if x.ndim != 1 or rates.shape != x.shape:
        raise ShapeError(
            f"there must be one rate for each current, got currents of shape {x.shape} and rates "
            f"of shape {rates.shape}. Write rb.plot.fi_curve(neuron, [1, 2, 3] * nA)."
        )
    with drawing(ax, size=(4.2, 3.0)) as axes:
        axes.plot(x, rates, "o-", color=color, label=label, markersize=3.2)
        axes.update_datalim([(x[0], 0.0)])  # from zero, and still open to another curve
        axes.autoscale_view()
        axes.set_xlabel(f"current ({currents.unit})")
        axes.set_ylabel("firing rate (Hz)")
        if label is not None:
            axes.legend()
    return axes
