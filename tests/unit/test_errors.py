"""What an error says of what came: its kind and size, in one short line."""

import contextlib
import copy
import importlib
import pickle
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import LONGEST, UnknownName, brief
from rheobase.units import mV


class Loud:
    def __repr__(self):
        return "Loud(" + "x" * 5000 + ")"


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


TOLD = [
    (rb.LIF(), "a LIF neuron"),
    (rb.AdEx(), "an AdEx neuron"),
    (rb.Refractory(rb.LIF(), 2 * rb.units.ms), "a Refractory adaptor"),
    (rb.Exponential(tau=5 * rb.units.ms), "an Exponential synapse"),
    (rb.ExponentialEuler(), "an ExponentialEuler stepper"),
    (rb.channels.Leak(), "a Leak channel"),
    (rb.LIF, "the class LIF"),
    (rb.simulate, "the function simulate"),
    (np, "the module numpy"),
    (rb.LIF().init(), "a VoltageState"),
    ([rb.LIF()] * 3, "a list of 3"),
    ({"a": rb.LIF()}, "a dictionary of 1"),
    (list(range(1000)), "a list of 1000"),
    (["x" * 70] * 2, "a list of 2"),
    ([1, "two", None], "[1, 'two', None]"),
    (np.ones((3, 2), np.float32), "an array of shape (3, 2), float32"),
    (jnp.ones((3, 2)), "an array of shape (3, 2), float32"),
    (jnp.asarray(2.5), "2.5"),
    (np.float64("nan"), "nan"),
    (3, "3"),
    ("Heun", "'Heun'"),
    (None, "None"),
    (2 * mV, "2 mV"),
    ([1, 2] * mV, "[1, 2] mV"),
    (np.ones((30, 30)) * mV, "a Quantity of shape (30, 30)"),
    (Loud(), "a Loud"),
    (Broken(), "a Broken"),
    (ValueError("x" * 500), "a ValueError"),
]


@pytest.mark.parametrize("value, text", TOLD, ids=[text for _, text in TOLD])
def test_kind_and_size(value, text):
    assert brief(value) == text


def test_a_long_text_is_cut():
    assert len(brief("x" * 5000)) == LONGEST
    assert len(brief([["y" * 70] * 8])) <= LONGEST


def test_a_value_inside_jit_is_told_by_its_shape():
    told = []
    jax.jit(lambda x: told.append(brief(x)) or x)(jnp.ones(3))
    assert told == ["a traced array of shape (3,), float32"]


def every_error():
    for module in pkgutil.walk_packages(rb.__path__, "rheobase."):
        if not module.name.endswith(("__main__", "librheobase")):
            with contextlib.suppress(ModuleNotFoundError):  # of what is not installed
                importlib.import_module(module.name)
    found, seen = [Exception], set()
    while found:
        kind = found.pop()
        found += [k for k in kind.__subclasses__() if k not in seen]
        seen.update(kind.__subclasses__())
    return {k for k in seen if k.__module__.startswith("rheobase.")}


def test_every_error_survives_the_way_from_another_process():
    """A pool that cannot unpickle the error of a worker waits for ever."""
    known = every_error()
    assert UnknownName in known and len(known) > 15
    for kind in known:
        error = kind("thing", "naem", ["name"]) if kind is UnknownName else kind("what came")
        error.add_note("where")
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(again) is kind
            assert str(again) == str(error)
            assert again.__notes__ == ["where"]
