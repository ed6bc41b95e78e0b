"""Voltage clamp."""

from typing import Any

import equinox as eqx
from jax import Array

from rheobase.errors import ArgumentError
from rheobase.stimulus import AbstractStimulus
from rheobase.stimulus.base import as_stimulus
from rheobase.units import MOhm, mV, positive, quantity


class VoltageClamp(eqx.Module):
    r"""An electrode that draws a compartment towards a command: I = (command - v)/R, in nA.

    command a voltage or a stimulus in mV, R the series resistance (MOhm). The current is recorded
    as `"clamp"` at the place of the electrode. With a small R, `rb.BackwardEuler()` does not ring.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import MOhm, ms, mV, um
    >>> cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH())
    >>> clamp = rb.VoltageClamp(rb.stimulus.Step(60 * mV, start=5 * ms) + -65 * mV,
    ...                         series_resistance=0.5 * MOhm)
    >>> run = rb.simulate(cell, clamp={"v": {cell.at("soma"): clamp}}, duration=20 * ms,
    ...                   dt=0.025 * ms, record={"clamp": "soma"}, stepper=rb.BackwardEuler())
    """

    command: AbstractStimulus
    series_resistance: Array = quantity(MOhm, positive, "series resistance", default=1 * MOhm)

    def __init__(self, command: Any, series_resistance: Any = 1 * MOhm):
        self.command = as_stimulus(command, mV)
        self.series_resistance = series_resistance
        if not self.command.unit.same_dimension(mV):
            raise ArgumentError(
                f"`command` is a voltage, got a stimulus in {self.command.unit}. Write "
                "rb.VoltageClamp(-20*mV)."
            )
