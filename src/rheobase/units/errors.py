"""What is raised when a value has the wrong unit or lies outside its domain."""


class UnitError(TypeError):
    """A value was given in the wrong unit, or without one."""


class DomainError(ValueError):
    """A value has the right unit but lies outside the domain of its parameter."""


class DimensionError(UnitError):
    """The equations of a model combine dimensions that do not fit."""
