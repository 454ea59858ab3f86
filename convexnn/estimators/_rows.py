"""Rows in a canonical form, so that weights equal repetition and the order of the rows changes no bit."""

from dataclasses import dataclass

import numpy as np

from .._long import is_huge


@dataclass(frozen=True)
class CanonicalRows:
    """Distinct rows in lexicographic order, with the sums of their weights.

    Attributes
    ----------
    X, y, weight : ndarrays of shape (n_rows, n_features), (n_rows,) or (n_rows, n_outputs), and (n_rows,)
    share : ndarray of shape (n_samples,)
        Part of its row's weight that every sample brings; 0 for samples of weight zero.
    row : ndarray of shape (n_samples,)
        The row that every sample belongs to.
    first : ndarray of shape (n_rows,)
        A sample of every row.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    share: np.ndarray
    row: np.ndarray
    first: np.ndarray

    def spread(self, values):
        """Share out the values of the rows among their samples, by weight."""
        return (values[self.row].T * self.share).T


def canonical_rows(X, y, weight):
    """Drop samples of weight zero, merge equal (x, y), and sort; huge data stay as they are."""
    if is_huge(X):
        every = np.arange(len(y))
        return CanonicalRows(X, y, weight, np.ones(len(y)), every, every)
    kept = np.flatnonzero(weight > 0)
    rows, first, inverse = np.unique(
        np.column_stack([X[kept], y[kept]]) + 0.0, axis=0, return_index=True, return_inverse=True
    )
    totals = np.bincount(inverse.reshape(-1), weight[kept])
    row, share = np.zeros(len(y), int), np.zeros(len(y))
    row[kept] = inverse.reshape(-1)
    share[kept] = weight[kept] / totals[row[kept]]
    targets = rows[:, X.shape[1] :].reshape(len(rows), *y.shape[1:])
    return CanonicalRows(np.ascontiguousarray(rows[:, : X.shape[1]]), targets.copy(), totals, share, row, kept[first])
