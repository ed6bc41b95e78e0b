"""The surrogates of other libraries, a table.

Formulas and defaults were read off the derivative of the installed packages, of the version given.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from rheobase.surrogate import primitives
from rheobase.surrogate.base import AbstractSurrogate
from rheobase.surrogate.custom import Custom
from rheobase.surrogate.piecewise import PiecewiseQuadratic, Rectangle, StraightThrough, Triangle
from rheobase.surrogate.scaled import Scaled
from rheobase.surrogate.smooth import (
    Atan,
    Erf,
    Exponential,
    FastSigmoid,
    MultiGaussian,
    Sigmoid,
    SoftSign,
    Tanh,
)


class PeerFunction(NamedTuple):
    """One surrogate of another library.

    - `name`: as that library spells it.
    - `parameters`: names and defaults, in the order in which `compat` takes them.
    - `ours`: from the parameters to our function of the library's own argument; None is refused.
    - `note`: why it is refused, or where the library differs from its name or documentation.
    """

    name: str
    parameters: tuple[tuple[str, float], ...]
    ours: Callable[..., AbstractSurrogate] | None
    note: str = ""


class Peer(NamedTuple):
    """Another library, with the conventions that its surrogates share.

    - `forward`: when it fires; ours is always `>=`, which differs at the threshold itself.
    - `argument`: `"raw"` is v - v_th, in units in which the threshold is usually 1; `"mV"` the same
      in millivolts; `"scaled"` is divided by v_th - v_reset, as ours.
    """

    name: str
    version: str
    forward: Literal["x >= 0", "x > 0", "x >= 0, 0.5 at 0"]
    argument: Literal["raw", "mV", "scaled"]
    functions: tuple[PeerFunction, ...]


def _normal(sigma: float) -> Erf:
    """The normal density of standard deviation sigma."""
    return Erf(1.0 / (sigma * math.sqrt(2.0)))


def _of(**defaults: float) -> tuple[tuple[str, float], ...]:
    return tuple(defaults.items())


_ALPHA_1, _ALPHA_2 = _of(alpha=1.0), _of(alpha=2.0)

_BRAINTOOLS = (
    PeerFunction("ReluGrad", _of(alpha=0.3, width=1.0), Triangle, "the default of its models"),
    PeerFunction("InvSquareGrad", _of(alpha=100.0), FastSigmoid, "the default of its base Neuron"),
    PeerFunction("Sigmoid", _of(alpha=4.0), Sigmoid),
    PeerFunction("PiecewiseQuadratic", _ALPHA_1, PiecewiseQuadratic),
    PeerFunction("PiecewiseExp", _ALPHA_1, Exponential),
    PeerFunction("SoftSign", _ALPHA_1, SoftSign),
    PeerFunction("Arctan", _ALPHA_1, Atan),
    PeerFunction("ERF", _ALPHA_1, Erf),
    PeerFunction("NonzeroSignLog", _ALPHA_1, lambda a: Custom(primitives.logarithm, (a, a))),
    PeerFunction(
        "PiecewiseLeakyRelu",
        _of(c=0.01, w=1.0),
        lambda c, w: Custom(primitives.leaky_window, (w, c)),
    ),
    PeerFunction(
        "SquarewaveFourierSeries",
        _of(n=2.0, t_period=8.0),
        lambda n, t: Custom(primitives.square_wave, (n, t)),
        "periodic and changes sign",
    ),
    PeerFunction("S2NN", _of(alpha=4.0, beta=1.0), lambda a, b: Custom(primitives.s2nn, (a, b))),
    PeerFunction(
        "QPseudoSpike", _ALPHA_2, lambda a: Custom(primitives.power_law, (a, 0.5 * (a + 1.0)))
    ),
    PeerFunction(
        "LeakyRelu",
        _of(alpha=0.1, beta=1.0),
        lambda a, b: Custom(primitives.two_slopes, (a, b, 0.0)),
    ),
    PeerFunction("LogTailedRelu", _of(alpha=0.0), lambda a: Custom(primitives.log_tailed, (a,))),
    PeerFunction(
        "GaussianGrad", _of(sigma=0.5, alpha=0.5), lambda s, a: Scaled(_normal(s), height=a)
    ),
    PeerFunction(
        "MultiGaussianGrad",
        _of(h=0.15, s=6.0, sigma=0.5, scale=0.5),
        lambda h, s, sigma, scale: Scaled(MultiGaussian(h, s, sigma), height=scale),
    ),
    PeerFunction("SlayerGrad", _ALPHA_1, lambda a: Scaled(Exponential(a), height=2.0 / a)),
)

_SNNTORCH = (
    PeerFunction("atan", _ALPHA_2, Atan, "the default of its neurons"),
    PeerFunction("fast_sigmoid", _of(slope=25.0), FastSigmoid),
    PeerFunction("sigmoid", _of(slope=25.0), Sigmoid),
    PeerFunction("straight_through_estimator", (), StraightThrough),
    PeerFunction("heaviside", (), lambda: Custom(primitives.two_slopes, (0.0, 1.0, 0.0))),
    PeerFunction(
        "triangular",
        (),
        None,
        "it is no triangle: +1 below the threshold and -1 at and above it, so the gradient has "
        "the wrong sign for every neuron that fires. Write Triangle(a=1.0, w=1.0).",
    ),
    PeerFunction(
        "SFS",
        (),
        None,
        "its gradient is 0 for every x below B = 1, threshold included. Write "
        "FastSigmoid(k=25.0), or Rectangle for a window.",
    ),
    PeerFunction(
        "spike_rate_escape",
        (),
        None,
        "its peak is at x = 1, one threshold above the threshold. Write "
        "Scaled(Exponential(a=1.0), height=50.0) for the same function about the threshold.",
    ),
    PeerFunction(
        "LSO",
        (),
        None,
        "it raises TypeError in version 1.0.0. Write Custom for a slope on each side.",
    ),
    PeerFunction(
        "SSO", (), None, "its gradient is random. Write StraightThrough() for its mean above 0."
    ),
)

_NORSE = (
    PeerFunction(
        "super", (), lambda: FastSigmoid(1.0), "the 1.1.0 wheel ignores alpha, `super@master` not"
    ),
    PeerFunction("super@master", _of(alpha=100.0), FastSigmoid),
    PeerFunction(
        "triangle", _of(alpha=100.0), lambda a: Triangle(a, 1.0), "alpha is the peak, not the width"
    ),
    PeerFunction("tanh", _of(alpha=100.0), Tanh, "not divided by the width"),
    PeerFunction("heavi_erfc", _of(alpha=100.0), lambda a: Scaled(Erf(a), height=2.0 / a)),
    PeerFunction(
        "circ",
        _of(alpha=100.0),
        lambda a: Custom(primitives.algebraic, (a,)),
        "alpha is a width here, where it is a steepness in the others",
    ),
    PeerFunction("heaviside", (), None, "it has no gradient. Write Sigmoid(k=4.0)."),
)

_SPIKINGJELLY = (
    PeerFunction("Sigmoid", _of(alpha=4.0), Sigmoid, "the default of its neurons"),
    PeerFunction("ATan", _ALPHA_2, Atan),
    PeerFunction("SoftSign", _ALPHA_2, SoftSign),
    PeerFunction(
        "SuperSpike",
        _ALPHA_1,
        lambda a: Scaled(FastSigmoid(1.0), height=a),
        "a/(1 + |x|)^2: alpha is a height, not a steepness",
    ),
    PeerFunction("PiecewiseQuadratic", _ALPHA_1, PiecewiseQuadratic),
    PeerFunction("PiecewiseExp", _ALPHA_1, Exponential),
    PeerFunction("Erf", _ALPHA_2, Erf),
    PeerFunction("Rect", _ALPHA_1, lambda a: Rectangle(1.0 / a)),
    PeerFunction("NonzeroSignLogAbs", _ALPHA_1, lambda a: Custom(primitives.logarithm, (a, a))),
    PeerFunction(
        "PiecewiseLeakyReLU",
        _of(w=1.0, c=0.01),
        lambda w, c: Custom(primitives.leaky_window, (w, c)),
    ),
    PeerFunction(
        "SquarewaveFourierSeries",
        _of(n=2.0, T_period=8.0),
        lambda n, t: Custom(primitives.square_wave, (n - 1.0, t)),
        "has n - 1 terms, braintools n; periodic and changes sign",
    ),
    PeerFunction("S2NN", _of(alpha=4.0, beta=1.0), lambda a, b: Custom(primitives.s2nn, (a, b))),
    PeerFunction(
        "QPseudoSpike",
        _ALPHA_2,
        lambda a: Custom(primitives.power_law, (a, 0.5 * (a - 1.0))),
        "alpha - 1 where braintools has alpha + 1; alpha must be above 1",
    ),
    PeerFunction(
        "LeakyKReLU",
        _of(leak=0.0, k=1.0),
        lambda leak, k: Custom(primitives.two_slopes, (leak, k, 0.0)),
    ),
    PeerFunction("LogTailedReLU", _of(alpha=0.0), lambda a: Custom(primitives.log_tailed, (a,))),
    PeerFunction(
        "FakeNumericalGradient",
        _of(alpha=0.3),
        lambda a: Custom(primitives.clipped_reciprocal, (a,)),
    ),
    PeerFunction("DeterministicPass", (), StraightThrough),
    PeerFunction("PoissonPass", (), None, "its spikes are random: another neuron, no surrogate."),
    PeerFunction(
        "MultiLevelSpikeCount", (), None, "it counts spikes: another neuron, no surrogate."
    ),
)

_SPYX = (
    PeerFunction("superspike", _of(k=25.0), FastSigmoid, "the default of its neurons"),
    PeerFunction(
        "arctan",
        _of(k=2.0),
        lambda k: Scaled(Atan(2.0 * k), height=1.0 / (math.pi * k)),
        "lower and narrower than the arctangent of the same parameter elsewhere",
    ),
    PeerFunction("triangular", _of(k=2.0), lambda k: Triangle(k, 1.0 / k)),
    PeerFunction(
        "boxcar", _of(width=2.0, height=0.5), lambda w, h: Scaled(Rectangle(w), height=h * w)
    ),
    PeerFunction("tanh", _of(k=1.0), Tanh),
    PeerFunction(
        "custom",
        (),
        None,
        "its default is documented as straight-through, but its g(x) is x, negative below the "
        "threshold. Write StraightThrough(), or Custom(S) of your own primitive.",
    ),
)

_SINABS = (
    PeerFunction(
        "SingleExponential",
        _of(grad_width=0.5, spike_threshold=1.0),
        lambda w, th: Scaled(Exponential(1.0 / (w * th)), height=2.0),
        "the default of its neurons; its width scales with the threshold",
    ),
    PeerFunction(
        "Heaviside",
        _of(window=1.0, spike_threshold=1.0),
        lambda w, th: Custom(primitives.two_slopes, (0.0, 1.0 / th, -w)),
    ),
    PeerFunction("Gaussian", _of(sigma=0.5), _normal),
    PeerFunction(
        "MultiGaussian",
        _of(sigma=0.5, h=0.15, s=6.0),
        lambda sigma, h, s: MultiGaussian(h=h, s=s, sigma=sigma),
    ),
    PeerFunction(
        "PeriodicExponential",
        (),
        None,
        "it is for several spikes in one step: another neuron, no surrogate.",
    ),
)

_NGCLEARN = (
    PeerFunction("straight_through_estimator", (), StraightThrough),
    PeerFunction("triangular_estimator", _ALPHA_2, lambda a: Triangle(a, 1.0 / a)),
    PeerFunction("explicit_triangular_estimator", _of(window=5.0), lambda w: Triangle(1.0 / w, w)),
    PeerFunction(
        "arctan_estimator", _ALPHA_2, lambda a: Scaled(Atan(a), height=2.0 / (math.pi * a))
    ),
    PeerFunction(
        "boxcar_estimator",
        _of(window=5.0),
        lambda w: Scaled(Rectangle(2.0 * w), height=2.0 * w),
        "the window is half of the width",
    ),
    PeerFunction(
        "secant_lif_estimator",
        (),
        None,
        "it is a function of the input current, not of the distance to threshold.",
    ),
)

PEERS = (
    Peer("braintools", "0.3.0", "x >= 0", "scaled", _BRAINTOOLS),
    Peer("snntorch", "1.0.0", "x > 0", "raw", _SNNTORCH),
    Peer("norse", "1.1.0", "x > 0", "raw", _NORSE),
    Peer("spikingjelly", "2.0.0", "x >= 0", "raw", _SPIKINGJELLY),
    Peer("spyx", "1.0.0", "x > 0", "raw", _SPYX),
    Peer(
        "snnax",
        "0.0.1",
        "x >= 0",
        "raw",
        (
            PeerFunction(
                "superspike_surrogate",
                _of(beta=10.0),
                lambda b: Custom(primitives.logarithm, (1.0, b)),
                "1/(1 + beta |x|): SuperSpike without its square, of infinite area",
            ),
            PeerFunction(
                "piecewise_surrogate",
                _of(beta=0.5),
                lambda b: Scaled(Rectangle(2.0 * b), height=2.0 * b),
            ),
            PeerFunction(
                "sigmoid_surrogate",
                (),
                None,
                "it raises TypeError when called. Write Sigmoid(k=4.0).",
            ),
        ),
    ),
    Peer("sinabs", "3.1.3", "x >= 0", "raw", _SINABS),
    Peer(
        "lava-dl",
        "0.6.0",
        "x >= 0",
        "raw",
        (
            PeerFunction(
                "spike",
                _of(tau_grad=1.0, scale_grad=1.0, threshold=1.0),
                lambda tau, scale, th: Scaled(Exponential(1.0 / (tau * th)), height=scale),
                "the only one; its width scales with the threshold",
            ),
        ),
    ),
    Peer(
        "jaxsnn",
        "0.3.0",
        "x >= 0, 0.5 at 0",
        "raw",
        (PeerFunction("superspike", _of(alpha=80.0), FastSigmoid),),
    ),
    Peer(
        "jaxpike",
        "0.1.4",
        "x > 0",
        "raw",
        (
            PeerFunction("FastSigmoid", _of(slope=25.0), FastSigmoid, "the default of its neurons"),
            PeerFunction("ATan", _ALPHA_2, Atan),
            PeerFunction("Triangular", _of(width=1.0), lambda w: PiecewiseQuadratic(1.0 / w)),
            PeerFunction("Boxcar", _of(width=1.0), Rectangle),
        ),
    ),
    Peer(
        "sparx",
        "0.1.1",
        "x >= 0",
        "raw",
        (
            PeerFunction("ATan", _ALPHA_2, Atan),
            PeerFunction("Sigmoid", _of(alpha=4.0), Sigmoid),
            PeerFunction("FastSigmoid", _of(slope=25.0), FastSigmoid),
            PeerFunction(
                "Triangle", _of(width=1.0, scale=1.0), lambda w, scale: Triangle(scale / w, w)
            ),
            PeerFunction("Rectangle", _of(width=1.0), Rectangle),
            PeerFunction("Gaussian", _of(sigma=0.5), _normal),
            PeerFunction("StraightThrough", (), StraightThrough),
        ),
    ),
    Peer("ngc-learn", "3.2.3", "x > 0", "mV", _NGCLEARN),
    Peer(
        "jaxley",
        "1.0.0",
        "x >= 0",
        "mV",
        (PeerFunction("heaviside", _of(grad_scale=10.0), FastSigmoid, "the only one"),),
    ),
    Peer(
        "rockpool",
        "3.1.0",
        "x > 0",
        "raw",
        (
            PeerFunction(
                "step",
                (),
                None,
                "it counts ceil(ln(I/I_thr)) spikes of a current, with a gradient of 1 per "
                "ampere, about 1e-8. Use a surrogate of ln(I/I_thr).",
            ),
        ),
    ),
)
"""The libraries that `compat` knows."""
