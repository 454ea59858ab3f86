"""
All optimal networks as a polytope
==================================

The masses of all optimal networks form a polytope. Its vertices are the networks that cannot be pruned, and all points
between them are optimal too. Left: three unit vectors, 120 degrees apart, with vertices of two and of three neurons.
Middle: seven vectors with alternating targets; the polytope is a polygon. Right: the progression of diabetes over the
body mass index of twenty patients, with a penalised hidden bias and a free linear term; a neuron may be replaced by its
mirror image as long as the linear parts add up to nothing.
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


X, y = load_diabetes(return_X_y=True, scaled=False)
problems = {
    "three unit vectors": (polygon(3), np.ones(3), {}),
    "seven, alternating": (polygon(7), (-1.0) ** np.arange(7), {}),
    "twenty patients": (scale(X[:20, [2]]), scale(y[:20]), {"hidden_bias": True, "skip_connection": True}),
}

figure = plt.figure(figsize=(16, 5), layout="constrained")
for k, (name, (X, y, flags)) in enumerate(problems.items(), start=1):
    found = optimal_set(X, y, 0.1, **flags)
    ax = figure.add_subplot(1, 3, k, projection="3d" if found.dimension == 3 else None)
    display = OptimalPolytopeDisplay.from_set(found).plot(ax)
    ax.set_title(f"{name}: dimension {found.dimension}, {len(found.vertices)} vertices")
    counts = dict(zip(*np.unique(display.n_neurons, return_counts=True), strict=True))
    print(f"{name}: {found}")
    print("  " + ", ".join(f"{count} vertices of {size} neurons" for size, count in counts.items()))
plt.show()

print(certify(found.minimal_network(), X, y, 0.1))
