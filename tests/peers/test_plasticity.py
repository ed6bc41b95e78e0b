"""The same spike trains and the same rule give the weights of Brian2, in float64."""

import json
import subprocess
from dataclasses import dataclass, field

import numpy as np
import pytest

import rheobase as rb
from benchmarks.environments import EnvironmentMissing, python_of
from rheobase.plasticity import AbstractRule
from rheobase.synapses import AbstractRelease
from rheobase.units import Hz, ms, mV
from tests.peers.conftest import SCRIPTS
from tests.unit.plasticity.helpers import W_MAX, learned, network, random_trains, simulate

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("x64")]

DT, STEPS, DELAY = 0.1, 20_000, 15
TRAINS = random_trains(11, STEPS, n_pre=30, n_post=20, synapses=250, dt=DT, rate=0.002)
"""Two seconds at 20 Hz."""
PAIR = {"taupre": 17.0, "taupost": 34.0, "Ap": 0.03, "Am": 0.025}
PAIR_MODEL = "dx/dt = -x/taupre : 1 (event-driven)\ndy/dt = -y/taupost : 1 (event-driven)"
TRIPLET = {"taup": 16.8, "taux": 101.0, "taum": 33.7, "tauy": 114.0,
           "A2p": 0.01, "A3p": 0.02, "A2m": 0.02, "A3m": 0.01}  # fmt: skip


def pair(**more):
    return rb.PairSTDP(
        W_MAX * mV, PAIR["Ap"], PAIR["Am"], PAIR["taupre"] * ms, PAIR["taupost"] * ms, **more
    )


@dataclass(frozen=True)
class Case:
    """One rule, as ours and as the text of Brian2's synapses; weights relative to w_max."""

    name: str
    rule: AbstractRule | AbstractRelease = field(repr=False)
    model: str
    on_pre: str
    on_post: str
    values: dict[str, float]
    delay: int | None = None
    every_step: str = ""
    start: dict[str, float] = field(default_factory=dict)
    """Of variables other than weights, and of the weights where they start at one value."""


def cases():
    """Made inside a test, so that they have its precision."""
    additive = {
        "model": PAIR_MODEL,
        "on_pre": "w = clip(w - Am*y, 0, 1)\nx += 1",
        "on_post": "w = clip(w + Ap*x, 0, 1)\ny += 1",
        "values": PAIR,
    }
    return [
        Case("pair", pair(), **additive),
        Case("pair, delayed", pair(), **additive, delay=DELAY),
        Case(
            "pair, nearest",
            pair(pairing="nearest"),
            PAIR_MODEL,
            "w = clip(w - Am*y, 0, 1)\nx = 1",
            "w = clip(w + Ap*x, 0, 1)\ny = 1",
            PAIR,
        ),
        Case(
            "pair, weight-dependent",
            pair(mu=0.4),
            PAIR_MODEL,
            "w = clip(w - Am*w**0.4*y, 0, 1)\nx += 1",
            "w = clip(w + Ap*(1 - w)**0.4*x, 0, 1)\ny += 1",
            PAIR,
        ),
        Case(
            "triplet",
            rb.TripletSTDP(W_MAX * mV, 0.01, 0.02, 0.02, 0.01),
            "dr1/dt = -r1/taup : 1 (event-driven)\ndr2/dt = -r2/taux : 1 (event-driven)\n"
            "do1/dt = -o1/taum : 1 (event-driven)\ndo2/dt = -o2/tauy : 1 (event-driven)",
            "w = clip(w - o1*(A2m + A3m*r2), 0, 1)\nr1 += 1\nr2 += 1",
            "w = clip(w + r1*(A2p + A3p*o2), 0, 1)\no1 += 1\no2 += 1",
            TRIPLET,
        ),
        Case(
            "Vogels",
            rb.VogelsSTDP(W_MAX * mV, 0.03, 20 * Hz, 20 * ms),
            "dx/dt = -x/tau : 1 (event-driven)\ndy/dt = -y/tau : 1 (event-driven)",
            "x += 1\nw = clip(w + eta*(y - 2*0.02*20), 0, 1)",
            "y += 1\nw = clip(w + eta*x, 0, 1)",
            {"tau": 20.0, "eta": 0.03},
        ),
        Case(
            "reward",
            rb.RewardModulated(pair(), 0.2 / ms, 50 * ms),
            PAIR_MODEL + "\ndc/dt = -c/tau_e : 1 (clock-driven)",
            "c -= Am*y\nx += 1",
            "c += Ap*x\ny += 1",
            PAIR | {"tau_e": 50.0, "reward": 0.2 * DT},
            every_step="w = clip(w + reward*c, 0, 1)",
        ),
        Case(
            RELEASE,
            rb.TsodyksMarkram(0.3, 150 * ms, 300 * ms),
            "du/dt = -u/tau_f : 1 (event-driven)\ndx/dt = (1 - x)/tau_r : 1 (event-driven)",
            "u += U*(1 - u)\nw += u*x\nx -= u*x",
            "",
            {"U": 0.3, "tau_r": 150.0, "tau_f": 300.0},
            start={"w": 0.0, "x": 1.0},
        ),
    ]


RELEASE = "short-term"
"""Here w is the sum of what was delivered."""


def spikes(raster):
    """Neurons and times: a spike of step k happens in Brian2's time step k too."""
    step, neuron = np.nonzero(raster)
    return neuron.tolist(), (step * DT).tolist()


START = np.random.default_rng(5).random(len(TRAINS.i))
NAMES = ("pair", "pair, delayed", "pair, nearest", "pair, weight-dependent", "triplet", "Vogels",
         "reward")  # fmt: skip


@pytest.fixture(scope="module")
def brian2(tmp_path_factory):
    """Weights by case."""
    try:
        python = python_of("brian2")
    except EnvironmentMissing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("brian2")
    shared = {
        "dt": DT,
        "duration": STEPS * DT,
        "n_pre": TRAINS.pre.shape[1],
        "n_post": TRAINS.post.shape[1],
        "pre": spikes(TRAINS.pre),
        "post": spikes(TRAINS.post),
        "i": TRAINS.i.tolist(),
        "j": TRAINS.j.tolist(),
    }
    described = {
        case.name: shared
        | {
            "model": case.model,
            "on_pre": case.on_pre,
            "on_post": case.on_post,
            "values": case.values,
            "delay": (case.delay or 0) * DT,
            "every_step": case.every_step,
            "start": {"w": START.tolist()} | case.start,
        }
        for case in cases()
    }
    (folder / "cases.json").write_text(json.dumps(described))
    out = folder / "out.npz"
    command = [python, SCRIPTS / "brian2_plasticity.py", folder / "cases.json", out]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.fail(f"brian2_plasticity.py failed:\n{process.stderr[-2000:]}")
    with np.load(out) as results:
        return dict(results)


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_brian2(name, brian2):
    case = next(case for case in cases() if case.name == name)
    found = learned(TRAINS, case.rule, START * W_MAX, case.delay) / W_MAX
    np.testing.assert_allclose(found, brian2[name], rtol=1e-7, atol=1e-9)
    assert np.abs(found - START).max() > 0.1


def test_releases_of_brian2(brian2):
    """A synapse so slow that its conductance is the sum of what arrived."""
    case = next(case for case in cases() if case.name == RELEASE)
    weight = 1e-4 * START
    net = network(TRAINS, case.rule, weight, synapse=rb.Exponential(tau=1e12 * ms))
    # One more step delivers what the last one sent.
    run = simulate(net, TRAINS, STEPS + 1)
    found = run.final.neuron.systems["post"].synapses[0].g
    expected = np.bincount(TRAINS.j, weight * brian2[RELEASE], TRAINS.post.shape[1])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
