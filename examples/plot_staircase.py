"""
The staircase of the optimal set
================================

All globally optimal networks of two small problems, at every width. Below the critical width m* there are none. At m*
they are isolated points, several of them because neurons may be permuted. From M* + 1 on no point is isolated, and from
some width on all of them are connected. Dots are isolated points, areas are continua, and the counts are exact.
"""

# sphinx_gallery_thumbnail_number = 2

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


def draw(name):
    """Draw the staircase of a problem, and return its data and its optimal set."""
    X, y = problems[name]
    found = optimal_set(X, y, BETA)
    print(f"{name}: p* = {found.optimal_value:.4g}")
    for step in found.staircase(6):
        print(f"width {step['width']}: {step['n_components']:3d} components, {step['regime']}")
    StaircaseDisplay.from_set(found, max_width=6).plot(plt.subplots(figsize=(6.5, 4.8), layout="constrained")[1])
    plt.show()
    return X, y, found


# %%
# Two rows: one network of one neuron is optimal, at width 2 two isolated points stand beside a continuum, and from
# width 3 on all are connected.
draw("two rows")

# %%
# Three rows: six isolated networks of two neurons, twelve of three beside three continua, and all connected from 4 on.
X, y, found = draw("three rows, 120 degrees apart")
print(certify(found.minimal_network(), X, y, BETA))
