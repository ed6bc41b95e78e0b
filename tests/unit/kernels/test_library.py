import jax
import jax.numpy as jnp
import pytest

from rheobase.kernels import library
from rheobase.kernels.delivery import Targets, deliver

load = library.available.__wrapped__


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "__file__", str(tmp_path / "library.py"))
    return tmp_path


def test_nothing_compiled_is_no_error(folder):
    assert load() is False


def test_a_library_that_does_not_load_is_told_and_not_used(folder):
    (folder / "librheobase.so").write_bytes(b"of another system")
    with pytest.warns(RuntimeWarning, match=r"librheobase\.so cannot be used.*Install rheobase ag"):
        assert load() is False


def test_other_backends_use_the_twins(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert load() is False


def test_types_without_kernels_use_the_twins():
    to = Targets(jnp.array([0, 2, 3], jnp.int32), jnp.array([0, 2, 1], jnp.int32), 3, 2)
    spikes, weight = jnp.ones(2, jnp.float16), jnp.arange(1, 4, dtype=jnp.float16)
    assert not library.serves(spikes.dtype)
    arrived = deliver(to, spikes, weight)
    assert arrived.dtype == jnp.float16
    assert arrived.tolist() == [1, 3, 2]
