"""Cells at random: small trees with channels of the registry, stimuli, clamps and records.

A structure (which tree, which channels where, what is imposed and recorded) comes from one seed,
its numbers from another, so that many cells are the same compiled programs.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

import rheobase as rb
from rheobase import channels as ch
from rheobase.channels import AbstractFiring
from rheobase.units import Hz, MOhm, Quantity, S, cm, ms, mV, nA, ohm, uF, um
from tests.registry import CHANNELS

DT = 0.025 * ms
FIRING = ("AdEx", "Fire", "Izhikevich", "PointNeuron", "SpikeDetector")
PUMPS = ("CaDynamics", "CaPump", "CaShells", "Diffusing")
OTHERS = tuple(name for name in CHANNELS if name not in (*FIRING, *PUMPS, "Leak", "Q10"))
REGIONS = ("soma", "axon", "apical", "basal")
STEPPERS: tuple[Any, ...] = (rb.CrankNicolson, rb.BackwardEuler)
STIMULI: tuple[Any, ...] = (
    lambda i: rb.stimulus.Constant(i),
    lambda i: rb.stimulus.Step(i, start=0.3 * ms, stop=2 * ms),
    lambda i: rb.stimulus.Sine(i, frequency=400 * Hz),
    lambda i: rb.stimulus.Ramp(-i, 2 * i, start=0.2 * ms, stop=1.5 * ms),
    lambda i: rb.stimulus.Pulses([0.5, 1.2] * ms, 4 * i, width=0.2 * ms),
    lambda i: rb.stimulus.Constant(i) * rb.stimulus.Step(1.0, stop=1 * ms),
)
RANDOM: tuple[Any, ...] = (
    lambda i: rb.stimulus.OrnsteinUhlenbeck(i, i, 1 * ms),
    lambda i: rb.stimulus.Poisson(2000 * Hz, 2 * i),
)
CLAMPS: tuple[Any, ...] = (
    lambda v: v,
    lambda v: rb.VoltageClamp(v, series_resistance=20 * MOhm),
    lambda v: rb.stimulus.Step(30 * mV, start=0.5 * ms) + v,
)


class Case(NamedTuple):
    """A cell and what is done to it."""

    cell: rb.Cell
    stimuli: tuple[tuple[Any, Any], ...]
    """Places, and what makes a stimulus there of a current."""
    clamp: Any
    record: Any
    stepper: Any
    random: bool


def structure(seed: int, *, draws: bool = True) -> Case:
    """A case; `draws`: whether its stimuli may be random."""
    random = np.random.default_rng(seed)

    def one(of: Any) -> Any:
        return of[random.integers(len(of))]

    cell = _with_channels(rb.Cell(_tree(random), **_cut(random)), random)

    def place() -> Any:
        section = int(random.integers(len(cell.compartments.tree)))
        return cell.at(section=section, at=float(random.random()))

    drawn = draws and random.random() < 0.3
    stimuli = [(place(), one(STIMULI)) for _ in range(random.integers(1, 3))]
    if drawn:
        stimuli.append((place(), one(RANDOM)))
    clamp, record = None, {"v": "all"}
    if random.random() < 0.4:
        where = place()
        clamp, record["clamp"] = {"v": {where: one(CLAMPS)(-40 * mV)}}, [where]
    for inserted in cell.mechanisms:
        names = jax.eval_shape(inserted.channel.init, -65.0, rb.channels.Solutions().ions())._fields
        if random.random() < 0.5:
            name = one((*names, "i"))
            record[f"{inserted.name}.{name}"] = "all"
    if random.random() < 0.3:
        record["i_membrane"] = "all"
    every = one((1, 1, 5))
    kept = rb.Record(record, every=every)
    return Case(cell, tuple(stimuli), clamp, kept, one(STEPPERS)(), drawn)


def _tree(random: Any) -> rb.morphology.Tree:
    """One to six sections, which grow from any place of those before."""
    sections: list[Any] = []
    for k in range(random.integers(1, 7)):
        parent = sections[random.integers(k)] if k else None
        region = REGIONS[random.integers(1, 4)] if k else "soma"
        length = random.uniform(10, 25) if k == 0 else random.uniform(20, 200)
        wide = random.uniform(4, 10) if k == 0 else random.uniform(0.4, 2)
        radius = wide * um if random.random() < 0.5 else [wide, 0.6 * wide] * um
        sections.append(
            rb.morphology.Section(
                length=length * um, radius=radius, region=region, parent=parent,
                at=float(random.choice([0.0, 0.5, 1.0, random.random()])),
            )
        )  # fmt: skip
    return rb.morphology.Tree(sections)


def _cut(random: Any) -> dict[str, Any]:
    ways: tuple[Any, ...] = ({"n": int(random.choice([1, 3]))}, {"max_length": 40 * um})
    return {
        "axial_resistivity": random.uniform(70, 200) * ohm * cm,
        "capacitance": random.uniform(0.7, 1.5) * uF / cm**2,
        **ways[random.integers(2)],
    }


def _with_channels(cell: rb.Cell, random: Any) -> rb.Cell:
    """A leak everywhere, and others in the whole cell, in a region or at a place."""
    cell = cell.insert(ch.Leak(g=random.uniform(0.5, 3) * 1e-4 * S / cm**2, e=-65 * mV))
    regions = cell.compartments.tree.region
    names = list(random.choice(OTHERS, random.integers(1, 4), replace=False))
    if random.random() < 0.5:
        names.append(random.choice(PUMPS))
    if random.random() < 0.5:
        names.append(random.choice(FIRING))
    for name in random.permutation(names):
        where = ("all", random.choice(regions), cell.at(section=0, at=0.5))
        at = where[2] if name in FIRING else where[random.integers(3)]
        cell = cell.insert(CHANNELS[name](), at=at)
    return cell


def numbers(case: Case, seed: int) -> Case:
    """The same structure with other radii, lengths and conductances."""
    random = np.random.default_rng(seed)
    cell = case.cell.scaled(radius=random.uniform(0.7, 1.4), length=random.uniform(0.7, 1.4))

    def scaled(path: Any, x: Any) -> Any:
        conductance = jax.tree_util.keystr(path[-1:]).startswith(".g")
        return x * np.asarray(random.uniform(0.5, 1.5), x.dtype) if conductance else x

    mechanisms = jax.tree_util.tree_map_with_path(scaled, cell.mechanisms)
    return case._replace(cell=eqx.tree_at(lambda c: c.mechanisms, cell, mechanisms))


def amplitude(case: Case, seed: int) -> float:
    """A current (nA) that moves the cell by millivolts."""
    area = float(case.cell.compartments.tree.areas.sum())
    return np.random.default_rng(seed).uniform(0.3, 1.5) * area * 1e-4


def run(case: Case, current: Any, steps: int, **more: Any) -> rb.Recording:
    """A short run in which stimuli are of this current (nA)."""
    given: Quantity = current * nA
    stimuli: dict[Any, Any] = {}
    for place, make in case.stimuli:
        one = make(given)
        stimuli[place] = stimuli[place] + one if place in stimuli else one
    if case.random and "state" not in more:
        more = {"key": jax.random.key(0), **more}
    return rb.simulate(
        case.cell, current=stimuli, clamp=case.clamp, record=case.record, stepper=case.stepper,
        duration=steps * DT, dt=DT, coarse=True, **more,
    )  # fmt: skip


def permuted(case: Case) -> Case:
    """The same cell with its channels inserted in the opposite order."""
    turned = tuple(reversed(case.cell.mechanisms))
    return case._replace(cell=eqx.tree_at(lambda c: c.mechanisms, case.cell, turned))


def fires(case: Case) -> bool:
    """Whether a mechanism of the cell emits spikes."""
    return any(isinstance(one.channel, AbstractFiring) for one in case.cell.mechanisms)
