"""
Forking a run of gradient descent
=================================

A run of stochastic gradient descent on minibatches is forked after some epochs: two copies continue with batches of
their own. After an early fork the networks between the two ends, on the straight line, put more rows into the wrong
class than the ends do; after a late one the noise of the batches no longer separates them. Matching the neurons removes
most of the early barriers, which are therefore due to permutation. The convex program gives the smallest possible
objective, with its proof, for comparison.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLUClassifier, TwoLayerReLU
from convexnn.landscape import error_barrier, loss_barrier, match_neurons, stochastic_descent

BETA, WIDTH, N_EPOCHS, N_RUNS, INIT_SCALE = 0.5, 8, 120, 6, 0.02
FORKS = [0, 2, 5, 10, 20, 60]
options = {"learning_rate": 0.5, "batch_size": 4, "loss": "logistic"}

rng = np.random.default_rng(0)
X, fresh, teacher = rng.standard_normal((200, 5)), rng.standard_normal((2000, 5)), rng.standard_normal((6, 5))
teacher = TwoLayerReLU(teacher / np.linalg.norm(teacher, axis=1)[:, None], [1, 1, 1, -1, -1, -1])
y, labels = (np.where(teacher.predict(rows) > 0, 1.0, -1.0) for rows in (X, fresh))


def descend(networks, n_epochs):
    return stochastic_descent(networks, X, y, BETA, n_epochs=n_epochs, random_state=rng, **options)


barriers, values = np.zeros((2, len(FORKS), N_RUNS)), []
draws, done = INIT_SCALE * rng.standard_normal((N_RUNS, 6, WIDTH)), 0
trunk = [TwoLayerReLU(draw[:5].T, draw[5]) for draw in draws]
for k, fork in enumerate(FORKS):
    trunk, done = descend(trunk, fork - done), fork
    ends = [descend(trunk, N_EPOCHS - fork) for _ in range(2)]
    for run, (a, b) in enumerate(zip(*ends, strict=True)):
        matched = match_neurons(a, b).network
        barriers[:, k, run] = [100 * error_barrier(a, other, fresh, labels).barrier for other in (b, matched)]
        values.append(a.objective(X, y, BETA, loss="logistic"))
    plain, matched = barriers[:, k].mean(axis=1)
    print(f"forked after {fork:3d} epochs: mean barrier in the error {plain:5.2f} %, after matching {matched:5.2f} %")
rise = loss_barrier(ends[0][0], ends[1][0], X, y, BETA, loss="logistic").barrier
print(f"barrier in the objective after the last fork, first run: {rise:.4f}")

best = ConvexReLUClassifier(beta=BETA, loss="logistic", hidden_bias=False, fit_intercept=False).fit(X, y)
print(f"objectives from {min(values):.5g} to {max(values):.5g}; no network is below {best.certificate_.dual:.5g}")

# %%
# Every dot is a run that was forked; lines are means over the runs, of the barrier in the error on 2000 fresh rows.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for heights, colour, style, shift, name in zip(
    barriers, ("#1f2a44", "#d55e00"), ("o-", "^--"), (0.94, 1.06), ("as they are", "neurons matched"), strict=True
):
    places = np.maximum(FORKS, 0.4) * shift
    ax.semilogx(places, heights, style[0], color=colour, alpha=0.3, mec="none")
    ax.semilogx(places, heights.mean(axis=1), style, color=colour, mec="white", ms=8, lw=2, label=name)
ax.set_xticks(np.maximum(FORKS, 0.4), FORKS)
ax.minorticks_off()
ax.set(xlabel=f"epochs before the fork, of {N_EPOCHS}", ylabel="barrier in the error (%)")
ax.legend(frameon=False)
plt.show()
print(best.certificate_)
