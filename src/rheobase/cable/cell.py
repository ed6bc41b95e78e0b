"""A cell: the compartments of a tree, their passive properties, and what is inserted into them."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.cable import arguments
from rheobase.cable.geometry import geometry
from rheobase.channels import (
    AbstractFiring,
    AbstractMechanism,
    AbstractPump,
    Diffusing,
    Solutions,
)
from rheobase.errors import ArgumentError, ParameterError, ShapeError, UnknownName, brief
from rheobase.kernels.tree import Tree as Nodes
from rheobase.morphology import Compartments, Location, Tree, discretise
from rheobase.neurons import Onset
from rheobase.synapses.coupled import coupled
from rheobase.systems.cable import Bathed, Cable, Inserted, kinds_of
from rheobase.systems.cells import CoupledCells
from rheobase.systems.imposed import Clamps
from rheobase.systems.probes import Probes
from rheobase.units import (
    DomainError,
    Role,
    Unit,
    anything,
    cm,
    mV,
    nA,
    ohm,
    parameters,
    positive,
    quantity,
    uF,
)


class Cell(eqx.Module):
    r"""A neuron with a shape.

    area (C dv/dt + i) = sum over neighbours of (v_j - v)/(R_a axial_j) + I

    for each compartment: v voltage (mV), C capacitance (uF/cm**2), i current of its channels out of
    the cell for each area (nA/um**2), I current into it (nA), R_a resistivity (ohm*cm), axial_j the
    integral of ds/(pi r^2) between the middles (1/um). Branch points have no area and no channel.

    - `tree`: from `rb.io.read_swc` or `rb.morphology`; or `Compartments` that are already cut.
    - `max_length`, `d_lambda`, `n`: how fine it is cut, see `rb.morphology.discretise`.
    - `axial_resistivity`, `capacitance`, `v_init`: one for all, or one for each node, (nodes,).
    - `solutions`: concentrations of ions, and the temperature.

    A pytree: radii, lengths, resistivity, capacitance and the parameters of channels are arrays,
    with respect to which a simulation can be differentiated. See `scaled`.

    Errors: `UnitError`, `DomainError`, `ShapeError`, `ArgumentError` for what is no tree.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms, nA, um
    >>> tree = rb.morphology.ball_and_stick(length=300 * um)
    >>> cell = rb.Cell(tree, max_length=50 * um).insert(ch.HH())
    >>> soma, tip = cell.at("soma"), cell.at("dendrite", path_distance=290 * um)
    >>> run = rb.simulate(cell, current={soma: 2 * nA}, duration=5 * ms, dt=0.025 * ms,
    ...                   record={"v": [soma, tip], "HH.m": soma})
    >>> run.v.shape, run["HH.m"].shape
    ((200, 2), (200, 1))
    """

    compartments: Compartments = eqx.field(static=True)
    nodes: Nodes = eqx.field(static=True)
    radius: Array
    """Of each compartment, um."""
    length: Array
    """Of each compartment along its section, um; of no account where sections meet."""
    solutions: Solutions
    mechanisms: tuple[Inserted, ...]
    axial_resistivity: Array = quantity(ohm * cm, positive, "resistivity of the inside")
    capacitance: Array = quantity(
        uF / cm**2, positive, "capacitance of the membrane", role=Role.CAPACITANCE
    )
    v_init: Array = quantity(mV, anything, "voltage at the start")

    receives: ClassVar[Unit] = nA
    target: ClassVar[str] = ""
    """Nothing adds to a voltage at once."""
    resistance: ClassVar[None] = None
    gated: ClassVar[bool] = False
    implicit: ClassVar[bool] = True
    units: ClassVar[dict[str, Unit]] = {"v": mV}
    """A run begins where everything has settled at a voltage."""

    def __init__(
        self,
        tree: Tree | Compartments,
        *,
        max_length: Any = None,
        d_lambda: float | None = None,
        n: Any = None,
        axial_resistivity: Any = 100 * ohm * cm,
        capacitance: Any = 1 * uF / cm**2,
        v_init: Any = -65 * mV,
        solutions: Solutions | None = None,
    ):
        if isinstance(tree, Tree):
            cut = discretise(
                tree,
                max_length=max_length,
                d_lambda=d_lambda,
                n=n,
                axial_resistivity=axial_resistivity,
                capacitance=capacitance,
            )
        elif isinstance(tree, Compartments):
            cut = tree
        else:
            raise ArgumentError(
                f"a cell is made of a tree, got {brief(tree)}. Write "
                "rb.Cell(rb.io.read_swc('cell.swc'), max_length=20*um)."
            )
        self.compartments = cut
        self.nodes = Nodes(cut.parent)
        self.radius = _array(cut.radius)
        self.length = _array(cut.length)
        self.axial_resistivity = axial_resistivity
        self.capacitance = capacitance
        self.v_init = v_init
        self.solutions = Solutions() if solutions is None else solutions
        self.mechanisms = ()

    def __check_init__(self):
        for name in ("axial_resistivity", "capacitance", "v_init"):
            shape = getattr(self, name).shape
            if shape not in ((), (self.nodes.size,)):
                raise ShapeError(
                    f"`{name}` has shape {shape}: give one number, or one for each of the "
                    f"{self.nodes.size} nodes."
                )

    def at(
        self,
        region: str | None = None,
        *,
        section: int | None = None,
        at: float | None = None,
        path_distance: Any = None,
        distance: Any = None,
        xyz: Any = None,
    ) -> Location:
        """A place on the tree, to stimulate or record there; see `Tree.locate`.

        Errors: `UnknownName` for a region that it does not have, `ParameterError` for a place that
        is off the tree.

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> cell = rb.Cell(rb.morphology.ball_and_stick(length=300 * um))
        >>> cell.at("dendrite", path_distance=160 * um)
        Location(section=1, at=0.5)
        """
        return self.compartments.tree.locate(
            region, section=section, at=at, path_distance=path_distance, distance=distance, xyz=xyz
        )

    def insert(self, channel: AbstractMechanism, at: Any = "all") -> "Cell":
        """The cell with a channel in a region, in several regions, or at locations.

        Each parameter of the channel is one number, or one for each compartment there, in the
        order of the compartments.

        Errors: `UnknownName` for a region that it does not have, `ParameterError` for a channel
        that is already there, and for concentrations or a reset that another one there already
        sets, `ShapeError` for parameters of another number of compartments.

        >>> import rheobase as rb
        >>> from rheobase import channels as ch
        >>> cell = rb.Cell(rb.morphology.ball_and_stick())
        >>> cell = cell.insert(ch.HH(), at="soma").insert(ch.Leak(), at=["soma", "dendrite"])
        """
        if not isinstance(channel, AbstractMechanism):
            made = isinstance(channel, type) and issubclass(channel, AbstractMechanism)
            example = f"{channel.__name__}()" if made else "rb.channels.HH()"
            raise ArgumentError(
                f"a channel is inserted, got {brief(channel)}. Write insert({example})."
            )
        nodes = self._nodes_of(at)
        between = ()
        if isinstance(channel, Diffusing):
            between = _between(self.compartments, nodes)
        new = Inserted(channel, tuple(nodes.tolist()), between)
        for other in self.mechanisms:
            twice = np.intersect1d(nodes, other.nodes)
            if other.name == new.name and twice.size:
                raise ParameterError(self._twice(new.name, twice))
            if twice.size:
                _require_one_source(new, other, self.solutions)
        _check_shapes(new)
        self._check_reads(new)
        return eqx.tree_at(lambda c: c.mechanisms, self, (*self.mechanisms, new))

    def scaled(self, *, radius: Any = 1.0, length: Any = 1.0, at: Any = "all") -> "Cell":
        """The cell with compartments of a region thicker or longer by a factor, dimensionless.

        A factor is one number, or one for each compartment there. Compartments keep their form:
        the membrane grows with radius and length, the axial resistance with length/radius^2. Only
        the equations change: places, pictures and the number of compartments stay. A factor may be
        traced, so that a simulation can be differentiated with respect to it; so may be the arrays
        `cell.radius` and `cell.length` themselves (um), put in with `eqx.tree_at`.

        Errors: `DomainError` for a factor that is not positive, `ShapeError` for another number of
        factors, `UnknownName` for a region that it does not have.

        >>> import jax
        >>> import rheobase as rb
        >>> from rheobase import channels as ch
        >>> from rheobase.units import ms, nA
        >>> cell = rb.Cell(rb.morphology.ball_and_stick()).insert(ch.Leak())
        >>> def end(factor):
        ...     thicker = cell.scaled(radius=factor, at="dendrite")
        ...     return rb.simulate(thicker, current={cell.at("soma"): 0.1 * nA}, duration=5 * ms,
        ...                        dt=0.1 * ms, record={"v": "soma"}).v[-1, 0]
        >>> bool(jax.grad(end)(1.0) < 0)
        True
        """
        nodes = self._nodes_of(at)
        factors = []
        for name, given in (("radius", radius), ("length", length)):
            factor = jnp.asarray(given, self.radius.dtype)
            if factor.shape not in ((), (len(nodes),)):
                raise ShapeError(
                    f"`{name}` has shape {factor.shape}: give one factor, or one for each of the "
                    f"{len(nodes)} compartments there."
                )
            if not isinstance(factor, Tracer) and not np.all(np.asarray(factor) > 0):
                raise DomainError(
                    f"`{name}` is a factor > 0, got {brief(given)}. Write cell.scaled({name}=1.1)."
                )
            factors.append(factor)
        return eqx.tree_at(
            lambda c: (c.radius, c.length),
            self,
            tuple(
                one.at[nodes].set(one[nodes] * factor)
                for one, factor in zip((self.radius, self.length), factors, strict=True)
            ),
        )

    def _check_reads(self, new: Inserted) -> None:
        """Refuse a current that is read and is itself made of a current that is read."""
        readers = [one for one in (*self.mechanisms, new) if one.channel.reads]
        read = {ion: one.name for one in readers for ion in one.channel.reads}
        for one in readers:
            for ion in sorted(read.keys() & _carries(one.channel, self.solutions)):
                raise ParameterError(
                    f"{read[ion]} reads the current of {ion}, of which {one.name} carries a part "
                    f"that is itself made of a current it reads, so which comes first is open. "
                    f"Insert one of them, or write {one.name} without reading a current."
                )

    def _twice(self, name: str, nodes: np.ndarray) -> str:
        """What is wrong with inserting a channel where it already is, and what to do instead."""
        taken = {i for m in self.mechanisms if m.name == name for i in m.nodes}
        membrane = np.flatnonzero(self.compartments.membrane)
        free = [self.compartments.region[i] for i in membrane if i not in taken]
        cure = (
            f"Insert it where it is not yet: cell.insert(ch.{name}(...), at={free[0]!r})."
            if free
            else f"Give it one value for each compartment instead: ch.{name}(...) of arrays."
        )
        region = self.compartments.region[nodes[0]]
        return f"{name} is already in {len(nodes)} of these compartments, first of {region}. {cure}"

    def __getitem__(self, name: str) -> AbstractMechanism:
        """The channel of that name; of several in different regions the one inserted first."""
        found = {m.name: m.channel for m in reversed(self.mechanisms)}
        if name not in found:
            raise UnknownName("channel of this cell", name, found)
        return found[name]

    def node(self, place: Any) -> int:
        """The number of the node of a location, or of the middle of a region of one section."""
        if isinstance(place, str):
            place = self.at(place)
        if not isinstance(place, Location):
            raise ArgumentError(
                f"a place is a location, got {brief(place)}. Write cell.at('soma')."
            )
        if not 0 <= place.section < len(self.compartments.tree):
            raise ParameterError(
                f"section {place.section} is off the tree, which has "
                f"{len(self.compartments.tree)} of them. Write cell.at(section=0)."
            )
        return self.compartments.node(place)

    @property
    def cable(self) -> Cable:
        """What the time loop needs of it."""
        return Cable(
            self.nodes,
            *geometry(self.compartments, self.radius, self.length),
            self.axial_resistivity,
            self.capacitance,
            self.v_init,
            self.solutions,
            self.mechanisms,
        )

    # What networks, runs and fits ask of neurons, of cells and of sources alike.

    @property
    def kinds(self) -> str:
        """Its tree and what is inserted into it, by which a run that goes on knows it again."""
        return kinds_of(self.cable)

    @property
    def title(self) -> str:
        """Its name in tables and reports, with its channels."""
        return f"Cell({', '.join(one.name for one in self.mechanisms)})"

    def check(self, dt: float) -> None:
        """Refuse a time step (ms) that what fires on it cannot take."""
        for one in self.mechanisms:
            if isinstance(one.channel, AbstractFiring):
                one.channel.check(dt)

    @property
    def outputs(self) -> int:
        """How many compartments fire."""
        firing = (m for m in self.mechanisms if isinstance(m.channel, AbstractFiring))
        return sum(len(m.nodes) for m in firing)

    @property
    def gated_parts(self) -> tuple[tuple[str, Bathed], ...]:
        """Its channels by name, each with `gate_rates`."""
        return tuple((one.name, Bathed(one, self.solutions)) for one in self.mechanisms)

    def sites(self, at: Any) -> tuple[int, ...]:
        """The nodes of a location, of several, or of a region; None for the root."""
        if at is None:
            return (self.node(self.compartments.tree.origin),)
        return tuple(arguments.nodes_at(self, at, "at"))

    def synapse_shape(self, n: int, sites: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the states of synapses on n of it."""
        return (n, len(sites))

    def probes(self, record: Any, clamps: Clamps, synapses: CoupledCells | None = None) -> Probes:
        """What a step reads where, from what a user asks for."""
        return arguments.probes(self, record, clamps, synapses)

    def clamps(self, given: Any, dt: float) -> Clamps:
        """What is clamped, from what a user says by variable and place."""
        return arguments.clamps(self, given, dt)

    def _nodes_of(self, at: Any) -> np.ndarray:
        if isinstance(at, str):
            return np.flatnonzero(self.compartments.where(at))
        if isinstance(at, Location):
            return np.array([self.node(at)])
        if isinstance(at, np.ndarray) and at.dtype == bool and at.shape == (self.nodes.size,):
            return np.flatnonzero(at & self.compartments.membrane)
        if isinstance(at, Iterable) and not isinstance(at, np.ndarray):
            return np.unique(np.concatenate([self._nodes_of(one) for one in at]))
        raise ArgumentError(
            f"`at` is a region, a location, or several of them, got {brief(at)}. "
            "Write cell.insert(ch.HH(), at='soma')."
        )

    def __repr__(self) -> str:
        channels = ", ".join(f"{m.name} in {len(m.nodes)}" for m in self.mechanisms) or "no channel"
        return f"Cell({self.compartments!r}; {channels})"


@coupled.register
def _(cell: Cell, kinds: Sequence[tuple]) -> CoupledCells:
    return CoupledCells(cell.cable, tuple(s for s, _, _ in kinds), tuple(at for *_, at in kinds))


def _array(values: np.ndarray) -> Array:
    return jnp.asarray(values, jnp.result_type(float))


def _between(compartments: Compartments, nodes: np.ndarray) -> tuple[int, ...]:
    """The branch points that the tree joins to any of these compartments without leaving them."""
    reached = ~compartments.membrane
    reached[nodes] = True
    joined: list[int] = []
    for i, parent in enumerate(compartments.parent.tolist()):
        joined.append(joined[parent] if parent >= 0 and reached[parent] and reached[i] else i)
    whole = np.asarray(joined)
    held = np.isin(whole, whole[nodes])
    return tuple(np.flatnonzero(held & ~compartments.membrane).tolist())


def _carries(channel: AbstractMechanism, solutions: Solutions) -> set[str]:
    """The ions that carry its current."""

    def carried() -> dict[str, Array]:
        v, ions = jnp.zeros(()), solutions.ions()
        return channel.carried(channel.init(v, ions), v, ions)

    return set(jax.eval_shape(carried))


def _check_shapes(inserted: Inserted) -> None:
    count = len(inserted.nodes)
    declared = parameters(inserted.channel)
    for path, leaf in jax.tree_util.tree_leaves_with_path(inserted.channel):
        if isinstance(leaf, Tracer) or not eqx.is_array(leaf) or leaf.shape in ((), (count,)):
            continue
        name = jax.tree_util.keystr(path).strip(".")
        unit = declared[name].unit if name in declared else "..."
        raise ShapeError(
            f"`{name}` of {inserted.name} has shape {leaf.shape}, but it is inserted into {count} "
            f"compartments: give one number, or an array of shape ({count},) in {unit}."
        )


def _require_one_source(new: Inserted, other: Inserted, solutions: Solutions) -> None:
    """Refuse two mechanisms that set the same quantity: their order would decide."""
    both = _set_by(new.channel, solutions) & _set_by(other.channel, solutions)
    if both:
        raise ParameterError(
            f"{new.name} sets {min(both)} in a compartment where {other.name} already does, so "
            "that the order of insertion would decide. Keep one of the two, or insert each into "
            f"compartments of its own: cell.insert({new.channel!r}, at='soma')."
        )


def _set_by(channel: AbstractMechanism, solutions: Solutions) -> set[str]:
    """What of a compartment a mechanism sets: concentrations, or the voltage after a spike."""
    v, ions = jnp.zeros(()), solutions.ions()
    if isinstance(channel, AbstractPump):
        seen = channel.seen(channel.init(v, ions), ions)
        return {
            f"the concentration of {ion} {side}"
            for ion in ("na", "k", "ca", "cl")
            for side in ("inside", "outside")
            if getattr(getattr(seen, ion), side) is not getattr(getattr(ions, ion), side)
        }
    if isinstance(channel, AbstractFiring):
        return set() if channel.onset is Onset.EDGE else {"the voltage after a spike"}
    return set()
