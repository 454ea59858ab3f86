"""
Exponentially many minima of a single neuron
============================================

The model is one sigmoid neuron without bias, with the loss ``sum_t (3/4 - sigmoid(w x_t))^2`` and x_t = 10^-t. Each
point has a minimum at its own scale of w and is flat at all other scales, so that n points make n local minima (Auer,
Herbster, Warmuth, NIPS 1995). With n such points on each of d axes the loss is a sum over the axes, and the minima are
all combinations, n^d of them. The signs of the derivative find all minima of the picture. The last lines train a ReLU
network with weight decay on the same data to a proven optimum.
"""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from convexnn import ConvexReLURegressor
from convexnn.landscape import second_order_point


def loss(w, n):
    x = 10.0 ** -np.arange(1, n + 1)
    return np.sum((0.75 - expit(np.multiply.outer(w, x))) ** 2, axis=-1)


def slope(w, n, power=1):
    """First derivative, or the second one for power 2."""
    x = 10.0 ** -np.arange(1, n + 1)
    s = expit(w * x)
    first = -2 * (0.75 - s) * s * (1 - s)
    second = 2 * (s * (1 - s)) ** 2 - 2 * (0.75 - s) * s * (1 - s) * (1 - 2 * s)
    return float(np.sum((first if power == 1 else second) * x**power))


def minima(n):
    grid = np.logspace(-1, n + 2, 4000)
    signs = np.array([np.sign(slope(w, n)) for w in grid])
    wells = np.flatnonzero((signs[:-1] < 0) & (signs[1:] > 0))
    return np.array([brentq(slope, grid[k], grid[k + 1], args=(n,), xtol=1e-12, rtol=1e-14) for k in wells])


# %%
# One axis: every further point adds a minimum, ten times as far out and no worse than the others by much.
grid = np.logspace(0, 7, 1200)
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
shades = plt.get_cmap("cividis")(np.linspace(0.0, 0.85, 5))
for n in range(1, 6):
    wells = minima(n)
    curvature = [slope(w, n, 2) * w**2 for w in wells]
    print(f"n = {n}: {len(wells)} minima, losses {np.array2string(loss(wells, n), precision=5)}")
    print(f"       smallest curvature in log w {min(curvature):.3g}")
    ax.semilogx(grid, loss(grid, n), color=shades[n - 1])
    ax.annotate(f"n = {n}", (grid[-1], loss(grid[-1], n)), xytext=(4, 4), textcoords="offset points", ha="right")
    ax.semilogx(wells, loss(wells, n), "k.")
ax.set(xlabel="w", ylabel="loss", ylim=(-0.015, 0.34))
plt.show()

# %%
# Two axes with four points each: the white dots are all combinations of the four minima.
wells = minima(4)
pairs = np.array(list(product(wells, wells)))
passed = [
    second_order_point(
        [slope(a, 4) * a, slope(b, 4) * b], np.diag([slope(a, 4, 2) * a**2, slope(b, 4, 2) * b**2]), 1e-9, 0.0
    ).is_stationary
    for a, b in pairs
]
print(f"two axes, n = 4: {sum(passed)} of {len(pairs)} combinations are second-order stationary (in log w)")
zoom = np.logspace(0.3, 5.5, 300)
figure, ax = plt.subplots(figsize=(6.5, 4.8), layout="constrained")
filled = ax.contourf(zoom, zoom, np.add.outer(loss(zoom, 4), loss(zoom, 4)), 40, cmap="cividis")
figure.colorbar(filled, label="loss", ticks=[0.35, 0.4, 0.45, 0.5])
ax.plot(*pairs.T, "w.")
ax.set(xscale="log", yscale="log", xlabel="$w_1$", ylabel="$w_2$")
plt.show()
model = ConvexReLURegressor(beta=0.01, fit_intercept=False).fit(10.0 ** -np.arange(1, 6)[:, None], np.full(5, 0.75))
print(model.certificate_)
