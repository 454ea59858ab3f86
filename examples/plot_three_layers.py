"""
Three layers, six patients
==========================

Parallel three-layer networks can be trained to the proven optimum too, on a handful of samples: here the progression of
diabetes over the body mass index of six patients. The three-layer optimum lies well below the two-layer optimum.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from convexnn.deep import ThreeLayerReLU, certify_three_layer, train_three_layer

BETA, N_SUBNETWORKS, N_HIDDEN = 0.05, 8, 4
features, target = load_diabetes(return_X_y=True, scaled=False)
bmi, y = (StandardScaler().fit_transform(column[:, None])[28:34, 0] for column in (features[:, 2], target))
X = np.column_stack([bmi, np.ones(6)])  # the column of ones gives the first layer its biases


def unpack(flat):
    first = flat[: N_SUBNETWORKS * N_HIDDEN * 2].reshape(N_SUBNETWORKS, N_HIDDEN, 2)
    return first, flat[first.size : -N_SUBNETWORKS].reshape(N_SUBNETWORKS, N_HIDDEN), flat[-N_SUBNETWORKS:]


def objective_and_gradient(flat):
    first, second, output = unpack(flat)
    hidden = np.maximum(np.einsum("id,kjd->ikj", X, first), 0)
    inner = np.einsum("ikj,kj->ik", hidden, second)
    residual = np.maximum(inner, 0) @ output - y
    sizes = np.linalg.norm(first, axis=(1, 2)), np.linalg.norm(second, axis=1), np.abs(output)
    back = residual[:, None] * output * (inner > 0)
    gradient = [
        np.einsum("ik,kj,ikj,id->kjd", back, second, hidden > 0, X) + BETA * sizes[0][:, None, None] * first,
        np.einsum("ik,ikj->kj", back, hidden) + BETA * sizes[1][:, None] * second,
        np.maximum(inner, 0).T @ residual + BETA * sizes[2] * output,
    ]
    value = 0.5 * residual @ residual + BETA / 3 * sum(np.sum(size**3) for size in sizes)
    return value, np.concatenate([part.ravel() for part in gradient])


def gradient_training(seed):
    start = np.random.default_rng(seed).standard_normal(N_SUBNETWORKS * (N_HIDDEN * 3 + 1))
    options = {"jac": True, "method": "L-BFGS-B", "options": {"maxiter": 400, "maxfun": 800}}
    return ThreeLayerReLU(*unpack(minimize(objective_and_gradient, start, **options).x))


three, two = train_three_layer(X, y, BETA), train_three_layer(X, y, BETA, n_hidden=1)
runs = sorted((gradient_training(seed) for seed in range(20)), key=lambda network: network.objective(X, y, BETA))
values = np.array([network.objective(X, y, BETA) for network in runs])

# %%
# The optimal network of three layers comes nearer to the six patients than that of two, for the same penalty.
ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1]
grid = np.linspace(-1.7, 2.9, 1000)
for network, style, colour in ((two.network, "--", "#0072b2"), (three.network, "-", "#d55e00")):
    ax.plot(grid, network.predict(np.column_stack([grid, np.ones(1000)])), style, color=colour, linewidth=2)
ax.plot(bmi, y, "ko")
ax.annotate("three layers", (0.02, 1.35), color="#b34e00")
ax.annotate("two layers", (-0.45, 0.35), color="#0072b2", ha="right")
ax.set(xlabel="body mass index (standardised)", ylabel="progression (standardised)")
plt.show()

# %%
# Twenty starts of gradient training, sorted: none reaches the proven bound, and most end above two layers.
ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1]
ax.plot(np.arange(1, 21), values, "ko")
ax.axhline(two.certificate.primal, color="#0072b2", ls="--")
ax.axhline(three.certificate.dual, color="#d55e00")
ax.text(20, 1.015 * two.certificate.primal, "optimum of two layers", color="#0072b2", ha="right")
ax.text(20, 1.015 * three.certificate.dual, "no network of three layers is below", color="#b34e00", ha="right")
ax.set(xlabel="starts, sorted", xticks=range(2, 21, 3), ylabel="objective", yscale="log")
ax.yaxis.set(ticks=[0.6, 0.8, 1.0, 1.5, 2.0], major_formatter="{x:g}", minor_formatter="")
plt.show()
print(f"best of 20 starts: gap {certify_three_layer(runs[0], X, y, BETA).relative_gap:.2g}; two layers: ", end="")
print(f"{two.certificate.primal / three.certificate.primal - 1:.1%} above three")
print(three.certificate)
