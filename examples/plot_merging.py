"""
Networks trained on disjoint data, merged
=========================================

Two networks learn from disjoint halves of the same tumours, one of which holds most of the benign and the other most of
the malignant ones. Neither is good on all. The plain mean of their weights is worse than the ensemble; matching the
neurons first closes most of the gap. The mean of the masses is the ensemble, as one network of twice the width, whose
objective is never above the mean of the parents'. Only the optimum on all data, with its proof, is lower, and of such
optima the masses may be merged without any loss.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA

from convexnn import ConvexReLUClassifier, TwoLayerReLU, landscape

BETA, WIDTH, N_RUNS, N_COMPONENTS, SKEW = 1.0, 24, 20, 3, 0.9

X, y = load_breast_cancer(return_X_y=True)
X, y = (X - X.mean(axis=0)) / X.std(axis=0), np.where(y == 1, 1.0, -1.0)
X = PCA(N_COMPONENTS, whiten=True).fit_transform(X)
order = np.random.default_rng(0).permutation(len(y))
train, test = order[:400], order[400:]
share = np.random.default_rng(1).random(len(train)) < np.where(y[train] > 0, SKEW, 1 - SKEW)
halves = train[share], train[~share]
options = {"learning_rate": 0.1, "n_epochs": 150, "batch_size": 16, "loss": "logistic", "random_state": 0}


def trained(rows, seed):
    draws = 0.5 * np.random.default_rng(seed).standard_normal((N_RUNS, N_COMPONENTS + 2, WIDTH))
    starts = [TwoLayerReLU(draw[2:].T, draw[0], hidden_bias=draw[1], intercept=0.0) for draw in draws]
    ends = landscape.stochastic_descent(starts, X[rows], y[rows], BETA / 2, **options)
    return [network.balanced() for network in ends]


def figures(network):
    error = np.mean(np.where(network.predict(X[test]) > 0, 1, -1) != y[test])
    return network.objective(X[train], y[train], BETA, loss="logistic"), 100 * error


rows, barriers = {}, []  # figures by name, pair after pair
for a, b in zip(trained(halves[0], 0), trained(halves[1], 1), strict=True):
    made = {"parent, most of the benign": a, "parent, most of the malignant": b}
    made["mean of the weights"] = landscape.average_weights(a, b)
    for method in ("weights", "activations", "fits"):
        matched = landscape.match_neurons(a, b, X[train], method).network
        made[f"mean after matching {method}"] = landscape.average_weights(a, matched)
    made["mean of the masses: ensemble"] = landscape.average_masses(a, b)
    for name, network in made.items():
        rows.setdefault(name, []).append(figures(network))
    barriers.append([landscape.error_barrier(a, c, X[test], y[test]).barrier for c in (b, matched)])
best = ConvexReLUClassifier(beta=BETA, loss="logistic").fit(X[train], y[train])
a, b = best.network_, best.network_.permuted(np.arange(best.network_.width)[::-1])
rows["two optima, mean of the weights"] = [figures(landscape.average_weights(a, b))]
merged = landscape.merge_optimal(a, b, 0.5, X[train], y[train], BETA, loss="logistic")
rows["two optima, masses merged: exact"] = [figures(merged)]
print(f"halves of {len(halves[0])} and {len(halves[1])} tumours; {len(test)} for the test; mean of {N_RUNS} pairs")
for name, values in rows.items():
    objective, error = np.mean(values, axis=0)
    print(f"{name:33s}objective {objective:8.3f}, test error {error:5.2f} %")
plain, matched = 100 * np.mean(barriers, axis=0)
print(f"barrier in the test error: {plain:.2f} % as they are, {matched:.2f} % after matching the fits")

# %%
# Every dot is a pair of networks, a bar is their mean. The ensemble, which needs no matching, is a little better than
# the averages of matched weights. Of two copies of the optimum, in different orders, only the masses may be merged.
figure, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
for place, (name, values) in enumerate(reversed(rows.items())):
    heights = np.array(values)[:, 0]
    colour = {"p": "#1f2a44", "m": "#d55e00", "t": "#d55e00"}[name[0]] if "mass" not in name else "#0072b2"
    ax.plot(heights, place + 0.25 * np.sin(np.arange(len(heights))), "o", color=colour, alpha=0.35, mec="none")
    ax.plot([heights.mean()] * 2, [place - 0.35, place + 0.35], color=colour, lw=3)
ax.set_yticks(range(len(rows)), list(reversed(rows)))
ax.set(xlabel="objective on all data (logistic loss and weight decay)")
plt.show()
print(best.certificate_)
