"""The classical network benchmarks of the field, one a file."""

from rheobase.classics.base import Classic
from rheobase.classics.brunel import brunel
from rheobase.classics.coba import coba
from rheobase.classics.cuba import cuba

CLASSICS = {"brunel": brunel, "coba": coba, "cuba": cuba}
"""By the names under which `rheobase run` knows them."""

__all__ = ["CLASSICS", "Classic", "brunel", "coba", "cuba"]
