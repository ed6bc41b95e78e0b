"""The surrogates of other libraries, as ours."""

import math

from rheobase.errors import UnknownName, brief
from rheobase.surrogate.base import AbstractSurrogate, SurrogateError
from rheobase.surrogate.peers import PEERS, Peer, PeerFunction
from rheobase.surrogate.scaled import Scaled


def compat(
    peer: str, name: str, *, parameters: tuple[float, ...] = (), span: float | None = None
) -> AbstractSurrogate:
    r"""The surrogate of another library as a function of our margin, (v - v_th)/(v_th - v_reset).

    With c = `span` and a library that applies $g_p$ to $v - v_{th}$, the result has
    $g(x) = c\, g_p(c x)$, so that $ds/dv$ is that of the library. Forwards ours fires at
    `x >= 0` whatever the library does (`PEERS` says what).

    **Arguments:**

    - `peer`, `name`: the library and its function, as it spells them; `PEERS` has them all.
    - `parameters`: of that function, in its order; those left out keep the library's defaults.
    - `span`: v_th - v_reset in the library's unit of voltage. 1 unless given (threshold 1, reset
      0); to be given for libraries in mV; without effect for those whose argument is scaled.

    Errors: `UnknownName` for an unknown peer or name; `SurrogateError` with the reason for a
    function that no surrogate reproduces, and for wrong parameters or span.

    **Example:**

        >>> from rheobase.surrogate import Atan, compat
        >>> compat("snntorch", "atan") == Atan(a=2.0)
        True
        >>> compat("jaxley", "heaviside", span=15.0).peak  # 15 mV from reset to threshold
        15.0
    """
    library = _find("library", peer, PEERS)
    function = _find(f"surrogate of {peer}", name, library.functions)
    if function.ours is None:
        raise SurrogateError(f"{name} of {peer} is not reproduced: {function.note}")
    parameters = _fill(library, function, parameters)
    try:
        ours = function.ours(*parameters)
    except ZeroDivisionError:
        raise SurrogateError(
            f"{name} of {peer} divides by one of its parameters, got {parameters}. Its defaults "
            f"are {_fill(library, function, ())}."
        ) from None
    span = _span(library, function, span)
    return ours if span == 1.0 else Scaled(ours, height=span, stretch=span)


def _find(what: str, name: str, rows: tuple):
    for row in rows:
        if row.name == name:
            return row
    raise UnknownName(what, name, [row.name for row in rows])


def _fill(peer: Peer, function: PeerFunction, given: tuple[float, ...]) -> tuple[float, ...]:
    defaults = tuple(value for _, value in function.parameters)
    is_tuple = isinstance(given, tuple | list)
    numbers = is_tuple and all(isinstance(p, int | float) and math.isfinite(p) for p in given)
    if not numbers or len(given) > len(defaults):
        names = ", ".join(f"{n}={v}" for n, v in function.parameters) or "none"
        raise SurrogateError(
            f"`parameters` of {function.name} must be a tuple of at most {len(defaults)} finite "
            f"numbers ({names}), got {brief(given)}. Write "
            f'compat("{peer.name}", "{function.name}", parameters={defaults}).'
        )
    return (*given, *defaults[len(given) :])


def _span(peer: Peer, function: PeerFunction, span: float | None) -> float:
    if span is None and peer.argument == "mV":
        raise SurrogateError(
            f"{function.name} of {peer.name} takes v - v_th in mV, so its width depends on the "
            f"neuron: give `span`, which is v_th - v_reset in mV. Write "
            f'compat("{peer.name}", "{function.name}", span=15.0).'
        )
    if span is not None and not 0.0 < span < math.inf:
        raise SurrogateError(
            "`span` is v_th - v_reset and must be finite and greater than 0, got "
            f"{brief(span)}. Write "
            f'compat("{peer.name}", "{function.name}", span=1.0).'
        )
    return 1.0 if span is None or peer.argument == "scaled" else float(span)
