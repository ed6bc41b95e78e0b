"""Mechanisms of NEURON, .mod files in NMODL, as ordinary channels.

Source of the language: Hines & Carnevale 2000, Neural Comput 12:995.
"""

import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, final

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.channels.base import AbstractKinetics, AbstractPump, Stateless
from rheobase.channels.ions import Ion, Ions
from rheobase.errors import MechanismError
from rheobase.io.nmodl.evaluate import Meaning, Values
from rheobase.io.nmodl.parser import Source, parse
from rheobase.io.nmodl.tokens import refuse
from rheobase.io.nmodl.units import unit_of
from rheobase.units import (
    Quantity,
    S,
    Unit,
    anything,
    cm,
    dimensionless,
    in_unit,
    mA,
    mV,
    non_negative,
    quantity,
)

CURRENT = mA / cm**2
KINDS = ("na", "k", "ca", "cl")
REVERSALS = {"ena": 50.0, "ek": -77.0}
"""What NEURON gives where nobody says otherwise (mV)."""
ZERO_CELSIUS = 273.15
REACH = 250.0
"""mV: states move as at this voltage beyond it, which no membrane has."""
_BESIDE = 1e-4
"""mV: so far beside a hole in its curves a mechanism is evaluated."""


def read_mod(path: str | Path) -> Any:
    """Make a class of channels from a .mod file of NEURON.

    Its PARAMETERs are the fields, with their units and defaults; so are `ena` and `ek` where the
    file reads them (the values of its PARAMETER block, else 50 and -77 mV), while other reversal
    potentials and concentrations are those of the cell's solutions. `celsius` is their
    temperature. States move by exponential Euler, which for equations that are linear in each
    state is the method cnexp; tables are ignored, as the exact curve is computed. Where a curve is
    0/0, as x/(exp(x) - 1) at 0, value and slope are those just beside it. A file that writes a
    concentration becomes a pump.

    Taken are NEURON (SUFFIX, USEION, NONSPECIFIC_CURRENT), UNITS, PARAMETER, CONSTANT, ASSIGNED,
    STATE, INITIAL, BREAKPOINT, DERIVATIVE, PROCEDURE, FUNCTION, if and else, LOCAL, TABLE.

    **Raises:** `MechanismError`, with the line, for any other construct (KINETIC, VERBATIM,
    NET_RECEIVE, POINTER, loops, ...), for names that are not declared, and for what is no NMODL.

    **Example:** a delayed rectifier.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import rheobase as rb
        >>> text = '''
        ... NEURON { SUFFIX kd  USEION k READ ek WRITE ik  RANGE gbar }
        ... PARAMETER { gbar = 0.036 (S/cm2) }
        ... ASSIGNED { v (mV)  ek (mV)  ik (mA/cm2) }
        ... STATE { n }
        ... INITIAL { n = 1/(1 + exp(-(v + 53)/15)) }
        ... BREAKPOINT { SOLVE states METHOD cnexp  ik = gbar*n^4*(v - ek) }
        ... DERIVATIVE states { n' = (1/(1 + exp(-(v + 53)/15)) - n)/5 }
        ... '''
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder) / "kd.mod"
        ...     _ = file.write_text(text)
        ...     Kd = rb.io.read_mod(file)
        >>> from rheobase.units import S, cm
        >>> channel = Kd(gbar=0.01 * S / cm**2)
        >>> list(rb.units.parameters(Kd))
        ['gbar', 'ek']
    """
    path = Path(path)
    source = parse(path.read_text(encoding="utf-8", errors="replace"), path.name)
    if not source.name:
        raise MechanismError(f"{path.name} has no SUFFIX in a NEURON block.")
    program = _Program(source, path.name)
    parts: dict[str, Any] = _PUMP if program.pumped else _CHANNEL
    base = AbstractPump if program.pumped else AbstractKinetics

    def body(space: dict[str, Any]) -> None:
        space["__module__"] = __name__
        space["__doc__"] = f"The mechanism {source.name} of {path.name}."
        space["__annotations__"] = {name: Array for name in program.fields}
        for name, (unit, value) in program.fields.items():
            domain = non_negative if unit == S / cm**2 else anything
            default = value if unit == dimensionless else Quantity(value, unit)
            space[name] = quantity(unit, domain, f"{name} of {source.name}", default=default)
        space["program"] = program
        space.update(parts)

    return types.new_class(source.name, (base,), exec_body=body)


@final
class _Program:
    """What a file says, ready to be carried out."""

    def __init__(self, source: Source, file: str):
        self.source, self.file = source, file
        self.meaning = Meaning(source, file)
        self.states = [state.name for state in source.states]
        self.currents = [f"i{ion.name}" for ion in source.ions if f"i{ion.name}" in ion.write]
        self.pumped = [
            ion.name for ion in source.ions if {f"{ion.name}i", f"{ion.name}o"} & set(ion.write)
        ]
        self.seen = [name for ion in source.ions for name in ion.read]
        self._check_ions()
        self.fields = self._fields()
        known = {"v", "celsius", *self.states, *self.fields, *source.constants, *self.seen}
        known |= {f"{ion.name}{side}" for ion in source.ions for side in "io"}
        known |= {name for ion in source.ions for name in ion.write}
        known |= {item.name for item in (*source.parameters, *source.assigned)}
        self.meaning.check((known | set(source.nonspecific)) - {"t", "dt", "diam", "area"})
        fields = [(name, Annotated[Array, dimensionless]) for name in self.states]
        named: Any = NamedTuple(f"{source.name}State", fields)  # noqa: UP014
        self.state = named if fields else Stateless
        self.holed = "exp" in str(source) and "'/'" in str(source)

    def _check_ions(self) -> None:
        for ion in self.source.ions:
            own = {f"e{ion.name}", f"i{ion.name}", f"{ion.name}i", f"{ion.name}o"}
            if ion.name not in KINDS:
                raise refuse(
                    self.file, ion.line, f"the ion {ion.name!r} is none of {', '.join(KINDS)}."
                )
            for name in (*ion.read, *ion.write):
                if name not in own:
                    raise refuse(self.file, ion.line, f"{name!r} is nothing of the ion {ion.name}.")
            if f"{ion.name}o" in ion.write or f"e{ion.name}" in ion.write:
                raise refuse(
                    self.file, ion.line, "only currents and inner concentrations are written."
                )
            if f"{ion.name}i" in ion.write and self.currents:
                raise refuse(
                    self.file, ion.line, "a mechanism writes currents or a concentration, not both."
                )

    def _fields(self) -> dict[str, tuple[Unit, float]]:
        """Unit and default of each field."""
        own = {"v", "celsius", "t", "dt", "diam", "area"}
        own |= {f"{kind}{side}" for kind in KINDS for side in "io"} & set(self.seen)
        own |= {name for name in self.seen if name[0] == "e" or name[0] == "i"}
        fields = {
            item.name: (unit_of(item.unit), item.value or 0.0)
            for item in self.source.parameters
            if item.name not in own
        }
        given = {item.name: item.value for item in self.source.parameters}
        for name in self.seen:
            if name in REVERSALS:
                value = given.get(name)
                fields[name] = (mV, REVERSALS[name] if value is None else value)
        return fields

    def names(self, module: Any, v: Any, ions: Ions, carried: dict[str, Array]) -> Values:
        """Every name with its value before anything is computed, after INITIAL."""
        names: Values = {item.name: 0.0 for item in self.source.assigned}
        names |= dict.fromkeys((*self.states, *self.currents, *self.source.nonspecific), 0.0)
        names |= self.source.constants
        names["celsius"] = ions.temperature - ZERO_CELSIUS
        names["v"] = v
        for ion in self.source.ions:
            there: Ion = getattr(ions, ion.name)
            names[f"{ion.name}i"], names[f"{ion.name}o"] = there.inside, there.outside
            names[f"e{ion.name}"] = there.reversal
            if ion.name in carried:
                names[f"i{ion.name}"] = in_unit(carried[ion.name], CURRENT)
        for name, (unit, _) in self.fields.items():
            names[name] = in_unit(getattr(module, name), unit)
        return self.meaning.run(self.source.initial, names)

    def shaped(self, names: Values, suffix: str, like: Array) -> Any:
        """The state of the values of these names."""
        values = (names.get(name + suffix, 0.0) for name in self.states)
        return self.state(
            *(jnp.broadcast_to(jnp.asarray(x, like.dtype), like.shape) for x in values)
        )

    def solved(self, names: Values, state: Any) -> Values:
        """The names after the equations have been looked at in a state."""
        names |= dict(zip(self.states, state, strict=True))
        for body in self.source.derivatives.values():
            self.meaning.run(body, names)
        return names

    def ended(self, names: Values, state: Any) -> Values:
        """The names after BREAKPOINT."""
        names |= dict(zip(self.states, state, strict=True))
        return self.meaning.run(self.source.breakpoint, names)

    def beside_holes(self, function: Callable[[Array], Any], v: Array) -> Any:
        """A function of voltage, evaluated just beside where it or its slope is no number."""
        if not self.holed:
            return function(v)
        both = jax.jvp(function, (v,), (jnp.ones_like(v),))
        hole = jnp.zeros(v.shape, bool)
        for x in jax.tree.leaves(both):
            hole = hole | ~jnp.isfinite(jnp.broadcast_to(x, v.shape))
        return function(jnp.where(hole, v + _BESIDE, v))


def _init(self: Any, v: Array, ions: Ions) -> Any:
    v = jnp.asarray(v)

    def settled(v: Array) -> Any:
        return self.program.shaped(self.program.names(self, v, ions, {}), "", v)

    return self.program.beside_holes(settled, jnp.clip(v, -REACH, REACH))


def _derivative(self: Any, state: Any, v: Array, ions: Ions) -> Any:
    def rates(v: Array) -> Any:
        names = self.program.solved(self.program.names(self, v, ions, {}), state)
        return self.program.shaped(names, "'", v)

    return self.program.beside_holes(rates, jnp.clip(v, -REACH, REACH))


def _currents(self: Any, state: Any, v: Array, ions: Ions) -> dict[str, Array]:
    program = self.program

    def currents(v: Array) -> dict[str, Array]:
        names = program.ended(program.names(self, v, ions, {}), state)
        wanted = (*program.currents, *program.source.nonspecific)
        internal = CURRENT.internal()
        return {
            name: Quantity(jnp.broadcast_to(names[name], v.shape), CURRENT).value_in(internal)
            for name in wanted
        }

    return program.beside_holes(currents, v)


def _current(self: Any, state: Any, v: Array, ions: Ions) -> Array:
    return sum(_currents(self, state, v, ions).values(), jnp.zeros_like(v))


def _carried(self: Any, state: Any, v: Array, ions: Ions) -> dict[str, Array]:
    flows = _currents(self, state, v, ions)
    return {name[1:]: flows[name] for name in self.program.currents}


def _seen(self: Any, state: Any, ions: Ions) -> Ions:
    names = self.program.ended(self.program.names(self, 0.0, ions, {}), state)
    for kind in self.program.pumped:
        inside = jnp.broadcast_to(names[f"{kind}i"], jnp.shape(state[0]))
        ions = ions._replace(**{kind: getattr(ions, kind)._replace(inside=inside)})
    return ions


def _driven(self: Any, state: Any, carried: dict[str, Array], ions: Ions) -> Any:
    names = self.program.solved(self.program.names(self, 0.0, ions, carried), state)
    return self.program.shaped(names, "'", state[0])


_CHANNEL = {
    "init": _init,
    "derivative": _derivative,
    "current": _current,
    "carried": _carried,
}
_PUMP = {"init": _init, "seen": _seen, "derivative": _driven}
