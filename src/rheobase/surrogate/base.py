"""The contract of a surrogate spike function: an exact step forwards, a declared derivative backwards."""

import dataclasses
import difflib
import math
import numbers
from abc import abstractmethod
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Normalise = Literal["peak", "area"] | None


class SurrogateError(ValueError):
    """A surrogate was described wrongly; the text says what came, what was expected, and the cure."""


def parameter(meaning: str, *, default: float, domain: str = "positive") -> Any:
    """Declare a shape parameter: a static Python float with a domain and a meaning.

    Static, because a shape parameter is not a model parameter: it has no gradient, no optimiser
    may move it, and two equal surrogates share one compilation.

    **Arguments:** `meaning`, one phrase; `default`; `domain`, a key of `DOMAINS`.
    """
    return eqx.field(
        default=default,
        converter=_as_float,
        static=True,
        metadata={"meaning": meaning, "domain": domain},
    )


def normalisation() -> Any:
    """Declare the field `normalise` of a shape."""
    return eqx.field(default=None, static=True, kw_only=True, metadata={"meaning": "rescale g"})


DOMAINS = {
    "positive": ("finite and greater than 0", lambda p: 0.0 < p < math.inf),
    "non-negative": ("finite and at least 0", lambda p: 0.0 <= p < math.inf),
    "fraction": ("at least 0 and less than 1", lambda p: 0.0 <= p < 1.0),
}


class AbstractSurrogate(eqx.Module):
    r"""A spike function: $H(x)$ forwards, $g(x) = S'(x)$ in place of $\delta(x)$ backwards.

    $x$ is the dimensionless margin of a neuron, any shape; for a neuron with a threshold and a
    reset voltage it is $(v - v_{th}) / (v_{th} - v_{reset})$: $-1$ at reset, $0$ at threshold.

    - forward: `x >= 0` fires, so 0 and -0 do, NaN does not; the value is 0 or 1 in the dtype of $x$.
    - derivative: that of the primitive $S$, by automatic differentiation, in forward and reverse
      mode and to any order. The derivative with respect to the surrogate's own parameters is 0.

    A subclass states `primitive` ($S$ up to a constant, elementwise), `peak` (largest $g$), `area`
    ($S(\infty) - S(-\infty)$; a unit step has 1) and `width` (full width of $g$ at half maximum).
    """

    peak: eqx.AbstractVar[float]
    area: eqx.AbstractVar[float]
    width: eqx.AbstractVar[float]

    def __new__(cls, *args: Any, **kwargs: Any):
        _check_names(cls, kwargs)
        return super().__new__(cls)

    def __check_init__(self) -> None:
        for field in dataclasses.fields(self):
            domain = field.metadata.get("domain")
            if domain is not None:
                _check_parameter(self, field.name, domain)

    @abstractmethod
    def primitive(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """$S(x)$, elementwise: the smooth step whose derivative stands in for that of the spike."""

    def __call__(self, margin: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """The spike: 1 where `margin >= 0`, else 0, in the shape and dtype of `margin`."""
        margin = jnp.asarray(margin)
        if not jnp.issubdtype(margin.dtype, jnp.floating):
            raise SurrogateError(
                f"`margin` must be floating point, got {margin.dtype}: a spike has the dtype of its "
                "margin and needs a derivative. Write surrogate(margin.astype(float))."
            )
        return _spike(self, margin)


class AbstractShape(AbstractSurrogate):
    """A surrogate that can rescale its own g: `normalise="peak"` makes the peak 1, `"area"` the area 1."""

    normalise: eqx.AbstractVar[Normalise]
    raw_peak: eqx.AbstractVar[float]
    raw_area: eqx.AbstractVar[float]

    def __check_init__(self) -> None:
        check_normalise(self)
        if self.normalise == "area" and math.isinf(self.raw_area):
            refuse_infinite_area(self)

    @abstractmethod
    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """The primitive before `normalise`."""

    @property
    def peak(self) -> float:
        """Largest value of g."""
        return self._factor * self.raw_peak

    @property
    def area(self) -> float:
        """Integral of g."""
        return self._factor * self.raw_area

    def primitive(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return self.raw(x) if self.normalise is None else self._factor * self.raw(x)

    @property
    def _factor(self) -> float:
        match self.normalise:
            case "peak":
                return 1.0 / self.raw_peak
            case "area":
                return 1.0 / self.raw_area
            case _:
                return 1.0


@jax.custom_jvp
def _spike(surrogate: AbstractSurrogate, margin: Array) -> Array:
    return (margin >= 0).astype(margin.dtype)


@_spike.defjvp
def _spike_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    surrogate, margin = primals
    _, d_margin = tangents  # the tangent of the surrogate is dropped: its parameters have no gradient
    _, d_spike = jax.jvp(surrogate.primitive, (margin,), (d_margin,))
    return _spike(surrogate, margin), d_spike


def check_normalise(surrogate: Any) -> None:
    """Refuse a value of `normalise` that is not one of its three."""
    value = surrogate.normalise
    if value is not None and value not in ("peak", "area"):
        raise SurrogateError(
            f'`normalise` of {type(surrogate).__name__} must be "peak", "area" or None, got '
            f"{value!r}.{near_miss(value, ('peak', 'area'))}"
        )


def refuse_infinite_area(surrogate: Any) -> None:
    """Say why `normalise="area"` cannot be had."""
    raise SurrogateError(
        f'`normalise="area"` needs a finite area, and that of {type(surrogate).__name__} is infinite. '
        'Write normalise="peak", or choose a shape with a finite area such as Sigmoid.'
    )


def near_miss(name: object, known: Any) -> str:
    """` Did you mean ...?`, or nothing."""
    lower = {str(k).lower(): k for k in known}
    close = difflib.get_close_matches(str(name).lower(), lower, n=1)
    return f" Did you mean {lower[close[0]]!r}?" if close else ""


def _as_float(value: Any) -> Any:
    """A float where `value` is a number; anything else is left for `__check_init__` to name."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, np.ndarray | jax.Array) and not isinstance(value, jax.core.Tracer):
        return float(value) if value.ndim == 0 else value
    return value


def _check_names(cls: type, given: dict[str, Any]) -> None:
    known = [f.name for f in dataclasses.fields(cls) if f.init]  # pyright: ignore[reportArgumentType]
    for name, value in given.items():
        if name not in known:
            raise SurrogateError(
                f"{cls.__name__} has no parameter `{name}`: it has {', '.join(known)}."
                f"{near_miss(name, known)} Write {cls.__name__}({known[0]}={value!r})."
            )


def _check_parameter(surrogate: AbstractSurrogate, name: str, domain: str) -> None:
    value = getattr(surrogate, name)
    owner = type(surrogate).__name__
    if isinstance(value, jax.core.Tracer):
        raise SurrogateError(
            f"`{name}` of {owner} must be a Python number, got a traced JAX value. A shape parameter "
            f"is not a model parameter: build the surrogate outside jit, grad and vmap."
        )
    if not isinstance(value, float):
        raise SurrogateError(
            f"`{name}` of {owner} must be one number, got {value!r}. Write {owner}({name}=2.0)."
        )
    text, holds = DOMAINS[domain]
    if not holds(value):
        raise SurrogateError(
            f"`{name}` of {owner} must be {text}, got {value!r}. Write for example "
            f"{owner}({name}={abs(value) if holds(abs(value)) else 0.5!r})."
        )
