"""Figures for files, without a window and without pyplot."""

from matplotlib.figure import Figure

SIZE = (8.0, 5.0)  # inches


def figure_of(draw):
    """Return a figure with the axes that ``draw(axes)`` has drawn on."""
    figure = Figure(figsize=SIZE, layout="constrained")
    draw(figure.add_subplot())
    return figure
