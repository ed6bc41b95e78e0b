"""From networks of leaky integrate-and-fire neurons to the chip, by fitting what can be measured.

A DPI soma and a leaky integrator are different equations, so a formula for the time constant alone
does not give the same rates. Here the currents of the soma and the scale of its input are fitted,
by gradients, to the f-I curve of the neuron that they stand for, and those of the synapse to the
course of its current under a train of spikes; what remains is reported.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from rheobase.adaptors import Refractory
from rheobase.devices.dynapse2 import constants as c
from rheobase.devices.dynapse2.firing_rate import firing_rate
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.neuron import Neuron
from rheobase.devices.dynapse2.physical import gates
from rheobase.devices.dynapse2.projection import Projection
from rheobase.errors import ArgumentError, ParameterError, brief
from rheobase.neurons import LIF, CubaLIF
from rheobase.train.layers import Linear, Recurrent, Sequential
from rheobase.units import Hz, in_unit, ms, nA

REACH = (1.2, 6.0)
"""The range of currents of a fit, in units of the current at which the neuron begins to fire."""
POINTS, STEPS = 12, 400
ISCALE = 100 * nA
SHORTEST = 0.1
"""ms of refractory period, of a neuron that has none."""


class NeuronFit(NamedTuple):
    """A soma for a neuron, and how well it fits."""

    neuron: Neuron
    scale: float
    """The chip's current for 1 nA into the neuron."""
    currents: np.ndarray
    """Into the neuron, nA."""
    wanted: np.ndarray
    """Its rates, Hz."""
    found: np.ndarray
    residual: float
    """Root mean square of the relative error of the rates."""
    start: float
    """The same by the formulas alone, with the best scale."""


class SynapseFit(NamedTuple):
    """A synapse for an exponential current, and how well it fits."""

    neuron: Neuron
    gain: float
    """Weight current (nA) for a jump of 1 nA of the chip's synaptic current."""
    residual: float
    """Root mean square error of the current, in units of its root mean square."""


class Converted(NamedTuple):
    """A network of the chip, and what its neurons do not do as those that they stand for."""

    network: Network
    neurons: tuple[NeuronFit, ...]
    synapses: tuple[SynapseFit, ...]
    lost_biases: int
    """Negative biases, for which the chip has no current."""

    def report(self) -> str:
        """The residuals, layer by layer."""
        rows = ["layer  f-I error  by formula  synapse error"]
        for k, (soma, synapse) in enumerate(zip(self.neurons, self.synapses, strict=True)):
            rows.append(
                f"{k:5d}  {100 * soma.residual:7.1f} %  {100 * soma.start:8.1f} %  "
                f"{100 * synapse.residual:11.1f} %"
            )
        return "\n".join([*rows, f"negative biases left out: {self.lost_biases}"])


def convert(model: Sequential) -> Converted:
    """A chip network for a stack of `Linear` layers and `LIF` or `CubaLIF` neurons.

    A graph in NIR goes through `rb.io.read_nir`: `d2.convert(rb.io.read_nir("net.nir"))`.

    The neurons of all layers stand on the chip, those of the last are its outputs; `Recurrent`
    layers and `Refractory` are understood.

    Errors: `ArgumentError` for layers that have no counterpart; `ParameterError` for a layer whose
    neurons differ.

    >>> import rheobase as rb
    >>> from rheobase.devices import dynapse2 as d2
    >>> model = rb.Sequential(rb.Linear(5, 4), rb.LIF(), rb.Linear(4, 2), rb.LIF())
    >>> done = d2.convert(model)
    >>> done.network.n, done.network.n_out, done.neurons[0].residual < done.neurons[0].start
    (6, 2, True)
    """
    if not isinstance(model, Sequential):
        raise ArgumentError(f"convert takes an rb.Sequential, got {brief(model)}.")
    layers = _pairs(model)
    somas, synapses = [], []
    for _, neuron, _ in layers:
        fitted = fit_rate(neuron)
        synapse = fit_synapse(neuron, fitted.neuron, model.dt)
        somas.append(fitted._replace(neuron=synapse.neuron))
        synapses.append(synapse)
    widths = [int(linear.n_out) for linear, _, _ in layers]
    ends = np.cumsum([0, *widths])
    inputs = np.zeros((layers[0][0].n_in, ends[-1]))
    recurrent = np.zeros((ends[-1], ends[-1]))
    Idc, lost = np.full(ends[-1], float(c.IO.value_in(nA))), 0
    for k, (linear, _, echo) in enumerate(layers):
        here, before = slice(ends[k], ends[k + 1]), slice(ends[k - 1] if k else 0, ends[k])
        factor = somas[k].scale * synapses[k].gain / float(ISCALE.value_in(nA))
        weight = np.asarray(linear.weight, float) * factor
        if k == 0:
            inputs[:, here] = weight
        else:
            recurrent[before, here] = weight
        if echo is not None:
            recurrent[here, here] = np.asarray(echo, float) * factor
        if linear.bias is not None:
            bias = np.asarray(linear.bias, float) * somas[k].scale
            lost += int((bias < 0).sum())
            Idc[here] = np.maximum(bias, Idc[here])
    neuron = _joined([fit.neuron for fit in somas], widths, Idc)
    network = Network(
        n_out=widths[-1],
        n_hidden=int(ends[-1]) - widths[-1],
        neuron=neuron,
        inputs=Projection(inputs.astype(np.float32)),
        synapses=Projection(recurrent.astype(np.float32)) if recurrent.any() else None,
        dt=model.dt * ms,
    )
    return Converted(network, tuple(somas), tuple(synapses), lost)


def fit_rate(neuron: Any) -> NeuronFit:
    """The soma whose f-I curve is nearest to that of a `LIF`, refractory or not.

    >>> import rheobase as rb
    >>> from rheobase.devices.dynapse2.convert import fit_rate
    >>> fit_rate(rb.LIF()).residual < 0.1
    True
    """
    lif, period = _bare(neuron)
    first = (lif.v_th - lif.v_rest) / lif.R
    relative = jnp.geomspace(*REACH, POINTS)
    currents = first * relative
    wanted = _rate(lif, currents, period)
    begin = Neuron(
        Itau_mem=c.UT / c.KAPPA * c.C_MEM / (lif.tau * ms),  # pyright: ignore
        Igain_mem=c.GAIN_MEM * c.UT / c.KAPPA * c.C_MEM / (lif.tau * ms),  # pyright: ignore
        Iref=c.VTH * c.C_REF / (jnp.maximum(period, SHORTEST) * ms),  # pyright: ignore
    )

    def rates(free: Array) -> Array:
        moved = eqx.tree_at(
            lambda n: (n.Itau_mem, n.Igain_mem),
            begin,
            (begin.Itau_mem * jnp.exp(free[1]), begin.Igain_mem * jnp.exp(free[2])),
        )
        return firing_rate(moved, relative * jnp.exp(free[0]) * nA)

    def loss(free: Array) -> Array:
        return jnp.mean((rates(free) / wanted - 1) ** 2)

    # By the formulas, with the scale that fits best: where the gradients begin. The scale is the
    # logarithm of the chip's current (nA) where the neuron begins to fire, whatever its own is.
    scales = jnp.stack([jnp.linspace(-9, 5, 200), *jnp.zeros((2, 200))], axis=1)
    tried = jax.jit(jax.vmap(loss))(scales)
    free = scales[jnp.argmin(tried)]
    best, least = _descended(loss, free)
    moved = eqx.tree_at(
        lambda n: (n.Itau_mem, n.Igain_mem),
        begin,
        (begin.Itau_mem * jnp.exp(best[1]), begin.Igain_mem * jnp.exp(best[2])),
    )
    return NeuronFit(
        moved,
        float(jnp.exp(best[0]) / first),
        np.asarray(currents),
        np.asarray(wanted),
        np.asarray(rates(best)),
        float(jnp.sqrt(least)),
        float(jnp.sqrt(tried.min())),
    )


def fit_synapse(neuron: Any, chip: Neuron, dt: float) -> SynapseFit:
    """Gate currents for an exponential synapse of `neuron`, or of one step where it has none.

    The response of the gate to a train of spikes of changing strength is fitted to the sum of
    exponentials, in its two currents and the strength of a pulse.
    """
    lif, _ = _bare(neuron)
    tau = lif.tau_syn if isinstance(lif, CubaLIF) else jnp.asarray(2 * dt)
    # Without a synapse a spike brings its weight for one step: the same charge, exponential.
    jump = 1.0 if isinstance(lif, CubaLIF) else dt / float(tau)
    rng = np.random.default_rng(0)
    train = jnp.asarray((rng.uniform(size=300) < 0.1) * rng.uniform(0.3, 2, 300), jnp.float32)
    wanted = _exponential(train * jump, float(jnp.exp(-dt / tau)))
    share, pulse = c.UT / c.KAPPA, 10 * c.T_PULSE
    Itau = {"ampa": share * c.C_AMPA / (tau * ms), "gaba": share * c.C_GABA / (tau * ms)}
    relative = float(pulse.value_in(ms)) / tau

    def chosen(free: Array) -> Neuron:
        leaks = [Itau[g].value_in(nA) * jnp.exp(free[0]) for g in ("ampa", "gaba")]
        gains = [leak * jnp.exp(free[1]) for leak in leaks]
        return eqx.tree_at(
            lambda n: (n.Itau_ampa, n.Itau_gaba, n.Igain_ampa, n.Igain_gaba, n.Ipulse),
            chip,
            (*leaks, *gains, chip.Vth * chip.C_pulse / pulse.value_in(ms)),
        )

    def course(free: Array) -> Array:
        p = chosen(free)
        gate = gates(p)["AMPA"]

        def body(I: Array, weight: Array) -> tuple[Array, Array]:
            Iw = weight * jnp.exp(free[2])
            I = gate.after(I, Iw, p.Vth * p.C_pulse / p.Ipulse, dt)
            return I, I

        return jax.lax.scan(body, p.Io, train)[1]

    def loss(free: Array) -> Array:
        return jnp.mean((course(free) - wanted) ** 2) / jnp.mean(wanted**2)

    start = jnp.stack([jnp.zeros(()), jnp.log(0.3), jnp.log(jump / 0.3 / relative)])
    best, least = _descended(loss, start.astype(jnp.float32))
    gain = float(jnp.exp(best[2]))
    return SynapseFit(chosen(best), gain, float(jnp.sqrt(least)))


def _descended(loss: Any, start: Array) -> tuple[Array, Array]:
    """Where Adam found the smallest loss, and that loss."""
    optimizer = optax.adam(0.03)

    def step(carry: Any, _: None) -> tuple[Any, None]:
        free, memory, best, least = carry
        value, gradient = jax.value_and_grad(loss)(free)
        better = value < least
        best, least = jnp.where(better, free, best), jnp.where(better, value, least)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes its counter with the rates
            update, memory = optimizer.update(gradient, memory)
        return (free + update, memory, best, least), None

    def run(start: Array) -> tuple[Array, Array]:
        carry = (start, optimizer.init(start), start, jnp.asarray(jnp.inf, start.dtype))
        (_, _, best, least), _ = jax.lax.scan(step, carry, None, STEPS)
        return best, least

    return jax.jit(run)(start)


def _exponential(jumps: Array, decay: float) -> Array:
    def body(i: Array, jump: Array) -> tuple[Array, Array]:
        # As the chip: the jump at the start of a step, the value at its end.
        i = (i + jump) * decay
        return i, i

    return jax.lax.scan(body, jnp.zeros((), jumps.dtype), jumps)[1]


def _rate(lif: Any, currents: Array, period: float) -> Array:
    """Rate (Hz) of a leaky integrator under constant currents."""
    drive = lif.R * currents + lif.v_rest
    rising = lif.tau * jnp.log((drive - lif.v_reset) / (drive - lif.v_th))
    return in_unit(1 / (period + rising), Hz)


def _bare(neuron: Any) -> tuple[Any, float]:
    """The leaky integrator inside, and its refractory period (ms)."""
    inner, period = neuron, 0.0
    if isinstance(neuron, Refractory):
        inner, period = neuron.neuron, float(jnp.max(neuron.period))
    if not isinstance(inner, LIF | CubaLIF):
        raise ArgumentError(
            f"only LIF and CubaLIF, refractory or not, have a fit to the chip's soma, got "
            f"{type(inner).__name__}."
        )
    for leaf in jax.tree.leaves(eqx.filter(inner, eqx.is_inexact_array)):
        if leaf.size > 1:
            raise ParameterError(
                f"the neurons of a layer must be alike, got parameters of shape {leaf.shape}."
            )
    if float(jnp.max(inner.v_th - inner.v_rest)) <= 0:
        raise ParameterError("a neuron that fires by itself (v_rest >= v_th) has no fit.")
    return inner, period


def _pairs(model: Sequential) -> list[tuple[Any, Any, Any]]:
    """A linear layer, the neurons that follow, and their recurrent weights, layer by layer."""
    found, linear = [], None
    for layer in model.layers:
        if isinstance(layer, Linear) and linear is None:
            linear = layer
        elif isinstance(layer, Recurrent) and linear is not None:
            found.append((linear, layer.neuron, layer.weight))
            linear = None
        elif not isinstance(layer, Linear | Recurrent) and linear is not None:
            found.append((linear, layer, None))
            linear = None
        else:
            raise ArgumentError(
                "convert takes Linear layers, each followed by neurons. Write "
                "rb.Sequential(rb.Linear(64, 100), rb.LIF(), rb.Linear(100, 10), rb.LIF())."
            )
    if linear is not None or not found:
        raise ArgumentError("the last layer of a network on the chip must be neurons that fire.")
    return found


def _joined(fits: list[Neuron], widths: list[int], Idc: np.ndarray) -> Neuron:
    """One neuron with the currents of every layer's."""

    def one(*leaves: Any) -> Any:
        if not eqx.is_inexact_array(leaves[0]) or all(bool(x == leaves[0]) for x in leaves):
            return leaves[0]
        return jnp.concatenate(
            [jnp.full(width, leaf) for leaf, width in zip(leaves, widths, strict=True)]
        )

    joined = jax.tree.map(one, *fits)
    joined = eqx.tree_at(lambda n: n.Idc, joined, jnp.asarray(Idc, fits[0].Idc.dtype))
    iscale = jnp.asarray(float(ISCALE.value_in(nA)), fits[0].Iscale.dtype)
    return eqx.tree_at(lambda n: n.Iscale, joined, iscale)
