"""The dimension proof: a walk over the program that JAX traces from a model's equations.

Nothing is computed. Every intermediate value gets a dimension from those of the arguments; what
cannot be added, compared or exponentiated is reported with the place where the user wrote it.
"""

import linecache
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, final, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxlib
import jaxtyping
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn
from jax.tree_util import DictKey, GetAttrKey, SequenceKey, keystr

from rheobase.jaxprs import called, maker, parts, walk
from rheobase.units.errors import DimensionError
from rheobase.units.fields import parameters, state_units
from rheobase.units.rules import NONE, RULES, SHAPING, Dimension, Misfit, join, require_none
from rheobase.units.symbols import dimensionless, ms
from rheobase.units.unit import NO_DIMENSION, Quantity, Unit, internal_unit

_LIBRARIES = tuple(
    os.path.dirname(os.path.abspath(str(module.__file__))) + os.sep
    for module in (jax, jaxlib, eqx, jaxtyping)
)


def prove(
    function: Callable[..., Any],
    argument_units: Sequence[Any],
    result_units: Any = None,
    *,
    arguments: Sequence[Any] | None = None,
) -> Any:
    """Prove that a function of plain arrays in internal units is dimensionally right.

    Zeros and infinities fit any dimension; every other constant is dimensionless.

    **Arguments:**

    - `function`: traced once, never run.
    - `argument_units`: for each argument its unit, or a pytree of units that is a prefix of it.
    - `result_units`: the same for the result; a leaf `None` is not checked. `None`: nothing is.
    - `arguments`: arrays or `jax.ShapeDtypeStruct`s; a scalar for each unit where left out.

    **Returns:** the units of the result, a pytree of its structure; what fits any unit gets the
    expected one, or `dimensionless`.

    **Raises:** `DimensionError`, naming operation, units, file, line and column, for dimensions
    that do not fit and for a primitive that the proof does not know.

    **Example:**

        >>> from rheobase.units import MOhm, mV, ms, nA, prove
        >>> prove(lambda v, i, R, tau: (R * i - v) / tau, (mV, nA, MOhm, ms), mV / ms)
        mV/ms
    """
    argument_units = tuple(argument_units)
    scalar = jax.ShapeDtypeStruct((), jnp.result_type(float))
    examples = jax.tree.map(lambda unit: scalar, argument_units)
    if arguments is not None:
        examples = tuple(arguments)
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*examples)
    units = jax.tree.leaves(jax.tree.broadcast(argument_units, examples))
    given = [Dimension(unit.dimension) for unit in units]
    found = _walk(closed, given, None)

    structure = jax.tree.structure(shapes)
    declared = jax.tree.broadcast(result_units, shapes, is_leaf=_is_none)
    # Both with their Nones: one in `shapes` is a variable that is not there, not one unchecked.
    pairs = zip(*(jax.tree.leaves(x, is_leaf=_is_none) for x in (declared, shapes)), strict=True)
    expected = [unit for unit, shape in pairs if shape is not None]
    results = []
    paths = jax.tree_util.tree_leaves_with_path(shapes)
    for (path, _), atom, value, unit in zip(
        paths, closed.jaxpr.outvars, found, expected, strict=True
    ):
        if unit is not None and value.exponents not in (None, unit.dimension):
            name = getattr(function, "__name__", type(function).__name__) + keystr(path)
            made_by = maker(closed.jaxpr, atom)
            wanted = internal_unit(unit.dimension)
            raise DimensionError(
                f"{_said(made_by)}`{name}` must be {wanted}, got {value}{_place(made_by)}."
            )
        exponents = value.exponents if unit is None else unit.dimension
        results.append(dimensionless if exponents is None else internal_unit(exponents))
    return jax.tree.unflatten(structure, results)


def prove_model(module: eqx.Module, state_cls: type, current_unit: Unit) -> None:
    """Prove the dimensions of a model: a module with quantity fields and a state with units.

    The derivative of each variable must be in the unit of the variable per ms, the margin
    dimensionless and the state after a reset in the units of the state. The arrays of the module
    are in the units of its quantity fields, wherever these are nested; an array without a unit, in
    the module or in the state, is dimensionless.

    **Arguments:**

    - `module`: with `init()`, `derivative(state, current)` and, where it fires, `margin(state)`
      and `reset(state)`.
    - `state_cls`: the `NamedTuple` that `init()` returns, its variables annotated with units.
    - `current_unit`: of the input.

    **Raises:** `DimensionError` as `prove` does, and where the derivative or the reset has another
    structure than the state.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import nA, prove_model
        >>> prove_model(rb.AdEx(), type(rb.AdEx().init()), nA)
    """
    state = module.init()  # pyright: ignore[reportAttributeAccessIssue]
    if not isinstance(state, state_cls):
        raise DimensionError(f"init() returned {type(state).__name__}, not {state_cls.__name__}.")
    arrays, static = eqx.partition(module, eqx.is_array)
    module_units, units = leaf_units(arrays, module), leaf_units(state, state)
    # A counter or a random key has no derivative.
    rates = jax.tree.map(
        lambda unit, x: unit / ms if jnp.issubdtype(jnp.result_type(x), jnp.inexact) else None,
        units,
        state,
    )

    def derivative(arrays: Any, state: Any, current: jax.Array) -> Any:
        return _like(state, eqx.combine(arrays, static).derivative(state, current), "derivative")

    def margin(arrays: Any, state: Any) -> Any:
        return eqx.combine(arrays, static).margin(state)

    def reset(arrays: Any, state: Any) -> Any:
        return _like(state, eqx.combine(arrays, static).reset(state), "reset")

    current = jax.ShapeDtypeStruct((), jnp.result_type(float))
    prove(
        derivative,
        (module_units, units, current_unit),
        rates,
        arguments=(arrays, state, current),
    )
    if isinstance(module, _AbstractFiring):
        prove(margin, (module_units, units), dimensionless, arguments=(arrays, state))
        prove(reset, (module_units, units), units, arguments=(arrays, state))


@runtime_checkable
class _AbstractFiring(Protocol):
    """What has a threshold; a readout has none."""

    def margin(self, state: Any) -> Any: ...

    def reset(self, state: Any) -> Any: ...


def _is_none(x: Any) -> bool:
    return x is None


def _like(state: Any, result: Any, name: str) -> Any:
    expected, got = jax.tree.structure(state), jax.tree.structure(result)
    if expected != got:
        raise DimensionError(f"`{name}` must return {expected} as the state is, returned {got}.")
    return result


def leaf_units(tree: Any, root: Any) -> Any:
    """The unit of each leaf of `tree`, by the declaration that is met first on the way to it."""

    def unit_at(path: tuple[Any, ...], leaf: Any) -> Unit:
        node = root
        for key in path:
            if isinstance(node, Quantity):
                return node.unit
            if isinstance(key, GetAttrKey):
                if isinstance(node, eqx.Module):
                    declared = {name: p.unit for name, p in parameters(node).items()}
                else:
                    declared = state_units(type(node))
                if key.name in declared:
                    return declared[key.name]
                node = getattr(node, key.name)
            elif isinstance(key, SequenceKey):
                node = node[key.idx]
            elif isinstance(key, DictKey):
                node = node[key.key]
            else:
                return dimensionless
        return dimensionless

    return jax.tree_util.tree_map_with_path(unit_at, tree)


def _walk(
    program: ClosedJaxpr | Jaxpr, arguments: Iterable[Dimension], caller: JaxprEqn | None
) -> list[Dimension]:
    """The dimensions of the results of a program.

    `caller` is the equation to blame where the program is not the user's but JAX's own: JAX keeps
    such programs, with the place of whoever used them first.
    """

    def equation(eqn: JaxprEqn, values: list[Dimension]) -> Sequence[Dimension]:
        blamed = eqn if caller is None else caller
        try:
            return _apply(eqn, values, blamed)
        except Misfit as misfit:
            raise DimensionError(f"{_said(blamed)}{misfit}{_place(blamed)}.") from None

    return walk(program, arguments, equation, lambda value, aval: _of_constant(value))


def _apply(eqn: JaxprEqn, values: list[Dimension], blamed: JaxprEqn) -> Sequence[Dimension]:
    """The dimensions of the results of one equation."""
    name = eqn.primitive.name.replace("-", "_")
    if (inner := called(eqn)) is not None:
        return _enter(inner, values, blamed)
    if name == "cond":
        require_none(values[0], "a condition")
        outcomes = [_enter(branch, values[1:], blamed) for branch in eqn.params["branches"]]
        return [
            join(same, "results of one branch or another") for same in zip(*outcomes, strict=True)
        ]
    if name == "while":
        return _while(eqn.params, values, blamed)
    if name == "scan":
        fixed, start, sliced = _scan_operands(eqn.params, values)
        return _settle(eqn.params["jaxpr"], start, [fixed, sliced], blamed)
    if name not in RULES:
        raise Misfit(f"the dimension proof does not know the primitive `{eqn.primitive.name}`")
    results = RULES[name](eqn.params, values, len(eqn.outvars))
    if name not in SHAPING:
        results = [Dimension(result.exponents) for result in results]
    return results


def _enter(program: Any, values: Sequence[Dimension], blamed: JaxprEqn) -> list[Dimension]:
    """The dimensions of the results of a program inside an equation."""
    theirs = _is_library(parts(program)[0].debug_info.func_filename or "")
    return _walk(program, values, blamed if theirs else None)


def _scan_operands(params: dict[str, Any], values: list[Dimension]) -> list[list[Dimension]]:
    """The operands of a scan: constants, initial carry, and what is sliced."""
    if "ft_in" in params:  # newer than JAX 0.10: a tree of three parts
        return [list(part) for part in params["ft_in"].update(values).unpack()]
    fixed, carried = params["num_consts"], params["num_consts"] + params["num_carry"]
    return [values[:fixed], values[fixed:carried], values[carried:]]


def _while(
    params: dict[str, Any], values: list[Dimension], blamed: JaxprEqn
) -> Sequence[Dimension]:
    ask, do = params["cond_nconsts"], params["body_nconsts"]
    carry = _settle(params["body_jaxpr"], values[ask + do :], [values[ask : ask + do], []], blamed)
    (go_on,) = _enter(params["cond_jaxpr"], [*values[:ask], *carry], blamed)
    require_none(go_on, "a condition")
    return carry


def _settle(
    body: ClosedJaxpr, start: list[Dimension], around: list[list[Dimension]], blamed: JaxprEqn
) -> list[Dimension]:
    """The results of a loop: its carry, once the body leaves it unchanged, and the outputs.

    A carry that begins at zero fits any dimension until the body has given it one, so this ends
    after at most one round for each carried value.
    """
    before, after = ([Dimension(v.exponents) for v in values] for values in around)
    carry = [Dimension(v.exponents) for v in start]
    while True:
        results = _enter(body, [*before, *carry, *after], blamed)
        new = [
            join(pair, "values of one variable of a loop")
            for pair in zip(carry, results[: len(carry)], strict=True)
        ]
        if new == carry:
            return [*carry, *results[len(carry) :]]
        carry = new


def _of_constant(value: Any) -> Dimension:
    """Zero, infinity and NaN fit any dimension; every other number is dimensionless."""
    if jnp.issubdtype(jnp.result_type(value), jax.dtypes.extended):
        return NONE
    array = np.asarray(value)
    fits_any = not np.any(np.isfinite(array) & (array != 0))
    known = array.ndim == 0 and np.isrealobj(array) and np.isfinite(array)
    return Dimension(None if fits_any else NO_DIMENSION, float(array) if known else None)


@final
class _Spot(NamedTuple):
    """Where in the user's code an operation was written; columns count from one."""

    file: str
    line: int
    column: int | None
    text: str


def _is_library(file: str) -> bool:
    return file.startswith((*_LIBRARIES, "<@beartype"))


def _spot(eqn: JaxprEqn | None) -> _Spot | None:
    """The innermost place outside JAX and Equinox, as far as the traceback of `eqn` tells."""
    traceback = None if eqn is None else getattr(eqn.source_info, "traceback", None)
    raw_frames = getattr(traceback, "raw_frames", None)
    if raw_frames is None:
        return None
    for code, instruction in zip(*raw_frames(), strict=True):
        if _is_library(code.co_filename):
            continue
        line, end_line, column, end_column = list(code.co_positions())[instruction // 2]
        if line is None:
            continue
        lines = linecache.getlines(code.co_filename)[line - 1 : end_line or line]
        if None in (end_line, column, end_column) or not lines:
            return _Spot(code.co_filename, line, None, "".join(lines[:1]).strip())
        lines = [text.encode() for text in lines]
        lines[-1] = lines[-1][:end_column]
        lines[0] = lines[0][column:]
        text = " ".join(text.decode().strip() for text in lines)
        return _Spot(code.co_filename, line, column + 1, text)
    return None


def _said(eqn: JaxprEqn | None) -> str:
    spot = _spot(eqn)
    return f"`{spot.text}`: " if spot and spot.text else ""


def _place(eqn: JaxprEqn | None) -> str:
    spot = _spot(eqn)
    if spot is None:
        return ""
    column = "" if spot.column is None else f", column {spot.column}"
    return f", in {spot.file}, line {spot.line}{column}"
