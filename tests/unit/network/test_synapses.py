"""Synapses in a network, against closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError, StepperError
from rheobase.units import MOhm, UnitError, ms, mV, nA, nS, um, uS

MEMBRANE = lambda: rb.LI(tau=10 * ms, R=100 * MOhm, v_rest=-70 * mV)  # noqa: E731
TIMES = [5, 8, 8.4, 30]


def spiking(synapse, weight, times=TIMES, dt=0.01, duration=60, **more):
    """Voltage of a membrane at -70 mV whose input spikes at `times` (ms)."""
    relay = rb.LIF(tau=1 * ms, v_rest=-70 * mV, v_th=-50 * mV, v_reset=-70 * mV)
    kicks = rb.stimulus.Pulses([t - dt / 2 for t in times] * ms, 1e3 * mV, dt * ms)
    net = rb.Network(
        {"a": rb.Population(relay, 1), "b": rb.Population(MEMBRANE(), 1)},
        [rb.Connection("a", "b", rb.OneToOne(), synapse, weight=weight, **more)],
        [rb.Drive("a", kicks)],
    )
    run = rb.simulate(
        net, duration=duration * ms, dt=dt * ms, record={"a": ("spikes",), "b": ("v",)}
    )
    return run["a"].spike_times()[0], run["b"].t, run["b"].v[:, 0]


def conducted(g, e_rev, t):
    """Voltage of that membrane under a conductance g(t) in uS."""
    tau, R = float(MEMBRANE().tau), float(MEMBRANE().R)

    def slope(t, v):
        return (-(v + 70) + R * g(t) * (e_rev - v)) / tau

    return solve_ivp(slope, (0, t[-1]), [-70.0], t_eval=t, max_step=0.05, rtol=1e-8).y[0]


def pulses(times, length, t):
    return any(s <= t < s + length for s in times)


@pytest.mark.parametrize("synapse", [rb.AMPA, rb.GABAA])
def test_first_order_receptors(synapse, x64):
    receptor = synapse()
    times, t, v = spiking(receptor, 5 * nS)
    alpha, beta = float(receptor.alpha * receptor.T), float(receptor.beta)
    r, fine, course = 0.0, 1e-3, []
    for k in range(int(60 / fine)):
        on = pulses(times, 1.0, k * fine)
        course.append(r)
        r += fine * (alpha * (1 - r) * on - beta * r)
    course = np.array(course)
    expected = conducted(
        lambda s: 5e-3 * course[min(int(s / fine), len(course) - 1)], float(receptor.e_rev), t
    )
    assert np.abs(expected + 70).max() > 0.3
    np.testing.assert_allclose(v, expected, atol=0.02 * np.abs(expected + 70).max())


def test_gaba_b_wants_several_spikes(x64):
    _, _, one = spiking(rb.GABAB(), 50 * nS, times=[5], duration=300, dt=0.05)
    _, _, ten = spiking(rb.GABAB(), 50 * nS, times=list(range(5, 55, 5)), duration=300, dt=0.05)
    dip, deep = 70 + one.min(), 70 + ten.min()
    assert deep < 20 * dip < 0


def test_receptors_take_no_second_state():
    given = {"weight": 1 * nS}
    with pytest.raises(ArgumentError, match="AMPA has receptors with a state of their own"):
        rb.Connection("a", "b", rb.Dense(), rb.AMPA(), plasticity=rb.TsodyksMarkram(), **given)


def coupled(weight, both=True):
    rule = rb.Pairs([0, 1], [1, 0]) if both else rb.Pairs([0], [1])
    return rb.Network(
        {"a": rb.Population(rb.LI(tau=10 * ms, R=10 * MOhm, v_rest=-70 * mV), 2)},
        [rb.Connection("a", "a", rule, rb.GapJunction(), weight=weight)],
        [rb.Drive("a", rb.stimulus.Constant([1, 0] * nA))],
    )


def test_gap_junctions_are_a_voltage_divider(x64):
    run = rb.simulate(
        coupled(0.05 * uS), duration=200 * ms, dt=0.1 * ms, record={"a": ("v",)},
        init={"a": {"v": [-65, -75] * mV}},
    )  # fmt: skip
    # Leak 0.1 uS each and a junction of 0.05: 10 mV and a quarter of the way between them.
    a, b = 70 + run["a"].v[-1]
    assert (a, b) == pytest.approx((7.5, 2.5), rel=1e-6)
    fine = solve_ivp(
        lambda t, v: [
            (-(v[0] + 70) + 10 * (1 + 0.05 * (v[1] - v[0]))) / 10,
            (-(v[1] + 70) + 10 * 0.05 * (v[0] - v[1])) / 10,
        ],
        (0, 50), [-65, -75], rtol=1e-9,
    ).y[:, -1]  # fmt: skip
    np.testing.assert_allclose(run["a"].v[499], fine, atol=0.01)


def test_a_gap_junction_of_one_direction_leaves_the_other_side_alone():
    run = rb.simulate(coupled(0.05 * uS, both=False), duration=200 * ms, dt=0.1 * ms,
                      record={"a": ("v",)})  # fmt: skip
    assert run["a"].v[-1, 0] == pytest.approx(-60, abs=1e-3)
    assert run["a"].v[-1, 1] == pytest.approx(-70 + 10 / 3, abs=1e-3)


def test_gap_junctions_are_stable_at_any_strength():
    run = rb.simulate(coupled(100 * uS), duration=100 * ms, dt=1 * ms, record={"a": ("v",)},
                      coarse=True)  # fmt: skip
    assert jnp.all(jnp.isfinite(run["a"].v))
    assert jnp.all(run["a"].v <= -59)


def test_a_junction_never_changes_the_sum_of_two_voltages_by_much():
    # Without a threshold two equal leaks relax in 10 ms, whatever current flows between them.
    lif = rb.LIF(tau=10 * ms, R=100 * MOhm, v_rest=0 * mV, v_reset=0 * mV, v_th=1e3 * mV)
    pairs = rb.Pairs([0, 1], [1, 0])

    def total(g, dt, **arguments):
        junction = rb.Connection("a", "a", pairs, rb.GapJunction(), weight=g)
        net = rb.Network({"a": rb.Population(lif, 2)}, [junction])
        run = rb.simulate(net, duration=10 * ms, dt=dt, init={"a": {"v": [17.18, 0] * mV}},
                          record={"a": ("v",)}, **arguments)  # fmt: skip
        return float(run["a"].v[-1].sum())

    right = 17.18 * np.exp(-1)
    for g, dt in [(1 * nS, 0.1 * ms), (49 * nS, 0.1 * ms), (1000 * nS, 0.004 * ms)]:
        assert total(g, dt) == pytest.approx(right, rel=0.026)
    with pytest.raises(StepperError, match=r"0.051 uS in all on neuron 0.*dt=0.088\*ms"):
        total(51 * nS, 0.1 * ms)
    assert total(1000 * nS, 0.1 * ms, coarse=True) > 1.1 * right


def test_a_junction_is_as_late_as_the_longer_step_of_its_two_sides():
    junctions = [
        rb.Connection(a, b, rb.Dense(), rb.GapJunction(), weight=100 * nS) for a, b in ("ab", "ba")
    ]
    names = {name: rb.Population(rb.LI(tau=10 * ms, R=100 * MOhm), 1) for name in "abc"}
    net = rb.Network(names, junctions)
    fine, long = 0.02 * ms, 0.2 * ms
    rb.simulate(net, duration=1 * ms, dt={"a": fine, "b": fine, "c": long})
    for late in ("a", "b"):
        dt = {"a": fine, "b": fine, "c": long, late: long}
        with pytest.raises(StepperError, match=r"dt = 0.2 ms is too long for the electrical"):
            rb.simulate(net, duration=1 * ms, dt=dt)
    with pytest.raises(StepperError, match=r"dt = 0.2 ms is too long for the electrical"):
        rb.compiled(net, dt=long)


def test_a_junction_of_cells_counts_the_capacitance_of_its_compartment():
    # 4 pi (10 um)^2 at 1 uF/cm^2 are 12.6 pF: 25 nS for 0.025 ms are 5 %.
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak()).insert(ch.Fire())
    pairs = rb.Pairs([0, 1], [1, 0])
    for g, fits in ((25 * nS, True), (26 * nS, False)):
        junction = rb.Connection("a", "a", pairs, rb.GapJunction(), weight=g)
        net = rb.Network({"a": rb.Population(cell, 2)}, [junction])
        if fits:
            rb.simulate(net, duration=0.025 * ms, dt=0.025 * ms)
            continue
        with pytest.raises(StepperError, match="g dt/C"):
            rb.simulate(net, duration=0.025 * ms, dt=0.025 * ms)


def test_what_a_gap_junction_cannot_have():
    with pytest.raises(ArgumentError, match="leave out `delay` and `plasticity`"):
        rb.Connection("a", "a", rb.Dense(), rb.GapJunction(), weight=1 * nS, delay=1 * ms)
    with pytest.raises(UnitError, match="an electrical synapse is a conductance"):
        coupled(1 * nA)
