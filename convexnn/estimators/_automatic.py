"""``beta="auto"``: the folds, the paths followed in them, and the network that training starts from."""

import warnings
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv

from .._utils.clock import now
from .._utils.progress import current
from .._utils.row_blocks import is_huge
from .._utils.threads import one_blas_thread, thread_map
from .._utils.validation import is_late
from ..exceptions import StrengthWarning
from ..programs.units import is_trivial
from ..solvers._work import COARSE_VECTOR_PRODUCTS, vector_newton_products
from ..solvers.path import Path
from ._beta_path import BetaPath
from ._choosing import MAX_ROWS, N_STRENGTHS, Fold, Walk, choose, classes_of, fold_rows, is_short, max_rows
from ._parameters import has_skip, seed_of
from ._rows import rows_of_targets

# The warning names the line that called `fit`: 6 frames up, one of them that of the decorator.
CHOICE_STACKLEVEL = 6
# Choosing may take half of a time limit.
CHOICE_TIME_SHARE = 0.5
# To begin a walk with a skip connection takes up to 5 times as long as without: fits of its free terms come first.
SKIP_OVER_PLAIN_SECONDS = 5.0
# Before training, a path on all rows goes 3 rounds where the design has at most 20 000 entries, else one.
PATH_ROUNDS, MAX_ENTRIES_FOR_ROUNDS = 3, 20_000
# Training may take 0.6 of the work of choosing, and at least 1e9 nanoseconds; several outputs have 3e8 of them where
# a Newton step of the network that it starts from is too dear, so that no proof is in sight.
TRAINING_OVER_CHOICE_WORK, MIN_TRAINING_WORK_NS, MIN_COARSE_TRAINING_WORK_NS = 0.6, 1e9, 3e8


@dataclass(frozen=True)
class Choice:
    """A strength, whether there is a skip connection, and the networks found on the way.

    Attributes
    ----------
    beta : float
    skip_connection : bool
    starts : list of TwoLayerReLU or None
        One per problem, near the optimum of all rows.
    max_work : float or None
        Most work of training, in units of about a nanosecond of one core; None without a limit.
    path : BetaPath, optional
        The strengths that were judged.
    """

    beta: float
    skip_connection: bool
    starts: list[Any]
    max_work: float | None
    path: BetaPath | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether the user has interrupted the choice: what is known is to be kept, and nothing more trained."""
        return self.path is not None and self.path.ended == "interrupted"


def choose_strength(estimator, X, targets, weight, started, every=None):
    """Return the `Choice` for an estimator and its checked data, None with too little to choose with, or no time.

    Parameters
    ----------
    estimator : ConvexReLUEstimator
    X : ndarray of shape (n_samples, n_features)
    targets : list of ndarray
        One per problem: all of them have the same strength.
    weight : ndarray of shape (n_samples,)
    started : Moment
    every : float, optional
        The weight of all rows, where the given ones are a sample of them.
    """
    every, seed = weight.sum() if every is None else every, seed_of(estimator.random_state)
    # Huge data are chosen on a sample, whose share of the weight translates strengths.
    if is_huge(X) and not _has_own_folds(estimator):
        X, targets, weight = _sample(X, targets, weight, seed)
    share = weight.sum() / every
    whole = {skip: problems_on(estimator, X, targets, weight, skip) for skip in _options(estimator, X, weight)}
    deadline = None if estimator.time_limit is None else started + CHOICE_TIME_SHARE * estimator.time_limit
    with one_blas_thread(), thread_map(estimator.n_jobs) as run, current().stage("strengths", N_STRENGTHS) as stage:
        if any(is_short(problem) for problems in whole.values() for problem in problems):
            return None
        # One walk without a skip connection, and one with it where that may help; both share the strengths.
        walks, began = {}, now()
        for skip, problems in whole.items():
            # Under a limit the second walk is begun only where there is time to follow both.
            if walks and deadline is not None and deadline - now() < SKIP_OVER_PLAIN_SECONDS * (now() - began):
                break
            folds = _folds(estimator, X, targets, weight, problems, skip, seed)
            walks[skip] = Walk(folds, problems, seed, estimator.max_width, lambda: is_late(deadline), run)
        largest = max(walk.price for walk in walks.values())
        if not any(walk.has_neurons for walk in walks.values()):
            return None
        path = choose(walks, largest, share, started=started, deadline=deadline, stage=stage)
        if path is None or (path.ended == "time_limit" and path.best.width == 0.0):
            _warn_of_no_choice()
            return None
        # The networks of the first fold lead to those of all rows, which training starts from.
        best = path.best
        points = walks[best.skip_connection].points_at(best)
        problems = whole[best.skip_connection]
        if share < 1.0:
            starts = [point.network(problem) for point, problem in zip(points, problems, strict=True)]
        else:
            starts = starts_from(estimator, problems, points, best.beta, lambda: is_late(deadline))
    _warn_of_last(path)
    budget = budget_after(sum(walk.work for walk in walks.values()), len(X) / share, problems, starts)
    return Choice(best.beta, best.skip_connection, starts, budget, path)


def _warn_of_no_choice():
    """Warn that the time was up before any network had a neuron."""
    warnings.warn(
        "The time limit left no time to choose the strength: beta='scale' has been taken, which is often much too "
        "large. Raise time_limit, or give beta as a number.",
        StrengthWarning,
        stacklevel=CHOICE_STACKLEVEL,
    )


def _sample(X, targets, weight, seed):
    """Return some of the rows of huge data, which are not to be copied."""
    n_rows = len(X)
    rows = np.sort(np.random.default_rng(seed).choice(n_rows, min(n_rows, max_rows(X.shape[1])), replace=False))
    return X[rows], [y[rows] for y in targets], weight[rows]


def budget_after(work, n_rows, problems, starts):
    """Return what training on so many rows may take after so much work of choosing, on a sample of long data."""
    is_coarse = all(
        problem.y.ndim == 2
        and start is not None
        and vector_newton_products(problem, start.width) > COARSE_VECTOR_PRODUCTS
        for problem, start in zip(problems, starts, strict=True)
    )
    least = MIN_COARSE_TRAINING_WORK_NS if is_coarse else MIN_TRAINING_WORK_NS
    return max(least, TRAINING_OVER_CHOICE_WORK * work) * max(1.0, n_rows / MAX_ROWS)


def starts_from(estimator, problems, points, beta, stop=lambda: False):
    """Return the networks of all rows that paths reach from those of a fold, None where there is nothing to fit."""
    starts = []
    for problem, point in zip(problems, points, strict=True):
        if point is None or len(problem.y) > MAX_ROWS:  # the point came from a sample, and is as good as it gets
            starts.append(None if point is None else point.network(problem))
            continue
        path = follower(estimator, problem, stop)
        path.start(point)
        for _ in range(PATH_ROUNDS if problem.design.size <= MAX_ENTRIES_FOR_ROUNDS else 1):
            point = path.follow(beta)
        starts.append(point.network(problem))
    return starts


def follower(estimator, problem, stop=lambda: False):
    """Return the `Path` of a problem, None where there is nothing to fit."""
    if is_trivial(problem):
        return None
    rng = np.random.default_rng(seed_of(estimator.random_state))
    return Path(problem, rng, estimator.max_width, stop)


def _options(estimator, X, weight):
    """Return whether there may be a skip connection: one or two flags."""
    if estimator.skip_connection != "auto":
        return [has_skip(estimator)]
    return [False, True] if 2 * X.shape[1] < np.count_nonzero(weight) else [False]


def problems_on(estimator, X, targets, weight, skip):
    """Pose the problems of all outputs on the same rows."""
    return estimator._problems(rows_of_targets(X, targets, weight), skip)


def _folds(estimator, X, targets, weight, whole, skip, seed):
    """Return the folds, those of a splitter of the caller's samples or our own of the distinct rows."""
    if not _has_own_folds(estimator):
        rows = fold_rows(whole, seed, estimator.cv)
        return [Fold(*(tuple(problem.take(part, 1.0) for problem in whole) for part in pair)) for pair in rows]
    together = _stack_targets(targets)
    splits = list(
        check_cv(estimator.cv, classes_of(together) if is_classifier(estimator) else together).split(X, together)
    )
    return [
        Fold(*(tuple(problems_on(estimator, X[part], [y[part] for y in targets], weight[part], skip)) for part in pair))
        for pair in splits
        if weight[pair[0]].any() and weight[pair[1]].any()
    ]


def _has_own_folds(estimator):
    """Whether `cv` cuts the caller's samples itself."""
    return not (estimator.cv is None or isinstance(estimator.cv, Integral))


def _stack_targets(targets):
    """Return the targets of all problems as one array."""
    return np.column_stack(targets) if len(targets) > 1 else targets[0]


def _warn_of_last(path):
    """Warn when a smaller strength may be better: none was tried, or there was no time for it."""
    if path.best.beta != path.strengths.min():
        return
    if path.ended == "smallest":
        message = (
            f"The best strength, beta={path.best.beta:.4g}, is the smallest one that beta='auto' tries: a smaller one "
            f"may predict better. Give beta as a number, or choose it with betas of your own and a class with CV."
        )
    elif path.ended == "time_limit":
        message = (
            f"The time limit ended the choice of the strength at beta={path.best.beta:.4g}, the smallest one tried so "
            f"far and the best: a smaller one may predict better. Raise time_limit, or give beta as a number."
        )
    else:
        return
    warnings.warn(message, StrengthWarning, stacklevel=CHOICE_STACKLEVEL)
