"""
How regular the loss of a single neuron is
==========================================

The model is one neuron ``sigma(w^T x)`` with the targets of a planted w*. The loss is not convex, but where sigma is
strictly increasing, every gradient points away from w*, so that descent leads towards w*. The constants of weak
quasi-convexity, of the restricted secant inequality and of the Polyak-Lojasiewicz inequality measure how strongly. On
spheres around w* the constants of the sigmoid fall with the distance, because the sigmoid saturates. Those of the leaky
ReLU stay within a factor of ten. Those of the ReLU collapse just beyond the distance of w* from 0, where the neuron
points in the opposite direction and is small. Each point is the smallest of 2000 ratios, with -w* among the directions;
it is an upper bound on the constant of the sphere.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit

from convexnn import ConvexReLURegressor
from convexnn.landscape import function_regularity

rng = np.random.default_rng(0)
X, planted = rng.normal(size=(60, 3)), np.array([1.0, -0.5, 0.5])
ACTIVATIONS = {
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "leaky ReLU, 0.2": (lambda z: np.where(z > 0, z, 0.2 * z), lambda z: np.where(z > 0, 1.0, 0.2)),
    "ReLU": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
}
radii = np.sort(np.append(np.logspace(-1.5, 1.2, 16), 1.02 * np.linalg.norm(planted)))
STYLES = (("#0072b2", "o-"), ("#b07800", "s--"), ("#1f2a44", "^:"))
spheres = rng.normal(size=(2000, 3))
spheres /= np.linalg.norm(spheres, axis=1, keepdims=True)
spheres[0] = -planted / np.linalg.norm(planted)

CONSTANTS = ("pl", "weak_quasi_convexity", "restricted_secant")
constants = {}
for name, (sigma, slope) in ACTIVATIONS.items():
    y = sigma(X @ planted)

    def value(w, sigma=sigma, y=y):
        return 0.5 * np.sum((sigma(X @ w) - y) ** 2)

    def gradient(w, sigma=sigma, slope=slope, y=y):
        return X.T @ ((sigma(X @ w) - y) * slope(X @ w))

    found = [function_regularity(value, gradient, planted + radius * spheres, planted) for radius in radii]
    constants[name] = {constant: [getattr(each, constant) for each in found] for constant in CONSTANTS}
    for radius, each in [(radii[k], found[k]) for k in (0, 9, 16)]:
        print(f"{name:16s} distance {radius:5.3g}: {each}")


def draw(constant, places):
    """Draw one constant of the three activations, each with its name at a place of its own."""
    ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1]
    ax.axvline(np.linalg.norm(planted), color="#8a94a6", linewidth=1)
    ax.annotate(" distance of w* from 0", (np.linalg.norm(planted), 0.02), xycoords=("data", "axes fraction"))
    for name, place, (colour, style) in zip(constants, places, STYLES, strict=True):
        ax.loglog(radii, constants[name][constant], style, color=colour)
        ax.text(*place, name, color=colour, weight="bold")
    ax.set(xlabel="distance from w*", ylabel="smallest ratio on the sphere")
    plt.show()


# %%
# Polyak-Lojasiewicz, ``1/2 ||gradient||^2`` over the loss: the ReLU has a hole just behind 0, where the gradient
# vanishes and the loss does not; the sigmoid fades with the distance, and the leaky ReLU does neither.
draw("pl", [(0.05, 0.3), (0.05, 4), (0.5, 0.03)])

# %%
# Weak quasi-convexity, the gradient times the way to w* over the loss: the same hole, but hardly a fall of the sigmoid
# before its saturation.
draw("weak_quasi_convexity", [(5, 0.4), (0.05, 1.2), (0.45, 0.15)])

# %%
# The restricted secant inequality, the same over the squared distance.
draw("restricted_secant", [(0.05, 0.4), (0.05, 6), (1.6, 1.2)])
model = ConvexReLURegressor(beta=0.5, hidden_bias=False, fit_intercept=False).fit(X[:30], y[:30])
print(f"ReLU networks on 30 of the rows, beta = 0.5: {model.network_.width} neuron(s) at the optimum")
print(model.certificate_)
