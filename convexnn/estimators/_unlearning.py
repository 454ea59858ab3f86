"""What rows do: the optimum without them, for the estimators that keep their training problem."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import contextmanager
from copy import copy
from types import SimpleNamespace
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike
from .._utils.arrays import to_numpy
from .._utils.clock import now
from .._utils.progress import ROUND_LABELS, reporting
from .._utils.validation import check_choice, check_flag
from ..arrangements.patterns import ActivationPatterns
from ..exceptions import InvalidInputError, SolverError
from ..network import TwoLayerReLU
from ..responses.influence import Influence, is_small
from ..responses.records import MAX_OPTIMALITY_ERROR
from ..solvers.base import Status
from ._automatic import Choice
from ._blockwise import check_data_are_kept
from ._data import validate_data
from ._leaving_out import MOVE_ROUNDING
from ._rows import canonical_rows

METHODS = ("closed_form", "refit")
# Directions whose dual constraint is within 1e-7 of beta may count as optimal and be none: m* is not sure then.
MIN_SURE_MARGIN = 1e-7
# What was found out with the rows, and is not found out again without them.
CHOSEN_WITH_ALL_ROWS = ("beta_path_", "choice_", "scores_", "cv_results_", "best_score_", "betas_")


class UnlearningMixin:
    """`unlearn` and `influence` of a `ConvexReLUEstimator`."""

    network_: TwoLayerReLU
    certificate_: Any
    beta_: float
    skip_connection_: bool
    status_: str
    patterns: Any
    time_limit: float | None
    verbose: int
    _sample_weight: np.ndarray
    _left_out_parts: list[tuple[Any, Any, Any]]
    _leave_out: Callable[[str], Any]
    _units: Callable[..., Any]
    _fit_rows: Callable[..., Any]
    optimal_set: Callable[..., Any]

    def unlearn(self, rows: ArrayLike) -> Self:
        """Return the estimator as if some rows had never been there: a fitted copy with a certificate of its own.

        Training starts from the network of all rows and goes to the optimum of the others, which does not depend on the
        start: the copy is what a fit of the remaining rows gives, to the tolerance, and has the same network where the
        optimum is unique. What is chosen from the data stays: the strength ``beta_``, the skip connection, the delta of
        the huber loss, the weights of classes (and columns that were scaled before the fit). To choose anew, fit anew.
        The copy keeps nothing of the rows, but for these choices.

        Parameters
        ----------
        rows : array-like of int or bool
            Numbers of rows of X, or a mask with an entry per row.

        Returns
        -------
        ConvexReLURegressor or ConvexReLUClassifier
            Its fitted attributes are over the remaining rows.

        Raises
        ------
        ValueError
            For bad rows, all rows, and all rows of a class.
        NotFittedError
            Before `fit`.

        Warns
        -----
        ConvergenceWarning
            As `fit`.
        """
        check_is_fitted(self)
        check_data_are_kept(self, "unlearn")
        kept = np.ones(len(self._sample_weight), dtype=bool)
        kept[rows_named(rows, len(kept))] = False
        X, targets, weight = _training_samples(self)
        _check_what_is_left(self, targets, kept)
        model = copy(self)
        for name in CHOSEN_WITH_ALL_ROWS:
            vars(model).pop(name, None)
        if isinstance(self.patterns, ActivationPatterns):
            # Patterns are over the rows: those of the others stay.
            model.patterns = ActivationPatterns.from_masks(self.patterns.X[kept], self.patterns.masks[:, kept])
        model._sample_weight = self._sample_weight[kept]
        networks = [network for _, network, _ in self._left_out_parts]
        choice = Choice(self.beta_, self.skip_connection_, networks, max_work=None)
        return _retrained(model, X[kept], [y[kept] for y in targets], weight[kept], choice)

    def influence(
        self,
        rows: ArrayLike | None = None,
        *,
        each: bool = False,
        method: Literal["closed_form", "refit"] = "closed_form",
        X: ArrayLike | None = None,
    ) -> Influence:
        """Return what the optimum is without some rows.

        What stays is what `unlearn` says; the record has the predictions without the rows, the smallest objective, and
        with refits the width m*.

        Parameters
        ----------
        rows : array-like of int or bool, optional
            Numbers of rows of X that leave together, or a mask; without it every row leaves alone.
        each : bool, default=False
            Whether each of `rows` leaves alone.
        method : {"closed_form", "refit"}, default="closed_form"
            ``"closed_form"``: one Newton step from the optimum of all rows, the formula of `leave_one_out` for several
            rows at once; nothing is trained, the neurons stay on their sides of all rows, and the loss must be smooth.
            ``"refit"``: `unlearn` for every set of rows, and m* where the optimum is proven and its set described: to
            find m* for all rows one by one takes as many optimal sets.
        X : array-like of shape (n_points, n_features), optional
            Where to predict, by default at the training rows.

        Returns
        -------
        Influence

        Raises
        ------
        ValueError
            For bad rows, all rows, all rows of a class, and in closed form the absolute and the quantile loss, and a
            hidden bias that is not penalised.
        NotFittedError
            Before `fit`.
        KeyboardInterrupt
            When interrupted: a refit that was cut short says nothing of its rows.
        """
        check_is_fitted(self)
        check_data_are_kept(self, "influence")
        check_choice(method, "method", METHODS)
        n_samples = len(self._sample_weight)
        leaving = np.arange(n_samples) if rows is None else rows_named(rows, n_samples)
        each = rows is None or check_flag(each, "each")
        sets = [leaving[k : k + 1] for k in range(len(leaving))] if each else [leaving]
        samples, targets, _ = _training_samples(self)
        for gone in sets:
            _check_what_is_left(self, targets, np.isin(np.arange(n_samples), gone, invert=True))
        points = samples if X is None else validate_data(self, X, dtype=np.float64, reset=False)
        found = _by_refits(self, sets, points) if method == "refit" else _in_closed_form(self, sets, points)
        fit = self.network_.predict(points)
        return Influence(tuple(sets), method, fit=fit, objective=float(self.certificate_.primal), **found)


def rows_named(rows, n_samples):
    """Return the numbers of rows, each once and in increasing order, that are given by number or by a mask."""
    given = np.asarray(to_numpy(rows))
    if given.dtype == bool:
        if given.shape != (n_samples,):
            raise InvalidInputError(
                f"rows, as a mask, must have shape ({n_samples},), one entry per row of X; got shape {given.shape}."
            )
        found = np.flatnonzero(given)
    else:
        given = np.atleast_1d(given)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise InvalidInputError(
                f"rows must be whole numbers, or a mask of True and False; got an array of {given.dtype} of shape "
                f"{given.shape}."
            )
        outside = given[(given < -n_samples) | (given >= n_samples)]
        if outside.size:
            raise InvalidInputError(f"rows must be from 0 to {n_samples - 1}, or count from the end; got {outside[0]}.")
        found = np.unique(given.astype(int) % n_samples)
    if found.size == 0:
        raise InvalidInputError("rows must name at least one row; got none.")
    return found


def _training_samples(model):
    """Return X, the targets of every problem, and the weights of training, at the caller's samples."""
    (first, _, samples), *_ = parts = model._left_out_parts
    X = samples.gather(first.features, samples.idle_X)
    targets = [its.gather(problem.y, its.idle_y) for problem, _, its in parts]
    if getattr(model, "class_weight", None) is None:
        return X, targets, model._sample_weight
    return X, targets, first.weight[samples.row] * samples.share


def _check_what_is_left(model, targets, kept):
    """Refuse to leave nothing behind, or a class without rows."""
    kept = kept & (model._sample_weight > 0)
    if not kept.any():
        raise InvalidInputError("rows must leave at least one row of positive weight; these are all of them.")
    if not is_classifier(model) or model._is_multilabel:
        return
    columns = np.column_stack(targets)
    # One output has the classes -1 and 1; several have a column with 1 in the class.
    present = np.column_stack([columns < 0, columns > 0]) if columns.shape[1] == 1 else columns > 0
    missing = model.classes_[~present[kept].any(axis=0)]
    if len(missing):
        raise InvalidInputError(
            f"rows must leave a row of every class; without them class {missing[0]} has none. Fit the remaining rows "
            f"anew: that is a problem of other classes."
        )


def _retrained(model, X, targets, weight, choice):
    """Train a copy of an estimator, whose plain weights are set, from the networks of a `Choice`; return it."""
    started = now()
    # Without class weights both weights are one array, which says so.
    plain = weight if getattr(model, "class_weight", None) is None else model._sample_weight
    with _quietly_watched(model) as watch:
        if len(targets) > 1:
            return model._fit_one_against_the_rest(X, targets, weight, plain, started, watch, choice)
        rows = canonical_rows(X, targets[0], weight)
        plain_rows = None if plain is weight else canonical_rows(X, targets[0], plain)
        return model._fit_rows(rows, started, watch, choice, plain_rows)


@contextmanager
def _quietly_watched(model):
    """Yield what hears of the rounds of a training that is no `fit`: the reporter of `verbose` alone."""
    deadline = None if model.time_limit is None else now() + model.time_limit
    with reporting(model.verbose, deadline) as reporter:
        yield _Rounds(reporter)


class _Rounds:
    """The audience of a training that is no `fit`, with the methods of a `Watch`."""

    def __init__(self, reporter):
        self.reporter = reporter

    @contextmanager
    def problem(self, name="problem", attributes=None):
        """Yield the callable that hears of every round."""
        yield lambda record: self.reporter.round(record, words=ROUND_LABELS)


def _in_closed_form(model, sets, points):
    """Return the entries of an `Influence` by one Newton step a set."""
    parts = model._leave_out("influence(method='closed_form')")
    found = [part.without(sets, points) for part in parts]
    own = _in_units(model, np.hstack([sizes for _, sizes, _ in found]))
    error = max(max(part.response.stationarity for part in parts), model.certificate_.heuristic_gap)
    predictions = [values for values, _, _ in found]
    return {
        "predictions": predictions[0] if len(parts) == 1 else np.stack(predictions, axis=-1),
        "objectives": model.certificate_.primal - sum(falls for _, _, falls in found),
        "own_moves": own,
        "is_trusted": is_small(own) & (error <= MAX_OPTIMALITY_ERROR),
        "m_star_bounds": None,
        "m_stars": [None] * len(sets),
    }


def _by_refits(model, sets, points):
    """Return the entries of an `Influence` by one training a set."""
    models, X = [_refitted(model, gone) for gone in sets], _training_samples(model)[0]
    moves = [other.network_.predict(X) - model.network_.predict(X) for other in models]
    # Samples of weight zero are not among the rows that leave.
    leaving = [gone[model._sample_weight[gone] > 0.0] for gone in sets]
    squares = [move.reshape(len(X), -1)[gone] ** 2 for move, gone in zip(moves, leaving, strict=True)]
    sizes = [np.sqrt(square.mean(axis=0)) if len(square) else np.zeros(square.shape[1]) for square in squares]
    whole = _widths_of(model)
    return {
        "predictions": np.array([other.network_.predict(points) for other in models]),
        "objectives": np.array([other.certificate_.primal for other in models]),
        "own_moves": _in_units(model, np.array(sizes)),
        "is_trusted": np.array([other.certificate_.heuristic_gap <= MAX_OPTIMALITY_ERROR for other in models]),
        "m_star_bounds": whole,
        "m_stars": [None if whole is None else _widths_of(other) for other in models],
        "widths": [other.network_.width for other in models],
        "certificates": [other.certificate_ for other in models],
    }


def _refitted(model, gone):
    """Return the estimator without some rows; a training that is interrupted ends everything, its numbers are none."""
    other = model.unlearn(gone)
    if other.status_ == Status.interrupted.name:
        raise KeyboardInterrupt
    return other


def _in_units(model, sizes):
    """Return moves (n_sets, n_outputs) in the units of the predictions, the largest output; rounding counts as none."""
    X, targets, _ = _training_samples(model)
    units = np.concatenate([model._units(SimpleNamespace(y=y), model._sample_weight) for y in targets])
    is_rounding = sizes <= MOVE_ROUNDING * np.abs(model.network_.predict(X)).max()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(is_rounding, 0.0, sizes / units).max(axis=1)


def _widths_of(model):
    """Return the bounds on m* of a proven optimum, None where its set is not described or not sure."""
    if model.status_ != Status.proven.name or model.network_.output_weights.ndim != 1:
        return None
    try:
        with warnings.catch_warnings():
            # A margin that makes m* unsure is said by None.
            warnings.simplefilter("ignore", UserWarning)
            found = model.optimal_set(time_limit=model.time_limit)
    except (InvalidInputError, SolverError):
        return None
    return found.m_star_bounds if found.margin >= MIN_SURE_MARGIN else None
