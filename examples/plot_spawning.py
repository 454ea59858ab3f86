"""
Forking a run of gradient descent
=================================

A run of stochastic gradient descent is forked after k steps: two copies continue with samples of their own. After an
early fork more than half of the pairs end at networks with a barrier on the straight line between them; after a fork at
a third of the way the noise no longer separates them. Points are single runs, lines are means. Matching the neurons
removes most of the height of the early barriers, which was therefore due to permutation. The data come from a teacher
of six neurons, without noise. The convex program gives the smallest possible objective, with its proof, for comparison.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor, TwoLayerReLU
from convexnn.landscape import loss_barrier, match_neurons

BETA, WIDTH, STEP, N_STEPS, N_RUNS = 0.5, 8, 0.05, 3000, 20
FORKS = [0, 8, 32, 128, 256, 512, 1024]

rng = np.random.default_rng(0)
X, teacher = rng.standard_normal((200, 5)), rng.standard_normal((6, 5))
y = np.maximum(X @ (teacher / np.linalg.norm(teacher, axis=1)[:, None]).T, 0.0) @ [1, 1, 1, -1, -1, -1]
y /= y.std()


def descend(neurons, outputs, n_steps, rng):
    """Stochastic gradient descent of many runs at once, one sample a step, which has its share of the penalty."""
    neurons, outputs, share = neurons.copy(), outputs.copy(), BETA / len(y)
    for _ in range(n_steps):
        rows = rng.integers(len(y), size=len(neurons))
        activations = np.maximum((neurons @ X[rows, :, None])[:, :, 0], 0.0)
        residual = np.sum(activations * outputs, axis=1) - y[rows]
        slope = ((activations > 0) * outputs * residual[:, None])[:, :, None] * X[rows, None, :]
        outputs -= STEP * (residual[:, None] * activations + share * outputs)
        neurons -= STEP * (slope + share * neurons)
    return neurons, outputs


barriers, values = np.zeros((2, len(FORKS), N_RUNS)), []
trunk, done = (0.1 * rng.standard_normal((N_RUNS, WIDTH, 5)), 0.1 * rng.standard_normal((N_RUNS, WIDTH))), 0
for k, fork in enumerate(FORKS):
    trunk, done = descend(*trunk, fork - done, rng), fork
    ends = [descend(*trunk, N_STEPS - fork, copy) for copy in rng.spawn(2)]
    for run in range(N_RUNS):
        a, b = (TwoLayerReLU(neurons[run], outputs[run]) for neurons, outputs in ends)
        barriers[0, k, run] = loss_barrier(a, b, X, y, BETA).barrier
        barriers[1, k, run] = loss_barrier(a, match_neurons(a, b).network, X, y, BETA).barrier
        values += [a.objective(X, y, BETA)]
    plain, matched = barriers[:, k]
    print(
        f"forked after {fork:4d} steps: mean barrier {plain.mean():.4f}, after matching {matched.mean():.4f};", end=" "
    )
    print(f"above 0.01 in {np.mean(plain > 0.01):.0%} of the runs, matched in {np.mean(matched > 0.01):.0%}")

best = ConvexReLURegressor(beta=BETA, hidden_bias=False, fit_intercept=False).fit(X, y)
print(f"objectives from {min(values):.5g} to {max(values):.5g}; no network is below {best.certificate_.dual:.5g}")

# %%
# Every dot is a run that was forked; lines are means. The axis is linear up to 0.01, where a barrier is none.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for heights, colour, style, shift, name in zip(
    barriers, ("#1f2a44", "#d55e00"), ("o-", "^--"), (0.94, 1.06), ("as they are", "neurons matched"), strict=True
):
    places = np.maximum(FORKS, 2) * shift
    ax.semilogx(places, heights, style[0], color=colour, alpha=0.35, mec="none")
    ax.semilogx(places, heights.mean(axis=1), style, color=colour, mec="white", ms=8, lw=2, label=name)
ax.set_yscale("symlog", linthresh=0.01)
ax.yaxis.set(ticks=[0, 0.01, 0.1, 1, 5], major_formatter="{x:g}")
ax.set_xticks(np.maximum(FORKS, 2), FORKS)
ax.minorticks_off()
ax.set(xlabel=f"steps before the fork, of {N_STEPS}", ylabel="barrier between the two ends", ylim=(-0.001, 8))
ax.legend(frameon=False)
plt.show()
print(best.certificate_)
