"""The contract of a spike function: an exact step forwards, a declared derivative backwards."""

import dataclasses
import difflib
import inspect
import math
import numbers
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from rheobase.errors import brief

Normalise = Literal["peak", "area"] | None


class SurrogateError(ValueError):
    """A surrogate was described wrongly; the text says what came, what was expected, the cure."""


class Range(NamedTuple):
    """Where a shape parameter may lie, in words and as a test."""

    text: str
    contains: Callable[[float], bool]


POSITIVE = Range("finite and greater than 0", lambda p: 0.0 < p < math.inf)
FRACTION = Range("at least 0 and less than 1", lambda p: 0.0 <= p < 1.0)


def shape_parameter(meaning: str, default: float, domain: Range = POSITIVE) -> Any:
    """Declare a shape parameter: a Python float, static, with a meaning and a domain.

    Static, because a shape parameter is not a model parameter: it has no gradient, no optimiser
    may move it, and equal surrogates share one compilation. The metadata of the field hold
    `meaning` and `domain`.
    """
    metadata = {"meaning": meaning, "domain": domain}
    return eqx.field(default=default, converter=_plain, static=True, metadata=metadata)


class AbstractSurrogate(eqx.Module):
    r"""A spike function: the step $H(x)$ forwards, $g(x) = S'(x)$ for its derivative.

    $x$ is the dimensionless margin of a neuron, of any shape: $(v - v_{th})/(v_{th} - v_{reset})$
    where it has these, so -1 at the reset and 0 at the threshold.

    - Forwards, `x >= 0` fires: 0 and -0 do, NaN does not. The value is exactly 0 or 1, in the
      dtype of `x`, and $S$ is not evaluated.
    - The derivative is that of $S$ by automatic differentiation: in forward and reverse mode, to
      any order, under jit, vmap and scan. That with respect to the surrogate's own parameters is 0.

    A final subclass states `primitive`, `peak`, `area` and `width`. `Custom` makes a surrogate of
    a function without a class.

    **Raises:** `SurrogateError` for a parameter outside its domain, or of an unknown name.

    **Example:**

        >>> import jax, jax.numpy as jnp
        >>> from rheobase.surrogate import Sigmoid
        >>> spike = Sigmoid(k=4.0)
        >>> spike(jnp.array([-0.1, 0.0, 0.1])).tolist()
        [0.0, 1.0, 1.0]
        >>> float(jax.grad(spike)(0.0)), spike.peak, spike.area, round(spike.width, 3)
        (1.0, 1.0, 1.0, 0.881)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        known = inspect.signature(cls.__init__).parameters
        if unknown := kwargs.keys() - known.keys():
            raise SurrogateError(_unknown_name(cls.__name__, min(unknown), list(known)[1:]))
        return super().__new__(cls)

    def __check_init__(self) -> None:
        _check_parameters(self)

    @abstractmethod
    def primitive(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """S(x) up to a constant, elementwise: the smooth step whose derivative is g."""

    @property
    @abstractmethod
    def peak(self) -> float:
        """The largest value of g."""

    @property
    @abstractmethod
    def area(self) -> float:
        """The integral of g, S(inf) - S(-inf); a unit step has area 1."""

    @property
    @abstractmethod
    def width(self) -> float:
        """The full width of g at half of its peak."""

    def __call__(self, margin: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """1 where `margin >= 0`, else 0, in the shape and dtype of `margin`."""
        margin = jnp.asarray(margin)
        if not jnp.issubdtype(margin.dtype, jnp.floating):
            raise SurrogateError(
                f"`margin` must be floating point, got {margin.dtype}: a spike has the dtype of "
                "its margin, and a derivative. Write surrogate(margin.astype(float))."
            )
        return _spike(self, margin)


class Profile(NamedTuple):
    """The figures of a surrogate: largest g, integral of g, and full width of g at half maximum."""

    peak: float
    area: float
    width: float


class AbstractShape(AbstractSurrogate):
    """A surrogate that can rescale itself: `normalise="peak"` or `"area"` makes that 1.

    A final subclass states `raw` and `profile`, which know nothing of `normalise`.
    """

    normalise: eqx.AbstractVar[Normalise]

    def __check_init__(self) -> None:
        _check_parameters(self)  # first, for Equinox comes to the base class last
        name = type(self).__name__
        if self.normalise not in (None, "peak", "area"):
            raise SurrogateError(
                f'`normalise` of {name} must be "peak", "area" or None, '
                f"got {brief(self.normalise)}."
                f"{near_miss(self.normalise, ('peak', 'area'))}"
            )
        if self.normalise == "area" and math.isinf(self.profile().area):
            raise SurrogateError(
                f'normalise="area" needs a finite area, and that of {name} is infinite. Write '
                f'normalise="peak", or choose a shape of finite area such as Sigmoid.'
            )

    @abstractmethod
    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """The primitive before `normalise`."""

    @abstractmethod
    def profile(self) -> Profile:
        """Peak, area and width before `normalise`."""

    def primitive(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return self.raw(x) if self.normalise is None else self._factor() * self.raw(x)

    @property
    def peak(self) -> float:
        return self.profile().peak * self._factor()

    @property
    def area(self) -> float:
        return self.profile().area * self._factor()

    @property
    def width(self) -> float:
        return self.profile().width

    def _factor(self) -> float:
        match self.normalise:
            case "peak":
                return 1.0 / self.profile().peak
            case "area":
                return 1.0 / self.profile().area
            case None:
                return 1.0


@jax.custom_jvp
def _spike(surrogate: AbstractSurrogate, margin: Array) -> Array:
    return (margin >= 0).astype(margin.dtype)


@_spike.defjvp
def _spike_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    surrogate, margin = primals
    _, d_margin = tangents  # that of the surrogate is dropped: its parameters have no gradient
    _, g = jax.jvp(surrogate.primitive, (margin,), (jnp.ones_like(margin),))
    # g in one piece, so that backpropagation through time stores one array a step
    return _spike(surrogate, margin), g * d_margin


def near_miss(name: object, known: Iterable[str]) -> str:
    """` Did you mean ...?` where a known name is close, or nothing."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _plain(value: Any) -> Any:
    """A float where `value` is one number, else what `_check_parameters` can show."""
    if isinstance(value, Tracer):
        return f"traced {value.aval}"
    if isinstance(value, np.ndarray | jax.Array):
        value = np.asarray(value).tolist()
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return float(value) if is_number else value


def _check_parameters(surrogate: AbstractSurrogate) -> None:
    owner = type(surrogate).__name__
    for field in dataclasses.fields(surrogate):
        if "domain" not in field.metadata:
            continue
        value, domain = getattr(surrogate, field.name), field.metadata["domain"]
        what = f"`{field.name}` of {owner} ({field.metadata['meaning']}) must be"
        cure = f"Write for example {owner}({field.name}={field.default!r})."
        if not isinstance(value, float):
            raise SurrogateError(
                f"{what} one Python number, got {brief(value)}. A shape parameter is not "
                "trained or "
                f"mapped over: build the surrogate outside jit, grad and vmap. {cure}"
            )
        if not domain.contains(value):
            raise SurrogateError(f"{what} {domain.text}, got {brief(value)}. {cure}")


def _unknown_name(owner: str, name: str, known: list[str]) -> str:
    hint = near_miss(name, known) or f" Did you mean {owner}({known[0]}=...)?"
    return f"{owner} has no parameter {name!r}.{hint} Its parameters: {', '.join(known)}."
