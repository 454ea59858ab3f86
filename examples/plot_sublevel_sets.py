"""
One neuron more than rows joins everything
==========================================

Without weight decay the networks below a level of the loss are a connected set from width n + 1 on, for n rows. At
width n this need not be so (Nguyen, 2021). Here are three rows in the plane, and the numbers of components of all these
sets, which are counted exactly.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import TwoLayerReLU, certify
from convexnn.landscape import nudged_path, sublevel_components, unregularized_path

rng = np.random.default_rng(2)
X, y = rng.normal(size=(3, 2)), rng.normal(size=3)
found = {width: sublevel_components(X, y, width) for width in (1, 2, 3, 4)}
print(*found.values(), sep="\n")

# %%
# Components of the networks whose loss is at most the level: three neurons fit the rows in 6 separate sets, the orders
# of the neurons, which meet at the least loss of two neurons. With four neurons there is one set at every level.
ax = plt.subplots(figsize=(6.5, 4), layout="constrained")[1]
for (width, counted), colour in zip(found.items(), ("#9aa3b5", "#b07800", "#d55e00", "#0072b2"), strict=True):
    levels = np.append(counted.levels, 0.4)
    ax.stairs(counted.counts, levels, baseline=None, color=colour, lw=2, label=f"width {width}")
    ax.plot(levels[0], counted.counts[0], "o", color=colour)
ax.set(xlabel="level of the loss", ylabel="components", xlim=(-0.005, 0.4), ylim=(0, 6.5))
ax.legend(frameon=False)
plt.show()

# %%
# From three neurons that fit the rows to the same ones in another order: the straight line leads far up; a nudged
# elastic band comes down towards the lowest pass, which is known from the counts (dotted); and with one neuron more
# there is a path without any loss.
while True:
    hidden = rng.normal(size=(3, 2))
    activations = np.maximum(X @ hidden.T, 0.0)
    if abs(np.linalg.det(activations)) > 0.1:
        break
a = TwoLayerReLU(hidden, np.linalg.solve(activations, y)).balanced()
b, pass_height = a.permuted([1, 0, 2]), found[3].levels[1]
band = nudged_path(a, b, X, y, 1e-9, n_starts=4, random_state=0)
path = unregularized_path(a.padded(4), b.padded(4), X)
print(f"highest loss: band {band.profile.peak:.4f}, lowest pass {pass_height:.4f}")

ts = np.linspace(0, 1, 301)
ways = {
    "straight line": [band.straight_objective(t) for t in ts],
    "elastic band": [band.objective(t) for t in ts],
    "four neurons": [path(t).objective(X, y, 1e-9) for t in ts],
}
ax = plt.subplots(figsize=(6.5, 4), layout="constrained")[1]
ax.axhline(pass_height, color="0.4", ls=":", lw=1)
for (name, losses), colour in zip(ways.items(), ("#9aa3b5", "#d55e00", "#0072b2"), strict=True):
    ax.plot(ts, losses, color=colour, lw=2, label=name)
ax.set(xlabel="t", ylabel="loss", ylim=(-0.005, 0.15))
ax.legend(frameon=False)
plt.show()
print(certify(a, X, y, 1e-9))
