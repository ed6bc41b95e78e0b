"""What the further circuits of a chip neuron have in common."""

from typing import Any

import equinox as eqx

from rheobase.errors import check_keywords


class AbstractCircuit(eqx.Module):
    """A circuit of a neuron that is off unless it is given: its parameters as `quantity` fields."""

    def __new__(cls, *args: Any, **kwargs: Any):
        check_keywords(cls, kwargs)
        return super().__new__(cls)
