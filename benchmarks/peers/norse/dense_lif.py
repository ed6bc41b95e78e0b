"""The dense layer in Norse: one product for all time steps, then a lifted `LIFBoxCell`."""

import norse.torch as norse
import torch
from norse.torch.functional.reset import reset_subtract

from benchmarks import dense
from benchmarks.measure import contend


def prepare(spec):
    torch.set_num_threads(1)
    x, weight, bias = map(torch.from_numpy, dense.arrays(spec))
    leak = 1 - spec["decay"]
    linear = torch.nn.Linear(spec["n"], spec["n"])
    # Its membrane scales the input by dt / tau.
    linear.weight.data, linear.bias.data = weight / leak, bias / leak
    parameters = norse.LIFBoxParameters(
        tau_mem_inv=torch.as_tensor(leak / 1e-3),
        alpha=torch.as_tensor(25.0),
        reset_method=reset_subtract,
    )
    lif = norse.Lift(norse.LIFBoxCell(parameters, dt=1e-3))

    def run():
        linear.zero_grad()
        loss = lif(linear(x))[0].sum()
        loss.backward()
        return dense.work(spec, loss.item(), linear.weight.grad / leak)

    return run


if __name__ == "__main__":
    contend(prepare, packages=("norse", "torch"))
