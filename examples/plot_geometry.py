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
problems = {
    "two rows": (np.array([[-np.sqrt(3), 1.0], [np.sqrt(3), 1.0]]), np.ones(2)),
    "three rows, 120 degrees apart": (np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(3)),
}
figure = plt.figure(figsize=(13, 9), layout="constrained")
for column, (name, (X, y)) in enumerate(problems.items(), start=1):
    found = optimal_set(X, y, BETA)
    projection = "3d" if len(X) == 3 else None
    ellipsoid = RectifiedEllipsoidDisplay.from_set(found).plot(figure.add_subplot(2, 2, column, projection=projection))
    ellipsoid.ax_.set_title(f"{name}: {len(found.signs)} optimal directions")
    DualFunctionDisplay.from_set(found).plot(figure.add_subplot(2, 2, column + 2))
    print(f"{name}: {len(found.signs)} optimal directions, a face of dimension {np.linalg.matrix_rank(found.fits) - 1}")
plt.show()
print(certify(found.minimal_network(), X, y, BETA))
