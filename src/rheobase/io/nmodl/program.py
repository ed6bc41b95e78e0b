"""A mechanism of a .mod file, ready to be carried out in JAX."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple, final

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.channels.base import Stateless
from rheobase.channels.ions import Ion, Ions, Solutions
from rheobase.errors import MechanismError
from rheobase.io.nmodl import source as said
from rheobase.io.nmodl.advance import Advance
from rheobase.io.nmodl.evaluate import Meaning, Values
from rheobase.io.nmodl.fields import CLOCK, Fields, fields_of, identifier
from rheobase.io.nmodl.flow import Env, Flow
from rheobase.io.nmodl.source import Source
from rheobase.io.nmodl.tokens import refuse
from rheobase.io.nmodl.walk import expressions
from rheobase.units import cm, dimensionless, in_unit, mA, mV, um

CURRENT = mA / cm**2
KINDS = ("na", "k", "ca", "cl")
REVERSALS = {"ena": 50.0, "ek": -77.0}
"""What NEURON gives where nobody says otherwise (mV)."""
GEOMETRY = {"diam": um, "area": um**2}
"""What NEURON takes from the section, and a channel here is told."""
ZERO_CELSIUS = 273.15
REACH = 250.0
"""mV: states move as at this voltage beyond it, which no membrane has."""
_BESIDE = 1e-4
"""mV: so far beside a hole in its curves a mechanism is evaluated."""


@final
class Program:
    """What a file says, ready to be carried out."""

    def __init__(self, source: Source, file: str):
        self.source, self.file = source, file
        self.meaning = Meaning(source, file)
        self.ions = [ion for ion in source.ions if ion.name in KINDS]
        markers = [self._marker(ion) for ion in source.ions if ion.name not in KINDS]
        self.nonspecific = [*source.nonspecific, *(f"i{name}" for name in markers)]
        self.told = {f"e{name}": mV for name in markers}
        self.states = [state.name for state in source.states]
        self.currents = [f"i{ion.name}" for ion in self.ions if f"i{ion.name}" in ion.write]
        self.written = [f"{ion.name}i" for ion in self.ions if f"{ion.name}i" in ion.write]
        self.seen = [name for ion in self.ions for name in ion.read]
        self.flows = {f"i{ion.name}" for ion in self.ions} & set(self.seen)
        self._check_ions()
        self.fields = self._fields()
        known = {"v", "celsius", *self.states, *self.fields, *source.constants, *self.seen}
        known |= {f"{ion.name}{side}" for ion in self.ions for side in "io"}
        known |= {f"_ion_{ion.name}i" for ion in self.ions}
        known |= {name for ion in self.ions for name in ion.write} | {"t", "dt"}
        known |= {item.name for item in (*source.parameters, *source.assigned)}
        known |= {name for scheme in source.schemes.values() for name in scheme.hidden}
        known |= {f"{name}'" for scheme in source.schemes.values() for name in scheme.states}
        self.meaning.check(known | set(self.nonspecific))
        solved = [x[1] for x in expressions(source.breakpoint) if x[0] == "solve"]
        self.equations = [x for name in dict.fromkeys(solved) for x in source.derivatives[name]]
        self.derived = [source.derivatives[name] for name in dict.fromkeys(solved)]
        roots = Roots(self)
        self.breakpoint_first, self.kept = roots.breakpoint_first, roots.kept
        schemes = [source.schemes[name] for name in dict.fromkeys(solved) if name in source.schemes]
        self.advance = Advance([*self.states, *self.kept], roots.depends, schemes)
        self.later = self._later()
        self.driven = bool(self.written or roots.of_rates & self.flows)
        self.reads = frozenset(name[1:] for name in roots.of_currents & self.flows)
        self.feels_voltage = self.driven and "v" in roots.of_rates
        names = [identifier(x) for x in (*self.states, *self.kept)]
        fields = [(name, Annotated[Array, dimensionless]) for name in names]
        named: Any = NamedTuple(f"{source.name}State", fields)  # noqa: UP014
        self.state = named if fields else Stateless
        self.holed = "exp" in str(source) and "'/'" in str(source)
        self._check_steady()
        self._check_moves()

    def _marker(self, ion: said.Ion) -> str:
        """The name of an ion of no concentration: a label of a current, with a reversal."""
        other = [x for x in ion.read if x != f"e{ion.name}"]
        other += [x for x in ion.write if x != f"i{ion.name}"]
        if other:
            raise refuse(
                self.file,
                ion.line,
                f"of an ion of this name nothing is kept but its own current: {other[0]}. "
                f"Rename it to one of {', '.join(KINDS)}, if the cell has that for nothing else.",
            )
        return ion.name

    def _check_ions(self) -> None:
        for ion in self.ions:
            own = {f"e{ion.name}", f"i{ion.name}", f"{ion.name}i", f"{ion.name}o"}
            for name in (*ion.read, *ion.write):
                if name not in own:
                    raise refuse(self.file, ion.line, f"{name!r} is nothing of the ion {ion.name}.")
            if f"{ion.name}o" in ion.write or f"e{ion.name}" in ion.write:
                raise refuse(
                    self.file, ion.line, "only currents and inner concentrations are written."
                )

    def _check_steady(self) -> None:
        """Refuse the steady state of equations that are not linear in the states."""
        fields = self._examples()
        for _, name, line in (x for x in expressions(self.source.initial) if x[0] == "steady"):
            body, states = self.source.derivatives[name], self.source.schemes[name].states
            names = self.begun(fields, -65.0, Solutions().ions(), {})

            def rates(x: Array, body: Any = body, states: Any = states, names: Any = names) -> Any:
                after = self.meaning.block(body, names | dict(zip(states, x, strict=True)))
                return jnp.stack([jnp.asarray(after[f"{state}'"]) for state in states])

            first = jnp.linspace(0.1, 0.9, len(states))
            one, other = (jax.jacfwd(rates)(x) for x in (first, first[::-1] ** 2))
            if not jnp.allclose(one, other, rtol=1e-3, equal_nan=True):
                raise refuse(
                    self.file,
                    line,
                    f"STEADYSTATE of what is not linear in its states, {name}, is not taken. Set "
                    f"the states in INITIAL, and let them settle in a run.",
                )

    def _check_moves(self) -> None:
        """Refuse a PROCEDURE that moves states otherwise than by a step of dt."""
        names = self.begun(self._examples(), -65.0, Solutions().ions(), {})
        for _, routine, states, line in (x for x in self.equations if x[0] == "advance"):
            before = {x: 0.3 + 0.05 * k for k, x in enumerate(states)}
            after = names | before | {"dt": 0.0}
            self.meaning.call(routine, (), after)
            if not all(jnp.allclose(after[x], before[x], rtol=1e-4) for x in states):
                raise refuse(
                    self.file,
                    line,
                    f"SOLVE of the PROCEDURE {routine}, which sets states at once and does not "
                    f"move them by dt. Write a DERIVATIVE.",
                )

    def _examples(self) -> dict[str, Any]:
        """Values of the fields, 1 where the user says them."""
        return {n: jnp.asarray(1.0 if x is None else x) for n, (_, x) in self.fields.items()}

    def _fields(self) -> Fields:
        own = {"v", "celsius", *self.told, *self.seen, *self.nonspecific}
        own |= {name for ion in self.ions for name in ion.write}
        fields = fields_of(self.source, GEOMETRY, own)
        fields = {name: (unit, None) for name, unit in self.told.items()} | fields
        return fields | {name: (mV, REVERSALS[name]) for name in self.seen if name in REVERSALS}

    def names(
        self, module: Any, v: Any, ions: Ions, carried: dict[str, Array], *, first: bool = False
    ) -> Values:
        """Every name with its value before anything is computed, after INITIAL.

        `first`: with the states as they are at the start; else they are known, and nothing is
        solved for them.
        """
        fields = {
            name: in_unit(getattr(module, identifier(name)), u)
            for name, (u, _) in self.fields.items()
        }
        return self.begun(fields, v, ions, carried, self.source.initial if first else self.later)

    def begun(  # noqa: PLR0913
        self,
        fields: dict[str, Any],
        v: Any,
        ions: Ions,
        carried: dict[str, Array],
        body: list[Any] | None = None,
    ) -> Values:
        """Every name after INITIAL, or after another body."""
        names: Values = {item.name: 0.0 for item in self.source.assigned}
        names |= dict.fromkeys((*self.currents, *self.nonspecific), 0.0)
        names |= self.source.constants
        names["celsius"] = ions.temperature - ZERO_CELSIUS
        names |= {"v": v, **CLOCK}
        for ion in self.ions:
            there: Ion = getattr(ions, ion.name)
            names[f"{ion.name}i"], names[f"{ion.name}o"] = there.inside, there.outside
            names[f"_ion_{ion.name}i"] = there.inside
            names[f"e{ion.name}"] = there.reversal
            flow = carried.get(ion.name, there.flowing)
            names[f"i{ion.name}"] = 0.0 if flow is None else in_unit(flow, CURRENT)
        names |= fields
        for name in REVERSALS.keys() & set(self.seen):
            there = getattr(ions, name[1:])
            if there.kept is not None:
                names[name] = jnp.where(there.kept > 0, there.reversal, fields[name])
        # A state x starts at the parameter x0, where there is one, and at 0 else; a concentration
        # where the solutions have it.
        starts = [state for state in self.source.states if state.name not in self.written]
        names |= {state.name: fields.get(state.start, state.value or 0.0) for state in starts}
        body = self.source.initial if body is None else body
        return self.meaning.block(body, names) | {"v": v}

    def _later(self) -> list[Any]:
        """INITIAL for states that are known: without what only solves for them."""
        linear = self.source.equations
        short = [
            x
            for x in self.source.initial
            if x[0] != "steady" and not (x[0] == "solve" and x[1] in linear)
        ]
        made = Flow(self.source).run(short, {})
        others = (roots for name, roots in made.items() if name not in self.states)
        needed = any(roots & set(self.states) for roots in others)
        return self.source.initial if needed else short

    def shaped(self, names: Values, suffix: str, like: Array) -> Any:
        """The state of the values of these names; what is kept has no rate."""
        values = (names.get(name + suffix, 0.0) for name in (*self.states, *self.kept))
        return self.state(
            *(jnp.broadcast_to(jnp.asarray(x, like.dtype), like.shape) for x in values)
        )

    def _in(self, names: Values, state: Any) -> Values:
        return names | dict(zip((*self.states, *self.kept), state, strict=True))

    def advanced(self, names: Callable[[Array], Values], state: Any, v: Array, dt: float) -> Any:
        """The state dt (ms) later at these voltages; `names`: what there is at a voltage."""

        def look(v: Array) -> Any:
            begun = names(v)
            at = state
            if self.advance.conserves:
                at = self.advance.lawful(state, self.solved(begun, state))
            rate = self.advance.slopes(lambda x: self.shaped(self.solved(begun, x), "'", v), at)
            return at, rate

        at, (rates, slopes) = self.beside_holes(look, jnp.clip(v, -REACH, REACH))
        return self.advance.moved(at, rates, slopes, dt)

    def solved(self, names: Values, state: Any) -> Values:
        """The names after the equations have been looked at in a state."""
        names = self._in(names, state)
        if self.breakpoint_first:
            given = {name: names[name] for name in ("v", *self.states, *self.flows)}
            names = self.meaning.block(self.source.breakpoint, names) | given
        for body in self.derived:
            self.meaning.block(body, names)
        return names

    def ended(self, names: Values, state: Any) -> Values:
        """The names after BREAKPOINT."""
        return self.meaning.block(self.source.breakpoint, self._in(names, state))

    def beside_holes(self, function: Callable[[Array], Any], v: Array) -> Any:
        """A function of voltage, evaluated just beside where it or its slope is no number."""
        if not self.holed:
            return function(v)
        both = jax.jvp(function, (v,), (jnp.ones_like(v),))
        hole = jnp.zeros(v.shape, bool)
        for x in jax.tree.leaves(both):
            hole = hole | ~jnp.isfinite(jnp.broadcast_to(x, v.shape))
        return function(jnp.where(hole, v + _BESIDE, v))


@final
class Roots:
    """What currents, concentrations and rates of a mechanism depend on, and whether they can."""

    of_rates: frozenset[str]
    of_currents: frozenset[str]
    depends: dict[str, frozenset[str]]
    """What the rate of each state depends on."""
    breakpoint_first: bool
    """Whether equations read what BREAKPOINT computes, such as the mechanism's own current."""
    kept: list[str]
    """What INITIAL makes of the voltage or of ions, and no other block changes."""

    def __init__(self, program: Program):
        self.program, self.source = program, program.source
        self.flow = Flow(self.source)
        ended = self.flow.run(self.source.breakpoint, {})
        solved = self._solved({})
        own = {*program.states, *program.currents}
        changed = ({*ended, *program.currents} - {"v", *program.states}) - program.flows
        self.breakpoint_first = any(changed & roots for roots in solved.values())
        if self.breakpoint_first:
            solved = self._solved(dict(ended))
        currents = (*program.currents, *program.nonspecific)
        self.of_currents = self._of(currents, ended)
        of_written = self._of(program.written, ended)
        rates = [roots for name, roots in solved.items() if name.endswith("'")]
        self.of_rates = frozenset[str]().union(*rates)
        self.depends = {name[:-1]: x for name, x in solved.items() if name.endswith("'")}
        self._check_reach(of_written)
        everything = self.of_currents | of_written | self.of_rates
        first = self.flow.run(self.source.initial, {name: frozenset() for name in program.states})
        self._check_clock(everything | self._of(program.states, first))
        left = everything & {item.name for item in (*self.source.assigned, *self.source.parameters)}
        for name in sorted((left & {*ended, *solved}) - own - program.flows - {"v"}):
            self._check_memory(name, currents)
        self._check_start(first)
        moving = {"v", *program.seen} - set(REVERSALS)
        self.kept = sorted(
            name for name in left - {*ended, *solved} - own if first.get(name, frozenset()) & moving
        )

    def _solved(self, env: Env) -> Env:
        env = {name: env[name] for name in env if name not in self.program.states}
        for body in self.program.derived:
            self.flow.run(body, env)
        return env

    def _of(self, names: Iterable[str], env: Env) -> frozenset[str]:
        return frozenset[str]().union(*(env.get(name, frozenset({name})) for name in names))

    def _refuse(self, name: str, body: list[Any], what: str) -> MechanismError:
        line = self.flow.line_of(name, body)
        line = line or self.flow.line_of(name, self.program.equations)
        return refuse(self.program.file, line, what)

    def _check_clock(self, roots: frozenset[str]) -> None:
        told = {"t": "the time t", "dt": "the time step dt"}
        for name in sorted(roots & CLOCK.keys()):
            body = [*self.source.breakpoint, *self.source.initial]
            raise self._refuse(name, body, f"{told[name]} is not known to a channel.")

    def _check_reach(self, of_written: frozenset[str]) -> None:
        body = self.source.breakpoint
        for name in sorted(self.of_currents & self.program.flows & set(self.program.currents)):
            raise self._refuse(
                name,
                body,
                f"a current depends on {name}, of which the mechanism carries a part itself. Write "
                f"a second file that READs {name} and does not WRITE it.",
            )
        for name in sorted(of_written & {"v", *self.program.flows}):
            raise self._refuse(
                name, body, f"a concentration is computed from {name} without an equation."
            )

    def _check_start(self, first: Env) -> None:
        starts = self._of(self.program.states, {n: first.get(n, frozenset()) for n in first})
        for name in sorted(starts & self.program.flows):
            raise self._refuse(
                name, self.source.initial, f"INITIAL reads {name}, which flows only later."
            )

    def _check_memory(self, name: str, currents: tuple[str, ...]) -> None:
        """Refuse a name that keeps its value from one step to the next.

        One that is only set under conditions may be set under all of them: it is carried out at
        many voltages with a value that is no number, which must not be seen.
        """
        program = self.program
        v = jnp.linspace(-REACH, REACH, 2001)
        names = program.begun(program._examples(), v, Solutions().ions(), {})
        names |= dict.fromkeys(program.states, 0.3) | {name: jnp.nan}
        results = [program.meaning.block(self.source.breakpoint, dict(names))]
        wanted = [results[0][n] for n in (*currents, *program.written)]
        names = results[0] | {name: jnp.nan} if self.breakpoint_first else dict(names)
        for body in program.derived:
            program.meaning.block(body, names)
        wanted += [names.get(f"{n}'", 0.0) for n in program.states]
        if any(bool(jnp.isnan(jnp.asarray(x)).any()) for x in wanted):
            raise self._refuse(
                name,
                self.source.breakpoint,
                f"{name} keeps its value from one step to the next, which only a STATE does here.",
            )
