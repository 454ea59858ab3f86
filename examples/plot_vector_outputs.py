"""
Three targets, one network
==========================

The Linnerud data: three exercises of twenty people predict weight, waist and pulse. One network with three outputs is
trained to proven optimality and compared, over a few splits, with a linear model and with gradient descent.
"""

import time

import numpy as np
from sklearn.datasets import load_linnerud
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from convexnn import beta_max
from convexnn.programs.vector_program import make_vector_problem
from convexnn.solvers.vector import solve_vector

SHARE = 0.3  # of the strength at which the network vanishes
SEEDS = range(5)


def fit_network(X, Y):
    """Return the solution at a fixed share of the largest strength."""
    terms = {"hidden_bias": True, "fit_intercept": True}
    beta = SHARE * beta_max(X, Y, **terms)
    return solve_vector(make_vector_problem(X, Y, beta, **terms)), beta


def errors(seed, X, Y):
    """Return the test errors of the three models on one split, and the objectives of the two networks."""
    X, X_test, Y, Y_test = train_test_split(X, Y, test_size=0.25, random_state=seed)
    inputs, targets = StandardScaler().fit(X), StandardScaler().fit(Y)
    X, X_test, Y, Y_test = (
        inputs.transform(X),
        inputs.transform(X_test),
        targets.transform(Y),
        targets.transform(Y_test),
    )
    solution, beta = fit_network(X, Y)
    # scikit-learn's alpha is the same weight decay, but it leaves the biases out.
    mlp = MLPRegressor(hidden_layer_sizes=50, alpha=beta, solver="lbfgs", max_iter=5000, random_state=seed).fit(X, Y)
    models = solution.network, LinearRegression().fit(X, Y), mlp
    return [mean_squared_error(Y_test, model.predict(X_test)) for model in models], solution


# %%
# Every split gets its own network and its own proof.
X, Y = load_linnerud(return_X_y=True)
started = time.perf_counter()
results = [errors(seed, X, Y) for seed in SEEDS]
table = np.array([row for row, _ in results])
for name, mean, spread in zip(("convexnn", "linear", "MLP"), table.mean(axis=0), table.std(axis=0), strict=True):
    print(f"{name:10s} mean squared test error {mean:.3f} +- {spread:.3f}")
proven = [solution.certificate.relative_gap for _, solution in results]
print(f"largest proven relative gap {max(proven):.1e}; {time.perf_counter() - started:.1f} s")

# %%
# All the data, and how far from the optimum the network can be.
X, Y = StandardScaler().fit_transform(X), StandardScaler().fit_transform(Y)
solution, beta = fit_network(X, Y)
print(solution.network)
print(solution.certificate)
