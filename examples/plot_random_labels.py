"""
Random labels against true ones at equal width
==============================================

Wide networks fit shuffled labels as well as true ones (Zhang, Bengio, Hardt, Recht and Vinyals, 2017), so that the
training error says nothing about what was learned. Here are 60 tumours in their first three principal components, with
their diagnoses and with these in random order. The proven optima tell the two apart, and so do the ends of gradient
descent of one width: by the norm of the weights, the sharpness, and the barrier between two runs.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor, certify
from convexnn.landscape import gradient_descent, loss_barrier, match_neurons

BETA, WIDTHS = 0.01, [1, 2, 4, 8, 16, 32]

X, diagnosis = load_breast_cancer(return_X_y=True)
X = PCA(3, whiten=True).fit_transform(StandardScaler().fit_transform(X))
rng = np.random.default_rng(0)
rows = rng.permutation(len(X))[:60]
X, true = np.column_stack([X[rows], np.ones(60)]), 2.0 * diagnosis[rows] - 1
labels = {"true": true, "shuffled": rng.permutation(true)}


def figures(network, y):
    """Training error in per cent, and half the squared norm of the weights."""
    wrong = 100 * np.mean((network.predict(X) > 0) != (y > 0))
    return wrong, (np.sum(network.neurons**2) + np.sum(network.output_weights**2)) / 2


optima = {name: ConvexReLURegressor(BETA, random_state=0).fit(X, y).network_ for name, y in labels.items()}
for name, network in optima.items():
    print(f"{name}: p* = {network.objective(X, labels[name], BETA):.4f}, norm {figures(network, labels[name])[1]:.1f}")

errors = {name: [] for name in labels}
options = {"n_runs": 6, "max_iter": 10_000, "trace": 10_000, "sharpness": True, "random_state": 0}
for width in WIDTHS:
    for name, y in labels.items():
        runs = gradient_descent(X, y, width, BETA, **options)
        wrong, norms = np.transpose([figures(network, y) for network in runs.networks])
        errors[name].append(wrong)
        sharp = np.median([trace.sharpness[-1] for trace in runs.traces])
        first, *others = runs.networks
        barriers = [loss_barrier(first, match_neurons(first, b).network, X, y, BETA).barrier for b in others[:3]]
        print(
            f"width {width}, {name} labels: error {np.median(wrong):.1f} % (best {wrong.min():.1f} %), norm "
            f"{np.median(norms):.1f}, sharpness {sharp:.0f}, barrier {np.median(barriers):.1f}"
        )

# %%
# Training error (medians and ranges of six runs): the first run without errors has 16 neurons for the true labels and
# 32 for the shuffled ones. At width 32 the medians are the same. The worst of the narrow ones are runs in which all
# neurons died.
COLOURS = {"true": "#0072b2", "shuffled": "#d55e00"}
ax = plt.subplots(figsize=(6.5, 4), layout="constrained")[1]
for name, values in errors.items():
    ax.plot(WIDTHS, np.median(values, axis=1), "o-", color=COLOURS[name], label=f"{name} labels")
    ax.fill_between(WIDTHS, np.min(values, axis=1), np.max(values, axis=1), color=COLOURS[name], alpha=0.15, lw=0)
ax.set_xscale("log")
ax.set_xticks(WIDTHS, WIDTHS)
ax.minorticks_off()
ax.set(xlabel="width", ylabel="training error (%)", ylim=(0, None))
ax.legend(frameon=False)
plt.show()
print(certify(optima["shuffled"], X, labels["shuffled"], BETA))
