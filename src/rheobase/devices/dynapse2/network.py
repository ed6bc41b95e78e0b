"""`Network`: chip neurons with synapses over time, differentiable in every weight and current."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase import printed
from rheobase.compilation import Compiled
from rheobase.devices.dynapse2.core import Core, CoreState
from rheobase.devices.dynapse2.neuron import Mode, Neuron
from rheobase.devices.dynapse2.projection import Depression, Projection, by_gate
from rheobase.errors import ArgumentError, ShapeError, StepperError, UnknownName, brief
from rheobase.given import key_or_first
from rheobase.kernels.product import spike_product
from rheobase.loop import scan
from rheobase.neurons import variables
from rheobase.origin import Origin, require_like, require_origin
from rheobase.provenance import Provenance, versions
from rheobase.record import Record
from rheobase.run.run import Way as Steps
from rheobase.run.run import run as run_circuit
from rheobase.systems.base import HELD
from rheobase.systems.circuit import Circuit, Fed, Moving, Rate
from rheobase.systems.feedback import Dense, Recurrence, Way
from rheobase.time import Clock, whole_steps
from rheobase.units import Quantity, ms, to_internal

CORE = "core"
"""The neurons of a network in its circuit."""


class NetworkState(NamedTuple):
    """Everything that a network needs to go on: pass it as `net.run(x, state=run.state)`."""

    neurons: Any
    echo: dict[str, Array]
    """Weights that the last step's spikes will bring, by gate, (batch, n)."""
    inputs_before: Array
    """The last inputs, as many as the longest delay has steps, (steps, batch, n_in)."""
    spikes_before: Array
    input_resource: Array | None
    """What depression has left of each input, and of each neuron."""
    resource: Array | None
    origin: Origin | None = None
    """The network and the time step of which it is."""


class NetworkRun(NamedTuple):
    """What a network did."""

    spikes: Array
    """Counts in each step, of all neurons, (time, batch, n)."""
    output: Array
    """Those of the output neurons, (time, batch, n_out)."""
    traces: dict[str, Array]
    state: NetworkState
    provenance: Provenance = Provenance()
    """What made it: versions, mode of the neurons as the stepper, dt and precision."""

    def __repr__(self) -> str:
        return printed.shortly(self)


class Network(eqx.Module):
    r"""A network on the chip: n_in event channels, n_hidden + n_out neurons, synapses by gate.

    In each step dt the events of that step arrive at the synapses from the inputs and those of the
    last step at the recurrent ones, a synapse of weight w opening its gate with the current
    |w| Iscale for one pulse: w > 0 opens AMPA (NMDA where slow), w < 0 GABA (SHUNT where slow). In
    the mode `compatible` weights of both signs add up in the one synapse.

    - `n_in`, `n_out`, `n_hidden`: the last n_out of the n neurons are the outputs.
    - `recurrent`: whether neurons reach each other.
    - `neuron`: its currents, one for all or (n,); `mode` chooses that of the default one.
    - `key`: draws weights, uniform with variance gain²/fan-in; `jax.random.key(0)` by default.
    - `inputs`, `synapses`: a `Projection` each instead of random ones, (n_in, n) and (n, n).
    - `delays`: of the three delay lines; a recurrent spike takes one step more.
    - `depression`: of the synapses that depress.
    - `dt`: the time step.

    `net(x)` takes event counts (time, batch, n_in) and gives those of the outputs (time, batch,
    n_out); `net.run` also gives the state, from which a later run continues to the bit. Arrays may
    have a batch axis of chips in front, see `mismatch`: then under `jax.vmap`.

    Errors: `ShapeError`, `StepperError`, `UnknownName`, `ArgumentError`.

    >>> import jax.numpy as jnp
    >>> from rheobase.devices import dynapse2 as d2
    >>> net = d2.Network(n_in=60, n_out=2, recurrent=True)
    >>> net(jnp.ones((50, 4, 60))).shape
    (50, 4, 2)
    """

    neuron: Neuron
    inputs: Projection
    synapses: Projection | None
    depression: Depression
    n_out: int = eqx.field(static=True)
    dt: float = eqx.field(static=True)
    delays: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self,
        n_in: int | None = None,
        n_out: int = 1,
        *,
        n_hidden: int = 0,
        recurrent: bool = False,
        neuron: Neuron | None = None,
        mode: Mode = "physical",
        gain: float = 1.0,
        key: Array | None = None,
        inputs: Projection | None = None,
        synapses: Projection | None = None,
        delays: Quantity = (0, 1, 5) * ms,
        depression: Depression | None = None,
        dt: Quantity = 1 * ms,
    ):
        n = _width("n_out", n_out) + (n_hidden and _width("n_hidden", n_hidden))
        if inputs is not None and n_hidden == 0:
            n = inputs.weight.shape[-1]
        self.neuron = Neuron(mode=mode) if neuron is None else neuron
        if not isinstance(self.neuron, Neuron):
            raise ArgumentError(f"`neuron` is a d2.Neuron, got {brief(neuron)}. Write d2.Neuron().")
        first, second = jax.random.split(key_or_first(key, "d2.Network(..., key={})"))
        if inputs is None:
            inputs = Projection(_drawn(first, _width("n_in", n_in), n, gain))
        if synapses is None and recurrent:
            synapses = Projection(_drawn(second, n, n, gain / 2))
        self.inputs, self.synapses = inputs, synapses
        self.n_out = n_out
        self.depression = Depression() if depression is None else depression
        self.dt = float(to_internal(dt, ms, "dt", "Network(..., dt={})"))
        lines = np.ravel(to_internal(delays, ms, "delays", "Network(..., delays={})"))
        if self.dt <= 0 or lines.shape != (3,) or lines.min() < 0:
            raise StepperError(
                "`dt` is positive and `delays` are three times of zero or more. "
                "Write Network(..., delays=(0, 1, 5)*ms, dt=1*ms)."
            )
        self.delays = tuple(int(whole_steps(x, self.dt)) for x in lines.tolist())  # pyright: ignore
        _check_shapes(self, n)

    def __repr__(self) -> str:
        return printed.shortly(self)

    @property
    def n_in(self) -> int:
        """Number of input channels."""
        return self.inputs.weight.shape[-2]

    @property
    def n(self) -> int:
        """Number of neurons."""
        return self.inputs.weight.shape[-1]

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        del key  # of no use here; `rb.fit` hands one to every model
        return self.run(x).output

    def run(
        self,
        x: Array,
        state: NetworkState | None = None,
        record: tuple[str, ...] | str = (),
    ) -> NetworkRun:
        """Run over x (time, batch, n_in) from rest, or from the state that an earlier run left.

        - `record`: variables of the neurons to keep, such as `("Imem",)`, in nA.
        """
        record = (record,) if isinstance(record, str) else tuple(record)
        known = list(variables.units(self.neuron.init()))
        for name in record:
            if name not in known:
                raise UnknownName("variable of a chip neuron (in `record`)", name, known)
        x = jnp.asarray(x)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            x = x.astype(self.inputs.weight.dtype)
        if x.ndim != 3 or x.shape[-1] != self.n_in:
            raise ShapeError(
                f"a network takes event counts (time, batch, n_in = {self.n_in}), got {x.shape}. "
                f"One sample of shape (time, n_in) is x[:, None]."
            )
        if state is None:
            return _run(self, x, self.rest(x.shape[1]), record)
        rest = jax.eval_shape(lambda: self.rest(x.shape[1]))
        if not isinstance(state, NetworkState):
            raise ArgumentError(
                f"`state` is what an earlier run left, got {brief(state)}. Write state=run.state."
            )
        if state.origin is not None:
            require_origin(state.origin, self.origin)
        require_like("`state`", state._replace(origin=None), rest._replace(origin=None))
        return _run(self, x, state._replace(origin=self.origin), record)

    @property
    def origin(self) -> Origin:
        """What a state of it knows."""
        what = f"{self.n_in} inputs, {self.n} neurons, {type(self.neuron).__name__}"
        return Origin(self.dt, None, (("the chip network", f"{what}, {self.neuron.mode}"),))

    def with_neurons(
        self, take: np.ndarray, inputs: Projection, synapses: Projection | None
    ) -> "Network":
        """A network of the neurons `take`, numbers of neurons of this one, with other synapses."""
        neuron = jax.tree.map(
            lambda v: v[take] if eqx.is_inexact_array(v) and v.shape[-1:] == (self.n,) else v,
            self.neuron,
        )
        return Network(
            n_out=self.n_out,
            n_hidden=len(take) - self.n_out,
            neuron=neuron,
            inputs=inputs,
            synapses=synapses,
            delays=np.asarray(self.delays) * self.dt * ms,
            depression=self.depression,
            dt=self.dt * ms,
        )

    def rest(self, batch: int) -> NetworkState:
        """The state at rest of a batch."""
        dtype = self.inputs.weight.dtype
        shape = (batch, self.n)

        def full(value):
            value = jnp.asarray(value)
            kind = dtype if jnp.issubdtype(value.dtype, jnp.floating) else value.dtype
            return jnp.broadcast_to(value.astype(kind), shape)

        gates = () if self.synapses is None else self.synapses.gates_in(self.neuron.mode)
        reach, depth = _reach(self, self.inputs), _reach(self, self.synapses)
        seen, heard = (
            1 if p is None or p.depressing is None else 2 for p in (self.inputs, self.synapses)
        )
        return NetworkState(
            neurons=jax.tree.map(full, self.neuron.init()),
            echo={gate: jnp.zeros(shape, dtype) for gate in gates},
            inputs_before=jnp.zeros((reach, batch, seen * self.n_in), dtype),
            spikes_before=jnp.zeros((depth, batch, heard * self.n), dtype),
            input_resource=_resource(self.inputs, (batch, self.n_in), dtype),
            resource=_resource(self.synapses, shape, dtype),
            origin=self.origin,
        )


@Compiled
def _run(net: Network, x: Array, state: NetworkState, record: tuple[str, ...]) -> NetworkRun:
    """The compiled program: the inputs of all steps in one product, then the circuit's loop."""
    driven, before, resource = _driven(net, x, state)
    mode = net.neuron.mode
    gates = tuple(driven) if net.synapses is None else net.synapses.gates_in(mode)
    others = tuple(gate for gate in driven if gate not in gates)
    none = jnp.zeros_like(next(iter(driven.values())))
    inputs = [jnp.concatenate([driven.get(gate, none) for gate in gates], axis=-1)]
    if others:
        inputs.append(jnp.concatenate([driven[gate] for gate in others], axis=-1))
    core = Core(
        neuron=fitted(net.neuron, (x.shape[1], net.n)),
        synapses=net.synapses,
        depression=net.depression,
        record=Record(record),
        gates=(gates, others) if others else (gates,),
        lines=net.delays,
    )
    fed = tuple(Fed(None, None, CORE, HELD, one.shape[1:], one) for one in inputs)
    circuit = Circuit({CORE: core}, (), fed, (Rate(net.dt, 1, (CORE,)),))
    begun = CoreState(state.neurons, state.spikes_before, state.resource)
    moving = Moving({CORE: begun}, (), (None,) * len(fed))
    if net.synapses is not None:
        weight = Dense(net.synapses.weights(mode))
        circuit = circuit._replace(recurrence=Recurrence(weight, (CORE,), (CORE,)))
        arriving = jnp.concatenate([state.echo[gate] for gate in gates], axis=-1)
        moving = moving._replace(way=Way(arriving))
    ran = run_circuit(circuit, moving, Clock.of(0), len(x), Steps(), none.dtype)
    kept, after = ran.kept[CORE], ran.moving.systems[CORE]
    spikes: Any = kept.spikes
    way = ran.moving.way
    final = NetworkState(
        neurons=after.neurons,
        echo=state.echo if way is None else by_gate(way.arriving, gates),
        inputs_before=before,
        spikes_before=after.past,
        input_resource=resource,
        resource=after.resource,
        origin=state.origin,
    )
    made = Provenance(versions(), mode, net.dt, str(spikes.dtype))
    return NetworkRun(spikes, spikes[..., net.n - net.n_out :], kept.traces, final, made)


def fitted(neuron: Neuron, shape: tuple[int, ...]) -> Neuron:
    """The neuron with parameters that are not single numbers at full shape."""
    return jax.tree.map(
        lambda v: jnp.broadcast_to(v, shape) if eqx.is_inexact_array(v) and v.ndim else v, neuron
    )


def _driven(net: Network, x: Array, state: NetworkState) -> tuple[dict[str, Array], Array, Any]:
    """What the inputs bring in each step by gate; the inputs and resources that remain."""
    projection, resource, mode = net.inputs, state.input_resource, net.neuron.mode
    source = x
    if resource is not None:

        def body(r, now):
            return net.depression.step(r, now, net.dt)

        resource, seen = scan(body, resource, x, len(x))
        source = jnp.concatenate([x, seen], axis=-1)
    longer = source
    if len(state.inputs_before):
        longer = jnp.concatenate([state.inputs_before.astype(x.dtype), source])
    streams = projection.delayed(net.delays, longer, len(x))
    product = spike_product(streams, projection.weights(mode))
    return by_gate(product, projection.gates_in(mode)), longer[len(x) :], resource


def _reach(net: Network, projection: Projection | None) -> int:
    delayed = projection is not None and projection.delay is not None
    return max(net.delays) if delayed else 0


def _resource(projection: Projection | None, shape: tuple[int, ...], dtype: Any) -> Array | None:
    if projection is None or projection.depressing is None:
        return None
    return jnp.ones(shape, dtype)


def _drawn(key: Array, pre: int, post: int, gain: float) -> Array:
    bound = gain * (3 / pre) ** 0.5
    return jax.random.uniform(key, (pre, post), jnp.result_type(float), -bound, bound)


def _width(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ShapeError(
            f"`{name}` is a whole number of at least 1, got {brief(value)}. "
            f"Write d2.Network(n_in=60, n_out=2, recurrent=True)."
        )
    return int(value)


def _check_shapes(net: Network, n: int) -> None:
    if net.n != n:
        raise ShapeError(
            f"`inputs` reach {net.n} neurons, but n_hidden + n_out = {n}. Give a Projection of "
            f"shape ({net.n_in}, {n})."
        )
    if net.synapses is not None and net.synapses.weight.shape[-2:] != (n, n):
        raise ShapeError(
            f"`synapses` have shape {net.synapses.weight.shape}, expected ({n}, {n}), pre first."
        )
    leaves = jax.tree.leaves(eqx.filter(net.neuron, eqx.is_inexact_array))
    for leaf in leaves:
        if leaf.shape[-1:] not in ((), (1,), (n,)):
            raise ShapeError(
                f"the neuron has parameters of shape {leaf.shape} for {n} neurons. "
                f"Give one value for all, or {n}."
            )
