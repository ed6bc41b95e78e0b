"""rheobase: simulate, fit and train spiking neurons at every level of detail, in JAX.

The public names stand in `__init__.pyi`, each imported when it is first used, so that
`import rheobase` costs little more than JAX itself.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
