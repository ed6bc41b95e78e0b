"""What must hold of a learning rule, each law with its cure."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase.check.laws import Broken, Law, same
from rheobase.kernels.delivery import Targets
from rheobase.kernels.plasticity import columns
from rheobase.plasticity import AbstractRule, AbstractTraceRule, Change, Traces
from rheobase.plasticity.base import Arrivals, Synapses
from rheobase.time import Clock
from rheobase.units import dimensionless, ms, prove
from rheobase.units.proof import leaf_units

_PRE, _POST = 3, 4
"""Neurons of both sides, different, so that one is not taken for the other."""
_SIDES = {"on_pre": _PRE, "on_post": _POST}
_STEPS = 200


def _float() -> Any:
    return jnp.result_type(float)


def _traces(rule: AbstractTraceRule) -> Traces:
    """Traces of all neurons, each with a value of its own."""
    constants = rule.time_constants()
    if not isinstance(constants, Traces):
        kind = type(constants).__name__
        raise Broken(f"`time_constants` returned {kind}, not Traces(pre, post).")
    leaves, structure = jax.tree.flatten(constants)
    of_pre = len(jax.tree.leaves(constants.pre))
    sizes = [_PRE if k < of_pre else _POST for k in range(len(leaves))]
    values = [(jnp.arange(n, dtype=_float()) + 0.3 + k) / 7 for k, n in enumerate(sizes)]
    return jax.tree.unflatten(structure, values)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(jnp.shape, tree)


def _state(rule: AbstractTraceRule) -> None:
    traces = _traces(rule)
    for name, n in _SIDES.items():
        result = getattr(rule, name)(traces, jnp.ones(n, _float()))
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Change)):
            raise Broken(f"`{name}` must return (Change(pre, post, depresses), traces).")
        change, after = result
        if _shapes(after) != _shapes(traces):
            raise Broken(f"`{name}` returned traces of another form than `time_constants`.")
        if not isinstance(change.depresses, bool):
            raise Broken(f"`depresses` of the change of `{name}` is True or False.")
        for side, n_side in (("pre", _PRE), ("post", _POST)):
            shape = jnp.shape(getattr(change, side))
            if shape != (n_side,):
                raise Broken(
                    f"`{side}` of the change of `{name}` has shape {shape} for {_PRE} presynaptic "
                    f"and {_POST} postsynaptic neurons: it has one value for each {side}synaptic."
                )


def _dimensions(rule: AbstractTraceRule) -> None:
    arrays, static = eqx.partition(rule, eqx.is_array)
    fields, number = leaf_units(arrays, rule), jax.ShapeDtypeStruct((), _float())
    constants = rule.time_constants()
    traces = jax.tree.map(lambda _: number, constants)
    plain = jax.tree.map(lambda _: dimensionless, constants)

    def times(arrays: Any) -> Any:
        return eqx.combine(arrays, static).time_constants()

    prove(times, (fields,), jax.tree.map(lambda _: ms, constants), arguments=(arrays,))
    for name in _SIDES:

        def changed(arrays: Any, traces: Any, spikes: Any, name: str = name) -> Any:
            change, after = getattr(eqx.combine(arrays, static), name)(traces, spikes)
            return change.pre * change.post, after

        changed.__name__ = name
        prove(changed, (fields, plain, dimensionless), (dimensionless, plain),
              arguments=(arrays, traces, number))  # fmt: skip


def _by(rule: AbstractTraceRule, name: str, traces: Traces, spikes: Any) -> tuple[Any, Traces]:
    """The change of each synapse, (pre, post), and the traces after it."""
    change, after = getattr(rule, name)(traces, jnp.asarray(spikes, _float()))
    return change.pre[:, None] * change.post[None], after


def _silent(rule: AbstractTraceRule) -> None:
    traces = _traces(rule)
    for name, n in _SIDES.items():
        spikes = np.eye(n)[1]
        changes, after = _by(rule, name, traces, spikes)
        others = np.delete(np.asarray(changes), 1, axis=0 if name == "on_pre" else 1)
        if np.any(others != 0):
            raise Broken(f"`{name}` changes synapses of a neuron that is silent.")
        _, rest = _by(rule, name, traces, np.zeros(n))
        if not same(rest, traces):
            raise Broken(f"`{name}` changes traces without a spike; they decay by themselves.")
        if same(after, traces) and not np.any(np.asarray(changes) != 0):
            raise Broken(f"`{name}` makes nothing of a spike: no change, and no trace of it.")


def _local(rule: AbstractTraceRule) -> None:
    traces = _traces(rule)
    for name, n in _SIDES.items():
        spikes = np.linspace(0, 1, n)
        whole, after = _by(rule, name, traces, spikes)
        for i, j in np.ndindex(_PRE, _POST):
            own = Traces(*(jax.tree.map(lambda x, k=k: x[k : k + 1], side)
                           for side, k in zip(traces, (i, j), strict=True)))  # fmt: skip
            mine = i if name == "on_pre" else j
            alone, kept = _by(rule, name, own, spikes[mine : mine + 1])
            then = Traces(*(jax.tree.map(lambda x, k=k: x[k : k + 1], side)
                            for side, k in zip(after, (i, j), strict=True)))  # fmt: skip
            if not same((alone[0, 0], kept), (whole[i, j], then)):
                raise Broken(
                    f"`{name}` of many neurons differs from that of one pair: synapse {i} -> {j}."
                )


def _bounds(rule: AbstractRule) -> None:
    low, high = sorted(float(x.value) for x in rule.bounds)
    if not low < high:
        raise Broken(f"the bounds {rule.bounds[0]} and {rule.bounds[1]} do not differ.")
    start = jnp.arange(_PRE + 1, dtype=jnp.int32) * _POST
    to = Targets(start, jnp.tile(jnp.arange(_POST, dtype=jnp.int32), _PRE), _POST, _POST, False)
    synapses = Synapses(to, columns(to))
    random = np.random.default_rng(0)
    weight = jnp.linspace(low, high, _PRE * _POST, dtype=_float())
    state = jax.tree.map(jnp.asarray, rule.start(synapses, weight.dtype))
    rule.check(1.0)

    @jax.jit
    def step(weight: Any, state: Any, pre: Any, post: Any, number: Any) -> Any:
        return rule.step(synapses, state, weight, Arrivals(pre, post, pre, number), 1.0)

    for number in range(_STEPS):
        pre, post = (jnp.asarray(random.random(n) < 0.2, _float()) for n in (_PRE, _POST))
        weight, state = step(weight, state, pre, post, Clock.of(number))
        values = np.asarray(weight)
        slack = 1e-5 * (high - low)
        if not np.all((values >= low - slack) & (values <= high + slack)):
            worst = values[np.argmax(~((values >= low) & (values <= high)))]
            raise Broken(f"a weight is {worst:g} after {number + 1} steps, outside of the bounds.")


BOUNDS = Law(
    "bounds",
    "under any spikes weights stay finite and within the bounds",
    "Declare w_min and w_max by rheobase.plasticity.base.bound, with values that differ.",
    _bounds,
    (),
)
"""Of every rule; the others are of rules that are made of traces."""
RULE_LAWS = (
    Law("state", "on_pre and on_post return a change and the traces",
        "Return Change(pre, post, depresses=...), with pre (n_pre,) and post (n_post,), and "
        "traces._replace(...).", _state, ()),
    Law("dimensions", "traces and changes are dimensionless, time constants are times",
        "Amplitudes are relative to w_max - w_min: declare them in dimensionless, and a rate "
        "times a time constant where a trace is compared.", _dimensions),
    Law("silent", "only the synapses of neurons that spike change, and a spike does something",
        "Multiply the factor of the side that spikes with `spikes`.", _silent),
    Law("local", "what a pair of neurons does depends on these two alone",
        "Use jnp for what acts on arrays, and no sum or index over neurons.", _local),
    BOUNDS,
)  # fmt: skip
