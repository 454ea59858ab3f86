"""scikit-learn's checks of data, after refusing dates, which they take for numbers."""

import numpy as np
from scipy import sparse
from sklearn.utils import validation

from .._utils.arrays import float_types, is_dispatched, is_foreign, to_numpy
from .._utils.gathering import gathered
from .._utils.row_blocks import is_huge
from .._utils.validation import refuse_dates
from ..blocks.training import sampled_rows

# What X is converted to: numbers in single precision stay.
SINGLE_OR_DOUBLE = [np.float64, np.float32]


def validate_data(estimator, X, y="no_validation", *, any_kind=False, **options):
    """Do what scikit-learn's ``validate_data`` does; dates are refused, but for labels, and Dask collections gathered.

    With `any_kind` X may be sparse, and is then returned in CSR form, and an array of another library stays one where
    scikit-learn dispatches. Without, it becomes one of NumPy, as y always does.
    """
    X, y = gathered(X, "X"), gathered(y, "y")
    refuse_dates(X, "X")
    if options.get("y_numeric"):
        refuse_dates(y, "y")
    y = to_numpy(y) if is_dispatched(y) else y
    if any_kind:
        options["accept_sparse"] = "csr"
    if is_dispatched(X) and any_kind:
        options["dtype"] = float_types(X)
    elif is_dispatched(X):
        X = to_numpy(X)
    return validation.validate_data(estimator, X, y, **options)


def is_for_blocks(X):
    """Whether training leaves X as it came, in blocks: sparse and too large to be dense, or of a library and long."""
    # What fits into the sample that is trained in memory is best trained there.
    return is_huge(X) if sparse.issparse(X) else is_foreign(X) and X.shape[0] > sampled_rows(X.shape[1])


def sample_weights(sample_weight, X, **options):
    """Return the weights of the rows of X as scikit-learn's ``_check_sample_weight`` does; dates are refused."""
    sample_weight = gathered(sample_weight, "sample_weight")
    refuse_dates(sample_weight, "sample_weight")
    weight = to_numpy(sample_weight)
    # Of X only the number of rows counts.
    rows = np.empty((X.shape[0], 0)) if is_foreign(X) else X
    return validation._check_sample_weight(weight, rows, dtype=np.float64, **options)
