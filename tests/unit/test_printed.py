"""`print` shows a table of at most 20 lines, and recordings are mappings by name."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.devices import dynapse2 as d2
from rheobase.printed import MOST, table
from rheobase.units import kHz, ms, mV, nA, pA
from tests.registry import NEURONS, every_neuron


@pytest.fixture(scope="module")
def run():
    populations = {f"p{k}": rb.Population(rb.LIF(), 3) for k in range(30)}
    connection = rb.Connection("p0", tuple(populations), rb.Dense(), rb.Exponential(),
                               weight=1 * nA, delay=5 * ms)  # fmt: skip
    net = rb.Network(populations, connection, rb.Drive("p0", 5 * nA))
    record = dict.fromkeys(populations, rb.Record(("v",), spikes="events"))
    return rb.simulate(net, duration=20 * ms, dt=0.1 * ms, record=record)


def short(value):
    for text in (str(value), repr(value)):
        lines = text.splitlines()
        assert len(lines) <= MOST and max(map(len, lines)) <= 900, text
    return str(value)


def test_a_run_of_a_network_is_a_table(run):
    text = short(run)
    assert text.startswith("NetworkRecording: 200 steps of 0.1 ms")
    assert "p0" in text and "v (200, 3)" in text and "spikes, " in text and "Hz each" in text
    assert "... and 12 more" in text
    assert "v" in short(run["p0"]) and " mV" in short(run["p0"])
    short(run.final)
    short(run.final.neuron)


def test_a_run_of_a_network_is_a_mapping(run):
    assert list(run) == run.keys() == [f"p{k}" for k in range(30)]
    assert "p3" in run and "v" not in run and len(run) == 30
    assert dict(run)["p3"] is run["p3"]
    np.testing.assert_allclose(run.t, run["p3"].t)
    assert run.t.shape == (200,) and run.t[-1] == pytest.approx(20)


def test_populations_that_are_kept_at_other_times_have_no_common_time():
    net = rb.Network({"a": rb.Population(rb.LIF(), 1), "b": rb.Population(rb.LIF(), 1)})
    record = {"a": rb.Record(("v",), every=2), "b": rb.Record(("v",))}
    mixed = rb.simulate(net, duration=1 * ms, dt=0.1 * ms, record=record)
    with pytest.raises(AttributeError, match=r"every 1 and 2 steps. Write run\['a'\].t"):
        _ = mixed.t


def test_a_recording_names_its_variables():
    got = rb.simulate(rb.LIF(), current=2 * nA, duration=50 * ms, dt=0.5 * ms, record="v")
    assert "v" in got and "w" not in got and list(got) == got.keys() == ["v"]
    text = short(got)
    assert "raster (100,)" in text and "3 spikes, 60 Hz each" in text and " to -4" in text


def test_inside_a_program_no_value_is_shown():
    seen = []

    def shown(current):
        given = {"current": current * nA, "duration": 2 * ms, "dt": 0.5 * ms, "record": "v"}
        got = rb.simulate(rb.LIF(tau=current * ms), **given)
        seen.append(str(got) + str(got.final) + str(rb.LIF(tau=current * ms)))
        return got.v

    jax.jit(shown)(jnp.ones(()))
    assert "traced" in seen[0]


@every_neuron
def test_a_neuron_is_a_table_of_its_parameters(name):
    neuron = NEURONS[name].make()
    assert short(neuron).splitlines()[0] == name
    short(neuron.init())


def test_values_are_in_the_unit_of_the_declaration():
    neuron = rb.Refractory(rb.LIF(tau=[10, 20] * ms), 2 * ms)
    text = short(neuron)
    assert "10 to 20 ms, (2,)  membrane time constant" in text and "period" in text
    assert repr(rb.LI(v_rest=-65 * mV)) == "LI(tau=20 ms, R=1 MOhm, v_rest=-65 mV)"


def _models():
    """Models of many parts and large arrays."""
    many = np.arange(6000.0).reshape(60, 100)
    populations = {f"p{k}": rb.Population(rb.LIF(), 100) for k in range(30)}
    drive = rb.Drive("p0", rb.stimulus.FromArray(many * nA))
    each = rb.Connection("p0", "p1", rb.OneToOne(), rb.Exponential(), weight=many[0] * nA)
    chip = d2.quantise(d2.Network(n_in=60, n_out=20, recurrent=True))
    cell = rb.Cell(rb.morphology.soma()).insert(ch.HH())
    stack = rb.Sequential(*(x for _ in range(15) for x in (rb.Linear(60, 60), rb.LIF())))
    placed = d2.place(chip)
    network = rb.Network(populations, [each] * 30, drive)
    return {
        "network": network,
        "driven": rb.train.Driven(network, dt=1 * ms, into="p0", out="p1"),
        "a compiled step": rb.compiled(network, dt=1 * ms),
        "drive": drive,
        "connection": each,
        "population": rb.Population(rb.LIF(tau=(many[0] + 1) * ms), 100),
        "projection": rb.Network(populations, each).projections[0],
        "layers": stack,
        "one": rb.Sequential(rb.Recurrent(rb.LIF(), 60), rb.Linear(60, 2)),
        "graph": rb.Graph({"e": rb.LIF()}, {("input", "e"): rb.Linear(8, 9)}, output="e"),
        "chip": chip.wanted,
        "quantised": chip,
        "placed": placed,
        "configured": d2.Config.from_placement(placed, strict=False),
        "cable": cell.cable,
        "inserted": cell.mechanisms[0],
        "solutions": ch.Solutions(),
        "sweep": rb.io.recording_of((many / 100 - 80) * mV, many * pA, rate=1 * kHz).sweeps[0],
    }


def test_a_model_is_shown_without_what_its_arrays_hold():
    for name, model in _models().items():
        short(model)
        assert not re.search(r"\[.*\d|\b[aA]rray\(", repr(model)), name


def test_a_table_counts_what_it_leaves_out():
    assert table("a", [(str(k),) for k in range(MOST + 5)]).splitlines()[-1] == "  ... and 7 more"
    assert len(table("a", [("x",)] * (MOST - 1)).splitlines()) == MOST
