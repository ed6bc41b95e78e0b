"""What must hold of a neuron, each law with its cure."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from rheobase.adaptors import Mismatch
from rheobase.adaptors.base import chain
from rheobase.check.subject import Subject
from rheobase.loop import scan
from rheobase.neurons import variables
from rheobase.neurons.base import Onset, span
from rheobase.steppers import default_stepper
from rheobase.steppers.base import Flow, variables_only
from rheobase.units import prove_model


class Broken(Exception):
    """A law does not hold; the text says where."""


class Law(NamedTuple):
    """One thing that must hold."""

    name: str
    statement: str
    cure: str
    test: Callable[[Any], None]
    """Raises `Broken`, or whatever the neuron raises, where it does not hold."""
    needs: tuple[str, ...] = ("state",)
    """Laws without which this one cannot be tested."""
    fires: bool = False
    """Whether it is about neurons that fire only."""


def _state(subject: Subject) -> None:
    neuron = subject.neuron
    if any(isinstance(inner, Mismatch) for inner in chain(neuron)):
        raise Broken("Mismatch makes a population: check the neuron that it wraps.")
    state = neuron.init()
    if not variables.is_state(state):
        raise Broken(f"`init` returned {type(state).__name__}, not a NamedTuple.")
    known = dict(variables.items(state))
    wide = {name: jnp.shape(value) for name, value in known.items() if jnp.ndim(value)}
    if wide:
        raise Broken(f"`init` returned arrays, of shapes {wide}: give one neuron, not several.")
    units = variables.units(state)
    for name, value in known.items():
        if jnp.issubdtype(jnp.result_type(value), jnp.floating) and name not in units:
            raise Broken(f"`{name}` of {type(state).__name__} has no unit.")
    if "v" not in known and subject.fires:
        raise Broken(f"the voltage must be called `v`; there is {', '.join(known)}.")
    if neuron.target not in known:
        raise Broken(f"`target` is {neuron.target!r}, which is no variable of the state.")
    current = jax.ShapeDtypeStruct((), jnp.result_type(float))
    _require_like(state, "derivative", jax.eval_shape(neuron.derivative, state, current))
    if subject.fires:
        firing = subject.firing
        _require_like(state, "reset", jax.eval_shape(firing.reset, state))
        margin = jax.eval_shape(firing.margin, state)
        if not isinstance(margin, jax.ShapeDtypeStruct) or margin.shape:
            raise Broken(f"`margin` must return one number for one neuron, returned {margin}.")


def _require_like(state: Any, name: str, result: Any) -> None:
    expected, got = jax.tree.structure(state), jax.tree.structure(result)
    if expected != got:
        raise Broken(f"`{name}` returned {got}, the state is {expected}.")
    for variable, value in variables.items(result):
        if value.shape:
            raise Broken(f"`{name}` returned `{variable}` of shape {value.shape} for one neuron.")


def _dimensions(subject: Subject) -> None:
    prove_model(subject.neuron, type(subject.neuron.init()), subject.neuron.receives)


def _functions(subject: Subject) -> dict[str, Callable[[Any, jax.Array], Any]]:
    """The equations as functions of state and current."""
    neuron = subject.neuron
    found: dict[str, Callable[[Any, jax.Array], Any]] = {
        # A function of its own: a bound method hashes its neuron, which arrays have not.
        "derivative": lambda state, current: neuron.derivative(state, current)
    }
    if subject.fires:
        firing = subject.firing
        found["margin"] = lambda state, current: firing.margin(state)
        found["reset"] = lambda state, current: jax.tree.map(
            lambda new, old: jnp.broadcast_to(new, jnp.shape(old)), firing.reset(state), state
        )
    return found


def same(one: Any, two: Any, tolerance: float = 1e-5) -> bool:
    """Whether two trees of arrays agree, up to rounding and in their shapes."""
    for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        x, y = np.asarray(x, float), np.asarray(y, float)
        if x.shape != y.shape:
            return False
        scale = np.max(np.abs(y), initial=0.0, where=np.isfinite(y))
        if not np.allclose(x, y, rtol=tolerance, atol=tolerance * scale, equal_nan=True):
            return False
    return True


def _elementwise(subject: Subject) -> None:
    state, current = subject.visited, subject.inputs
    order = np.array([3, 0, 4, 1, 2])
    shuffled = jax.tree.map(lambda x: x[order], (state, current))
    batch = jax.tree.map(lambda x: jnp.stack([x, x]), (state, current))
    for name, function in _functions(subject).items():
        function = jax.jit(function)
        there = function(state, current)
        if any(jnp.shape(x) != (5,) for x in jax.tree.leaves(there)):
            shapes = [jnp.shape(x) for x in jax.tree.leaves(there)]
            raise Broken(f"`{name}` of five neurons returned arrays of shapes {shapes}, not (5,).")
        if not same(function(*shuffled), jax.tree.map(lambda x: x[order], there)):
            raise Broken(f"`{name}` gives a neuron another result at another place.")
        if not same(function(*batch), jax.tree.map(lambda x: jnp.stack([x, x]), there)):
            raise Broken(f"`{name}` gives another result for a batch of shape (2, 5).")
    leaves, rate, _ = variables_only(Flow(subject.neuron, current), state)
    names = [name for name, x in variables.items(state) if eqx.is_inexact_array(x)]
    slopes = jax.jit(jax.jacfwd(rate))(leaves)
    for of, row in zip(names, slopes, strict=True):
        for by, block in zip(names, row, strict=True):
            if np.any(np.asarray(block)[~np.eye(5, dtype=bool)] != 0):
                raise Broken(f"the derivative of `{of}` depends on `{by}` of other neurons.")


def _jit(subject: Subject) -> None:
    for name, function in _functions(subject).items():
        eager = function(subject.visited, subject.inputs)
        if not same(jax.jit(function)(subject.visited, subject.inputs), eager):
            raise Broken(f"`{name}` under jit differs from `{name}` without.")


def _vmap(subject: Subject) -> None:
    state, current = subject.visited, subject.inputs
    for name, function in _functions(subject).items():
        function = jax.jit(function)
        one_by_one = [
            function(jax.tree.map(lambda x, i=i: x[i], state), current[i]) for i in range(5)
        ]
        looped = jax.tree.map(lambda *x: jnp.stack(x), *one_by_one)
        if not same(function(state, current), looped):
            raise Broken(f"`{name}` of a population differs from a loop over its neurons.")
        if not same(jax.vmap(function)(state, current), looped):
            raise Broken(f"`{name}` under vmap differs from a loop over neurons.")


def _compilation(subject: Subject) -> None:
    count = 0

    @eqx.filter_jit
    def traced(neuron: Any, state: Any, current: jax.Array) -> Any:
        nonlocal count
        count += 1
        return neuron.derivative(state, current)

    neuron = subject.neuron
    for name, value in vars(neuron).items():
        if isinstance(value, float | int) and not isinstance(value, bool):
            raise Broken(f"`{name}` is the Python number {value}: each value compiles anew.")
    moved = jax.tree.map(lambda x: x * 1.01 if eqx.is_inexact_array(x) else x, neuron)
    for one in (neuron, moved):
        traced(one, subject.visited, subject.inputs)
    if count != 1:
        raise Broken("another value of a parameter compiled the equations anew.")


def _margin(subject: Subject) -> None:
    neuron, state = subject.firing, subject.visited
    lengths = [
        np.asarray(span(neuron, variables.replace(state, "v", variables.get(state, "v") + shift)))
        for shift in (-50.0, -10.0, 0.0, 10.0, 50.0)
    ]
    if not np.all(np.isfinite(lengths)) or np.min(lengths) <= 0:
        raise Broken("`margin` does not rise with the voltage.")
    if not np.allclose(lengths, lengths[0], rtol=1e-4):
        raise Broken("`margin` is not linear in the voltage: its slope changes with v.")


def _reset(subject: Subject) -> None:
    neuron, state = subject.firing, subject.visited
    if neuron.onset is Onset.EDGE:
        if not same(neuron.reset(state), state):
            raise Broken("`onset` is EDGE, which has no reset, but `reset` changes the state.")
        return
    for above in (1e-3, 0.2, 0.5):
        v = variables.get(state, "v") + (above - neuron.margin(state)) * span(neuron, state)
        crossed = variables.replace(state, "v", v)
        after = np.asarray(neuron.margin(neuron.reset(crossed)))
        if not np.all(after < 0):
            worst = float(np.max(after))
            raise Broken(f"after a reset `margin` is {worst:.3g}, still at or above the threshold.")


def _fires(subject: Subject) -> None:
    counts = np.asarray(subject.run(subject.drive, 300.0).counts)
    if counts == 0:
        unit = subject.neuron.receives.internal()
        raise Broken(f"no constant current of 1e-4 to 1e5 {unit} of either sign makes it fire.")


def _finite(subject: Subject) -> None:
    sizes = np.array([0.0, 1.0, 1e3, 1e6, 1e9])
    currents = np.concatenate([sizes, -sizes]) * max(1.0, abs(subject.drive))
    for dt in (subject.dt, 10 * subject.dt):
        try:
            subject.neuron.check(dt)
        except ValueError:
            continue
        run = subject.run(currents, 100 * dt, dt=dt, record=_everything(subject))
        for name, values in run.traces.items():
            bad = np.argwhere(~np.isfinite(np.asarray(values)))
            if bad.size:
                step, which = bad[0]
                unit = subject.neuron.receives.internal()
                raise Broken(
                    f"`{name}` becomes {np.asarray(values)[step, which]} in step {step + 1} under "
                    f"{currents[which]:.3g} {unit} at dt = {dt:g} ms."
                )


def _everything(subject: Subject) -> tuple[str, ...]:
    return tuple(variables.units(subject.neuron.init()))


def _gradient(subject: Subject) -> None:
    current, time = subject.quiet
    stepper, steps = default_stepper(subject.neuron), max(round(time / subject.dt), 1)
    with jax.enable_x64(True):
        moving, fixed = eqx.partition(subject.neuron, eqx.is_inexact_array)
        at, back = ravel_pytree(_wide((moving, jnp.asarray(current))))

        # The equations alone: a surrogate has a gradient of its own, spike or no spike.
        def end(flat: jax.Array) -> jax.Array:
            moving, current = back(flat)
            neuron = eqx.combine(moving, fixed)
            flow = Flow(neuron, current)

            def step(state: Any, _: None) -> tuple[Any, None]:
                return stepper.advance(flow, state, subject.dt), None

            start = jax.tree.map(jnp.asarray, neuron.init())
            final, _ = scan(step, start, None, steps)
            return jnp.stack([x for x in jax.tree.leaves(final) if eqx.is_inexact_array(x)])

        slopes = np.asarray(jax.jit(jax.jacrev(end))(at))
        at = np.asarray(at)
        move = np.diag(1e-5 * np.maximum(np.abs(at), 1e-3))
        moved = jax.jit(jax.vmap(end))
        ahead, behind = (np.asarray(moved(jnp.asarray(x))) for x in (at + move, at - move))
    expected = ((ahead - behind) / (2 * np.diag(move)[:, None])).T
    names = [*_leaf_names(moving), "current"]
    scale = np.abs(ahead).max(axis=0)[:, None] * 1e-9 / np.diag(move)
    wrong = ~(np.abs(slopes - expected) <= 1e-4 * np.abs(expected) + scale + 1e-10)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        variable = [n for n, x in variables.items(subject.visited) if eqx.is_inexact_array(x)][row]
        raise Broken(
            f"d({variable})/d({names[column]}) after {time:g} ms without a spike is "
            f"{slopes[row, column]:.6g}, finite differences say {expected[row, column]:.6g}."
        )


def _through_spikes(subject: Subject) -> None:
    def count(scale: jax.Array) -> jax.Array:
        return subject.run(scale * subject.drive, 50.0).spikes.sum()

    slope = float(jax.grad(count)(jnp.asarray(1.2)))
    if not np.isfinite(slope):
        raise Broken(f"the gradient of the number of spikes with respect to current is {slope}.")


def _wide(tree: Any) -> Any:
    """The arrays of a tree in float64."""
    return jax.tree.map(lambda x: x.astype("float64") if eqx.is_inexact_array(x) else x, tree)


def _leaf_names(tree: Any) -> list[str]:
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return [jax.tree_util.keystr(path).strip(".") for path, _ in paths]


def _continuing(subject: Subject) -> None:
    record, current = _everything(subject), 1.2 * subject.drive
    whole = subject.run(current, 60.0, record=record)
    first = subject.run(current, 30.0, record=record)
    second = subject.run(current, 30.0, record=record, state=first.final)
    for name in record:
        parts = np.concatenate([np.asarray(first[name]), np.asarray(second[name])])
        if not np.array_equal(parts, np.asarray(whole[name])):
            step = int(np.argmax(parts != np.asarray(whole[name])))
            raise Broken(f"`{name}` of 30 + 30 ms differs from that of 60 ms in step {step + 1}.")


def _precision(subject: Subject) -> None:
    if subject.neuron.random:
        return  # other draws, hence another run
    current, time = subject.quiet
    record = _everything(subject)
    short = subject.run(current, time, record=record)
    with jax.enable_x64(True):
        wide = _wide(subject.neuron)
        long = subject.run(jnp.asarray(current), time, neuron=wide, record=record)
        for name in record:
            if not same(short[name], long[name], 1e-3):
                raise Broken(f"`{name}` in float32 differs from float64 without any spike.")


LAWS = (
    Law(
        "state",
        "init, derivative and reset have the structure of one state",
        "The state is a NamedTuple whose variables are annotated with units, "
        "`v: Annotated[Array, mV]`; derivative and reset return the same NamedTuple.",
        _state,
        (),
    ),
    Law(
        "dimensions",
        "the units of the equations fit",
        "Multiply or divide by a parameter so that both sides have one unit; a number with a unit "
        "belongs into a `quantity` field.",
        _dimensions,
    ),
    Law(
        "jit",
        "jit = eager",
        "Use jax.numpy, and jnp.where instead of `if`; keep no state in Python.",
        _jit,
    ),
    Law(
        "elementwise",
        "no neuron depends on another or on its place",
        "Write for one neuron, with elementwise operations of jax.numpy: no sum, mean, index or "
        "reshape.",
        _elementwise,
        ("state", "jit"),
    ),
    Law(
        "vmap",
        "population = vmap = loop",
        "Write with jax.numpy, without assumptions about shapes.",
        _vmap,
        ("state", "elementwise"),
    ),
    Law(
        "compilation",
        "another value of a parameter compiles nothing anew",
        "Declare every number as a field `quantity(unit, domain, meaning)`; `dimensionless` is a "
        "unit too.",
        _compilation,
    ),
    Law(
        "margin",
        "margin rises linearly with v",
        "margin is (v - v_th)/(v_th - v_reset).",
        _margin,
        fires=True,
    ),
    Law(
        "reset",
        "reset takes the margin below zero",
        "Reset v to a voltage below the threshold, and declare that it is: "
        'v_reset: Array = quantity(..., below="v_th").',
        _reset,
        ("state", "margin"),
        fires=True,
    ),
    Law(
        "fires",
        "some constant current makes it fire",
        "Look at the signs and sizes of the default parameters.",
        _fires,
        ("state", "margin", "reset"),
        fires=True,
    ),
    Law(
        "finite",
        "no input makes a state infinite or NaN",
        "Bound the argument of every exponential and quadratic before it is computed, "
        "jnp.exp(jnp.minimum(x, 40)); if the voltage runs away at a spike, set "
        "onset = Onset.UPSTROKE and bound it at the threshold.",
        _finite,
    ),
    Law(
        "gradient",
        "gradients are those of finite differences",
        "Look for stop_gradient, rounding, integers, and a jnp.where whose unused branch is NaN.",
        _gradient,
        ("state", "jit", "finite"),
    ),
    Law(
        "spike gradient",
        "the gradient through spikes is finite",
        "Look for a division by zero or an overflow at or above the threshold.",
        _through_spikes,
        ("state", "jit", "finite"),
        fires=True,
    ),
    Law(
        "continuing",
        "two runs in a row = one run",
        "Whatever the neuron remembers belongs into its state.",
        _continuing,
        ("state", "jit"),
    ),
    Law(
        "precision",
        "float32 is close to float64",
        "Avoid differences of large numbers that are nearly equal, and jnp.expm1 and jnp.log1p "
        "instead of exp(x) - 1 and log(1 + x).",
        _precision,
        ("state", "jit", "finite"),
    ),
)
"""In the order in which they are reported."""
