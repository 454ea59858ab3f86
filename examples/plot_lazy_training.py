"""
Lazy training, and where it ends
================================

Networks of growing width start as in the theory of infinitely wide networks and follow the gradient flow of their
hidden weights, on twelve points of the sphere, without weight decay. The wider the network, the nearer its tangent
kernel is to the limit H*, the less the kernel moves in training, and the nearer the loss stays to that of the linear
model with the kernel H*: the lazy regime. The loss then falls at the rate that the smallest eigenvalue predicts. With
weight decay there is no lazy regime but a proven optimum; the last lines certify it for the same data.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor
from convexnn.landscape import (
    check_rate,
    gradient_flow,
    kernel_distance,
    kernel_drift,
    lazy_network,
    ntk_limit,
    smallest_eigenvalue,
    tangent_kernel,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(12, 5))
X /= np.linalg.norm(X, axis=1, keepdims=True)
y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2
values, vectors = np.linalg.eigh(ntk_limit(X))
widths, times = [32, 128, 512, 2048], np.linspace(0, 30, 61)
distances, drifts, flows = [], [], []
for width in widths:
    start = lazy_network(5, width, random_state=1)
    flow = gradient_flow(start, X, y + start.predict(X), 0.0, times, layers="first", learning_rate=0.1)
    flows.append(flow)
    distances.append(np.median([kernel_distance(lazy_network(5, width, random_state=k), X) for k in range(30)]))
    drifts.append(kernel_drift(start, flow.networks[-1], X, layers="first"))
    print(f"width {width:5d}: |H - H*| sqrt(m) {distances[-1] * np.sqrt(width):.3f}, drift of H {drifts[-1]:.4f}")

kernels = [tangent_kernel(network, X, layers="first") for network in flows[-1].networks]
mu = min(map(smallest_eigenvalue, kernels))
checked = check_rate(flows[-1].objectives, mu, 1 / 0.1, steps=np.arange(61) * 5)
print(f"lambda_min(H*) {values[0]:.4f}, smallest on the way {mu:.4f}; the rate bound holds: {checked.holds}")

# %%
# The wider the network, the longer its loss (marked) follows that of the linear model (dashed). The rate bound (dotted)
# holds, and is far from sharp.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
shades = plt.get_cmap("cividis")(np.linspace(0.0, 0.85, 4))
for width, flow, shade, marker in zip(widths, flows, shades, "osD^", strict=True):
    ax.semilogy(times, flow.objectives, marker=marker, markevery=10, color=shade)
    ax.text(30.5, flow.objectives[-1], f"width {width}", color=shade, va="center")
limit = [0.5 * np.sum((np.exp(-t * values) * (vectors.T @ y)) ** 2) for t in times]
ax.semilogy(times, limit, "k--")
ax.text(30.5, limit[-1] * 0.93, "linear", va="top")
ax.semilogy(times, checked.bounds, "k:")
ax.text(20, 0.62, "rate bound")
ax.set(xlabel="time", ylabel="loss", xlim=(-1, 36))
plt.show()

# %%
# Both the distance of the kernel from its limit at the start and its movement in training fall with the width.
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
ax.loglog(widths, distances, "o-", color="#0072b2")
ax.loglog(widths, drifts, "s--", color="#b07800")
ax.loglog(widths, distances[0] * np.sqrt(widths[0] / np.array(widths)), "k:")
ax.text(150, 0.19, "distance from H* at the start\n(median of 30)", color="#0072b2")
ax.text(36, 0.06, "relative drift\nin training", color="#b07800")
ax.text(900, 0.065, "1 / sqrt(width)")
ax.set(xlabel="width", ylabel="spectral norm")
ax.set_xticks(widths, widths)
ax.yaxis.set(ticks=[0.02, 0.05, 0.1, 0.2], major_formatter="{x:g}", minor_formatter="")
ax.xaxis.set(minor_formatter="")
plt.show()
model = ConvexReLURegressor(beta=0.01, hidden_bias=False, fit_intercept=False).fit(X, y)
print(model.certificate_)
