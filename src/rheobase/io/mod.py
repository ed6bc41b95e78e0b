"""Mechanisms of NEURON, .mod files in NMODL, as ordinary channels and synapses.

Source of the language: Hines & Carnevale 2000, Neural Comput 12:995.
"""

import types
from pathlib import Path
from typing import Any

import jax.numpy as jnp
from jax import Array

from rheobase.channels.base import AbstractKinetics, AbstractPump
from rheobase.channels.ions import Ions
from rheobase.errors import MechanismError
from rheobase.io.mod_synapse import synapse_of
from rheobase.io.nmodl.declare import declare
from rheobase.io.nmodl.parser import parse
from rheobase.io.nmodl.point import Point
from rheobase.io.nmodl.program import CURRENT, REACH, Program
from rheobase.io.nmodl.tokens import refuse
from rheobase.units import Quantity


def read_mod(path: str | Path) -> Any:
    """Make a class of channels, or of synapses, from a .mod file of NEURON.

    Its PARAMETERs are the fields, with their units and defaults; so are `ena` and `ek` where the
    file reads them (50 and -77 mV: NEURON does not look at their values in PARAMETER either; where
    a mechanism writes the concentration they follow it), while other reversal potentials and
    concentrations are those of the cell's solutions. `celsius` is their temperature. A state x
    starts where INITIAL puts it, else at the parameter `x0`, a concentration at that of the
    solutions. A state that moves alone takes a step of exponential Euler, which for equations that
    are linear in it is the method cnexp; states that act on one another, as those of a KINETIC
    scheme, move together (`rheobase.channels.coupled`). Tables are ignored, as the exact curve is
    computed. Where a curve is 0/0, as x/(exp(x) - 1) at 0, value and slope are those just beside
    it. A file that writes a concentration, or whose equations read the current of an ion, becomes
    a pump, which is moved by the currents of all mechanisms in the middle of a step. A current made
    of that of an ion in BREAKPOINT sees all other mechanisms at the same voltage, in whatever order
    they are inserted (NEURON: those whose files nrnivmodl takes before, which is the same where the
    reader is last). What NEURON takes from the section has no default: `diam`, `area`, and `ex` of
    an ion x other than na, k, ca and cl, which is the label of a current.

    A POINT_PROCESS with NET_RECEIVE becomes a synapse for `rb.Connection`, if its events add to its
    states: by the weight times a number, and by what the times of the events alone make of the
    other variables of the connection. The number of a weight is that of NEURON, in its unit in the
    file, else in uS (nA for a current).

    The guide "Read a mechanism of NEURON" has a table of all that is taken.

    **Raises:** `MechanismError`, with the line, for any other construct (POINTER, net_send,
    VERBATIM, ...), for names that are not declared, and for what is no NMODL.

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
    source = parse(path.read_text(encoding="utf-8", errors="replace"), path.name, path.parent)
    if not source.name:
        raise refuse(path.name, 1, "there is no SUFFIX or POINT_PROCESS in a NEURON block.")
    if source.point:
        return synapse_of(Point(source, path.name))
    if source.receive is not None:
        raise refuse(path.name, source.receive.line, "NET_RECEIVE is of a POINT_PROCESS.")
    program = Program(source, path.name)
    parts: dict[str, Any] = _PUMP if program.driven else _CHANNEL
    base = AbstractPump if program.driven else AbstractKinetics

    def body(space: dict[str, Any]) -> None:
        space["__module__"] = __name__
        space["__doc__"] = f"The mechanism {source.name} of {path.name}."
        declare(space, source.name, program.fields)
        space["program"] = program
        space["reads"] = program.reads
        if program.driven:
            space["conducts"] = bool(program.currents or program.nonspecific)
        space.update(parts)

    return types.new_class(source.name, (base,), exec_body=body)


def _init(self: Any, v: Array, ions: Ions) -> Any:
    v = jnp.asarray(v)

    def settled(v: Array) -> Any:
        return self.program.shaped(self.program.names(self, v, ions, {}, first=True), "", v)

    return self.program.beside_holes(settled, jnp.clip(v, -REACH, REACH))


def _derivative(self: Any, state: Any, v: Array, ions: Ions) -> Any:
    return _rate(self, state, {}, v, ions)


def _rate(self: Any, state: Any, carried: dict[str, Array], v: Array, ions: Ions) -> Any:
    def rates(v: Array) -> Any:
        names = self.program.solved(self.program.names(self, v, ions, carried), state)
        return self.program.shaped(names, "'", v)

    return self.program.beside_holes(rates, jnp.clip(jnp.asarray(v), -REACH, REACH))


def _moved(self: Any, state: Any, v: Array, ions: Ions, dt: float) -> Any:
    return self.program.advanced(
        lambda v: self.program.names(self, v, ions, {}), state, jnp.asarray(v), dt
    )


def _relaxation(self: Any, v: Array, ions: Ions) -> dict[str, Array]:
    """Return the rates of states that move alone; those of a scheme are solved together."""
    alone = self.program.advance.alone
    every = AbstractKinetics.relaxation(self, v, ions)
    return {name: rate for name, rate in every.items() if name in alone}


def _driven(  # noqa: PLR0913
    self: Any,
    state: Any,
    carried: dict[str, Array],
    ions: Ions,
    dt: float,
    middle: Any = None,
    v: Array | None = None,
) -> Any:
    # The slopes by the other states are known, so the state of the middle is not needed.
    if v is None:
        _refuse_unfelt(self)
        v = jnp.zeros_like(state[0]) if len(state) else jnp.zeros(())
    return self.program.advanced(lambda v: self.program.names(self, v, ions, carried), state, v, dt)


def _currents(self: Any, state: Any, v: Array, ions: Ions) -> dict[str, Array]:
    program = self.program

    def currents(v: Array) -> dict[str, Array]:
        names = program.ended(program.names(self, v, ions, {}), state)
        wanted = (*program.currents, *program.nonspecific)
        internal = CURRENT.internal()
        return {
            name: Quantity(jnp.broadcast_to(names[name], v.shape), CURRENT).value_in(internal)
            for name in wanted
        }

    return program.beside_holes(currents, v)


def _current(self: Any, state: Any, v: Array, ions: Ions) -> Array:
    return sum(_currents(self, state, v, ions).values(), jnp.zeros_like(v))


def _carried(self: Any, state: Any, v: Array, ions: Ions) -> dict[str, Array]:
    if not self.program.currents:
        return {}
    flows = _currents(self, state, v, ions)
    return {name[1:]: flows[name] for name in self.program.currents}


def _seen(self: Any, state: Any, ions: Ions) -> Ions:
    program = self.program
    if not program.written:
        return ions
    names = program.ended(program.names(self, 0.0, ions, {}), state)
    shape = jnp.shape(state[0]) if len(state) else ()
    for name in program.written:
        kind = name[:-1]
        inside = jnp.broadcast_to(names[name], shape)
        there = getattr(ions, kind)
        kept = None if there.kept is None else jnp.ones_like(inside)
        ions = ions._replace(**{kind: there._replace(inside=inside, kept=kept)})
    return ions


def _unfelt(self: Any, state: Any, carried: dict[str, Array], ions: Ions) -> Any:
    _refuse_unfelt(self)
    like = state[0] if len(state) else jnp.zeros(())
    return _rate(self, state, carried, jnp.zeros_like(like), ions)


def _refuse_unfelt(self: Any) -> None:
    if self.program.feels_voltage:
        raise MechanismError(
            f"the equations of {self.program.source.name} use v: call "
            f"rate(state, carried, v, ions)."
        )


_CHANNEL = {
    "init": _init,
    "moved": _moved,
    "relaxation": _relaxation,
    "derivative": _derivative,
    "current": _current,
    "carried": _carried,
}
_PUMP = {
    "init": _init,
    "seen": _seen,
    "derivative": _unfelt,
    "driven": _driven,
    "rate": _rate,
    "current": _current,
    "carried": _carried,
}
