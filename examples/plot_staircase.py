"""
The staircase of the optimal set
================================

All globally optimal networks of two small problems, at every width. Below the critical width m* there are none. At m*
they are isolated points, several of them because neurons may be permuted. From M* + 1 on no point is isolated, and from
some width on all of them are connected. Dots are isolated points, areas are continua, and the counts are exact.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import certify, optimal_set
from convexnn.plotting import StaircaseDisplay

BETA = 0.1

angles = np.deg2rad([0, 120, 240])
problems = {
    "two rows": (np.array([[-np.sqrt(3), 1.0], [np.sqrt(3), 1.0]]), np.ones(2)),
    "three rows, 120 degrees apart": (np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(3)),
}
figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
for ax, (name, (X, y)) in zip(axes, problems.items(), strict=True):
    found = optimal_set(X, y, BETA)
    StaircaseDisplay.from_set(found, max_width=6).plot(ax)
    ax.set_title(f"{name}: p* = {found.optimal_value:.4g}", pad=32)
    for step in found.staircase(6):
        print(f"width {step['width']}: {step['n_components']:3d} components, {step['regime']}")
plt.show()
print(certify(found.minimal_network(), X, y, BETA))
