"""Files: models of this library, and morphologies and recordings of others."""

from rheobase.io.asc import read_asc
from rheobase.io.mod import read_mod
from rheobase.io.models import is_model, load, save
from rheobase.io.nir import read_nir, write_nir
from rheobase.io.swc import read_swc, write_swc

__all__ = [
    "is_model",
    "load",
    "read_asc",
    "read_mod",
    "read_nir",
    "read_swc",
    "save",
    "write_nir",
    "write_swc",
]
