"""Checks of what goes into a file, which hold for what comes out of it as well."""

import numpy as np

from .._utils.validation import (
    check_choice,
    check_design,
    check_flag,
    check_matrix,
    check_positive,
    check_vector,
    check_weights,
)
from ..exceptions import InvalidInputError
from .headers import LOSS_NAMES


def problem_entry(beta, loss, huber_delta, quantile, penalize_bias=True):
    """Return the problem's entry in the header."""
    entry = {"beta": check_positive(beta, "beta"), "loss": check_choice(loss, "loss", LOSS_NAMES)}
    entry |= {
        "huber_delta": check_positive(huber_delta, "huber_delta"),
        "quantile": check_positive(quantile, "quantile"),
    }
    if entry["quantile"] >= 1:
        raise InvalidInputError(f"quantile must be below 1; got {quantile!r}.")
    return entry if check_flag(penalize_bias, "penalize_bias") else entry | {"penalize_bias": False}


def checked_data(X, y, sample_weight):
    """Return the three as finite float64 arrays of shapes that match; weights may be None."""
    X = check_design(X)
    y = check_matrix(y, len(X), "y") if np.ndim(y) == 2 else check_vector(y, len(X), "y")
    weight = None if sample_weight is None else check_weights(sample_weight, len(X))
    return {"X": X, "y": y, "sample_weight": weight}


def checked_names(network, feature_names, target_names, classes, multilabel):
    """Return the names as lists of as many strings as the network has inputs and outputs, and what outputs mean."""
    if multilabel and (classes is not None or network.output_weights.ndim == 1):
        raise InvalidInputError(
            "multilabel=True is for networks with an output for every label, and without classes; got "
            f"{network} and classes={classes!r}."
        )
    n_outputs = 1 if network.output_weights.ndim == 1 else network.output_weights.shape[1]
    if classes is not None and len(classes) != max(2, n_outputs):
        raise InvalidInputError(
            f"classes must have {max(2, n_outputs)} entries, as the network has; got {len(classes)}."
        )
    # The classes of one target are several outputs: one name, or one per output.
    n_targets = (n_outputs,) if classes is None else (1, n_outputs)
    return {
        "feature_names": _names(feature_names, "feature_names", (network.n_inputs,)),
        "target_names": _names(target_names, "target_name", n_targets),
        "classes": classes,
        "multilabel": bool(multilabel),
    }


def _names(names, argument, counts):
    if names is None:
        return None
    names = [names] if isinstance(names, str) else [str(name) for name in names]
    if len(names) not in counts:
        expected = " or ".join(map(str, dict.fromkeys(counts)))
        raise InvalidInputError(f"{argument} must have {expected} entries, as the network has; got {len(names)}.")
    return names


def targets_of(saved, y):
    """Return the targets that labels stand for in the problem of a `SavedNetwork`; other y as they are."""
    y, shape = np.asarray(y), saved.network.output_weights.shape[1:]
    if shape == () and y.shape[1:] == (1,):
        y = y[:, 0]
    if saved.multilabel and np.isin(y, (0, 1)).all():
        return np.where(y > 0, 1.0, -1.0)
    if saved.classes is None or y.ndim != 1 or not np.isin(y, saved.classes).all():
        return y
    members = y[:, None] == saved.classes
    if shape in ((), (1,)):
        return np.where(members[:, 1], 1.0, -1.0).reshape(-1, *shape)
    return members.astype(float) if saved.loss == "multinomial" else np.where(members, 1.0, -1.0)
