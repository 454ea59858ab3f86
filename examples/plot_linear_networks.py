"""
Saddles of deep linear networks
===============================

The product of a chain of numbers should be one: ``1/2 (1 - w1 w2)^2`` and ``1/2 (1 - w1 w2 w3)^2``. At the origin the
Hessian of the first function has the eigenvalues -1 and 1, a strict saddle. That of the second is 0: the origin is
second-order stationary, but no minimum. Gradient descent from a start of size s leaves the first saddle after about
log(1/s) steps, and the second only after about 1/s. With a ReLU in the chain of two and weight decay a certificate
shows that the zero network is far from optimal, and the certificate of a network of one neuron is exact. Matrices in
place of numbers are in :ref:`sphx_glr_auto_examples_plot_linear_matrices.py`.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import TwoLayerReLU, certify
from convexnn.landscape import LinearNetworkLoss, classify_linear, second_order_point

STEP = 0.05
chains = {depth: LinearNetworkLoss([[1.0]], [1.0], widths=[1] * (depth - 1)) for depth in (2, 3)}


def steps_to_leave(chain, start, limit=40_000):
    """Return the number of steps of gradient descent until the product is above 1/2."""
    w, n_steps = start.copy(), 0
    while n_steps < limit and np.prod(w) < 0.5:
        w, n_steps = w - STEP * chain.gradient(w), n_steps + 1
    return n_steps


for depth, chain in chains.items():
    origin = np.zeros(depth)
    at_zero = second_order_point(chain.gradient(origin), chain.hessian(origin), 1e-9, 1e-9)
    print(f"depth {depth}, origin: eigenvalues {at_zero.eigenvalues + 0.0}, second-order stationary: {bool(at_zero)}")
    label = classify_linear(chain, origin)
    print(f"  {label.kind}, with a value of {label.lower_value:.6f} nearby where it has {label.value}")

# %%
# Depth 2: the loss is zero on both dark curves, and the origin (cross) is a pass between two slopes.
figure, ax = plt.subplots(figsize=(6.5, 5), layout="constrained")
grid = np.linspace(-2, 2, 200)
filled = ax.contourf(grid, grid, np.log10(1e-3 + 0.5 * (1 - np.outer(grid, grid)) ** 2), 30, cmap="Blues_r")
figure.colorbar(filled, label="log10(loss + 0.001)", ticks=[-3, -2, -1, 0, 1])
ax.plot(0, 0, "kx", ms=9)
ax.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal")
plt.show()

# %%
# To leave the saddle takes a few steps more for every smaller start at depth 2, and ten times as many at depth 3.
sizes = 10.0 ** -np.arange(1, 4)
ratios = np.array([1.0, 1.1, 1.2])
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for depth, style, colour in ((2, "o-", "#0072b2"), (3, "s--", "#b07800")):
    steps = [steps_to_leave(chains[depth], size * ratios[:depth]) for size in sizes]
    for size, n_steps in zip(sizes, steps, strict=True):
        print(f"depth {depth}, start {size:g}: {n_steps} steps to a product of 1/2")
    ax.loglog(sizes, steps, style, color=colour)
    ax.text(1.2e-3, (0.45 if depth == 2 else 0.22) * steps[-1], f"depth {depth}", color=colour)
ax.loglog(sizes, 1 / sizes / STEP, "k:")
ax.text(1e-2, 2.4e3, "1 / (step s)")
ax.set(xlabel="size s of the start", ylabel="steps to leave the saddle")
plt.show()

zero, one = TwoLayerReLU([[0.0]], [0.0]), TwoLayerReLU([[np.sqrt(0.9)]], [np.sqrt(0.9)])
print(f"zero network: relative gap {certify(zero, [[1.0]], [1.0], 0.1).relative_gap:.3f}")
print(certify(one, [[1.0]], [1.0], 0.1))
