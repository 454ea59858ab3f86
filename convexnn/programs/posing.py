"""Checking what is given, and making the training problem of it."""

from __future__ import annotations

import numpy as np

from .._utils.aliases import ArrayLike, LossName
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
from ..losses import LOSSES, VECTOR_LOSSES, make_loss
from ..losses.several_outputs import MultinomialLoss
from ..network import TwoLayerReLU
from .free_bias import FreeBiasProblem, check_free_bias
from .problem import Problem

OPTION_NAMES = ("sample_weight", "loss", "huber_delta", "quantile", "penalize_bias", "losses")  # the last is internal


def check_objective_range(y, weight):
    """Refuse targets whose squared norm leaves float64."""
    with np.errstate(over="ignore"):
        entries = y.ravel()
        if not np.isfinite(np.dot(np.repeat(weight, y[:1].size) * entries, entries)):
            raise InvalidInputError(
                f"y is too large: its weighted sum of squares overflows float64 (largest entry "
                f"{np.abs(y).max():g}). Divide y and beta by the same number."
            )


# Why the convex program of several outputs is not posed in cvxpy.
NO_CONE_PROGRAM = (
    "with several outputs the penalty of a pattern is the gauge of the matrices u a^T with u in its cone, for which no "
    "cone program of fixed size is known. solver='working_set' works on the neurons themselves and proves its gap; "
    "without the cones the penalty is the nuclear norm: convexnn.gated.solve_gated solves that, a lower bound"
)


def refuse_column(y):
    """Refuse targets of one output that stand in a column."""
    if np.ndim(y) == 2 and len(y) > 0 and np.shape(y)[1] == 1:
        raise InvalidInputError(f"y must have shape (n_samples,) here; got shape {np.shape(y)}. Pass a flat array.")


def refuse_outputs(y):
    """Refuse targets of several outputs, with the reason: what is known of one output does not hold for them."""
    refuse_column(y)
    if np.ndim(y) == 2 and len(y) > 0:
        raise InvalidInputError(
            f"y must have shape (n_samples,) here; got shape {np.shape(y)}. With several outputs the optimal networks "
            f"are in general no polytope, and a pattern may hold many optimal directions: what rests on that is not "
            f"there. Train such networks with ConvexReLURegressor or ConvexReLUClassifier, judge them with certify, "
            f"and see optimal_set for what is known of all optimal ones."
        )


def make_problem(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    losses: tuple[str, ...] | None = None,
    huber_delta: float = 1.35,
    quantile: float = 0.5,
    penalize_bias: bool = True,
) -> Problem:
    """Check the data and return the `Problem` they pose.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels are -1 and 1, or one-hot rows for the multinomial loss.
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||a_j||^2)``; a sum, no 1/n.
    hidden_bias, fit_intercept, skip_connection : bool
        A penalised bias of the hidden neurons; unpenalised intercepts; unpenalised linear terms.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial"}
        Multinomial for several outputs only.
    losses : tuple of str, optional
        The names that the caller can deal with.
    huber_delta, quantile : float
        Parameters of the losses of these names.
    penalize_bias : bool
        False for a `FreeBiasProblem`: with a hidden bias, an intercept and one output.

    Raises
    ------
    ValueError
        For NaN, infinite or complex entries, shapes that do not match, a `beta` that is not above 0, negative
        or all-zero weights, an unknown loss, and a free bias where it cannot be.
    """
    if not check_flag(penalize_bias, "penalize_bias"):
        check_free_bias(hidden_bias, fit_intercept, np.shape(y)[1] if np.ndim(y) == 2 else 1)
    several = np.ndim(y) == 2
    X = check_design(X, keep_single=not several)
    y = (check_matrix if several else check_vector)(y, X.shape[0], "y")
    beta = check_positive(beta, "beta")
    weight = check_weights(sample_weight, X.shape[0])
    if loss == MultinomialLoss.name and not several:
        raise InvalidInputError(
            f"loss='multinomial' takes one-hot rows y of shape (n_samples, n_classes), as np.eye(n_classes)[labels] "
            f"makes them; got shape {np.shape(y)}."
        )
    known = losses or (VECTOR_LOSSES if several else tuple(LOSSES))
    n_outputs = y.shape[1] if several else None
    loss = make_loss(check_choice(loss, "loss", known), n_outputs=n_outputs, huber_delta=huber_delta, quantile=quantile)
    check_objective_range(y, weight)
    kind = Problem if penalize_bias else FreeBiasProblem
    return _pose(kind, X, y, weight, beta, loss, bool(hidden_bias), bool(fit_intercept), bool(skip_connection))


def _pose(kind, X, y, weight, beta, loss, hidden_bias, fit_intercept, skip_connection):
    """Return the problem of checked data, of this kind."""
    # Rows of weight zero count for nothing, not even for patterns: they go.
    rows = np.flatnonzero(weight > 0)
    loss.check_targets(y[rows])
    ones = np.ones((X.shape[0], 1))
    design = np.hstack([X, ones.astype(X.dtype)]) if hidden_bias else X
    free = np.hstack(([X] if skip_connection else []) + ([ones] if fit_intercept else []) + [ones[:, :0]])
    return kind(
        design if len(rows) == len(design) else design[rows],
        y[rows],
        weight[rows],
        beta,
        np.ascontiguousarray(free[rows]),
        rows,
        X.shape[0],
        loss,
        hidden_bias,
        fit_intercept,
        skip_connection,
    )


def problem_of(network, X, y, beta, **options):
    """Return the `Problem` that has exactly the terms that `network` has; the options are those of `make_problem`.

    Raises
    ------
    TypeError
        When `network` is no `TwoLayerReLU`, and for an unknown option.
    ValueError
        As `make_problem`.
    """
    check_is_network(network, "network")
    unknown = sorted(options.keys() - set(OPTION_NAMES))
    if unknown:
        raise TypeError(f"{unknown[0]} is no argument here; the options are {', '.join(OPTION_NAMES[:-1])}.")
    return make_problem(
        X,
        y,
        beta,
        hidden_bias=network.hidden_bias is not None,
        fit_intercept=network.intercept is not None,
        skip_connection=network.skip_weights is not None,
        **options,
    )


def check_is_network(network, name):
    """Refuse what is no `TwoLayerReLU`."""
    if not isinstance(network, TwoLayerReLU):
        advice = ""
        if hasattr(network, "network_"):
            advice = " Pass its network_."
        elif hasattr(network, "coefs_"):
            advice = " convexnn.exchange.from_sklearn_mlp makes one of it."
        elif hasattr(network, "steps"):
            advice = " Pass that of its last step, and the data as the step before hands them on."
        raise TypeError(f"{name} must be a TwoLayerReLU; got {type(network).__name__}.{advice}")
