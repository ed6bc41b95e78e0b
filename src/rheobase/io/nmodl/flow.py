"""What the results of a block depend on: the names that are read before the block sets them."""

from collections.abc import Iterable
from typing import Any

from rheobase.io.nmodl.source import Source
from rheobase.io.nmodl.walk import expressions, locals_of

Roots = frozenset[str]
Env = dict[str, Roots]


class Flow:
    """Blocks, carried out on sets of names in place of values."""

    def __init__(self, source: Source):
        self.source = source

    def run(self, body: list[Any], env: Env) -> Env:
        """What each name that was set depends on; a name that is not in `env` stands for itself."""
        hidden = {name: env.pop(name, None) for name in locals_of(body)}
        env.update(dict.fromkeys(hidden, frozenset()))
        for statement in body:
            self._step(statement, env)
        for name, before in hidden.items():
            env.pop(name, None)
            if before is not None:
                env[name] = before
        return env

    def _step(self, statement: Any, env: Env) -> None:
        match statement[0]:
            case "set":
                env[statement[1]] = self.roots(statement[2], env)
            case "rate":
                env[statement[1] + "'"] = self.roots(statement[2], env)
            case "call":
                self._call(statement[1], statement[2], env)
            case "solve" if statement[1] in self.source.equations:
                system = self.source.equations[statement[1]]
                self._found(system.body, system.unknowns, system.residuals, env)
            case "solve":
                v = _of("v", env)
                self.run(self.source.derivatives[statement[1]], env)["v"] = v
            case "advance":
                after = dict(env)
                self._call(statement[1], (), after)
                moved = {f"{x}'": _of(x, after) - {"dt"} for x in statement[2]}
                same = {x: _of(x, env) for x in statement[2]}
                env.update(after | same | moved)
            case "steady":
                scheme = self.source.schemes[statement[1]]
                made = [f"{state}'" for state in scheme.states]
                made += [law.total for law in scheme.laws]
                made += [*scheme.volumes.values(), *scheme.states]
                self._found(self.source.derivatives[statement[1]], scheme.states, made, env)
            case "if":
                test = self.roots(statement[1], env)
                yes, no = self.run(statement[2], dict(env)), self.run(statement[3], dict(env))
                for name in {**yes, **no}:
                    one, other = _of(name, yes), _of(name, no)
                    if yes.get(name) != env.get(name) or no.get(name) != env.get(name):
                        env[name] = test | one | other

    def _found(self, body: list[Any], unknowns: list[str], made: list[str], env: Env) -> None:
        """Unknowns that are found from what a body makes of them."""
        after = self.run(body, dict(env))
        roots = frozenset[str]().union(*(_of(name, after) for name in made))
        own = frozenset(unknowns) - frozenset().union(*(_of(name, env) for name in unknowns))
        env.update(dict.fromkeys(unknowns, roots - own))

    def roots(self, x: Any, env: Env) -> Roots:
        """What an expression depends on."""
        match x[0]:
            case "number":
                return frozenset()
            case "name":
                return _of(x[1], env)
            case "call":
                return self._call(x[1], x[2], env)
        return frozenset[str]().union(*(self.roots(part, env) for part in x[1:]))

    def _call(self, name: str, arguments: tuple, env: Env) -> Roots:
        given = [self.roots(x, env) for x in arguments]
        routine = self.source.routines.get(name)
        if routine is None:
            return frozenset[str]().union(*given)
        own = {*routine.arguments, name}
        inside = {key: value for key, value in env.items() if key not in own}
        inside |= dict(zip(routine.arguments, given, strict=True)) | {name: frozenset()}
        self.run(routine.body, inside)
        env.update({key: value for key, value in inside.items() if key not in own})
        return inside[name]

    def line_of(self, name: str, body: list[Any]) -> int:
        """The line in which a body, or a routine that it calls, first reads a name."""
        lines = [x[2] for x in self._reached(body, set()) if x[0] == "name" and x[1] == name]
        return min(lines, default=0)

    def _reached(self, body: list[Any], done: set[str]) -> Iterable[Any]:
        for x in expressions(body):
            yield x
            routine = self.source.routines.get(x[1]) if x[0] == "call" else None
            if routine is not None and x[1] not in done:
                done.add(x[1])
                yield from self._reached(routine.body, done)
            if x[0] == "solve":
                yield from self._reached(self.source.derivatives.get(x[1], []), done)
            if x[0] == "advance" and x[1] not in done:
                done.add(x[1])
                yield from self._reached(self.source.routines[x[1]].body, done)


def _of(name: str, env: Env) -> Roots:
    return env.get(name, frozenset({name}))
