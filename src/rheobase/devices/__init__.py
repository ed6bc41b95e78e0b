"""Devices that networks run on: at present the neuromorphic chip DYNAP-SE2."""

from rheobase.devices import dynapse2

__all__ = ["dynapse2"]
