"""The dense layer in SpikingJelly: a multi-step `LIFNode` after one product for all time steps."""

import torch
from spikingjelly.activation_based import functional, neuron, surrogate

from benchmarks import dense
from benchmarks.measure import contend

SLOPE = 25.0


def prepare(spec):
    torch.set_num_threads(1)
    x, weight, bias = map(torch.from_numpy, dense.arrays(spec))
    linear = torch.nn.Linear(spec["n"], spec["n"])
    linear.weight.data, linear.bias.data = weight, bias
    node = neuron.LIFNode(
        tau=1 / (1 - spec["decay"]),
        decay_input=False,
        v_reset=None,
        surrogate_function=surrogate.SoftSign(alpha=SLOPE),
        detach_reset=True,
        step_mode="m",
    )

    def run():
        linear.zero_grad()
        functional.reset_net(node)
        loss = node(linear(x)).sum()
        loss.backward()
        # Its surrogate peaks at alpha / 2, that of the others at 1.
        return dense.work(spec, loss.item(), linear.weight.grad / (SLOPE / 2))

    return run


if __name__ == "__main__":
    contend(prepare, packages=("spikingjelly", "torch"))
