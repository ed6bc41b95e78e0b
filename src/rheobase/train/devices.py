"""Data parallel training: the samples of a batch shared out over devices, the model on each."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from rheobase.errors import ArgumentError, ShapeError, brief

AXIS = "samples"


def mesh_of(devices: Any, batch_size: int) -> Mesh | None:
    """The devices of a fit, a number of them or themselves; None for the default device.

    Errors: `ArgumentError`; `ShapeError` for a batch that cannot be shared out evenly.
    """
    if devices is None:
        return None
    there = jax.devices()
    if isinstance(devices, int) and not isinstance(devices, bool):
        if not 1 <= devices <= len(there):
            raise ArgumentError(
                f"`devices` = {devices}, and JAX sees {len(there)}. Write devices={len(there)}; "
                f"more of them on one processor come of "
                f"XLA_FLAGS=--xla_force_host_platform_device_count={max(devices, 2)}, set before "
                f"Python starts."
            )
        devices = there[:devices]
    if not isinstance(devices, Sequence) or not all(isinstance(d, jax.Device) for d in devices):
        raise ArgumentError(
            f"`devices` is a number of devices or a list of them, got {brief(devices)}. "
            f"Write devices=jax.devices()."
        )
    if not devices or batch_size % len(devices):
        count = max(len(devices), 1)
        near = max(batch_size // count, 1) * count
        raise ShapeError(
            f"a batch of {batch_size} samples cannot be shared out evenly over {len(devices)} "
            f"devices. Write batch_size={near}."
        )
    return Mesh(np.asarray(devices), (AXIS,))


def copied(tree: Any, mesh: Mesh | None) -> Any:
    """The arrays of a tree on each of the devices."""
    return tree if mesh is None else eqx.filter_shard(tree, NamedSharding(mesh, PartitionSpec()))


def shared(array: np.ndarray, mesh: Mesh | None) -> Any:
    """An array with samples first, shared out; each process gives what its devices need."""
    if mesh is None:
        return jax.numpy.asarray(array)
    kind = jax.dtypes.canonicalize_dtype(array.dtype)
    array = np.asarray(array, kind)
    sharding = NamedSharding(mesh, PartitionSpec(AXIS))
    return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])


def gathered(tree: Any, mesh: Mesh | None) -> Any:
    """The arrays of a tree that is on each of the devices, on the default one."""
    if mesh is None:
        return tree

    def one(x: Any) -> Any:
        return jax.numpy.asarray(np.asarray(x)) if eqx.is_inexact_array(x) else _local(x)

    return jax.tree.map(one, tree)


def _local(x: Any) -> Any:
    if not isinstance(x, jax.Array) or not x.is_fully_replicated:
        return x
    return jax.device_put(x.addressable_data(0), jax.local_devices()[0])
