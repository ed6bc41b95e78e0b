"""Pictures of a network on the chip. Each draws into one matplotlib axes and returns it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rheobase.devices.dynapse2 import layout as chip
from rheobase.devices.dynapse2.place import Placement
from rheobase.devices.dynapse2.power import Power
from rheobase.devices.dynapse2.quantise import Quantised, currents
from rheobase.plot.style import ACCENT, MAIN, PALETTE, QUIET, drawing

if TYPE_CHECKING:
    import matplotlib.axes


def weight_error(quantised: Quantised, ax: Any = None) -> "matplotlib.axes.Axes":
    """Each synapse as it came out over what was asked for, with the sums of the first core.

    >>> from matplotlib.figure import Figure
    >>> from rheobase.devices import dynapse2 as d2
    >>> ax = Figure().subplots()
    >>> d2.pictures.weight_error(d2.quantise(d2.Network(n_in=9, n_out=2)), ax) is ax
    True
    """
    with drawing(ax, (4.6, 3.6)) as axes:
        asked, got = currents(quantised.wanted), currents(quantised.network)
        alive = asked != 0
        edge = float(np.abs(asked).max(initial=1e-9))
        axes.plot([-edge, edge], [-edge, edge], color=QUIET, linewidth=0.8)
        for sign, colour, label in ((1, MAIN, "excitation"), (-1, ACCENT, "inhibition")):
            some = alive & (np.sign(asked) == sign)
            axes.plot(asked[some], got[some], ".", color=colour, markersize=4, label=label)
        share = np.sqrt(np.square(got - asked)[alive].mean() / np.square(asked)[alive].mean())
        axes.set(
            xlabel="weight asked for (nA)",
            ylabel="weight on the chip (nA)",
            title=f"{alive.sum()} synapses, error {100 * share:.1f} % (RMS)",
        )
        axes.legend(loc="upper left")
    return axes


def placement(spec: Placement, ax: Any = None) -> "matplotlib.axes.Axes":
    """The neurons of each core as a 16 x 16 map, coloured by how much of their CAM is used.

    >>> from matplotlib.figure import Figure
    >>> from rheobase.devices import dynapse2 as d2
    >>> ax = Figure().subplots()
    >>> d2.pictures.placement(d2.place(d2.Network(n_in=9, n_out=2)), ax) is ax
    True
    """
    side = int(np.sqrt(chip.NEURONS_PER_CORE))
    chips = 1 + max(site.chip for site in spec.sites)
    across = chip.CORES_PER_CHIP
    image = np.full((chips * (side + 1) - 1, across * (side + 1) - 1), np.nan)
    for site in {(s.chip, s.core) for s in spec.sites}:
        row, column = site[0] * (side + 1), site[1] * (side + 1)
        image[row : row + side, column : column + side] = 0
    for site, entries in zip(spec.sites, spec.listening, strict=True):
        down, right = divmod(site.neuron, side)
        image[site.chip * (side + 1) + down, site.core * (side + 1) + right] = len(entries)
    with drawing(ax, (7.0, 1.2 + 1.6 * chips)) as axes:
        shown = axes.imshow(image, cmap="Blues", vmin=0, vmax=chip.CAM_ENTRIES, aspect="equal")
        middles = [k * (side + 1) + side / 2 - 0.5 for k in range(max(across, chips))]
        axes.set_xticks(middles[:across], [f"core {k}" for k in range(across)])
        axes.set_yticks(middles[:chips], [f"chip {k}" for k in range(chips)])
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.figure.colorbar(shown, ax=axes, label="CAM entries", shrink=0.8)
    return axes


def power_bars(estimate: Power, ax: Any = None) -> "matplotlib.axes.Axes":
    """The parts of each core's power.

    >>> from matplotlib.figure import Figure
    >>> from rheobase.devices import dynapse2 as d2
    >>> estimate = d2.Power((d2.CorePower(0, 1e-6, 2e-6, 1e-6, 1e-7),))
    >>> ax = Figure().subplots()
    >>> d2.pictures.power_bars(estimate, ax) is ax
    True
    """
    with drawing(ax, (4.6, 1.2 + 0.5 * len(estimate.cores))) as axes:
        names = [f"core {core.core}" for core in estimate.cores]
        left = np.zeros(len(names))
        for part, colour in zip(("spikes", "routing", "synapses", "bias"), PALETTE, strict=False):
            size = 1e6 * np.array([getattr(core, part) for core in estimate.cores])
            axes.barh(names, size, left=left, color=colour, label=part, height=0.6)
            left += size
        axes.set(xlabel="power (µW)", title=f"together {1e6 * estimate.total:.1f} µW")
        axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.35))
        axes.invert_yaxis()
    return axes
