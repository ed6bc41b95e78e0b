"""Leaky integrators on the chip: f-I curves and synapses by fitting."""

import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.devices import dynapse2 as d2
from rheobase.devices.dynapse2.convert import fit_rate
from rheobase.errors import ArgumentError
from rheobase.units import MOhm, ms, nA


@pytest.mark.slow
@pytest.mark.parametrize("period", [0.0, 2.0])
def test_the_fitted_curve_is_simulated_as_it_was_fitted(period):
    lif = rb.LIF() if period == 0 else rb.Refractory(rb.LIF(), period * ms)
    fit = fit_rate(lif)
    assert fit.residual < 0.05 < fit.start
    for k in (2, 8):
        current = fit.scale * fit.currents[k] * nA
        run = rb.simulate(fit.neuron, current=current, duration=2000 * ms, dt=0.5 * ms)
        there = rb.simulate(lif, current=fit.currents[k] * nA, duration=2000 * ms, dt=0.1 * ms)
        assert float(run.counts) == pytest.approx(float(there.counts), rel=0.05)


@pytest.mark.slow
def test_a_converted_layer_fires_as_the_layer_did():
    model = rb.Sequential(
        rb.Linear(5, 30), rb.Refractory(rb.CubaLIF(), 2 * ms), rb.Linear(30, 2), rb.LIF(),
        inputs="spikes",
    )  # fmt: skip
    done = d2.convert(model)
    x = (np.random.default_rng(0).uniform(size=(300, 4, 5)) < 0.3).astype(np.float32)
    here = np.asarray(done.network.run(x).spikes[..., :30].sum((0, 1)))
    there = np.asarray(model.activity(jnp.asarray(x))[0].spikes.sum((0, 1)))
    assert np.corrcoef(here, there)[0, 1] > 0.98
    assert "f-I error" in done.report()


@pytest.mark.slow
def test_a_nir_graph_is_converted_as_the_network_was(tmp_path):
    model = rb.Sequential(rb.Linear(3, 2), rb.LIF())
    rb.io.write_nir(model, tmp_path / "net.nir")
    there, here = d2.convert(model), d2.convert(rb.io.read_nir(tmp_path / "net.nir"))
    np.testing.assert_allclose(here.network.inputs.weight, there.network.inputs.weight, rtol=1e-3)
    np.testing.assert_allclose(here.network.neuron.Itau_mem, there.network.neuron.Itau_mem, 1e-3)


@pytest.mark.slow
def test_the_size_of_a_neurons_current_is_of_no_account():
    """A graph without units holds currents of 1e8 nA, a membrane one of 0.1 nA."""
    plain, large = fit_rate(rb.LIF()), fit_rate(rb.LIF(R=1e-7 * MOhm))
    assert large.residual == pytest.approx(plain.residual, rel=0.02)
    assert large.residual < 0.05


def test_errors_teach():
    with pytest.raises(ArgumentError, match="AdEx"):
        fit_rate(rb.AdEx())
    with pytest.raises(ArgumentError, match=r"rb.Sequential"):
        d2.convert(rb.LIF())  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="neurons that fire"):
        d2.convert(rb.Sequential(rb.Linear(3, 2)))
