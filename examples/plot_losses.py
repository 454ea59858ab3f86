"""
Losses: outliers and quantiles
==============================

The diabetes data, progression over body mass index, with half of the patients for training, and a large number added to
every eighth target. Beside the networks are scikit-learn's linear models with the same losses, and MLPRegressor, which
has the squared loss only and ends at another network with every seed. The strengths are chosen from the data.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import HuberRegressor, LinearRegression, QuantileRegressor
from sklearn.metrics import mean_absolute_error, mean_pinball_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor

X, y = load_diabetes(return_X_y=True, scaled=False)
X = StandardScaler().fit_transform(X[:, [2]])
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
unit, rng = y.std(), np.random.default_rng(0)
y, y_test = y / unit, y_test / unit
dirty, hit = y.copy(), rng.choice(len(y), len(y) // 8, replace=False)
dirty[hit] += rng.uniform(4, 10, len(hit))
grid = np.linspace(X.min(), X.max(), 400)[:, None]
kinds = {"squared": ("#6b7588", ":"), "huber": ("#0072b2", "--"), "absolute": ("#d55e00", "-")}
ConvexReLURegressor(loss="huber").fit(X[:20], y[:20])  # compile first
models = {"linear, squared": [LinearRegression()], "linear, huber": [HuberRegressor()]}
models["linear, absolute"] = [QuantileRegressor(quantile=0.5, alpha=0)]
options = {"hidden_layer_sizes": 50, "solver": "lbfgs", "alpha": 1.0, "max_iter": 5000}
models["MLP, squared, 5 seeds"] = [MLPRegressor(**options, random_state=seed) for seed in range(5)]
models |= {f"network, {loss}": [ConvexReLURegressor(loss=loss)] for loss in kinds}
errors = {}
for name, several in models.items():
    started = time.process_time()
    errors[name] = [mean_absolute_error(y_test, model.fit(X, dirty).predict(X_test)) for model in several]
    seconds = (time.process_time() - started) / len(several)
    print(f"{name:22s} mean absolute error {min(errors[name]):.3f} to {max(errors[name]):.3f}, {seconds:.2f} s")

# %%
# Every eighth target is far too high. The squared loss follows these outliers; the other two hardly do.
fig, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
ax.scatter(X, dirty, s=10, color="#b8bfca")
for loss, place in (("squared", (2.3, 6.2)), ("huber", (-1.85, 1.35)), ("absolute", (2.4, 2.6))):
    colour, dashes = kinds[loss]
    ax.plot(grid, models[f"network, {loss}"][0].predict(grid), dashes, color=colour, linewidth=2.5)
    ax.text(*place, loss, color=colour, weight="bold")
ax.set(xlabel="body mass index (standardised)", ylabel="progression (standard deviations)")
plt.show()

# %%
# The errors on clean test rows, for the same losses: the loss decides, the model hardly.
ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")[1]
for row, (name, found) in enumerate(errors.items()):
    colour, marker = kinds[name.split(", ")[1]][0], "^" if "network" in name else "o"
    ax.plot(found, [row] * len(found), marker, color=colour, markersize=8, alpha=0.8)
ax.set(xlabel="mean absolute error on clean test rows (less is better)", yticks=range(7), yticklabels=list(models))
ax.grid(axis="x", alpha=0.3)
plt.show()

# %%
# On the untouched data the quantile loss gives a band: about eight of ten test patients are inside.
fig, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
ax.scatter(X_test, y_test, s=10, color="#1f2a44", alpha=0.5)
for q in (0.1, 0.5, 0.9):
    model = ConvexReLURegressor(loss="quantile", quantile=q).fit(X, y)
    for name, part in (("network", model), ("linear", QuantileRegressor(quantile=q, alpha=0).fit(X, y))):
        below = np.mean(y_test < (found := part.predict(X_test)))
        print(f"quantile {q}, {name:8s} loss {mean_pinball_loss(y_test, found, alpha=q):.4f}, {below:.0%} below")
    ax.plot(grid, model.predict(grid), color="#0072b2", linewidth=2)
    ax.text(3.45, model.predict(grid)[-1], f"{q:.0%}", color="#0072b2", va="center")
ax.set(xlabel="body mass index (standardised)", ylabel="progression (standard deviations)", xlim=(None, 4.0))
plt.show()
print(model.certificate_)
