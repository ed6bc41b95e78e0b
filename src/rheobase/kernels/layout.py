"""The layout of what the compiled loops of networks are given, declared once for Python and C++.

A loop takes a list of whole numbers, the attribute `layout`, which says what the network is made
of, and arrays one after the other. What each number and array is, and in which order they come, is
declared here: the fields of a record, in their order. `rheobase.kernels.header` writes the same
names for C++ into `layout.h`; both sides use the names, and neither counts.

    layout    CallHeader, for each population PopulationHeader, code and drives that are drawn,
              for each projection ProjectionHeader and a RuleHeader for each rule
    there     CallOperands, for each population PopulationOperands, a DriveOperands for each kind of
              synapse, SourceOperands of a source, a DrawnOperands for each drive that is drawn,
              RecordedOperands; for each projection ProjectionOperands and, where it has rules,
              PlasticOperands and a RuleOperands for each rule
    back      BackCallOperands, BackPopulationOperands of each population, BackProjectionOperands of
              each projection

A shape names its sizes, as in jaxtyping: the first array of a record that has a size sets it, and
the others must agree. The call checks types, shapes and the number of operands before it reads.

Whoever changes anything here counts `VERSION` up and writes the header anew:
`python -m rheobase.kernels.header`.
"""

import enum
import functools
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np
from jax import Array
from jaxtyping import Float, Int32, UInt32

VERSION = 1
"""Of all that is declared here; a compiled library has one version and serves no other."""

Given = Array | np.ndarray
MOST_VARIABLES = 8
"""Of a neuron whose step is linear: each number of them has steps of its own."""
BESIDE = 16
"""Columns of weights side by side, where all weights are visited."""
DELTA_INPUT = -1
"""In place of a kind of synapse: what arrives is added to a variable at once."""
ANY_NUMBER = 2**31
"""No number of a layout is larger."""


class Delays(enum.IntEnum):
    """What delays a projection has."""

    NONE = 0
    SHARED = 1
    EACH = 2


class Form(enum.Enum):
    """What an instruction does with its operands, slots or known numbers."""

    UNARY = enum.auto()
    """f(a)."""
    BINARY = enum.auto()
    """f(a, b), not both known."""
    TERNARY = enum.auto()
    """f(a, b, c), a in a slot."""
    MAP = enum.auto()
    """e f(min(b a + c, d)), a in a slot and all else known."""
    RELAX = enum.auto()
    """g + f e phi(min(b a + c, d)), a, f and g in slots and all else known."""


OPERATIONS = (
    dict.fromkeys("copy neg abs expm1 log tanh sqrt".split(), Form.UNARY)
    | dict.fromkeys("add sub mul div min max pow lt le gt ge eq ne".split(), Form.BINARY)
    | dict.fromkeys("select_n muladd mulsub submul clamp".split(), Form.TERNARY)
    | dict.fromkeys("exp phi inverse_phi logistic".split(), Form.MAP)
    | {"relax": Form.RELAX}
)
"""What there are instructions for; the opcode is the place in this order."""


class Instruction(NamedTuple):
    """One instruction of a program: an operand is a slot, or ~k for the known number k."""

    what: int
    to: int
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0


class Slots(NamedTuple):
    """What the first slots of a program hold: how many, or from which on; then come registers."""

    variables: Annotated[int, "variables"]
    counter: Annotated[int, "1"]
    arriving: Annotated[int, "synapses"]
    current: Annotated[int, "1"]
    delta: Annotated[int, "1"]
    spike: Annotated[int, "1"]
    shown: Annotated[int, "shows"]
    registers: Annotated[int, "0"]


def slots_of(variables: int, synapses: int, shows: int) -> Slots:
    """The first slot of each kind.

    >>> slots_of(2, 1, 0)
    Slots(variables=0, counter=2, arriving=3, current=4, delta=5, spike=6, shown=7, registers=7)
    """
    sizes = {"variables": variables, "synapses": synapses, "shows": shows}
    counts = [sizes[x] if x in sizes else int(x) for (x,) in map(marks, hints(Slots).values())]
    return Slots(*np.cumsum([0, *counts[:-1]]).tolist())


# The numbers of a layout: each with the smallest and the largest that it can be.


class CallHeader(NamedTuple):
    """The numbers of a call."""

    populations: Annotated[int, 1, ANY_NUMBER]
    projections: Annotated[int, 0, ANY_NUMBER]
    fresh: Annotated[int, 0, 1] = 0
    """Whether the recordings are results alone, and begin empty."""


class PopulationHeader(NamedTuple):
    """The numbers of a population; its code and the kinds of its drawn drives follow."""

    variables: Annotated[int, 1, ANY_NUMBER]
    synapses: Annotated[int, 0, ANY_NUMBER]
    """Kinds of synapses on it."""
    instructions: Annotated[int, 0, ANY_NUMBER] = 0
    """Of its program; 0: its step is linear, or it is a source."""
    slots: Annotated[int, 0, ANY_NUMBER] = 0
    counters: Annotated[int, 0, 1] = 0
    source: Annotated[int, 0, 1] = 0
    drawn: Annotated[int, 0, ANY_NUMBER] = 0
    """Drives that the loop draws itself; of each the kind of synapse, or `DELTA_INPUT`."""


class ProjectionHeader(NamedTuple):
    """The numbers of a projection."""

    pre: Annotated[int, 0, ANY_NUMBER]
    post: Annotated[int, 0, ANY_NUMBER]
    kind: Annotated[int, DELTA_INPUT, ANY_NUMBER]
    """Of synapse, or `DELTA_INPUT`."""
    delays: Annotated[int, 0, max(Delays)]
    """Of `Delays`."""
    rules: Annotated[int, 0, ANY_NUMBER] = 0


class RuleHeader(NamedTuple):
    """The traces of a rule of plasticity."""

    before: Annotated[int, 0, ANY_NUMBER]
    behind: Annotated[int, 0, ANY_NUMBER]


# Numbers packed into one array, one after the other.


def _as_many(packed: Any) -> str:
    """The shape of an array of so many single numbers."""
    return str(len(packed._fields))


class LinearNumbers(NamedTuple):
    """A neuron whose step is linear: x' = move x + shift + entry I, but for conductances.

    These give the voltage a rate f = base_rate + rate x + base_entry I + (gain x) v, of the slope
    base_slope + gain x.
    """

    shift: Float[Given, "variables"]
    entry: Float[Given, "variables"]
    gain: Float[Given, "variables"]
    rate: Float[Given, "variables"]
    margin: Float[Given, "variables"]
    fresh: Float[Given, "variables"]
    """After a spike the state is keep x + fresh."""
    base_rate: Float[Given, ""]
    base_slope: Float[Given, ""]
    base_entry: Float[Given, ""]
    level: Float[Given, ""]
    """The margin where all variables are zero."""
    move: Float[Given, "variables variables"]
    keep: Float[Given, "variables variables"]
    arrive: Float[Given, "synapses variables"]
    """What a weight of one adds."""


class LinearWhole(NamedTuple):
    """The whole numbers of such a neuron."""

    period: Int32[Given, "1"]
    """Steps of refractoriness."""
    target: Int32[Given, "1"]
    """The variable that delta inputs reach."""
    held: Int32[Given, "variables"]
    """1 where a refractory neuron stands still."""


class CourseNumbers(NamedTuple):
    """Bounds of weights, and how a change depends on them: ((w - anchor) scale)^mu."""

    low: Float[Given, ""]
    high: Float[Given, ""]
    anchor: Float[Given, ""]
    scale: Float[Given, ""]
    mu: Float[Given, ""]


class EffectNumbers(NamedTuple):
    """What a spike of one end does; a rule has the effects of a pre- and a postsynaptic spike.

    One factor of the change is own[0] + own[1:] times the traces of its neuron, the other the same
    over the traces of the other end; then its traces become keep x + add.
    """

    decay: Float[Given, "traces"]
    """Of its traces in a step."""
    own: Float[Given, "traces+1"]
    other: Float[Given, "others+1"]
    keep: Float[Given, "traces"]
    add: Float[Given, "traces"]
    course: Float[Given, _as_many(CourseNumbers)]


class ClockWords(NamedTuple):
    """When a call goes on."""

    high: UInt32[Given, ""]
    low: UInt32[Given, ""]
    """The number of its first step in two words."""
    steps: UInt32[Given, ""]
    """How many to do."""
    kept: UInt32[Given, ""]
    """How many the recordings hold already."""


class DriveKey(NamedTuple):
    """The key of a drive that the loop draws."""

    first: Int32[Given, ""]
    second: Int32[Given, ""]
    """The words of the key of the run."""
    number: Int32[Given, ""]
    """What it is folded with."""


# Operands. Those that the call changes in place are results too.

GIVEN = "given"
IN_PLACE = "in_place"
MADE = "made"
"""A result that is no operand."""


class CallOperands(NamedTuple):
    """What a call takes and makes besides its populations and projections."""

    clock: UInt32[Given, _as_many(ClockWords)]
    done: Annotated[Int32[Given, "1"], MADE]
    """Steps."""


class PopulationOperands(NamedTuple):
    """A population."""

    numbers: Float[Given, "numbers"]
    """`LinearNumbers`, the known numbers of its program, or nothing of a source."""
    whole: Int32[Given, "whole"]
    """`LinearWhole`, or nothing."""
    state: Annotated[Float[Given, "variables n"], IN_PLACE]
    remaining: Annotated[Int32[Given, "n"], IN_PLACE]
    """Steps that it is still held."""
    arriving: Annotated[Float[Given, "synapses+1 n"], IN_PLACE]
    """The total weight at each kind of synapse, and the delta inputs behind them."""
    current: Float[Given, "current_steps current_width"]
    """As all drives of each step and neuron, or one number for all steps, or for all neurons."""
    delta: Float[Given, "delta_steps delta_width"]
    probed: Int32[Given, "probes"]
    """The neurons whose variables are recorded."""
    shown: Int32[Given, "shows"]
    """The variables that are recorded."""


class DriveOperands(NamedTuple):
    """What is driven through a kind of synapse."""

    driven: Float[Given, "drive_steps drive_width"]


class SourceOperands(NamedTuple):
    """The spikes of a source, in the order of their steps."""

    high: UInt32[Given, "spikes"]
    low: UInt32[Given, "spikes"]
    neuron: Int32[Given, "spikes"]


class DrawnOperands(NamedTuple):
    """A Poisson drive of one rate for all neurons, which the loop draws itself."""

    key: Int32[Given, _as_many(DriveKey)]
    amplitude: Float[Given, "1"]
    coarse: UInt32[Given, "coarse_rows"]
    fine: UInt32[Given, "2 rows"]


class RecordedOperands(NamedTuple):
    """What is recorded of a population, in arrays with room for more."""

    step: Annotated[Int32[Given, "room"], IN_PLACE]
    neuron: Annotated[Int32[Given, "room"], IN_PLACE]
    spikes: Annotated[Int32[Given, "1"], IN_PLACE]
    """Their number."""
    traces: Annotated[Float[Given, "traced shows probes"], IN_PLACE]
    counts: Annotated[Float[Given, "counted"], IN_PLACE]
    """Spikes of each neuron, or nothing where nobody asks."""
    raster: Annotated[Float[Given, "rastered n"], IN_PLACE]
    """0 or 1 in each step, or no step."""


class ProjectionOperands(NamedTuple):
    """A projection: its synapses as rows of the presynaptic neurons."""

    start: Int32[Given, "pre+1"]
    target: Int32[Given, "synapses"]
    weight: Float[Given, "weights"]
    """Of each synapse, or one for all."""
    delay: Int32[Given, "delays"]
    """Of each synapse, where they differ."""
    ring: Annotated[Float[Given, "depth width"], IN_PLACE]
    """Spikes of the presynaptic neurons, or, where delays differ, what arrives at the others."""


class PlasticOperands(NamedTuple):
    """Weights that rules change, and the same synapses as rows of the postsynaptic neurons."""

    start: Int32[Given, "post+1"]
    source: Int32[Given, "synapses"]
    synapse: Int32[Given, "synapses"]
    weight: Annotated[Float[Given, "synapses"], IN_PLACE]


class RuleOperands(NamedTuple):
    """A rule of plasticity."""

    numbers: Float[Given, "numbers"]
    """`EffectNumbers` of a pre- and of a postsynaptic spike."""
    traces: Annotated[Float[Given, "traces"], IN_PLACE]
    """Those of all presynaptic neurons, then those of all postsynaptic ones."""


class BackCallOperands(NamedTuple):
    """What the way back takes besides populations and projections."""

    clock: UInt32[Given, _as_many(ClockWords)]


class BackPopulationOperands(NamedTuple):
    """A population on the way back."""

    numbers: Float[Given, "numbers"]
    whole: Int32[Given, "whole"]
    remaining: Int32[Given, "n"]
    steep: Float[Given, "steep_steps n"]
    """The derivative of each spike with respect to its margin."""
    worth: Float[Given, "worth_steps n"]
    """The cotangent of each spike, or of all spikes of a neuron."""
    step: Int32[Given, "room"]
    neuron: Int32[Given, "room"]
    spikes: Int32[Given, "1"]
    state: Annotated[Float[Given, "variables n"], IN_PLACE]
    """Cotangents, as `arriving`."""
    arriving: Annotated[Float[Given, "synapses+1 n"], IN_PLACE]


class BackProjectionOperands(NamedTuple):
    """A projection on the way back."""

    start: Int32[Given, "pre+1"]
    target: Int32[Given, "synapses"]
    weight: Float[Given, "weights"]
    delay: Int32[Given, "delays"]
    sent: Float[Given, "depth width"]
    """The ring before the first step."""
    ring: Annotated[Float[Given, "depth width"], IN_PLACE]
    """Cotangents, as `change`, that of the weights."""
    change: Annotated[Float[Given, "weights"], IN_PLACE]


HEADERS = (CallHeader, PopulationHeader, ProjectionHeader, RuleHeader)
PACKED = (LinearNumbers, LinearWhole, CourseNumbers, EffectNumbers, ClockWords, DriveKey)
OPERANDS = (
    *(CallOperands, PopulationOperands, DriveOperands, SourceOperands, DrawnOperands),
    *(RecordedOperands, ProjectionOperands, PlasticOperands, RuleOperands),
    *(BackCallOperands, BackPopulationOperands, BackProjectionOperands),
)
COUNT = sum(len(kind._fields) for kind in OPERANDS)
"""Operands that have a name: the library tells it with its version."""


def hints(record: Any) -> dict[str, Any]:
    """What is declared of each field of a record."""
    return get_type_hints(record, include_extras=True)


def marks(hint: Any) -> tuple[Any, ...]:
    """What an annotation says besides the type."""
    return hint.__metadata__ if get_origin(hint) is Annotated else ()


@functools.cache
def roles(record: Any) -> tuple[str, ...]:
    """What each array of a record of operands is: given, in place or made."""
    return tuple(next(iter(marks(hint)), GIVEN) for hint in hints(record).values())


def array(hint: Any) -> Any:
    """The type and shape of an array that an annotation names, of jaxtyping."""
    return get_args(get_args(hint)[0] if marks(hint) else hint)[0]
