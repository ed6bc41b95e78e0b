"""4-bit weights: for each core four base currents, for each synapse the ones that it selects."""

from dataclasses import dataclass
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase import printed
from rheobase.devices.dynapse2 import cores, grid
from rheobase.devices.dynapse2.layout import CAM_ENTRIES, Layout
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.projection import Projection
from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.units import A, nA


@final
@dataclass(frozen=True, eq=False)
class CoreWeights:
    """The base currents of a core and how well its synapses came out."""

    bases: np.ndarray
    """Iw_0 to Iw_3 (nA), as their codes give them."""
    synapses: int
    lost: int
    """Synapses whose weight was nearest to nothing."""
    rms: float
    """Root mean square of the error of a weight (nA)."""
    rms_uniform: float
    """The same on the best uniform 4-bit grid."""

    def __repr__(self) -> str:
        return printed.shortly(self)


@final
@dataclass(frozen=True, eq=False)
class Quantised:
    """A network whose weights are sums of base currents, and the network as it was.

    - `wanted`: the network with the weights that were asked for; `network`: as quantised.
    - `core`: of each neuron, (n,), numbered over chips.
    - `cores`: base currents and errors, by core.
    - `masks`: of each synapse, (n_in + n, n, 2) with inputs before neurons, the bases that its
      first and its second CAM entry select; 0 for no entry. A second entry stands only where the
      neuron has entries to spare.

    >>> from rheobase.devices import dynapse2 as d2
    >>> isinstance(d2.quantise(d2.Network(n_in=5, n_out=2)), d2.Quantised)
    True
    """

    wanted: Network
    network: Network
    core: np.ndarray
    cores: tuple[CoreWeights, ...]
    masks: np.ndarray
    layout: Layout

    def __repr__(self) -> str:
        return printed.shortly(self)

    def report(self) -> str:
        """Errors of the weights by core."""
        rows = ["core  synapses  lost  RMS error (nA)  of the uniform grid's  base currents (nA)"]
        for number, core in enumerate(self.cores):
            share = core.rms / core.rms_uniform if core.rms_uniform else 1.0
            bases = ", ".join(f"{b:.3g}" for b in core.bases)
            rows.append(
                f"{number:4d}  {core.synapses:8d}  {core.lost:4d}  {core.rms:14.4g}  {share:21.3f}"
                f"  {bases}"
            )
        return "\n".join(rows)


def quantise(
    net: Network,
    *,
    core: np.ndarray | None = None,
    layout: Layout | None = None,
    second_entries: bool = True,
    seed: int = 0,
) -> Quantised:
    """Round a network's weights to what the chip can hold.

    The base currents of each core are fitted to its weights by alternating least squares (never
    worse than the best uniform grid), rounded to codes of the bias generator, and each weight takes
    the nearest sum; so `quantised.network` is exactly what the chip would be told.

    - `core`: of each neuron; by default by similarity, see `rheobase.devices.dynapse2.cores`.
    - `layout`: the bias generator.
    - `second_entries`: give the worst weights of a neuron a second CAM entry where it has some left
      of its 64: a synapse is then the sum of two masks.

    Errors: `ArgumentError` for what is no network, or a batch of chips; `ShapeError` for `core`.

    >>> from rheobase.devices import dynapse2 as d2
    >>> quantised = d2.quantise(d2.Network(n_in=60, n_out=2, recurrent=True))
    >>> quantised.cores[0].rms <= quantised.cores[0].rms_uniform
    True
    """
    _require_network(net)
    layout = Layout() if layout is None else layout
    core = cores.assign(net) if core is None else np.asarray(core)
    if core.shape != (net.n,) or core.min() < 0:
        raise ShapeError(f"`core` has one core for each of {net.n} neurons, got {core.shape}.")
    signed = currents(net)
    masks = np.zeros((*signed.shape, 2), np.int8)
    values = np.zeros_like(signed)
    found = []
    for number in range(int(core.max()) + 1):
        here = core == number
        wanted = np.abs(signed[:, here])
        bases, chosen, uniform = _core(wanted, layout, second_entries, seed)
        masks[:, here] = chosen
        sums = grid.MASKS @ bases
        values[:, here] = sums[chosen].sum(axis=-1)
        used = wanted > 0
        missed = (values[:, here] - wanted)[used]
        found.append(
            CoreWeights(
                bases,
                int(used.sum()),
                int((used & (chosen.sum(axis=-1) == 0)).sum()),
                float(np.sqrt(np.square(missed).mean())) if missed.size else 0.0,
                uniform,
            )
        )
    network = with_currents(net, np.sign(signed) * values)
    return Quantised(net, network, core, tuple(found), masks, layout)


def on_grid(net: Network, quantised: Quantised) -> Network:
    """The network with each weight at the nearest sum of its core, straight through for gradients.

    For training with the grid in the loop: forwards the weights are those of the chip, backwards
    the identity. The base currents are those of `quantised`; second entries are left out.

    >>> from rheobase.devices import dynapse2 as d2
    >>> net = d2.Network(n_in=5, n_out=2)
    >>> d2.on_grid(net, d2.quantise(net)).inputs.weight.shape
    (5, 2)
    """
    sums = np.stack([np.sort(grid.MASKS @ core.bases) for core in quantised.cores])
    levels = jnp.asarray(sums[quantised.core], net.inputs.weight.dtype)  # (n, 16), nA

    def rounded(projection: Projection | None) -> Projection | None:
        if projection is None:
            return None
        weight = projection.weight
        size = jnp.abs(weight) * net.neuron.Iscale
        nearest = jnp.argmin(jnp.abs(size[..., None] - levels[None]), axis=-1)
        near = jnp.take_along_axis(levels, nearest.T, axis=1).T / net.neuron.Iscale
        moved = weight + jax.lax.stop_gradient(jnp.sign(weight) * near - weight)
        return eqx.tree_at(lambda p: p.weight, projection, moved)

    return _replaced(net, rounded(net.inputs), rounded(net.synapses))


def currents(net: Network) -> np.ndarray:
    """The signed current (nA) of every synapse, (n_in + n, n), inputs before neurons; float64."""
    scale = np.asarray(net.neuron.Iscale, float)
    recurrent = np.zeros((net.n, net.n))
    if net.synapses is not None:
        recurrent = np.asarray(net.synapses.weight, float)
    return np.concatenate([np.asarray(net.inputs.weight, float), recurrent]) * scale


def with_currents(net: Network, signed: np.ndarray) -> Network:
    """The network with other currents (nA) of its synapses; the inverse of `currents`."""
    weights = jnp.asarray(signed / np.asarray(net.neuron.Iscale, float), net.inputs.weight.dtype)

    def replaced(projection, weight):
        if projection is None:
            return None
        return eqx.tree_at(lambda p: p.weight, projection, weight)

    inputs = replaced(net.inputs, weights[: net.n_in])
    return _replaced(net, inputs, replaced(net.synapses, weights[net.n_in :]))


def _replaced(net: Network, inputs: Projection | None, synapses: Projection | None) -> Network:
    return eqx.tree_at(
        lambda m: (m.inputs, m.synapses), net, (inputs, synapses), is_leaf=lambda x: x is None
    )


def _core(wanted: np.ndarray, layout: Layout, second: bool, seed: int):
    """Base currents as codes give them, masks (pre, n, 2), and the error of the uniform grid."""
    alive = wanted[wanted > 0]
    candidates = [grid.fit(alive, seed=seed).bases]
    if second:
        candidates.append(grid.fit_pairs(alive, seed=seed))
    tried = []
    for ideal in candidates:
        bases = np.array([_coded(layout, k, base) for k, base in enumerate(ideal)])
        masks = np.zeros((*wanted.shape, 2), np.int8)
        masks[..., 0] = np.where(wanted > 0, grid.nearest(wanted, bases), 0)
        if second:
            _spend(wanted, bases, masks)
        missed = (grid.MASKS @ bases)[masks].sum(axis=-1) - wanted
        tried.append((float(np.square(missed).sum()), bases, masks))
    _, bases, masks = min(tried, key=lambda one: one[0])
    return bases, masks, grid.uniform(alive).rms


def _coded(layout: Layout, number: int, base: float) -> float:
    """A base current (nA) as its code gives it; 0 stays nothing."""
    if base == 0:
        return 0.0
    return float((layout.code(f"Iw_{number}", base * nA).current * A).value_in(nA))


def _spend(wanted: np.ndarray, bases: np.ndarray, masks: np.ndarray) -> None:
    """Give the worst synapses of each neuron a second entry while it has some left."""
    sums = grid.MASKS @ bases
    pairs = np.asarray(grid.nearest_pair(wanted, bases))
    missed = np.abs(sums[masks[..., 0]] - wanted)
    gain = np.where(wanted > 0, missed - np.abs(sums[pairs].sum(axis=-1) - wanted), 0)
    gain = np.where(gain > 1e-9 * wanted, gain, 0)
    more = (pairs > 0).sum(axis=-1) - (masks[..., 0] > 0)
    for neuron in range(wanted.shape[1]):
        room = CAM_ENTRIES - int((masks[:, neuron, 0] > 0).sum())
        for pre in np.argsort(-gain[:, neuron], kind="stable"):
            if gain[pre, neuron] <= 0 or room <= 0:
                break
            if more[pre, neuron] <= room:
                masks[pre, neuron] = pairs[pre, neuron]
                room -= int(more[pre, neuron])


def _require_network(net: Network) -> None:
    if not isinstance(net, Network):
        raise ArgumentError(
            f"quantise takes a d2.Network, got {brief(net)}. "
            f"Write d2.quantise(d2.Network(n_in=60, n_out=2))."
        )
    if net.inputs.weight.ndim != 2:
        raise ArgumentError(
            f"quantise takes one chip, got weights of shape {net.inputs.weight.shape}. "
            f"Quantise the nominal network."
        )
