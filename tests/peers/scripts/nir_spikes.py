"""What a library gives for a NIR graph: script LIBRARY graph.nir inputs.npy spikes.npy.

Inputs and spikes are (time, n). Each library reads the graph by its own importer.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np


def stepped(net: Any, x: np.ndarray) -> np.ndarray:
    """A module of nirtorch, called step by step with its state."""
    import torch

    state, found = None, []
    with torch.no_grad():
        for row in torch.tensor(x, dtype=torch.float32):
            y, state = net(row[None], state)
            found.append((y[0] if isinstance(y, tuple) else y)[0])
    return torch.stack(found).numpy()


def snntorch(graph: Any, x: np.ndarray, dt: float) -> np.ndarray:
    from snntorch.import_nir import import_from_nir

    return stepped(import_from_nir(graph), x)


def norse(graph: Any, x: np.ndarray, dt: float) -> np.ndarray:
    from norse.torch.utils.import_nir import from_nir

    return stepped(from_nir(graph, ignore_warnings=True, dt=dt), x)


def spikingjelly(graph: Any, x: np.ndarray, dt: float) -> np.ndarray:
    from spikingjelly.activation_based.nir_exchange.from_nir import import_from_nir

    return stepped(import_from_nir(graph, dt=dt), x)


def spyx(graph: Any, x: np.ndarray, dt: float) -> np.ndarray:
    import jax.numpy as jnp
    from spyx.nir import from_nir

    return np.asarray(from_nir(graph, jnp.asarray(x, jnp.float32)[:, None], dt)[1])[:, 0]


def sinabs(graph: Any, x: np.ndarray, dt: float) -> np.ndarray:
    import torch
    from sinabs.nir import from_nir

    net = from_nir(graph, batch_size=1)
    with torch.no_grad():
        y = net(torch.tensor(x, dtype=torch.float32))
    return (y[0] if isinstance(y, tuple) else y).numpy()


def rockpool(graph: Any, x: np.ndarray, dt: float) -> np.ndarray:
    import torch
    from rockpool.nn.modules.torch.nir import from_nir

    net = from_nir(graph)
    with torch.no_grad():
        y = net(torch.tensor(x, dtype=torch.float32)[None])
    while isinstance(y, tuple):
        y = y[0]
    return y[0].numpy()


LIBRARIES: dict[str, Callable[[Any, np.ndarray, float], np.ndarray]] = {
    f.__name__: f for f in (snntorch, norse, spikingjelly, spyx, sinabs, rockpool)
}

if __name__ == "__main__":
    import nir

    name, path, inputs, out, dt = sys.argv[1:]
    graph = nir.read(path)
    np.save(out, LIBRARIES[name](graph, np.load(inputs), float(dt)))
