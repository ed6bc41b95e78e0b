"""Populations that fire at given times, and weights by plain loops over lists of such times."""

from typing import NamedTuple

import numpy as np

import rheobase as rb
from rheobase.units import ms, mV

W_MAX = 1e-3
"""mV: too weak to make a neuron fire that is not meant to."""


class Trains(NamedTuple):
    """Spikes of both sides, (steps, n), and who is connected."""

    pre: np.ndarray
    post: np.ndarray
    i: np.ndarray
    j: np.ndarray
    dt: float


def random_trains(seed, steps=600, n_pre=9, n_post=7, synapses=30, dt=0.5, rate=0.03):
    random = np.random.default_rng(seed)
    pre = random.random((steps, n_pre)) < rate
    post = random.random((steps, n_post)) < rate
    post[:, 0] = pre[:, 0]  # some at the same time
    pairs = np.sort(random.choice(n_pre * n_post, synapses, replace=False))
    return Trains(pre, post, pairs // n_post, pairs % n_post, dt)


def pairs_of_spikes(lags, dt, at=60.0, steps=400):
    """Neuron k fires once at `at` (ms) before and at + lags[k] behind; one to one."""
    n = len(lags)
    pre, post = np.zeros((2, steps, n), bool)
    pre[round(at / dt)] = True
    post[np.round((at + np.asarray(lags)) / dt).astype(int), np.arange(n)] = True
    return Trains(pre, post, np.arange(n), np.arange(n), dt)


def network(trains, rule, weight, delay=None, synapse=None, unit=mV):
    """Populations `pre` and `post` whose spikes are those of the trains."""
    kick = 1e3 * mV
    # Its spikes have no derivative where they are, far from the threshold on either side.
    neuron = rb.LIF(spike=rb.surrogate.Rectangle())
    return rb.Network(
        {
            "pre": rb.Population(neuron, trains.pre.shape[1]),
            "post": rb.Population(neuron, trains.post.shape[1]),
        },
        [
            rb.Connection(
                "pre",
                "post",
                rb.Pairs(trains.i, trains.j),
                rb.Delta() if synapse is None else synapse,
                weight=weight * unit,
                delay=None if delay is None else delay * trains.dt * ms,
                plasticity=rule,
            )
        ],
        drives=[
            rb.Drive("pre", rb.stimulus.FromArray(trains.pre * kick)),
            rb.Drive("post", rb.stimulus.FromArray(trains.post * kick)),
        ],
    )


def simulate(net, trains, steps=None, **more):
    steps = len(trains.pre) if steps is None else steps
    return rb.simulate(net, duration=steps * trains.dt * ms, dt=trains.dt * ms, **more)


def learned(trains, rule, weight, delay=None):
    """Weights (mV) after the trains."""
    run = simulate(network(trains, rule, weight, delay), trains)
    expected = trains.pre.sum(), trains.post.sum()
    assert (len(run["pre"].events[0]), len(run["post"].events[0])) == expected
    return np.asarray(run.weights("pre", "post").value_in(mV))


def memory(times, now, tau, pairing="all"):
    """What is left of earlier spikes."""
    times = times if pairing == "all" else times[-1:]
    return sum(np.exp(-(now - t) / tau) for t in times)


def plain(trains, weight, on_pre, on_post, delay=0, each_step=None):
    """Weights by loops; `on_pre(w, k, r, o, t)` has the times of both sides up to now."""
    w = np.broadcast_to(np.asarray(weight, float), trains.i.shape).copy()
    r = [[] for _ in range(trains.pre.shape[1])]
    o = [[] for _ in range(trains.post.shape[1])]
    for step in range(len(trains.pre)):
        t = (step + 1) * trains.dt
        arriving = trains.pre[step - delay] if step >= delay else np.zeros(len(r), bool)
        for k, (i, j) in enumerate(zip(trains.i, trains.j, strict=True)):
            if arriving[i]:
                w[k] = on_pre(w[k], k, r[i], o[j], t)
        for i in np.nonzero(arriving)[0]:
            r[i].append(t)
        for k, (i, j) in enumerate(zip(trains.i, trains.j, strict=True)):
            if trains.post[step, j]:
                w[k] = on_post(w[k], k, r[i], o[j], t)
        for j in np.nonzero(trains.post[step])[0]:
            o[j].append(t)
        if each_step is not None:
            w = each_step(w, t)
    return w
