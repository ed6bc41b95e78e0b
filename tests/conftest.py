"""Settings of every test: no hidden promotion of types or ranks, and 64 bits where asked for."""

import jax
import pytest
from hypothesis import HealthCheck, settings

SLOW_EXAMPLES = {
    "rheobase.check.check_neuron",
    "rheobase.devices.dynapse2.convert.convert",
    "rheobase.devices.dynapse2.convert.fit_rate",
    "rheobase.devices.dynapse2.training.train",
    "rheobase.fitting.fit.fit_recording",
    "rheobase.fitting.posterior.fit_posterior",
    "rheobase.fitting.ranking.fit_models",
    "rheobase.gradients.compare.check",
    "rheobase.plot.gradients.gradients",
    "rheobase.train.rewire.Rewiring",
}
"""Examples in docstrings that take more than about four seconds."""


def pytest_collection_modifyitems(items):
    for item in items:
        if isinstance(item, pytest.DoctestItem) and item.name in SLOW_EXAMPLES:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="module")
def forget_programs():
    """Compiled programs hold memory maps, and a process that has used up its 65,530 is killed."""
    yield
    jax.clear_caches()


@pytest.fixture(autouse=True)
def strict():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=[False, True], ids=["float32", "float64"])
def precision(request):
    """Both precisions, one after the other; yields the type."""
    with jax.enable_x64(request.param):
        yield "float64" if request.param else "float32"


# One run is like another: the examples follow from the name of the test.
settings.register_profile(
    "laws",
    deadline=None,
    derandomize=True,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("laws")
