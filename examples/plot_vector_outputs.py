"""
Three targets, one network
==========================

The Linnerud data: three exercises of twenty people predict weight, waist and pulse. One network with three outputs is
trained to proven optimality and compared, over a few splits, with a linear model and with gradient descent.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_linnerud
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error as error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor, beta_max

warnings.simplefilter("ignore", ConvergenceWarning)  # the line search of L-BFGS gives up near kinks
SHARE = 0.3  # of the strength at which the network vanishes
SEEDS = range(5)


def fit_network(X, Y):
    """Return the network at a fixed share of the largest strength."""
    return ConvexReLURegressor(SHARE * beta_max(X, Y, hidden_bias=True, fit_intercept=True)).fit(X, Y)


def errors(seed, X, Y):
    """Return the test errors of the three models on one split, and the proven gap."""
    X, X_test, Y, Y_test = train_test_split(X, Y, test_size=0.25, random_state=seed)
    inputs, targets = StandardScaler().fit(X), StandardScaler().fit(Y)
    X, X_test, Y, Y_test = *map(inputs.transform, (X, X_test)), *map(targets.transform, (Y, Y_test))
    ours = fit_network(X, Y)
    # scikit-learn's alpha is the same weight decay, but it leaves the biases out.
    mlp = MLPRegressor(hidden_layer_sizes=50, alpha=ours.beta_, solver="lbfgs", max_iter=500, random_state=seed)
    models = ours, LinearRegression().fit(X, Y), mlp.fit(X, Y)
    return [error(Y_test, model.predict(X_test)) for model in models], ours.certificate_.relative_gap


# %%
# Every split gets its own network and its own proof.
X, Y = load_linnerud(return_X_y=True)
results = [errors(seed, X, Y) for seed in SEEDS]
table = np.array([row for row, _ in results])
names = "convexnn", "linear", "MLP"
for name, mean, spread in zip(names, table.mean(axis=0), table.std(axis=0), strict=True):
    print(f"{name:10s} mean squared test error {mean:.3f} +- {spread:.3f}")
print(f"largest proven relative gap {max(gap for _, gap in results):.1e}")

# %%
# With fifteen people to learn from the splits (a line each) differ more than the models do; what the proof adds is that
# no better training for this objective could change the points on the left.
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
ax.semilogy(range(3), table.T, "o-", color="#8a94a6", markerfacecolor="#0072b2", markeredgecolor="white", markersize=9)
for seed, value in zip(SEEDS, table[:, 2], strict=True):
    ax.annotate(f"split {seed}", (2, value), (10, 0), textcoords="offset points", va="center")
ax.set(ylabel="mean squared error on five people", xlim=(-0.3, 2.5))
ax.set_xticks(range(3), names)
ax.yaxis.set(ticks=[0.3, 1, 3], major_formatter="{x:g}", minor_formatter="")
plt.show()

# %%
# All the data: two neurons are enough for the optimum, and each acts on all three targets. What raises weight and waist
# lowers the pulse.
X, Y = StandardScaler().fit_transform(X), StandardScaler().fit_transform(Y)
model = fit_network(X, Y)
print(model.network_, model.certificate_, sep="\n")
figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for k, (weights, colour) in enumerate(zip(model.network_.output_weights, ("#0072b2", "#e69f00"), strict=True)):
    bars = ax.bar(np.arange(3) + 0.4 * k, weights, 0.36, color=colour, ec="white", hatch=k * "//")
    ax.bar_label(bars, [f"neuron {k + 1}"] * 3, padding=2)
ax.axhline(0.0, color="black", linewidth=0.8)
ax.set(ylabel="output weight", ylim=(-0.32, 0.65), xticks=np.arange(3) + 0.2, xticklabels=["weight", "waist", "pulse"])
plt.show()
