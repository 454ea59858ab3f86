"""
What noise does to a neuron, and a step that no flat region stops
=================================================================

The model is one sigmoid neuron, with inputs from N(0, I) and the targets ``sigma(w*^T x) + noise``. In expectation the
noise adds half its variance to every loss and nothing to any gradient. On a sample it adds a product of mean 0; the
distance of the gradients from those of the population falls like the root of d / n, uniformly over a ball (Mei, Bai,
Montanari, 2018). Not the noise makes the loss hard but the factor sigma' of its gradient. GLMtron (Kakade, Kalai,
Kanade, Shamir, 2011) leaves it out and follows the gradient of a convex loss; Isotron need not even know sigma.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn.landscape import PopulationGLM, glmtron, isotron

rng = np.random.default_rng(0)
planted = np.array([2.0, -1.0, 1.0])
population = PopulationGLM(planted, "sigmoid", noise_variance=0.09)
sample = population.sample(150, random_state=1)
BLUE, OCHRE, INK, GREY = "#0072b2", "#b07800", "#1f2a44", "#8a94a6"

# %%
# The mean loss of 150 rows on the line through 0 and w*, and what it consists of: the excess over w*, half the mean
# squared noise, and a product of both, which is small. Thin lines are the population's excess and half the variance.
places = np.linspace(-1.5, 3.5, 120)
parts = np.array([sample.loss_parts(place * planted) for place in places]) / 150
expected = np.array([population.loss_parts(place * planted) for place in places])
ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1]
ax.plot(places, parts.sum(axis=1), color=INK, linewidth=2.5)
ax.text(-1.1, 0.3, "loss", color=INK, weight="bold")
LABELS = (("excess", -1.45, 0.17, BLUE), ("product with the noise", -1.5, -0.021, GREY), ("noise", -1.5, 0.05, OCHRE))
for (*label, colour), now, then in zip(LABELS, parts.T, expected.T, strict=True):
    ax.plot(places, now, color=colour, linewidth=2)
    ax.plot(places, then, color=colour, linewidth=0.8)
    ax.text(label[1], label[2], label[0], color=colour, weight="bold")
ax.set(xlabel="w / w*", ylabel="mean loss per row", ylim=(-0.03, 0.34))
plt.show()
print(f"150 rows: product at most {max(abs(parts[:, 1])):.4f}, noise {parts[0, 2]:.4f}, expected {expected[0, 2]:.4f}")

# %%
# The largest distance of sample and population gradients over 40 points of the unit sphere: parallel to the root of
# d / n, the thin lines, in every dimension.
ax, rows = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1], np.array([200, 800, 3200, 12800])
for d, colour in zip((4, 16, 64), (BLUE, OCHRE, INK), strict=True):
    model, points = PopulationGLM(np.eye(d)[0], "sigmoid", noise_variance=0.09), rng.normal(size=(40, d))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    slopes, gaps = np.array([model.gradient(w) for w in points]), []
    for n in rows:
        loss = model.sample(n, random_state=n)
        apart = np.array([loss.gradient(w) / n for w in points]) - slopes
        gaps.append(np.linalg.norm(apart, axis=1).max())
    ax.loglog(rows, gaps, "o-", color=colour)
    ax.loglog(rows, 0.08 * np.sqrt(d / rows), color=colour, linewidth=0.8)
    ax.text(rows[-1] * 1.1, gaps[-1], f"d = {d}", color=colour, weight="bold", va="center")
    print(f"d = {d:2d}: the distance falls like n to the power {np.polyfit(np.log(rows), np.log(gaps), 1)[0]:.2f}")
ax.set(xlabel="rows n", ylabel="largest distance of gradients", xlim=(170, 22000))
plt.show()

# %%
# The distance to w* without noise, from -4 w*, with steps of one size. GLMtron never steps away from w*. Gradient
# descent of the squared loss waits where sigma is flat. Isotron does not know sigma, and ends at another length of w.
X, w = sample.X, -4 * planted
y, step = sample.link.value(X @ planted), 4 / np.linalg.eigvalsh(X.T @ X / 150)[-1]
ways = [glmtron(X, y, "sigmoid", start=w).iterates, isotron(X, y, start=w, step=step).iterates, [w]]
for _ in range(3000):
    w = w - step * X.T @ ((sample.link.value(X @ w) - y) * sample.link.slope(X @ w)) / 150
    ways[-1].append(w)
ax, reached = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1], []
LABELS = (("GLMtron", 1.2, 3, BLUE), ("Isotron", 25, 1.7, OCHRE), ("gradient descent", 10, 11, INK))
for (*label, colour), way in zip(LABELS, ways, strict=True):
    away = np.linalg.norm(np.array(way) - planted, axis=1)
    ax.semilogx(np.arange(1, len(away) + 1), away, color=colour, linewidth=2)
    ax.text(label[1], label[2], label[0], color=colour, weight="bold")
    reached.append((away < 0.1).argmax())
ax.set(xlabel="step", ylabel="distance to w*")
plt.show()
print(f"steps to a distance of 0.1: GLMtron {reached[0]}, gradient descent {reached[2]}")
