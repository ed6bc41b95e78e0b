"""Ways to take the gradient of a spiking network, one argument of `fit` each.

`Surrogate` is backpropagation through time, full, checkpointed or truncated; `Exact` differentiates
spike times, as EventProp does; `EProp` and `RTRL` go forwards in time, with memory that does not
grow with it. `value_and_grad` takes one gradient, `compare` sets several side by side.
"""

from rheobase.gradients.base import value_and_grad
from rheobase.gradients.surrogate import Surrogate

__all__ = [
    "Surrogate",
    "value_and_grad",
]
