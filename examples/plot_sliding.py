"""
A gradient flow that slides along kinks
=======================================

The gradient flow of a network often reaches a kink, where a row lies on the hyperplane of a neuron, and both sides lead
back to it: it slides along. Here are the directions of the neurons of one network in the plane, as time goes on. Some
slide along the dashed lines, the directions orthogonal to a row, and leave them or come to rest there. Gradient steps
reach the same loss, jumping to and fro. The flow of students of eight teachers on the population loss has no kinks to
slide on; of forty starts it ends in a spurious minimum for a few, as gradient descent does.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

from convexnn import TwoLayerReLU, certify
from convexnn.landscape import gradient_flow, population_gradient, population_hessian, population_loss

rng = np.random.default_rng(4)
X, y = rng.normal(size=(8, 2)), rng.normal(size=8)
start = TwoLayerReLU(0.5 * rng.normal(size=(5, 2)), 0.5 * rng.normal(size=5))
times = np.append(0.0, np.geomspace(0.05, 1e4, 240))
flow = gradient_flow(start, X, y, 0.1, times)
angles = np.array([np.arctan2(*network.hidden_weights.T[::-1]) for network in flow.networks]) % (2 * np.pi)
sizes = np.array([np.abs(network.output_weights) for network in flow.networks])

# %%
# The directions of five neurons over time: where a curve follows a dashed line the flow slides along a kink; a neuron
# that dies is no longer drawn.
figure, ax = plt.subplots(figsize=(6.5, 4.6), layout="constrained")
for kink in (np.arctan2(X[:, 1], X[:, 0])[:, None] + np.pi * np.array([0.5, 1.5])).ravel() % (2 * np.pi):
    ax.axhline(np.degrees(kink), color="0.75", ls="--", lw=0.8)
for j, colour in enumerate(("#0072b2", "#d55e00", "#b07800", "#1f2a44", "#6a4c93")):
    alive = sizes[:, j] > 1e-3
    ax.plot(times[alive], np.degrees(angles[alive, j]), color=colour, lw=2.2)
ax.set_xscale("symlog", linthresh=0.1)
ax.set(xlabel="time", ylabel="direction in degrees", xlim=(0, 1e4), ylim=(0, 360), yticks=range(0, 361, 90))
plt.show()

short = [0.0, 1.0, 5.0, 20.0]
steps = gradient_flow(start, X, y, 0.1, short, learning_rate=1e-3)
print("flow ", gradient_flow(start, X, y, 0.1, short).objectives.round(5), f"at the end {flow.objectives[-1]:.8f}")
print("steps", steps.objectives.round(5))
near = np.abs(X @ flow.networks[-1].hidden_weights.T) < 1e-9 * np.linalg.norm(flow.networks[-1].hidden_weights, axis=1)
print(f"pairs of a row and a neuron at rest on its hyperplane: {np.count_nonzero(near)}")

k, ends = 8, []
for seed in range(40):
    weights = np.random.default_rng(seed).normal(size=k * k) / np.sqrt(k)
    run = solve_ivp(
        lambda t, w: -population_gradient(w.reshape(k, k), np.eye(k)).ravel(), (0, 400), weights, "RK23", rtol=1e-4
    )
    ends.append(run.y[:, -1].reshape(k, k))
losses = np.array([population_loss(W, np.eye(k)) for W in ends])
worst = ends[int(losses.argmax())]
print(f"students of {k} teachers, by flow: {np.count_nonzero(losses > 1e-4)} of 40 end above 0, at {losses.max():.6f}")
print("published share of 1000 runs of gradient descent: 12.6 %")
print(f"least eigenvalue there {np.linalg.eigvalsh(population_hessian(worst, np.eye(k)))[0]:.5f}")
print(certify(flow.networks[-1], X, y, 0.1))
