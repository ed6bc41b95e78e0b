"""The rows of `PEERS` against the libraries themselves, where these are installed."""

from contextlib import nullcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.surrogate import PEERS, compat

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore"),  # of their imports
]
POINTS = np.array([-3.1, -1.3, -0.61, -0.11, 0.02, 0.23, 0.73, 1.6, 2.7], dtype=np.float32)
THRESHOLD = 1.0


def _import(module):
    return pytest.importorskip(module, exc_type=ImportError)


def _by_torch(spike):
    torch = _import("torch")
    x = torch.tensor(POINTS, requires_grad=True)
    spike(x).sum().backward()
    return x.grad.numpy()


def _by_jax(spike):
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return jax.grad(lambda x: spike(x).sum())(jnp.asarray(POINTS))


def _snntorch(name, parameters):
    module = _import("snntorch.surrogate")
    return _by_torch(getattr(module, name)(**parameters))


def _norse(name, parameters):
    module = _import("norse.torch.functional.threshold")
    if name == "super@master":
        pytest.skip("no wheel has it")
    return _by_torch(lambda x: module.threshold(x, name, parameters.get("alpha", 100.0)))


def _spikingjelly(name, parameters):
    module = _import("spikingjelly.activation_based.surrogate")
    if "n" in parameters:
        parameters["n"] = int(parameters["n"])
    return _by_torch(getattr(module, name)(**parameters))


def _sinabs(name, parameters):
    torch = _import("torch")
    module = _import("sinabs.activation.surrogate_gradient_fn")
    threshold = parameters.pop("spike_threshold", THRESHOLD)
    g = getattr(module, name)(**parameters)
    return g(torch.tensor(POINTS) + threshold, threshold).numpy()


def _spyx(name, parameters):
    return _by_jax(getattr(_import("spyx.axn"), name)(**parameters))


def _snnax(name, parameters):
    module = _import("snnax.functional.surrogate")
    return _by_jax(getattr(module, name)(**parameters))


def _jaxsnn(name, parameters):
    module = _import("jaxsnn.discrete.functional.threshold")
    return _by_jax(lambda x: getattr(module, name)(x, **parameters))


def _jaxpike(name, parameters):
    return _by_jax(getattr(_import("jaxpike.surrogate"), name)(**parameters))


def _sparx(name, parameters):
    return _by_jax(getattr(_import("sparx.surrogate"), name)(**parameters))


def _braintools(name, parameters):
    module = _import("braintools.surrogate")
    if "n" in parameters:
        parameters["n"] = int(parameters["n"])
    return _by_jax(getattr(module, name)(**parameters))


def _ngclearn(name, parameters):
    module = _import("ngclearn.utils.surrogate_fx")
    _, g = getattr(module, name)()
    return g(jnp.asarray(POINTS), 0.0, **parameters)  # not registered with autodiff


SAMPLERS = {
    "braintools": _braintools,
    "snntorch": _snntorch,
    "norse": _norse,
    "spikingjelly": _spikingjelly,
    "spyx": _spyx,
    "snnax": _snnax,
    "sinabs": _sinabs,
    "jaxsnn": _jaxsnn,
    "jaxpike": _jaxpike,
    "sparx": _sparx,
    "ngc-learn": _ngclearn,
}


@pytest.mark.parametrize(
    "peer, function",
    [
        pytest.param(peer.name, function, id=f"{peer.name}.{function.name}")
        for peer in PEERS
        if peer.name in SAMPLERS
        for function in peer.functions
        if function.ours is not None
    ],
)
def test_g_is_that_of_the_installed_library(peer, function):
    # once with its own defaults, once by keyword: names, order and defaults are checked as well
    other = {name: value + (1.0 if name == "n" else 0.5) for name, value in function.parameters}
    for theirs, ours in (({}, ()), (other, tuple(other.values()))):
        g = jax.vmap(jax.grad(compat(peer, function.name, parameters=ours, span=1.0)))
        with jax.numpy_dtype_promotion("standard") if peer == "ngc-learn" else nullcontext():
            expected = SAMPLERS[peer](function.name, dict(theirs))
        np.testing.assert_allclose(g(jnp.asarray(POINTS)), expected, rtol=2e-4, atol=1e-6)
