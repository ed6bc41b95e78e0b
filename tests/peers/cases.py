"""What is compared with other simulators: neurons, parameter sets, inputs.

Every case is one population: each parameter set meets each input. Units are ms, mV, MOhm, uS, nA.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

DT = 0.1
STEPS = 5000


def inputs() -> np.ndarray:
    """Shapes of input over 500 ms, (time, input): between 0 and 1 of the range of a case."""
    t = np.arange(STEPS) * DT
    noise = np.random.default_rng(1).standard_normal(STEPS)
    window = np.exp(-t[:600] / 12)  # ms
    smooth = np.convolve(noise, window / np.linalg.norm(window))[:STEPS]
    shapes = [
        np.full(STEPS, 1.0),
        np.full(STEPS, 0.63),
        np.where((t >= 40) & (t < 320), 0.85, 0.1),
        t / t[-1],
        0.55 + 0.45 * np.sin(2 * np.pi * t / 90),
        np.clip(0.6 + 0.3 * smooth, 0, 1),
        np.where(t % 60 < 25, 1.0, 0.0),
    ]
    return np.stack(shapes, axis=1)


@dataclass(frozen=True)
class Case:
    """A neuron of a peer under several parameter sets and inputs.

    `parameters` and the ends of the current's range hold one value a parameter set.
    """

    name: str
    model: str
    parameters: dict[str, list[float]]
    low: list[float]
    high: list[float]
    reset: str = "hard"
    tau_ref: float | None = None
    within: int = 0
    """By how many steps a spike may differ."""
    threshold_state: bool = False
    """Whether the threshold is a state, which starts at `v_th_inf`."""

    @property
    def values(self) -> dict[str, np.ndarray]:
        """Each parameter, one value a neuron."""
        shapes = inputs().shape[1]
        return {name: np.repeat(value, shapes) for name, value in self.parameters.items()}

    @property
    def current(self) -> np.ndarray:
        """Current (nA) of each neuron in each step, (time, n)."""
        low, high = np.asarray(self.low)[:, None], np.asarray(self.high)[:, None]
        now = low + (high - low) * inputs()[:, None, :]
        return now.reshape(STEPS, -1)

    @property
    def v_start(self) -> np.ndarray:
        return self.values.get("v_rest", np.zeros(self.current.shape[1]))

    def for_peer(self) -> dict[str, Any]:
        """The case as JSON."""
        start = {"V": self.v_start.tolist()}
        if self.threshold_state:
            start["V_th"] = self.values["v_th_inf"].tolist()
        parameters: dict[str, Any] = {name: v.tolist() for name, v in self.values.items()}
        if self.tau_ref is not None:
            parameters["tau_ref"] = self.tau_ref
        return {
            "model": self.model,
            "parameters": parameters,
            "start": start,
            "reset": self.reset,
            "dt": DT,
        }


def hard_and_soft(name: str, *arguments: Any, **options: Any) -> list[Case]:
    return [Case(f"{name}, {r}", *arguments, reset=r, **options) for r in ("hard", "soft")]


LEAKY: dict[str, list[float]] = {
    "tau": [5.0, 20.0, 11.3],
    "R": [1.0, 10.0, 4.7],
    "v_rest": [0.0, -65.0, -61.0],
    "v_th": [1.0, -50.0, -53.2],
    "v_reset": [0.0, -65.0, -58.5],
}
LEAKY_RANGE: dict[str, list[float]] = {"low": [0.3, 0.4, 0.6], "high": [2.6, 2.9, 3.7]}

QUADRATIC: dict[str, list[float]] = {
    "tau": [10.0, 10.0, 17.0],
    "R": [1.0, 1.0, 3.1],
    "v_rest": [-65.0, -65.0, -70.0],
    "v_c": [-50.0, -50.0, -52.0],
    "c": [0.07, 0.07, 0.04],
    "v_th": [-30.0, -40.0, -35.0],
    "v_reset": [-68.0, -68.0, -61.0],
}

# v_th is near v_T: with its default of -30 mV the upstroke of the peer overflows.
EXPONENTIAL: dict[str, list[float]] = {
    "tau": [10.0, 9.366666666666667, 20.0],
    "R": [1.0, 33.333333333333336, 100.0],
    "v_rest": [-65.0, -70.6, -70.0],
    "v_T": [-59.9, -50.4, -50.0],
    "delta_T": [3.48, 2.0, 2.0],
    "v_th": [-45.0, -40.4, -42.0],
    "v_reset": [-68.0, -70.6, -58.0],
}

GIF: dict[str, list[float]] = {
    "tau": [20.0, 20.0, 12.0],
    "R": [20.0, 20.0, 9.0],
    "v_rest": [-70.0, -70.0, -66.0],
    "v_reset": [-70.0, -70.0, -68.0],
    "v_th_inf": [-50.0, -50.0, -52.0],
    "v_th_reset": [-60.0, -60.0, -48.0],
    "a": [0.0, 0.005, 0.003],
    "b": [0.01, 0.01, 0.02],
    "k1": [0.2, 0.2, 0.1],
    "k2": [0.02, 0.02, 0.03],
    "R1": [0.0, 0.0, 0.3],
    "R2": [1.0, 1.0, 0.8],
    "A1": [0.0, 0.0, 0.0],
    "A2": [0.0, 0.0, 0.0],
}
GIF_RANGE: dict[str, list[float]] = {"low": [0.2, 0.3, 0.3], "high": [1.9, 2.2, 3.4]}
GIF_WITH_CURRENTS = GIF | {"A1": [0.05, -0.1, 0.05], "A2": [-0.05, -0.02, -0.06]}

BRAINPY_STEP_FOR_STEP = (
    *hard_and_soft(
        "IF",
        "IF",
        {name: LEAKY[name] for name in ("tau", "R")} | {"v_th": [1.0, 15.0, 7.8]},
        low=[0.3, 0.4, 0.6],
        high=[2.6, 2.9, 3.7],
    ),
    *hard_and_soft("LIF", "LIF", LEAKY, **LEAKY_RANGE),
    *hard_and_soft("LIFRef", "LIFRef", LEAKY, **LEAKY_RANGE, tau_ref=1.75),
    *hard_and_soft(
        "ALIF",
        "ALIF",
        LEAKY | {"tau_a": [100.0, 144.0, 60.0], "beta": [0.1, 1.6, 0.9]},
        **LEAKY_RANGE,
    ),
    Case("QuaIF, hard", "QuaIF", QUADRATIC, low=[2.0, 2.0, 0.4], high=[14.0, 9.0, 6.0]),
    Case("ExpIF, hard", "ExpIF", EXPONENTIAL, low=[0.5, 0.2, 0.05], high=[6.0, 1.1, 0.5]),
    *hard_and_soft("Gif", "Gif", GIF, **GIF_RANGE, threshold_state=True),
    *hard_and_soft(
        "GifRef", "GifRef", GIF_WITH_CURRENTS, **GIF_RANGE, tau_ref=1.75, threshold_state=True
    ),
)
"""Same spikes in the same steps."""

BRAINPY_COUPLED = (
    Case(
        "AdExIF",
        "AdExIF",
        EXPONENTIAL
        | {"tau_w": [120.0, 144.0, 300.0], "a": [0.01, 0.0005, -0.0003], "b": [0.6, 0.0805, 0.06]},
        low=[5.0, 0.4, 0.2],
        high=[12.0, 0.95, 0.6],
        within=2,
    ),
    Case(
        "AdExIF, Brette and Gerstner 2005",
        "AdExIF",
        {name: values[1:2] for name, values in EXPONENTIAL.items()}
        | {"tau_w": [144.0], "a": [0.004], "b": [0.0805]},
        low=[0.3],
        high=[1.2],
        within=6,
    ),
    Case(
        "AdQuaIF",
        "AdQuaIF",
        QUADRATIC
        | {"tau_w": [150.0, 120.0, 100.0], "a": [0.01, -0.01, 0.003], "b": [0.4, 0.3, 0.1]},
        low=[3.0, 3.0, 1.0],
        high=[9.0, 7.0, 4.6],
        within=2,
    ),
    *hard_and_soft(
        "Gif with currents",
        "Gif",
        GIF_WITH_CURRENTS,
        low=[0.4, 0.5, 0.5],
        high=[1.4, 1.8, 3.2],
        within=2,
        threshold_state=True,
    ),
)
"""There w sees the voltage that the step has reached, here the one from which it started; there the
voltage of Gif sees the currents after their decay. Both schemes are of first order, so that spikes
drift apart by steps: in proportion to a, and most where the drive is barely enough."""

NGCLEARN = (
    Case(
        "AdExCell",
        "AdExCell",
        {
            "tau": [15.0, 9.366666666666667, 20.0, 15.0],
            "R": [1.0, 33.333333333333336, 100.0, 1.0],
            "v_rest": [-72.0, -70.6, -70.0, -72.0],
            "v_T": [-55.0, -50.4, -50.0, -55.0],
            "delta_T": [2.0, 2.0, 2.0, 0.5],
            "v_th": [5.0, -40.4, 0.0, 5.0],
            "v_reset": [-75.0, -70.6, -58.0, -75.0],
            "tau_w": [400.0, 144.0, 300.0, 50.0],
            "a": [0.1, 0.004, 0.002, 0.3],
            "b": [0.75, 0.0805, 0.06, 0.75],
        },
        low=[10.0, 0.4, 0.2, 10.0],
        high=[40.0, 1.2, 0.6, 40.0],
    ),
)
