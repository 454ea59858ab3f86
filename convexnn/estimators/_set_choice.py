"""`choose`: the estimator with one network out of all optimal ones."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike
from .._utils.validation import deadline_after
from ..duality.certificate import certify_problem
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..optimal_sets.best import BestNetwork, Criteria, best_of
from ..optimal_sets.criteria import make_criterion
from ..optimal_sets.solution_set import OptimalSet
from ..solvers.base import Status, is_proven
from ._blockwise import check_data_are_kept
from ._data import validate_data
from ._labels import signs_of
from ._parameters import tolerance_of


class ChoosingMixin:
    """`choose` of a `ConvexReLUEstimator` with one output."""

    network_: TwoLayerReLU
    classes_: np.ndarray
    choice_: BestNetwork
    n_jobs: int | None
    tol: Any
    max_width: int | None
    optimal_set: Callable[..., Any]
    _training_problem: Any
    _left_out_parts: list[tuple[Any, Any, Any]]

    def choose(
        self,
        criterion: Criteria | Callable[[TwoLayerReLU], float] = "neurons",
        *,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        network: TwoLayerReLU | None = None,
        optimal_set: OptimalSet | None = None,
        time_limit: float | None = None,
    ) -> Self:
        """Return a fitted copy with the network that is best by a criterion among all optimal ones.

        Its training objective is the same, and so are its values at the training rows; for regressors of one output and
        classifiers of two classes. Where the optimum is unique, as it mostly is, there is nothing to choose.

        Parameters
        ----------
        criterion : str or callable
            See `OptimalSet.best`: ``"neurons"``, ``"weights"``, ``"features"``, ``"validation"``, ``"lipschitz"``,
            ``"margin"``, ``"closest"``, ``"fairest"``, or a function of a network.
        X, y, sample_weight, groups, network
            What the criterion needs; y as in `fit`.
        optimal_set : OptimalSet, optional
            That of this estimator, where it is at hand: to find it takes most of the time.
        time_limit : float, optional
            Seconds for the optimal set, and again for the certificate.

        Returns
        -------
        ConvexReLURegressor or ConvexReLUClassifier
            With ``choice_``, the `BestNetwork`: the value of the criterion, and how far it is proven to be the best.

        Raises
        ------
        ValueError
            For several outputs or classes, a loss whose optimal fit need not be unique, what `OptimalSet.best` refuses,
            and a network of more than `max_width` neurons.
        SolverError
            When optimality cannot be proven.
        """
        check_is_fitted(self)
        check_data_are_kept(self, "choose")
        if self.network_.output_weights.ndim != 1:
            raise InvalidInputError(
                f"choose is there for one output, or two classes: the optimal networks of several outputs are no "
                f"polytope. This {type(self).__name__} has {self.network_.output_weights.shape[1]} outputs."
            )
        X = None if X is None else validate_data(self, X, dtype=np.float64, reset=False)
        given = {"X": X, "y": self._criterion_targets(y), "sample_weight": sample_weight}
        given |= {"groups": groups, "network": network}
        # The set may take minutes: what the criterion has not got is refused before.
        judge = make_criterion(criterion, self._training_problem, given)
        found = self.optimal_set(time_limit=time_limit) if optimal_set is None else self._own(optimal_set)
        model = copy(self)
        model.choice_ = best_of(found, judge)
        if self.max_width is not None and model.choice_.network.width > self.max_width:
            raise InvalidInputError(
                f"the network that was chosen has {model.choice_.network.width} neurons, more than "
                f"max_width={self.max_width}: no optimal network with fewer than {found.m_star_bounds[0]} exists. Take "
                f"criterion='neurons', or a larger max_width."
            )
        model._set_network(model.choice_.network, time_limit)
        return model

    def _criterion_targets(self, y):
        """Return targets as those of training: labels become -1 and 1, a column is flattened."""
        if y is None:
            return None
        y = np.asarray(y)
        y = y[:, 0] if y.shape[1:] == (1,) else y
        if not is_classifier(self):
            return y
        strange = y[~np.isin(y, self.classes_)]
        if y.ndim != 1 or strange.size:
            raise InvalidInputError(
                f"y must have shape (n_samples,) and hold the classes {self.classes_.tolist()}; got shape {y.shape}"
                f"{f' with {strange.flat[0]!r}' if strange.size else ''}."
            )
        return signs_of(y, self.classes_)[:, 1]

    def _own(self, found):
        """Return an optimal set after checking that it is of the training problem."""
        if not isinstance(found, OptimalSet):
            raise TypeError(f"optimal_set must be an OptimalSet; got {type(found).__name__}.")
        ours, theirs = self._training_problem, found.problem
        same = all(np.array_equal(getattr(ours, name), getattr(theirs, name)) for name in ("design", "y", "weight"))
        same &= (ours.beta, ours.loss.name) == (theirs.beta, theirs.loss.name)
        if not (same and np.array_equal(ours.free, theirs.free)):
            raise InvalidInputError("optimal_set must be that of this estimator, as model.optimal_set() returns it.")
        return found

    def _set_network(self, network, time_limit):
        """Set the network of a copy, which is optimal for the same problem, and its certificate."""
        problem, (_, _, samples) = self._training_problem, self._left_out_parts[0]
        options = {"proof": "exact", "deadline": deadline_after(time_limit), "n_jobs": self.n_jobs}
        certificate = certify_problem(network, problem, **options)
        self.network_, self._training_dual = network, certificate.dual_point
        self._left_out_parts = [(problem, network, samples)]
        # A row's dual entry belongs to its samples in proportion to their weights.
        spread = certificate.dual_point[problem.rows][samples.row] * samples.share
        self.certificate_ = replace(certificate, dual_point=spread)
        self.dual_ = self.certificate_.dual_point
        proven = is_proven(certificate, tolerance_of(self.tol))
        self.status_ = (Status.proven if proven else Status.converged).name
