"""Files: models of this library, and recordings of others."""

from rheobase.io.models import is_model, load, save

__all__ = ["is_model", "load", "save"]
