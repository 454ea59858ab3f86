"""
The top eigenvector: every saddle is strict
===========================================

The function ``1/4 ||M - x x^T||^2`` has its critical points at 0 and ``+-sqrt(lambda_i) v_i``. With M = diag(3, 2, 1)
only the two points of the largest eigenvalue are minima. All others are saddles with a negative eigenvalue of the
Hessian ``||x||^2 I + 2 x x^T - M``, and a small random push leads away from each. With r columns in the place of x, and
any symmetric M, a point that is nearly second-order stationary is nearly global: how nearly, a bound says. The
landscape of a neural network is harder: in the last lines one neuron on two opposite rows stops at a smooth point that
passes the same test and is no optimum, as its certificate shows.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import TwoLayerReLU, certify
from convexnn.landscape import (
    MatrixFactorization,
    function_regularity,
    improving_direction,
    is_second_order_stationary,
    second_order_point,
)

top = MatrixFactorization(np.diag([3.0, 2.0, 1.0]), 1)
points = {f"sqrt({k}) e{4 - k}": np.sqrt(k) * np.eye(3)[3 - k] for k in (3, 2, 1)} | {"0": np.zeros(3)}
for name, x in points.items():
    judged = second_order_point(top.gradient(x), top.hessian(x), 1e-9, 1e-9)
    spectrum = ", ".join(f"{round(float(eigenvalue), 9):g}" for eigenvalue in judged.eigenvalues)
    kind = "minimum" if judged else "maximum" if judged.eigenvalues.max() < 0 else "saddle"
    print(f"{name:10s} f = {top.value(x):.4g}, Hessian ({spectrum}), {kind}: {improving_direction(top, x)}")

rng, best = np.random.default_rng(0), points["sqrt(3) e1"]
for radius in (0.05, 0.3, 1.0):
    near = best + radius * rng.normal(size=(2000, 3)) / np.sqrt(3)
    print(f"around the minimum, spread {radius:g}: {function_regularity(top.value, top.gradient, near, best)}")

# %%
# The plane of the first two coordinates: from near each of three saddles (crosses) a small push leads to a minimum.
figure, ax = plt.subplots(figsize=(6.5, 5.2), layout="constrained")
grid = np.linspace(-2.2, 2.2, 81)
ax.contourf(grid, grid, [[np.log(top.value([a, b, 0.0]) - 1.2) for a in grid] for b in grid], 30, cmap="Blues_r")
styles = (("#0072b2", "-"), ("#d55e00", "--"), ("#1f2a44", ":"))
for (colour, dashes), start in zip(styles, list(points.values())[1:], strict=True):
    way = [start + 1e-3 * rng.normal(size=3)]
    for _ in range(300):
        way.append(way[-1] - 0.05 * top.gradient(way[-1]))
    ax.plot(*np.array(way)[:, :2].T, dashes, color=colour, lw=2.5)
ax.plot(*np.array([sign * x[:2] for x in points.values() for sign in (1, -1)]).T, "kx", ms=9)
ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
plt.show()

# %%
# Random symmetric matrices, three columns, at random points and near saddles: no point is higher above the least value
# than its gradient and its least eigenvalue allow (the line).
bounds, heights = [], []
for _ in range(200):
    M = rng.normal(size=(6, 6))
    function = MatrixFactorization(M + M.T, 3)
    eigenvalues, vectors = np.linalg.eigh(M + M.T)
    chosen = rng.permutation(6)[:3]
    saddle = vectors[:, chosen] * np.sqrt(np.maximum(eigenvalues[chosen], 0.0))
    centre = [saddle.ravel(), function.minimiser][rng.integers(2)]
    x = centre + 10.0 ** rng.uniform(-5, 1) * rng.normal(size=18)
    lowest = np.linalg.eigvalsh(function.hessian(x))[0]
    bounds.append(function.excess_bound(np.linalg.norm(function.gradient(x)), max(0.0, -lowest)))
    heights.append(function.value(x) - function.optimal_value)
print(f"largest share of the bound at {len(bounds)} points: {np.max(np.divide(heights, bounds)):.2f}")
figure, ax = plt.subplots(figsize=(6.5, 4.6), layout="constrained")
ax.loglog(bounds, heights, "o", ms=4, color="#0072b2", alpha=0.6)
ax.loglog([1e-2, 1e7], [1e-2, 1e7], color="#1f2a44")
ax.set(xlabel="bound by gradient and least eigenvalue", ylabel="value above the least")
plt.show()

X, y, neuron = [[1.0], [-1.0]], [1.0, 1.0], TwoLayerReLU([[np.sqrt(0.9)]], [np.sqrt(0.9)])
print(is_second_order_stationary(neuron, X, y, 0.1, 1e-9, 0.0))
print(certify(neuron, X, y, 0.1))
