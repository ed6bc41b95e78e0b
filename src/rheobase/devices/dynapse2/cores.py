"""Which neurons share a core: those with like biases, then those that talk to each other."""

import math
from itertools import pairwise

import numpy as np

from rheobase.devices.dynapse2 import layout
from rheobase.devices.dynapse2.mismatch import CURRENTS
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.neuron import Neuron

_ALIKE = 1e-3
"""Standard deviation of the logarithm of a current below which it counts as the same."""
_ROUNDS = 30


def assign(net: Network) -> np.ndarray:
    """The core of each neuron, (n,), numbered over chips: core 5 is core 1 of chip 1.

    A core has one value of each bias. Neurons whose biases differ go to different cores as long as
    the chips that are needed have cores to spare (k-means of the logarithms of their currents, no
    core above 256); those with the same biases are ordered by the second eigenvector of their
    connections, so that what is connected stands together.

    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.devices.dynapse2.cores import assign
    >>> int(assign(d2.Network(n_in=3, n_out=300)).max())
    1
    """
    n, most = net.n, layout.NEURONS_PER_CORE
    needed = math.ceil(n / most)
    features = _features(net.neuron, n)
    if features.shape[1] == 0:
        order = _by_connection(net) if needed > 1 else np.arange(n)
        core = np.empty(n, int)
        core[order] = np.arange(n) * needed // n
        return _packed(net, core)
    chips = math.ceil(needed / layout.CORES_PER_CHIP)
    kinds = len(np.unique(np.round(features / _ALIKE), axis=0))
    count = max(needed, min(chips * layout.CORES_PER_CHIP, kinds))
    return _packed(net, _balanced(features, count, most))


def _features(neuron: Neuron, n: int) -> np.ndarray:
    """ln of the currents that differ between neurons, (n, currents)."""
    columns = [
        np.broadcast_to(np.log(np.asarray(getattr(neuron, name), float)), (n,)) for name in CURRENTS
    ]
    return (
        np.stack([c for c in columns if c.std() > _ALIKE], axis=1)
        if any(c.std() > _ALIKE for c in columns)
        else np.zeros((n, 0))
    )


def _balanced(features: np.ndarray, count: int, most: int) -> np.ndarray:
    """k-means with at most `most` members a cluster, begun along the first principal component."""
    centred = features - features.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    order = np.argsort(centred @ axis, kind="stable")
    core = np.empty(len(features), int)
    values = (centred @ axis)[order]
    gaps = np.argsort(np.diff(values))[::-1][: count - 1]
    bounds = [0, *sorted(gaps + 1), len(features)]
    if max(b - a for a, b in pairwise(bounds)) > most:
        bounds = np.linspace(0, len(features), count + 1).astype(int).tolist()
    for number, (a, b) in enumerate(pairwise(bounds)):
        core[order[a:b]] = number
    for _ in range(_ROUNDS):
        centres = np.stack([
            features[core == k].mean(axis=0) if (core == k).any() else features[k]
            for k in range(count)
        ])  # fmt: skip
        moved = _nearest_with_room(features, centres, most)
        if np.array_equal(moved, core):
            break
        core = moved
    return core


def _nearest_with_room(features: np.ndarray, centres: np.ndarray, most: int) -> np.ndarray:
    distance = np.square(features[:, None] - centres).sum(axis=-1)
    ranked = np.sort(distance, axis=1)
    # First those that lose most if they do not get their nearest.
    loss = ranked[:, 1] - ranked[:, 0] if len(centres) > 1 else ranked[:, 0]
    core, room = np.empty(len(features), int), np.full(len(centres), most)
    for neuron in np.argsort(-loss, kind="stable"):
        choice = min(np.flatnonzero(room), key=lambda k: distance[neuron, k])
        core[neuron], room[choice] = choice, room[choice] - 1
    return core


def _strength(net: Network) -> np.ndarray:
    if net.synapses is None:
        return np.zeros((net.n, net.n))
    weight = np.abs(np.asarray(net.synapses.weight, float))
    return weight + weight.T


def _by_connection(net: Network) -> np.ndarray:
    strength = _strength(net)
    if not strength.any():
        return np.arange(net.n)
    laplacian = np.diag(strength.sum(axis=0)) - strength
    second = np.linalg.eigh(laplacian)[1][:, 1]
    return np.argsort(second, kind="stable")


def _packed(net: Network, core: np.ndarray) -> np.ndarray:
    """The same cores numbered so that those of one chip have most to do with each other."""
    names, core = np.unique(core, return_inverse=True)
    count, strength = len(names), _strength(net)
    if count <= layout.CORES_PER_CHIP:
        return core
    between = np.zeros((count, count))
    np.add.at(between, (core[:, None], core[None, :]), strength)
    left, order = list(range(count)), []
    while left:
        chip = [left.pop(0)]
        while left and len(chip) < layout.CORES_PER_CHIP:
            best = max(left, key=lambda k: between[k, chip].sum())
            left.remove(best)
            chip.append(best)
        order += chip
    place = np.empty(count, int)
    place[order] = np.arange(count)
    return place[core]
