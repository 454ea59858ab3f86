"""
One neuron more
===============

At the symmetric spurious minimum of the teacher-student loss all student neurons but one are near a teacher neuron.
Split a neuron into two halves: the student is the same function and the gradient stays zero, but the point is a saddle
now (Safran, Yehudai and Shamir, 2021). Where descent goes from there depends on which neuron was split.

A neuron that is free also changes what a permutation costs. Between a network and the same with its neurons exchanged
lies a pass; with one neuron more there is a way at constant objective (Brea et al., 2019; Simsek et al., 2021).
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor
from convexnn.landscape import (
    classify,
    gradient_descent,
    permutation_detour,
    permutation_path,
    polish,
    population_gradient,
    population_hessian,
    population_loss,
    split_neuron,
    symmetric_minimum,
)

for k in (6, 8, 12):
    saddles = [split_neuron(symmetric_minimum(k), j) for j in (0, k - 1)]
    good, bad = (np.linalg.eigvalsh(population_hessian(W, np.eye(k)))[0] for W in saddles)
    print(f"k = {k}: least eigenvalue {good:.3f} with a good neuron split, {bad:.3f} with the bad one")


def descend(W, V, n_steps=2500, step=0.1):
    """Leave a saddle along its least eigenvector; return the losses of gradient descent."""
    W = W + 1e-3 * np.linalg.eigh(population_hessian(W, V))[1][:, 0].reshape(W.shape)
    losses = []
    for _ in range(n_steps):
        losses.append(population_loss(W, V))
        W = W - step * population_gradient(W, V)
    return losses


# %%
# Eight teacher neurons and nine of the student. A good neuron in two halves: one half goes to the teacher neuron that
# nobody was near, and the loss falls to 0. The bad neuron in two halves: the end is another spurious minimum.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for j, name in ((0, "a good neuron split"), (7, "the bad neuron split")):
    ax.semilogy(descend(split_neuron(symmetric_minimum(8), j), np.eye(8)), label=name)
ax.set(xlabel="step", ylabel="loss", ylim=(1e-7, 0.1))
ax.legend(frameon=False)
plt.show()

# %%
# Eight inputs in the plane and a strict local minimum of two neurons. Three ways to the neurons in the other order:
# the straight line, one over a network that has given up a neuron, and one with a zero neuron beside the two.
rng = np.random.default_rng(0)
X, y, beta = rng.normal(size=(8, 2)), rng.normal(size=8), 0.1
runs = gradient_descent(X, y, 2, beta, n_runs=20, random_state=0)
network = polish(runs.networks[runs.objectives.argmin()], X, y, beta)
detour = permutation_detour(network, [1, 0], X, y, beta)
valley = permutation_path(network.padded(3), [1, 0, 2])
print(classify(network, X, y, beta))
print(f"over one neuron: {detour.peak:.6f}; with a zero neuron: {valley(0.5).objective(X, y, beta):.6f}")
ts = np.linspace(0, 1, 201)
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
ax.plot(ts, [detour.straight_objective(t) for t in ts], "--", label="straight line")
ax.plot(ts, [detour.objective(t) for t in ts], label="one neuron given up on the way")
ax.plot(ts, [valley(t).objective(X, y, beta) for t in ts], label="one neuron more")
ax.set(xlabel="share t of the way to the exchanged network", ylabel="objective")
ax.legend(frameon=False)
plt.show()

print(ConvexReLURegressor(beta, hidden_bias=False, fit_intercept=False).fit(X, y).certificate_)
