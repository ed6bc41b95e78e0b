"""Channels against their published equations, written out once more with numpy alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy import exp

import rheobase as rb
from rheobase import channels as ch
from rheobase.units import kelvin, mM, mV, um

V = np.linspace(-110.3, 60.1, 57)  # no round number, so that nothing is 0/0
WARM = 2.3**1.3


def gate(alpha, beta):
    return alpha / (alpha + beta), 1 / (alpha + beta)


def nat(v, v_m, v_h):
    m = gate(
        0.182 * (v - v_m) / (1 - exp(-(v - v_m) / 6)),
        0.124 * (-v + v_m) / (1 - exp(-(-v + v_m) / 6)),
    )
    h = gate(
        -0.015 * (v - v_h) / (1 - exp((v - v_h) / 6)),
        -0.015 * (-v + v_h) / (1 - exp((-v + v_h) / 6)),
    )
    return {"m": (m[0], m[1] / WARM), "h": (h[0], h[1] / WARM)}


def nap(v):
    alpha = -2.88e-6 * (v + 17) / (1 - exp((v + 17) / 4.63))
    beta = 6.94e-6 * (v + 64.4) / (1 - exp(-(v + 64.4) / 2.63))
    return {
        "m": (1 / (1 + exp((v + 52.6) / -4.6)), 6 * nat(v, -38, -66)["m"][1]),
        "h": (1 / (1 + exp((v + 48.8) / 10)), 1 / (alpha + beta) / WARM),
    }


def k_pst(v):
    v = v + 10
    tau = np.where(v < -50, 1.25 + 175.03 * exp(v * 0.026), 1.25 + 13 * exp(-v * 0.026))
    return {
        "m": (1 / (1 + exp(-(v + 1) / 12)), tau / WARM),
        "h": (
            1 / (1 + exp(-(v + 54) / -11)),
            (360 + (1010 + 24 * (v + 55)) * exp(-(((v + 75) / 48) ** 2))) / WARM,
        ),
    }


def k_tst(v):
    v = v + 10
    return {
        "m": (1 / (1 + exp(-v / 19)), (0.34 + 0.92 * exp(-(((v + 71) / 59) ** 2))) / WARM),
        "h": (1 / (1 + exp((v + 66) / 10)), (8 + 49 * exp(-(((v + 73) / 23) ** 2))) / WARM),
    }


def ca_hva(v):
    return {
        "m": gate(0.055 * (-27 - v) / (exp((-27 - v) / 3.8) - 1), 0.94 * exp((-75 - v) / 17)),
        "h": gate(0.000457 * exp((-13 - v) / 50), 0.0065 / (exp((-v - 15) / 28) + 1)),
    }


def ca_lva(v):
    v = v + 10
    return {
        "m": (1 / (1 + exp((v + 30) / -6)), (5 + 20 / (1 + exp((v + 25) / 5))) / WARM),
        "h": (1 / (1 + exp((v + 80) / 6.4)), (20 + 50 / (1 + exp((v + 40) / 7))) / WARM),
    }


def cat(v):
    u = v + 2
    tau = 30.8 + (211.4 + exp((u + 113.2) / 5)) / (1 + exp((u + 84) / 3.2))
    return {"h": (1 / (1 + exp((u + 81) / 4)), tau / 3.7)}


def traub(v, v_t):
    u = v - v_t
    return {
        "m": gate(
            -0.32 * (u - 13) / (exp(-(u - 13) / 4) - 1), 0.28 * (u - 40) / (exp((u - 40) / 5) - 1)
        ),
        "h": gate(0.128 * exp(-(u - 17) / 18), 4 / (1 + exp(-(u - 40) / 5))),
        "n": gate(-0.032 * (u - 15) / (exp(-(u - 15) / 5) - 1), 0.5 * exp(-(u - 10) / 40)),
    }


def only(gates, **names):
    return {new: gates[old] for new, old in names.items()}


CURVES = {
    ch.NaTa_t: lambda v: nat(v, -38, -66),
    ch.NaTs2_t: lambda v: nat(v, -32, -60),
    ch.Nap_Et2: nap,
    ch.K_Pst: k_pst,
    ch.K_Tst: k_tst,
    ch.SKv3_1: lambda v: {
        "m": (1 / (1 + exp((v - 18.7) / -9.7)), 0.2 * 20 / (1 + exp((v + 46.56) / -44.14)))
    },
    ch.Im: lambda v: {
        "m": gate(
            WARM * 3.3e-3 * exp(2.5 * 0.04 * (v + 35)), WARM * 3.3e-3 * exp(-2.5 * 0.04 * (v + 35))
        )
    },
    ch.Ih: lambda v: {
        "m": gate(
            0.001 * 6.43 * (v + 154.9) / (exp((v + 154.9) / 11.9) - 1), 0.001 * 193 * exp(v / 33.1)
        )
    },
    ch.Ca_HVA: ca_hva,
    ch.CaL: ca_hva,
    ch.Ca_LVAst: ca_lva,
    ch.CaT: cat,
    ch.Na: lambda v: only(traub(v, -60), m="m", h="h"),
    ch.K: lambda v: only(traub(v, -60), m="n"),
    ch.TraubMiles: lambda v: traub(v, -63),
    ch.Km: lambda v: {
        "m": (
            1 / (1 + exp(-(v + 35) / 10)),
            4000 / (3.3 * exp((v + 35) / 20) + exp(-(v + 35) / 20)),
        )
    },
    ch.CaL_GHK: lambda v: {
        "m": gate(
            15.69 * (81.5 - v) / (exp((81.5 - v) / 10) - 1), 0.29 * exp(-v / 10.86)
        )
    },
}  # fmt: skip


def ions_at(v, **solutions):
    return jax.tree.map(lambda x: jnp.broadcast_to(x, v.shape), ch.Solutions(**solutions).ions())


@pytest.mark.parametrize("channel", CURVES, ids=lambda kind: kind.__name__)
def test_limits_and_time_constants_are_the_published_ones(channel, x64):
    v = jnp.asarray(V)
    made = channel().gates(v, ions_at(v))
    for name, (inf, tau) in CURVES[channel](V).items():
        gate = getattr(made, name)
        np.testing.assert_allclose(gate.inf, inf, rtol=1e-9)
        np.testing.assert_allclose(1 / gate.rate, tau, rtol=1e-9)


def test_small_conductance_potassium_follows_calcium(x64):
    calcium = np.array([1e-5, 1e-4, 0.00043, 1e-3])
    v = jnp.full(4, -60.0)
    ions = ions_at(v, ca_inside=calcium * mM)
    inf = ch.SK_E2().gates(v, ions).m.inf
    np.testing.assert_allclose(inf, 1 / (1 + (0.00043 / calcium) ** 4.8), rtol=1e-9)


def test_calcium_channels_reverse_at_the_nernst_potential(x64):
    solutions = ch.Solutions(ca_inside=1e-4 * mM, ca_outside=2 * mM, temperature=307.15 * kelvin)
    ions = solutions.ions()
    nernst = 1e3 * 8.314462618 * 307.15 / (2 * 96485.33212) * np.log(2e4)
    for channel in (ch.Ca_HVA(), ch.Ca_LVAst(), ch.CaL_GHK()):
        v = jnp.asarray(nernst)
        state = jax.tree.map(lambda x: 0.5 + 0 * x, channel.init(v, ions))
        at = [float(channel.current(state, v + shift, ions)) for shift in (-1, 0, 1)]
        assert at[0] < 0 < at[2] and abs(at[1]) < 1e-9 * at[2]


def test_the_constant_field_is_the_equation(x64):
    v = jnp.asarray(V)
    ions = ions_at(v)
    channel = ch.CaL_GHK()
    state = channel.init(v, ions)
    z, faraday, gas, kelvins = 2, 96485.33212, 8.314462618, 279.45
    x = z * faraday * V * 1e-3 / (gas * kelvins)
    # p in cm/s and mM = mol/m^3: A/m^2 from 1e-2 m/s; one nA/um^2 is 1e3 A/m^2.
    flow = 1e-4 * 1e-2 * z * faraday * x * (5e-5 - 2 * exp(-x)) / (1 - exp(-x))
    open_ = np.asarray(state.m) ** 2 * 0.001 / (0.001 + 5e-5)
    np.testing.assert_allclose(channel.current(state, v, ions), open_ * flow / 1e3, rtol=1e-9)


def test_the_channel_has_the_currents_of_the_neuron(x64):
    """TraubMiles as a channel on a membrane of 20,000 um^2 and as a neuron."""
    neuron, channel = rb.TraubMiles(), ch.TraubMiles()
    state = neuron.init()._replace(v=-40.0)
    ions = ch.Solutions().ions()
    v = jnp.asarray(-40.0)
    inside = channel.init(v, ions)._replace(m=state.m, h=state.h, n=state.n)
    slope = neuron.derivative(state, jnp.asarray(0.0)).v * neuron.C
    np.testing.assert_allclose(channel.current(inside, v, ions) * 20_000, -slope, rtol=1e-6)


def test_ten_degrees_are_one_q10(x64):
    v = jnp.asarray(V)
    cold, warm = (ions_at(v, temperature=t * kelvin) for t in (279.45, 289.45))
    channel = ch.Q10(ch.HH(), q10=3, conductance=1.5)
    state = channel.init(v, warm)
    away = jax.tree.map(lambda x: 0.5 * x, state)
    fast, slow = channel.moved(away, v, warm, 0.1), ch.HH().moved(away, v, cold, 0.3)
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    ratio = channel.current(state, v, warm) / ch.HH().current(state, v, warm)
    np.testing.assert_allclose(ratio, 1.5, rtol=1e-12)
    both = sum(channel.carried(state, v, warm).values())
    np.testing.assert_allclose(both, 1.5 * sum(ch.HH().carried(state, v, warm).values()))


def test_calcium_moves_between_shells_and_none_is_lost(x64):
    shells = ch.CaShells(decay=1e9 * rb.units.ms, depth=0.1 * um)
    ions = ch.Solutions().ions()
    state = shells.init(jnp.asarray(-65.0), ions)
    flow = {"ca": jnp.asarray(-1e-5)}
    step = jax.jit(lambda state: shells.driven(state, flow, ions, 1e-4))
    for _ in range(2000):
        state = step(state)
    assert state.ca > state.ca2 > state.ca3 > state.ca4 > 1e-4
    entered = 0.05 * 1e-5 / (ions.ca.charge * 0.1) * 0.2
    np.testing.assert_allclose(sum(state) - 4e-4, entered, rtol=1e-2)


def test_a_saturated_pump_removes_at_its_largest_rate(x64):
    pump = ch.CaPump()
    ions = ch.Solutions().ions()
    state = pump.init(jnp.asarray(-65.0), ions)._replace(ca=jnp.asarray(1.0))
    slope = pump.derivative(state, {"ca": jnp.asarray(0.0)}, ions).ca
    assert float(slope) == pytest.approx(-1e-4 * (1 - 0.5), rel=1e-3)


def test_a_spike_resets_the_voltage_and_adapts(x64):
    ions, v = ch.Solutions().ions(), jnp.asarray(-31.0)
    cell = ch.AdEx()
    state = cell.init(jnp.asarray(-70.6), ions)
    assert float(cell.margin(state, v)) > 0 and float(cell.margin(state, v - 2)) < 0
    after, reset = cell.reset(state, v)
    assert float(reset) == pytest.approx(-70.6)
    assert float(after.w - state.w) == pytest.approx(float(cell.b))
    izhikevich = ch.Izhikevich(c=-50 * mV)
    state = izhikevich.init(jnp.asarray(-60.0), ions)
    # 0.04 v^2 + 5 v + 140 - u at -60 mV, for 1 uF/cm^2.
    change = -izhikevich.current(state, jnp.asarray(-60.0), ions) / izhikevich.c_m
    assert float(change) == pytest.approx(0.04 * 3600 - 300 + 140 + 12)
    assert float(izhikevich.reset(state, v)[1]) == pytest.approx(-50)
