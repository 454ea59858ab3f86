"""Slow and independent: gradient training of parallel three-layer networks from many starts, and prices by ascent."""

import numpy as np
from scipy.optimize import minimize


def objective_and_gradient(flat, X, y, beta, shape):
    """``1/2 ||y - f||^2 + beta/3 sum_k (||W_k||_F^3 + ||w_k||^3 + |a_k|^3)`` and its gradient where it has one."""
    K, m, d = shape
    W, w, a = flat[: K * m * d].reshape(shape), flat[K * m * d : -K].reshape(K, m), flat[-K:]
    before = np.einsum("id,kjd->ikj", X, W)
    hidden = np.maximum(before, 0)
    z = np.einsum("ikj,kj->ik", hidden, w)
    residual = np.maximum(z, 0) @ a - y
    sizes = np.sqrt((W**2).sum((1, 2))), np.sqrt((w**2).sum(1)), np.abs(a)
    value = 0.5 * residual @ residual + beta / 3 * sum((size**3).sum() for size in sizes)
    back = residual[:, None] * a * (z > 0)
    to_W = np.einsum("ik,kj,ikj,id->kjd", back, w, before > 0, X) + beta * sizes[0][:, None, None] * W
    to_w = np.einsum("ik,ikj->kj", back, hidden) + beta * sizes[1][:, None] * w
    to_a = np.maximum(z, 0).T @ residual + beta * sizes[2] * a
    return value, np.concatenate([to_W.ravel(), to_w.ravel(), to_a])


def trained(X, y, beta, *, K, m, seed, scale=1.0):
    """One run of L-BFGS from a random start: the objective and the weights (W, w, a)."""
    rng = np.random.default_rng(seed)
    shape = K, m, X.shape[1]
    start = scale * rng.standard_normal(K * m * X.shape[1] + K * m + K)
    answer = minimize(
        objective_and_gradient, start, (X, y, beta, shape), jac=True, method="L-BFGS-B",
        options={"maxiter": 3000, "maxfun": 6000, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 30},
    )  # fmt: skip
    flat = answer.x
    return answer.fun, (flat[: -K - K * m].reshape(shape), flat[-K - K * m : -K].reshape(K, m), flat[-K:])


def attained_price(X, nu, W, w):
    """``|nu^T ((X W_j)_+ w)_+|`` of unit layers, for W (m, d) and w (m,) of any size."""
    value = nu @ np.maximum(np.maximum(X @ W.T, 0) @ w, 0)
    return abs(value) / max(np.linalg.norm(W) * np.linalg.norm(w), 1e-300)


def best_price(X, nu, m, seeds):
    """The largest ``|nu^T ((X W)_+ w)_+|`` that L-BFGS finds on unit layers, with its W and w."""
    shape = m, X.shape[1]

    def negative_price(flat, sign):
        W, w = flat[: -shape[0]].reshape(shape), flat[-shape[0] :]
        hidden = np.maximum(X @ W.T, 0)
        z = hidden @ w
        sizes = np.linalg.norm(W), np.linalg.norm(w)
        value = sign * nu @ np.maximum(z, 0) / (sizes[0] * sizes[1])
        back = sign * nu * (z > 0) / (sizes[0] * sizes[1])
        to_W = ((back[:, None] * (hidden > 0)) * w).T @ X - value * W / sizes[0] ** 2
        to_w = hidden.T @ back - value * w / sizes[1] ** 2
        return -value, -np.concatenate([to_W.ravel(), to_w])

    runs = []
    for seed in seeds:
        start = np.random.default_rng(seed).standard_normal(m * X.shape[1] + m)
        runs += [minimize(negative_price, start, sign, jac=True, method="L-BFGS-B") for sign in (1.0, -1.0)]
    best = min(runs, key=lambda run: run.fun).x
    W, w = best[:-m].reshape(shape), best[-m:]
    return attained_price(X, nu, W, w), W, w
