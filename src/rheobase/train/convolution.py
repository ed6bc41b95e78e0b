"""Convolutions over space, the same in every time step."""

from typing import Any, Literal, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.train.layer import GAIN, AbstractLayer, Shape, text, uniform, width

Padding = Literal["valid", "same"] | int | tuple[int, ...]
Sides = int | tuple[int, ...]


class AbstractConvolution(AbstractLayer):
    """A convolution along some axes; a final class says how many."""

    weight: eqx.AbstractVar[Array | None]
    bias: eqx.AbstractVar[Array | None]
    form: eqx.AbstractVar["Form"]
    scale: eqx.AbstractVar[float]

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        return self.form.after(before, giver)

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        return self.form.convolved(x, self.weight, self.bias), None

    def drawn(self, key: Array, scale: float, dt: float) -> Self:
        if self.weight is not None:
            return self
        form = self.form
        make: Any = type(self)
        return make(
            form.n_in,
            form.n_out,
            form.kernel,
            stride=form.stride,
            padding=form.padding,
            dilation=form.dilation,
            groups=form.groups,
            bias=form.bias,
            key=key,
            scale=scale,
        )


class Conv1d(AbstractConvolution):
    """A convolution along one axis: (time, batch, channels, length); otherwise as `Conv2d`.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.Conv1d(2, 6, 5), rb.LIF())
    >>> model(jnp.ones((5, 3, 2, 64))).shape
    (5, 3, 6, 60)
    """

    weight: Array | None
    bias: Array | None
    form: "Form" = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: Sides = 3,
        *,
        stride: Sides = 1,
        padding: Padding = "valid",
        dilation: Sides = 1,
        groups: int = 1,
        bias: bool = True,
        key: Array | None = None,
        scale: float = 1.0,
    ):
        self.form = Form(1, n_in, n_out, kernel, stride, padding, dilation, groups, bias)
        self.weight, self.bias = self.form.drawn(key, scale)
        self.scale = scale


class Conv2d(AbstractConvolution):
    r"""A convolution over pictures: I_o(y, x) = sum_{i,r,c} w_oirc s_i(stride y + r, stride x + c).

    Input (time, batch, channels, height, width), w (n_out, n_in/groups, kernel, kernel) in the unit
    that the following neuron receives; what it gives has the same order of axes.

    - `n_in`, `n_out`: channels. `kernel`: places along its side, or along each of its sides.
    - `stride`, `dilation`: places from one output, and from one input, to the next.
    - `padding`: `"valid"` for none, `"same"` so that stride 1 keeps the size, or a number of zeros
      on each side.
    - `groups`: parts of the channels, each of which sees its own part of the input alone.
    - `bias`, `key`, `scale`: as in `Linear`.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.Conv2d(2, 8, 3, padding="same"), rb.LIF(), rb.Pool(2))
    >>> model(jnp.ones((5, 3, 2, 34, 34))).shape
    (5, 3, 8, 17, 17)
    """

    weight: Array | None
    bias: Array | None
    form: "Form" = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: Sides = 3,
        *,
        stride: Sides = 1,
        padding: Padding = "valid",
        dilation: Sides = 1,
        groups: int = 1,
        bias: bool = True,
        key: Array | None = None,
        scale: float = 1.0,
    ):
        self.form = Form(2, n_in, n_out, kernel, stride, padding, dilation, groups, bias)
        self.weight, self.bias = self.form.drawn(key, scale)
        self.scale = scale


class Form(eqx.Module):
    """What a convolution is but for its weights; hashable, since it is static."""

    axes: int = eqx.field(static=True)
    n_in: int = eqx.field(static=True)
    n_out: int = eqx.field(static=True)
    kernel: tuple[int, ...] = eqx.field(static=True)
    stride: tuple[int, ...] = eqx.field(static=True)
    padding: Literal["valid", "same"] | tuple[int, ...] = eqx.field(static=True)
    dilation: tuple[int, ...] = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    bias: bool = eqx.field(static=True)

    def __init__(
        self,
        axes: int,
        n_in: int,
        n_out: int,
        kernel: Sides,
        stride: Sides,
        padding: Padding,
        dilation: Sides,
        groups: int,
        bias: bool,
    ):
        call = f"Conv{axes}d(2, 16, 3)"
        self.axes, self.bias = axes, bias
        self.n_in, self.n_out = width(n_in, "n_in", call), width(n_out, "n_out", call)
        self.groups = width(groups, "groups", call)
        if self.n_in % self.groups or self.n_out % self.groups:
            raise ShapeError(
                f"`groups` = {groups} divides not both {n_in} and {n_out} channels. Write groups=1."
            )
        self.kernel = sides(kernel, "kernel", axes, call)
        self.stride = sides(stride, "stride", axes, call)
        self.dilation = sides(dilation, "dilation", axes, call)
        if isinstance(padding, str) and padding in ("valid", "same"):
            self.padding = padding
            return
        zeros = padding if isinstance(padding, tuple) else (padding,) * axes
        right = all(isinstance(z, int | np.integer) and not isinstance(z, bool) for z in zeros)
        if not right or len(zeros) != axes or min(int(z) for z in zeros) < 0:
            raise ArgumentError(
                f"`padding` is 'valid', 'same' or a number of zeros, got {brief(padding)}. Write "
                f"Conv{axes}d(2, 16, 3, padding='same')."
            )
        self.padding = tuple(int(z) for z in zeros)

    @property
    def reach(self) -> tuple[int, ...]:
        """Places that a kernel spans."""
        pairs = zip(self.kernel, self.dilation, strict=True)
        return tuple(dilation * (kernel - 1) + 1 for kernel, dilation in pairs)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Zeros before and after, along each axis."""
        if self.padding == "same":
            return tuple(((reach - 1) // 2, reach // 2) for reach in self.reach)
        zeros = (0,) * self.axes if self.padding == "valid" else self.padding
        return tuple((int(z), int(z)) for z in zeros)

    def drawn(self, key: Array | None, scale: float) -> tuple[Array | None, Array | None]:
        if key is None:
            return None, None
        seen = self.n_in // self.groups
        shape = (self.n_out, seen, *self.kernel)
        weight = uniform(key, shape, seen * int(np.prod(self.kernel)), GAIN * scale)
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
        along = zip(before[1:], self.edges, self.reach, self.stride, strict=True)
        sizes = [(x + sum(edges) - reach) // stride + 1 for x, edges, reach, stride in along]
        if min(sizes) < 1:
            reach = self.reach[0] if len(set(self.reach)) == 1 else self.reach
            raise ShapeError(
                f"has a kernel of {reach}, wider than what {giver} gives, {text(before)}."
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
            self.stride,
            self.edges,
            rhs_dilation=self.dilation,
            feature_group_count=self.groups,
        )
        if bias is not None:
            rows = rows + bias.reshape(1, -1, *(1,) * self.axes)
        return rows.reshape(*x.shape[:2], *rows.shape[1:])


def sides(given: Sides, name: str, axes: int, call: str) -> tuple[int, ...]:
    """One number for each axis."""
    each = tuple(given) if isinstance(given, tuple | list) else (given,) * axes
    if len(each) != axes:
        raise ShapeError(
            f"`{name}` is one number, or one for each of {axes} axes, got {brief(given)}. Write "
            f"{call}."
        )
    return tuple(width(side, name, call) for side in each)
