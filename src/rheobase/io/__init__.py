"""Files: models of this library, and morphologies and recordings of others."""

from rheobase.io.models import is_model, load, save
from rheobase.io.swc import read_swc

__all__ = ["is_model", "load", "read_swc", "save"]
