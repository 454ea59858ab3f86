"""
The staircase of the optimal set
================================

All globally optimal networks of two small problems, at every width. Below the critical width m* there are none; at m*
they are isolated points; from M* + 1 on no point is isolated; and from some width on all of them are connected. The
bars count the pieces exactly, isolated points apart from continua. Last, two optimal networks that differ by a swap of
neurons are joined at width 4: the objective stays at its minimum along the path, and rises along the straight line.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import TwoLayerReLU, certify, optimal_set

BETA, WIDTHS = 0.1, range(1, 7)


def rows_at(*degrees):
    """Unit vectors at these angles."""
    return np.column_stack([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])


def between(a, b, t):
    """The network on the straight line from a to b."""
    mix = [(1 - t) * first + t * second for first, second in zip(_weights(a), _weights(b), strict=True)]
    return TwoLayerReLU(*mix)


def _weights(network):
    return network.hidden_weights, network.output_weights


problems = {
    "two rows": (np.array([[-np.sqrt(3), 1.0], [np.sqrt(3), 1.0]]), np.ones(2)),
    "three rows, 120 degrees apart": (rows_at(0, 120, 240), np.ones(3)),
}
figure, axes = plt.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
for ax, (name, (X, y)) in zip(axes, problems.items(), strict=False):
    found = optimal_set(X, y, BETA)
    isolated = np.array([found.n_isolated(width) for width in WIDTHS])
    pieces = np.array([found.n_components(width) for width in WIDTHS])
    ax.bar(WIDTHS, isolated, color="#d55e00", label="isolated points")
    ax.bar(WIDTHS, pieces - isolated, bottom=isolated, color="#1f2a44", label="continua")
    for width, count in zip(WIDTHS, pieces, strict=True):
        ax.annotate(str(count), (width, count), ha="center", va="bottom")
    for value, label in ((found.m_star, "m*"), (found.M_star, "M*"), (found.connected_from, "connected from here")):
        ax.axvline(value - 0.5, color="grey", linestyle=":", zorder=0)
        ax.annotate(
            label, (value - 0.47, 0.97), xycoords=("data", "axes fraction"), rotation=90, va="top", color="grey"
        )
    ax.set(title=f"{name}: p* = {found.optimal_value:.4g}", xlabel="width (hidden neurons)", xticks=WIDTHS)
    ax.set_ylim(0, 1.25 * pieces.max())
axes[0].set_ylabel("components of the set of optimal networks")
axes[0].legend(loc="center right")

a = found.network(found.vertices[0], width=4)
b = a.permuted([1, 0, 2, 3])
path, ts = found.path(a, b), np.linspace(0, 1, 201)
X, y = problems["three rows, 120 degrees apart"]
axes[2].plot(ts, [between(a, b, t).objective(X, y, BETA) for t in ts], color="#d55e00", label="straight line")
axes[2].plot(ts, [path.objective(t) for t in ts], color="#1f2a44", label="path of the optimal set")
axes[2].set(title="two neurons change places, width 4", xlabel="way from one network to the other", ylabel="objective")
axes[2].legend()
plt.show()
print(certify(found.minimal_network(), X, y, BETA))
