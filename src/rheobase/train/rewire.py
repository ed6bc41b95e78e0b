"""Sparse connections that move while they train: what is weak goes, and as much grows elsewhere."""

from typing import TYPE_CHECKING, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, UnknownName, brief
from rheobase.train.dense import Linear
from rheobase.train.recurrent import Recurrent
from rheobase.units import DomainError

if TYPE_CHECKING:
    import optax

Growth = Literal["random", "gradient"]


class Rewiring(AbstractDeclared):
    r"""Rewires the sparse layers of a model in training; their numbers of connections stay.

    Every so many steps of the optimiser, in each `Linear` or `Recurrent` with a `density` below 1
    whose weights train, the

    k = floor(part/2 (1 + cos(pi p)) C)

    of its C connections with the smallest |w| are taken away, p from 0 to 1 being the progress of
    the training. As many grow, with w = 0 and without momentum, where there was none:

    - `part`: of the connections that move at the beginning, from above 0 to 1.
    - `every`: steps of the optimiser from one rewiring to the next.
    - `grow`: `"random"`, anywhere alike (SET), or `"gradient"`, where |dL/dw| of the present batch
      is largest (RigL), which takes a gradient of the dense layer by the method of the training.

    Argument of `fit(..., rewiring=)`, whose checkpoints hold where the connections are.

    Source: Mocanu et al. 2018, Nat Commun 9:2383 (SET); Evci et al. 2020, ICML (RigL).

    >>> import numpy as np, rheobase as rb
    >>> x = 4 * np.random.default_rng(0).uniform(size=(64, 20, 30))
    >>> model = rb.Sequential(rb.Linear(30, 20, density=0.1), rb.LIF(), rb.Linear(20, 2), rb.LI())
    >>> result = rb.fit(model, (x, np.arange(64) % 2), epochs=2, batch_size=16, progress=False,
    ...                 rewiring=rb.train.Rewiring(every=2))
    >>> before, after = model.layers[0].mask, result.model.layers[0].mask
    >>> int(before.sum()) == int(after.sum()), bool((before == after).all())
    (True, False)
    """

    part: float = eqx.field(static=True, default=0.3)
    every: int = eqx.field(static=True, default=100)
    grow: Growth = eqx.field(static=True, default="random")

    def __check_init__(self):
        if not 0 < self.part <= 1:
            raise DomainError(
                f"`part` is a part of the connections, from above 0 to 1, got {brief(self.part)}. "
                f"Write Rewiring(part=0.3)."
            )
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise ArgumentError(
                f"`every` is a whole number of steps >= 1, got {brief(self.every)}. Write "
                "every=100."
            )
        if self.grow not in ("random", "gradient"):
            raise UnknownName("way to grow", self.grow, ("random", "gradient"))

    def moved(self, weight: Array, mask: Array, slope: Array, progress: Array, key: Array) -> Any:
        """The weights and connections of a layer after a rewiring, and which stayed."""
        count = mask.sum()
        falling = self.part / 2 * (1 + jnp.cos(jnp.pi * progress))
        most = jnp.floor(falling * count.astype(falling.dtype)).astype(count.dtype)
        most = jnp.minimum(most, mask.size - count)
        # Chance decides among equals as well, so that no place is preferred for its number.
        chance = jax.random.uniform(key, mask.shape, weight.dtype)
        stays = mask & ~_first(jnp.abs(weight), chance, mask, most)
        score = jnp.zeros_like(weight) if self.grow == "random" else -jnp.abs(slope)
        grown = _first(score, chance, ~mask, most)
        return jnp.where(stays, weight, 0), stays | grown, stays


def _first(score: Array, chance: Array, among: Array, most: Array) -> Array:
    """Where the `most` smallest scores are, among some places."""
    keys = chance.ravel(), jnp.where(among, score, jnp.inf).ravel()
    order = jnp.lexsort(keys)
    chosen = jnp.arange(order.size, dtype=most.dtype) < most
    return jnp.zeros(order.size, bool).at[order].set(chosen).reshape(score.shape)


def wiring(model: Any) -> tuple[Array, ...]:
    """The masks of the sparse layers of a model."""
    return tuple(layer.mask for layer in _sparse(model))


def wired(model: Any, masks: tuple[Array, ...]) -> Any:
    """A model with these masks in its sparse layers."""
    if not masks:
        return model
    return eqx.tree_at(lambda m: [layer.mask for layer in _sparse(m)], model, list(masks))


def dense(model: Any) -> Any:
    """A model whose sparse layers have all connections, those that were not there with weight 0."""
    found = _sparse(model)
    weights = [jnp.where(layer.mask, layer.weight, 0) for layer in found]
    model = eqx.tree_at(lambda m: [layer.weight for layer in _sparse(m)], model, weights)
    return wired(model, tuple(jnp.ones_like(layer.mask) for layer in found))


def rewired(
    rewiring: Rewiring,
    model: Any,
    trained: Any,
    memory: Any,
    optimizer: "optax.GradientTransformation",
    slope: Any,
    progress: Array,
    key: Array,
) -> tuple[Any, Any]:
    """A model and the memory of its optimiser after a rewiring.

    - `model`: in the coordinates in which it trains; `trained`: a mask of `choose`.
    - `slope`: the gradient of the dense model, in its structure.
    """
    import optax

    weights, masks, stayed = [], [], []
    parts = zip(_sparse(model), _sparse(trained), _sparse(slope), strict=True)
    for number, (layer, trains, gradient) in enumerate(parts):
        weight, mask, stays = layer.weight, layer.mask, jnp.ones_like(layer.mask)
        if trains.weight:
            own = jax.random.fold_in(key, number)
            weight, mask, stays = rewiring.moved(weight, mask, gradient.weight, progress, own)
        weights.append(weight)
        masks.append(mask)
        stayed.append(stays.astype(weight.dtype))

    def of(m: Any) -> list[Any]:
        return [layer.weight for layer in _sparse(m)]

    ones = jax.tree.map(lambda x: jnp.ones_like(x) if eqx.is_inexact_array(x) else x, model)
    kept = eqx.filter(eqx.tree_at(of, ones, stayed), trained)
    memory = optax.tree_utils.tree_map_params(optimizer, lambda m, k: m * k, memory, kept)
    return wired(eqx.tree_at(of, model, weights), tuple(masks)), memory


def require_sparse(rewiring: Any, trained: Any) -> None:
    """Refuse what is no rewiring, and a model in which nothing can be rewired."""
    if rewiring is None:
        return
    if not isinstance(rewiring, Rewiring):
        raise ArgumentError(
            f"`rewiring` takes rb.train.Rewiring, got {brief(rewiring)}. "
            f"Write rewiring=rb.train.Rewiring(part=0.3)."
        )
    if not any(layer.weight for layer in _sparse(trained)):
        raise ArgumentError(
            "`rewiring` moves connections of sparse layers, and no layer that trains is one. "
            "Write rb.Linear(64, 256, density=0.1)."
        )


def _sparse(model: Any) -> list[Any]:
    """The sparse layers of a model, or of a tree in its structure."""

    def is_layer(x: Any) -> bool:
        return isinstance(x, Linear | Recurrent)

    layers = [x for x in jax.tree.leaves(model, is_leaf=is_layer) if is_layer(x)]
    return [layer for layer in layers if layer.mask is not None]
