"""One fold of a cross-validation: a path over the strengths on its training rows, scored on the others."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._utils.clock import now
from .._utils.progress import silence
from .._utils.threads import one_blas_thread
from .._utils.validation import deadline_after, is_late
from ..exceptions import ScaleWarning, WidthWarning
from ..solvers.base import build_zero_network, uninterrupted
from ..solvers.solve import solve
from ._automatic import Choice, budget_after, follower, problems_on, starts_from
from ._parameters import has_skip, tolerance_of

# Training at one strength of a fold takes at most 3e8 nanoseconds of work.
FOLD_WORK_NS = 3e8


@dataclass(frozen=True)
class Followed:
    """The outcome of one fold.

    Attributes
    ----------
    scores, seconds : ndarrays of shape (n_betas,)
        Scores are NaN where all test rows have weight 0.
    points : list
        For every strength the `Point` of every problem, None where there was nothing to fit.
    work : float
    """

    scores: np.ndarray
    seconds: np.ndarray
    points: list[list[Any]]
    work: float


def follow(model, scorer, betas, X, y, weight, train, test):
    """Return the `Followed` of the rows `train` and `test`, for decreasing `betas`.

    Notes
    -----
    The networks are those of short data's optima and near those of long data's, see `solvers.path`.
    """
    model = model.__class__(**model.get_params(deep=False))  # in one process the folds are handed the same object
    options = {} if weight is None else {"sample_weight": weight[test]}
    counts = weight is None or weight[test].any()
    scores, seconds, points = np.full(len(betas), np.nan), np.zeros(len(betas)), []
    with warnings.catch_warnings(), one_blas_thread(), silence():
        warnings.simplefilter("ignore", ScaleWarning)  # the fit on all data has warned
        warnings.simplefilter("ignore", WidthWarning)  # the last fit warns, once
        X_train, y_train, own = model._check_data(X[train], y[train], None if weight is None else weight[train])
        targets, own = model._pose_targets(y_train, own)
        problems = problems_on(model, X_train, targets, own, has_skip(model))
        limit = _Limit(model.time_limit)
        paths = [follower(model, problem, limit.is_over) for problem in problems]
        for k, beta in enumerate(betas.tolist()):
            started = now()
            limit.restart()
            # Follow the path to the strength, train there for a little, and score the network on the rows left out.
            points.append([None if path is None else path.follow(beta) for path in paths])
            networks = [
                _train_briefly(model, problem, beta, point, limit.deadline)
                for problem, point in zip(problems, points[-1], strict=True)
            ]
            model.set_params(beta=beta)
            model.network_ = model._join_networks(networks)
            seconds[k] = now() - started
            if counts:
                scores[k] = scorer(model, X[test], y[test], **options)
    return Followed(scores, seconds, points, sum(path.work for path in paths if path is not None))


def _train_briefly(model, problem, beta, point, deadline):
    """Return the network that training reaches from a point on the path with little work: the optimum of short data.

    Raises
    ------
    KeyboardInterrupt
        After an interrupt, which solvers keep to themselves to save the best network so far.
    """
    if point is None:
        return build_zero_network(problem)
    options = {"tol": tolerance_of(model.tol), "max_iter": model.max_iter, "max_work": FOLD_WORK_NS}
    options |= {"start": point.network(problem), "proof": "heuristic", "deadline": deadline}
    problem = replace(problem, beta=beta)
    return uninterrupted(solve(problem, max_width=model.max_width, **options)).network


def choice_of(model, X, y, weight, followed, best):
    """Return the `Choice` that the last fit starts from: the networks of the first fold, and a budget."""
    X, y, weight = model._check_data(X, y, weight)
    targets, weight = model._pose_targets(y, weight)
    skip = has_skip(model)
    problems = problems_on(model, X, targets, weight, skip)
    with one_blas_thread():
        starts = starts_from(model, problems, followed[0].points[best], model.beta)
    budget = budget_after(sum(fold.work for fold in followed), len(X), problems, starts)
    return Choice(model.beta, skip, starts, budget)


def results_of(betas, scores, seconds, counted):
    """Return what scikit-learn's searches call ``cv_results_``, a dict of arrays over the strengths.

    Parameters
    ----------
    betas : ndarray of shape (n_betas,)
    scores : ndarray of shape (n_betas, n_folds)
    seconds : list of ndarray of shape (n_betas,)
        One per fold.
    counted : ndarray of bool of shape (n_folds,)
        Folds that means are taken over.
    """
    judged = scores[:, counted]
    empty = np.full(len(betas), np.nan)
    means = judged.mean(axis=1) if counted.any() else empty
    found = {
        "param_beta": np.ma.masked_array(betas, mask=np.zeros(len(betas), bool)),
        "params": [{"beta": float(beta)} for beta in betas],
        "mean_fit_time": np.mean(seconds, axis=0),
        "std_fit_time": np.std(seconds, axis=0),
        "mean_test_score": means,
        "std_test_score": judged.std(axis=1) if counted.any() else empty,
        "rank_test_score": _ranks(means),
    }
    return found | {f"split{k}_test_score": column for k, column in enumerate(scores.T)}


def _ranks(means):
    """Return 1 for the largest mean, equal ones alike, NaN last."""
    known = np.where(np.isnan(means), -np.inf, means)
    return 1 + np.sum(known[None] > known[:, None], axis=1).astype(np.int32)


class _Limit:
    """A time limit of one strength, asked by what is at work on it."""

    def __init__(self, seconds):
        self.seconds, self.deadline = seconds, None
        self.restart()

    def restart(self):
        """The next strength begins."""
        self.deadline = deadline_after(self.seconds)

    def is_over(self):
        """Whether the time is up."""
        return is_late(self.deadline)
