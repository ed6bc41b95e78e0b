"""`quantity()`: a parameter declared once, with its unit, its domain and its meaning."""

import dataclasses
from dataclasses import dataclass
from types import MappingProxyType
from typing import (
    Annotated,
    Any,
    Protocol,
    final,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import brief
from rheobase.units.domains import Domain
from rheobase.units.errors import DomainError, UnitError
from rheobase.units.foreign import from_foreign
from rheobase.units.roles import Role
from rheobase.units.unit import DIMENSIONLESS, NO_DIMENSION, Quantity, Unit, as_unit, convert
from rheobase.units.values import numeric, show

_KEY = "rheobase.parameter"
_INSTEAD = "rheobase.instead"


@final
@dataclass(frozen=True)
class Parameter:
    """The declaration of a parameter, as `parameters` returns it.

    **Arguments:**

    - `unit`: what it is declared in; values are stored in the internal unit of that dimension.
    - `domain`: where it may lie.
    - `meaning`: one line for tables and documentation.
    - `default`: a `Quantity`, a number where dimensionless, or `None` if it must be given.
    - `name`: of the field.
    - `below`: the parameters of the same owner below which it must lie.
    - `role`: what it is to its neuron, whatever its name; see `Role`.

    **Example:**

        >>> import rheobase as rb
        >>> rb.units.parameters(rb.LIF)["tau"].meaning
        'membrane time constant'
    """

    unit: Unit
    domain: Domain
    meaning: str
    default: Quantity | float | None
    name: str
    below: tuple[str, ...] = ()
    role: Role | None = None


@final
class _QuantityField(dataclasses.Field):
    """A dataclass field that learns its name and its class, for the sake of its errors."""

    __slots__ = ()

    def __init__(self, parameter: Parameter, instead: type | None):
        default = dataclasses.MISSING if parameter.default is None else parameter.default
        plain = dataclasses.field(default=default, metadata={_KEY: parameter, _INSTEAD: instead})
        for slot in dataclasses.Field.__slots__:
            setattr(self, slot, getattr(plain, slot))

    def __set_name__(self, owner: type, name: str):
        parameter = dataclasses.replace(self.metadata[_KEY], name=name)
        converter = _Converter(parameter, owner.__name__, self.metadata[_INSTEAD])
        self.metadata = MappingProxyType({_KEY: parameter, "converter": converter})


@final
@dataclass(frozen=True)
class _Converter:
    """From what the user passes to the array that is stored; Equinox calls it at construction."""

    parameter: Parameter
    owner: str
    instead: type | None = None
    """What else the field takes, and keeps as it is."""

    def __call__(self, value: Any) -> Any:
        parameter = self.parameter
        if self.instead is not None and isinstance(value, self.instead):
            return value
        example = f"{self.owner}({parameter.name}={{}})"
        given = _as_quantity(value, parameter.unit, parameter.name, example)
        stored = _stripped(given, parameter.unit, jnp.result_type(float))
        if not isinstance(stored, Tracer):
            _check_domain(stored, given, parameter, example)
        return _on_device(stored)


def quantity(
    unit: Unit,
    domain: Domain,
    meaning: str,
    default: Quantity | float | None = None,
    *,
    below: str | tuple[str, ...] = (),
    role: Role | None = None,
    instead: type | None = None,
) -> Any:
    """A field of an Equinox module that holds a physical parameter.

    At construction it accepts a quantity of the same dimension (ours, or one of pint, brian2,
    saiunit or astropy), checks its domain where the value is known, and stores a plain array in
    internal units, in the current default floating-point type. A bare number is accepted only
    where `unit` is `dimensionless`. Equinox rebuilds modules without the constructor, so
    `jax.grad`, `jax.vmap` and `eqx.tree_at` work on the stored arrays.

    **Arguments:**

    - `unit`: the unit it is declared in, and printed in.
    - `domain`: `positive`, `non_negative`, `probability` or `anything`.
    - `meaning`: one line.
    - `default`: a quantity, or a number where dimensionless; without it the field is required.
    - `below`: another parameter, or several, below which this one must lie, `below="v_th"`: where
      it does not, the class refuses to be made, and training, fits and mismatch keep the order.
    - `role`: what the parameter is to its neuron, such as `Role.RESISTANCE`, for what works on
      neurons that call it otherwise.
    - `instead`: what the field takes beside quantities and keeps as it is, such as a stimulus.

    **Raises:** at construction `UnitError` for a wrong or missing unit and `DomainError` for a
    value outside the domain; at declaration the same for a default that does not fit.

    **Example:**

        >>> import equinox as eqx
        >>> from jax import Array
        >>> from rheobase.units import ms, positive, quantity, us
        >>> class Leak(eqx.Module):
        ...     tau: Array = quantity(ms, positive, "membrane time constant", default=20 * ms)
        >>> float(Leak(tau=500 * us).tau)
        0.5
    """
    above = (below,) if isinstance(below, str) else tuple(below)
    parameter = Parameter(as_unit(unit), domain, meaning, default, "default", above, role)
    if default is not None:
        example = f"quantity({unit}, {domain}, ..., default={{}})"
        given = _as_quantity(default, parameter.unit, "default", example)
        # In numpy: a declaration, hence an import, must not start JAX.
        _check_domain(_stripped(given, parameter.unit, np.float32), given, parameter, example)
    return _QuantityField(parameter, instead)


def parameters(owner: type | eqx.Module) -> dict[str, Parameter]:
    """The parameters that a module class (or an instance of it) declares, in order.

    **Example:**

        >>> import equinox as eqx
        >>> from jax import Array
        >>> from rheobase.units import ms, parameters, positive, quantity
        >>> class Leak(eqx.Module):
        ...     tau: Array = quantity(ms, positive, "membrane time constant", default=20 * ms)
        >>> parameters(Leak)["tau"].unit
        ms
    """
    # `fields` accepts every module; its annotation asks for a dataclass by protocol.
    fields = dataclasses.fields(owner)  # pyright: ignore[reportArgumentType]
    return {field.name: field.metadata[_KEY] for field in fields if _KEY in field.metadata}


def name_of_role(owner: type | eqx.Module, role: Role) -> str | None:
    """What a class calls its parameter of that role; `None` where it has none."""
    return next((name for name, p in parameters(owner).items() if p.role is role), None)


def of_role(owner: eqx.Module, role: Role) -> Array | None:
    """The parameter of that role; `None` where the object has none."""
    name = name_of_role(owner, role)
    return None if name is None else getattr(owner, name)


def state_units(state: type) -> dict[str, Unit]:
    """The units that a state, a `NamedTuple` with `v: Annotated[Array, mV]`, gives its variables.

    Variables without a unit (counters, the state of a wrapped neuron) are left out.

    **Example:**

        >>> from typing import Annotated, NamedTuple
        >>> from jax import Array
        >>> from rheobase.units import mV, state_units
        >>> class State(NamedTuple):
        ...     v: Annotated[Array, mV]
        >>> state_units(State)
        {'v': mV}
    """
    units: dict[str, Unit] = {}
    for name, hint in get_type_hints(state, include_extras=True).items():
        if get_origin(hint) is Annotated:
            found = [extra for extra in get_args(hint)[1:] if isinstance(extra, Unit)]
            units.update((name, unit) for unit in found)
    return units


def to_internal(value: Any, unit: Unit, name: str, example: str) -> Array:
    """A quantity as a plain array in internal units.

    **Arguments:**

    - `value`: a quantity of the dimension of `unit`, ours or foreign; a bare number or array only
      where `unit` is dimensionless.
    - `unit`: what `name` is measured in.
    - `name`: of the argument, for the error.
    - `example`: the call as it should be, for the error; `{}` in it stands for a fitting value, as
      in `"simulate(..., duration={})"`.

    **Returns:** an array in the default floating-point type; a tracer keeps its own.

    **Raises:** `UnitError` for another dimension or none, naming the corrected call.

    **Example:**

        >>> from rheobase.units import ms, s, to_internal
        >>> float(to_internal(0.5 * s, ms, "duration", "simulate(..., duration={})"))
        500.0
    """
    return _on_device(to_host(value, unit, name, example))


def to_host(value: Any, unit: Unit, name: str, example: str) -> Any:
    """As `to_internal`, but left in numpy where it is no tracer: on no device, at no cost."""
    given = _as_quantity(value, unit, name, example)
    return _stripped(given, unit, jnp.result_type(float))


def to_numbers(value: Any, unit: Unit, name: str, example: str) -> np.ndarray:
    """As `to_internal`, in numpy and always in float64: for what is computed before JAX starts."""
    return np.asarray(_as_quantity(value, unit, name, example).value_in(unit.internal()), float)


def in_unit(value: Any, unit: Unit) -> Any:
    """An array in internal units expressed in `unit`: the inverse of `to_internal`.

    **Example:**

        >>> from rheobase.units import in_unit, s
        >>> in_unit(500.0, s)
        0.5
    """
    return convert(value, unit.internal(), unit)


def _on_device(x: Any) -> Array:
    # `jnp.asarray` would compile a program for each shape.
    return x if isinstance(x, Tracer) else jax.device_put(x)


def _as_quantity(value: Any, unit: Unit, name: str, example: str) -> Quantity:
    """`value` as a quantity of ours with the dimension of `unit`."""
    given = value if isinstance(value, Quantity) else from_foreign(value)
    if given is None and unit.dimension == NO_DIMENSION and _bare(value) is not None:
        given = Quantity(value, unit)
    if given is None or not given.unit.same_dimension(unit):
        raise UnitError(_lament(value if given is None else given, unit, name, example))
    return given


def _stripped(given: Quantity, unit: Unit, dtype: Any) -> Any:
    """Its value in internal units: a numpy array of `dtype`; a tracer keeps its own."""
    value = given.value_in(unit.internal())
    if isinstance(value, Tracer):
        # Not weak: what a parameter is combined with must not decide its precision.
        return value.astype(value.dtype if jnp.issubdtype(value.dtype, jnp.floating) else dtype)
    with np.errstate(over="ignore"):
        return np.asarray(value).astype(dtype)


def _bare(value: Any) -> Any:
    """`value` as a number or an array without unit, or `None` where it is none."""
    try:
        return None if isinstance(value, bool) else numeric(value)
    except (TypeError, ValueError):  # a ragged list, an array of text, something else
        return None


@runtime_checkable
class _Drawn(Protocol):
    """A distribution: what draws values."""

    def draw(self, size: int, random: np.random.Generator) -> Quantity: ...


def _lament(value: Any, unit: Unit, name: str, example: str) -> str:
    """What is wrong with the unit of `value`, and the call as it should be."""
    number = value.value if isinstance(value, Quantity) else _bare(value)
    if isinstance(value, Quantity):
        got = str(value)
    elif isinstance(value, Unit):
        got = f"the unit {value}"
    elif number is None:
        got = brief(value)
    else:
        got = f"the bare {'array' if np.ndim(number) > 0 else 'number'} {show(number)}"
    if isinstance(value, _Drawn):
        drawn = f"{type(value).__name__}(...).draw(n, np.random.default_rng(0))"
        example = example.replace("{}", drawn)
        return (
            f"`{name}` is a number, or one for each neuron, got {got}, and only weights, "
            f"delays and drives of networks are drawn. Draw it here: {example}."
        )
    measured = "dimensionless" if unit == DIMENSIONLESS else f"measured in {unit}"
    call = example.replace("{}", _product(1 if number is None else number, unit, name))
    return f"`{name}` is {measured}, got {got}. Write {call}."


def _product(number: Any, unit: Unit, name: str) -> str:
    """`5*ms`: the number as the user wrote it, or `name` where that would be long."""
    if isinstance(number, Tracer) or np.size(number) > 4:
        text = name
    elif np.ndim(number) > 0:
        text = str(np.asarray(number).tolist())
    else:
        text = show(number)
    written = str(unit)
    if not unit.factors:
        return text
    return text + written[1:] if written.startswith("1/") else f"{text}*{written}"


def _check_domain(stored: np.ndarray, given: Quantity, parameter: Parameter, example: str) -> None:
    """Raise unless every stored value lies in the domain and is what was given."""
    original = np.broadcast_to(np.asarray(given.value, float), stored.shape)
    lost = np.isfinite(original) & (original != 0) & ((stored == 0) | np.isinf(stored))
    outside = ~np.asarray(parameter.domain.contains(stored)) | lost
    if not outside.any():
        return
    index = tuple(int(i) for i in np.argwhere(outside)[0])
    got = str(Quantity(original[index], given.unit))
    if lost[index]:
        got += f", which is {stored[index]} in {stored.dtype}"
    if index:
        got += f" at index {index[0] if len(index) == 1 else index}"
    default = parameter.default
    number = default.value_in(parameter.unit) if isinstance(default, Quantity) else default
    number = 1 if number is None else number
    call = example.replace("{}", _product(number, parameter.unit, parameter.name))
    raise DomainError(
        f"`{parameter.name}` must be {parameter.domain.condition} ({parameter.domain}), "
        f"got {got}. Write for example {call}."
    )
