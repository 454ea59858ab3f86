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
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor, beta_max

SHARE = 0.3  # of the strength at which the network vanishes
SEEDS = range(5)


def fit_network(X, Y):
    """Return the network at a fixed share of the largest strength."""
    beta = SHARE * beta_max(X, Y, hidden_bias=True, fit_intercept=True)
    return ConvexReLURegressor(beta).fit(X, Y)


def errors(seed, X, Y):
    """Return the test errors of the three models on one split, and the proven gap."""
    X, X_test, Y, Y_test = train_test_split(X, Y, test_size=0.25, random_state=seed)
    inputs, targets = StandardScaler().fit(X), StandardScaler().fit(Y)
    X, X_test = inputs.transform(X), inputs.transform(X_test)
    Y, Y_test = targets.transform(Y), targets.transform(Y_test)
    ours = fit_network(X, Y)
    # scikit-learn's alpha is the same weight decay, but it leaves the biases out.
    mlp = MLPRegressor(hidden_layer_sizes=50, alpha=ours.beta_, solver="lbfgs", max_iter=5000, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the line search of L-BFGS gives up near kinks
        mlp.fit(X, Y)
    models = ours, LinearRegression().fit(X, Y), mlp
    return [mean_squared_error(Y_test, model.predict(X_test)) for model in models], ours.certificate_.relative_gap


# %%
# Every split gets its own network and its own proof. With fifteen people to learn from the splits differ more than the
# models do; what the proof adds is that no better training for this objective could change the first number.
data = load_linnerud()
X, Y = data.data, data.target
results = [errors(seed, X, Y) for seed in SEEDS]
table = np.array([row for row, _ in results])
names = "convexnn", "linear", "MLP"
for name, mean, spread in zip(names, table.mean(axis=0), table.std(axis=0), strict=True):
    print(f"{name:10s} mean squared test error {mean:.3f} +- {spread:.3f}")
print(f"largest proven relative gap {max(gap for _, gap in results):.1e}")

# %%
# All the data, and how far from the optimum the network can be. Every neuron has three output weights.
X, Y = StandardScaler().fit_transform(X), StandardScaler().fit_transform(Y)
model = fit_network(X, Y)
print(model.network_, model.certificate_, sep="\n")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for marker, colour, name, column in zip("osD", ("#d55e00", "grey", "#0072b2"), names, table.T, strict=True):
    left.plot(SEEDS, column, marker, color=colour, label=name)
left.set(xlabel="split", ylabel="mean squared test error (standardised)", xticks=SEEDS, title="Held-out people")
left.legend()
for k, weights in enumerate(model.network_.output_weights):
    right.bar(np.arange(3) + 0.4 * k, weights, 0.35, align="edge", hatch=k * "//", ec="white", label=f"neuron {k + 1}")
right.axhline(0.0, color="black", linewidth=0.8)
right.set(
    ylabel="output weight", xticks=np.arange(3) + 0.375, xticklabels=data.target_names, title="What the neurons share"
)
right.legend()
plt.show()
