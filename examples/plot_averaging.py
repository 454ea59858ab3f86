"""
Averages of permutations
========================

The neurons of an optimal network may be permuted, and the network stays optimal. If the objective were convex in the
weights, the average of two such copies would be optimal too. It is far from optimal. Left: the barrier between an
optimal network of five neurons and each of its 120 permutations. Right: the objective of the average of the first k
permutations in random order; the average of all of them has five equal neurons. Masses, unlike weights, may be
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
moved = barriers[1:]  # the first permutation moves nothing
print(f"barriers from {moved.min():.4g} to {moved.max():.4g}; p* is {found.optimal_value:.6g}")


def average(networks):
    """The network of the mean weights."""
    parts = [(one.hidden_weights, one.output_weights, one.hidden_bias) for one in networks]
    hidden, outputs, bias = (np.mean(part, axis=0) for part in zip(*parts, strict=True))
    return TwoLayerReLU(hidden, outputs, hidden_bias=bias)


copies = [network.permuted(order) for order in np.random.default_rng(0).permutation(orders)]
counts = np.unique(np.geomspace(1, len(copies), 40).astype(int))
averaged = [average(copies[:count]).objective(X, y, BETA) for count in counts]
merged = network
for k, copy in enumerate(copies[:N_MERGED]):
    merged = merge_optimal(merged, copy, 1 / (k + 2), X, y, BETA)
excess = merged.objective(X, y, BETA) / found.optimal_value - 1
print(f"average of all: {averaged[-1]:.6g}; {N_MERGED} merged in mass space: p* to {excess:.0e}, {merged}")

figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
left.hist(moved, bins=30, color="#1f2a44")
left.set(title="between a network and its permutations", xlabel="barrier", ylabel="permutations")
right.semilogx(counts, averaged, "o-", color="#d55e00", label="weights averaged")
right.axhline(found.optimal_value, color="#1f2a44", label="masses averaged: p*")
right.set(title="averages of permutations", xlabel="permutations in the average", ylabel="objective")
right.legend(frameon=False)
plt.show()
print(certify(merged, X, y, beta=BETA))
