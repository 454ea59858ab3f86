"""
Re-basin, trained curves, and the exact path
============================================

Permuting the neurons of a network changes its weights, not its function. Much of the barrier between two networks can
be removed in this way, and more of it by a trained curve; between optimal networks there may be a path without any.
"""

from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor, optimal_set
from convexnn.landscape import bezier_path, gradient_descent, loss_barrier, match_neurons

BETA, TS = 0.1, np.linspace(0.0, 1.0, 201)

angles = np.deg2rad([0, 90, 180, 270])
X, y = np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(4)
found = optimal_set(X, y, BETA)
a, b = (found.network(masses, width=4) for masses in found.vertices)
permuted = [b.permuted(order) for order in permutations(range(4))]
best = min(permuted, key=lambda c: loss_barrier(a, c, X, y, BETA).barrier)
paired, crossed = (bezier_path(a, c, X, y, BETA, n_starts=16, random_state=0) for c in (b, best))
path = found.path(a, b)
curves = {
    "straight line": loss_barrier(a, b, X, y, BETA, n_points=201),
    "matched weights": loss_barrier(a, match_neurons(a, b).network, X, y, BETA, n_points=201),
    "best permutation": loss_barrier(a, best, X, y, BETA, n_points=201),
}
for name, record in curves.items():
    print(f"{name:24s}barrier {record.barrier:.10f}")
print(f"Bezier, active paired   barrier {paired.barrier:.6f}\nBezier, best permutation barrier {crossed.barrier:.6f}")
rise = max(path.objective(t) for t in TS) - found.optimal_value
print(f"{path}: rise {rise:.0e}")

# %%
# The two optimal networks of four unit vectors at right angles, at width 4. Matching the weights keeps the barrier of
# the straight line, the best of all 24 permutations halves it, a trained curve leaves 0.00042, the exact path nothing.
heights = {name: record.values for name, record in curves.items()}
heights |= {"Bezier, active neurons paired": [paired.objective(t) for t in TS]}
heights |= {"Bezier, best permutation": [crossed.objective(t) for t in TS]}
heights |= {"exact path": [path.objective(t) for t in TS]}
styles = (("#d55e00", "-"), ("#1f2a44", ":"), ("#b07800", "--"), ("#0072b2", "-."), ("#56b4e9", "-"), ("#1f2a44", "-"))
figure, ax = plt.subplots(figsize=(6.5, 5), layout="constrained")
for (colour, dashes), (name, values) in zip(styles, heights.items(), strict=True):
    ax.semilogy(TS, np.maximum(np.array(values) - found.optimal_value, 1e-17), dashes, color=colour, lw=2, label=name)
ax.set(xlabel="way from a to b", ylabel="objective above p*")
ax.legend(frameon=False, ncols=2, loc=(0.07, 0.22), columnspacing=1)
plt.show()

# %%
# Two runs of gradient descent on a hundred patients: matching lowers their barrier to a tenth, and the curve lowers it
# further. Both runs end above the optimum, so that no path of optima joins them.
X, y = load_diabetes(return_X_y=True)
X, y = scale(X[:100, [2, 3, 8]]), scale(y[:100])  # body mass index, blood pressure, triglycerides
runs = gradient_descent(X, y, 16, 1.0, n_runs=2, hidden_bias=True, random_state=0)
a, b = (network.balanced() for network in runs.networks)
matched = {f"matched by {method}": match_neurons(a, b, X, method).network for method in ("weights", "activations")}
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for (colour, dashes), (name, other) in zip(styles, {"as they are": b, **matched}.items(), strict=False):
    record = loss_barrier(a, other, X, y, 1.0, n_points=201)
    print(f"gradient descent, {name:24s}barrier {record.barrier:.6f}")
    ax.plot(record.ts, record.values, dashes, color=colour, lw=2, label=name)
curve = bezier_path(a, matched["matched by weights"], X, y, 1.0, n_starts=2, max_iter=200, random_state=0)
ax.plot(TS, [curve.objective(t) for t in TS], "-.", color="#0072b2", lw=2, label="Bezier between the matched")
print(f"gradient descent, {curve}")
ax.set(xlabel="way from a to b", ylabel="objective")
ax.legend(frameon=False, loc=(0.33, 0.35))
plt.show()
best = ConvexReLURegressor(beta=1.0, fit_intercept=False).fit(X, y)
print(f"objectives of the two runs {runs.objectives.round(4)}, the optimum {best.certificate_.primal:.6g}")
print(best.certificate_)
