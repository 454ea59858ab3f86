"""Checks of the parameters that all estimators share."""

import numpy as np
from sklearn.utils import check_random_state

from .._validation import check_choice, check_count, check_flag, check_n_jobs, check_positive, check_verbose
from ..exceptions import InvalidInputError

FLAGS = ("hidden_bias", "fit_intercept", "skip_connection", "penalize_bias", "warm_start")
SCALE_FRACTION = 0.1


def check_shared_parameters(estimator):
    """Refuse bad values of the parameters that every estimator has; the message names the parameter."""
    for name in FLAGS:
        if hasattr(estimator, name):
            check_flag(getattr(estimator, name), name)
    check_n_jobs(estimator.n_jobs)
    check_verbose(estimator.verbose)
    check_positive(estimator.tol, "tol")
    check_count(estimator.max_iter, "max_iter")
    if estimator.time_limit is not None:
        check_positive(estimator.time_limit, "time_limit")


def check_strength(beta):
    """Refuse a strength that is neither ``"scale"`` nor a number above 0."""
    if isinstance(beta, str):
        check_choice(beta, "beta (when it is a string)", ("scale",))
    else:
        check_positive(beta, "beta")


def scaled_strength(largest):
    """Return the strength that ``beta="scale"`` stands for, from the smallest one with a zero network."""
    return SCALE_FRACTION * largest if largest > 0 else 1.0


def seed_of(random_state):
    """Return a fixed seed for None, an integer as it is, one draw from a RandomState."""
    if random_state is None:
        return 0
    try:
        return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    except ValueError as error:
        raise InvalidInputError(f"random_state is not usable: {error}") from error
