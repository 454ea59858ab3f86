"""Columns and targets on which double precision loses the digits that a fit needs, and the warning that names them.

A sum ``x . u`` is rounded to 1e-16 of its largest term. Where a column lies ten million times its spread away from
zero, or is a hundred million times as large as the others vary, less than nine digits are left of what distinguishes
the rows, and a gap of 1e-6 or a price to 1e-7 cannot be relied on.
"""

import warnings

import numpy as np

from .._long import row_blocks
from ..exceptions import ScaleWarning

LARGEST_OFFSET = 1e7  # size of a column over its range
LARGEST_TARGET_OFFSET = 1e11  # size of targets over their range: an intercept takes up less without loss
LARGEST_SIZE = 1e8  # size of a column over the median range of the others
NOTHING = 1e-12  # of the sum of ``|y_i|`` times the largest range: a price that is rounding
MOST_NAMED = 5
USER = 4  # frames from `fit`, called through its decorator, to whoever called it


def warn_of_lost_digits(estimator, X, weight, y=None):
    """Warn of columns of X, and of targets y if there are any, whose digits are lost; called by `fit` itself."""
    lowest, highest = _ranges(X if weight is None or np.all(weight > 0) else X[weight > 0])
    lost = [f"{_name(estimator, k)} {_described(lowest[k], highest[k])}" for k in lost_columns(lowest, highest)]
    if lost:
        more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
        warnings.warn(
            f"X has columns on which double precision loses the digits that a fit needs: "
            f"{', '.join(lost[:MOST_NAMED])}{more}. Training may stop early, and predictions may be wrong beyond "
            f"their first digits; what the certificate proves stands. Leave out identifiers and constant columns, and "
            f"subtract offsets and scale the others (sklearn.preprocessing.StandardScaler).",
            ScaleWarning,
            stacklevel=USER,
        )
    if y is not None:
        _warn_of_targets(y if weight is None or np.all(weight > 0) else y[weight > 0])


def _warn_of_targets(y):
    """Warn of targets that differ by next to nothing beside their size."""
    lowest, highest = _ranges(y.reshape(len(y), -1))
    size, extent = _sizes(lowest, highest)
    lost = np.flatnonzero((extent > 0) & (size > LARGEST_TARGET_OFFSET * extent))
    if len(lost):
        where = "" if y.ndim == 1 else f" in column {lost[0]}"
        warnings.warn(
            f"The targets{where} {_described(lowest[lost[0]], highest[lost[0]])}: double precision loses the digits "
            f"that a fit needs. Subtract an offset from y.",
            ScaleWarning,
            stacklevel=USER + 1,
        )


def warn_of_unknown_strength(estimator, price, X, dual_size):
    """Warn when the smallest strength with a zero network is not known, because its digits are lost.

    Called by what `fit` calls. `dual_size` is about the sum of the absolute entries of the dual point: that of y.
    """
    lowest, highest = _ranges(X)
    size, extents = _sizes(lowest, highest)
    extent = float(extents.max(initial=0.0))
    if price.value > 0.0 or price.upper_bound <= NOTHING * dual_size * extent or extent == 0.0:
        return
    largest = int(np.argmax(size))
    warnings.warn(
        f"beta_max is not known: double precision tells only that it is at most {price.upper_bound:.3g}, so that "
        f'beta="scale" means nothing here. The largest column is {_name(estimator, largest)} '
        f"{_described(lowest[largest], highest[largest])}. Scale the columns, or give beta as a number.",
        ScaleWarning,
        stacklevel=USER + 2,
    )


def lost_columns(lowest, highest):
    """Return the indices of the columns with these smallest and largest entries whose digits are lost, or cost others'.

    A constant column is judged by how the others vary.
    """
    size, extent = _sizes(lowest, highest)
    varies = extent > 0
    found = varies & (size > LARGEST_OFFSET * extent)
    for k in np.flatnonzero(size > LARGEST_SIZE * extent[varies].min(initial=np.inf)):
        others = extent[varies & (np.arange(len(extent)) != k)]
        found[k] |= len(others) > 0 and size[k] > LARGEST_SIZE * np.median(others)
    return np.flatnonzero(found)


def _sizes(lowest, highest):
    """Return the largest absolute entries and the ranges of columns with these smallest and largest entries."""
    with np.errstate(over="ignore"):
        return np.maximum(np.abs(lowest), np.abs(highest)), highest - lowest


def _ranges(X):
    """Return the smallest and the largest entry of every column, whatever the size of X."""
    ends = [(rows.min(axis=0), rows.max(axis=0)) for _, rows in row_blocks(X)]
    lowest, highest = np.min([low for low, _ in ends], axis=0), np.max([high for _, high in ends], axis=0)
    return lowest.astype(np.float64), highest.astype(np.float64)


def _name(estimator, k):
    """The name of a feature where there is one, else its place."""
    names = getattr(estimator, "feature_names_in_", None)
    return f"column {k}" if names is None else repr(str(names[k]))


def _described(low, high):
    """What a column or targets look like, in words."""
    return f"(constant {low:.6g})" if low == high else f"({low:.6g} to {high:.6g}, a range of {high - low:.3g})"
