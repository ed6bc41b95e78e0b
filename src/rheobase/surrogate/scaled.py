"""The same surrogate on other axes."""

from typing import final

from jaxtyping import Array, Float

from rheobase.errors import brief
from rheobase.surrogate.base import AbstractSurrogate, SurrogateError, shape_parameter


@final
class Scaled(AbstractSurrogate):
    r"""Another surrogate with its axes scaled, $g(x) = \eta\, g_0(\lambda x)$.

    $S(x) = (\eta/\lambda) S_0(\lambda x)$. Peak $\eta$ times that of $g_0$, area $\eta/\lambda$
    times, width $1/\lambda$ times. Fires where `x >= 0`.

    It carries a surrogate to another scale of voltage: $g_0$ of $(v - v_{th})/c_0$ and `Scaled` of
    $(v - v_{th})/c$ give the same $ds/dv$ if $\eta = \lambda = c/c_0$.

    **Arguments:**

    - `surrogate`: $g_0$.
    - `height`: $\eta$, dimensionless, positive.
    - `stretch`: $\lambda$, dimensionless, positive.

    **Example:** a surrogate of v - v_th in mV, for a neuron with 15 mV from reset to threshold.

        >>> import jax
        >>> from rheobase.surrogate import FastSigmoid, Scaled
        >>> g = jax.grad(Scaled(FastSigmoid(k=0.1), height=15.0, stretch=15.0))
        >>> round(float(g(-10 / 15)) / 15, 6)  # 1/(1 + 0.1 * 10)^2 per mV
        0.25
    """

    surrogate: AbstractSurrogate
    height: float = shape_parameter("factor on g", 1.0)
    stretch: float = shape_parameter("factor on the argument of g", 1.0)

    def __check_init__(self) -> None:
        if not isinstance(self.surrogate, AbstractSurrogate):
            raise SurrogateError(
                f"`surrogate` of Scaled must be a surrogate, got {brief(self.surrogate)}. Write "
                "for "
                f"example Scaled(Sigmoid(k=4.0), height={self.height})."
            )

    def primitive(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return self.height / self.stretch * self.surrogate.primitive(self.stretch * x)

    @property
    def peak(self) -> float:
        return self.height * self.surrogate.peak

    @property
    def area(self) -> float:
        return self.height / self.stretch * self.surrogate.area

    @property
    def width(self) -> float:
        return self.surrogate.width / self.stretch
