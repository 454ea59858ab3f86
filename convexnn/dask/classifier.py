"""`DaskConvexReLUClassifier`: `ConvexReLUClassifier` for data on the workers of a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ClassificationLoss, Patterns, Proof, RandomState, Solver
from ..arrangements.patterns import ActivationPatterns
from ..estimators import ConvexReLUClassifier
from ..estimators.classifier import _is_logistic
from ._base import DaskEstimator
from .partitions import is_collection
from .scores import accuracy_of, hits_of

if TYPE_CHECKING:
    from distributed import Client


class DaskConvexReLUClassifier(ClassifierMixin, DaskEstimator):
    """Two-layer ReLU network with weight decay that classifies, trained on the workers of a Dask cluster.

    It minimises the same objective as `ConvexReLUClassifier`,

    ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``

    in the way of its ``fit_blocks``. The rows stay on the workers, which return sums over them; the optimiser runs in
    this process. The network does not depend on how many workers and blocks there are, but for rounding.

    Parameters
    ----------
    beta : float, "auto" or "scale", default="auto"
        Strength of the weight decay; a sum over samples is penalised, there is no 1/n.
    client : distributed.Client, optional
        By default the one that was made last, as everywhere in Dask. It is not pickled.
    loss, multi_class, class_weight, hidden_bias, fit_intercept, skip_connection, cv, max_width, solver, patterns, \
n_patterns, proof, tol, max_iter, time_limit, n_jobs, random_state, warm_start, verbose
        As in `ConvexReLUClassifier` and its ``fit_blocks``.

    Attributes
    ----------
    classes_, network_, certificate_, beta_, beta_max_, status_, n_iter_, n_features_in_, feature_names_in_
        As in `ConvexReLUClassifier` after ``fit_blocks``; the names are those of a data frame.

    See Also
    --------
    ConvexReLUClassifier : For data in the memory of one machine.

    Examples
    --------
    >>> import dask.array, distributed
    >>> from convexnn.dask import DaskConvexReLUClassifier
    >>> with distributed.Client(processes=False, dashboard_address=None):
    ...     X = dask.array.random.default_rng(0).standard_normal((300, 2), chunks=(100, 2))
    ...     y = dask.array.where(abs(X[:, 0]) > 0.7, "far", "near")
    ...     model = DaskConvexReLUClassifier(1.0).fit(X, y)
    ...     model.classes_.tolist(), bool(model.score(X, y) > 0.9)
    (['far', 'near'], True)
    """

    classes_: np.ndarray

    _local_class = ConvexReLUClassifier
    _has_numeric_targets = False

    def __init__(
        self,
        beta: float | Literal["auto", "scale"] = "auto",
        *,
        client: Client | None = None,
        loss: ClassificationLoss = "logistic",
        multi_class: Literal["joint", "ovr"] = "joint",
        class_weight: dict[Any, float] | str | None = None,
        hidden_bias: bool = True,
        penalize_bias: bool = True,
        fit_intercept: bool = True,
        skip_connection: bool | Literal["auto"] = "auto",
        cv: Any = None,
        max_width: int | None = None,
        solver: Solver = "auto",
        patterns: ActivationPatterns | Patterns = "auto",
        n_patterns: int | None = None,
        proof: Proof = "auto",
        tol: float | Literal["auto"] = "auto",
        max_iter: int = 500,
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.beta = beta
        self.client = client
        self.loss = loss
        self.multi_class = multi_class
        self.class_weight = class_weight
        self.hidden_bias = hidden_bias
        self.penalize_bias = penalize_bias
        self.fit_intercept = fit_intercept
        self.skip_connection = skip_connection
        self.cv = cv
        self.max_width = max_width
        self.solver = solver
        self.patterns = patterns
        self.n_patterns = n_patterns
        self.proof = proof
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def decision_function(self, X: Any) -> Any:
        """Return the network's values at the rows of X, (n_samples,) for two classes, without computing them."""
        check_is_fitted(self)
        return self._lazy("decision_function", X, None if len(self.classes_) == 2 else list(self.classes_))

    @available_if(_is_logistic)
    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes, as the ordinary estimator does, without computing them.

        For a data frame a data frame, with the classes as its columns.
        """
        check_is_fitted(self)
        return self._lazy("predict_proba", X, list(self.classes_))

    @available_if(_is_logistic)
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of `predict_proba`, without computing them."""
        check_is_fitted(self)
        return self._lazy("predict_log_proba", X, list(self.classes_))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of the predictions, by sums over the partitions; the rows stay where they are."""
        check_is_fitted(self)
        if not is_collection(X):
            return self._local.score(X, y, sample_weight)
        return accuracy_of(self._sums(hits_of, X, y, sample_weight))

    def __sklearn_tags__(self):
        """Several labels can be fitted."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
