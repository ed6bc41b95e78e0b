"""rheobase: simulate, fit and train spiking neurons at every level of detail, in JAX.

The public names stand in `__init__.pyi`, each imported when it is first used, so that
`import rheobase` costs little more than JAX itself.
"""

import ast
import importlib
import sys
from types import ModuleType

from rheobase import memory

memory.keep()


def _read_homes() -> dict[str, str | None]:
    """The module behind each public name, by the stub; `None` for a subpackage."""
    with open(f"{__file__}i", encoding="utf-8") as stub:  # without pathlib, which costs 8 ms
        lines = [line for line in ast.parse(stub.read()).body if isinstance(line, ast.ImportFrom)]
    return {name.name: line.module for line in lines for name in line.names}


_HOMES = _read_homes()
__all__ = sorted(_HOMES)


class _Package(ModuleType):
    """The class of this package, so that `rb` itself can be sent to another process.

    `pickle`, joblib, dask and ray send a function with the globals that it names. Importing
    `rheobase.simulate` must not replace the function `rb.simulate` by the module.
    """

    def __setattr__(self, name: str, value: object) -> None:
        module = sys.modules.get(f"{__name__}.{name}")
        if module is None or value is not module or _HOMES.get(name) is None:
            super().__setattr__(name, value)

    def __reduce__(self):
        return importlib.import_module, (__name__,)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return list(__all__)


def __getattr__(name: str) -> object:
    """A public name, imported now; what has none is refused with the near miss."""
    if name in _HOMES:
        home = _HOMES[name]
        module = importlib.import_module(f"{__name__}.{home or name}")
        found = globals()[name] = module if home is None else getattr(module, name)
        return found
    import difflib

    lower = {known.lower(): known for known in __all__}
    close = [] if name.startswith("_") else difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f" Did you mean rheobase.{lower[close[0]]}?" if close else ""
    raise AttributeError(f"rheobase has no {name!r}.{hint}")
