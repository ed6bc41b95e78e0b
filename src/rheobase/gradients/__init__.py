"""Ways to take the gradient of a spiking network, one argument of `fit` each.

`Surrogate` is backpropagation through time, full, checkpointed or truncated; `Exact` differentiates
spike times, as EventProp does; `EProp` and `RTRL` go forwards in time, with memory that does not
grow with it. `Mixed` gives each population its own. `value_and_grad` takes one gradient, `compare`
sets several side by side.
"""

from rheobase.gradients.base import value_and_grad
from rheobase.gradients.compare import Check, Comparison, Row, check, compare
from rheobase.gradients.eprop import EProp
from rheobase.gradients.exact import Exact
from rheobase.gradients.mixed import Mixed
from rheobase.gradients.rtrl import RTRL
from rheobase.gradients.surrogate import Surrogate
from rheobase.gradients.times import spike_times

__all__ = [
    "RTRL",
    "Check",
    "Comparison",
    "EProp",
    "Exact",
    "Mixed",
    "Row",
    "Surrogate",
    "check",
    "compare",
    "spike_times",
    "value_and_grad",
]
