"""Figures for files, without a window and without pyplot."""

from matplotlib.figure import Figure

# Figures of 8 by 5 inches.
FIGURE_INCHES = (8.0, 5.0)


def figure_of(draw):
    """Return a figure with the axes that ``draw(axes)`` has drawn on."""
    figure = Figure(figsize=FIGURE_INCHES, layout="constrained")
    draw(figure.add_subplot())
    return figure
