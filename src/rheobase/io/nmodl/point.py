"""A POINT_PROCESS with NET_RECEIVE, as a synapse: what an event adds, how that decays, its current.

An event adds weight times c times d to the states: d a constant of each state, c what the variables
of the connection (the arguments of NET_RECEIVE after the weight) make of the times of the events.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.errors import MechanismError
from rheobase.io.nmodl.evaluate import Meaning, Values
from rheobase.io.nmodl.fields import CLOCK, fields_of, identifier
from rheobase.io.nmodl.flow import Flow
from rheobase.io.nmodl.source import Declared, Receive, Source
from rheobase.io.nmodl.tokens import refuse
from rheobase.io.nmodl.units import unit_of
from rheobase.io.nmodl.walk import expressions
from rheobase.units import Unit, dimensionless, in_unit, nA, uS

_TOLD = {"celsius": dimensionless}
"""What NEURON says everywhere, and a synapse here is told (degC)."""
_CLOSE = 1e-4
"""Relative error of what is linear, in float32."""
_EVENTS = ((0.5, 0.7), (2.0, 1.3), (0.01, 0.2))
"""Weights of events, and where the states are before them, at which they are looked at."""


@final
class Point:
    """What the file of a synapse says, ready to be carried out."""

    def __init__(self, source: Source, file: str):
        self.source, self.file = source, file
        self.meaning, self.flow = Meaning(source, file), Flow(source)
        self.receive = self._receive()
        self.states = [state.name for state in source.states]
        self.weight, *others = self.receive.arguments
        self.clock = self._clock(others)
        self.memory = [name for name in others if name != self.clock]
        self.fields = fields_of(source, _TOLD, {"v", *source.nonspecific})
        self._check_names()
        self.state: Any = _tuple(f"{source.name}State", self.states)
        self.released: Any = _tuple(f"{source.name}Terminals", [*self.memory, "elapsed"])
        self._check_reach()
        self.reversal = self._reversal()
        self.unit = self._weight_unit()
        self._check_sums()

    def _receive(self) -> Receive:
        source = self.source
        if source.receive is None:
            raise refuse(
                self.file,
                1,
                f"a POINT_PROCESS without NET_RECEIVE, {source.name}, is no synapse. Write a "
                f"current of time as rb.stimulus, one of voltage as a SUFFIX with a density.",
            )
        if not source.receive.arguments:
            raise refuse(self.file, source.receive.line, "NET_RECEIVE has no weight.")
        for ion in source.ions:
            raise refuse(
                self.file,
                ion.line,
                f"a synapse that uses an ion, {source.name} with {ion.name}, is not read: synapses "
                f"carry none here. Make its current a NONSPECIFIC_CURRENT.",
            )
        if not source.nonspecific:
            what = f"a POINT_PROCESS without NONSPECIFIC_CURRENT, {source.name}, is no synapse."
            raise refuse(self.file, 1, what)
        return source.receive

    def _clock(self, others: list[str]) -> str | None:
        """The variable that keeps the time of the last event."""
        found = [
            x[1]
            for x in self.receive.body
            if x[0] == "set" and x[1] in others and x[2][:2] == ("name", "t")
        ]
        return found[0] if found else None

    def _check_names(self) -> None:
        source = self.source
        known = {"v", "t", "dt", "flag", *_TOLD, *self.states, *self.fields, *source.constants}
        known |= {x.name for x in (*source.parameters, *source.assigned)} | set(source.nonspecific)
        known |= {name for scheme in source.schemes.values() for name in scheme.hidden}
        known |= {f"{name}'" for scheme in source.schemes.values() for name in scheme.states}
        own = known | set(self.receive.arguments)
        self.meaning.check(known, [(self.receive.body, own), (self.receive.initial, own)])

    def begun(self, module: Any) -> Values:
        """Every name after INITIAL."""
        fields = {
            name: in_unit(getattr(module, identifier(name)), unit)
            for name, (unit, _) in self.fields.items()
        }
        return self._from(fields)

    def _from(self, fields: Values) -> Values:
        source = self.source
        names: Values = {x.name: 0.0 for x in source.assigned}
        names |= dict.fromkeys(source.nonspecific, 0.0)
        names |= source.constants | {**CLOCK, "v": -65.0, "flag": 0.0} | fields
        names |= {x.name: fields.get(x.start, x.value or 0.0) for x in source.states}
        return self.meaning.block(source.initial, names)

    def first(self, names: Values) -> Values:
        """The variables of a connection before its first event."""
        now = names | dict.fromkeys(self.receive.arguments, 0.0) | {"t": 0.0}
        after = self.meaning.block(self.receive.initial, now)
        return {name: after[name] for name in self.memory}

    def event(self, names: Values, memory: Values, elapsed: Any, weight: Any) -> Values:
        """Every name after an event so long (ms) after the last one."""
        now = names | memory | {self.weight: weight, "t": elapsed}
        if self.clock is not None:
            now[self.clock] = 0.0
        return self.meaning.block(self.receive.body, now)

    def added(self, names: Values, memory: Values, elapsed: Any) -> list[Any]:
        """What an event of weight 1 adds to the states."""
        nothing = names | dict.fromkeys(self.states, 0.0)
        after = self.event(nothing, memory, elapsed, 1.0)
        return [after[x] for x in self.states]

    def parts(self, names: Values) -> list[Any]:
        """What an event of weight 1 adds to each state.

        Of connections with variables: in units of what it adds to the first state that it moves.
        """
        each = self.added(names, *self._some())
        return [x / each[self.main] for x in each] if self.memory else each

    def _some(self) -> tuple[Values, float]:
        """A connection that has been used, to see how an event is shared among the states."""
        return {name: 0.4 + 0.1 * k for k, name in enumerate(self.memory)}, 7.0

    def rates(self, names: Values, state: Any) -> list[Any]:
        """How the states change by themselves, per ms."""
        now = names | dict(zip(self.states, state, strict=True))
        for name in self._solved():
            now = self.meaning.block(self.source.derivatives[name], now)
        return [now.get(f"{x}'", 0.0) for x in self.states]

    def _solved(self) -> list[str]:
        found = [x[1] for x in expressions(self.source.breakpoint) if x[0] == "solve"]
        return list(dict.fromkeys(found))

    def current(self, names: Values, state: Any, v: Any) -> Any:
        """Current out of the cell at a voltage, nA."""
        now = names | dict(zip(self.states, state, strict=True)) | {"v": v}
        after = self.meaning.block(self.source.breakpoint, now)
        return sum(
            (after[x] for x in self.source.nonspecific[1:]), after[self.source.nonspecific[0]]
        )

    # What is checked while the file is read.

    def _check_reach(self) -> None:
        """Refuse what the states and variables of a synapse here cannot hold."""
        solved: dict[str, frozenset[str]] = {}
        for name in self._solved():
            self.flow.run(self.source.derivatives[name], solved)
        received = self.flow.run(self.receive.body, {})
        ended = self.flow.run(self.source.breakpoint, {})
        of_rates = _union(x for name, x in solved.items() if name.endswith("'"))
        currents = _union(ended.get(x, frozenset()) for x in self.source.nonspecific)
        of_memory = _union(received.get(x, frozenset()) for x in self.memory)
        events = of_memory | _union(received.get(x, frozenset()) for x in self.states)
        told = {"v": "the voltage", "t": "the time", "dt": "the time step"}
        for name in sorted(of_rates & told.keys()):
            raise self._refuse(f"the equations of its states use {told[name]}")
        for name in sorted(currents & CLOCK.keys()):
            raise self._refuse(f"its current uses {told[name]}")
        read = currents | of_rates | events
        first = self.flow.run(self.source.initial, {})
        for name in sorted(read & first.keys()):
            if "v" in first[name]:
                raise self._refuse(f"INITIAL computes {name} from the voltage")
        begun = self.flow.run(self.receive.initial, {})
        lasting = {*received, *begun} - {*self.states, *self.receive.arguments}
        for name in sorted(lasting & read & {x.name for x in self._declared()}):
            raise self._refuse(f"NET_RECEIVE changes {name}, which is no STATE and lasts")
        if self.weight in {*received, *begun}:
            raise self._refuse(f"NET_RECEIVE changes the weight {self.weight}")
        for name in self.memory:
            if name not in {*received, *begun} and name in events:
                raise self._refuse(f"{name} of a connection is set by the user, not by the file")
        for name in sorted(of_memory & {*self.states, self.weight, "v"}):
            raise self._refuse(
                f"NET_RECEIVE computes a variable of a connection from {name}, and not from the "
                f"times of its events alone"
            )
        if "t" in events and self.clock is None:
            raise self._refuse("NET_RECEIVE uses t, but keeps no time of the last event")

    def _declared(self) -> list[Declared]:
        return [*self.source.assigned, *self.source.parameters]

    def _refuse(self, what: str) -> MechanismError:
        """The error for what makes the states of several connections no sum."""
        return refuse(
            self.file,
            self.receive.line,
            f"{self.source.name} is not read as a synapse: {what}. Take one of rheobase.synapses, "
            f"or write a class of AbstractSynapse.",
        )

    def _reversal(self) -> str | None:
        """The parameter that is subtracted from v; None for a current."""
        body = [self.source.breakpoint, *(r.body for r in self.source.routines.values())]
        found = {
            y[1]
            for one in body
            for x in expressions(one)
            for y in (x[1:] if x[0] == "-" else ())
            if y[0] == "name" and ("name", "v") in (x[1][:2], x[2][:2])
        }
        found &= set(self.fields)
        names = self._from(self.examples())
        state = [0.3 + 0.1 * k for k in range(len(self.states))]

        def out(v: Any) -> Array:
            return jnp.asarray(self.current(names, state, v), jnp.float32)

        still = bool(jnp.abs(out(-70.0) - out(20.0)) <= 1e-6 * jnp.abs(out(20.0)))
        if still:
            return None
        for name in sorted(found):
            if abs(float(out(names[name]))) <= 1e-3 * abs(float(out(names[name] + 30.0))):
                return name
        raise self._refuse("no parameter e is where its current turns round, as in g*(v - e)")

    def _weight_unit(self) -> Unit:
        """The unit of the number that a weight is in the file."""
        own = uS if self.reversal else nA
        unit = unit_of(self.receive.arguments[self.weight])
        return unit if unit.same_dimension(own) else own

    def examples(self) -> Values:
        """Values of the fields, those of NEURON where the user says them."""
        return {n: jnp.asarray(6.3 if x is None else x) for n, (_, x) in self.fields.items()}

    def _check_sums(self) -> None:
        """Refuse events that do not add up, and variables that are not of this form."""
        names = self._from(self.examples())
        found = np.array([float(x) for x in self.added(names, *self._used(1.0))])
        places = np.flatnonzero(found)
        if not places.size or not np.all(np.isfinite(found)):
            raise self._refuse("an event adds nothing to its states")
        self.main = int(places[0])
        self._check_linear(names)
        for memory, elapsed in self._uses():
            one = np.array([float(x) for x in self.added(names, memory, elapsed)])
            if not all(self._adds(names, memory, elapsed, one, *how) for how in _EVENTS):
                raise self._refuse(
                    "an event does not add weight times a number to its states, whatever they are"
                )
            shares = one / one[self.main] if one[self.main] else found / found[self.main]
            if not np.allclose(shares, found / found[self.main], rtol=_CLOSE):
                raise self._refuse(
                    "the variables of a connection change how an event is shared among its states"
                )
            if self.clock is not None:
                self._check_clock(names, memory, elapsed)

    def _check_linear(self, names: Values) -> None:
        """Refuse states that do not stand for the sum of those of many synapses.

        One state of a kind of synapse serves all that end at a place.
        """

        def all_of_it(state: Array) -> Array:
            now = list(state)
            ends = [self.current(names, now, v) for v in (-63.0, 17.0)]
            found = [*self.rates(names, now), *ends]
            return jnp.stack([jnp.asarray(x, state.dtype) for x in found])

        none = jnp.zeros(len(self.states))
        slopes = [
            np.asarray(jax.jacfwd(all_of_it)(jnp.linspace(one, other, len(self.states))))
            for one, other in ((0.1, 0.4), (1.7, 0.9))
        ]
        begins = [float(names[x]) for x in self.states]
        if np.any(all_of_it(none)) or any(begins):
            raise self._refuse("it acts, or changes, before its first event")
        if not np.allclose(*slopes, rtol=_CLOSE, atol=0):
            raise self._refuse("its current or its equations are not linear in its states")
        schemes = self.source.schemes
        if any(schemes[name].laws for name in self._solved() if name in schemes):
            raise self._refuse("its scheme has a CONSERVE")

    def _adds(  # noqa: PLR0913
        self,
        names: Values,
        memory: Values,
        elapsed: float,
        one: np.ndarray,
        weight: float,
        shift: float,
    ) -> bool:
        """Whether an event adds this for each weight: by its slopes, which have no rounding."""

        def after(state: Array, weight: Array) -> Array:
            now = names | dict(zip(self.states, state, strict=True))
            ended = self.event(now, memory, elapsed, weight)
            return jnp.stack([jnp.asarray(ended[x], state.dtype) for x in self.states])

        before = jnp.linspace(shift, shift + 0.3, len(self.states))
        at = jnp.asarray(weight, before.dtype)
        by_state, by_weight = jax.jacfwd(after, argnums=(0, 1))(before, at)
        return bool(
            np.allclose(by_state, np.eye(len(before)), atol=1e-6)
            and np.allclose(by_weight, one, rtol=_CLOSE, atol=0)
            and np.array_equal(after(before, 0 * at), before)
        )

    def _check_clock(self, names: Values, memory: Values, elapsed: float) -> None:
        """Refuse a use of t that is no difference to the time of the last event."""
        now = names | memory | {self.weight: 1.0, "t": elapsed + 5.0, str(self.clock): 5.0}
        late, early = (
            self.meaning.block(self.receive.body, now),
            self.event(names, memory, elapsed, 1.0),
        )
        pairs = [(late[x], early[x]) for x in (*self.memory, *self.states)]
        same = all(np.allclose(float(a), float(b), rtol=_CLOSE) for a, b in pairs)
        if not same or float(late[str(self.clock)]) != elapsed + 5.0:
            raise self._refuse(f"t is used otherwise than as t - {self.clock}")

    def _used(self, elapsed: float) -> tuple[Values, float]:
        return self._some()[0], elapsed

    def _uses(self) -> Iterator[tuple[Values, float]]:
        yield self._used(1.0)
        if self.memory or self.clock:
            for k, elapsed in enumerate((0.5, 20.0, 300.0)):
                yield {n: 0.2 + 0.15 * k + 0.07 * j for j, n in enumerate(self.memory)}, elapsed


def _tuple(name: str, fields: list[str]) -> Any:
    named: Any = [(identifier(x), Array) for x in fields]
    return NamedTuple(name, named)


def slope(function: Any, x: Array) -> Array:
    """The derivative of a function of one variable."""
    return jax.jvp(function, (x,), (jnp.ones_like(x),))[1]


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)
