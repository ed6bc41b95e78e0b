"""How well a free run of a model follows sweeps that were recorded."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rheobase.analysis.voltage import coincidence, firing
from rheobase.fitting.target import near
from rheobase.units import ms


class SweepScore(NamedTuple):
    """One sweep."""

    number: int
    spikes: int
    """Of the data."""
    model_spikes: int
    latency_error_ms: float
    """Mean over the pulses in which both fire, NaN where there is none."""
    subthreshold_rms_mv: float
    """Away from the spikes of both."""
    gamma_2ms: float
    gamma_4ms: float
    """NaN where neither fires."""


class Scores(NamedTuple):
    """Means over sweeps, and each of them."""

    spike_count_error: float
    """Mean |difference| of the number of spikes in a sweep."""
    spike_count_error_relative: float
    """The same over the mean number of spikes of the data; 0 where neither fires."""
    latency_error_ms: float
    """Mean |difference| of the first spike after the begin of a pulse, where both fire."""
    subthreshold_rms_mv: float
    """Root mean square over all sweeps away from spikes."""
    fi_r2: float
    """1 - sum (r_model - r_data)^2 / sum (r_data - mean)^2 over all pulses, r in Hz."""
    gamma_2ms: float
    gamma_4ms: float
    """Mean coincidence factor of the sweeps in which somebody fires."""
    sweeps: tuple[SweepScore, ...]
    rates: tuple[tuple[float, float, float], ...]
    """Current (nA), rate of data and of model (Hz) for each pulse."""

    def summary(self) -> dict[str, float | None]:
        """The means as plain numbers, None where they are not defined."""
        names = [n for n in self._fields if n not in ("sweeps", "rates")]
        return {n: _plain(getattr(self, n)) for n in names}

    @property
    def total(self) -> float:
        """One number, smaller is better, in units of what a good fit reaches.

        (relative count error/0.1 + latency error/5 ms + rms/2.5 mV + (1 - R²)/0.03)/4, where what
        is not defined counts as 0 for silent data and as 4 for a silent model.
        """
        silent = sum(s.spikes for s in self.sweeps) == 0
        missing = 0.0 if silent else 4.0
        parts = (
            self.spike_count_error_relative / 0.1,
            self.latency_error_ms / 5,
            self.subthreshold_rms_mv / 2.5,
            (1 - self.fi_r2) / 0.03,
        )
        return float(np.mean([missing if np.isnan(p) else p for p in parts]))


def score(
    sweeps: Sequence[Any],
    spikes: Sequence[np.ndarray],
    v: np.ndarray,
    model_spikes: Sequence[np.ndarray],
    model_v: np.ndarray,
) -> Scores:
    """Scores of sweeps.

    - `sweeps`: those of the recording; `spikes`, `model_spikes`: times (ms) in each.
    - `v`, `model_v`: voltages at the end of each millisecond, (blocks, sweeps).

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import nA
    >>> rec = rb.fitting.synthetic(rb.LIF(), [2.0, 3.0] * nA)
    >>> v, spikes = np.zeros((500, 2)), [np.array([120.0]), np.array([115.0, 130.0])]
    >>> rb.fitting.score(rec.sweeps, spikes, v, spikes, v + 1).subthreshold_rms_mv
    1.0
    """
    rows, rates, latencies, squares = [], [], [], []
    for k, sweep in enumerate(sweeps):
        data, model = np.asarray(spikes[k], float), np.asarray(model_spikes[k], float)
        late = []
        for pulse in sweep.pulses():
            mine = firing(model, pulse.begin, pulse.end)
            theirs = firing(data, pulse.begin, pulse.end)
            rates.append((pulse.current, theirs.rate, mine.rate))
            if mine.spikes and theirs.spikes:
                late.append(abs(mine.latency - theirs.latency))
        latencies += late
        quiet = ~near([data], len(v))[:, 0] & ~near([model], len(v))[:, 0]
        square = (model_v[quiet, k] - v[quiet, k]) ** 2
        squares.append(square)
        length = sweep.duration * ms
        rows.append(
            SweepScore(
                sweep.number,
                len(data),
                len(model),
                float(np.mean(late)) if late else float("nan"),
                float(np.sqrt(square.mean())) if square.size else float("nan"),
                coincidence(data, model, length, 2 * ms),
                coincidence(data, model, length, 4 * ms),
            )
        )
    errors = [abs(r.spikes - r.model_spikes) for r in rows]
    count = float(np.mean([r.spikes for r in rows]))
    error = float(np.mean(errors))
    together = np.concatenate(squares)
    return Scores(
        error,
        error / count if count else (0.0 if error == 0 else float("inf")),
        float(np.mean(latencies)) if latencies else float("nan"),
        float(np.sqrt(together.mean())) if together.size else float("nan"),
        _r2(np.array(rates).reshape(-1, 3)),
        _mean([r.gamma_2ms for r in rows]),
        _mean([r.gamma_4ms for r in rows]),
        tuple(rows),
        tuple(rates),
    )


def reliability(sweeps: Sequence[Any], spikes: Sequence[np.ndarray]) -> float | None:
    """Mean coincidence factor (4 ms) between sweeps of the same current; None without repeats.

    What a model cannot exceed: the cell itself does not answer more precisely.
    """
    found = []
    for a in range(len(sweeps)):
        for b in range(a + 1, len(sweeps)):
            if np.array_equal(sweeps[a].i, sweeps[b].i):
                found.append(coincidence(spikes[a], spikes[b], sweeps[a].duration * ms))
    known = [g for g in found if np.isfinite(g)]
    return float(np.mean(known)) if known else None


def _r2(rates: np.ndarray) -> float:
    if len(rates) < 2 or np.ptp(rates[:, 1]) == 0:
        return float("nan")
    error = np.sum((rates[:, 2] - rates[:, 1]) ** 2)
    return float(1 - error / np.sum((rates[:, 1] - rates[:, 1].mean()) ** 2))


def _mean(values: list[float]) -> float:
    known = [x for x in values if np.isfinite(x)]
    return float(np.mean(known)) if known else float("nan")


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
