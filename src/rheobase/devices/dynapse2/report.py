"""What became of a network on the chip, as text."""

from typing import TYPE_CHECKING

import numpy as np

from rheobase.devices.dynapse2 import layout as chip

if TYPE_CHECKING:
    from rheobase.devices.dynapse2.place import Placement


def describe(spec: "Placement") -> str:
    """The report of a placement."""
    net, quantised = spec.network, spec.quantised
    chips = 1 + max(site.chip for site in spec.sites)
    most_in = max(len(entries) for entries in spec.listening)
    most_out = max(len(entries) for entries in spec.sending)
    tags = 1 + max((entry.tag for entry in _all(spec)), default=-1)
    lines = [
        f"{net.n_in} input channels, {net.n} neurons, {net.n_out} of them outputs, on "
        f"{len(quantised.cores)} core(s) of {chips} chip(s)",
        f"CAM entries: {sum(map(len, spec.listening))}, at most {most_in} of {chip.CAM_ENTRIES} a "
        f"neuron; SRAM entries: at most {most_out} of {chip.SRAM_ENTRIES}; tags: {tags} of "
        f"{chip.TAGS}",
        "",
        quantised.report(),
        "",
        *_biases(spec),
        "",
        *_changes(spec),
    ]
    return "\n".join(lines)


def _all(spec: "Placement"):
    for entries in (*spec.sending, *spec.feeding):
        yield from entries


def _biases(spec: "Placement") -> list[str]:
    # At run time: a configuration is made from a placement, which reports its biases.
    from rheobase.devices.dynapse2.codes import core_biases

    rows = ["core  bias codes: worst error, and worst spread of a bias over the core's neurons"]
    for number in range(len(spec.quantised.cores)):
        here = np.flatnonzero(spec.quantised.core == number)
        if not len(here):
            continue
        biases = core_biases(spec.quantised, number)
        code = max(biases, key=lambda b: abs(b.code.error))
        spread = max(biases, key=lambda b: b.spread)
        rows.append(
            f"{number:4d}  {100 * code.code.error:+.2f} % ({code.name}), "
            f"{100 * spread.spread:.1f} % ({spread.name})"
        )
    return rows


def _changes(spec: "Placement") -> list[str]:
    pruned = [r for r in spec.repairs if r.kind == "pruned"]
    copied = [r for r in spec.repairs if r.kind == "split"]
    lines = []
    if pruned:
        worst = max(pruned, key=lambda r: r.share)
        lines.append(
            f"pruned: {sum(r.number for r in pruned)} synapses of {len(pruned)} neurons; neuron "
            f"{worst.neuron} lost most, {100 * worst.share:.1f} % of its summed weight"
        )
    if copied:
        lines.append(
            f"split: {len(copied)} neurons into {sum(r.number for r in copied)} further copies"
        )
    lost = sum(core.lost for core in spec.quantised.cores)
    lines.append(f"synapses lost to rounding: {lost}")
    lines.append(f"violations: {len(spec.violations) or 'none'}")
    return lines + [f"  {violation}" for violation in spec.violations]
