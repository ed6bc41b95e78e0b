"""Plasticity: how synapses change with their use.

Short-term plasticity (`TsodyksMarkram`) changes what a spike releases and forgets it. The other
rules change the weights for good. A connection takes one of them or several, as
`Connection(..., plasticity=(rb.TsodyksMarkram(), rb.PairSTDP(w_max=1 * nA)))`.
"""

from rheobase.plasticity.base import AbstractRule, AbstractTraceRule, Change, Traces
from rheobase.plasticity.pair import PairSTDP
from rheobase.plasticity.reward import RewardModulated
from rheobase.plasticity.short_term import TsodyksMarkram
from rheobase.plasticity.triplet import TripletSTDP
from rheobase.plasticity.vogels import VogelsSTDP

__all__ = [
    "AbstractRule",
    "AbstractTraceRule",
    "Change",
    "PairSTDP",
    "RewardModulated",
    "Traces",
    "TripletSTDP",
    "TsodyksMarkram",
    "VogelsSTDP",
]
