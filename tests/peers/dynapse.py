"""What is compared with Rockpool's DynapSim: currents (A), inputs and recurrent weights."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

N, BATCH, STEPS = 24, 3, 1000
SPREAD = ("Idc", "Igain_mem", "Igain_syn", "Iref", "Ispkthr", "Itau_mem", "Itau_syn", "Iw_ahp")


@dataclass(frozen=True)
class ChipCase:
    """One network of `N` neurons."""

    name: str
    seed: int
    dt: float = 1e-3
    rate: float = 0.02
    """Events a step and channel."""
    weight: float = 1.0
    recurrent: float = 0.0
    spread: float = 0.0
    """Standard deviation of ln of the currents of each neuron."""
    currents: dict[str, float] = field(default_factory=dict)
    """A."""

    @property
    def x(self) -> np.ndarray:
        """Weighted input, (time, batch, n): real numbers, some negative."""
        rng = np.random.default_rng(self.seed)
        events = rng.poisson(self.rate, (STEPS, BATCH, N))
        return (events * rng.normal(self.weight, self.weight / 2, N)).astype(np.float32)

    @property
    def w(self) -> np.ndarray | None:
        """Recurrent weights (n, n), or None."""
        if not self.recurrent:
            return None
        rng = np.random.default_rng(self.seed + 1)
        return rng.normal(0, self.recurrent / np.sqrt(N), (N, N)).astype(np.float32)

    @property
    def each(self) -> dict[str, np.ndarray]:
        """Currents (A) of each neuron."""
        rng = np.random.default_rng(self.seed + 2)
        typical = {
            "Idc": 2e-11, "Igain_mem": 2.1277e-11, "Igain_syn": 8.6879e-9, "Iref": 1.05e-9,
            "Ispkthr": 1e-7, "Itau_mem": 5.3191e-12, "Itau_syn": 8.6879e-11, "Iw_ahp": 5e-13,
        } | self.currents  # fmt: skip
        return {
            name: (typical[name] * np.exp(self.spread * rng.normal(size=N))).astype(np.float32)
            for name in SPREAD
            if self.spread or name in self.currents
        }

    def for_peer(self) -> dict[str, Any]:
        """The case as JSON."""
        each = {name: value.tolist() for name, value in self.each.items()}
        return {"parameters": {}, "each": each, "dt": self.dt}


CASES = (
    ChipCase("events", seed=1, rate=0.05, weight=2.0),
    ChipCase("constant current", seed=2, rate=0.0, spread=0.3, currents={"Idc": 1e-9}),
    ChipCase("small step", seed=3, dt=1e-4, rate=0.01, weight=4.0, spread=0.05),
    ChipCase("mismatch", seed=4, rate=0.05, weight=2.0, spread=0.05),
    ChipCase("recurrent", seed=5, rate=0.03, weight=2.0, recurrent=0.5),
    ChipCase("recurrent, mismatch", seed=6, rate=0.03, weight=2.0, recurrent=0.5, spread=0.05),
    ChipCase("several spikes a step", seed=7, rate=0.3, weight=40.0, currents={"Ispkthr": 2e-8}),
    ChipCase("adaptation", seed=8, rate=0.05, weight=3.0, currents={"Iw_ahp": 3e-8}),
    ChipCase("long refractory period", seed=9, rate=0.1, weight=3.0, currents={"Iref": 2e-10}),
)
