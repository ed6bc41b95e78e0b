"""Python and C++ have one layout of a call of a compiled loop; what does not fit is refused."""

import copy
import hashlib
import importlib.util
import shutil

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.kernels import header, layout, library
from rheobase.native import instructions
from rheobase.units import Hz, ms, mV, nA
from tests.laws.random_networks import weighted

DIGESTS = {1: "6f6e53d592085763"}
"""Of the header of each version without its comments: another one is another version."""


def test_the_header_is_what_the_layout_says():
    assert header.FILE.read_text() == header.header(), "python -m rheobase.kernels.header"


def test_another_layout_has_another_version():
    said = [line for line in header.header().splitlines() if not line.startswith("//")]
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]
    assert DIGESTS.get(layout.VERSION) == digest, "count VERSION up, and add its digest here"


def test_each_instruction_is_known_in_numpy_too():
    assert set(instructions.OPERATIONS) == set(layout.OPERATIONS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "__file__", str(tmp_path / "library.py"))
    return tmp_path


def test_a_library_without_a_version_is_refused(folder):
    other = importlib.util.find_spec("_ctypes").origin
    if not other or not other.endswith(".so"):
        pytest.skip("no library to take for an old one")
    shutil.copy(other, folder / "librheobase.so")
    with pytest.raises(ImportError, match=r"for layout 0 .* Compile it anew: `pip install -e \.`"):
        library.available.__wrapped__()


def test_a_library_of_another_version_is_refused(monkeypatch):
    if not library.available():
        pytest.skip("no compiled kernels")
    monkeypatch.setattr(library, "VERSION", layout.VERSION + 1)
    with pytest.raises(ImportError, match=rf"layout {layout.VERSION} with {layout.COUNT} operands"):
        library.available.__wrapped__()


@pytest.fixture(scope="module")
def calls():
    """A call of each loop, as it was given: there with all kinds of operands, and back."""
    if not library.available():
        pytest.skip("no compiled kernels")
    made, steps = {}, library.steps

    def kept(name, call, dt, dtype):
        made[name] = Call(name, call, dt, dtype)
        return steps(name, call, dt, dtype)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "steps", kept)
        net, record = network(), {"lif": rb.Record(spikes="count")}
        rb.simulate(net, duration=1 * ms, dt=0.1 * ms, key=jax.random.key(0), record=RECORD)
        there = made.pop("run")
        plain = plainer()

        def count(weights):
            given = weighted(plain, weights)
            done = rb.simulate(given, duration=2 * ms, dt=0.1 * ms, record=record)
            return done["lif"].counts.sum()

        jax.grad(count)([p.weight for p in plain.projections])
        return {"run": there, "go_back": made["go_back"]}


RECORD = {"lif": rb.Record("v", spikes="raster"), "adex": rb.Record("w", spikes="count")}


def network():
    """A linear neuron, a program, a source, drives of both kinds, delays of all kinds and rules."""
    current = rb.Exponential(tau=5 * ms)
    each = {"connectivity": rb.Dense(), "synapse": current, "weight": 0.02 * nA}
    return rb.Network(
        {
            "lif": rb.Population(rb.Refractory(rb.LIF(), 2 * ms), 5),
            "adex": rb.Population(rb.Refractory(rb.AdEx(), 1 * ms), 4),
            "source": rb.SpikeSource([0.2, 0.3] * ms, [0, 1], n=2),
        },
        [
            rb.Connection("lif", "adex", **each, delay=0.4 * ms),
            rb.Connection("adex", "lif", **each, delay=rb.Uniform(0.2 * ms, 0.6 * ms)),
            rb.Connection("source", "lif", **each, plasticity=rb.TripletSTDP(w_max=0.2 * nA)),
            rb.Connection("source", "adex", rb.Dense(), rb.Delta(), weight=1 * mV),
        ],
        [rb.Drive("lif", rb.stimulus.Poisson(200 * Hz, 1 * mV)),
         rb.Drive("adex", rb.stimulus.Constant(0.3 * nA))],
        key=jax.random.key(1),
    )  # fmt: skip


def plainer():
    """What goes back through the compiled loop."""
    current = rb.Exponential(tau=5 * ms)
    return rb.Network(
        {"lif": rb.Population(rb.LIF(), 5)},
        [
            rb.Connection("lif", "lif", rb.Dense(), current, weight=0.02 * nA),
            rb.Connection("lif", "lif", rb.Dense(), current, weight=0.02 * nA, delay=0.4 * ms),
        ],
        key=jax.random.key(2),
    )


class Call:
    """A call as a loop was given it, of zeros: it is shapes, types and numbers that are tried."""

    def __init__(self, name, call, dt, dtype):
        self.name, self.dt, self.dtype = name, dt, dtype
        self.numbers, self.results, self.aliases = list(call.numbers), list(call.results), {}
        self.operands = [np.zeros(x.shape, x.dtype) for x in call.operands]
        fresh = len(call.numbers) > 2 and bool(call.numbers[2])
        self.names = [
            (type(record).__name__, name)
            for record, _ in call.given
            for name, role in zip(record._fields, layout.roles(type(record)), strict=True)
            if role == layout.GIVEN
            or (
                role == layout.IN_PLACE
                and not (fresh and isinstance(record, layout.RecordedOperands))
            )
        ]

    def run(self):
        return jax.block_until_ready(library.steps(self.name, self, self.dt, self.dtype))

    def altered(self, place, value, of="operands"):
        other = copy.copy(self)
        setattr(other, of, [*getattr(self, of)])
        getattr(other, of)[place] = value
        return other


LOOPS = pytest.mark.parametrize("loop", ["run", "go_back"])
EVERY = pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
"""Which of the operands and results are tried: XLA compiles each call anew."""


@LOOPS
def test_what_fits_is_done(calls, loop):
    call = calls[loop]
    assert len(call.names) == len(call.operands)
    call.run()


def test_all_kinds_of_operands_are_tried(calls):
    tried = {record for call in calls.values() for record, _ in call.names}
    never = {"RecordedOperands"}  # results alone in this call
    assert tried | never == {record.__name__ for record in layout.OPERANDS}


@LOOPS
@EVERY
def test_an_operand_of_another_rank_or_type_is_named(calls, loop, every):
    call = calls[loop]
    for place in range(0, len(call.names), every):
        given, (record, name) = call.operands[place], call.names[place]
        other = np.uint16 if given.dtype != np.uint16 else np.int32
        for wrong in (given[..., None], given.astype(other)):
            with pytest.raises(Exception, match=f"`{name}` of {record} has the shape"):
                call.altered(place, wrong).run()


@LOOPS
@EVERY
def test_an_operand_of_another_size_is_refused_or_harmless(calls, loop, every):
    call, refused = calls[loop], 0
    for place in range(0, len(call.names), every):
        given = call.operands[place]
        for wrong in (given[..., :-1], given[..., :0], given[:0], np.concatenate([given] * 2)):
            try:
                call.altered(place, wrong).run()
            except jax.errors.JaxRuntimeError as error:
                assert "do not fit" in str(error) or "has the shape" in str(error)
                refused += 1
    assert refused >= 2 * (len(call.operands) // every)


@LOOPS
@EVERY
def test_a_result_of_another_rank_or_type_is_refused(calls, loop, every):
    call = calls[loop]
    for place in range(0, len(call.results), every):
        one = call.results[place]
        for shape, dtype in (((*one.shape, 1), one.dtype), (one.shape, np.uint16)):
            wrong = jax.ShapeDtypeStruct(shape, dtype)
            with pytest.raises(jax.errors.JaxRuntimeError, match="has the shape"):
                call.altered(place, wrong, "results").run()


@LOOPS
@pytest.mark.parametrize("of", ["operands", "results"])
def test_one_too_few_or_too_many_is_counted(calls, loop, of):
    call = copy.copy(calls[loop])
    all_of_them = getattr(call, of)
    for some in (all_of_them[:-1], [*all_of_them, all_of_them[-1]]):
        setattr(call, of, some)
        wrong = f"given {len(some)} {of} where its layout asks for {len(all_of_them)}"
        with pytest.raises(jax.errors.JaxRuntimeError, match=wrong):
            call.run()


@LOOPS
@EVERY
@pytest.mark.parametrize("number", [2**40, -(2**40)])
def test_a_number_that_is_none_of_a_layout_is_refused(calls, loop, every, number):
    call = calls[loop]
    for place in range(0, len(call.numbers), 4 * every):
        with pytest.raises(jax.errors.JaxRuntimeError, match="layout|program|fit"):
            call.altered(place, number, "numbers").run()


@LOOPS
def test_a_layout_that_ends_early_or_late_is_refused(calls, loop):
    call = copy.copy(calls[loop])
    numbers = call.numbers
    for some in (numbers[:-1], [*numbers, 0]):
        call.numbers = some
        with pytest.raises(jax.errors.JaxRuntimeError, match="the layout (ends|has more)"):
            call.run()
