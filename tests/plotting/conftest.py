"""No picture is left open, and none needs a screen."""

import pytest

pyplot = pytest.importorskip("matplotlib.pyplot")
pyplot.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    pyplot.close("all")
    yield
    pyplot.close("all")
