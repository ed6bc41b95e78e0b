"""One compilation for each entry point, and none when values change."""

import logging

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.neurons import AbstractMembrane
from rheobase.units import Hz, ms, mV, nA


class Compiled(logging.Handler):
    """The names of the programs that JAX compiles."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.names = []

    def emit(self, record):
        text = record.getMessage()
        if text.startswith("Compiling "):
            self.names.append(text.split()[1])


@pytest.fixture
def compiled():
    handler, logger = Compiled(), logging.getLogger("jax")
    logger.addHandler(handler)
    before, logger.propagate = logger.propagate, False
    with jax.log_compiles(True):
        yield handler.names
    logger.propagate = before
    logger.removeHandler(handler)


class Counted(AbstractMembrane):
    """A readout that counts how often its equations are read."""

    tau: jax.Array
    reads: list = eqx.field(static=True)

    def init(self):
        return rb.LI().init()

    def derivative(self, state, current):
        self.reads.append(None)
        return state._replace(v=(current - state.v) / self.tau)


class Reads(list):
    """A list that is a constant of a program, whatever it holds."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


def test_the_equations_are_read_once():
    reads = Reads()

    def run(tau, amplitude):
        neuron = Counted(tau=jnp.asarray(tau), reads=reads)
        return rb.simulate(neuron, current=amplitude * nA, duration=1 * ms, dt=0.1 * ms)

    run(10.0, 1.0)
    first = len(reads)
    assert 0 < first <= 4  # the stepper reads the structure, the value, the slope and the middle
    run(20.0, 2.0)
    assert len(reads) == first


def calls():
    """Entry points, each with two calls that differ in values only."""
    key = jax.random.split(jax.random.key(0), 2)

    def by_values(k):
        neuron = rb.AdEx(tau=[9, 10][k] * ms, b=[0.1, 0.2][k] * nA)
        return rb.simulate(neuron, current=[1, 2][k] * nA, duration=2 * ms, dt=0.1 * ms, record="v")

    def by_stimulus(k):
        drive = rb.stimulus.Step([1.0, 2][k] * nA, start=[1, 2][k] * ms)
        drive = drive + rb.stimulus.Poisson([5.0, 7][k] * Hz, 1 * nA)
        return rb.simulate(rb.LIF(), current=drive, duration=2 * ms, dt=0.1 * ms, key=key[k])

    def by_adaptors(k):
        neuron = rb.Refractory(rb.Noise(rb.LIF(), [1, 2][k] * nA, 5 * ms), [1.0, 1.5][k] * ms)
        return rb.simulate(neuron, n=3, current=1 * nA, duration=2 * ms, dt=0.1 * ms, key=key[k])

    def by_chip(k):
        chip = rb.Mismatch(rb.LIF(), [0.1, 0.2][k], key=key[k], n=3)
        return rb.simulate(chip, current=1 * nA, duration=2 * ms, dt=0.1 * ms)

    def by_init(k):
        return rb.simulate(
            rb.LIF(), duration=2 * ms, dt=0.1 * ms, init={"v": [-60.0, -55][k] * mV}, substep=True,
            record=rb.Record("v", every=3),
        )  # fmt: skip

    def continued(k):
        start = rb.simulate(rb.LIF(), current=1 * nA, duration=2 * ms, dt=0.1 * ms)
        return rb.simulate(
            rb.LIF(), current=[1, 2][k] * nA, duration=2 * ms, dt=0.1 * ms, state=start.final
        )

    def gradient(k):
        return _gradient(rb.LIF(tau=[9, 10][k] * ms), jnp.asarray([1.0, 2.0])[k])

    def gradient_of_a_batch(k):
        model = rb.Sequential(
            rb.Linear(2, 3, key=key[k]), rb.LIF(), rb.Linear(3, 2, key=key[k]), rb.LI()
        )
        return rb.gradients.value_and_grad(model, (np.full((2, 5, 2), 1.0 + k), np.array([k, 1])))

    runs = [by_values, by_stimulus, by_adaptors, by_chip, by_init, continued]
    return [*runs, gradient, gradient_of_a_batch]


@eqx.filter_jit
@eqx.filter_grad
def _gradient(neuron, amplitude):
    run = rb.simulate(neuron, current=amplitude * nA, duration=2 * ms, dt=0.1 * ms)
    return jnp.mean(run.spikes)


@pytest.mark.parametrize("call", calls(), ids=lambda call: call.__name__)
def test_other_values_compile_nothing(call, compiled):
    call(0)
    call(1)
    assert any(own in name for name in compiled for own in ("run", "gradient", "taken"))
    compiled.clear()
    call(1)
    call(0)
    assert compiled == []


def test_a_run_is_one_program(compiled):
    def run(amplitude):
        return rb.simulate(
            rb.GLIF(), current=amplitude * nA, duration=1.3 * ms, dt=0.1 * ms, record="I1"
        )

    rb.simulate(rb.LIF(), current=1.0 * nA, duration=1 * ms, dt=0.1 * ms)
    compiled.clear()
    run(1.0)
    assert sum("run" in name for name in compiled) == 1


def test_a_progress_bar_compiles_no_more_than_two_lengths(compiled):
    rb.simulate(
        rb.LIF(), current=1 * nA, duration=15.7 * ms, dt=0.1 * ms, progress=True, record="v"
    )
    assert sum("run" in name for name in compiled) <= 2
