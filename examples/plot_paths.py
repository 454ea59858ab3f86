"""
Paths between networks
======================

Four unit vectors at right angles have two optimal networks of two neurons. At width 2 and 3 no path of optimal networks
joins them, and ``path`` returns None. At width 4 it returns one, along which the objective stays at its minimum, while
it rises on the straight line. From width n + 1 on a path leads from any network to an optimal one, and the objective
never rises on it: here on forty patients of the diabetes data, from a random start.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor, TwoLayerReLU, certify, descent_path, optimal_set
from convexnn.plotting import PathDisplay

angles = np.deg2rad([0, 90, 180, 270])
found = optimal_set(np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(4), beta=0.1)
for width in (2, 3, 4):
    a, b = (found.network(masses, width) for masses in found.vertices)
    path = found.path(a, b)
    print(f"width {width}: {path or 'no path, the two lie in different components'}")

X, y = load_diabetes(return_X_y=True)
X, y = scale(X[:40][:, [2, 8]]), scale(y[:40])  # body mass index and triglycerides
model = ConvexReLURegressor(beta=1.0, tol=1e-9).fit(X, y)
target = model.network_.padded(len(y) + 1)
rng = np.random.default_rng(0)
start = TwoLayerReLU(
    rng.standard_normal((target.width, 2)),
    rng.standard_normal(target.width),
    hidden_bias=rng.standard_normal(target.width),
    intercept=0.0,
)
down = descent_path(start, target, X, y, beta=1.0)
print(f"{down}, largest rise {max(np.diff([down.objective(t) for t in np.linspace(0, 1, 1001)])):.1e}")

# %%
# Two optimal networks of width 4: the straight line between them climbs to four times the minimum; the path does not
# rise at all.
PathDisplay.from_path(path).plot(plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1])
plt.show()

# %%
# From a random network of width 41 to an optimal one: the path goes down in steps, and never up.
PathDisplay.from_path(down).plot(plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1])
plt.show()
print(certify(down(1), X, y, beta=1.0))
