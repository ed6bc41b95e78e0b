"""Long runs go in pieces, between which Ctrl-C is seen."""

import os
import signal
import threading
import time
from typing import NamedTuple

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase import progress
from rheobase.errors import ShapeError
from rheobase.progress import Pace, pieces
from rheobase.record import RunState
from rheobase.time import Clock
from rheobase.units import ms, nA


class Part(NamedTuple):
    steps: int
    final: RunState


BEGIN = RunState(None, Clock.of(7), None, None, None)


class Parts:
    """Counts what it is asked for, and is interrupted at a piece."""

    def __init__(self, stops_at=None):
        self.asked, self.stops_at = [], stops_at

    def __call__(self, begin, steps):
        if len(self.asked) == self.stops_at:
            raise KeyboardInterrupt
        self.asked.append(steps)
        return Part(steps, begin._replace(step=begin.step.after(steps)))


def test_pieces_end_where_they_must_and_are_all_of_the_run():
    parts = Parts()
    done, final = pieces(parts, BEGIN, 100, 0.1, 30, Pace(0.5 / 13), False)
    assert sum(parts.asked) == 100 == int(final.step) - 7
    ends = np.cumsum(parts.asked)
    assert {30, 60, 90} <= set(ends.tolist()) and max(parts.asked) <= 13
    assert [p.steps for p in done] == parts.asked


def test_without_a_bar_ctrl_c_raises_and_with_one_it_returns_what_is_done():
    slow = Pace(0.5 / 10)
    with pytest.raises(KeyboardInterrupt):
        pieces(Parts(2), BEGIN, 100, 0.1, 100, slow, False)
    with pytest.warns(UserWarning, match="after 20 of 100 steps"):
        done, final = pieces(Parts(2), BEGIN, 100, 0.1, 100, slow, True)
    assert len(done) == 2 and int(final.step) == 27
    with pytest.raises(KeyboardInterrupt):  # there is nothing to return
        pieces(Parts(0), BEGIN, 100, 0.1, 100, slow, True)


def test_the_pace_follows_what_pieces_take():
    fixed, free = Pace(1e-3, unit=7), Pace(1e-3, free=True)
    assert fixed.steps() % 7 == 0 and 400 < fixed.steps() < 510
    assert fixed.after(210, 0.01) == 210 and fixed.after(210, 5.0) == 21
    assert free.after(200, 0.05) == 1600 and free.after(200, 5.0) == 20
    assert Pace(1e3).steps() == 1


def net(n=3):
    return rb.Network(
        {"a": rb.Population(rb.LIF(), n)},
        [rb.Connection("a", "a", rb.Dense(), rb.Exponential(), weight=0.1 * nA)],
        [rb.Drive("a", rb.stimulus.Constant(2 * nA))],
    )


def cell():
    return rb.Cell(rb.morphology.soma()).insert(ch.HH()).insert(ch.SpikeDetector())


def run(system, steps=400, **more):
    record = {"a": rb.Record(("v",), every=3)} if isinstance(system, rb.Network) else "v"
    done = rb.simulate(system, duration=steps * 0.025 * ms, dt=0.025 * ms, record=record, **more)
    return done["a"] if isinstance(system, rb.Network) else done


@pytest.mark.parametrize("make", [rb.AdEx, cell, net])
def test_a_run_in_pieces_is_the_run(make, monkeypatch):
    whole = run(make())
    monkeypatch.setattr(progress, "_OVERHEAD", progress._PIECE / 110)
    cut = run(make())
    np.testing.assert_array_equal(whole.v, cut.v)
    np.testing.assert_array_equal(whole.counts, cut.counts)
    assert type(whole.v) is type(cut.v) and int(cut.final.step) == 400


def test_a_recording_beyond_memory_is_refused_before_the_run():
    for system, record in (
        (rb.LIF(), "v"),
        (cell(), "v"),
        (net(), {"a": ("v",)}),
    ):
        with pytest.raises(ShapeError, match="GB"):
            rb.simulate(system, duration=1e13 * ms, dt=0.025 * ms, record=record)
    with pytest.raises(ValueError, match=r"GB.*Lower n"):
        rb.simulate(rb.LIF(), n=2**42, duration=1 * ms, dt=0.1 * ms)


@pytest.mark.parametrize("make, numbers", [(rb.AdEx, 2), (cell, 2), (net, 4)])
def test_pieces_stand_beside_the_whole_while_they_are_joined(make, numbers, monkeypatch):
    """400 steps of so many numbers fit once, but not twice."""
    monkeypatch.setattr("rheobase.memory.available", lambda: 400 * numbers * 4 * 1.5)
    run(make())
    monkeypatch.setattr(progress, "_OVERHEAD", progress._PIECE / 110)
    with pytest.raises(ShapeError, match="the recording of 400 steps needs, while its pieces are"):
        run(make())


@pytest.mark.slow
@pytest.mark.parametrize("make", [rb.LIF, cell, net])
def test_a_signal_ends_a_run_within_two_seconds(make, monkeypatch):
    # A process that was started in the background may ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        require_an_end(make, monkeypatch)
    finally:
        signal.signal(signal.SIGINT, before)


def require_an_end(make, monkeypatch):
    system = make()
    record = {"a": rb.Record(spikes="count")} if make is net else rb.Record(spikes="count")
    sent = []

    def kill():
        time.sleep(1)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    original = progress.jax.block_until_ready

    def watched(piece):
        if not sent and not started.is_set():
            started.set()
            threading.Thread(target=kill, daemon=True).start()
        return original(piece)

    started = threading.Event()
    monkeypatch.setattr(progress.jax, "block_until_ready", watched)
    with pytest.raises(KeyboardInterrupt):
        rb.simulate(system, duration=1e9 * ms, dt=0.025 * ms, record=record, key=jax.random.key(0))
    assert time.perf_counter() - sent[0] < 2
