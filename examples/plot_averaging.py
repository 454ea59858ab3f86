"""
Averages of permutations
========================

The neurons of an optimal network may be permuted, and the network stays optimal. If the objective were convex in the
weights, the average of two such copies would be optimal too. It is far from optimal. Masses, unlike weights, may be
averaged: the mixture of the same copies in the space of masses stays at the optimum p*, and pruning returns the
original five neurons.
"""

from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import TwoLayerReLU, certify, optimal_set
from convexnn.landscape import loss_barrier, merge_optimal

BETA, N_MERGED = 5.0, 5

X, y = load_diabetes(return_X_y=True)
X, y = scale(X[:60][:, [2, 3, 8]]), scale(y[:60])  # body mass index, blood pressure, triglycerides
found = optimal_set(X, y, BETA, hidden_bias=True)
network = found.minimal_network()
print(f"{found}: {network}")
orders = np.array(list(permutations(range(network.width))))
barriers = np.array([loss_barrier(network, network.permuted(order), X, y, BETA).barrier for order in orders])
print(f"barriers from {barriers[1:].min():.4g} to {barriers.max():.4g}; p* is {found.optimal_value:.6g}")


def average(networks):
    """The network of the mean weights."""
    parts = [(one.hidden_weights, one.output_weights, one.hidden_bias) for one in networks]
    hidden, outputs, bias = (np.mean(part, axis=0) for part in zip(*parts, strict=True))
    return TwoLayerReLU(hidden, outputs, hidden_bias=bias)


copies = [network.permuted(order) for order in np.random.default_rng(0).permutation(orders)]
counts = np.unique(np.geomspace(1, len(copies), 40).astype(int))
averaged = np.array([average(copies[:count]).objective(X, y, BETA) for count in counts])
merged = network
for k, copy in enumerate(copies[:N_MERGED]):
    merged = merge_optimal(merged, copy, 1 / (k + 2), X, y, BETA)
excess = merged.objective(X, y, BETA) / found.optimal_value - 1
print(f"average of all: {averaged[-1]:.6g}; {N_MERGED} merged in mass space: p* to {excess:.0e}, {merged}")

# %%
# Each dot is a permutation of the five neurons: the more neurons it moves, the higher the barrier between the two
# optimal copies, on average (bars).
n_moved = np.sum(orders != np.arange(network.width), axis=1)
fig, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for count in range(2, network.width + 1):
    heights = 100 * barriers[n_moved == count] / found.optimal_value
    places = count + 0.5 * ((np.arange(len(heights)) * 0.618) % 1 - 0.5)
    ax.plot(places, heights, "o", color="#0072b2", alpha=0.6, mec="white")
    ax.hlines(heights.mean(), count - 0.35, count + 0.35, color="#d55e00", linewidth=3)
ax.set(xlabel="neurons that are moved", ylabel="barrier above p* (%)", xticks=range(2, network.width + 1), ylim=-1.5)
plt.show()

# %%
# The more copies are averaged, the worse the average of their weights becomes; the average of their masses stays at p*.
fig, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
ax.plot(counts, 100 * (averaged / found.optimal_value - 1), "o-", color="#d55e00")
ax.axhline(0, color="#0072b2", linewidth=2.5)
ax.text(11, 40, "weights averaged", color="#b34e00", ha="right")
ax.text(11, 1.5, "masses averaged: p*", color="#0072b2", ha="center")
ax.set(xscale="log", xlabel="permutations in the average", ylabel="objective above p* (%)")
ax.set_xticks([1, 10, 120], ["1", "10", "120: all"])
plt.show()
print(certify(merged, X, y, beta=BETA))
