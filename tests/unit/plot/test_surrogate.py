import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.surrogate import SHAPES, SurrogateError


@pytest.mark.parametrize("cls", SHAPES)
def test_it_shows_s_and_g_of_every_shape(cls):
    shape = cls()
    ax = rb.plot.surrogate(shape, reach=3.0)
    slope, step = (line for line in ax.lines if len(line.get_xdata()) > 2)
    x = slope.get_xdata()
    g = jax.vmap(jax.grad(shape))(jnp.asarray(x, jnp.result_type(float)))
    np.testing.assert_allclose(slope.get_ydata(), g, atol=1e-6)
    # S is the integral of g, and begins at zero where it has a beginning.
    rise = np.concatenate([[0], np.cumsum((g[1:] + g[:-1]) / 2 * np.diff(x))])
    shown = step.get_ydata()
    np.testing.assert_allclose(shown - shown[0], rise, atol=3e-3)
    if np.isfinite(shape.area):
        left = jnp.asarray([-1e6, x[0]], jnp.result_type(float))
        assert shown[0] == pytest.approx(float(jnp.diff(shape.primitive(left))[0]), abs=1e-5)


def test_one_shape_has_its_figures_in_the_legend_and_its_width_drawn():
    shape = rb.surrogate.Triangle(w=0.8)
    ax = rb.plot.surrogate(shape)
    (text,) = ax.get_legend().get_texts()
    figures = f"peak {shape.peak:.3g}, area {shape.area:.3g}, width {shape.width:.3g}"
    assert text.get_text() == f"Triangle: {figures}"
    (arrow,) = ax.texts
    (x0, y0), (x1, y1) = arrow.xy, arrow.xyann
    assert y0 == y1 == shape.peak / 2
    assert abs(x1 - x0) == pytest.approx(shape.width, abs=0.01)
    assert "v_th" in ax.get_xlabel()


def test_several_shapes_have_a_colour_each():
    shapes = [rb.surrogate.Sigmoid(), rb.surrogate.Atan(), rb.surrogate.Erf()]
    ax = rb.plot.surrogate(shapes)
    names = [text.get_text().split(":")[0] for text in ax.get_legend().get_texts()]
    assert names == ["Sigmoid", "Atan", "Erf"]
    colours = [line.get_color() for line in ax.lines if len(line.get_xdata()) > 2]
    assert colours[0::2] == colours[1::2] and len(set(colours)) == 3


@pytest.mark.parametrize(
    "wrong", [rb.surrogate.Sigmoid, "sigmoid", [], [rb.surrogate.Sigmoid()] * 7, [3.0]]
)
def test_what_is_no_surrogate_is_refused_with_the_cure(wrong):
    from matplotlib import pyplot

    with pytest.raises(SurrogateError, match=r"rb\.plot\.surrogate\(rb\.surrogate\.Sigmoid\(\)\)"):
        rb.plot.surrogate(wrong)
    assert pyplot.get_fignums() == []
