"""
Low rank: with enough measurements every minimum is global
==========================================================

A matrix ``M = U* U*^T`` of rank 2 is looked for by its factor, from linear measurements: random ones (sensing), or
known entries (completion, where long rows are penalised: else some runs follow a valley to infinity). With every entry
measured all second-order points are global. With fewer measurements there are three regimes, which counts of a search
show: with half as many as M has degrees of freedom, everything fits and nothing is M; around as many, spurious minima
hold part of the starts; with twice as many they are gone, but for a few of completion.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn.landscape import MatrixCompletion, MatrixSensing, second_order_points

N, RANK, N_MATRICES, N_STARTS = 8, 2, 6, 4
FREEDOM = N * RANK - RANK * (RANK - 1) // 2  # numbers that a symmetric matrix of this rank is made of


def sensing(rng, U, n_measurements):
    A = rng.normal(size=(n_measurements, N, N))
    return MatrixSensing(A, np.einsum("kab,ab->k", A, U @ U.T), RANK, minimiser=U.ravel())


def completion(rng, U, n_measurements):
    mask = np.zeros((N, N), dtype=bool)
    rows, columns = np.triu_indices(N)
    known = rng.permutation(len(rows))[:n_measurements]
    mask[rows[known], columns[known]] = True
    bound = 1.5 * np.linalg.norm(U, axis=1).max()
    return MatrixCompletion(U @ U.T, mask | mask.T, RANK, row_penalty=1.0, row_bound=bound, minimiser=U.ravel())


def shares(kind, n_measurements):
    """Return the shares of second-order points that are global, and that are M."""
    ends = []
    for seed in range(N_MATRICES):
        rng = np.random.default_rng(seed)
        U = rng.normal(size=(N, RANK))
        function = kind(rng, U, n_measurements)
        found = second_order_points(function, n_starts=N_STARTS, eps=1e-5, random_state=seed)
        kept = found.is_second_order
        apart = [np.linalg.norm(function.matrix(x) - U @ U.T) for x in found.points[kept]]
        ends += list(zip(found.is_global[kept], np.array(apart) <= 1e-2 * np.linalg.norm(U @ U.T), strict=True))
    return np.mean(ends, axis=0)


counts = np.array([6, 12, 15, 18, 21, 24, 30, 36])
found = {kind: np.array([shares(kind, n) for n in counts]) for kind in (sensing, completion)}

# %%
# Share of second-order points with the least value (solid), and of those that are M (dashed): the gap on the left are
# other matrices that fit, what is missing in the middle are spurious minima.
figure, ax = plt.subplots(figsize=(7.0, 4.4), layout="constrained")
for (kind, both), colour in zip(found.items(), ("#0072b2", "#d55e00"), strict=True):
    ax.plot(counts / FREEDOM, both[:, 0], "o-", color=colour, label=f"{kind.__name__}: global")
    ax.plot(counts / FREEDOM, both[:, 1], "s--", color=colour, label=f"{kind.__name__}: M")
ax.set(xlabel="measurements for every degree of freedom", ylabel="share of second-order points", ylim=(-0.03, 1.03))
ax.legend(loc="lower right")
plt.show()

for kind, both in found.items():
    for n, (globally, exactly) in zip(counts, both, strict=True):
        print(f"{kind.__name__}, {n} measurements: {globally:.0%} of the second-order points global, {exactly:.0%} M")
