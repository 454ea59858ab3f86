"""
Losses: outliers and quantiles
==============================

The diabetes data, progression over body mass index, with half of the patients for training. A large number is added to
every eighth target. The squared loss follows these outliers; the huber and the absolute loss hardly do. On the original
data the quantile loss gives bands. Beside the networks are scikit-learn's linear models with the same losses, and
MLPRegressor, which has the squared loss only and ends at another network with every seed. Errors are on patients
without added noise. The regularization strengths of the networks are chosen from the data. With outliers the networks
predict about as well as the linear models with the same losses; the bands of the networks are slightly better.
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
y, y_test = y / unit, y_test / unit  # of standard deviation one
dirty, hit = y.copy(), rng.choice(len(y), len(y) // 8, replace=False)
dirty[hit] += rng.uniform(4, 10, len(hit))
grid = np.linspace(X.min(), X.max(), 400)[:, None]
colours = {"squared": "#8a94a6", "huber": "#0072b2", "absolute": "#d55e00"}
styles = {"squared": ":", "huber": "--", "absolute": "-"}

ConvexReLURegressor(loss="huber").fit(X[:20], y[:20])  # compile first
models = {"linear, squared": [LinearRegression()], "linear, huber": [HuberRegressor()]}
models["linear, absolute"] = [QuantileRegressor(quantile=0.5, alpha=0)]
models["MLP, squared, 5 seeds"] = [
    MLPRegressor(hidden_layer_sizes=50, solver="lbfgs", alpha=1.0, max_iter=5000, random_state=s) for s in range(5)
]
models |= {f"network, {loss}": [ConvexReLURegressor(loss=loss)] for loss in colours}
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
for row, (name, several) in enumerate(models.items()):
    started = time.perf_counter()
    errors = [mean_absolute_error(y_test, model.fit(X, dirty).predict(X_test)) for model in several]
    seconds = (time.perf_counter() - started) / len(several)
    print(f"{name:22s} mean absolute error {min(errors):.3f} to {max(errors):.3f}, {seconds:.2f} s")
    loss = name.split(", ")[1]
    marker = "^" if "network" in name else "o" if "MLP" in name else "s"
    height = row + 0.12 * np.linspace(-1, 1, len(errors)) * (len(errors) > 1)
    right.scatter(errors, height, color=colours[loss], marker=marker)
    if "network" in name:
        left.plot(grid, several[0].predict(grid), styles[loss], color=colours[loss], linewidth=2.5, label=loss)
left.scatter(X, dirty, s=8, color="#b8bfca", label="training data")
left.set(xlabel="body mass index (standardised)", ylabel="progression (standard deviations)", title="With outliers")
left.set_ylim(top=19)  # room for the legend
left.legend(frameon=False, loc="upper left", ncols=2)
right.set_yticks(range(len(models)), list(models))
right.set(xlabel="mean absolute error on clean test rows", title="Less is better", xlim=(0, 1.25))

print("pinball loss and share of test targets below, untouched data")
fits = {}
for q, style in ((0.1, "--"), (0.5, "-"), (0.9, "-.")):
    model = ConvexReLURegressor(loss="quantile", quantile=q).fit(X, y)
    line = QuantileRegressor(quantile=q, alpha=0).fit(X, y)
    for name, part in (("network", model), ("linear", line)):
        found = part.predict(X_test)
        print(f"  {q} {name:8s} {mean_pinball_loss(y_test, found, alpha=q):.4f} {np.mean(y_test < found):.3f}")
    fits[q] = model.predict(grid)
    middle.plot(grid, fits[q], style, color="#0072b2", linewidth=2, label=f"quantile {q}")
middle.fill_between(grid[:, 0], fits[0.1], fits[0.9], color="#0072b2", alpha=0.12)
middle.scatter(X_test, y_test, s=8, color="#1f2a44", alpha=0.5, label="test data")
middle.set(xlabel="body mass index (standardised)", ylabel="progression (standard deviations)", title="Quantile bands")
middle.legend(frameon=False)
plt.show()
print(model.certificate_)
