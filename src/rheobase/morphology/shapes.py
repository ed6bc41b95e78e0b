"""The simplest neurons."""

from typing import Any

from rheobase.morphology.section import Section
from rheobase.morphology.tree import Tree
from rheobase.units import um


def soma(radius: Any = 10 * um) -> Tree:
    """A soma alone: a cylinder as long as it is wide, with the membrane 4 pi r^2 of a sphere.

    **Raises:** `UnitError` and `DomainError` for a radius that is no positive length.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> tree = rb.morphology.soma(radius=10 * um)
        >>> round(float(tree.areas.sum()), 1)
        1256.6
    """
    return Tree([_body(radius)])


def ball_and_stick(
    *,
    soma_radius: Any = 10 * um,
    length: Any = 500 * um,
    radius: Any = 1 * um,
    region: str = "dendrite",
) -> Tree:
    """A soma and one unbranched dendrite at its end (Rall 1959, Exp Neurol 1:491).

    **Arguments:** (by keyword)

    - `soma_radius`: of a soma with the membrane of a sphere (um).
    - `length`, `radius`: of the dendrite (um); two radii or more taper.
    - `region`: the name of the dendrite's region.

    **Raises:** `UnitError` and `DomainError` for what is no positive length.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> rb.morphology.ball_and_stick(length=200 * um)
        Tree(2 sections, 5 samples: soma 20 um, dendrite 200 um)
    """
    body = _body(soma_radius)
    return Tree([body, Section(length=length, radius=radius, region=region, parent=body)])


def _body(radius: Any) -> Section:
    one = Section(length=radius, radius=radius).length  # the units are checked there
    return Section(length=2 * one * um, radius=[one, one, one] * um, region="soma")
