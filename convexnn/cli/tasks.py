"""Regression or classification, and targets as the losses of functions take them."""

import numpy as np

from ..exceptions import InvalidInputError
from .problems import listed

REGRESSION, CLASSIFICATION = "regression", "classification"
LOSSES_BY_TASK = {
    REGRESSION: ("squared", "huber", "absolute", "quantile"),
    CLASSIFICATION: ("logistic", "squared_hinge", "squared"),
}
ALL_LOSSES = tuple(dict.fromkeys(loss for losses in LOSSES_BY_TASK.values() for loss in losses))
# Up to 10 distinct integers may well be classes.
MAX_INTEGER_CLASSES = 10
# Messages and tables name so many classes, and count the others.
MAX_LISTED_CLASSES = 10


def choose_task(task, loss, data):
    """Return the task: as it is given, else by the loss, else classification for text, booleans and two values."""
    if task == "auto":
        # A loss of one task decides; the squared loss belongs to both, and the target decides.
        task = _task_by_loss(loss) or (CLASSIFICATION if has_labels(data) else REGRESSION)
    if loss is not None and loss not in LOSSES_BY_TASK[task]:
        raise InvalidInputError(f"--loss {loss} is none of {task}; it has {', '.join(LOSSES_BY_TASK[task])}.")
    if task == REGRESSION and not _is_numeric(data.y):
        raise InvalidInputError(
            f"--target {data.targets[0]} holds labels such as {str(data.y[0])!r}: regression needs numbers. Use --task "
            f"classification and one of its losses."
        )
    if task == CLASSIFICATION and data.y.dtype.kind == "f" and np.any(data.y != np.round(data.y)):
        raise InvalidInputError(
            f"classification needs classes; --target {data.targets[0]} holds {len(np.unique(data.y))} distinct numbers "
            f"such as {data.y[0]:.6g}. Use --task regression and one of its losses."
        )
    if task == CLASSIFICATION and data.y.ndim > 1:
        raise InvalidInputError(f"classification takes one --target column; got {', '.join(data.targets)}.")
    return task


def default_loss(task):
    """Return the loss of the estimators."""
    return LOSSES_BY_TASK[task][0]


def may_be_labels(data):
    """Whether numbers that are taken as they are might be classes."""
    return data.y.ndim == 1 and data.y.dtype.kind in "iu" and len(np.unique(data.y)) <= MAX_INTEGER_CLASSES


def are_classes_by_loss(task, loss, data):
    """Whether more than two numbers are classes only because the loss is one of classification."""
    is_by_loss = task == "auto" and _task_by_loss(loss) == CLASSIFICATION
    return is_by_loss and data.y.dtype.kind in "iuf" and not has_labels(data)


def classes_text(classes):
    """Return the names of classes, whole numbers without a point.

    Examples
    --------
    >>> classes_text([25.0, 31.0]), classes_text(["no", "yes"])
    ('25, 31', 'no, yes')
    """
    return listed([class_text(label) for label in classes], most=MAX_LISTED_CLASSES)


def class_text(label):
    """Return the name of a class, whole numbers without a point."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def has_labels(data):
    """Whether the target holds text, booleans or exactly two values."""
    return data.y.ndim == 1 and (data.y.dtype.kind not in "iuf" or len(np.unique(data.y)) == 2)


def signed_targets(data, task):
    """Return one column of targets for functions: numbers, or -1 and 1 for the first and the second label."""
    if data.y.ndim > 1:
        raise InvalidInputError(f"this command takes one --target column; got {', '.join(data.targets)}.")
    if task == REGRESSION:
        return data.y.astype(float)
    return signs_of(data.y, np.unique(data.y), data.targets[0])


def signs_of(labels, classes, name):
    """Return -1 for the first of two classes and 1 for the second."""
    if len(classes) != 2:
        raise InvalidInputError(
            f"--target {name} must have two classes here; it has {len(classes)}: {classes_text(classes)}. Make "
            f"a column of one class against the rest."
        )
    return np.where(labels == classes[1], 1.0, -1.0)


def _task_by_loss(loss):
    """The task that a loss belongs to, None where it does not tell."""
    homes = [task for task, losses in LOSSES_BY_TASK.items() if loss in losses]
    return homes[0] if len(homes) == 1 else None


def _is_numeric(y):
    return y.dtype.kind in "iufb"
