"""What several tests of training need: counting compilations, a small task."""

import jax
import numpy as np
import pytest

_compilations = []


def _listen(event, _seconds, **_details):
    if event == "/jax/core/compile/backend_compile_duration":
        _compilations.append(event)


jax.monitoring.register_event_duration_secs_listener(_listen)


@pytest.fixture
def compiled():
    """How many programs were compiled since the last call."""

    def number():
        found = len(_compilations)
        _compilations.clear()
        return found

    number()
    return number


@pytest.fixture
def task():
    """Numbers from 0 to 1 in two groups that differ in their first two features."""
    x = np.random.default_rng(0).uniform(size=(96, 4)).astype(np.float32)
    return x, (x[:, 0] > x[:, 1]).astype(int)
