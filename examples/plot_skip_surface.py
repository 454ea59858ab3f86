"""
Surfaces with and without a skip connection
===========================================

A linear term beside the neurons, without weight decay, changes the landscape of deep networks much (Li, Xu, Taylor,
Studer and Goldstein, 2018). In two layers the optimal values are often the same: a neuron may be exchanged for its
opposite and a linear function, and then the skip connection saves neurons and not loss. In planes around the two optima
the share where the surface is not convex goes either way. Descent tells a difference: with the skip it mostly ends
nearer to p*.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor, certify
from convexnn.landscape import gradient_descent, plane_grid

BETA, WIDTH = 0.1, 8


def data(seed):
    """Twenty rows with a linear trend and noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, 3))
    return X, 2 * X @ rng.normal(size=3) + rng.normal(size=20)


def optimum(X, y, skip):
    """The optimal network, with a proof."""
    terms = {"hidden_bias": False, "fit_intercept": False, "skip_connection": skip}
    return ConvexReLURegressor(BETA, random_state=0, **terms).fit(X, y).network_


def excess(X, y, skip, best):
    """Medians over runs of what the objective is above the optimum, relative to it."""
    runs = gradient_descent(X, y, WIDTH, BETA, n_runs=10, max_iter=5000, skip_connection=skip, random_state=0)
    return np.median(runs.objectives) / best - 1


def not_convex(plane):
    """Share of the grid at which the second differences have a negative eigenvalue."""
    axes = plane.second, plane.first
    up, right = np.gradient(plane.values, *axes)
    (up_up, up_right), (_, right_right) = np.gradient(up, *axes), np.gradient(right, *axes)
    return np.mean((up_up * right_right < up_right**2) | (right_right < 0))


nearer = []
for seed in range(10):
    X, y = data(seed)
    networks = [optimum(X, y, skip) for skip in (False, True)]
    values = [network.objective(X, y, BETA) for network in networks]
    ends = [excess(X, y, skip, value) for skip, value in zip((False, True), values, strict=True)]
    nearer.append(ends[1] < ends[0])
    planes = [plane_grid(network, X, y, BETA, reach=1.5, random_state=0) for network in networks]
    print(
        f"data {seed}: p* {values[0]:.4f}, {values[1]:.4f} with the skip; neurons {networks[0].width}, "
        f"{networks[1].width}; ends above p* {ends[0]:.0%}, {ends[1]:.0%}; not convex on "
        f"{not_convex(planes[0]):.0%}, {not_convex(planes[1]):.0%} of the plane"
    )
print(f"descent ends nearer with the skip on {sum(nearer)} of 10 data sets")

# %%
# Around the optimum of the last data without a skip connection: two random directions, as long at every neuron as the
# neuron itself, and the logarithm of the objective.
planes[0].plot(plt.subplots(figsize=(6.5, 5), layout="constrained")[1]).ax_.set_title("")
plt.show()

# %%
# Around the optimum with a skip connection, whose linear term stays as it is: again a bowl, and not a rounder one.
planes[1].plot(plt.subplots(figsize=(6.5, 5), layout="constrained")[1]).ax_.set_title("")
plt.show()
print(certify(networks[1], X, y, BETA))
