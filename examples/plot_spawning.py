"""
Forking a run of gradient descent
=================================

A run of stochastic gradient descent is forked after k steps: two copies go on with batches of their own. Forked in the
first steps, they end in places between which the straight line climbs over a barrier; forked later, the noise hardly
parts them. Points are single runs, the lines their means. Matching the neurons takes most of the first barriers away:
they were permutations. The convex program gives the smallest objective there is, with its proof, to judge the ends by.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor, TwoLayerReLU
from convexnn.landscape import loss_barrier, match_neurons

BETA, WIDTH, BATCH, STEP, N_STEPS, N_RUNS = 0.5, 16, 5, 0.015, 2000, 6
FORKS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]

X, y = load_diabetes(return_X_y=True)
X, y = scale(X[:100, [2, 3, 8]]), scale(y[:100])  # body mass index, blood pressure, triglycerides


def descend(neurons, outputs, n_steps, rng):
    """Stochastic gradient descent from these weights; every batch has its share of the penalty."""
    neurons, outputs = neurons.copy(), outputs.copy()
    for _ in range(n_steps):
        rows = rng.integers(len(y), size=BATCH)
        activations = np.maximum(X[rows] @ neurons.T, 0.0)
        residual, share = activations @ outputs - y[rows], BETA * BATCH / len(y)
        slope = ((activations > 0) * np.outer(residual, outputs)).T @ X[rows] + share * neurons
        outputs -= STEP * (activations.T @ residual + share * outputs)
        neurons -= STEP * slope
    return neurons, outputs


barriers, ends = np.zeros((2, N_RUNS, len(FORKS))), []
for run in range(N_RUNS):
    rng = np.random.default_rng(run)
    trunk, done = (rng.standard_normal((WIDTH, 3)), rng.standard_normal(WIDTH)), 0
    for k, fork in enumerate(FORKS):
        trunk, done = descend(*trunk, fork - done, rng), fork
        a, b = (TwoLayerReLU(*descend(*trunk, N_STEPS - fork, np.random.default_rng([run, k, c]))) for c in (0, 1))
        barriers[0, run, k] = loss_barrier(a, b, X, y, BETA).barrier
        barriers[1, run, k] = loss_barrier(a, match_neurons(a, b).network, X, y, BETA).barrier
        ends += [a, b]

for fork, plain, after in zip(FORKS, *barriers.mean(axis=1), strict=True):
    print(f"forked after {fork:3d} steps: mean barrier {plain:.5f}, after matching {after:.5f}")
best = ConvexReLURegressor(beta=BETA, hidden_bias=False, fit_intercept=False).fit(X, y)
values = [network.objective(X, y, BETA) for network in ends]
print(f"objectives from {min(values):.6g} to {max(values):.6g}; no network is below {best.certificate_.dual:.6g}")

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for heights, colour, name in zip(barriers, ("#1f2a44", "#d55e00"), ("as they are", "neurons matched"), strict=True):
    ax.plot(FORKS, heights.T, "o", color=colour, alpha=0.4)
    ax.plot(FORKS, heights.mean(axis=0), color=colour, label=name)
ax.set_xscale("symlog", linthresh=1)
ax.set(xlabel="steps before the fork", ylabel="barrier between the two ends", xticks=FORKS, xticklabels=FORKS)
ax.legend(frameon=False)
plt.show()
print(best.certificate_)
