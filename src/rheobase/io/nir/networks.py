"""A network as a graph of layers that gives the same spikes, or why there is none.

In a network a spike of step k acts through `Delta` in step k + 1, and through `Exponential` on the
current at the end of step k. In a graph of layers it acts in step k, and inside of a cycle in step
k + 1. So a population that nothing but spikes moves may be earlier in the graph, by whole steps
that grow along the connections; what then is left of a delay is a `Delay`.
"""

# pyright: reportArgumentType=false, reportCallIssue=false

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase import memory
from rheobase.adaptors.base import AbstractAdaptor
from rheobase.errors import ArgumentError, UnknownName
from rheobase.io.nir.layers import axons
from rheobase.io.nir.neurons import has_node
from rheobase.io.nir.units import floats, seconds
from rheobase.network import Network
from rheobase.network.steps import Steps
from rheobase.neurons import LI, LIF, CubaLI, CubaLIF, variables
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron, Onset
from rheobase.steppers import AbstractStepper, stepper_of
from rheobase.steppers.base import Flow
from rheobase.stimulus import Constant
from rheobase.synapses import Exponential
from rheobase.systems.projection import Projection
from rheobase.time import whole_steps
from rheobase.train import Graph, Linear
from rheobase.train.graph import INPUT, Pair, grouped
from rheobase.units import MOhm, Quantity, ms, mV

_KEEP = "For a network as it is write rb.save(path, network)."


class Laid(NamedTuple):
    """A network as a graph of layers."""

    graph: Graph
    leads: dict[str, int]
    """By how many steps the spikes of each population are earlier in the graph."""
    sources: dict[str, int]
    """The populations of given spikes whose neurons are the inputs, in order, and their sizes."""


class _Node(NamedTuple):
    """A population."""

    neuron: AbstractMembrane
    n: int
    waits: int
    """The steps after which a spike without a delay acts."""
    unit: Any
    """By what a weight is divided to be nA."""
    bias: np.ndarray | None
    """Constant current, nA, (n,)."""


class _Way(NamedTuple):
    """All synapses from one population to another."""

    weight: np.ndarray
    """nA, (n_pre, n_post)."""
    late: np.ndarray
    """The delay of each presynaptic neuron in steps, (n_pre,); -1 where it has no synapse."""


def laid_out(network: Network, stepper: AbstractStepper, dt: float, output: str | None) -> Laid:
    """The graph of layers of a network in steps of dt (ms), which gives `output`.

    Errors: `ArgumentError` for what a graph of NIR cannot say, `UnknownName`.
    """
    network.check(Steps(dt))
    sources = {n: p.n for n, p in network.populations.items() if network.is_source(n)}
    names = tuple(name for name in network.populations if name not in sources)
    if not names:
        raise ArgumentError("the network has no neurons beside its sources of spikes.")
    if output is not None and output not in names:
        raise UnknownName("population (as `output`)", output, names)
    nodes = {name: _node(network, name, stepper, dt) for name in names}
    ways = _ways(network, nodes, dt)
    groups = grouped(names, [pair for pair in ways if pair[0] in nodes])
    leads = _leads(groups, ways, nodes)
    edges: dict[Pair, Linear] = {}
    feedback: dict[Pair, Linear] = {}
    for pair, way in _joined(ways, sources, nodes, leads).items():
        inside = any({*pair} <= {*group} for group in groups)
        known = way.late[way.late >= 0]
        late = np.where(way.late < 0, known.min() if known.size else inside, way.late) - inside
        if np.any(late < 0):
            raise ArgumentError(
                f"the connection from {pair[0]!r} to {pair[1]!r} is part of a cycle, and its "
                f"Exponential synapses act at once, where each edge of a cycle takes one step. "
                f"Write delay={dt:g}*ms."
            )
        biased = inside or any(post == pair[1] for _, post in edges)
        layer = _linear(way.weight, late, None if biased else nodes[pair[1]].bias, dt)
        (feedback if inside else edges)[pair] = layer
    for name, node in nodes.items():
        forward = any(post == name for _, post in edges)
        heard = forward or (node.bias is None and any(post == name for _, post in feedback))
        if not heard or not any(pre == INPUT for pre, _ in edges):
            # Weights of zero hold the bias, and tell the width of the input.
            nothing = _nothing(max(sum(sources.values()), 1), node.n)
            free = None if forward else node.bias
            edges[INPUT, name] = _linear(nothing.weight, 0 * nothing.late, free, dt)
    last = names[-1] if output is None else output
    neurons = {name: node.neuron for name, node in nodes.items()}
    return Laid(Graph(neurons, edges, feedback, output=last), leads, sources)


def _node(network: Network, name: str, stepper: AbstractStepper, dt: float) -> _Node:
    """A population with the synapses on it as one neuron."""
    population, system, what = network.populations[name], network.systems[name], _named(name)
    if name in (INPUT, "output") or "/" in name:
        raise ArgumentError(
            f"{what} has a name that means something else in a NIR file. Give it another."
        )
    if not has_node(population.neuron):
        raise ArgumentError(
            f"{what} is made of {population.neuron.title}, for which NIR has no node: it "
            f"knows LIF, IF, LI, CubaLIF, CubaLI and Integrator. {_KEEP}"
        )
    neuron = system.neuron  # what runs, whatever was put into the population
    if not system.synapses:
        gain = 1.0 if neuron.target != "v" else _gain(neuron, stepper_of(neuron, stepper), dt)
        return _Node(neuron, population.n, 1, gain, _bias(network, name, neuron))
    _require_one_synapse(network, name)
    neuron = _with_synapse(neuron, system.synapses[0], what)
    (resistance,) = system.resistances
    bias = _bias(network, name, neuron)
    return _Node(neuron, population.n, 0, 1.0 if resistance is None else resistance, bias)


def _named(name: str) -> str:
    return f"population {name!r}"


def _require_one_synapse(network: Network, name: str) -> None:
    """Refuse synapses other than exponential ones of one time constant."""
    synapses = network.systems[name].synapses
    for one in synapses:
        if type(one) is not Exponential:
            raise ArgumentError(
                f"{_named(name)} has {type(one).__name__} synapses, and NIR has currents that "
                f"decay with one time constant: take rb.Exponential or rb.Delta. {_KEEP}"
            )
    deltas = any(p.post == name and p.kind is None for p in network.projections)
    if len(synapses) + deltas > 1:
        kinds = ["Delta"] * deltas + [f"Exponential({_text(x.tau)} ms)" for x in synapses]
        raise ArgumentError(
            f"{_named(name)} has synapses of more than one time course, {' and '.join(kinds)}, and "
            f"a CubaLIF of NIR has one tau_syn. Give all connections onto it the same synapse, "
            f"with weights all in mV or all in nA."
        )


def _text(value: Any) -> str:
    each = np.unique(np.asarray(value))
    return f"{each[0]:g}" if each.size == 1 else f"{each[0]:g} to {each[-1]:g}"


def _gain(neuron: AbstractMembrane, stepper: AbstractStepper, dt: float) -> Any:
    """What a nA that lasts one step adds to the voltage at its end (mV)."""
    state = neuron.init()

    def after(current: Any) -> Any:
        return variables.get(stepper.advance(Flow(neuron, current), state, dt), "v")

    return jax.jvp(after, (jnp.zeros(()),), (jnp.ones(()),))[1]


def _with_synapse(neuron: AbstractMembrane, synapse: Exponential, what: str) -> AbstractMembrane:
    """The neuron with the synapse inside."""
    if isinstance(neuron, AbstractAdaptor):
        inner = _with_synapse(neuron.neuron, synapse, what)
        return eqx.tree_at(lambda a: a.neuron, neuron, inner)
    times = {"tau_syn": Quantity(synapse.tau, ms)}
    if type(neuron) is LI:
        return CubaLI(**times, **_membrane(neuron))
    if type(neuron) is LIF:
        ends = {"v_th": Quantity(neuron.v_th, mV), "v_reset": Quantity(neuron.v_reset, mV)}
        return CubaLIF(**times, **_membrane(neuron), **ends, spike=neuron.spike)
    raise ArgumentError(
        f"{what} is made of {type(neuron).__name__} with Exponential synapses, and NIR has these "
        f"on LIF and LI alone (CubaLIF and CubaLI). Take rb.Delta(), or rb.LIF. {_KEEP}"
    )


def _membrane(neuron: LI | LIF) -> dict[str, Quantity]:
    rest = Quantity(neuron.v_rest, mV)
    return {"tau": Quantity(neuron.tau, ms), "R": Quantity(neuron.R, MOhm), "v_rest": rest}


def _bias(network: Network, name: str, neuron: AbstractMembrane) -> np.ndarray | None:
    """The sum of the constant currents of a population (nA)."""
    total = None
    for drive in network.drives:
        if drive.population != name:
            continue
        stimulus, unit = drive.stimulus, neuron.receives
        if not isinstance(stimulus, Constant) or not drive.is_current(unit):
            raise ArgumentError(
                f"the drive of {name!r} ({type(stimulus).__name__}, in {stimulus.unit}) is no "
                f"constant current, and NIR has no other inputs than spikes and biases. Give its "
                f"spikes by an rb.SpikeSource, or write constant currents."
            )
        if neuron.target != "v":
            raise ArgumentError(
                f"the constant current of {name!r} acts beside its synapses, and in NIR nothing "
                f"reaches a CubaLIF but through its synapse. Put it into the resting voltage, "
                f"v_rest + R*I."
            )
        value = np.asarray(stimulus.amplitude.value_in(unit.internal()), np.float64)
        given = np.broadcast_to(value, (network.populations[name].n,))
        total = given if total is None else total + given
    return total


def _ways(network: Network, nodes: dict[str, _Node], dt: float) -> dict[Pair, _Way]:
    """The connections by pre- and postsynaptic population."""
    sizes = [8.0 * p.n_pre * nodes[p.post].n for p in network.projections]
    memory.require(
        sum(sizes), "the connections as matrices, as NIR has them, need",
        "Write rb.save(path, network), which keeps them sparse.",
    )  # fmt: skip
    ways: dict[Pair, _Way] = {}
    for p in network.projections:
        _require_plain(p)
        way, pair = _way(p, nodes[p.post], dt), (p.pre, p.post)
        other = ways.get(pair, way)
        if np.any((other.late != way.late) & (other.late >= 0) & (way.late >= 0)):
            raise ArgumentError(
                f"{_called(p)} is one of two with different delays, and a graph has one edge for "
                f"both. Give them one delay."
            )
        if other is not way:
            way = _Way(way.weight + other.weight, np.maximum(way.late, other.late))
        ways[pair] = way
    return ways


def _called(p: Projection) -> str:
    return f"the connection from {p.pre!r} to {p.post!r}"


def _require_plain(p: Projection) -> None:
    """Refuse connections that are more than weights and delays."""
    if p.rules or p.release is not None:
        names = [type(x).__name__ for x in (*p.rules, p.release) if x is not None]
        raise ArgumentError(
            f"{_called(p)} changes with its use ({', '.join(names)}), and NIR has fixed weights. "
            f"Leave out `plasticity`. {_KEEP}"
        )


def _way(p: Projection, node: _Node, dt: float) -> _Way:
    """A connection as a matrix."""
    start, target = np.asarray(p.to.start), np.asarray(p.to.target)
    pre = np.repeat(np.arange(p.n_pre), np.diff(start))
    weight = np.zeros((p.n_pre, node.n))
    np.add.at(weight, (pre, target), np.broadcast_to(np.asarray(p.weight), target.shape))
    late = np.full(p.n_pre, -1)
    given = np.zeros(1, int) if p.delay is None else whole_steps(np.asarray(p.delay), dt)
    steps = np.broadcast_to(given, target.shape)
    late[pre] = steps
    if np.any(late[pre] != steps):
        k = int(np.argmax(late[pre] != steps))
        raise ArgumentError(
            f"{_called(p)} has delays by synapse (neuron {pre[k]} has {steps[k] * dt:g} and "
            f"{late[pre[k]] * dt:g} ms), and a Delay of NIR has one for each presynaptic neuron. "
            f"Write delay={np.mean(steps) * dt:.3g}*ms, or one that is the same for all synapses "
            f"of a neuron."
        )
    return _Way(weight / np.asarray(node.unit, np.float64), late)


def _leads(
    groups: list[list[str]],
    ways: dict[Pair, _Way],
    nodes: dict[str, _Node],
) -> dict[str, int]:
    """By how many steps each population is earlier: none that moves without spikes."""
    leads: dict[str, int] = {}
    for group in groups:
        waits = [
            nodes[post].waits + leads.get(pre, 0)
            for pre, post in ways
            if post in group and pre not in group
        ]
        still = all(nodes[n].bias is None and _rests(nodes[n].neuron) for n in group)
        leads |= dict.fromkeys(group, min(waits, default=0) if still else 0)
    return leads


def _rests(neuron: AbstractMembrane) -> bool:
    """Whether it stays as it begins while nothing arrives."""
    if neuron.random:
        return False
    if not isinstance(neuron, AbstractNeuron) or neuron.onset is Onset.NEVER:
        return True
    return bool(jnp.all(neuron.margin(neuron.init()) < 0))


def _joined(
    ways: dict[Pair, _Way],
    sources: dict[str, int],
    nodes: dict[str, _Node],
    leads: dict[str, int],
) -> dict[Pair, _Way]:
    """The ways between nodes, with all sources as one input, and how late they are in the graph."""
    found: dict[Pair, _Way] = {}
    firsts = dict(zip(sources, np.cumsum([0, *sources.values()]), strict=False))
    for (pre, post), way in ways.items():
        more = nodes[post].waits + leads.get(pre, 0) - leads[post]
        late = np.where(way.late < 0, -1, way.late + more)
        if pre not in sources:
            found[pre, post] = _Way(way.weight, late)
            continue
        whole = found.get((INPUT, post), _nothing(sum(sources.values()), nodes[post].n))
        rows = slice(firsts[pre], firsts[pre] + sources[pre])
        whole.weight[rows], whole.late[rows] = way.weight, late
        found[INPUT, post] = whole
    return found


def _nothing(n_pre: int, n_post: int) -> _Way:
    return _Way(np.zeros((n_pre, n_post)), np.full(n_pre, -1))


def _linear(weight: np.ndarray, late: np.ndarray, bias: np.ndarray | None, dt: float) -> Linear:
    """A layer of these weights (nA), whose inputs come so many steps later."""
    layer = Linear(*weight.shape, bias is not None)
    delays = axons(seconds(late * np.float64(dt))) if np.any(late) else None
    parts = floats(weight), None if bias is None else floats(bias), delays
    return eqx.tree_at(
        lambda x: (x.weight, x.bias, x.delays), layer, parts, is_leaf=lambda x: x is None
    )
