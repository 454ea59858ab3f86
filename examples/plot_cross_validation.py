"""
The strength by cross-validation, and what is left to chance
============================================================

Diabetes data, body mass index and s5, with half of the rows for training. A path over the regularization strength
``beta`` in five folds chooses a strength, and the network at this strength is proven to be optimal. Beside it are
LassoCV and an MLP whose weight decay is chosen in the same way, with two seeds.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoCV
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressorCV

X, y = load_diabetes(return_X_y=True)
X, X_test, y, y_test = train_test_split(X[:, [2, 8]], y, test_size=0.5, random_state=0)
scaler = StandardScaler().fit(X)
X, X_test = scaler.transform(X), scaler.transform(X_test)
centre, size = y.mean(), y.std()
y, y_test = (y - centre) / size, (y_test - centre) / size


def measure(name, model):
    started = time.perf_counter()
    model.fit(X, y)
    seconds, score = time.perf_counter() - started, model.score(X_test, y_test)
    print(f"{name}: {seconds:.2f} s, test r2 {score:.3f}")
    return model, score


def mlp(seed):
    network = MLPRegressor(hidden_layer_sizes=[10], solver="lbfgs", max_iter=1000, random_state=seed)
    return GridSearchCV(network, {"alpha": [1.0, 10.0]}, cv=5)


ConvexReLURegressorCV(n_betas=2, cv=2).fit(X[:20], y[:20])  # compile first
model, score = measure("convex network", ConvexReLURegressorCV(n_betas=7, tol=1e-6))
_, lasso = measure("LassoCV", LassoCV())
seeds = [measure(f"MLP, seed {seed}", mlp(seed))[1] for seed in range(2)]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
mean, spread = model.scores_.mean(axis=1), model.scores_.std(axis=1)
left.fill_between(model.betas_, mean - spread, mean + spread, color="#0072b2", alpha=0.15, label="fold spread (1 std)")
left.plot(model.betas_, mean, "o-", color="#0072b2", label="mean of the folds")
left.axvline(model.beta_, color="#8a94a6", linestyle="--", label="chosen")
left.set(xscale="log", xlabel="beta", ylabel="r2 of the folds")
left.legend()
right.plot([score, lasso], [0, 1], "o", color="#0072b2")
right.plot(seeds, np.full(len(seeds), 2), "^", color="#d55e00")
right.set(
    yticks=range(3),
    yticklabels=["convex network", "LassoCV", "MLP, 2 seeds"],
    xlabel="test r2",
    xlim=(0, 0.6),
    ylim=(-0.5, 2.5),
)
plt.show()
print(model.certificate_)
