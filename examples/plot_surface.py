"""
The surface between optimal networks
====================================

Four unit vectors at right angles have two optimal networks a and b. At width 4 an exact path leads from one to the
other without any rise; here the surface is cut by two planes, one through both networks and one at random.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import certify, optimal_set
from convexnn.landscape import bezier_path, loss_barrier, plane_grid

BETA = 0.1

angles = np.deg2rad([0, 90, 180, 270])
X, y = np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(4)
found = optimal_set(X, y, BETA)
a, b = (found.network(masses, width=4) for masses in found.vertices)
b = b.permuted([2, 3, 0, 1])  # active neurons beside zero neurons
curve = bezier_path(a, b, X, y, BETA, n_starts=4, random_state=0)
through = plane_grid([a, b, curve.bend], X, y, BETA, n_points=121)
around = plane_grid(a, X, y, BETA, n_points=121, random_state=0)
print(f"straight line: {loss_barrier(a, b, X, y, BETA)}\n{curve}\n{through}\n{around}")

# %%
# The plane through a, b and the bend c of the best Bezier curve that was found between them: the curve goes round the
# barrier of the straight line, and its highest point is 0.00042 above the minimum.
left = plt.subplots(figsize=(6.5, 5), layout="constrained")[1]
through.plot(left)
ts = np.linspace(0.0, 1.0, 101)[:, None]
line = (1 - ts) ** 2 * through.points[0] + 2 * ts * (1 - ts) * through.points[2] + ts**2 * through.points[1]
left.plot(*line.T, color="white", label="Bezier curve")
left.plot(*through.points[:2].T, "--", color="white", label="straight line")
left.legend(frameon=False, labelcolor="white", loc="lower center")
left.set_title("")
plt.show()

# %%
# Around a, along two random directions that are as long at every neuron as the neuron itself: the minimum looks like a
# bowl, and the valley that leads to b cannot be seen.
around.plot(plt.subplots(figsize=(6.5, 5), layout="constrained")[1]).ax_.set_title("")
plt.show()
print(certify(a, X, y, beta=BETA))
