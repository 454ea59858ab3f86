"""
Three layers, six patients
==========================

Parallel three-layer networks can be trained to the proven optimum too, on a handful of samples: here the progression of
diabetes over the body mass index of six patients. The three-layer optimum lies well below the two-layer optimum.
Gradient training of three layers from twenty random starts never reaches it, and often ends above the two-layer
optimum.
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
    options = {"maxiter": 400, "maxfun": 800}
    answer = minimize(objective_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    return ThreeLayerReLU(*unpack(answer.x))


three, two = train_three_layer(X, y, BETA), train_three_layer(X, y, BETA, n_hidden=1)
runs = sorted((gradient_training(seed) for seed in range(20)), key=lambda network: network.objective(X, y, BETA))
values = np.array([network.objective(X, y, BETA) for network in runs])

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
grid = np.linspace(bmi.min() - 0.3, bmi.max() + 0.3, 1000)
colours = {"two layers": "#0072b2", "three layers": "#d55e00"}
for network, style, label in ((two.network, "--", "two layers"), (three.network, "-", "three layers")):
    values_on_grid = network.predict(np.column_stack([grid, np.ones(1000)]))
    left.plot(grid, values_on_grid, style, color=colours[label], label=f"optimum of {label}")
left.plot(bmi, y, "ko", label="patients")
left.set(xlabel="body mass index (standardised)", ylabel="progression after one year (standardised)")
left.set_ylim(top=4.2)  # room for the legend
left.legend(loc="upper left", frameon=False)
right.plot(np.arange(1, 21), values, "k.", label="gradient training")
right.axhline(two.certificate.primal, color="#0072b2", ls="--", label="optimum of two layers")
right.axhline(three.certificate.dual, color="#d55e00", label="optimum of three layers: proven bound")
right.set(xlabel="starts, sorted", xticks=range(2, 21, 3), ylabel="objective", yscale="log")
right.set_title("No three-layer network of any width is below")
right.legend()
plt.show()
print(f"best of 20 starts: gap {certify_three_layer(runs[0], X, y, BETA).relative_gap:.2g}; two layers: ", end="")
print(f"{two.certificate.primal / three.certificate.primal - 1:.1%} above three")
print(three.certificate)
