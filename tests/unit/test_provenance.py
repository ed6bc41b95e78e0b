"""Runs, fits and files know what made them."""

import json

import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb
from rheobase.devices import dynapse2 as d2
from rheobase.provenance import Provenance, of_notes, versions
from rheobase.train import checkpoint
from rheobase.units import ms, nA, um

KEY = jax.random.key(7)
SHORT = {"duration": 1 * ms, "dt": 0.1 * ms}


def test_a_run_of_a_neuron():
    made = rb.simulate(
        rb.Noise(rb.LIF(), 0.1 * nA, 5 * ms), stepper=rb.Heun(), key=KEY, **SHORT
    ).provenance
    assert made.versions == dict(versions()) and made.versions["jax"] == jax.__version__
    assert (made.stepper, made.dt, made.precision) == ("Heun", 0.1, "float32")
    assert jax.random.key_data(made.key).tolist() == [0, 7]
    assert repr(made).endswith("Heun, float32, dt 0.1 ms, key threefry2x32 [0, 7])")


def test_runs_of_networks_and_cells():
    network = rb.Network({"e": rb.Population(rb.LIF(), 3)})
    run = rb.simulate(network, **SHORT)
    made = run.provenance
    assert made.dt == 0.1 and "Exponential" in made.stepper and made.key is None
    assert run["e"].provenance.dt == 0.1
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(rb.channels.Leak())
    made = rb.simulate(cell, **SHORT).provenance
    assert (made.stepper, made.dt, made.precision) == ("CrankNicolson", 0.1, "float32")


def test_it_passes_through_jit_vmap_and_scan():
    """Nothing of it is traced but the key."""

    def run(current):
        return rb.simulate(rb.LIF(), current=current * nA, key=KEY, **SHORT)

    one, many = jax.jit(run)(2.0), jax.vmap(run)(jnp.arange(3.0))
    assert one.provenance.dt == many.provenance.dt == 0.1
    assert repr(many.provenance).endswith("key 3 of threefry2x32)")
    seen = []
    jax.jit(lambda x: seen.append(repr(run(x).provenance)) or x)(1.0)
    assert "ExponentialEuler" in seen[0] or "float32" in seen[0]


def test_a_layer_and_a_chip():
    model = rb.Sequential(rb.Linear(2, 3), rb.LIF(), dt=0.5 * ms)
    made = model.activity(np.ones((4, 1, 2)))[0].provenance
    assert made.dt == 0.5 and made.stepper == type(model.stepper).__name__
    made = d2.Network(n_in=2, n_out=1).run(np.zeros((3, 1, 2))).provenance
    assert made.stepper == "physical" and made.dt > 0 and made.precision == "float32"


def test_a_fit():
    x = np.random.default_rng(0).uniform(size=(16, 2))
    model = rb.Sequential(rb.Linear(2, 3), rb.LIF(), rb.Linear(3, 2), rb.LI())
    fit = rb.fit(model, (x, (x[:, 0] > 0.5).astype(int)), epochs=1, batch_size=8, key=KEY,
                 encoder=rb.encoders.Direct(3 * ms), progress=False)  # fmt: skip
    assert (fit.provenance.dt, fit.provenance.precision) == (1.0, "float32")
    assert fit.provenance.key is KEY


def test_files(tmp_path):
    run = rb.simulate(rb.LIF(), key=KEY, **SHORT)
    rb.save(tmp_path / "run", run)
    rb.save(tmp_path / "model", rb.LIF())
    rb.train.save(tmp_path / "weights", rb.LIF())
    made = rb.io.provenance(tmp_path / "run")
    assert (made.dt, made.precision, made.key) == (0.1, "float32", "threefry2x32 [0, 7]")
    assert made.stepper == run.provenance.stepper
    for name in ("run", "model", "weights"):
        assert rb.io.provenance(tmp_path / name).versions == dict(versions())
    again = rb.load(tmp_path / "run").provenance
    assert again.known == run.provenance.known and again.dt == 0.1
    with jax.enable_x64(True):
        rb.save(tmp_path / "double", rb.LIF())
    assert rb.io.provenance(tmp_path / "double").precision == "float64"


def test_what_a_file_says_wrongly_is_unknown():
    notes = {"versions": [1], "dt": "x", "stepper": None, "precision": 3}
    assert of_notes(notes) == Provenance()
    content = checkpoint.packed([], {})
    header = json.loads(content[60:])
    assert header["made"]["versions"]["rheobase"] == rb.__version__
