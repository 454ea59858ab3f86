"""What a fitted network says of the rows of a Dask collection: lazily, one task for every partition."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_feature_names, _check_n_features

from .partitions import check_rows, checked_rows, is_array, whole_rows

# What predictions need of a fitted estimator besides its parameters. Names of columns are checked here, not there.
NEEDED = ("network_", "classes_", "n_features_in_", "_is_column", "_is_multilabel")


def light(model: Any) -> Any:
    """Return a fitted estimator with what predictions need, and without what may be as long as the data."""
    twin = type(model)(**model.get_params(deep=False))
    vars(twin).update({name: copy.copy(vars(model)[name]) for name in NEEDED if name in vars(model)})
    return twin


def lazy_answers(model: Any, method: str, X: Any, names: Any = None) -> Any:
    """Return what a method of a fitted estimator says of every row of X, as a Dask collection; nothing is computed.

    Parameters
    ----------
    model : fitted estimator
    method : str
        One that takes rows and returns a number or several for every row.
    X : Dask array or data frame of shape (n_samples, n_features)
    names : label, list of labels or None
        Of the answer, where X is a data frame: of a series, or of the columns of a data frame.

    Returns
    -------
    Dask array, or a series or data frame with the index of X where X is a data frame.
    """
    check_rows(X)
    _check_n_features(model, X, reset=False)
    _check_feature_names(model, X._meta, reset=False)
    model, X = light(model), whole_rows(X)
    # One row of zeros shows the kind of the answers.
    sample = _answers(np.zeros((1, model.n_features_in_)), model, method)
    if not is_array(X):
        meta = _labelled(sample, X._meta_nonempty.index[:1], names).iloc[:0]
        return X.map_partitions(_labelled_answers, model, method, names, meta=meta)
    layout = {"drop_axis": 1} if sample.ndim == 1 else {"chunks": (X.chunks[0], (sample.shape[1],))}
    return X.map_blocks(_answers, model, method, meta=sample[:0], dtype=sample.dtype, **layout)


def _answers(X, model, method):
    """Return the answers for the rows of one partition, as an array whatever scikit-learn's ``transform_output`` is."""
    rows = checked_rows(X)
    if rows.shape[0] == 0:  # of a partition of which a filter has left nothing; estimators refuse to say nothing
        return np.asarray(getattr(model, method)(np.zeros((1, model.n_features_in_))))[:0]
    return np.asarray(getattr(model, method)(rows))


def _labelled_answers(X, model, method, names):
    return _labelled(_answers(X, model, method), X.index, names)


def _labelled(values, index, names):
    """Return the answers as a series or a data frame of pandas."""
    import pandas as pd

    if values.ndim == 1:
        return pd.Series(values, index=index, name=None if isinstance(names, list) else names)
    return pd.DataFrame(values, index=index, columns=names)
