"""
How regular the loss of a single neuron is
==========================================

The model is one neuron ``sigma(w^T x)`` with the targets of a planted w*. The loss is not convex, but where sigma is
strictly increasing, every gradient points away from w*, so that descent leads towards w*. The constants of weak
quasi-convexity, of the restricted secant inequality and of the Polyak-Lojasiewicz inequality measure how strongly. On
spheres around w* the constants of the sigmoid fall with the distance, because the sigmoid saturates. Those of the leaky
ReLU stay within a factor of ten. Those of the ReLU collapse just beyond the distance of w* from 0, where the neuron
points in the opposite direction and is small. Each point is the smallest of 500 ratios, with -w* among the directions;
it is an upper bound on the constant of the sphere. Thin lines are lower bounds that are proven, from the slopes that
sigma can have on the rows: for the leaky ReLU at any distance, for the sigmoid in the ball around 0 that has the sphere
inside. They are about the worst w*, whereas the points are about this one.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor
from convexnn.landscape import SampleGLM, function_regularity

rng = np.random.default_rng(0)
X, planted = rng.normal(size=(60, 3)), np.array([1.0, -0.5, 0.5])
ACTIVATIONS = {"sigmoid": "sigmoid", "leaky ReLU, 0.2": "leaky_relu", "ReLU": "relu"}
radii = np.sort(np.append(np.logspace(-1.5, 1.2, 16), 1.02 * np.linalg.norm(planted)))
STYLES = (("#0072b2", "o-"), ("#b07800", "s--"), ("#1f2a44", "^:"))
spheres = rng.normal(size=(500, 3))
spheres /= np.linalg.norm(spheres, axis=1, keepdims=True)
spheres[0] = -planted / np.linalg.norm(planted)

found, proven = {}, {}
for name, activation in ACTIVATIONS.items():
    y = SampleGLM(X, np.zeros(60), activation).link.value(X @ planted)
    loss = SampleGLM(X, y, activation, planted=planted)
    found[name] = [function_regularity(loss.value, loss.gradient, planted + r * spheres, planted) for r in radii]
    balls = [None if activation == "leaky_relu" else np.linalg.norm(planted) + r for r in radii]
    proven[name] = [loss.regularity_bounds(ball) for ball in balls]
    for k in (0, 9, 16):
        print(f"{name:16s} distance {radii[k]:5.3g}: {found[name][k]}")
least = np.linalg.eigvalsh(X.T @ X)[0]
secant = proven["leaky ReLU, 0.2"][0].restricted_secant
print(f"leaky ReLU, proven: secant constant {secant:.4g} = {secant / least:.3g} lambda_min(X'X), at any distance")


def draw(constant, places):
    """Draw one constant of the three activations, each with its name at a place of its own."""
    ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1]
    ax.axvline(np.linalg.norm(planted), color="#8a94a6", linewidth=1)
    ax.annotate(" distance of w* from 0", (np.linalg.norm(planted), 0.02), xycoords=("data", "axes fraction"))
    for name, place, (colour, style) in zip(found, places, STYLES, strict=True):
        ax.loglog(radii, [getattr(each, constant) for each in found[name]], style, color=colour)
        bounds = np.array([getattr(each, constant) for each in proven[name]])
        ax.loglog(radii[bounds > 1e-4], bounds[bounds > 1e-4], "-.", color=colour, linewidth=1)
        ax.text(*place, name, color=colour, weight="bold")
    ax.set(xlabel="distance from w*", ylabel="smallest ratio on the sphere")
    plt.show()


# %%
# Polyak-Lojasiewicz, half the squared gradient over the loss: the ReLU has a hole just behind 0, where the gradient
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
