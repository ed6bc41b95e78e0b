"""Data parallel training gives the numbers of one device."""

import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError
from rheobase.train.devices import gathered, mesh_of, shared
from rheobase.units import ms

FIT = """
import jax, numpy as np, optax, sys
import rheobase as rb
from rheobase.units import ms

def trained(devices, model=None, **more):
    x = np.random.default_rng(0).uniform(size=(48, 4)).astype(np.float32)
    if model is None:
        hidden = rb.Recurrent(rb.ALIF(), 12)
        model = rb.Sequential(rb.Linear(4, 12), hidden, rb.Linear(12, 2), rb.LI())
    data = x, (x[:, 0] > x[:, 1]).astype(int)
    result = rb.fit(
        model, data, epochs=2, batch_size=16, encoder=rb.encoders.Poisson(20 * ms),
        validation=data, progress=False, devices=devices,
        # Adam would make steps of the rounding of gradients that are 0.
        optimizer=optax.sgd(0.05), **more)
    weights = [np.asarray(w) for w in jax.tree.leaves(result.model) if hasattr(w, "shape")]
    return np.concatenate([w.ravel() for w in weights]), result.history

def same(one, two):
    np.testing.assert_allclose(one[0], two[0], rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(one[1].train_loss, two[1].train_loss, rtol=1e-4)
    assert one[1].train_accuracy == two[1].train_accuracy
"""

SEVERAL = """
assert len(jax.devices()) == 4
same(trained(4), trained(None))
same(trained(jax.devices()[2:]), trained(None))
"""

LAYERS = """
sparse = rb.Linear(4, 12, density=0.5)
model = rb.Sequential(sparse, rb.BatchNorm(12), rb.LIF(), rb.Linear(12, 2), rb.LI())
more = {"rewiring": rb.train.Rewiring(every=2), "patience": 1}
same(trained(4, model, **more), trained(None, model, **more))
"""

PROCESSES = """
jax.distributed.initialize(sys.argv[1], num_processes=2, process_id=int(sys.argv[2]))
assert len(jax.devices()) == 2 and len(jax.local_devices()) == 1
spread = trained(2, checkpoint=sys.argv[3])
same(spread, trained(None))
"""


def start(code, count, *arguments):
    flags = f"--xla_force_host_platform_device_count={count}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, "-c", FIT + code, *arguments],
        env=environment, text=True, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process):
    _, said = process.communicate(timeout=900)
    assert process.returncode == 0, said


@pytest.mark.slow
def test_several_devices_give_the_numbers_of_one():
    finish(start(SEVERAL, 4))


@pytest.mark.slow
def test_statistics_of_batches_and_connections_that_move_are_those_of_one_device():
    finish(start(LAYERS, 4))


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    path = tmp_path / "fit.rheobase"
    both = [start(PROCESSES, 1, address, str(number), str(path)) for number in range(2)]
    for process in both:
        finish(process)
    assert path.exists()


def test_a_batch_comes_back_from_its_devices():
    mesh = mesh_of(1, 6)
    x = np.arange(12.0).reshape(6, 2)
    there = shared(x, mesh)
    assert there.sharding.mesh == mesh
    np.testing.assert_array_equal(gathered(there, mesh), x)


def test_what_cannot_be_shared_out_is_refused():
    model = rb.Sequential(rb.Linear(4, 2), rb.LI())
    data = np.zeros((8, 4)), np.zeros(8, int)
    more = {"encoder": rb.encoders.Direct(5 * ms), "progress": False, "batch_size": 5}
    with pytest.raises(ArgumentError, match="JAX sees 1"):
        rb.fit(model, data, devices=2, **more)
    with pytest.raises(ArgumentError, match=r"devices=jax.devices\(\)"):
        rb.fit(model, data, devices="cpu", **more)
    with pytest.raises(ShapeError, match="batch_size=4"):
        mesh_of(jax.devices() * 2, 5)
