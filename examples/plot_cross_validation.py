"""
The strength by cross-validation, and what is left to chance
============================================================

Diabetes data, body mass index and s5, with half of the rows for training. A path over the regularization strength
``beta`` in five folds chooses a strength, and the network at this strength is proven to be optimal: which rows are in
which fold is left to chance, the training is not. Beside it are LassoCV and an MLP whose weight decay is chosen in the
same way, with two seeds. All of them predict new patients equally well.
"""

# sphinx_gallery_thumbnail_number = 2

import time

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoCV
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressorCV
from convexnn.plotting import NetworkDisplay

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
model, _ = measure("convex network", ConvexReLURegressorCV(n_betas=9, tol=1e-6))
measure("LassoCV", LassoCV())
for seed in range(2):
    measure(f"MLP, seed {seed}", mlp(seed))

# %%
# Every thin line is a fold: the folds disagree about the height of the curve, and agree that it is flat below a beta of
# ten and falls above.
fig, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
ax.plot(model.betas_, model.scores_, color="#8a94a6", linewidth=1)
mean = model.scores_.mean(axis=1)
ax.plot(model.betas_, mean, "o-", color="#0072b2", linewidth=2.5)
ax.plot(model.beta_, mean.max(), "D", color="#d55e00", markersize=10, zorder=3)
ax.text(model.beta_, mean.max() + 0.09, f"chosen: {model.beta_:.2g}", color="#b34e00", va="center")
ax.text(0.92 * model.betas_[1], mean[1] - 0.02, "mean of the folds", color="#0072b2", ha="right")
ax.set(xscale="log", xlabel="strength beta", ylabel="$R^2$ on the rows of the fold", ylim=(-0.1, 0.72))
plt.show()

# %%
# The network at the chosen strength, refitted and proven: flat pieces that meet in the dashed lines, where a neuron
# switches on.
labels = ["body mass index (standardised)", "s5 (standardised)", "progression (standardised)"]
display = NetworkDisplay.from_estimator(model, X, y, labels=labels)
display.plot(plt.subplots(figsize=(6.5, 4.8), layout="constrained")[1], colorbar=True)
plt.show()
print(model.certificate_)
