"""`Config`: all that a chip is told, as typed data, as JSON, and back as a network."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

import jax.numpy as jnp
import numpy as np

from rheobase import atomic, printed
from rheobase._version import __version__
from rheobase.devices.dynapse2 import layout as chip
from rheobase.devices.dynapse2.codes import core_biases
from rheobase.devices.dynapse2.grid import MASKS
from rheobase.devices.dynapse2.layout import DEVICES
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.neuron import Neuron
from rheobase.devices.dynapse2.place import Placement
from rheobase.devices.dynapse2.projection import Depression, Projection
from rheobase.devices.dynapse2.records import decoded, encoded, json_schema
from rheobase.errors import ArgumentError, CheckpointError, ParameterError, brief
from rheobase.units import A, dimensionless, ms, mV, nA, nF, parameters

FORMAT = "rheobase.dynapse2/1"


@final
@dataclass(frozen=True)
class Bias:
    """A bias parameter of a core: its code, and the currents (A) that it gives and was to give."""

    name: str
    device: str
    coarse: int
    fine: int
    current: float
    wanted: float


@final
@dataclass(frozen=True)
class Cam:
    """A synapse: it answers to events with `tag`, with the bases that `mask` selects."""

    tag: int
    mask: int
    gate: str
    delay: int
    depressing: bool


@final
@dataclass(frozen=True)
class Sram:
    """A destination: `tag` goes to the cores of `cores`, `dx` and `dy` chips away; or outside."""

    tag: int
    cores: int
    dx: int
    dy: int
    outside: bool


@final
@dataclass(frozen=True)
class NeuronConfig:
    """A neuron of a core: its number there and in the network, latches and memories."""

    index: int
    neuron: int
    dc: bool
    adaptation: bool
    nmda: bool
    cam: tuple[Cam, ...]
    sram: tuple[Sram, ...]


@final
@dataclass(frozen=True)
class CoreConfig:
    """A core: its biases and its neurons."""

    core: int
    biases: tuple[Bias, ...]
    neurons: tuple[NeuronConfig, ...]


@final
@dataclass(frozen=True)
class ChipConfig:
    """A chip at `x`, `y` of the board."""

    chip: int
    x: int
    y: int
    cores: tuple[CoreConfig, ...]


@final
@dataclass(frozen=True)
class InputEvent:
    """What one event of an input channel is sent as, to cores of one chip."""

    channel: int
    chip: int
    cores: int
    tag: int


@final
@dataclass(frozen=True)
class Constant:
    """A constant of the simulated circuits that no bias sets, in the unit named."""

    name: str
    value: float
    unit: str


@final
@dataclass(frozen=True)
class Simulation:
    """What a simulation needs beside the chip: its step (ms), delays (steps), depression, mode."""

    mode: str
    dt: float
    delays: tuple[int, ...]
    use: float
    tau: float
    constants: tuple[Constant, ...]


@final
@dataclass(frozen=True)
class Config:
    """The whole configuration of the chips.

    - `chips`: per chip and core the codes of every bias, and per neuron latches, CAM and SRAM.
    - `inputs`: the events by which each input channel reaches the cores.
    - `simulation`: what is not on the chip.
    - `n_in`, `n_out`; `table`: where the currents of the codes come from; `version`: of rheobase.

    >>> from rheobase.devices import dynapse2 as d2
    >>> net = d2.Network(n_in=6, n_out=2, recurrent=True)
    >>> config = d2.Config.from_placement(d2.place(d2.quantise(net)))
    >>> d2.Config.loads(config.dumps()) == config
    True
    >>> config.to_network().n
    2
    """

    format: str
    version: str
    table: str
    n_in: int
    n_out: int
    chips: tuple[ChipConfig, ...]
    inputs: tuple[InputEvent, ...]
    simulation: Simulation

    def __repr__(self) -> str:
        return printed.shortly(self)

    @classmethod
    def from_placement(cls, spec: Placement, *, strict: bool = True) -> Self:
        """The configuration of a placed network.

        - `strict`: refuse also a network that the chip takes with other values than those wanted,
          see `place`; False writes the values that it can give.

        Errors: `ParameterError` if it does not fit.
        """
        spec.check(strict=strict)
        cores: dict[tuple[int, int], list[NeuronConfig]] = {}
        for number in range(spec.network.n):
            site = spec.sites[number]
            cores.setdefault((site.chip, site.core), []).append(_neuron(spec, number))
        chips = tuple(
            ChipConfig(
                number,
                *spec.positions[number],
                cores=tuple(
                    CoreConfig(core, _biases(spec, number * chip.CORES_PER_CHIP + core), tuple(ns))
                    for (of, core), ns in sorted(cores.items())
                    if of == number
                ),
            )
            for number in sorted({of for of, _ in cores})
        )
        events = tuple(
            InputEvent(channel, e.chip, e.cores, e.tag)
            for channel, entries in enumerate(spec.feeding)
            for e in entries
        )
        net = spec.network
        return cls(
            format=FORMAT,
            version=__version__,
            table=spec.quantised.layout.table.source,
            n_in=net.n_in,
            n_out=net.n_out,
            chips=chips,
            inputs=events,
            simulation=_simulation(net),
        )

    def to_network(self) -> Network:
        """The network that the configured chips would be, from codes, tags and masks alone.

        Errors: `ParameterError` for a configuration that describes none.
        """
        try:
            return _Builder(self).network()
        except (LookupError, StopIteration, OverflowError, TypeError):
            raise ParameterError(
                "this configuration describes no network: a neuron, bias, channel or constant that "
                "it needs is missing or out of range. Write it anew by Config.from_placement."
            ) from None

    def dumps(self) -> str:
        """The configuration as JSON text; `loads` gives the same configuration again."""
        return json.dumps(encoded(self), indent=1) + "\n"

    @classmethod
    def loads(cls, text: str) -> Self:
        """A configuration from JSON text; `ParameterError` where it is none."""
        if not isinstance(text, str):
            raise ArgumentError(
                f"`text` is JSON, got {brief(text)}. Write Config.from_json(file) for a file."
            )
        try:
            raw = json.loads(text)
        except json.JSONDecodeError as error:
            raise ParameterError(f"this is no JSON: {error}.") from None
        given = raw.get("format") if isinstance(raw, dict) else None
        if given != FORMAT:
            raise ParameterError(
                f"this is no configuration of DYNAP-SE2: `format` is {brief(given)}, expected "
                f"{FORMAT!r}."
            )
        return decoded(cls, raw)

    def to_json(self, file: str | Path) -> None:
        """Write the configuration."""
        atomic.write(file, self.dumps())

    @classmethod
    def from_json(cls, file: str | Path) -> Self:
        """Read what `to_json` wrote; `CheckpointError` where there is no such file."""
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise CheckpointError(
                f"{brief(str(file))} is no configuration that can be read: {reason}. "
                "`Config.to_json` writes one, and so does `rheobase chip demo`."
            ) from None
        return cls.loads(text)

    def report(self) -> str:
        """Cores, memory, and the errors of the biases, as text."""
        rows = [f"{self.n_in} input channels, {self.n_out} outputs; bias table: {self.table}"]
        for c in self.chips:
            for core in c.cores:
                worst = max(core.biases, key=lambda b: abs(b.current / b.wanted - 1))
                cam = [len(neuron.cam) for neuron in core.neurons]
                rows.append(
                    f"chip {c.chip}, core {core.core}: {len(core.neurons)} neurons, {sum(cam)} CAM "
                    f"entries (at most {max(cam)} a neuron); worst bias {worst.name}, "
                    f"{100 * (worst.current / worst.wanted - 1):+.2f} %"
                )
        return "\n".join(rows)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """The JSON Schema (2020-12) of the file."""
        return json_schema(cls)


def _neuron(spec: Placement, number: int) -> NeuronConfig:
    neuron, site = spec.network.neuron, spec.sites[number]

    def above(name):
        value = np.broadcast_to(np.asarray(getattr(neuron, name)), (spec.network.n,))[number]
        least = np.broadcast_to(np.asarray(neuron.Io), (spec.network.n,))[number]
        return bool(value > least)

    here = spec.positions[site.chip]

    def destination(entry) -> Sram:
        if entry.chip < 0:
            return Sram(entry.tag, 0, 0, 0, True)
        there = spec.positions[entry.chip]
        return Sram(entry.tag, entry.cores, there[0] - here[0], there[1] - here[1], False)

    return NeuronConfig(
        index=site.neuron,
        neuron=number,
        dc=above("Idc"),
        adaptation=above("Iw_ahp"),
        nmda=any(entry.gate == "NMDA" for entry in spec.listening[number]),
        cam=tuple(
            Cam(e.tag, e.mask, e.gate, e.delay, e.depressing) for e in spec.listening[number]
        ),
        sram=tuple(destination(entry) for entry in spec.sending[number]),
    )


def _biases(spec: Placement, core: int) -> tuple[Bias, ...]:
    return tuple(
        Bias(b.name, DEVICES[b.name].name, *b.code) for b in core_biases(spec.quantised, core)
    )


def _simulation(net: Network) -> Simulation:
    declared = parameters(Neuron)
    constants = []
    for name, parameter in declared.items():
        if name in DEVICES:
            continue
        values = np.unique(np.asarray(getattr(net.neuron, name), float))
        if len(values) > 1:
            raise ParameterError(
                f"`{name}` differs between neurons, which no configuration can say. Configure the "
                f"nominal network, not one with mismatch."
            )
        constants.append(Constant(name, float(values[0]), str(parameter.unit.internal())))
    use, tau = net.depression.use, net.depression.tau
    return Simulation(net.neuron.mode, net.dt, net.delays, use, tau, tuple(constants))


class _Builder:
    """A network read back from what the chips were told."""

    def __init__(self, config: Config):
        self.config = config
        self.where = {
            neuron.neuron: (c, core, neuron)
            for c in config.chips
            for core in c.cores
            for neuron in core.neurons
        }
        self.n = len(self.where)
        if sorted(self.where) != list(range(self.n)):
            raise ParameterError(f"the neurons are not numbered from 0 to {self.n - 1}.")

    def network(self) -> Network:
        simulation = self.config.simulation
        neuron = self.neuron()
        weight, slow, delay, depressing = self.synapses(neuron)
        n_in = self.config.n_in

        def part(rows: slice) -> Projection:
            return Projection(
                weight[rows],
                slow[rows] if slow[rows].any() else None,
                delay[rows] if delay[rows].any() else None,
                depressing[rows] if depressing[rows].any() else None,
            )

        recurrent = part(slice(n_in, None)) if weight[n_in:].any() else None
        return Network(
            n_out=self.config.n_out,
            n_hidden=self.n - self.config.n_out,
            neuron=neuron,
            inputs=part(slice(None, n_in)),
            synapses=recurrent,
            delays=np.asarray(simulation.delays) * simulation.dt * ms,
            depression=Depression(simulation.use, simulation.tau),
            dt=simulation.dt * ms,
        )

    def neuron(self) -> Neuron:
        units = {"nA": nA, "nF": nF, "mV": mV, "dimensionless": dimensionless}
        given: dict[str, Any] = {
            c.name: c.value * units[c.unit] for c in self.config.simulation.constants
        }
        for name in DEVICES:
            if name not in parameters(Neuron):
                continue
            each = np.array([self.bias(k, name) for k in range(self.n)])
            given[name] = (each[0] if np.all(each == each[0]) else each) * A
        return Neuron(**given, mode=self.config.simulation.mode)  # pyright: ignore

    def bias(self, number: int, name: str) -> float:
        _, core, _ = self.where[number]
        return next(b.current for b in core.biases if b.name == name)

    def heard(self) -> dict[tuple[int, int, int], int]:
        """The source behind each tag in each core: (chip, core, tag) to a row of the weights."""
        chips = {(c.x, c.y): c.chip for c in self.config.chips}
        found: dict[tuple[int, int, int], int] = {}

        def reached(chip_number: int, cores: int, tag: int, source: int) -> None:
            for core in range(chip.CORES_PER_CHIP):
                if cores >> core & 1:
                    other = found.setdefault((chip_number, core, tag), source)
                    if other != source:
                        raise ParameterError(
                            f"tag {tag} reaches core {core} of chip {chip_number} from two sources."
                        )

        for event in self.config.inputs:
            reached(event.chip, event.cores, event.tag, event.channel)
        for number, (c, _, neuron) in self.where.items():
            for entry in neuron.sram:
                if not entry.outside:
                    there = chips[c.x + entry.dx, c.y + entry.dy]
                    reached(there, entry.cores, entry.tag, self.config.n_in + number)
        return found

    def synapses(self, neuron: Neuron) -> tuple[np.ndarray, ...]:
        heard, scale = self.heard(), np.asarray(neuron.Iscale, float)
        shape = (self.config.n_in + self.n, self.n)
        current, slow = np.zeros(shape), np.zeros(shape, bool)
        delay, depressing = np.zeros(shape, int), np.zeros(shape, bool)
        for number, (c, core, config) in self.where.items():
            bases = np.array([self.bias(number, f"Iw_{k}") for k in range(chip.BASE_WEIGHTS)])
            sums = MASKS @ np.asarray((bases * A).value_in(nA))
            for cam in config.cam:
                source = heard[c.chip, core.core, cam.tag]
                sign = 1 if cam.gate in ("AMPA", "NMDA") else -1
                current[source, number] += sign * sums[cam.mask]
                slow[source, number] = cam.gate in ("NMDA", "SHUNT")
                delay[source, number], depressing[source, number] = cam.delay, cam.depressing
        weight = jnp.asarray(current / scale, neuron.Iscale.dtype)
        return np.asarray(weight), slow, delay, depressing
