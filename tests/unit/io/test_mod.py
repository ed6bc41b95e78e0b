"""Channels from .mod files against ours; what is not taken is named by its line."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import MechanismError, ParameterError
from rheobase.units import S, cm, kelvin, mM, ms, mV, nA, um
from tests.unit.io import mechanisms

V = np.linspace(-110, 60, 341)
"""Round numbers among them, where a rate is 0/0."""


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


@pytest.mark.parametrize(
    "names, last",
    [
        (("CALEAK", "KPOOL"), -76.60),
        (("CALEAK", "KCUR"), -76.216),
        (("KCUR", "CALEAK"), -76.216),
        (("CALEAK", "PUMPNS"), -22.91),
        (("CALEAK", "PUMPV"), -40.48),
    ],
)
def test_mechanisms_that_read_currents_and_voltages(read, names, last):
    """The voltage of NEURON 9.0.2 at the end of a step of current."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um), v_init=-65 * mV)
    cell = cell.insert(ch.Leak(g=1e-4 * S / cm**2, e=-65 * mV))
    for name in names:
        cell = cell.insert(read(getattr(mechanisms, name))())
    soma = cell.at("soma")
    step = rb.stimulus.Step(0.01 * nA, start=5 * ms, stop=45 * ms)
    run = rb.simulate(
        cell, current={soma: step}, duration=45 * ms, dt=0.025 * ms, record={"v": soma}
    )
    assert run.v[-1, 0] == pytest.approx(last, abs=0.02)


def test_currents_that_are_made_of_each_other_are_refused(read):
    cell = rb.Cell(rb.morphology.soma()).insert(read(mechanisms.KCUR)())
    other = "NEURON { SUFFIX cacur  USEION k READ ik  USEION ca WRITE ica }\n"
    other = read(other + "BREAKPOINT { ica = -0.1*ik }")()
    with pytest.raises(ParameterError, match="cacur reads the current of k, of which kcur"):
        cell.insert(other)


def states(channel, v=-65.0, **flows):
    """The state at the start and its rates while ions carry these currents."""
    v = jnp.full(1, v)
    ions = ions_at(v)
    state = channel.init(v, ions)
    if isinstance(channel, ch.AbstractPump):
        flows = {ion: jnp.full(1, flow) for ion, flow in flows.items()}
        return state, channel.rate(state, flows, v, ions)
    return state, channel.derivative(state, v, ions)


def test_a_state_starts_at_its_parameter(read):
    state, _ = states(read(mechanisms.M0PAR)())
    assert state.n[0] == pytest.approx(0.3)
    state, _ = states(read(mechanisms.M0PAR)(n0=0.7))
    assert state.n[0] == pytest.approx(0.7)
    text = "NEURON { SUFFIX x NONSPECIFIC_CURRENT i }\nPARAMETER { n0 = 0.7 }\n"
    text += "STATE { n m k START -0.4 }\nINITIAL { m = 2*n }\nBREAKPOINT { i = n*m*k }"
    state, _ = states(read(text)())
    assert [x[0] for x in state] == pytest.approx([0.7, 1.4, -0.4])


def test_a_concentration_starts_at_that_of_the_solutions(read):
    text = """NEURON { SUFFIX x USEION ca READ ica, cai WRITE cai }
    PARAMETER { cai0 = 3 }
    STATE { cai }
    BREAKPOINT { SOLVE s METHOD cnexp }
    DERIVATIVE s { cai' = -ica }"""
    state, rate = states(read(text)(), ca=0.0)
    assert state.cai[0] == pytest.approx(1e-4) and rate.cai[0] == 0


def test_reversals_are_what_neuron_makes_of_them(read):
    """The value in PARAMETER is not looked at; where potassium is written, ek follows it."""
    channel = read(
        "NEURON { SUFFIX x USEION k READ ek WRITE ik }\nPARAMETER { ek = -90 (mV) }\n"
        "BREAKPOINT { ik = v - ek }"
    )()
    assert channel.ek == -77
    pump = read(
        "NEURON { SUFFIX y USEION k READ ki WRITE ki }\nSTATE { ki }\nINITIAL { ki = 80 }\n"
        "BREAKPOINT { SOLVE s METHOD cnexp }\nDERIVATIVE s { ki' = 0*ki }"
    )()
    v = jnp.full(1, -77.0)
    ions = ions_at(v)
    assert channel.current((), v, ions)[0] == 0
    written = pump.seen(pump.init(v, ions), ions)
    unit = rb.units.Quantity(1.0, rb.units.mA / cm**2).value_in(rb.units.nA / um**2)
    expected = -77 - float(ions.k.thermal[0]) * np.log(2.5 / 80)
    assert float(channel.current((), v, written)[0]) / unit == pytest.approx(expected, rel=1e-4)


OWN = """NEURON { SUFFIX own  USEION ca READ eca WRITE ica  NONSPECIFIC_CURRENT i }
PARAMETER { g = 1e-5 (S/cm2) }
STATE { c }
BREAKPOINT { SOLVE s METHOD cnexp  ica = g*(v - eca)  i = 0*c  x = 2*v }
DERIVATIVE s { c' = ica + 0*c }
ASSIGNED { v eca ica i x }
"""


def test_equations_read_what_breakpoint_computes(read):
    """The mechanism's own current, where it does not READ that of all; and other names."""
    channel = read(OWN)()
    assert isinstance(channel, ch.AbstractKinetics)
    eca = float(ions_at(jnp.full(1, -65.0)).ca.reversal[0])
    _, rate = states(channel)
    assert rate.c[0] == pytest.approx(1e-5 * (-65 - eca), rel=1e-5)
    _, rate = states(read(OWN.replace("c' = ica", "c' = x"))())
    assert rate.c[0] == pytest.approx(-130)
    everything = read(OWN.replace("READ eca", "READ eca, ica"))()
    assert isinstance(everything, ch.AbstractPump) and everything.conducts
    per = rb.units.Quantity(1.0, rb.units.mA / cm**2).value_in(rb.units.nA / um**2)
    _, rate = states(everything, ca=3 * per)
    assert rate.c[0] == pytest.approx(3)


def test_what_initial_makes_of_the_voltage_is_kept(read):
    text = """NEURON { SUFFIX x NONSPECIFIC_CURRENT i }
    ASSIGNED { v i before twice }
    PARAMETER { g = 2 }
    INITIAL { before = v  twice = 2*g }
    BREAKPOINT { i = v - before + 0*twice }"""
    channel = read(text)()
    ions = ions_at(jnp.full(1, -65.0))
    state = channel.init(jnp.full(1, -65.0), ions)
    assert state._fields == ("before",) and channel.current(state, jnp.full(1, -65.0), ions) == 0
    moved = channel.moved(state, jnp.full(1, -20.0), ions, 1.0)
    assert moved.before[0] == -65
    assert channel.current(moved, jnp.full(1, -20.0), ions)[0] > 0


def test_local_names_end_with_their_block(read):
    text = """NEURON { SUFFIX x NONSPECIFIC_CURRENT i }
    ASSIGNED { v i a }
    STATE { n m }
    INITIAL { a = 0.5 }
    BREAKPOINT { SOLVE s METHOD cnexp  i = a }
    DERIVATIVE s { LOCAL a
      a = 0.2
      n' = a - n
    }
    DERIVATIVE unsolved { m' = 1 - m }"""
    channel = read(text)()
    state, rate = states(channel)
    unit = rb.units.Quantity(1.0, rb.units.mA / cm**2).value_in(rb.units.nA / um**2)
    v = jnp.full(1, -65.0)
    assert channel.current(state, v, ions_at(v))[0] == pytest.approx(0.5 * unit)
    assert rate.n[0] == pytest.approx(0.2) and rate.m[0] == 0


def test_a_name_set_under_all_conditions_is_no_memory(read):
    text = """NEURON { SUFFIX x NONSPECIFIC_CURRENT i }
    ASSIGNED { v i a }
    BREAKPOINT {
      if (v < -40) { a = 1 }
      if (v >= -40) { a = 3 }
      i = a
    }"""
    channel = read(text)()
    v = jnp.asarray([-60.0, -20.0])
    current = channel.current(channel.init(v, ions_at(v)), v, ions_at(v))
    assert current[1] / current[0] == pytest.approx(3)


@pytest.mark.parametrize("declared", ["ica (mA/cm2)", "ica = 1 (mA/cm2) cai = 3 (mM)"])
def test_variables_of_ions_among_the_parameters(read, declared):
    text = f"""NEURON {{ SUFFIX x USEION ca READ ica, cai NONSPECIFIC_CURRENT i }}
    PARAMETER {{ g = 1 {declared} }}
    STATE {{ c }}
    BREAKPOINT {{ SOLVE s METHOD cnexp  i = cai }}
    DERIVATIVE s {{ c' = ica }}"""
    kind = read(text)
    assert list(rb.units.parameters(kind)) == ["g"]
    _, rate = states(kind(), ca=0.0)
    assert rate.c[0] == 0


def test_a_procedure_that_moves_states_by_dt_is_an_equation(read, x64):
    """n ← n + (1 - e^(-dt/tau)) (inf - n), exact at a constant voltage, in steps of any length."""
    text = """NEURON { SUFFIX x NONSPECIFIC_CURRENT i }
    ASSIGNED { v i inf fac }
    STATE { n }
    INITIAL { n = 0.2 }
    BREAKPOINT { SOLVE states  i = n }
    PROCEDURE states() {
      inf = 1/(1 + exp(-(v + 53)/15))
      fac = 1 - exp(-dt/5)
      n = n + fac*(inf - n)
      VERBATIM
      return 0;
      ENDVERBATIM
    }"""
    channel = read(text)()
    v = jnp.full(1, -50.0)
    state, rate = states(channel, -50.0)
    inf = 1 / (1 + np.exp(-0.2))
    assert rate.n[0] == pytest.approx((inf - 0.2) / 5)
    moved = channel.moved(state, v, ions_at(v), 3.0)
    assert moved.n[0] == pytest.approx(inf + (0.2 - inf) * np.exp(-0.6))
    with pytest.raises(MechanismError, match="line 5: SOLVE of the PROCEDURE states, which sets"):
        read(text.replace("exp(-dt/5)", "0.5"))


def test_programs_in_c_whose_meaning_is_plain(read):
    text = """NEURON { SUFFIX x USEION ca READ ica, cai WRITE cai }
    VERBATIM
    #include <stdlib.h> /* a library */
    ENDVERBATIM
    STATE { cai }
    INITIAL { VERBATIM
      cai = _ion_cai;
      ENDVERBATIM
    }
    BREAKPOINT { SOLVE s METHOD cnexp }
    DERIVATIVE s { cai' = -ica }"""
    state, _ = states(read(text)(), ca=0.0)
    assert state.cai[0] == pytest.approx(1e-4)
    routine = "NEURON { SUFFIX x }\nFUNCTION f() { f = 1\n VERBATIM return 0; ENDVERBATIM }"
    with pytest.raises(MechanismError, match="line 3: .*VERBATIM, a program in C: 'return 0;'"):
        read(routine)


def test_a_file_that_is_included(tmp_path):
    (tmp_path / "rates.inc").write_text("FUNCTION f(x) {\n f = 2*x\n}")
    (tmp_path / "loop.inc").write_text('INCLUDE "loop.inc"')
    head = "NEURON { SUFFIX x NONSPECIFIC_CURRENT i }\n"
    file = tmp_path / "x.mod"
    file.write_text(head + 'INCLUDE "rates.inc"\nBREAKPOINT { i = f(v) }')
    v = jnp.full(1, 3.0)
    unit = rb.units.Quantity(1.0, rb.units.mA / cm**2).value_in(rb.units.nA / um**2)
    current = rb.io.read_mod(file)().current((), v, ions_at(v))
    assert current[0] == pytest.approx(6 * unit)
    for named, why in (("none.inc", "not beside"), ("loop.inc", "includes itself")):
        file.write_text(head + f'INCLUDE "{named}"')
        with pytest.raises(MechanismError, match=f"line 2: INCLUDE of {named}, which .*{why}"):
            rb.io.read_mod(file)


def test_an_ion_of_another_name_is_a_label(read):
    text = "NEURON { SUFFIX x USEION h READ eh WRITE ih VALENCE 1 }\nPARAMETER { eh = -30 g = 1 }\n"
    kind = read(text + "BREAKPOINT { ih = g*(v - eh) }")
    with pytest.raises(TypeError, match="eh"):
        kind()
    channel = kind(eh=-40 * mV)
    v = jnp.full(1, -40.0)
    assert channel.current((), v, ions_at(v))[0] == 0


def test_the_geometry_is_told(read):
    text = """NEURON { SUFFIX x USEION ca READ ica WRITE cai }
    ASSIGNED { ica diam (um) }
    STATE { cai }
    BREAKPOINT { SOLVE s METHOD cnexp }
    DERIVATIVE s { cai' = -ica/diam }"""
    per = rb.units.Quantity(1.0, rb.units.mA / cm**2).value_in(rb.units.nA / um**2)
    _, rate = states(read(text)(diam=4 * um), ca=-per)
    assert rate.cai[0] == pytest.approx(0.25)


ION = "NEURON { SUFFIX x USEION ca READ ica, cai WRITE cai NONSPECIFIC_CURRENT i }\n"
GOOD = "NEURON { SUFFIX x }\n"
CURRENT = "NEURON { SUFFIX x NONSPECIFIC_CURRENT i }\n"


@pytest.mark.parametrize(
    "text, message",
    [
        (GOOD + "\nVERBATIM\nint x;\nENDVERBATIM", "line 3: .*VERBATIM, .*'int x;'"),
        (GOOD + "BREAKPOINT {\n WHILE (1) { }\n}", "line 3: .*a WHILE loop"),
        (GOOD + "BREAKPOINT {\n y = v +\n}", "line 4: expected a name"),
        (GOOD + "BREAKPOINT {\n y = sinus(v)\n}", "line 3: no function is called 'sinus'"),
        (GOOD + "BREAKPOINT {\n y = vv\n}", "line 3: 'vv', which is not declared"),
        (CURRENT + "BREAKPOINT {\n\n i = t\n}", "line 4: the time t is not known"),
        (GOOD + "BREAKPOINT { SOLVE s METHOD newton }", "METHOD newton is not taken"),
        (
            GOOD + "BREAKPOINT {\n SOLVE s METHOD cnexp }",
            "line 3: there is no DERIVATIVE or KINETIC s",
        ),
        (
            "NEURON { SUFFIX x\n USEION mg READ mgi }",
            "line 2: .*nothing is kept but its own current: mgi",
        ),
        ("NEURON { SUFFIX x\n USEION k WRITE ek }", "line 2: only currents"),
        ("NEURON { SUFFIX x POINTER p }", "POINTER"),
        (GOOD + "NONSENSE { }", "line 2: 'NONSENSE' begins no block"),
        ("UNITS { }", "no SUFFIX"),
        (GOOD + "BREAKPOINT {", "ends in the middle"),
        (GOOD + "FUNCTION f(x) {\n f = f(x) }", "line 3: f calls itself"),
        (GOOD + "FUNCTION f(x) { f = g(x) }\nFUNCTION g(x) { g = f(x) }", "line 3: f calls itself"),
        (CURRENT + "FUNCTION f(x) { f = x }\nBREAKPOINT { i = f(v, v) }", "line 3: f takes 1 arg"),
        (CURRENT + "BREAKPOINT { i = exp(v, v) }", "line 2: exp takes 1 arguments, got 2"),
        (CURRENT + "BREAKPOINT { i = pow(v) }", "line 2: pow takes 2 arguments, got 1"),
        (CURRENT + "PROCEDURE p() { }\nBREAKPOINT { i = p() }", "line 3: p is a PROCEDURE"),
        (CURRENT + "BREAKPOINT { i = " + "(" * 3000 + "v" + ")" * 3000 + " }", "nested more than"),
        (CURRENT + "BREAKPOINT { i = " + "-" * 3000 + "v }", "nested more than"),
        (CURRENT + "BREAKPOINT { i = " + "v+" * 3000 + "v }", "more than 250 terms"),
        (
            CURRENT + "ASSIGNED { top }\nBREAKPOINT {\n if (v > top) { top = v }\n i = top }",
            "line 4: top keeps its value",
        ),
        (
            ION.replace("cai NON", "cai, ica NON") + "STATE { cai }\nBREAKPOINT {\n i = ica }",
            "line 4: a current depends on ica",
        ),
        (ION + "BREAKPOINT {\n cai = v }", "line 3: a concentration is computed from v"),
        (ION + "STATE { cai }\nINITIAL {\n cai = ica }", "line 4: INITIAL reads ica"),
    ],
)
def test_what_is_not_taken_is_named_with_its_line(read, text, message):
    with pytest.raises(MechanismError, match=message):
        read(text)
