"""Figures that go to files, without a window and without pyplot."""

from matplotlib.figure import Figure

SIZE, DPI = (8.0, 5.0), 130


def save_axes(draw, path):
    """Save a figure with the axes that ``draw(axes)`` has drawn on."""
    figure = Figure(figsize=SIZE, layout="constrained")
    draw(figure.add_subplot())
    figure.savefig(path, dpi=DPI)
