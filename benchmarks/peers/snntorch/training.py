"""The training race in snnTorch: products for all time steps, then `RLeaky` step by step."""

import snntorch
import torch
from snntorch import surrogate

from benchmarks import task
from benchmarks.measure import contend


def prepare(spec):
    torch.set_num_threads(1)
    into, back, out = (torch.from_numpy(w) for w in task.weights(spec))
    layers = [torch.nn.Linear(*w.shape, bias=False) for w in (into, out)]
    hidden = snntorch.RLeaky(
        beta=torch.full((spec["hidden"],), spec["decay"]),
        learn_beta=True,
        linear_features=spec["hidden"],
        spike_grad=surrogate.fast_sigmoid(slope=25),
    )
    hidden.recurrent = torch.nn.Linear(*back.shape, bias=False)
    readout = snntorch.Leaky(
        beta=torch.full((10,), spec["decay_out"]), learn_beta=True, reset_mechanism="none"
    )
    weights = [layer.weight for layer in (layers[0], hidden.recurrent, layers[1])]
    for weight, given in zip(weights, (into, back, out), strict=True):
        weight.data = given.T.contiguous()
    weights += [hidden.beta, readout.beta]
    adam = torch.optim.Adam(weights, lr=spec["rate of learning"])

    def scores(x):
        spike, membrane = hidden.init_rleaky()
        spikes = []
        for drive in layers[0](torch.from_numpy(x).transpose(0, 1)):
            spike, membrane = hidden(drive, spike, membrane)
            spikes.append(spike)
        potential, potentials = readout.init_leaky(), []
        for drive in layers[1](torch.stack(spikes)):
            _, potential = readout(drive, potential)
            potentials.append(potential)
        return torch.stack(potentials).amax(dim=0)

    def update(x, y):
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(scores(x), torch.from_numpy(y).long())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, spec["clip"])
        adam.step()
        return loss.detach()

    def classify(x):
        with torch.no_grad():
            return scores(x).argmax(dim=-1).numpy()

    return task.Race(spec, update, classify)


if __name__ == "__main__":
    contend(prepare, packages=("snntorch", "torch"))
