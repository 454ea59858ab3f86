"""Labels: one class of several for every row, or indicators of several labels that do not exclude each other."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from .._utils.validation import check_choice
from ..exceptions import InvalidInputError


def checked_labels(y):
    """Return labels of shape (n_samples,), or indicators of shape (n_samples, n_labels) as an array of 0 and 1.

    A column is flattened with a warning, as everywhere in scikit-learn.

    Raises
    ------
    ValueError
        For what is no labels, and for several columns that hold other numbers than 0 and 1.
    """
    y = y.toarray() if issparse(y) else y
    if y.ndim == 1 or y.shape[1] == 1:
        y = column_or_1d(y, warn=y.ndim == 2)
        check_classification_targets(y)
        return y
    if y.dtype.kind not in "fiub" or not np.all((y == 0) | (y == 1)):
        strange = y[(y != 0) & (y != 1)] if y.dtype.kind in "fiub" else y.ravel()
        raise InvalidInputError(
            f"y must have shape (n_samples,), or hold only 0 and 1 where it has a column for every label; got shape "
            f"{y.shape} with {strange[0]!r}. sklearn.preprocessing.MultiLabelBinarizer makes such columns; fit one "
            f"classifier a column where labels have several classes (sklearn.multioutput.MultiOutputClassifier)."
        )
    return y.astype(np.int64)


def classes_in(y, weight):
    """Return the classes in rows of positive weight; for indicators the numbers of their columns."""
    if y.ndim == 2:
        return np.arange(y.shape[1])
    classes = np.unique(y[weight > 0])
    if len(classes) < 2:
        raise InvalidInputError(
            f"y must hold at least two classes in rows of positive weight; got one class, {classes.tolist()[0]!r}."
        )
    return classes


def check_known_labels(y, weight, classes, is_multilabel, class_weight):
    """Refuse labels of other rows that are not those of the training rows, or whose weights are not defined."""
    wanted = (len(y), len(classes)) if is_multilabel else (len(y),)
    if y.shape != wanted:
        raise InvalidInputError(f"y must have shape {wanted}, as in training; got shape {y.shape}.")
    if is_multilabel:
        return
    found = np.unique(y[weight > 0])
    unknown = found[~np.isin(found, classes)]
    if len(unknown):
        raise InvalidInputError(
            f"y must hold classes that the classifier was trained on, {classes.tolist()}; got {unknown.tolist()[0]!r}."
        )
    if isinstance(class_weight, str) and len(found) < len(classes):
        missing = classes[~np.isin(classes, found)].tolist()[0]
        raise InvalidInputError(
            f"y must hold rows of every class where class_weight={class_weight!r}, which gives all classes the same "
            f"total weight; got none of {missing!r}."
        )


def signs_of(y, classes):
    """Return 1 at the class, or the labels, of every sample and -1 elsewhere, of shape (n_samples, n_classes)."""
    return np.where(y > 0 if y.ndim == 2 else y[:, None] == classes, 1.0, -1.0)


def places_of(values):
    """Return the number of the class at every value of the decision function, or row of values."""
    return (values > 0).astype(int) if values.ndim == 1 else np.argmax(values, axis=1)


def class_factors(class_weight, y, classes, weight):
    """Return what `class_weight` multiplies the weight of every sample with, of shape (n_samples,)."""
    if y.ndim == 2:
        raise InvalidInputError(
            f"class_weight weighs classes that exclude each other, and must be None where y has a column for every "
            f"label; got {class_weight!r}. sample_weight weighs the rows, for all of their labels alike."
        )
    members = signs_of(y, classes) > 0
    if isinstance(class_weight, str):
        check_choice(class_weight, "class_weight (when it is a string)", ("balanced",))
        # Factors total / (n_classes totals_k) give every class the same weight in all.
        totals = weight @ members
        return members @ (totals.sum() / (len(totals) * totals))
    try:
        factors = compute_class_weight(class_weight, classes=classes, y=y[weight > 0])
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"class_weight must be None, 'balanced' or a dict from classes to numbers above 0; got "
            f"{class_weight!r} for the classes {classes.tolist()}."
        ) from error
    if not np.all(np.isfinite(factors)) or np.any(factors <= 0):
        raise InvalidInputError(f"class_weight must hold finite numbers above 0; got {class_weight!r}.")
    return members @ factors + ~members.any(axis=1)
