"""Rows in a canonical form, so that weights equal repetition and the order of the rows changes no bit."""

from dataclasses import dataclass, replace

import numpy as np

from .._utils.row_blocks import is_huge
from ..responses.left_out import Samples


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
    idle_X, idle_y : ndarrays of shape (n_idle, n_features) and (n_idle,) or (n_idle, n_outputs)
        The samples of weight zero.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    share: np.ndarray
    row: np.ndarray
    first: np.ndarray
    idle_X: np.ndarray
    idle_y: np.ndarray

    def samples(self, problem):
        """Return where the samples stand in a problem that was posed on these rows."""
        place = np.zeros(problem.n_rows, int)
        place[problem.rows] = np.arange(len(problem.rows))
        return Samples(place[self.row], self.share, self.idle_X, self.idle_y)

    def spread(self, values):
        """Share out the values of the rows among their samples, by weight."""
        return (values[self.row].T * self.share).T


def canonical_rows(X, y, weight):
    """Drop samples of weight zero, merge equal (x, y), and sort; huge data stay as they are."""
    idle = weight == 0
    if is_huge(X):
        every = np.arange(len(y))
        return CanonicalRows(X, y, weight, np.where(idle, 0.0, 1.0), every, every, X[idle], y[idle])
    kept = np.flatnonzero(weight > 0)
    rows, first, inverse = np.unique(
        # + 0.0 turns -0.0 into 0.0, which would be another row.
        np.column_stack([X[kept], y[kept]]) + 0.0,
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    totals = np.bincount(inverse.reshape(-1), weight[kept])
    row, share = np.zeros(len(y), int), np.zeros(len(y))
    row[kept] = inverse.reshape(-1)
    # A row's dual entry belongs to its samples in proportion to their weights.
    share[kept] = weight[kept] / totals[row[kept]]
    targets = rows[:, X.shape[1] :].reshape(len(rows), *y.shape[1:])
    merged = np.ascontiguousarray(rows[:, : X.shape[1]]), targets.copy(), totals
    return CanonicalRows(*merged, share, row, kept[first], X[idle], y[idle])


def rows_of_targets(X, targets, weight):
    """Return the canonical rows of every column of targets: the same rows, told apart by all columns together."""
    if len(targets) == 1:
        return [canonical_rows(X, targets[0], weight)]
    rows = canonical_rows(X, np.column_stack(targets), weight)
    columns = zip(rows.y.T, rows.idle_y.T, strict=True)
    return [replace(rows, y=y.copy(), idle_y=idle.copy()) for y, idle in columns]
