"""
Pruning: for nothing, and at what price
=======================================

A network that is globally optimal on the diabetes data (three features, 442 patients) is widened to twice its size by
random splits, and pruned again. Pruning costs nothing until the fits are independent. Below that width neurons are
removed one after the other, and the masses of the others are refitted; naive pruning of the smallest masses, and of
random neurons, refits nothing.

The picture shows how far the training objective is above a lower bound that is proven for networks of any width: ten of
the twenty neurons go for nothing, and the refit makes the others cheap for a while.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor, TwoLayerReLU, approximate_pruning, minimal_pruning

X, y = load_diabetes(return_X_y=True, scaled=False)
X, y = scale(X[:, [2, 3, 8]]), scale(y)
model = ConvexReLURegressor(beta=5.0).fit(X, y)
beta, rng = model.beta_, np.random.default_rng(0)
wide = model.network_
while wide.width < 2 * model.network_.width:
    share = rng.uniform(0.2, 0.8)
    wide = wide.split(rng.integers(wide.width), [share, 1 - share])

exact = minimal_pruning(wide, X)
print(exact)
rules = {"objective": ("#0072b2", "o"), "residual": ("#d55e00", "^")}  # what the greedy choice looks at


def excess(values):
    return np.maximum(np.array(values) / model.certificate_.dual - 1, 1e-7)


fig, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for rule, (colour, marker) in rules.items():
    record = approximate_pruning(wide, X, y, beta, 0, rule=rule, proof="heuristic")
    widths, values = zip(*[(step["width"], step["objective"]) for step in record.steps], strict=True)
    ax.plot(widths, excess(values), color=colour, marker=marker)


def naive(order):
    parts = wide.hidden_weights[order], wide.output_weights[order], wide.hidden_bias[order]
    kept = [
        TwoLayerReLU(hidden[:width], output[:width], hidden_bias=bias[:width], intercept=wide.intercept)
        for width, (hidden, output, bias) in enumerate([parts] * (wide.width + 1))
    ]
    return excess([network.objective(X, y, beta) for network in kept])


every = range(wide.width + 1)
ax.plot(every, naive(np.argsort(-wide.masses)), color="#333333", marker="s", ms=4)
drawn = np.array([naive(rng.permutation(wide.width)) for _ in range(20)])
ax.plot(every, np.median(drawn, axis=0), color="#8a94a6", marker="v", ms=4)
ax.axvline(exact.width_after, color="#1f2a44", ls=":", lw=1)
ax.text(exact.width_after, 0.1, " fewest neurons\n at no cost", transform=ax.get_xaxis_transform())
ax.set(xlabel="width (hidden neurons)", ylabel="objective above the proven bound, relative", yscale="log")
ax.set_xticks(range(0, wide.width + 1, 2))
ax.text(10.3, 0.4, "at random, no refit (median of 20)", color="#5f6b7d")
ax.text(10.3, 1.2e-4, "smallest masses,\nno refit", color="#333333")
ax.text(0, 4e-6, "greedy, with refit:\nboth rules agree", color="#b34e00")
plt.show()
half = approximate_pruning(wide, X, y, beta, exact.width_after // 2)
print(half)
