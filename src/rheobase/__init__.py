"""rheobase: simulate, fit and train spiking neurons at every level of detail, in JAX.

The public names stand in `__init__.pyi`, each imported when it is first used, so that
`import rheobase` costs little more than JAX itself.
"""

import lazy_loader

from rheobase import memory

memory.keep()
_imported, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """A public name, imported now; what has none is refused with the near miss."""
    if name in __all__ or name.startswith("_"):
        return _imported(name)
    import difflib

    lower = {known.lower(): known for known in __all__}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f" Did you mean rheobase.{lower[close[0]]}?" if close else ""
    raise AttributeError(f"rheobase has no {name!r}.{hint}")
