"""
The geometry of an optimum
==========================

The fits ``(X u)_+`` of neurons of mass one form an ellipsoid whose negative coordinates are set to zero. The hull of
these fits and their negatives is the unit ball of a norm, and weight decay penalises this norm of the fit. The optimal
fit lies on a face of the ball. The dual optimum is the normal of this face, and the optimal directions are its corners:
on the circle of all directions the dual function touches beta there. If the face has more corners than its dimension
needs, there are many optimal networks.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import certify, optimal_set
from convexnn.plotting import DualFunctionDisplay, RectifiedEllipsoidDisplay

BETA = 0.1

angles = np.deg2rad([0, 120, 240])
three = np.column_stack([np.cos(angles), np.sin(angles)])


def draw(display, found, height=4.6):
    """Draw a display on a figure of its own."""
    in_space = display is RectifiedEllipsoidDisplay and len(found.problem.design) == 3
    figure = plt.figure(figsize=(6.5, height), layout="constrained")
    display.from_set(found).plot(figure.add_subplot(projection="3d" if in_space else None))
    plt.show()


found = optimal_set([[-np.sqrt(3), 1.0], [np.sqrt(3), 1.0]], np.ones(2), BETA)
print(f"two rows: {len(found.signs)} optimal directions, a face of dimension {np.linalg.matrix_rank(found.fits) - 1}")

# %%
# Two rows: the fits of single neurons are the thick curve, the unit ball is the square, and the optimum (star) lies on
# an edge of it. Three neurons reach this edge, and every mixture of them that gives the star is optimal.
draw(RectifiedEllipsoidDisplay, found)

# %%
# The same optimum seen from the dual side: over the circle of directions the dual function touches the level beta three
# times, at the three neurons.
draw(DualFunctionDisplay, found, 3.8)

# %%
# Three rows, 120 degrees apart: the face is a triangle, and six neurons reach it.
found = optimal_set(three, np.ones(3), BETA)
print(f"three rows: {len(found.signs)} optimal directions, a face of dimension {np.linalg.matrix_rank(found.fits) - 1}")
draw(RectifiedEllipsoidDisplay, found, 5.2)

# %%
# Six times the dual function touches beta.
draw(DualFunctionDisplay, found, 3.8)
print(certify(found.minimal_network(), three, np.ones(3), BETA))
