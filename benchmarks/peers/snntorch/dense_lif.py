"""The dense layer in snnTorch: one product for all time steps, then `Leaky` step by step."""

import snntorch
import torch
from snntorch import surrogate

from benchmarks import dense
from benchmarks.measure import contend


def prepare(spec):
    torch.set_num_threads(1)
    x, weight, bias = map(torch.from_numpy, dense.arrays(spec))
    linear = torch.nn.Linear(spec["n"], spec["n"])
    linear.weight.data, linear.bias.data = weight, bias
    leaky = snntorch.Leaky(beta=spec["decay"], spike_grad=surrogate.fast_sigmoid(slope=25))

    def run():
        linear.zero_grad()
        membrane = leaky.reset_mem()
        spikes = []
        for drive in linear(x):
            spike, membrane = leaky(drive, membrane)
            spikes.append(spike)
        loss = torch.stack(spikes).sum()
        loss.backward()
        return dense.work(spec, loss.item(), linear.weight.grad)

    return run


if __name__ == "__main__":
    contend(prepare, packages=("snntorch", "torch"))
