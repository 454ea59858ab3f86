"""
The geometry of an optimum
==========================

Neurons of mass one give the fits ``(X u)_+``, an ellipsoid with its negative coordinates cut to zero. The hull of these
and their negatives is the unit ball of the norm that weight decay amounts to, and the dual optimum is the normal of the
face on which the optimal fit lies. The corners of the face are the optimal directions: where, on the circle of all
directions, the dual function touches beta. A face with more corners than its dimension needs has many optimal networks.
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
