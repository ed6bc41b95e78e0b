"""Frozen spread of parameters between the elements of a population, for any neuron."""

import math
import zlib
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.adaptors.base import AbstractAdaptor, chain, require_neuron
from rheobase.declared import orders
from rheobase.errors import ParameterError, ShapeError, UnknownName
from rheobase.given import require_random_key, whole
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron
from rheobase.units import (
    Parameter,
    Quantity,
    UnitError,
    dimensionless,
    non_negative,
    parameters,
    positive,
    probability,
    to_internal,
)
from rheobase.units.foreign import from_foreign

Distribution = Literal["lognormal", "gaussian"]

_REACH = 0.9
"""How far a draw may go towards what is forbidden; a tenth of the nominal distance remains."""
_FAR = 6.0
"""Standard deviations that no draw exceeds in any case: the tail of 2e-9 is cut."""


class Mismatch(AbstractAdaptor):
    r"""Every element of a population with parameters of its own, drawn once from `key`.

    With p the nominal parameter and xi a standard normal number for each element and parameter,

    - `"lognormal"`, `spread` a number, the coefficient of variation: p exp(s xi - s²/2) with
      s² = ln(1 + spread²), of mean p. For parameters that are positive (or non-negative) by
      declaration, whose domain it never leaves;
    - `"gaussian"`, `spread` a number, for the same parameters: p (1 + spread xi);
    - `"gaussian"`, `spread` a quantity, for any parameter of its dimension, so for voltages:
      p + spread xi.

    A Gaussian draw outside of the domain, or one that would break an order such as v_reset < v_th,
    is drawn again, and so is its mirror image, which keeps the mean at p: xi is truncated to at
    most 0.9 of the way to what is forbidden (half of the way each where both voltages are spread).

    - `parameters`: names, looked up in the neuron and all adaptors that it wears; where two have
      one name, `"LIF.tau"` and `"Noise.tau"`. None: all that such a spread fits.
    - `n`: size of the population, or a shape such as (chips, n); the draws broadcast from the right
      against the state, so a batch in front shares them.

    Nothing drawn is stored: `neuron` holds the nominal parameters, gradients reach them, and
    `drawn` is the neuron that is simulated. The draws of a parameter depend on `key`, `n` and its
    name alone, and `jax.vmap` over keys simulates many chips. The gradient with respect to
    `spread` is zero, so that training does not shrink the mismatch.
    Two spreads are two adaptors, one in the other.

    Errors: `ParameterError`, `UnitError` for a spread that makes no sense for a parameter,
    `UnknownName`, `ShapeError`, `ArgumentError`, `CompositionError`.

    >>> import jax, rheobase as rb
    >>> from rheobase.units import mV, ms, nA
    >>> key = jax.random.key(0)
    >>> chip = rb.Mismatch(rb.LIF(), 0.2, ("tau", "R"), key=key, n=100)
    >>> chip = rb.Mismatch(chip, 2 * mV, ("v_th",), "gaussian", key=key, n=100)
    >>> run = rb.simulate(chip, current=2 * nA, duration=100 * ms, dt=0.1 * ms)
    >>> run.spikes.shape
    (1000, 100)
    """

    neuron: AbstractMembrane
    spread: Array | Quantity
    key: Array
    parameters: tuple[str, ...] = eqx.field(static=True)
    distribution: Distribution = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self,
        neuron: AbstractMembrane,
        spread: float | Quantity,
        parameters: tuple[str, ...] | str | None = None,
        distribution: Distribution = "lognormal",
        *,
        key: Array,
        n: int | tuple[int, ...],
    ):
        require_neuron("Mismatch", neuron, fires=False)
        if distribution not in ("lognormal", "gaussian"):
            raise UnknownName("distribution", distribution, ("lognormal", "gaussian"))
        self.neuron = neuron
        self.distribution = distribution
        self.spread = _spread(spread, distribution)
        self.key = require_random_key(key, "Mismatch(..., key={})")
        self.parameters = _names(self, parameters)
        self.shape = _shape(self, n)

    @property
    def drawn(self) -> AbstractMembrane:
        """The neuron with its parameters drawn, each of shape (*n,)."""
        places = _places(self.neuron)
        chosen = [places[name] for name in self.parameters]
        values = [self._draw(name, places[name]) for name in self.parameters]
        return eqx.tree_at(lambda m: [_at(m, place) for place in chosen], self.neuron, values)

    def _draw(self, name: str, place: "_Place") -> Array:
        nominal = _at(self.neuron, place)
        number = self.spread.value if isinstance(self.spread, Quantity) else self.spread
        spread = jax.lax.stop_gradient(jnp.asarray(number, nominal.dtype))
        key = jax.random.fold_in(self.key, zlib.crc32(name.encode()))
        if self.distribution == "lognormal":
            s = jnp.sqrt(jnp.log1p(spread**2))
            xi = jax.random.normal(key, self.shape, nominal.dtype)
            moved = s * xi - s * s / 2
            module = chain(self.neuron)[place.depth]
            for low, high, movers in self._pairs(name, place):
                reach = _REACH * jnp.log(getattr(module, high) / getattr(module, low)) / movers
                moved = jnp.clip(moved, -reach, reach)
            return nominal * jnp.exp(moved)
        sd = spread if isinstance(self.spread, Quantity) else spread * nominal
        most = jnp.minimum(_REACH * self._room(name, place), _FAR * sd)
        most = most / jnp.where(sd > 0, sd, jnp.inf)
        lowest = jnp.nextafter(jnp.asarray(-1, nominal.dtype), 0)
        u = jax.random.uniform(key, self.shape, nominal.dtype, lowest, 1)
        xi = math.sqrt(2) * jax.lax.erf_inv(u * jax.lax.erf(most / math.sqrt(2)))
        return nominal + sd * xi

    def _room(self, name: str, place: "_Place") -> Array:
        """How far a parameter may move either way before it leaves its domain or its order."""
        nominal, module = _at(self.neuron, place), chain(self.neuron)[place.depth]
        room = jnp.full_like(nominal, jnp.inf)
        if place.parameter.domain in (positive, non_negative):
            room = nominal
        elif place.parameter.domain is probability:
            room = jnp.minimum(nominal, 1 - nominal)
        for low, high, movers in self._pairs(name, place):
            gap = getattr(module, high) - getattr(module, low)
            room = jnp.minimum(room, gap / movers)
        return room

    def _pairs(self, name: str, place: "_Place") -> list[tuple[str, str, int]]:
        """The orders in which a parameter stands, with how many of the two are drawn."""
        module, owner = chain(self.neuron)[place.depth], name.removesuffix(place.name)
        return [
            (*pair, sum(owner + p in self.parameters for p in pair))
            for pair in orders(module)
            if place.name in pair
        ]

    @property
    def firing(self) -> AbstractNeuron:
        drawn = self.drawn
        return drawn if isinstance(drawn, AbstractNeuron) else super().firing

    def lifted(self, by: Array) -> AbstractNeuron:
        # The neuron that was drawn: inside this adaptor its parameters would be drawn again.
        return self.firing.lifted(by)

    def init(self) -> Any:
        def full(x):
            return jnp.broadcast_to(x, jnp.broadcast_shapes(x.shape, self.shape))

        return jax.tree.map(full, self.drawn.init())

    def derivative(self, state: Any, current: Array) -> Any:
        return self.drawn.derivative(state, current)

    def perturb(
        self, state: Any, current: Array, dt: float, key: Array | None
    ) -> tuple[Any, Array]:
        return self.drawn.perturb(state, current, dt, key)

    def count(self, state: Any, spike: Array, dt: float) -> Any:
        return self.drawn.count(state, spike, dt)

    def check(self, dt: float) -> None:
        self.drawn.check(dt)

    def check_substep(self, dt: float) -> None:
        self.drawn.check_substep(dt)


class _Place(NamedTuple):
    """Where in a chain of adaptors a parameter is."""

    depth: int
    name: str
    parameter: Parameter


def _places(neuron: AbstractMembrane) -> dict[str, _Place]:
    """Every parameter of a chain by its full name: `LIF.tau`, `Noise.tau`, `Noise2.tau`."""
    places = {}
    modules = chain(neuron)
    for depth in reversed(range(len(modules))):
        kind = type(modules[depth])
        twins = sum(type(inner) is kind for inner in modules[depth + 1 :])
        owner = f"{kind.__name__}{twins + 1 if twins else ''}"
        for name, parameter in parameters(modules[depth]).items():
            places[f"{owner}.{name}"] = _Place(depth, name, parameter)
    return places


def _at(neuron: AbstractMembrane, place: _Place) -> Array:
    return getattr(chain(neuron)[place.depth], place.name)


def _names(mismatch: Mismatch, given: tuple[str, ...] | str | None) -> tuple[str, ...]:
    """The full names of the parameters that are meant, each one that the spread fits."""
    places = _places(mismatch.neuron)
    if given is None:
        fitting = [name for name, place in places.items() if _misfit(mismatch, place) is None]
        if not fitting:
            raise ParameterError(
                f"{type(mismatch.neuron).__name__} has no parameter that a spread of "
                f"{mismatch.spread} fits. Its parameters: {', '.join(places)}."
            )
        return tuple(fitting)
    found = []
    for name in (given,) if isinstance(given, str) else given:
        meant = [full for full, place in places.items() if name in (full, place.name)]
        if not meant:
            raise UnknownName("parameter here", name, [place.name for place in places.values()])
        if len(meant) > 1:
            raise ParameterError(
                f"`{name}` is the name of {len(meant)} parameters here: {', '.join(meant)}. "
                f'Write Mismatch(..., parameters=("{meant[0]}",)).'
            )
        misfit = _misfit(mismatch, places[meant[0]])
        if misfit is not None:
            raise misfit
        found.append(meant[0])
    return tuple(dict.fromkeys(found))


def _misfit(mismatch: Mismatch, place: _Place) -> Exception | None:
    """Why the spread makes no sense for a parameter, or None."""
    name, unit, domain = place.name, place.parameter.unit, place.parameter.domain
    if isinstance(mismatch.spread, Quantity):
        if mismatch.spread.unit.same_dimension(unit):
            return None
        return UnitError(
            f"`{name}` is measured in {unit}, got a spread of {mismatch.spread}. "
            f'Write Mismatch(..., spread=1*{unit}, parameters=("{name}",), ...), one Mismatch for '
            f"each spread."
        )
    if domain in (positive, non_negative):
        return None
    return ParameterError(
        f"a relative spread has no meaning for `{name}`, whose zero is a convention (it may be "
        f'{domain.condition}). Write Mismatch(..., spread=2*{unit}, parameters=("{name}",), '
        f'distribution="gaussian", ...).'
    )


def _spread(value: Any, distribution: str) -> Array | Quantity:
    """A non-negative number, or quantity in internal units."""
    given = value if isinstance(value, Quantity) else from_foreign(value)
    unit = dimensionless if given is None else given.unit
    array = to_internal(value, unit, "spread", "Mismatch(..., spread={})")
    if not isinstance(array, Tracer) and not np.all((array >= 0) & np.isfinite(array)):
        raise ParameterError(f"`spread` must be finite and >= 0, got {value}. Write spread=0.1.")
    if given is None:
        return array
    if distribution == "lognormal":
        raise ParameterError(
            f"a log-normal spread is a number, the coefficient of variation, got {value}. "
            f'Write Mismatch(..., spread=0.1), or distribution="gaussian" for a spread of {value}.'
        )
    return Quantity(array, unit.internal())


def _shape(mismatch: Mismatch, n: int | tuple[int, ...]) -> tuple[int, ...]:
    """`n` as a shape, to which every parameter that is spread must broadcast."""
    sizes = n if isinstance(n, tuple | list) else (n,)
    shape = tuple(whole(size, "n", "Mismatch(..., n=100)") for size in sizes)
    places = _places(mismatch.neuron)
    for name in mismatch.parameters:
        other = _at(mismatch.neuron, places[name]).shape
        try:
            np.broadcast_shapes(shape, other)
        except ValueError:
            raise ShapeError(
                f"`{name}` of shape {other} does not fit n = {n}. Give one nominal value for all, "
                f"or write Mismatch(..., n={other if len(other) != 1 else other[0]})."
            ) from None
    return shape
