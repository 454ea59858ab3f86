"""scikit-learn's checks of data, after refusing dates, which they take for numbers."""

import numpy as np
from sklearn.utils import validation

from .._utils.validation import refuse_dates


def validate_data(estimator, X, y="no_validation", **options):
    """Do what scikit-learn's ``validate_data`` does; dates are refused, but for labels."""
    refuse_dates(X, "X")
    if options.get("y_numeric"):
        refuse_dates(y, "y")
    return validation.validate_data(estimator, X, y, **options)


def sample_weights(sample_weight, X, **options):
    """Return the weights of the rows of X as scikit-learn's ``_check_sample_weight`` does; dates are refused."""
    refuse_dates(sample_weight, "sample_weight")
    return validation._check_sample_weight(sample_weight, X, dtype=np.float64, **options)
