"""Checks of the parameters that all estimators share."""

import inspect
import warnings
from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from .._utils.site import page_of
from .._utils.validation import check_choice, check_count, check_flag, check_n_jobs, check_positive, check_verbose
from ..exceptions import InvalidInputError

# Parameters that have to be True or False, where an estimator has them.
FLAG_NAMES = ("hidden_bias", "fit_intercept", "skip_connection", "penalize_bias", "warm_start")
# beta="scale" is 0.1 times beta_max.
SCALE_FRACTION = 0.1
# tol="auto" is 1e-6.
AUTO_TOLERANCE = 1e-6


class KeepsParameters(BaseEstimator):
    """An estimator that can be unpickled by later versions, which may have more parameters.

    In a notebook its picture leads to the page about its class.
    """

    # scikit-learn links classes of this package only, not those that users derive from them.
    _doc_link_module = "convexnn"
    _doc_link_template = page_of("{package}.{name}")
    _public_package = "convexnn"

    def _doc_link_url_param_generator(self):
        return {"package": self._public_package, "name": type(self).__name__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled estimator; parameters that it does not know yet get their defaults, with a warning."""
        super().__setstate__(state)
        known = inspect.signature(type(self).__init__).parameters.values()
        added = {one.name: one.default for one in known if one.default is not one.empty and one.name not in vars(self)}
        for name, default in added.items():
            setattr(self, name, default)
        if added:
            values = ", ".join(f"{name}={value!r}" for name, value in added.items())
            warnings.warn(
                f"This {type(self).__name__} was pickled by an earlier version of convexnn and lacks parameters that "
                f"were added since; they have their defaults: {values}. Fit it again where fitted attributes are "
                f"missing.",
                UserWarning,
                stacklevel=2,
            )


def check_shared_parameters(estimator, automatic=()):
    """Refuse bad values of the parameters that every estimator has; the message names the parameter.

    Those in `automatic` may be ``"auto"``.
    """
    for name in automatic:
        if isinstance(getattr(estimator, name), str):
            check_choice(getattr(estimator, name), f"{name} (when it is a string)", ("auto",))
    for name in FLAG_NAMES:
        if hasattr(estimator, name) and not (name in automatic and isinstance(getattr(estimator, name), str)):
            check_flag(getattr(estimator, name), name)
    check_n_jobs(estimator.n_jobs)
    check_verbose(estimator.verbose)
    check_positive(tolerance_of(estimator.tol) if "tol" in automatic else estimator.tol, "tol")
    check_count(estimator.max_iter, "max_iter")
    if estimator.time_limit is not None:
        check_positive(estimator.time_limit, "time_limit")


def check_strength(beta, words=("scale",)):
    """Refuse a strength that is neither one of some words nor a number above 0."""
    if isinstance(beta, str):
        check_choice(beta, "beta (when it is a string)", words)
    else:
        check_positive(beta, "beta")


def check_folds(cv):
    """Refuse what is no number of folds, no splitter and no list of splits."""
    if cv is None:
        return
    if isinstance(cv, Integral) and not isinstance(cv, bool):
        if cv < 2:
            raise InvalidInputError(f"cv must be at least 2 where it is a number of folds; got {cv}.")
    elif isinstance(cv, str) or not (hasattr(cv, "split") or isinstance(cv, Iterable)):
        raise InvalidInputError(
            f"cv must be None, a number of folds, a splitter of scikit-learn or an iterable of (train, test) pairs; "
            f"got {cv!r}."
        )


def scaled_strength(largest):
    """Return the strength that ``beta="scale"`` stands for, from the smallest one with a zero network."""
    return SCALE_FRACTION * largest if largest > 0 else 1.0


def has_skip(estimator):
    """Whether `skip_connection` asks for linear terms; ``"auto"`` does not by itself."""
    return estimator.skip_connection != "auto" and bool(estimator.skip_connection)


def tolerance_of(tol):
    """Return the relative gap that `tol` stands for."""
    return AUTO_TOLERANCE if isinstance(tol, str) else tol


def seed_of(random_state):
    """Return a fixed seed for None, an integer as it is, one draw from a RandomState."""
    if random_state is None:
        return 0
    try:
        return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    except ValueError as error:
        raise InvalidInputError(f"random_state is not usable: {error}") from error
