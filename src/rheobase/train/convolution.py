"""Convolutions over space, the same in every time step."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import ArgumentError, ShapeError
from rheobase.train.layer import GAIN, AbstractLayer, Shape, text, uniform, width

Padding = Literal["valid", "same"] | int


class Conv1d(AbstractLayer):
    """A convolution along one axis: (time, batch, channels, length); otherwise as `Conv2d`.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.Conv1d(2, 6, 5), rb.LIF())
    >>> model(jnp.ones((5, 3, 2, 64))).shape
    (5, 3, 6, 60)
    """

    weight: Array | None
    bias: Array | None
    form: "_Form" = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        padding: Padding = "valid",
        bias: bool = True,
        key: Array | None = None,
        scale: float = 1.0,
    ):
        self.form = _Form(n_in, n_out, kernel, stride, padding, bias, 1)
        self.weight, self.bias = self.form.drawn(key, scale)
        self.scale = scale

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        return self.form.after(before, giver)

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        return self.form.convolved(x, self.weight, self.bias), None

    def drawn(self, key: Array, scale: float, dt: float) -> "Conv1d":
        if self.weight is not None:
            return self
        form = self.form
        return Conv1d(
            form.n_in,
            form.n_out,
            form.kernel,
            stride=form.stride,
            padding=form.padding,
            bias=form.bias,
            key=key,
            scale=scale,
        )


class Conv2d(AbstractLayer):
    r"""A convolution over pictures: I_o(y, x) = sum_{i,r,c} w_oirc s_i(stride y + r, stride x + c).

    Input (time, batch, channels, height, width), w (n_out, n_in, kernel, kernel) in the unit that
    the following neuron receives; what it gives has the same order of axes.

    - `n_in`, `n_out`: channels. `kernel`: places along its side. `stride`.
    - `padding`: `"valid"` for none, `"same"` so that stride 1 keeps the size, or a number of zeros
      on each side.
    - `bias`, `key`, `scale`: as in `Linear`.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.Conv2d(2, 8, 3, padding="same"), rb.LIF(), rb.Pool(2))
    >>> model(jnp.ones((5, 3, 2, 34, 34))).shape
    (5, 3, 8, 17, 17)
    """

    weight: Array | None
    bias: Array | None
    form: "_Form" = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        padding: Padding = "valid",
        bias: bool = True,
        key: Array | None = None,
        scale: float = 1.0,
    ):
        self.form = _Form(n_in, n_out, kernel, stride, padding, bias, 2)
        self.weight, self.bias = self.form.drawn(key, scale)
        self.scale = scale

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        return self.form.after(before, giver)

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        return self.form.convolved(x, self.weight, self.bias), None

    def drawn(self, key: Array, scale: float, dt: float) -> "Conv2d":
        if self.weight is not None:
            return self
        form = self.form
        return Conv2d(
            form.n_in,
            form.n_out,
            form.kernel,
            stride=form.stride,
            padding=form.padding,
            bias=form.bias,
            key=key,
            scale=scale,
        )


class _Form(eqx.Module):
    """What a convolution is but for its weights; hashable, since it is static."""

    n_in: int = eqx.field(static=True)
    n_out: int = eqx.field(static=True)
    kernel: int = eqx.field(static=True)
    stride: int = eqx.field(static=True)
    padding: Padding = eqx.field(static=True)
    bias: bool = eqx.field(static=True)
    axes: int = eqx.field(static=True)

    def __check_init__(self):
        call = f"Conv{self.axes}d(2, 16, 3)"
        for name in ("n_in", "n_out", "kernel", "stride"):
            width(getattr(self, name), name, call)
        if self.padding in ("valid", "same"):
            return
        if isinstance(self.padding, str | bool) or int(self.padding) < 0:
            raise ArgumentError(
                f"`padding` is 'valid', 'same' or a number of zeros, got {self.padding!r}. Write "
                f"Conv{self.axes}d(2, 16, 3, padding='same')."
            )

    @property
    def edges(self) -> tuple[int, int]:
        """Zeros before and after."""
        if self.padding == "same":
            return (self.kernel - 1) // 2, self.kernel // 2
        zeros = 0 if self.padding == "valid" else int(self.padding)
        return zeros, zeros

    def drawn(self, key: Array | None, scale: float) -> tuple[Array | None, Array | None]:
        if key is None:
            return None, None
        shape = (self.n_out, self.n_in, *(self.kernel,) * self.axes)
        weight = uniform(key, shape, self.n_in * self.kernel**self.axes, GAIN * scale)
        return weight, jnp.zeros(self.n_out, weight.dtype) if self.bias else None

    def after(self, before: Shape | None, giver: str) -> Shape | None:
        if before is None:
            return None
        if len(before) != self.axes + 1 or before[0] != self.n_in:
            places = "length" if self.axes == 1 else "height, width"
            raise ShapeError(
                f"takes ({self.n_in}, {places}), but {giver} gives {text(before)}. Channels come "
                f"first; numbers in a row become a picture by rb.Reshape(1, 8, 8)."
            )
        sizes = [(x + sum(self.edges) - self.kernel) // self.stride + 1 for x in before[1:]]
        if min(sizes) < 1:
            raise ShapeError(
                f"has a kernel of {self.kernel}, wider than what {giver} gives, {text(before)}."
            )
        return self.n_out, *sizes

    def convolved(self, x: Array, weight: Array | None, bias: Array | None) -> Array:
        if weight is None:
            raise ArgumentError(
                f"this Conv{self.axes}d has no weights yet. Put it into rb.Sequential(...)."
            )
        # Time and batch as one long batch.
        rows = jax.lax.conv_general_dilated(
            x.reshape(-1, *x.shape[2:]),
            weight,
            (self.stride,) * self.axes,
            [self.edges] * self.axes,
        )
        if bias is not None:
            rows = rows + bias.reshape(1, -1, *(1,) * self.axes)
        return rows.reshape(*x.shape[:2], *rows.shape[1:])
