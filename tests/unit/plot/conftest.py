import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_figure_is_left():
    from matplotlib import pyplot

    pyplot.close("all")
    yield
    pyplot.close("all")
