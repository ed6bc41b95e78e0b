"""The data and weights of the training race: the same numbers for every contender.

Ten classes of rates over channels and time, blurred, of which each sample draws Poisson spikes.
"""

import numpy as np

JUDGED = 3
"""Epochs over which an error is a mean: that of a single one goes up and down."""


def blurred(random, spec, count):
    """`count` patterns of rates, (count, time, channels), spikes a step."""
    knots = random.gamma(0.5, 1.0, (count, 6, spec["channels"]))
    at = np.linspace(0, 5, spec["steps"])
    low = np.minimum(at.astype(int), 4)
    part = (at - low)[None, :, None]
    return spec["rate"] * ((1 - part) * knots[:, low] + part * knots[:, low + 1])


def samples(spec):
    """Training and held-out spikes (samples, time, channels), float32, with their classes."""
    random = np.random.default_rng(0)
    classes = blurred(random, spec, 10)
    sets = []
    for count in (spec["updates"] * spec["batch"], spec["held_out"]):
        labels = random.integers(0, 10, count)
        own = blurred(random, spec, count)
        rates = np.minimum((1 - spec["noise"]) * classes[labels] + spec["noise"] * own, 1)
        spikes = (random.random(rates.shape) < rates).astype(np.float32)
        sets.append((spikes, labels.astype(np.int32)))
    return sets


def weights(spec):
    """Input, recurrent and output weights, each (n in, n out), for a threshold of 1."""
    random = np.random.default_rng(1)
    hidden = spec["hidden"]
    shapes = (spec["channels"], hidden), (hidden, hidden), (hidden, 10)
    return [
        random.uniform(-1, 1, shape).astype(np.float32) * gain * (3 / shape[0]) ** 0.5
        for shape, gain in zip(shapes, (0.5, 0.2, 0.5), strict=True)
    ]


class Race:
    """Epochs of one contender: `update(x, y)` gives the loss, `classify(x)` the classes."""

    def __init__(self, spec, update, classify):
        self.spec, self.update, self.classify = spec, update, classify
        (self.x, self.y), self.held_out = samples(spec)
        self.epochs, self.errors = 0, []

    def __call__(self):
        """One epoch; what the last three were worth is found out off the clock."""
        from benchmarks.measure import processor_seconds

        begin, size = processor_seconds(), self.spec["batch"]
        for number in range(self.spec["updates"]):
            rows = slice(number * size, (number + 1) * size)
            loss = float(self.update(self.x[rows], self.y[rows]))
        self.epochs += 1
        taken = processor_seconds() - begin
        if self.epochs > self.spec["calls"] - JUDGED + 1:
            right = np.asarray(self.classify(self.held_out[0])) == self.held_out[1]
            self.errors.append(float(1 - right.mean()))
        if self.epochs <= self.spec["calls"]:
            return {"loss": loss, "seconds": taken}
        return {"loss": loss, "error": float(np.mean(self.errors)), "seconds": taken}
