"""A cable: its arrays and channels, and one step of it.

A step moves gates, then concentrations, then all voltages at once, and ends with the spikes.

Gates stand half a step before voltages and concentrations, and move by what these are in their
middle. Where the equations of the voltages hold, concentrations are foreseen; from the voltage
that comes of it they take their step.
"""

import hashlib
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Bool, Float

from rheobase import printed
from rheobase.channels import (
    AbstractFiring,
    AbstractMechanism,
    AbstractPump,
    Diffusing,
    Ions,
    Solutions,
)
from rheobase.kernels.tree import Tree, advance, laplacian
from rheobase.neurons import Onset, variables
from rheobase.systems.concentrations import Part, Stretch, any_pumps, flowing, path, pumped, seen
from rheobase.systems.credit import Solved, counted_once

_FIRM = 1e6
"""How many times its capacitance holds a voltage that must not move; float32 has 1e7 in it."""


class Inserted(eqx.Module):
    """A channel in some compartments; each of its parameters is one number, or one for each.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> cell = rb.Cell(rb.morphology.soma()).insert(ch.Leak())
    >>> isinstance(cell.mechanisms[0], rb.cable.Inserted), cell.mechanisms[0].nodes
    (True, (0,))
    """

    channel: AbstractMechanism
    nodes: tuple[int, ...] = eqx.field(static=True)
    between: tuple[int, ...] = eqx.field(static=True, default=())
    """Branch points through which what diffuses goes from one of the compartments to another."""

    def __repr__(self) -> str:
        return printed.shortly(self)

    @property
    def name(self) -> str:
        """That of its class, or of the one inside, by which its variables are recorded."""
        return self.channel.label


class Bathed(eqx.Module):
    """A channel in its compartments, with the solutions around them."""

    inserted: Inserted
    solutions: Solutions

    def gate_rates(self, voltages: np.ndarray) -> dict[str, Array]:
        """How fast each gate relaxes (1/ms) at voltages (mV), by name."""
        nodes = np.asarray(self.inserted.nodes)
        ions = jax.tree.map(lambda x: x[nodes] if jnp.ndim(x) else x, self.solutions.ions())

        def at(v: Array) -> dict[str, Array]:
            return self.inserted.channel.relaxation(jnp.broadcast_to(v, nodes.shape), ions)

        return jax.vmap(at)(jnp.asarray(voltages, jnp.result_type(float)))


class Cable(eqx.Module):
    """What of a cell the time loop needs: arrays over nodes and the channels in them."""

    nodes: Tree = eqx.field(static=True)
    area: Array
    axial: Array
    shell: Array
    axial_resistivity: Array
    capacitance: Array
    v_init: Array
    solutions: Solutions
    mechanisms: tuple[Inserted, ...]

    def __repr__(self) -> str:
        return printed.shortly(self)


class CellState(NamedTuple):
    """Voltages (nodes,) and the state of each mechanism over its span of nodes."""

    v: Float[Array, "*n nodes"]
    mechanisms: tuple[Any, ...]


class Assembly(NamedTuple):
    """A cable ready for the time loop; nothing of it changes in the loop."""

    tree: Tree
    parts: tuple[Part, ...]
    capacity: Float[Array, " nodes"]
    """nF, 0 at branch points."""
    coupling: Float[Array, " nodes"]
    """uS to the parent, 0 at roots."""
    ions: Ions
    membrane: Bool[Array, " nodes"]


class Held(NamedTuple):
    """What is imposed on voltages in a step, (nodes,) each, or None where nothing is."""

    current: Float[Array, " nodes"] | None
    """nA into the cell at the voltages from which the step begins."""
    slope: Float[Array, " nodes"] | None
    """uS by which that falls with the voltage."""
    fixed: np.ndarray | None
    """Where the voltage is prescribed, and at which value."""
    value: Float[Array, " nodes"] | None


class Stepped(NamedTuple):
    """What came of a step: the state that is recorded, spikes, and the state to go on from."""

    reached: CellState
    middle: Float[Array, " nodes"]
    """Voltages at which the equations were solved, branch points among them."""
    spikes: tuple[Array, ...]
    state: CellState
    clamped: Float[Array, " nodes"] | None
    """nA that hold prescribed voltages, (nodes,); None where none is prescribed."""


def assemble(cable: Cable, dtype: DTypeLike) -> Assembly:
    """The arrays of a cable over its nodes."""
    cable = jax.tree.map(
        lambda x: jnp.asarray(x, dtype) if jnp.issubdtype(jnp.result_type(x), jnp.floating) else x,
        cable,
    )
    tree = cable.nodes
    rooted = tree.parent < 0
    membrane = cable.area > 0
    resistance = cable.axial_resistivity * cable.axial
    coupling = jnp.where(rooted, 0, 1 / jnp.where(rooted, 1, resistance))
    parts = tuple(_part(one, cable) for one in cable.mechanisms)
    return Assembly(
        tree,
        parts,
        cable.capacitance * cable.area,
        coupling,
        cable.solutions.ions(),
        membrane,
    )


def _part(inserted: Any, cable: Cable) -> Part:
    area, tree = cable.area, cable.nodes
    nodes = np.asarray(inserted.nodes)
    low, high = int(nodes.min()), int(nodes.max()) + 1
    present = np.zeros(high - low, bool)
    present[nodes - low] = True
    place = np.maximum(np.cumsum(present) - 1, 0)
    channel = jax.tree.map(
        lambda x: x[place] if eqx.is_array(x) and x.ndim else x, inserted.channel
    )
    way = None
    if isinstance(channel, Diffusing):
        way = path(channel, inserted.nodes, inserted.between, area, cable.shell, tree)
    return Part(channel, low, high, jnp.where(present, area[low:high], 0), present, way)


def settled(cable: Cable, assembly: Assembly, dtype: DTypeLike) -> CellState:
    """The state at the start: everything where it settles at `v_init`."""
    size = assembly.tree.size
    v = jnp.broadcast_to(cable.v_init.astype(dtype), (size,))

    def full(x: Array, width: int) -> Array:
        x = jnp.asarray(x)
        kind = dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
        return jnp.broadcast_to(x.astype(kind), (width,))

    # Pumps first: what they keep decides where the others settle.
    begun: dict[int, Any] = {}
    order = sorted(range(len(assembly.parts)), key=lambda k: not _pumps(assembly.parts[k]))
    for k in order:
        part = assembly.parts[k]
        known = [(p, begun[j]) for j, p in enumerate(assembly.parts) if j in begun and _pumps(p)]
        ions = seen(assembly.ions, known, size)
        state = part.channel.init(part.of(v), jax.tree.map(part.of, ions))
        begun[k] = jax.tree.map(lambda x, p=part: full(x, p.high - p.low), state)
    return CellState(v, tuple(begun[k] for k in range(len(assembly.parts))))


def _pumps(part: Part) -> bool:
    return isinstance(part.channel, AbstractPump)


def step(
    assembly: Assembly, share: float, state: CellState, held: Held, forced: tuple, dt: float
) -> Stepped:
    """Advance a cell by dt (ms). `share`: of the step at whose end the equations hold.

    `forced`: which variables of mechanisms are clamped, as (mechanism, name, where, value).
    """
    tree, v = assembly.tree, state.v
    known = list(zip(assembly.parts, state.mechanisms, strict=True))
    ions = seen(assembly.ions, known, tree.size)
    moved = [
        part.channel.moved(s, part.of(v), jax.tree.map(part.of, ions), dt) for part, s in known
    ]
    for k, name, where, value in forced:
        kept = jnp.where(where, value, variables.get(moved[k], name))
        moved[k] = variables.replace(moved[k], name, kept)

    middle, foreseen = moved, any_pumps(assembly.parts)
    if foreseen:
        middle = pumped(tree, assembly.parts, moved, (v, ions), Stretch(share * dt, share), None)
        ions = seen(assembly.ions, list(zip(assembly.parts, middle, strict=True)), tree.size)
    ions = flowing(assembly.parts, middle, v, ions)
    current, slope = _membrane(assembly, middle, v, ions, dt)
    if held.current is not None:
        current = current - held.current
    if held.slope is not None:
        slope = slope + held.slope
    storage = assembly.capacity / (share * dt)
    # However steeply a current turns inward, the equations keep their one solution.
    slope = jnp.maximum(slope, -0.5 * storage)
    frozen = _frozen(assembly, known)
    firm, passing = storage, current
    if frozen is not None:
        firm = jnp.where(frozen, _FIRM * storage, firm)
    if held.fixed is not None and held.value is not None:
        firm = jnp.where(held.fixed, _FIRM * storage, firm)
        current = jnp.where(held.fixed, share * firm * (v - held.value), current)
    half = advance(tree, v, slope, current, firm, assembly.coupling)
    # A branch point has no past: it stands where its neighbours put it.
    end = v + jnp.where(assembly.membrane, half / share, half)
    clamped = None
    if frozen is not None:
        end = jnp.where(frozen, v, end)
    if held.fixed is not None and held.value is not None:
        end = jnp.where(held.fixed, held.value, end)
        # What is missing in the balance of currents at the prescribed voltage.
        rise = share * (held.value - v)
        axial = laplacian(tree, assembly.coupling, v + half)
        clamped = jnp.where(held.fixed, (storage + slope) * rise + passing + axial, 0)
    if foreseen:
        moved = pumped(tree, assembly.parts, moved, (v + half, ions), Stretch(dt, share), middle)
    solved = Solved(assembly.parts, moved, ions, v, half, share, slope, assembly.capacity, dt)
    fired = _fired(solved, CellState(end, tuple(moved)), state)
    return fired._replace(clamped=clamped)


def current_of(assembly: Assembly, mechanism: int, state: CellState) -> Float[Array, " span"]:
    """Current (nA) of a mechanism out of each compartment of its span."""
    part = assembly.parts[mechanism]
    known = list(zip(assembly.parts, state.mechanisms, strict=True))
    ions = seen(assembly.ions, known, assembly.tree.size)
    ions = flowing(assembly.parts, list(state.mechanisms), state.v, ions)
    here, mine = part.of(state.v), jax.tree.map(part.of, ions)
    return part.area * part.channel.current(state.mechanisms[mechanism], here, mine)


def _membrane(
    assembly: Assembly, states: list, v: Float[Array, " nodes"], ions: Ions, dt: float
) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """Current out of each node (nA) and its slope (uS), of all mechanisms, in a step of dt (ms)."""
    current = slope = jnp.zeros_like(v)
    for part, state in zip(assembly.parts, states, strict=True):
        if not part.channel.conducts:
            continue
        mine = jax.tree.map(part.of, ions)
        here = part.of(v)

        def density(v, part=part, state=state, mine=mine):
            return part.channel.current(state, v, mine)

        one = jnp.ones_like(here)
        i, g = (x * part.area for x in jax.jvp(density, (here,), (one,)))
        if isinstance(part.channel, AbstractFiring) and part.channel.onset is Onset.UPSTROKE:
            # It runs away to infinity, and is over in a step that takes it from reset to threshold.
            margin = partial(part.channel.margin, state)
            most = part.of(assembly.capacity) / (dt * jax.jvp(margin, (here,), (one,))[1])
            i, g = jnp.where(i < -most, -most, i), jnp.where(i < -most, 0, g)
        current = current + part.over(i, v.shape[0])
        slope = slope + part.over(g, v.shape[0])
    return current, slope


def _frozen(assembly: Assembly, known: list[tuple[Part, Any]]) -> Array | None:
    """Where a refractory compartment keeps its voltage."""
    frozen = None
    for part, state in known:
        held = part.channel.holds(state) if isinstance(part.channel, AbstractFiring) else None
        if held is not None:
            mine = part.over(held & part.inserted, assembly.tree.size)
            frozen = mine if frozen is None else frozen | mine
    return frozen


def _fired(solved: Solved, reached: CellState, old: CellState) -> Stepped:
    """Spikes of the state that was reached, and the state after their resets."""
    v, states, spikes = reached.v, list(reached.mechanisms), []
    dt = solved.dt
    for k, part in enumerate(solved.parts):
        channel = part.channel
        if not isinstance(channel, AbstractFiring):
            continue
        here, before, state = part.of(reached.v), part.of(old.v), states[k]
        spike = channel.emitted(old.mechanisms[k], state, before, here, dt)
        resets = channel.onset is not Onset.EDGE
        if resets and channel.through_reset:
            spike, state = counted_once(solved, k, old.mechanisms[k], here, spike)
        spike = jnp.where(part.inserted, spike, 0)
        fired = jax.lax.stop_gradient(spike) > 0
        fresh, down = channel.reset(state, jax.lax.stop_gradient(here))
        after = jax.tree.map(
            lambda a, b, f=fired: b if a is b else jnp.where(f, a, b), fresh, state
        )
        states[k] = channel.counted(after, before, here, spike, dt)
        if resets:
            v = v.at[part.low : part.high].set(jnp.where(fired, down, here))
        spikes.append(spike[np.flatnonzero(part.inserted)])
    state = CellState(v, tuple(states))
    return Stepped(reached, old.v + solved.half, tuple(spikes), state, None)


def kinds_of(cable: Cable) -> str:
    """The tree of a cell and what is inserted into it, in few words."""
    names = ", ".join(one.name for one in cable.mechanisms) or "nothing"
    where = [cable.nodes.parent, *(np.asarray(one.nodes) for one in cable.mechanisms)]
    mark = hashlib.blake2b(b";".join(x.tobytes() for x in where), digest_size=3).hexdigest()
    return f"a tree of {cable.nodes.size} nodes with {names} (arranged as {mark})"
