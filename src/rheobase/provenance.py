"""What made a run, a fit or a file: versions, stepper, dt, precision and key."""

import functools
import sys
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rheobase._version import __version__

Versions = tuple[tuple[str, str], ...]


@functools.cache
def versions() -> Versions:
    """Those of what computes, each by its name."""
    python = ".".join(map(str, sys.version_info[:3]))
    return (
        ("rheobase", __version__),
        ("jax", jax.__version__),
        ("numpy", np.__version__),
        ("python", python),
    )


class Provenance(eqx.Module):
    """What made a run, a fit or a file: enough to make it again.

    - `versions`: by name, of rheobase, jax, numpy and python.
    - `stepper`: names of the rules that advanced it.
    - `dt`: ms.
    - `precision`: the type of its numbers, such as `float32`.
    - `key`: the random key that was given; a number where a seed was.

    None stands for what is not known, or not a part of it.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> made = rb.simulate(rb.LIF(), duration=1 * ms, dt=0.1 * ms).provenance
    >>> made.stepper is None, made.dt, made.precision, made.key
    (False, 0.1, 'float32', None)
    >>> made.versions["rheobase"] == rb.__version__
    True
    """

    known: Versions | None = eqx.field(static=True, default=None)
    stepper: str | None = eqx.field(static=True, default=None)
    dt: float | None = eqx.field(static=True, default=None)
    precision: str | None = eqx.field(static=True, default=None)
    key: Any = None

    @property
    def versions(self) -> dict[str, str]:
        """Versions by name; empty where a file of an older version does not say."""
        return dict(self.known or ())

    def __repr__(self) -> str:
        parts = [" ".join(pair) for pair in self.known or ()]
        parts += [x for x in (self.stepper, self.precision) if x is not None]
        parts += [] if self.dt is None else [f"dt {self.dt:g} ms"]
        parts += [] if self.key is None else [f"key {told(self.key)}"]
        return f"Provenance({', '.join(parts)})"


def told(key: Any) -> str:
    """A random key in words: its generator and its numbers."""
    if isinstance(key, Tracer):
        return "traced"
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        if key.ndim:
            return f"{key.size} of {jax.random.key_impl(key)}"
        words = np.asarray(jax.random.key_data(key)).tolist()
        return f"{jax.random.key_impl(key)} {words}"
    return str(np.asarray(key).tolist())


def precision_of(tree: Any) -> str | None:
    """The type of the first real number in a tree."""
    types = (x.dtype for x in jax.tree.leaves(tree) if isinstance(x, jax.Array | np.ndarray))
    return next((str(kind) for kind in types if jnp.issubdtype(kind, jnp.inexact)), None)


def noted(made: Provenance | None) -> dict[str, Any]:
    """What a file says of itself: as JSON, of what was saved or else of the library here."""
    here = {"precision": str(jnp.result_type(float))}
    if made is not None:
        said = {"stepper": made.stepper, "dt": made.dt, "precision": made.precision}
        here |= {name: x for name, x in said.items() if x is not None}
        here |= {} if made.key is None else {"key": told(made.key)}
    return {"versions": dict(versions())} | here


def of_notes(notes: Mapping[str, Any]) -> Provenance:
    """What a file says of itself; what does not fit is taken for unknown."""

    def get(name: str, kind: type) -> Any:
        return notes[name] if type(notes.get(name)) is kind else None

    pairs = get("versions", dict) or {}
    known = tuple((str(k), str(x)) for k, x in pairs.items())
    return Provenance(
        known or None, get("stepper", str), get("dt", float), get("precision", str), get("key", str)
    )
