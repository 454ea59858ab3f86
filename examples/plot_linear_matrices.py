"""
All critical points of a deep linear network
============================================

The loss ``1/2 ||X V_1' V_2' V_3' - Y||^2`` of three matrices is not convex, but its critical values are known: one for
every set of principal directions of the least-squares fit. Random searches for points with gradient zero end at these
values alone. Only the least of them belongs to minima. All other points are saddles. The Hessian of some has no
negative eigenvalue, but there are lower points at any distance. Saddles hold gradient descent up. With skip
connections, ``V_l = I + W_l``, small weights are far away from them.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn.landscape import LinearNetworkLoss, classify_linear, linear_critical_points

rng = np.random.default_rng(0)
X = np.linalg.qr(rng.normal(size=(30, 3)))[0]
turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
Y = X @ turn @ np.diag([3.0, 1.5, 0.5]) @ turn.T
narrow = LinearNetworkLoss(X, Y, [2, 2])

found = linear_critical_points(narrow, n_starts=100, random_state=0)
print(found)
for middle_rank in (1, 2):
    point = classify_linear(narrow, narrow.critical_point([0], middle_rank))
    print(f"fits {{0}}, V_2 of rank {middle_rank}: {point.kind}, least eigenvalue {round(point.lambda_min, 3) + 0.0}")
for radius in (0.3, 0.1, 0.03):
    point = classify_linear(narrow, narrow.critical_point([0]), radius=radius)
    print(f"value {point.value:.4f}, lower by {point.value - point.lower_value:.1e} within {radius} units of length")

# %%
# Ends of 100 searches with hidden layers of two neurons, by the principal directions that they fit and the value there:
# only {0, 1} belongs to minima.
values, index_sets = narrow.critical_values()
kinds = {"global": "#009e73", "strict saddle": "#0072b2", "saddle (not strict)": "#b07800", "undecided": "#999999"}
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
lefts = np.zeros(len(values))
for kind, colour in kinds.items():
    counts = np.array([sum(p.index_set == s and p.kind == kind for p in found) for s in index_sets])
    ax.barh(range(len(values)), counts, left=lefts, color=colour, label=kind if counts.any() else None)
    lefts += counts
names = ["{" + ", ".join(map(str, s)) + "}" for s in index_sets]
ax.set_yticks(range(len(values)), [f"{name}  {value:.3f}" for name, value in zip(names, values, strict=True)])
ax.set(xlabel="searches that end there", ylabel="directions fitted, and value")
ax.legend(frameon=False)
plt.show()


def descend(loss, scale, n_steps=1500, step=0.05):
    """Return the points of gradient descent from small random weights."""
    points = [scale * np.random.default_rng(1).normal(size=loss.n_weights)]
    for _ in range(n_steps):
        points.append(points[-1] - step * loss.gradient(points[-1]))
    return np.array(points)


# %%
# Gradient descent from weights of size 0.05 waits at the values of {}, {0} and {0, 1} (dotted), one direction after the
# other. With skip connections it does not wait, and the bound of the Polyak-Lojasiewicz inequality (dashed) holds.
plain, residual = (LinearNetworkLoss(X, Y, [3, 3], skip=skip) for skip in (False, True))
paths = {loss: descend(loss, 0.05) for loss in (plain, residual)}
radius = max(np.linalg.norm(W, 2) for w in paths[residual] for W in residual.unpack(w))
mu = residual.pl_constant_in_ball(radius)
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for loss, colour, name in ((plain, "#0072b2", "plain"), (residual, "#b07800", "skip connections")):
    ax.semilogy([loss.value(w) for w in paths[loss]], color=colour, label=name)
ax.semilogy(residual.value(paths[residual][0]) * (1 - 0.05 * mu) ** np.arange(1501), "--", color="#b07800")
for index_set in ((), (0,), (0, 1)):
    ax.axhline(plain.value(plain.critical_point(index_set)), color="k", ls=":", lw=1)
ax.set(xlabel="steps", ylabel="loss", ylim=(1e-6, 10))
ax.legend(frameon=False)
plt.show()
print(f"skip connections: largest norm {radius:.3f}, so the constant of the inequality is at least {mu:.3f}")
ends = [loss.value(paths[loss][-1]) for loss in (plain, residual)]
print(f"losses after 1500 steps, without and with them: {ends[0]:.1e} and {ends[1]:.1e}")
