"""The classical network benchmarks of the field, one a file."""

from rheobase.classics.base import Classic
from rheobase.classics.brunel import brunel
from rheobase.classics.coba import coba
from rheobase.classics.cobahh import cobahh
from rheobase.classics.cuba import cuba
from rheobase.classics.diehl_cook import DiehlCook, diehl_cook
from rheobase.classics.microcircuit import microcircuit

CLASSICS = {
    "brunel": brunel,
    "coba": coba,
    "cobahh": cobahh,
    "cuba": cuba,
    "microcircuit": microcircuit,
}
"""By the names under which `rheobase run` knows them."""

__all__ = [
    "CLASSICS",
    "Classic",
    "DiehlCook",
    "brunel",
    "coba",
    "cobahh",
    "cuba",
    "diehl_cook",
    "microcircuit",
]
