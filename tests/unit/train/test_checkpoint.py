import hashlib
import json
import os
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import CheckpointError
from rheobase.provenance import versions
from rheobase.train import load, read_notes, save


class Everything(NamedTuple):
    floats: jax.Array
    halves: jax.Array
    whole: jax.Array
    flags: jax.Array
    key: jax.Array
    host: np.ndarray
    text: str
    empty: jax.Array


def everything(seed=0):
    random = np.random.default_rng(seed)
    odd = [np.nan, -0.0, np.inf, 1e-45, 3.0]
    return Everything(
        floats=jnp.asarray(odd, jnp.float32) * (seed + 1),
        halves=jnp.asarray(random.normal(size=(2, 3)), jnp.bfloat16),
        whole=jnp.asarray(random.integers(0, 9, (4,)), jnp.int32),
        flags=jnp.asarray(random.uniform(size=3) < 0.5),
        key=jax.random.key(seed),
        host=random.normal(size=(3, 2)),
        text="not stored",
        empty=jnp.zeros((0, 4)),
    )


def same(one, two):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        if isinstance(a, str):
            assert a == b
            continue
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        assert type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_every_bit_comes_back(tmp_path):
    save(tmp_path / "a", everything(), {"epoch": 3})
    same(load(tmp_path / "a", everything(1)), everything())
    assert read_notes(tmp_path / "a") == {"epoch": 3}


def test_a_model_comes_back(tmp_path):
    model = rb.Sequential(rb.Linear(4, 6), rb.LIF(), key=jax.random.key(3))
    save(tmp_path / "deep" / "model", model)
    other = rb.Sequential(rb.Linear(4, 6), rb.LIF())
    same(load(tmp_path / "deep" / "model", other), model)


def test_the_file_is_as_documented(tmp_path):
    path = tmp_path / "a"
    save(path, {"w": jnp.array([[1.0, 2.0]]), "n": jnp.array([7, 8, 9])}, {"by": "me"})
    content = path.read_bytes()
    assert content[:8] == b"rheobase"
    version, length, header = (
        int.from_bytes(content[a:b], "little") for a, b in ((8, 12), (12, 20), (20, 28))
    )
    assert (version, length) == (2, len(content))
    assert hashlib.sha256(content[:28] + content[60:]).digest() == content[28:60]
    made = {"versions": dict(versions()), "precision": "float32"}
    assert json.loads(content[60 : 60 + header]) == {
        "made": made,
        "leaves": [
            {"path": "['n']", "dtype": "int32", "shape": [3]},
            {"path": "['w']", "dtype": "float32", "shape": [1, 2]},
        ],
        "notes": {"by": "me"},
    }
    numbers = content[60 + header :]
    np.testing.assert_array_equal(np.frombuffer(numbers[:12], "<i4"), [7, 8, 9])
    np.testing.assert_array_equal(np.frombuffer(numbers[12:], "<f4"), [1, 2])


def test_a_file_that_is_cut_short_says_so(tmp_path):
    path = tmp_path / "a"
    save(path, everything())
    whole = path.read_bytes()
    for size in [1, 7, 8, 11, 12, 30, 59, 60, 100, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=f"cut short: it has {size} bytes of "):
            load(path, everything())


def test_a_file_in_which_one_bit_changed_says_so(tmp_path):
    path = tmp_path / "a"
    save(path, everything())
    whole = path.read_bytes()
    for place in (20, 21, 27, 28, 59, 60, 200, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(CheckpointError, match="is damaged: its checksum is wrong"):
            load(path, everything())
    path.write_bytes(whole + b"more")
    with pytest.raises(CheckpointError, match="is damaged"):
        load(path, everything())


def test_other_files(tmp_path):
    path = tmp_path / "a"
    save(path, everything())
    whole = path.read_bytes()
    path.write_bytes(whole[:8] + (3).to_bytes(4, "little") + whole[12:])
    with pytest.raises(
        CheckpointError, match=r"is of version 3, and this library reads versions 1 "
    ):
        load(path, everything())
    path.write_bytes(b"PK\3\4 some archive")
    with pytest.raises(CheckpointError, match=r"is no checkpoint: it begins with b'PK"):
        load(path, everything())
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"is no checkpoint"):
        load(path, everything())
    with pytest.raises(CheckpointError, match=r"there is no file"):
        load(tmp_path / "b", everything())
    with pytest.raises(CheckpointError, match=r"is a folder"):
        load(tmp_path, everything())


def test_files_of_the_first_layout_are_read(tmp_path):
    """Their checksum leaves out the length of the header, so a flip there is found by the sizes."""
    path = tmp_path / "a"
    save(path, everything())
    whole = path.read_bytes()
    first = whole[:8] + (1).to_bytes(4, "little") + whole[12:28]
    first += hashlib.sha256(whole[60:]).digest() + whole[60:]
    path.write_bytes(first)
    same(load(path, everything(1)), everything())
    for bit in range(64):
        place = 20 + bit // 8
        flipped = first[:place] + bytes([first[place] ^ 1 << bit % 8]) + first[place + 1 :]
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError, match="is damaged"):
            load(path, everything())


def test_another_model_is_named(tmp_path):
    path = tmp_path / "a"
    save(path, rb.Sequential(rb.Linear(4, 6), rb.LIF()))
    with pytest.raises(CheckpointError, match=r"float32\[4, 6\] where the model has .*\[4, 7\]"):
        load(path, rb.Sequential(rb.Linear(4, 7), rb.LIF()))
    with pytest.raises(CheckpointError, match=r"only the model has"):
        load(path, rb.Sequential(rb.Linear(4, 6), rb.LIF(), rb.Linear(6, 2)))
    with pytest.raises(CheckpointError, match=r"only it has"):
        load(path, rb.Sequential(rb.Linear(4, 6)))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "a"
    save(path, everything())

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="disk full"):
        save(path, everything(1))
    same(load(path, everything()), everything())
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
