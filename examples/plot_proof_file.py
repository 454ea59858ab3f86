"""
A proof, cone by cone
=====================

A proof file says that no network of any width is better, and holds all that is needed to check it in exact arithmetic.
Here it is read and drawn. With two features and a bias every neuron has a direction on the unit sphere; the proof cuts
the sphere into cones, and on each of them bounds how much a neuron in it could lower the loss.

The picture shows one half of the sphere, seen along a vector of the basis whose orthants are the first cones. A cone
stays large where its bound is far below beta, and cones are small around the dots, two neurons of the optimal network,
where the bound is reached.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PolyCollection
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor
from convexnn.proofs import check_proof, checker, write_proof

X, y = load_diabetes(return_X_y=True)
X = scale(X[:, [2, 8]])  # body mass index, triglycerides
model = ConvexReLURegressor(beta="scale").fit(X, y)

with TemporaryDirectory() as folder:
    path = Path(folder) / "proof.npz"
    write_proof(path, model, X, y)
    size, verdict = path.stat().st_size, check_proof(path, X, y)
    header, arrays = checker.read_proof(path)

# The tree as the checker walks it: orthants of the basis, each cut along edges until it is a leaf.
basis = np.array([[int(entry) for entry in row] for row in header["basis"]], dtype=object)
splits, slopes, leaves = iter(arrays["splits"].tolist()), iter(arrays["slopes"][:, 0]), []
for cone, sign in checker.roots(basis, 1):
    stack = [cone]
    while stack:
        cone = stack.pop()
        kind, first, second, shift = next(splits)
        if kind == checker.LEAF:
            leaves.append((sign[0, 0], cone.astype(float), np.linalg.norm(next(slopes))))
        else:
            stack.extend(own for (own,) in checker.halves((cone,), first, second, shift))


neurons = model.network_.neurons[model.network_.output_weights > 0]
axes = basis.astype(float) / np.linalg.norm(basis.astype(float), axis=1, keepdims=True)
axes = axes[np.argsort(np.abs(axes @ neurons[0]))]  # the last one points to the first neuron, or away from it
axes[2] *= np.sign(axes[2] @ neurons[0])


def seen_from_above(directions):
    """The Lambert projection: areas on the picture are areas on the sphere."""
    u = directions / np.linalg.norm(directions, axis=1, keepdims=True) @ axes.T
    return u[:, :2] / np.sqrt(1 + np.maximum(u[:, 2:], 0))


def outline(cone):
    """The edges of a cone, arcs, as a polygon."""
    t = np.linspace(0, 1, 12)[:, None]
    return seen_from_above(np.vstack([(1 - t) * a + t * b for a, b in zip(cone, np.roll(cone, -1, 0), strict=True)]))


shown = [(outline(cone), norm) for sign, cone, norm in leaves if sign == 1 and cone.sum(0) @ axes[2] > 0]
fig, ax = plt.subplots(figsize=(5.6, 5), layout="constrained")
polygons = PolyCollection([corners for corners, _ in shown], edgecolor="white", linewidth=0.3, cmap="cividis")
polygons.set_array([norm / model.beta_ for _, norm in shown])
ax.add_collection(polygons)
ax.scatter(*seen_from_above(neurons[neurons @ axes[2] > 0]).T, color="#d55e00", edgecolor="white", zorder=3)
ax.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal")
ax.axis("off")
fig.colorbar(polygons, label="proven bound over beta", shrink=0.7)
plt.show()
print(f"{verdict.n_cones} cones in {size / 1000:.0f} kB: gap at most {float(verdict.relative_gap):.0e}")
print(model.certificate_)
