"""Kinetic schemes of .mod files: against closed forms, converged solutions and NEURON 9.0.2."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import rheobase as rb
from rheobase import channels as ch
from rheobase.channels.coupled import coupled_step
from rheobase.errors import MechanismError
from rheobase.units import S, cm, ms, mV, nA, um
from tests.unit.io import mechanisms


def ions_at(v):
    return jax.tree.map(lambda x: jnp.broadcast_to(x, v.shape), ch.Solutions().ions())


def scheme(lines, states="a b", start="a = 1", before=""):
    """A mechanism of these reactions."""
    return f"""NEURON {{ SUFFIX x }}
    ASSIGNED {{ v }}
    STATE {{ {states} }}
    INITIAL {{ {start} }}
    BREAKPOINT {{ SOLVE kin METHOD sparse }}
    {before}
    KINETIC kin {{ {lines} }}"""


def after(channel, time, steps, v=-65.0):
    """The state after some steps at one voltage."""
    v = jnp.asarray([v])
    ions = ions_at(v)
    moved = jax.jit(lambda s: channel.moved(s, v, ions, time / steps))
    state = channel.init(v, ions)
    for _ in range(steps):
        state = moved(state)
    return {name: float(x[0]) for name, x in state._asdict().items()}


def test_a_scheme_of_independent_particles_is_exact(read, x64):
    """Five states with binomial weights, which stay binomial: n(t) is an exponential."""
    channel = read(mechanisms.SCHEME)()
    v = jnp.asarray([-65.0])
    state = channel.init(v, ions_at(v))

    def rates(v):
        return 0.01 * (v + 55) / (1 - np.exp(-(v + 55) / 10)), 0.125 * np.exp(-(v + 65) / 80)

    def binomial(n):
        return [(1, 4, 6, 4, 1)[k] * n**k * (1 - n) ** (4 - k) for k in range(5)]

    a, b = rates(-65.0)
    begin = a / (a + b)
    np.testing.assert_allclose(np.ravel(state), binomial(begin), rtol=1e-12)
    a, b = rates(-10.0)
    n = a / (a + b) + (begin - a / (a + b)) * np.exp(-(a + b) * 0.5)
    moved = channel.moved(state, v + 55, ions_at(v), 0.5)
    np.testing.assert_allclose(np.ravel(moved), binomial(n), rtol=2e-5)
    assert float(sum(moved)[0]) == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("dt", [0.01, 1.0, 100.0])
def test_fractions_stay_fractions_however_fast_they_change(read, dt):
    """Chains of rates over six decades, some without a way back, in float32."""
    channel = read(
        scheme(
            "~ a <-> b (1e3, 1e-3)\n~ b <-> c (1e-2, 50)\n~ b <-> d (300, 0)\n~ d <-> e (40, 0)\n"
            "~ e <-> f (700, 1)",
            "a b c d e f",
        )
    )()
    v = jnp.asarray([-65.0])
    state = channel.init(v, ions_at(v))
    for _ in range(5):
        state = channel.moved(state, v, ions_at(v), dt)
        values = np.ravel(state)
        assert np.all(values >= 0) and np.all(values <= 1)
        assert values.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "lines, start, end",
    [
        ("~ a -> (0.3)", "a = 2", {"a": 2 * np.exp(-0.6)}),
        ("~ a << (0.5*(3 - a))", "a = 1", {"a": 3 - 2 * np.exp(-1)}),
        ("COMPARTMENT 4 { a }\n~ a -> (0.3)", "a = 2", {"a": 2 * np.exp(-0.15)}),
        ("~ a -> (0.3)\nb = f_flux", "a = 2", {"a": 2 * np.exp(-0.6)}),
        ("~ 2 a <-> b (0, 0.5)", "b = 1", {"a": 2 - 2 * np.exp(-1), "b": np.exp(-1)}),
        ("~ a <-> b (2, 2)\nCONSERVE a + b = 3", "a = 0", {"a": 1.5 - 1.5 * np.exp(-8)}),
        # The law decides: b is what a leaves of it, though the reaction makes two of it.
        ("~ a <-> 2 b (0.5, 0)\nCONSERVE a + b = 1", "a = 1", {"b": 1 - np.exp(-1)}),
        (
            "COMPARTMENT 2 { a b }\n~ a <-> b (1, 0)\nCONSERVE a + b = 6",
            "a = 3",
            {"b": 3 - 3 / np.e},
        ),
    ],
)
def test_reactions_with_a_closed_form(read, x64, lines, start, end):
    found = after(read(scheme(lines, start=start))(), 2.0, 20)
    for name, value in end.items():
        assert found[name] == pytest.approx(value, rel=1e-6)


def test_reactions_of_two_are_of_second_order(read, x64):
    lines = "~ a + b <-> c (2, 0.3)\n~ 2 c <-> d (0.7, 0.1)"
    channel = read(scheme(lines, "a b c d", "a = 1\nb = 0.8"))()

    def rate(_, y):
        a, b, c, d = y
        one, two = 2 * a * b - 0.3 * c, 0.7 * c**2 - 0.1 * d
        return -one, -one, one - 2 * two, two

    right = solve_ivp(rate, (0, 2), [1, 0.8, 0, 0], rtol=1e-10, atol=1e-12).y[:, -1]
    errors = [
        np.abs(np.array(list(after(channel, 2.0, n).values())) - right).max() for n in (20, 40, 80)
    ]
    assert errors[-1] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.2)


def test_a_steady_state_keeps_its_sums(read, x64):
    """Without CONSERVE the sum of what INITIAL has set; at rest nothing moves."""
    channel = read(
        scheme(
            "~ a <-> b (3, 1)\n~ c <-> d (1, 1)\nCONSERVE c + d = 4\n~ e << (2 - e)",
            "a b c d e",
            "a = 2\nSOLVE kin STEADYSTATE sparse",
        )
    )()
    found = after(channel, 1.0, 1)
    assert list(found.values()) == pytest.approx([0.5, 1.5, 2, 2, 2], rel=1e-12)


def test_elements_of_an_array_start_at_one_parameter(read):
    text = "NEURON { SUFFIX x }\nPARAMETER { a0 = 4 }\nSTATE { a[2] b[2] }\n"
    found = after(read(text + "INITIAL { b[1] = 8 }")(), 1.0, 1)
    assert found == {"a_0": 4, "a_1": 4, "b_0": 0, "b_1": 8}


def test_a_linear_block_finds_the_start(read, x64):
    found = after(read(mechanisms.RESURGENT)(), 1.0, 1, v=-30.0)
    a, b = np.exp(0.5), np.exp(-0.5)
    opened = 1 / (1 + b / a + 10)
    assert found == pytest.approx({"c": opened * b / a, "o": opened, "x": 10 * opened}, rel=1e-12)


@pytest.mark.parametrize(
    "names, amount, values",
    [
        (
            ("SCHEME",),
            0.2,
            {"v": -50.22224, "kscheme.s0": 0.1588894, "kscheme.s4": 0.01847045},
        ),
        (
            ("CALEAK", "BUFFER"),
            0.01,
            {
                "v": -66.10689,
                "buffered.ca_0": 3.213713e-4,
                "buffered.ca_2": 2.988805e-4,
                "buffered.bound": 6.855989e-3,
            },
        ),
        (("RESURGENT",), 0.01, {"v": 39.36451, "blocked.o": 0.09090626, "blocked.x": 0.9090612}),
    ],
)
def test_they_move_as_in_neuron(read, x64, names, amount, values):
    """Voltage and states after 8 ms in NEURON 9.0.2 with METHOD sparse and steps of 0.0005 ms."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um), v_init=-65 * mV)
    cell = cell.insert(ch.Leak(g=1e-4 * S / cm**2, e=-65 * mV))
    for name in names:
        cell = cell.insert(read(getattr(mechanisms, name))())
    soma = cell.at("soma")
    step = rb.stimulus.Step(amount * nA, start=5 * ms, stop=45 * ms)
    record = {name: soma for name in values}
    run = rb.simulate(cell, current={soma: step}, duration=8 * ms, dt=0.0025 * ms, record=record)
    found = {name: float(run[name][-1, 0]) for name in values}
    assert found == pytest.approx(values, rel=7e-4)


def test_gradients_reach_the_rates(read, x64):
    channel = read(mechanisms.RESURGENT)()
    v = jnp.asarray([-20.0])

    def open_after(free):
        one = type(channel)(free=free / ms)
        return one.moved(one.init(v - 40, ions_at(v)), v, ions_at(v), 0.3).o.sum()

    slope = jax.grad(open_after)(0.2)
    assert slope == pytest.approx(float(open_after(0.2001) - open_after(0.1999)) / 2e-4, rel=1e-5)


def test_a_step_of_coupled_variables_conserves_what_its_rates_do(x64):
    random = np.random.default_rng(0)
    for n in (2, 5, 9):
        rates = random.uniform(0, 3, (n, n)) * (random.uniform(size=(n, n)) < 0.5)
        rates -= np.diag(rates.sum(axis=0))
        slopes = {(i, j): jnp.asarray(x) for (i, j), x in np.ndenumerate(rates) if x}
        x = random.dirichlet(np.ones(n))
        change = np.array(coupled_step([jnp.asarray(f) for f in rates @ x], slopes, 0.05))
        power, right = rates @ x * 0.05, np.zeros(n)
        for k in range(1, 30):  # the series of the exponential
            right, power = right + power, rates @ power * 0.05 / (k + 1)
        np.testing.assert_allclose(change, right, atol=1e-7)
        assert abs(change.sum()) < 1e-15


KINETIC = "NEURON { SUFFIX x }\nSTATE { a b }\n"


@pytest.mark.parametrize(
    "text, message",
    [
        (KINETIC + "KINETIC k {\n ~ p <-> q (1, 1) }", "line 4: no STATE takes part"),
        (KINETIC + "KINETIC k {\n CONSERVE a + p = 1 }", "line 4: 'p' is no STATE"),
        (KINETIC + "KINETIC k {\n ~ a + b (1, 1) }", "line 4: a reaction has"),
        (KINETIC + "KINETIC k {\n ~ a + b << (1) }", "line 4: one state stands before <<"),
        (KINETIC + "KINETIC k { if (1 > 0) {\n ~ a <-> b (1, 1) } }", "line 4: a reaction under"),
        (
            KINETIC + "KINETIC k { ~ a <-> b (1, 1)\n CONSERVE a + b = 1\n CONSERVE a + b = 2 }",
            "line 5: CONSERVE has a state in common",
        ),
        (
            KINETIC + "INITIAL {\n SOLVE k STEADYSTATE sparse }\nKINETIC k { ~ 2 a <-> b (1, 1) }",
            "line 4: STEADYSTATE of what is not linear in its states, k",
        ),
        (
            KINETIC + "INITIAL {\n SOLVE d STEADYSTATE sparse }\nDERIVATIVE d { a' = -a }",
            "line 4: STEADYSTATE is taken of a KINETIC block",
        ),
        (KINETIC + "LINEAR l {\n ~ a + b = 1 }", "line 4: .*l has 1 for 2"),
        (KINETIC + "KINETIC k { LONGITUDINAL_DIFFUSION 1 { a } }", "rb.channels.Diffusing"),
        ("NEURON { SUFFIX x }\nSTATE { a[3] }\nINITIAL {\n a[3] = 1 }", "line 4: .*no element 3"),
        ("NEURON { SUFFIX x }\nINITIAL {\n a[0] = 1 }", "line 3: .*a, which is no array"),
        ("NEURON { SUFFIX x }\nPARAMETER { n = 3 }\nINITIAL { FROM i = 0 TO n { } }", "end of a"),
    ],
)
def test_what_is_not_taken_is_named_with_its_line(read, text, message):
    with pytest.raises(MechanismError, match=message):
        read(text)
