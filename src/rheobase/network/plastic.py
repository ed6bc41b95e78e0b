"""Rules of plasticity as numbers: what the compiled loop of a network needs of them.

A trace rule says what spikes do by functions of its traces. Where these are affine, and each factor
of a change depends on the traces of its own side, a spike has an effect in the sense of
`EffectNumbers`, which are read off the functions: at zero and along each trace.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.jaxprs import depends
from rheobase.kernels.layout import EffectNumbers
from rheobase.network.known import Key, key_of
from rheobase.network.numeric import evaluated
from rheobase.plasticity.base import AbstractRule, AbstractTraceRule, Traces
from rheobase.steppers.exact import jacobian


def has_effects(rule: AbstractRule) -> bool:
    """Whether the spikes of a rule have effects that the compiled loop knows."""
    key = key_of(rule) if isinstance(rule, AbstractTraceRule) else None
    return key is not None and _has_effects(key)


@functools.lru_cache(maxsize=64)
def _has_effects(key: Key) -> bool:
    rule = _Functions(key.tree(), jnp.result_type(float))
    return all(rule.is_effect(by_pre) for by_pre in (True, False))


class _Functions:
    """The functions of a rule over the list of its traces, first those of the presynaptic side."""

    def __init__(self, rule: AbstractTraceRule, dtype: Any):
        self.rule, self.dtype = rule, dtype
        constants = rule.time_constants()
        self.structure = jax.tree.structure(constants)
        self.pre = len(jax.tree.leaves(constants.pre))
        self.size = len(jax.tree.leaves(constants))

    def on(self, by_pre: bool, spike: float, traces: list) -> list[Array]:
        """The factors of both sides and the traces after `spike` spikes of one side."""
        at = self.rule.on_pre if by_pre else self.rule.on_post
        given = Traces(*jax.tree.unflatten(self.structure, traces))
        change, after = at(given, jnp.asarray(spike, self.dtype))
        ends = self.rule.ends(change)
        own, other = ends if by_pre else reversed(ends)
        return [own, other, *jax.tree.leaves(after)]

    def read(self, by_pre: bool, spike: float = 1.0) -> np.ndarray | Array:
        """(2 + traces, 1 + traces): each result at zero and along each trace."""
        zero = [jnp.zeros((), self.dtype)] * self.size
        at_zero = jnp.stack([jnp.asarray(x, self.dtype) for x in self.on(by_pre, spike, zero)])
        along = jacobian(lambda x: self.on(by_pre, spike, x), zero)
        return jnp.concatenate([at_zero[:, None], along.astype(self.dtype)], axis=1)

    def sides(self, by_pre: bool) -> tuple[slice, slice]:
        """Where among the traces are those of the side that spikes, and those of the other."""
        pre, post = slice(0, self.pre), slice(self.pre, self.size)
        return (pre, post) if by_pre else (post, pre)

    def is_effect(self, by_pre: bool) -> bool:
        """Whether a spike of this side acts as `EffectNumbers` say, and silence does nothing."""
        zero = [np.zeros((), self.dtype)] * self.size
        if any(depends(lambda *x: jacobian(lambda y: self.on(by_pre, 1.0, y), list(x)), *zero)):
            return False
        mine, theirs = self.sides(by_pre)
        spike, silence = evaluated(lambda: (self.read(by_pre), self.read(by_pre, 0.0)))
        unmoved = np.concatenate([np.zeros((self.size, 1)), np.eye(self.size)], axis=1)
        moved = spike[2:, 1:][mine]
        return not (
            np.any(spike[0, 1:][theirs])
            or np.any(spike[1, 1:][mine])
            or np.any(moved - moved * np.eye(self.size)[mine])
            or np.any(spike[2:][theirs] != unmoved[theirs])
            or np.any(silence[0])
            or np.any(silence[2:] != unmoved)
        )

    def effect(self, by_pre: bool, decays: np.ndarray) -> EffectNumbers:
        """The numbers of an effect."""
        mine, theirs = self.sides(by_pre)
        own, other, *after = evaluated(lambda: self.read(by_pre))
        rows = np.stack(after)
        zero = [np.zeros((), self.dtype)] * self.size
        at = self.rule.on_pre if by_pre else self.rule.on_post
        traces = Traces(*jax.tree.unflatten(self.structure, zero))

        def course() -> Array:
            change, _ = at(traces, jnp.zeros((), self.dtype))
            return self.rule.course(change.depresses).packed()

        return EffectNumbers(
            decay=decays[mine],
            own=np.append(own[:1], own[1:][mine]),
            other=np.append(other[:1], other[1:][theirs]),
            keep=np.diagonal(rows[:, 1:])[mine],
            add=rows[mine, 0],
            course=evaluated(course),
        )


def effects(rule: AbstractRule, dt: float, dtype: Any) -> np.ndarray:
    """The numbers of a rule that has effects, for steps of dt (ms): first of a presynaptic spike.

    They are read outside of a trace, where the numbers of the rule are known.
    """
    key = key_of(rule)
    if key is None:
        raise TypeError(f"{type(rule).__name__} has no effects that are known")
    return _effects(key, dt, dtype)


@functools.lru_cache(maxsize=64)
def _effects(key: Key, dt: float, dtype: Any) -> np.ndarray:
    rule: Any = key.tree()
    functions = _Functions(rule, dtype)

    def decays() -> list[Array]:
        ones = jax.tree.map(lambda _: jnp.ones((), dtype), rule.time_constants())
        return jax.tree.leaves(rule.decayed(ones, dt))

    each = np.ravel(evaluated(decays))
    parts = [*functions.effect(True, each), *functions.effect(False, each)]
    return np.concatenate([np.ravel(x).astype(dtype) for x in parts])
