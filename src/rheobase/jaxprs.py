"""Programs as data: jaxprs walked equation by equation, opened, and asked what depends on what.

The hoisting of the time loop, the compiled loop's instructions, evaluation by numpy, the proof of
dimensions and the structure of equations all read jaxprs. They share what stands here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import jax
import jax.extend.core as jex
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

T = TypeVar("T")

PLAIN = frozenset({"jit", "pjit", "closed_call", "core_call"})
"""Calls that do nothing but call: opened, the program is the same, derivatives included."""
CALLS = PLAIN | {
    "checkpoint", "remat2", "custom_jvp_call", "custom_vjp_call", "custom_vmap_call",
}  # fmt: skip
"""All calls: opened, the program has the same values."""
_PARAMETERS = ("jaxpr", "call_jaxpr", "call")
"""Where calls keep the program that they call."""


def called(eqn: JaxprEqn, calls: frozenset[str] = CALLS) -> ClosedJaxpr | Jaxpr | None:
    """The program that an equation calls; None where it is not among `calls`.

    >>> import jax
    >>> (eqn,) = jax.make_jaxpr(jax.jit(lambda x: 2 * x))(1.0).jaxpr.eqns
    >>> len(called(eqn).jaxpr.eqns)
    1
    """
    if eqn.primitive.name not in calls:
        return None
    return next(eqn.params[name] for name in _PARAMETERS if name in eqn.params)


def parts(program: ClosedJaxpr | Jaxpr) -> tuple[Jaxpr, Sequence[Any]]:
    """The equations of a program and its constants."""
    if isinstance(program, ClosedJaxpr):
        return program.jaxpr, program.consts
    return program, ()


def walk(
    program: ClosedJaxpr | Jaxpr,
    arguments: Iterable[T],
    equation: Callable[[JaxprEqn, list[T]], Iterable[T]],
    constant: Callable[[Any, Any], T],
) -> list[T]:
    """Carry out a program in any arithmetic; return its results.

    - `arguments`: one for each input of the program.
    - `equation(eqn, operands)`: the results of one equation.
    - `constant(value, aval)`: a number that the program holds, of the type `aval`.

    >>> import jax
    >>> program = jax.make_jaxpr(lambda x, y: x * y + 1)(1.0, 1.0)
    >>> walk(program, "xy", lambda eqn, of: [f"{eqn.primitive}({', '.join(of)})"],
    ...      lambda value, aval: str(value))
    ['add(mul(x, y), 1.0)']
    """
    jaxpr, consts = parts(program)
    known: dict[Any, T] = {
        v: constant(c, v.aval) for v, c in zip(jaxpr.constvars, consts, strict=True)
    }
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def value(atom: Any) -> T:
        return constant(atom.val, atom.aval) if isinstance(atom, Literal) else known[atom]

    for eqn in jaxpr.eqns:
        results = equation(eqn, [value(atom) for atom in eqn.invars])
        known.update(zip(eqn.outvars, results, strict=True))
    return [value(atom) for atom in jaxpr.outvars]


def function(jaxpr: Jaxpr, inputs: list, eqns: list[JaxprEqn], outputs: list) -> Callable:
    """The function from `inputs` to `outputs` that equations of `jaxpr` compute."""
    debug = jaxpr.debug_info._replace(arg_names=None, result_paths=None)
    part = jaxpr.replace(constvars=[], invars=inputs, outvars=outputs, eqns=eqns, debug_info=debug)
    return jex.jaxpr_as_fun(ClosedJaxpr(part, []))


def evaluate(jaxpr: Jaxpr, eqn: JaxprEqn, operands: Sequence[Any]) -> list[Any]:
    """The results of one equation of `jaxpr`, derivatives of its own included."""
    given = {v: x for v, x in zip(eqn.invars, operands, strict=True) if not isinstance(v, Literal)}
    return function(jaxpr, list(given), [eqn], eqn.outvars)(*given.values())


def inline(program: ClosedJaxpr) -> tuple[list[JaxprEqn], list[Any], dict[Any, Any]]:
    """The equations of a program with plain calls opened, its results, and its constants."""
    names: dict = {}
    eqns: list[JaxprEqn] = []
    constants: dict = dict(zip(program.jaxpr.constvars, program.consts, strict=True))

    def name(atom: Any) -> Any:
        return atom if isinstance(atom, Literal) else names.get(atom, atom)

    def open_up(jaxpr: Jaxpr) -> None:
        for eqn in jaxpr.eqns:
            inner = called(eqn, PLAIN)
            if inner is None:
                eqns.append(eqn.replace(invars=[name(v) for v in eqn.invars]))
                continue
            # A program may be called twice: fresh variables keep the two calls apart.
            inner, consts = _renamed(inner)
            constants.update(consts)
            names.update(zip(inner.invars, map(name, eqn.invars), strict=True))
            open_up(inner)
            names.update(zip(eqn.outvars, map(name, inner.outvars), strict=True))

    open_up(program.jaxpr)
    return eqns, [name(v) for v in program.jaxpr.outvars], constants


def _renamed(program: ClosedJaxpr | Jaxpr) -> tuple[Jaxpr, dict[Any, Any]]:
    """A program with variables of its own, and its constants by these."""
    jaxpr, consts = parts(program)
    fresh: dict = {}

    def new(atom: Any) -> Any:
        if isinstance(atom, Literal):
            return atom
        if atom not in fresh:
            fresh[atom] = Var(atom.aval)
        return fresh[atom]

    renamed = jaxpr.replace(
        constvars=[],
        invars=[new(v) for v in jaxpr.invars],
        outvars=[new(v) for v in jaxpr.outvars],
        eqns=[
            e.replace(invars=[new(v) for v in e.invars], outvars=[new(v) for v in e.outvars])
            for e in jaxpr.eqns
        ],
    )
    return renamed, {new(v): c for v, c in zip(jaxpr.constvars, consts, strict=True)}


def maker(jaxpr: Jaxpr, result: Any) -> JaxprEqn | None:
    """The equation that makes a result of a program."""
    return next((eqn for eqn in jaxpr.eqns if any(out is result for out in eqn.outvars)), None)


def single(function: Callable, *arguments: Any) -> JaxprEqn:
    """The equation of a function that is one primitive.

    >>> single(jax.lax.mul, 1.0, 2.0).primitive.name
    'mul'
    """
    (eqn,) = jax.make_jaxpr(function)(*arguments).jaxpr.eqns
    return eqn


def reached(jaxpr: Jaxpr, inputs: Iterable[Any]) -> list[bool]:
    """Whether each result of a program depends on any of the variables `inputs`."""
    found = set(inputs)
    for eqn in jaxpr.eqns:
        if not found.isdisjoint(v for v in eqn.invars if isinstance(v, Var)):
            found.update(eqn.outvars)
    return [isinstance(v, Var) and v in found for v in jaxpr.outvars]


def depends(function: Callable, *arguments: Any) -> list[bool]:
    """Whether each result of a function depends on its arguments.

    >>> depends(lambda x, y: (x + y, 2.0), 1.0, 1.0)
    [True, False]
    """
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    return reached(jaxpr, jaxpr.invars)
