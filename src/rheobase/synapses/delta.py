"""The synapse without a time course."""

import equinox as eqx


class Delta(eqx.Module):
    """A spike of weight w (mV) adds w to the voltage at the end of the step in which it acts.

    >>> import rheobase as rb
    >>> synapse = rb.Delta()
    """
