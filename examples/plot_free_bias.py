"""
Hidden biases that cost nothing
===============================

Most libraries do not penalise biases. On one input the difference can be seen: where the hidden bias costs nothing, the
penalty is the total variation of the slope, and where it is penalised a bend at x costs ``sqrt(1 + x^2)`` times as
much. The penalty makes the optimal function unique, and sparse where few bends in a row go the same way; without it
there is a continuum. All networks below are proven optimal, each for its own objective.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor

COLOURS = {False: "#d55e00", True: "#0072b2"}
LABELS = {False: "free bias", True: "penalised bias"}


def bends(model):
    """Return where the network of a model bends between the data, neurons at one place counted once."""
    network = model.network_
    places = -network.hidden_bias / network.hidden_weights[:, 0]
    return np.unique(np.round(places[np.abs(places) < np.abs(X).max() - 1e-6], 6))


def compare(X, y, beta):
    """Fit with a free and with a penalised bias, draw both with their bends, and return the models."""
    ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1]
    grid, models = np.linspace(X.min(), X.max(), 1000)[:, None], {}
    for penalised, width in ((False, 5.0), (True, 1.8)):
        model = ConvexReLURegressor(beta, penalize_bias=penalised, skip_connection=True).fit(X, y)
        models[penalised], places = model, bends(model)
        label = f"{LABELS[penalised]}: {len(places)} bends"
        ax.plot(grid, model.predict(grid), color=COLOURS[penalised], lw=width, alpha=0.6 + 0.4 * penalised, label=label)
        marks = {"color": COLOURS[penalised], "s": 18 * width, "zorder": 3, "marker": "o"}
        ax.scatter(places, model.predict(places[:, None]), **marks)
        print(f"{label}, objective {model.certificate_.primal:.6g}, {model.status_}")
    ax.scatter(X, y, color="black", marker="x", s=40, zorder=4, label="data")
    ax.set(xlabel="x", ylabel="f(x)")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    plt.show()
    return models


# %%
# Points on two arcs, and next to no penalty: both functions pass through the points. The one with a free bias bends at
# data points, three times on each arc; any other convex function through an arc costs the same. The penalised bias has
# two bends between neighbours for every three, and no function through the points has fewer.
X = np.linspace(-2.0, 2.0, 9)[:, None]
compare(X, X[:, 0] * np.abs(X[:, 0]), 1e-3)

# %%
# Noise, and a penalty that counts: the free bias gives the piecewise linear trend filter.
rng = np.random.default_rng(0)
X = np.sort(rng.uniform(-3.0, 3.0, 60))[:, None]
models = compare(X, np.sin(2.0 * X[:, 0]) + 0.3 * rng.normal(size=60), 0.2)
print(models[False].certificate_)
