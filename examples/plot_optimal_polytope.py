"""
All optimal networks as a polytope
==================================

The masses of all optimal networks form a polytope. Its vertices are the networks that cannot be pruned, and all points
between them are optimal too. Three problems whose polytopes can be drawn: three unit vectors, seven unit vectors with
alternating targets, and the progression of diabetes over the body mass index of twenty patients, with a penalised
hidden bias and a free linear term.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import certify, optimal_set
from convexnn.plotting import OptimalPolytopeDisplay


def polygon(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])


def draw(name, found):
    """Draw the polytope of an optimal set on a figure of its own, and count its vertices."""
    figure = plt.figure(figsize=(6.5, 4.4), layout="constrained")
    ax = figure.add_subplot(projection="3d" if found.dimension == 3 else None)
    display = OptimalPolytopeDisplay.from_set(found).plot(ax)
    ax.set_title(f"{name}: dimension {found.dimension}, {len(found.vertices)} vertices")
    counts = dict(zip(*np.unique(display.n_neurons, return_counts=True), strict=True))
    print(f"{name}: {found}")
    print("  " + ", ".join(f"{count} vertices of {size} neurons" for size, count in counts.items()))
    plt.show()


# %%
# Three unit vectors, 120 degrees apart: two pyramids on one triangle. The corners of the triangle are networks of two
# neurons, the tips are networks of three.
draw("three unit vectors", optimal_set(polygon(3), np.ones(3), 0.1))

# %%
# Seven vectors with alternating targets: the polytope is a polygon, and all its corners have six neurons.
draw("seven, alternating", optimal_set(polygon(7), (-1.0) ** np.arange(7), 0.1))

# %%
# Twenty patients: a neuron may be replaced by its mirror image as long as the linear parts add up to nothing, which
# makes a solid of ten corners.
X, y = load_diabetes(return_X_y=True, scaled=False)
X, y = scale(X[:20, [2]]), scale(y[:20])
found = optimal_set(X, y, 0.1, hidden_bias=True, skip_connection=True)
draw("twenty patients", found)

print(certify(found.minimal_network(), X, y, 0.1))
