"""
The top eigenvector: every saddle is strict
===========================================

The function ``1/4 ||M - x x^T||^2`` has its critical points at 0 and ``+-sqrt(lambda_i) v_i``. With M = diag(3, 2, 1)
only the two points of the largest eigenvalue are minima. All others are saddles with a negative eigenvalue of the
Hessian ``||x||^2 I + 2 x x^T - M``, and a small random push leads away from each. The landscape of a neural network is
harder: in the last lines one neuron on two opposite rows stops at a smooth point that passes the same test and is no
optimum, as its certificate shows.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import TwoLayerReLU, certify
from convexnn.landscape import function_regularity, is_second_order_stationary, second_order_point

M = np.diag([3.0, 2.0, 1.0])


def value(x):
    return 0.25 * np.sum((M - np.outer(x, x)) ** 2)


def gradient(x):
    return (x @ x) * x - M @ x


def hessian(x):
    return (x @ x) * np.eye(3) + 2 * np.outer(x, x) - M


points = {f"sqrt({k}) e{4 - k}": np.sqrt(k) * np.eye(3)[3 - k] for k in (3, 2, 1)} | {"0": np.zeros(3)}
for name, x in points.items():
    judged = second_order_point(gradient(x), hessian(x), 1e-9, 1e-9)
    spectrum = ", ".join(f"{round(float(eigenvalue), 9):g}" for eigenvalue in judged.eigenvalues)
    kind = "minimum" if judged else "maximum" if judged.eigenvalues.max() < 0 else "saddle"
    print(f"{name:10s} f = {value(x):.4g}, Hessian ({spectrum}), {kind}")

rng, best = np.random.default_rng(0), points["sqrt(3) e1"]
for radius in (0.05, 0.3, 1.0):
    near = best + radius * rng.normal(size=(2000, 3)) / np.sqrt(3)
    print(f"around the minimum, spread {radius:g}: {function_regularity(value, gradient, near, best)}")

# %%
# The plane of the first two coordinates: from near each of three saddles (crosses) a small push leads to a minimum.
figure, ax = plt.subplots(figsize=(6.5, 5.2), layout="constrained")
grid = np.linspace(-2.2, 2.2, 221)
plane = np.array([[value(np.array([a, b, 0.0])) for a in grid] for b in grid])
ax.contourf(grid, grid, np.log(plane - 1.2), 30, cmap="Blues_r")
styles, ways = (("#0072b2", "-"), ("#d55e00", "--"), ("#1f2a44", ":")), {}
for (colour, dashes), (name, start) in zip(styles, list(points.items())[1:], strict=True):
    way = [start + 1e-3 * rng.normal(size=3)]
    for _ in range(300):
        way.append(way[-1] - 0.05 * gradient(way[-1]))
    ways[name] = np.array(way)
    ax.plot(*ways[name][:, :2].T, dashes, color=colour, lw=2.5)
ax.plot(*np.array([sign * x[:2] for x in points.values() for sign in (1, -1)]).T, "kx", ms=9)
ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
plt.show()

# %%
# The value on the way: each run waits at its saddle, whose name it has here, and all of them end at 1.25.
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for (colour, dashes), (name, way), place in zip(styles, ways.items(), ((100, 2.55), (4, 3.05), (4, 3.58)), strict=True):
    ax.plot([value(x) for x in way], dashes, color=colour, lw=2.5)
    ax.text(*place, name, color=colour)
ax.set(xlabel="steps of gradient descent", ylabel="f", ylim=(1.1, 3.8))
plt.show()

neuron = TwoLayerReLU([[np.sqrt(0.9)]], [np.sqrt(0.9)])
X, y = [[1.0], [-1.0]], [1.0, 1.0]
print(is_second_order_stationary(neuron, X, y, 0.1, 1e-9, 0.0))
print(certify(neuron, X, y, 0.1))
