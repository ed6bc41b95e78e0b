"""Synapses of .mod files: against those of the library, closed forms and NEURON 9.0.2."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import MechanismError, ParameterError
from rheobase.units import S, cm, ms, mV, nA, nS, um
from tests.unit.io import mechanisms

TIMES = np.array([5.0, 12, 15, 30, 60])


def voltage(target, synapse, weight, dt=0.1, plasticity=()):
    """The voltage of a population of one that gets spikes through a synapse."""
    net = rb.Network(
        {"in": rb.SpikeSource(TIMES * ms, [0] * len(TIMES), n=1), "b": rb.Population(target, 1)},
        rb.Connection(
            "in", "b", rb.Dense(), synapse, weight=weight, delay=1 * ms, plasticity=plasticity
        ),
    )
    run = rb.simulate(net, duration=80 * ms, dt=dt * ms, record={"b": rb.Record(("v",))})
    return np.asarray(run["b"].v).ravel()


PAIRS = {
    "RISING": (lambda: rb.Conductance(rb.DualExponential(1 * ms, 8 * ms), -5 * mV), 5 * nS),
    "PULSE": (lambda: rb.Exponential(4 * ms), 0.5 * nA),
}


@pytest.mark.parametrize("name", PAIRS)
def test_it_is_the_synapse_of_the_library(read, name, x64):
    theirs, weight = PAIRS[name]
    ours = read(getattr(mechanisms, name))()
    target = rb.LIF(v_th=100 * mV)
    found, right = (voltage(target, one, weight) for one in (ours, theirs()))
    assert np.ptp(right) > 1
    np.testing.assert_allclose(found, right, atol=1e-10)


def test_variables_of_a_connection_are_what_a_terminal_releases(read, x64):
    """With hardly any NMDA receptors it is an exponential with short-term plasticity."""
    ours = read(mechanisms.BLOCKED)(ratio=1e-9)
    right = rb.Conductance(rb.Exponential(3 * ms), 0 * mV)
    used = rb.TsodyksMarkram(U=0.3, tau_rec=120 * ms, tau_facil=40 * ms)
    target = rb.LIF(v_th=100 * mV)
    found = voltage(target, ours, 5 * nS)
    np.testing.assert_allclose(found, voltage(target, right, 5 * nS, plasticity=used), atol=1e-8)


@pytest.mark.parametrize(
    "name, weight, right",
    [
        ("RISING", 0.5 * nS, [-58.69228, -47.70544, -48.44015, -54.0379]),
        ("BLOCKED", 1 * nS, [-62.14047, -57.8656, -61.00528, -62.37445]),
        ("PULSE", 0.005 * nA, [-64.19772, -62.92125, -63.70383, -64.12227]),
    ],
)
def test_it_moves_a_cell_as_in_neuron(read, name, weight, right, x64):
    """The voltage after 10, 18, 40 and 70 ms in NEURON 9.0.2 with steps of 0.0005 ms."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um), v_init=-65 * mV)
    cell = cell.insert(ch.Leak(g=1e-4 * S / cm**2, e=-65 * mV))
    v = voltage(cell, read(getattr(mechanisms, name))(), weight, dt=0.025)
    places = [round(t / 0.025) - 1 for t in (10, 18, 40, 70)]
    np.testing.assert_allclose(v[places], right, atol=2e-3)


def test_fields_and_reversals(read):
    kind = read(mechanisms.RISING)
    assert list(rb.units.parameters(kind)) == ["tau1", "tau2", "e"]
    synapse = kind(e=-70 * mV)
    assert synapse.reversal == -70 and synapse.conducts and synapse.release is None
    state = synapse.arrive(synapse.init(), jnp.asarray(0.002))
    assert float(synapse.output(state)) == pytest.approx(0, abs=1e-9)
    later = state._replace(a=0 * state.a)
    peak = float(synapse.output(later))
    assert float(synapse.current(later, jnp.asarray(-60.0))) == pytest.approx(-10 * peak)
    with pytest.raises(ParameterError, match="a conductance is never negative"):
        rb.Connection("a", "b", rb.Dense(), synapse, weight=-1 * nS)
    assert read(mechanisms.PULSE)().reversal is None


def test_a_weight_is_the_number_of_the_file(read):
    text = mechanisms.PULSE.replace("weight (nA)", "weight (pA)").replace("+ weight", "+ 2*weight")
    state = read(text)().arrive(read(text)().init(), jnp.asarray(0.001))
    assert float(state.s) == pytest.approx(2.0)


def test_gradients_reach_the_parameters(read, x64):
    kind = read(mechanisms.RISING)

    def peak(tau):
        synapse = kind(tau2=tau * ms)
        state = synapse.arrive(synapse.init(), jnp.asarray(1.0))
        return synapse.derivative(state).b

    slope = (peak(8.001) - peak(7.999)) / 0.002
    assert float(jax.grad(peak)(8.0)) == pytest.approx(float(slope), rel=1e-5)


def changed(old, new, of="PULSE"):
    text = getattr(mechanisms, of)
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "NEURON { POINT_PROCESS x NONSPECIFIC_CURRENT i }",
            "line 1: .*without NET_RECEIVE.*SUFFIX",
        ),
        (changed("s = s + weight", "s = s + weight*(1 - s)"), "line 9: .*whatever they are"),
        (changed("s = s + weight", "s = s + weight*weight"), "line 9: .*whatever they are"),
        (changed("s = s + weight", "s = s + 0*weight"), "adds nothing to its states"),
        (changed("s = s + weight", "tau = 2*tau  s = s + weight"), "NET_RECEIVE changes tau"),
        (changed("s = s + weight", "s = s + weight  weight = 2*weight"), "changes the weight"),
        (
            changed("weight (nA)) { s = s +", "weight, k) { s = s + k*"),
            "k of a connection is set by",
        ),
        (changed("s = s + weight", "net_send(1, 1)"), "line 9: this reader does not take net_send"),
        (changed("s = s + weight", "WATCH (v > 0) 2"), "line 9: .*WATCH"),
        (changed("s = s + weight", "s = s + weight*exp(-t)"), "keeps no time of the last event"),
        (changed("-s/tau", "-s/tau*exp(v)"), "the equations of its states use the voltage"),
        (changed("i = -s", "i = -s^4/(s^4 + 1)"), "not linear in its states"),
        (changed("-s/tau", "(1 - s)/tau"), "before its first event"),
        (changed("BREAKPOINT", "INITIAL { s = 1 }  BREAKPOINT"), "before its first event"),
        (changed("i = -s", "i = -s*(v*v + 1)"), "no parameter e is where its current turns"),
        (
            changed("NONSPECIFIC_CURRENT i", "USEION ca WRITE ica"),
            "line 3: a synapse that uses an ion, pulse with ca",
        ),
        (changed("NONSPECIFIC_CURRENT i", "ELECTRODE_CURRENT i"), "line 3: .*rheobase.stimulus"),
        (changed("u = u + U*(1 - u)", "u = u + U*weight", "BLOCKED"), "variable of a connection"),
        (changed("u*x*ratio", "u*ratio", "BLOCKED"), "how an event is shared"),
        (changed("-(t - last)/tau_rec", "-t/tau_rec", "BLOCKED"), "otherwise than as t - last"),
        ("NEURON { SUFFIX x }\nNET_RECEIVE (w) { }", "line 2: NET_RECEIVE is of a POINT_PROCESS"),
    ],
)
def test_what_is_not_taken_is_named_with_its_line(read, text, message):
    with pytest.raises(MechanismError, match=message):
        read(text)
