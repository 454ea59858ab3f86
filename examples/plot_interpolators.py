"""
Interpolators: one, or infinitely many
======================================

Networks of smallest norm through the same points. Whether there is one of them or infinitely many depends on what is
penalised. All networks are proven to have the smallest norm.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from convexnn.datasets.interpolator_continuum import make_interpolator_continuum
from convexnn.estimators.interpolator import MinNormReLUInterpolator
from convexnn.interpolation.free_bias import join_the_dots
from convexnn.interpolation.program import interpolation_problem

COLOURS = plt.get_cmap("cividis")(np.linspace(0.05, 0.85, 5))
DASHES = ("-", "--", "-.", ":", "-")
affine = {"fit_intercept": True, "skip_connection": True}


def draw(networks, labels, X, y, margin):
    """Draw networks on a figure of their own."""
    ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1]
    grid = np.linspace(X.min() - margin, X.max() + margin, 800)[:, None]
    colours = COLOURS[:: max(1, 5 // len(networks))]
    for network, label, colour, dashes in zip(networks, labels, colours, DASHES, strict=False):
        ax.plot(grid, network.predict(grid), dashes, color=colour, label=label, lw=2)
    ax.scatter(X, y, color="#d55e00", zorder=3, label="data")
    ax.set(xlabel="x", ylabel="f(x)")
    ax.legend(frameon=False)
    plt.show()


# %%
# A penalised bias and no free terms: a continuum. Five of infinitely many optimal networks; between the two points and
# outside them they differ.

data = make_interpolator_continuum(2, random_state=0)
model = MinNormReLUInterpolator().fit(data.X, data.y)
found, shares = model.optimal_set(), (0.0, 0.25, 0.5, 0.75, 1.0)
members = [found.network((1 - t) * found.vertices[0] + t * found.vertices[1]) for t in shares]
draw(members, [f"t = {t:g}" for t in shares], data.X, data.y, 1.5)
print(f"a continuum: cost {model.cost_:.4f}, unique: {model.is_unique_}")

# %%
# A bias without penalty, a free intercept and a free linear term: the function may bend once or twice, at one price.
X, y = np.arange(4.0)[:, None], np.array([0.0, 0.0, 1.0, 3.0])
model = MinNormReLUInterpolator(penalize_bias=False, **affine).fit(X, y)
problem = interpolation_problem(X, y, hidden_bias=True, penalize_bias=False, **affine)
dots = join_the_dots(problem)
members = [dots.network(problem), dots.network(problem, merged=dots.convex_runs[:1])]
draw(members, ["bends at the data", "one bend between"], X, y, 0.5)
print(f"free bias: cost {model.cost_:.4f}, unique: {model.is_unique_}")

# %%
# A penalised bias, a free intercept and a free linear term: the network is unique.
model = MinNormReLUInterpolator(**affine).fit(X, y)
draw([model.network_], ["the interpolator"], X, y, 0.5)
print(f"penalised bias: cost {model.cost_:.4f}, unique: {model.is_unique_}")

X, y = load_diabetes(return_X_y=True)
rows = np.unique(X[:, [2]], axis=0, return_index=True)[1][::8]
model = MinNormReLUInterpolator(hidden_bias=True, **affine).fit(X[rows][:, [2, 3]] * 20, y[rows] / 100)
print(f"{len(rows)} patients: cost {model.cost_:.6g}, {model.network_.width} neurons")
print(model.certificate_)
