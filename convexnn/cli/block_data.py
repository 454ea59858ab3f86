"""A training table that is larger than memory: read in blocks for every pass, by `fit_blocks` of the estimators."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import is_classifier

from ..exchange.cells import as_numbers
from ..exchange.preparation import Preparation
from ..exchange.scaling import scaled
from .columns import check_scaling
from .first_passes import INTEGERS, LABELS, TRUTH
from .readers import TableReader

# Of the target so many distinct values are kept, which tell numbers from labels.
MAX_DISTINCT = 10_000


@dataclass(frozen=True)
class PreparedBlocks:
    """A source for ``fit_blocks``: the rows of a table after its preparation.

    Attributes
    ----------
    reader : TableReader
    preparation : Preparation
    targets : list of str
    target_type : str
    weight : str or None
    center, scale : ndarray of shape (n_features,) or None
    """

    reader: TableReader
    preparation: Preparation
    targets: list
    target_type: str
    weight: str | None
    center: np.ndarray | None = None
    scale: np.ndarray | None = None

    @property
    def feature_names(self):
        """The names of the inputs."""
        return self.preparation.input_names

    def __call__(self) -> Iterator[tuple]:
        """Yield ``(X, y)``, or with a column of weights ``(X, y, weight)``; X is a DataFrame."""
        import pandas

        for frame in self.reader.each():
            if len(frame.table) == 0:
                continue
            inputs = scaled(self.preparation.apply(frame.table), self.center, self.scale)
            X = pandas.DataFrame(inputs, columns=self.feature_names, copy=False)
            block = X, _targets(frame.table, self.targets, self.target_type)
            yield block if self.weight is None else (*block, as_numbers(frame.table[self.weight])[0])


def _targets(table, names, target_type):
    """Return targets of the type that they have in all blocks."""
    if len(names) > 1:
        return np.column_stack([as_numbers(table[name])[0] for name in names])
    column = table[names[0]]
    if target_type == LABELS:
        return column.astype(str).to_numpy(dtype=object)
    if target_type == TRUTH:
        return column.to_numpy(dtype=bool)
    return column.to_numpy(dtype=np.int64) if target_type == INTEGERS else as_numbers(column)[0]


@dataclass(frozen=True)
class BlockData:
    """The data of a training problem whose rows come in blocks.

    Attributes
    ----------
    source : callable
        As ``fit_blocks`` takes it.
    y : ndarray
        Distinct values of the targets, up to ten thousand: enough to tell classes from numbers.
    n_rows : int
    features, targets : list of str
    preparation : Preparation
    center_of_targets : ndarray of shape (n_targets,)
        Their means; 0 for labels.
    center, scale : ndarray of shape (n_features,) or None
    """

    source: object
    y: np.ndarray
    n_rows: int
    features: list
    targets: list
    preparation: Preparation
    center_of_targets: np.ndarray
    center: np.ndarray | None = None
    scale: np.ndarray | None = None

    def standardized(self, moments):
        """Return the data with features of mean 0 and deviation 1, by the `Moments` of their columns."""
        center, scale = moments.scaling()
        check_scaling(self.features, center, scale)
        source = replace(self.source, center=center, scale=scale)
        return replace(self, source=source, center=center, scale=scale)

    def fit(self, model):
        """Train an estimator."""
        model.fit_blocks(self.source)

    def score(self, model):
        """Return the R2, or the accuracy, of an estimator, in one pass."""
        sums = 0.0
        for X, y, *weights in self.source():
            predicted = model.predict(X)
            weight = weights[0] if weights else np.ones(len(y))
            sums = sums + _score_sums(y, predicted, weight, is_classifier(model), self.center_of_targets)
        return _share_right(sums) if is_classifier(model) else _r2(sums)


def _score_sums(y, predicted, weight, are_labels, center):
    """Return sums over some rows, from which the score of all rows follows."""
    if are_labels:
        return np.array([weight.sum(), weight @ (y == predicted)])
    shifted = y.reshape(len(y), -1) - center
    missed = (y - predicted).reshape(len(y), -1)
    return np.array([np.full_like(center, weight.sum()), weight @ shifted, weight @ shifted**2, weight @ missed**2])


def _share_right(sums):
    return float(sums[1] / sums[0])


def _r2(sums):
    """Return the mean over the targets of 1 - (sum of squared residuals) / (sum of squares about the mean)."""
    total, first, second, missed = sums
    spread = second - first**2 / total
    # As scikit-learn has it: a constant target is met by 1, and missed by 0.
    explained = np.where(spread > 0, 1.0 - missed / np.where(spread > 0, spread, 1.0), np.where(missed > 0, 0.0, 1.0))
    return float(explained.mean())


def block_data(source):
    """Return the `BlockData` of a source, not scaled yet, and the deviations of its features; it takes one pass."""
    moments, n_rows, distinct, targets = Moments(), 0, None, 0.0
    for X, y, *_ in source():
        moments.add(X.to_numpy())
        distinct = _distinct(y, distinct)
        targets = targets + (0.0 if y.dtype.kind in "Ob" else y.reshape(len(y), -1).astype(float).sum(axis=0))
        n_rows += len(y)
    center = np.atleast_1d(targets / n_rows)
    data = BlockData(source, distinct, n_rows, source.feature_names, source.targets, source.preparation, center)
    return data, moments


def _distinct(y, known):
    """Return the distinct values of a flat target, as many as are kept; of several targets any."""
    if y.ndim > 1:
        return y[:1] if known is None else known
    found = np.unique(y if known is None else np.concatenate([known, y]))
    if len(found) <= MAX_DISTINCT:
        return found
    # A number that is not whole tells that there are no classes: it has to stay.
    broken = found[found != np.round(found)][:1] if found.dtype.kind == "f" else found[:0]
    return np.concatenate([broken, found[: MAX_DISTINCT - len(broken)]])


class Moments:
    """Means and deviations of columns, whose blocks are added one by one (Chan, Golub and LeVeque, 1983)."""

    def __init__(self):
        self.n_rows, self.first = 0, None

    def add(self, X):
        """Take in some rows."""
        if self.first is None:
            self.first, self.low, self.high = X[0].copy(), X.min(axis=0), X.max(axis=0)
            self.mean, self.squares = np.zeros(X.shape[1]), np.zeros(X.shape[1])
        self.low, self.high = np.minimum(self.low, X.min(axis=0)), np.maximum(self.high, X.max(axis=0))
        with np.errstate(over="ignore", invalid="ignore"):
            mean = X.mean(axis=0)
            n_rows, step = self.n_rows + len(X), mean - self.mean
            self.squares += ((X - mean) ** 2).sum(axis=0) + step**2 * (self.n_rows * len(X) / n_rows)
            self.mean = self.mean + step * (len(X) / n_rows)
        self.n_rows = n_rows

    @property
    def deviations(self):
        """The deviations of the columns."""
        return np.sqrt(self.squares / self.n_rows)

    def scaling(self):
        """Return what `standard_scaling` returns for all rows."""
        constant = self.low == self.high
        scale = np.where(constant | (self.deviations == 0), 1.0, self.deviations)
        return np.where(constant, self.first, self.mean), scale
