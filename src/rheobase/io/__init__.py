"""Files: models of this library, and morphologies and recordings of others."""

from rheobase.io.asc import read_asc
from rheobase.io.mod import read_mod
from rheobase.io.models import is_model, load, provenance, save
from rheobase.io.nir import read_nir, write_nir
from rheobase.io.recording import CurrentClamp, Pulse, Sweep, read_recording, recording_of
from rheobase.io.swc import read_swc, write_swc
from rheobase.provenance import Provenance

__all__ = [
    "CurrentClamp",
    "Provenance",
    "Pulse",
    "Sweep",
    "is_model",
    "load",
    "provenance",
    "read_asc",
    "read_mod",
    "read_nir",
    "read_recording",
    "read_swc",
    "recording_of",
    "save",
    "write_nir",
    "write_swc",
]
