"""
Activation patterns, all of them
================================

The output of a ReLU layer on n rows depends on the rows on which each neuron is active: its activation pattern. The
rows cut the sphere of neurons into finitely many cells, and each cell is a pattern.

Here are 12 patients of the diabetes data with two measurements. Each patient is a great circle on which a neuron
``(u_1, u_2, bias)`` switches, and each cell is a pattern; the half with a positive bias is seen from above (Lambert's
equal-area map). The neurons of the proven optimum, which the convex program over all patterns finds, often lie where
circles meet.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor, count_patterns, enumerate_patterns

X, y = load_diabetes(return_X_y=True, scaled=False)
rows = np.random.default_rng(0).choice(len(X), 12, replace=False)
X, y = scale(X[rows][:, [2, 3]]), scale(y[rows])  # body mass index and blood pressure
design = np.hstack([X, np.ones((len(X), 1))])

patterns = enumerate_patterns(design)
print(f"{len(patterns)} patterns of {len(X)} rows in {design.shape[1]} dimensions; at most {count_patterns(design)}")
model = ConvexReLURegressor(beta=0.4, solver="cvxpy", patterns="exact").fit(X, y)


def on_map(u):
    """Place neurons with a positive bias on the map; the rim is where the bias is zero."""
    u = u / np.linalg.norm(u, axis=1, keepdims=True)
    return (u[:, :2] / np.sqrt(1 + u[:, 2:])).T


side = np.linspace(-1, 1, 600)
p, q = np.meshgrid(side, side)
height = 1 - p**2 - q**2
inside = height >= 0  # np.sqrt below sees only negative numbers above -1
sphere = np.stack([p * np.sqrt(1 + height), q * np.sqrt(1 + height), height])[:, inside]
values = np.full((len(X), 600, 600), np.nan)
values[:, inside] = design @ sphere
active = np.where(inside, (values >= 0).sum(axis=0), np.nan)

fig, ax = plt.subplots(figsize=(7, 6.6), layout="constrained")
cells = ax.imshow(active, extent=(-1, 1, -1, 1), origin="lower", cmap=plt.get_cmap("cividis", len(X) + 1))
cells.set_clim(-0.5, len(X) + 0.5)
for row in values:
    ax.contour(side, side, row, levels=[0], colors="white", linewidths=1)
gates = patterns.gates[patterns.gates[:, 2] > 0]
ax.plot(*on_map(gates), "o", color="white", markeredgecolor="#1f2a44", ms=4, label="a gate: one point of each cell")
neurons = model.network_.neurons
for sign, fill, label in ((1, "#d55e00", "a neuron of the optimum"), (-1, "white", "a neuron, seen from -u")):
    places = on_map(sign * neurons[sign * neurons[:, 2] > 0])
    ax.plot(*places, "*", color="#d55e00", markerfacecolor=fill, markersize=17, markeredgewidth=1.5, label=label)
ax.add_patch(plt.Circle((0, 0), 1, fill=False, color="#1f2a44", linewidth=2))
ax.set(title=f"12 patients, {len(patterns)} patterns: half of the sphere of neurons", xticks=[], yticks=[])
ax.set(
    xlabel="weight of the body mass index",
    ylabel="weight of the blood pressure",
    xlim=(-1.02, 1.02),
    ylim=(-1.02, 1.02),
)
ax.set_frame_on(False)
fig.legend(loc="outside lower center", ncols=3, frameon=False, columnspacing=1)
fig.colorbar(cells, ticks=range(len(X) + 1), label="patients on which the neuron is active")
plt.show()
print(model.certificate_)
