"""Many ascents on a price at once, by matrix products: where new neurons could be, for one output or several.

The price of a direction u is ``||N^T (X u)_+||``. With ``a`` along ``N^T (X u)_+`` and ``g = X^T (1[X u > 0] * N a)``,
its gradient, the step

    ``u <- normalise(g / ||g|| + damping u)``

raises it wherever its convex part prevails; the damping grows where a step has failed, and a point never moves to a
lower price. A few steps from many starts find most of what there is, and prove nothing. Two products of all rows with
all starts a step are the whole cost.
"""

from functools import partial

import numpy as np

from .ascent import in_metric_of

N_ROUGH_STARTS, N_ROUGH_STEPS = 64, 8  # 64 directions ascend jointly, eight steps each
MAX_ROUGH_ROWS = 3000  # ascents look at a random sample of 3000 rows where there are more
MAX_DIRECTION_COSINE, MAX_OUTPUT_COSINE = 0.98, 0.9  # above both a new neuron would repeat another
NEURON_START_SPREAD = 0.5  # starts around a neuron are about half of a radius away from it


def rough_maxima(X, dual_point, neurons, rng):
    """Return unit directions (K, d), unit outputs (K, c) and the prices (K,) where ascents ended, in no order.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_inputs)
    dual_point : ndarray of shape (n_samples, n_outputs)
        ``-grad L``, of the precision of X; long data are seen by a sample of their rows.
    neurons : ndarray of shape (K, n_inputs)
        Some starts are around these.
    rng : numpy.random.Generator
    """
    factor = 1.0
    if len(X) > MAX_ROUGH_ROWS:
        rows = np.sort(rng.choice(len(X), MAX_ROUGH_ROWS, replace=False))
        X, dual_point, factor = X[rows], dual_point[rows], len(X) / MAX_ROUGH_ROWS
    directions, known = ascend(partial(_priced, X, dual_point), _starts(X, neurons, rng))
    prices, outputs, _ = known
    return directions.astype(np.float64), outputs.astype(np.float64), factor * prices.astype(np.float64)


def ascend(priced, directions, n_steps=N_ROUGH_STEPS, is_over=lambda: False):
    """Return unit directions at prices that are not below those of `directions`, and what is known there.

    Parameters
    ----------
    priced : callable
        Returns prices (K,), unit outputs (K, c) and gradients (K, d) at unit directions (K, d).
    directions : ndarray of shape (K, d)
    n_steps : int
    is_over : callable, optional
        Ascents end before the step at which it returns True.
    """
    known, damping = priced(directions), np.zeros(len(directions), directions.dtype)
    for _ in range(n_steps):
        if is_over():
            break
        ahead = _units(_units(known[2]) + damping[:, None] * directions)
        there = priced(ahead)
        better = there[0] > known[0]
        damping = np.where(better, 0.5 * damping, np.maximum(2.0 * damping, 0.5)).astype(directions.dtype)
        directions = np.where(better[:, None], ahead, directions)
        known = tuple(
            np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old) for new, old in zip(there, known, strict=True)
        )
    return directions, known


def distinct_starts(directions, outputs, prices, level, most):
    """Return the indices of at most so many neurons above a level, the best first, no two of them alike."""
    kept: list[int] = []
    for k in np.argsort(-prices, kind="stable"):
        if prices[k] <= level or len(kept) >= most:
            break
        alike = (directions[kept] @ directions[k] > MAX_DIRECTION_COSINE) & (
            outputs[kept] @ outputs[k] > MAX_OUTPUT_COSINE
        )
        if not np.any(alike):
            kept.append(k)
    return np.array(kept, int)


def _starts(X, neurons, rng):
    """Return starts: random directions, some in the metric of the rows, differences of rows, places around neurons."""
    starts = rng.standard_normal((N_ROUGH_STARTS, X.shape[1]))
    pairs = rng.integers(0, len(X), (len(starts[::3]), 2))
    # In the metric of the rows: narrow directions of the data are as likely as wide ones.
    starts[1::3] = in_metric_of(X.astype(np.float64, copy=False), starts[1::3])
    starts[::3] = X[pairs[:, 0]] - X[pairs[:, 1]]
    if len(neurons):
        chosen = neurons[rng.integers(0, len(neurons), len(starts[2::6]))]
        starts[2::6] = _units(chosen) + NEURON_START_SPREAD * starts[2::6] / np.sqrt(X.shape[1])
    return _units(starts).astype(X.dtype)


def _priced(X, dual_point, directions):
    """Return prices (K,), unit outputs (K, c) and gradients (K, d)."""
    values = X @ directions.T
    outputs = np.maximum(values, 0.0).T @ dual_point
    prices = np.linalg.norm(outputs, axis=1)
    outputs /= np.maximum(prices, np.finfo(X.dtype).tiny)[:, None]
    pull = dual_point @ outputs.T
    pull *= values > 0
    return prices, outputs, pull.T @ X


def _units(rows):
    """Return rows of norm one, zero rows as they are."""
    sizes = np.linalg.norm(rows, axis=1)
    return rows / np.where(sizes > 0, sizes, 1.0)[:, None]
