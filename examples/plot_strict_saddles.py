"""
The time to leave a strict saddle
=================================

The point 0 is a strict saddle of ``1/2 (x_2^2 + ... + x_d^2 - x_1^2) + 1/4 x_1^4``. Gradient descent that starts there
stays. After one uniform draw from a ball of radius r it leaves, after a number of steps that grows with the logarithms
of d and 1/r. With Gaussian noise in every entry and step it leaves in a time that does not depend on d. A network of
zeros is such a saddle too: with noise all of its forty runs leave for the optimum, which the last line certifies.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import TwoLayerReLU, certify
from convexnn.landscape import gradient_descent

STEP, N_RUNS = 0.05, 400
dimensions, radii = [2, 3, 5, 8, 12, 20, 30, 50], [1e-1, 1e-3, 1e-6]


def escape_time(d, radius, noise):
    """Median number of steps until f falls by 1/8, half of the way to the minima at x_1 = +-1."""
    rng = np.random.default_rng(d)
    x, times = rng.normal(size=(N_RUNS, d)), np.zeros(N_RUNS)
    x *= radius * rng.random((N_RUNS, 1)) ** (1 / d) / np.linalg.norm(x, axis=1, keepdims=True)
    while True:
        value = 0.5 * np.sum(x[:, 1:] ** 2, axis=1) - 0.5 * x[:, 0] ** 2 + 0.25 * x[:, 0] ** 4
        held = value > -0.125
        times += held
        if not held.any():
            return np.median(times)
        gradient = np.column_stack([x[:, 0] ** 3 - x[:, 0], x[:, 1:]])
        x -= STEP * (gradient + noise * rng.normal(size=x.shape)) * held[:, None]


times = {r: [escape_time(d, r, 0.0) for d in dimensions] for r in radii}

# %%
# Marks are medians over 400 runs. The lines are ``log(sqrt(0.293 d) / (0.674 r)) / log(1 + step)``: the median of
# abs(x_1) in the ball is about 0.674 r / sqrt(d) for large d, it grows by 1 + step in every step, and f falls by 1/8 at
# x_1^2 = 0.293.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for r, colour, marker in zip(radii, ("#0072b2", "#b07800", "#d55e00"), "osD", strict=True):
    ax.plot(dimensions, times[r], marker, color=colour)
    theory = np.log(np.sqrt(0.293 * np.array(dimensions)) / (0.674 * r)) / np.log(1 + STEP)
    ax.plot(dimensions, theory, "-", color=colour)
    ax.text(48, theory[-1] + 8, f"radius {r:g}", color=colour, ha="right", va="bottom")
ax.set(xlabel="dimension", ylabel="steps to leave the saddle", ylim=(0, 360), xscale="log")
ax.set_xticks(dimensions, dimensions)
ax.xaxis.set(minor_formatter="")
plt.show()

for noise in (1e-1, 1e-3, 1e-6):
    print(f"noise {noise:g}:", *(f"d = {d}: {escape_time(d, 0.0, noise):.0f}" for d in (2, 10, 50)), "steps")
X, y = [[1.0], [0.5]], [1.0, 0.5]
near_zero = TwoLayerReLU([[1e-12]], [1e-12])
found = gradient_descent(X, y, 1, 0.1, start=near_zero, n_runs=40, noise=0.01, max_iter=4000, random_state=0)
print(f"{np.count_nonzero(found.objectives < 0.0961)} of 40 runs end at {found.objectives.max():.6f}")
print(certify(found.networks[int(np.argmin(found.objectives))], X, y, 0.1))
