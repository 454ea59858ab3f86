"""
The catapult: steps above 2 / sharpness that end well
=====================================================

A wide linear network of one sample, f = u'v / sqrt(m) with the loss (f - y)^2 / 2, has two numbers that matter: f and
the tangent kernel k = (||u||^2 + ||v||^2) / m, which is the sharpness where the loss is zero. With r = f - y a step eta
of gradient descent changes them to

f - eta k r + eta^2 r^2 f / m and k - 4 eta r f / m + eta^2 r^2 k / m.

Below 2 / k the loss falls. Between 2 / k and 4 / k it rises first, which throws the network to where k is smaller, and
then it falls; above 4 / k it only rises (Lewkowycz, Bahri, Dyer, Sohl-Dickstein and Gur-Ari, 2020). Pairs of opposite
ReLU neurons on opposite rows are such a network exactly.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import TwoLayerReLU, certify
from convexnn.landscape import gradient_descent

WIDTH, TARGET, BETA = 500, 1.0, 1e-12
STEPS = {0.5: ("#1f2a44", 30), 2.5: ("#0072b2", 30), 3.5: ("#b07800", 30), 4.5: ("#d55e00", 5)}

rng = np.random.default_rng(0)
u, v = rng.normal(size=(2, WIDTH))
X, y = np.array([[1.0], [-1.0]]) / np.sqrt(WIDTH), np.array([TARGET, -TARGET])
start = TwoLayerReLU(np.append(u, -u)[:, None], np.append(v, -v))


def closed_form(f, k, eta, n_steps):
    """f and k after 0, 1, ..., n_steps steps."""
    pairs = [(f, k)]
    for _ in range(n_steps):
        r = f - TARGET
        f, k = f - eta * k * r + eta**2 * r**2 * f / WIDTH, k - 4 * eta * r * f / WIDTH + eta**2 * r**2 * k / WIDTH
        pairs.append((f, k))
    return np.array(pairs).T


kernel, runs = (u @ u + v @ v) / WIDTH, {}
for factor, (_, n_steps) in STEPS.items():
    options = {"learning_rate": factor / kernel, "max_iter": n_steps, "tol": 1e-300, "trace": 1}
    trace = gradient_descent(X, y, 2 * WIDTH, BETA, start=start, **options).traces[0]
    # Every neuron and its opposite count once: the kernel is half the sum of all squares.
    kernels = [np.sum(n.hidden_weights**2 + n.output_weights[:, None] ** 2) / (2 * WIDTH) for n in trace.networks]
    values = np.array([n.predict(X)[0] for n in trace.networks])
    known = np.array(closed_form(u @ v / np.sqrt(WIDTH), kernel, factor / kernel, n_steps))
    off = (np.abs(np.array([values, kernels]) - known) / (1 + np.abs(known))).max()
    runs[factor] = trace.steps, (values - TARGET) ** 2 / 2, kernels
    print(f"step {factor} / k: k from {kernels[0]:.3f} to {kernels[-1]:.3g}, off the closed form by {off:.0e}")

# %%
# The loss: steps of 0.5 / k lower it at once, those of 2.5 / k and 3.5 / k after a rise, and those of 4.5 / k never.
ax = plt.subplots(figsize=(6.5, 4), layout="constrained")[1]
for factor, (steps, losses, _) in runs.items():
    ax.semilogy(steps, losses, ".-", color=STEPS[factor][0], label=f"step = {factor} / k")
ax.set(xlabel="steps", ylabel="loss", ylim=(1e-12, 1e9))
ax.legend(frameon=False)
plt.show()

# %%
# The sharpness: while the loss is large, k falls, until the step is below 2 / k (the dashed lines show 2 / step). The
# flatter end was not chosen for its objective, and neither is what the certificate proves.
ax = plt.subplots(figsize=(6.5, 4), layout="constrained")[1]
for factor, (steps, _, kernels) in list(runs.items())[:3]:
    ax.plot(steps, kernels, ".-", color=STEPS[factor][0], label=f"step = {factor} / k")
    ax.axhline(2 * kernel / factor, color=STEPS[factor][0], ls="--", lw=1)
ax.set(xlabel="steps", ylabel="tangent kernel k", ylim=(0, 2.4))
ax.legend(frameon=False)
plt.show()
print(certify(trace.networks[0], X, y, 0.01))
