"""
Saddles that cost exponential time
==================================

Gradient descent from a random start leaves a strict saddle, but a chain of d saddles may hold it for a time exponential
in d. On the function of Du, Jin, Lee, Jordan, Singh and Poczos (2017) descent along one coordinate brings the following
ones nearer to 0, where the next saddles are. Perturbed gradient descent, which moves to a random point of a small ball
where the gradient is small, leaves every saddle in about the same time.
"""

import matplotlib.pyplot as plt
import numpy as np

L = GAMMA = 1.0  # curvatures up and down: f has the terms L x^2 and -GAMMA x^2
TAU, STEP, RADIUS = np.e, 0.25, 0.1


def slopes(x):
    """Derivatives divided by the coordinates, at x > 0 of shape (n_runs, d)."""
    rows, d = np.arange(len(x)), x.shape[1]
    passed = x >= 2 * TAU
    i = np.where(passed.all(axis=1), d, np.argmin(passed, axis=1))  # the first coordinate that has not got through
    slope = np.where(np.arange(d) < i[:, None], 2 * L * (1 - 4 * TAU / np.maximum(x, TAU)), 2 * L)
    r, k = rows[i < d], i[i < d]
    z, s = x[r, k], (x[r, k] - 2 * TAU) / TAU
    bend = (10 * GAMMA - 14 * L) * (z - TAU) ** 2 / TAU + 2 * (5 * L - 3 * GAMMA) * (z - TAU) ** 3 / TAU**2
    inner = np.where(z <= TAU, L, -GAMMA - (L + GAMMA) * (10 * s**3 + 15 * s**4 + 6 * s**5))
    following = np.where(k + 1 < d, x[r, np.minimum(k + 1, d - 1)], 0.0)
    pull = -30 * (L + GAMMA) / TAU * (s * (1 + s)) ** 2 * following**2
    slope[r, k] = -2 * GAMMA + np.where(z <= TAU, 0.0, (bend + pull) / np.maximum(z, TAU))
    slope[r[k + 1 < d], k[k + 1 < d] + 1] = 2 * inner[k + 1 < d]
    return slope


def escape_times(d, perturbed, n_runs=11, max_iter=400_000):
    """Steps until every coordinate is through; logarithms of the coordinates, since they fall below 1e-308."""
    rng = np.random.default_rng(d)
    logs, times = np.log(rng.random((n_runs, d))), np.zeros(n_runs, dtype=int)
    last = np.full(n_runs, -20)
    for t in range(max_iter):
        x = np.exp(logs)
        active = (x < 2 * TAU).any(axis=1)
        times[active] = t + 1
        if not active.any():
            break
        slope = slopes(x)
        logs += np.log1p(-STEP * slope)
        if perturbed:
            still = (np.linalg.norm(slope * x, axis=1) < RADIUS / 2) & (t - last >= 20)
            ball = rng.normal(size=(n_runs, d))
            ball *= RADIUS * rng.random((n_runs, 1)) ** (1 / d) / np.linalg.norm(ball, axis=1, keepdims=True)
            logs[still] = np.log(np.abs(np.exp(logs) + ball))[still]
            last[still] = t
    return np.median(times)


plain = {d: escape_times(d, False) for d in range(1, 9)}
perturbed = {d: escape_times(d, True) for d in (1, 2, 3, 5, 8, 12, 20, 30, 50)}

# %%
# The median number of steps over eleven random starts, until every coordinate is through. Without perturbations it is
# multiplied by 2.7 with every dimension, the base that the rates log 2 down and log 1.5 up give (dotted).
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
ax.semilogy(plain.keys(), plain.values(), "o-", color="#d55e00")
ax.semilogy(perturbed.keys(), perturbed.values(), "s-", color="#0072b2")
rate = 1 + np.log(2) / np.log(1.5)
ax.semilogy(plain.keys(), [plain[4] * rate ** (d - 4) for d in plain], "k:")
ax.text(9.5, plain[8], "gradient descent", color="#d55e00", va="center")
ax.text(26, 300, "perturbed gradient descent", color="#0072b2")
ax.set(xlabel="dimension", ylabel="steps")
plt.show()

for d in plain:
    print(f"dimension {d}: {plain[d]:7.0f} steps without perturbations")
factor = (plain[8] / plain[3]) ** (1 / 5)
print(f"factor for each dimension {factor:.2f}, expected {rate:.2f}")
power = np.polyfit(np.log([8, 12, 20, 30, 50]), np.log([perturbed[d] for d in (8, 12, 20, 30, 50)]), 1)[0]
print(f"perturbed: {perturbed[50]:.0f} steps in dimension 50, growing like the power {power:.2f} of the dimension")
