"""
Certify networks that were trained elsewhere
============================================

A certificate judges any two-layer ReLU network. Networks of several widths are trained in two usual ways on real data:
by MLPRegressor of scikit-learn, and by L-BFGS on the objective that the certificate judges. MLPRegressor's ``alpha`` is
our regularization strength ``beta``, but MLPRegressor penalises no biases, so that a part of its gap is a difference of
the objectives.

The picture shows how far the networks of three starts of each width are from the global optimum at most: L-BFGS comes
near it when the network is wide, and only the convex program reaches it to eight digits.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler, scale

from convexnn import ConvexReLURegressor, TwoLayerReLU, certify

X, y = load_diabetes(return_X_y=True, scaled=False)
X, y = StandardScaler().fit_transform(X[:, [2, 8, 3]]), scale(y)  # body mass index, triglycerides, blood pressure
model = ConvexReLURegressor(beta="scale").fit(X, y)
beta = model.beta_


def by_sklearn(width, seed):
    mlp = MLPRegressor(hidden_layer_sizes=[width], alpha=beta, solver="lbfgs", max_iter=5000, tol=1e-9)
    mlp.set_params(random_state=seed).fit(X, y)
    (hidden, output), (hidden_bias, intercept) = mlp.coefs_, mlp.intercepts_
    return TwoLayerReLU(hidden.T, output[:, 0], hidden_bias=hidden_bias, intercept=intercept[0])


def by_descent(width, seed):
    ones, start = np.ones((len(X), 1)), np.random.default_rng(seed).standard_normal((width, 5)) / 2

    def objective(flat):
        u, alpha, intercept = flat[: 4 * width].reshape(width, 4), flat[4 * width : -1], flat[-1]
        hidden = np.maximum(np.hstack([X, ones]) @ u.T, 0)
        residual = hidden @ alpha + intercept - y
        slope_u = (np.outer(residual, alpha) * (hidden > 0)).T @ np.hstack([X, ones]) + beta * u
        slope = np.concatenate([slope_u.ravel(), hidden.T @ residual + beta * alpha, [residual.sum()]])
        return residual @ residual / 2 + beta / 2 * flat[:-1] @ flat[:-1], slope

    flat = minimize(objective, np.append(start.T[:4].T.ravel(), np.append(start[:, 4], 0)), jac=True, tol=1e-12).x
    u = flat[: 4 * width].reshape(width, 4)
    return TwoLayerReLU(u[:, :3], flat[4 * width : -1], hidden_bias=u[:, 3], intercept=flat[-1])


fig, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
widths, n_seeds = (1, 2, 5, 16), 3
for train, colour, marker, shift, label in (
    (by_sklearn, "#5f6b7d", "s", 0.93, "MLPRegressor"),
    (by_descent, "#0072b2", "o", 1.07, "L-BFGS"),
):
    gaps = [[certify(train(width, seed), X, y, beta).relative_gap for seed in range(n_seeds)] for width in widths]
    at = np.repeat(np.array(widths) * shift, n_seeds)
    ax.scatter(at, np.ravel(gaps), color=colour, marker=marker, alpha=0.6)
    ax.text(6, np.median(gaps[2]), label, color=colour, va="center")
    print(f"{label}: best gap {np.min(gaps):.1e}, worst {np.max(gaps):.1e}")
gap = model.certificate_.relative_gap
ax.axhline(gap, color="#d55e00")
ax.text(1, 1.4 * gap, f"ConvexReLURegressor ({model.network_.width} neurons)", color="#b34e00")
ax.set(xscale="log", yscale="log", xlabel="width (hidden neurons)", ylabel="proven relative gap")
ax.set_xticks(widths, widths)
ax.minorticks_off()
plt.show()
print(model.certificate_)
