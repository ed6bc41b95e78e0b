"""The arguments of `fit` that are checked before anything is computed."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from rheobase.errors import ArgumentError, ParameterError, ShapeError, brief
from rheobase.train.fingerprint import parts_of

if TYPE_CHECKING:
    import optax


def optimizer_of(optimizer: Any, clip: float | None) -> "optax.GradientTransformation":
    """The optimiser that is meant, after the clipping of the gradient."""
    import optax

    if optimizer is None:
        optimizer = optax.adam(2e-3)
    if isinstance(optimizer, optax.MultiSteps):
        optimizer = optimizer.gradient_transformation()
    if not isinstance(optimizer, optax.GradientTransformation):
        name = optimizer if isinstance(optimizer, str) else getattr(optimizer, "__name__", "adam")
        raise ArgumentError(
            f"`optimizer` takes an optimiser of optax, got {brief(optimizer)}. "
            f"Write optimizer=optax.{name}(2e-3)."
        )
    if clip is None:
        return optimizer
    return optax.chain(optax.clip_by_global_norm(clip), optimizer)


def require_steps(optimizer: "optax.GradientTransformation", params: Any) -> None:
    """Refuse an optimiser that needs more than gradient, parameters and loss for a step."""

    def step(params: Any) -> Any:
        state = optimizer.init(params)
        return moved(optimizer, params, state, params, jnp.float32(0))

    try:
        with jax.numpy_dtype_promotion("standard"):
            jax.eval_shape(step, params)
    except TypeError as error:
        if "keyword-only argument" not in str(error):
            raise
        needs = ", ".join(name for name in ("grad", "value_fn") if f"'{name}'" in str(error))
        cure = "optimizer=optax.adam(2e-3)"
        if "scale_by_lbfgs" in " ".join(parts_of(optimizer)):
            cure = f"optimizer=optax.lbfgs(1e-2, linesearch=None), or {cure}"
        raise ArgumentError(
            f"`optimizer` searches along a line by the loss of many trials (it asks for "
            f"{needs or 'more arguments'}), which the noise of batches and of spikes misleads. "
            f"Write {cure}."
        ) from None


def moved(
    optimizer: "optax.GradientTransformation", gradient: Any, state: Any, params: Any, loss: Any
) -> tuple[Any, Any]:
    """What a step of the optimiser changes; those that watch the loss of the batch are given it."""
    import optax

    watching = optax.with_extra_args_support(optimizer)
    return watching.update(gradient, state, params, value=loss)


def check(
    epochs: Any, batch_size: Any, patience: Any, clip: Any, validation: Any, samples: int
) -> None:
    """Refuse counts and norms that mean nothing."""
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if value is None and name == "patience":
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ArgumentError(f"`{name}` is a whole number >= 1, got {brief(value)}.")
    if batch_size > samples:
        raise ShapeError(
            f"batch_size = {batch_size} is larger than the data, {samples} samples, so that no "
            f"batch is ever full. Write batch_size={min(samples, 32)}."
        )
    if patience is not None and validation is None:
        raise ArgumentError(
            "`patience` watches the validation loss. Write fit(..., validation=(x, y))."
        )
    if clip is not None and not clip > 0:
        raise ParameterError(
            f"`clip` is a norm > 0, got {brief(clip)}. Write clip=1.0, or clip=None."
        )
