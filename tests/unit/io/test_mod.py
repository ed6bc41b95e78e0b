"""Channels from .mod files against ours; what is not taken is named by its line."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import MechanismError
from rheobase.units import S, cm, kelvin, mM, ms, mV
from tests.unit.io import mechanisms

V = np.linspace(-110, 60, 341)
"""Round numbers among them, where a rate is 0/0."""


@pytest.fixture
def read(tmp_path):
    def reader(text):
        file = tmp_path / "it.mod"
        file.write_text(text)
        return rb.io.read_mod(file)

    return reader


def ions_at(v):
    solutions = ch.Solutions(ca_inside=1e-4 * mM, temperature=307.15 * kelvin)
    return jax.tree.map(lambda x: jnp.broadcast_to(x, v.shape), solutions.ions())


WARM = {"na": 50 * mV, "k": -77 * mV}
PAIRS = {
    "SQUID": lambda: ch.Q10(ch.HH(e_Na=WARM["na"], e_K=WARM["k"]), reference=279.45 * kelvin),
    "SODIUM": lambda: ch.NaTa_t(e=WARM["na"]),
    "SLOW": lambda: ch.K_Pst(e=WARM["k"]),
    "CALCIUM": ch.Ca_HVA,
}


@pytest.mark.parametrize("name", PAIRS)
def test_it_is_the_channel_written_by_hand(read, name, x64):
    v = jnp.asarray(V)
    ions = ions_at(v)

    @jax.jit
    def everything(channel, away):
        state = channel.init(v, ions)
        away = type(state)(*away)
        return (
            tuple(state),
            tuple(channel.moved(away, v, ions, 0.05)),
            channel.current(away, v, ions),
            channel.carried(away, v, ions),
        )

    ours = PAIRS[name]()
    away = [0.7 * x + 0.1 for x in ours.init(v, ions)]
    settled, moved, current, carried = everything(ours, away)
    theirs = everything(read(getattr(mechanisms, name))(), away)
    np.testing.assert_allclose(theirs[0], settled, rtol=1e-4)
    np.testing.assert_allclose(theirs[1], moved, rtol=1e-5)
    np.testing.assert_allclose(theirs[2], current, rtol=1e-6, atol=1e-12)
    for ion, flow in carried.items():
        np.testing.assert_allclose(theirs[3][ion], flow, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_values_and_slopes_are_numbers_where_a_rate_is_0_by_0(read, name):
    channel = read(getattr(mechanisms, name))()
    v = jnp.asarray([-66.0, -55, -40, -38, -27, -1e3, 1e3])

    def all_of_it(v):
        state = channel.init(v, ions_at(v))
        moved = channel.moved(state, v, ions_at(v), 0.1)
        return (*state, *moved, channel.current(moved, v, ions_at(v)))

    # Compiled whole: one small program after the other takes longer.
    values, slopes = jax.jit(lambda v: jax.jvp(all_of_it, (v,), (jnp.ones_like(v),)))(v)
    assert all(np.all(np.isfinite(x)) and x.dtype == v.dtype for x in (*values, *slopes))


def test_a_concentration_becomes_a_pump(read, x64):
    theirs, ours = read(mechanisms.SHELL)(), ch.CaDynamics()
    assert isinstance(theirs, ch.AbstractPump)
    v = jnp.full(3, -65.0)
    ions, flow = ions_at(v), {"ca": jnp.asarray([0.0, -1e-6, 1e-7])}
    state = theirs.init(v, ions)
    here = ours.init(v, ions)
    for _ in range(3):
        state, here = theirs.driven(state, flow, ions, 0.5), ours.driven(here, flow, ions, 0.5)
        np.testing.assert_allclose(state.cai, here.ca, rtol=1e-6)
    np.testing.assert_array_equal(theirs.seen(state, ions).ca.inside, state.cai)


def test_parameters_are_fields_with_units(read):
    kind = read(mechanisms.SQUID)
    declared = rb.units.parameters(kind)
    assert list(declared) == ["gna", "gk", "gl", "el", "ena", "ek"]
    assert declared["gna"].default == 0.12 * S / cm**2
    assert isinstance(kind(), ch.AbstractMechanism)
    with pytest.raises(rb.units.UnitError, match="gna"):
        kind(gna=0.1 * ms)
    with pytest.raises(LookupError, match="Did you mean 'gna'"):
        kind(gnaa=0.1 * S / cm**2)


def test_gradients_reach_the_parameters(read, x64):
    channel = read(mechanisms.SQUID)()
    v = jnp.asarray([-30.0])

    @jax.jit
    def current(channel):
        return channel.current(channel.init(v, ions_at(v)), v, ions_at(v)).sum()

    slope = eqx.filter_grad(current)(channel).gk
    more = eqx.tree_at(lambda c: c.gk, channel, channel.gk * 1.001)
    np.testing.assert_allclose(slope, (current(more) - current(channel)) / (1e-3 * channel.gk))


GOOD = "NEURON { SUFFIX x }\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("NEURON { POINT_PROCESS x }", "line 1: this reader does not take a point process"),
        (GOOD + "KINETIC s { }", "line 2: this reader does not take a KINETIC scheme"),
        (GOOD + "\nVERBATIM\n#include <x.h>\nENDVERBATIM", "line 3: .*VERBATIM"),
        (GOOD + "NET_RECEIVE (w) { }", "line 2: .*NET_RECEIVE"),
        (GOOD + "BREAKPOINT {\n FROM i = 0 TO 3 { }\n}", "line 3: .*a FROM loop"),
        (GOOD + "BREAKPOINT {\n y = v +\n}", "line 4: expected a name"),
        (GOOD + "BREAKPOINT {\n y = sinus(v)\n}", "line 3: no function is called 'sinus'"),
        (GOOD + "BREAKPOINT {\n y = vv\n}", "line 3: 'vv', which is not declared"),
        (GOOD + "BREAKPOINT {\n y = t\n}", "line 3: the time t is not known"),
        (GOOD + "BREAKPOINT { SOLVE s METHOD sparse }", "METHOD sparse is not taken"),
        (GOOD + "BREAKPOINT {\n SOLVE s METHOD cnexp }", "line 3: there is no DERIVATIVE s"),
        ("NEURON { SUFFIX x\n USEION mg READ mgi }", "line 2: the ion 'mg' is none of"),
        ("NEURON { SUFFIX x\n USEION k WRITE ek }", "line 2: only currents"),
        ("NEURON { SUFFIX x POINTER p }", "POINTER"),
        (GOOD + "ASSIGNED { y[3] }", "an array"),
        (GOOD + "NONSENSE { }", "line 2: 'NONSENSE' begins no block"),
        ("UNITS { }", "has no SUFFIX"),
        (GOOD + "BREAKPOINT {", "ends in the middle"),
    ],
)
def test_what_is_not_taken_is_named_with_its_line(read, text, message):
    with pytest.raises(MechanismError, match=message):
        read(text)
