"""What the pictures share: colours that are told apart in grey and by colour-blind eyes, and fresh axes."""

import matplotlib.pyplot as plt

INK, ACCENT, PALE, COLOURS = "#1f2a44", "#d55e00", "#8a94a6", "cividis"


def axes_or_new(ax):
    """Return `ax`, or the axes of a new figure when it is None."""
    return plt.subplots(layout="constrained")[1] if ax is None else ax
