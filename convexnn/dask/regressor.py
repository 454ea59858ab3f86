"""`DaskConvexReLURegressor`: `ConvexReLURegressor` for data on the workers of a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import Patterns, Proof, RandomState, RegressionLoss, Solver
from ..arrangements.patterns import ActivationPatterns
from ..estimators import ConvexReLURegressor
from ._base import DaskEstimator
from .partitions import is_collection
from .scores import r2_of, spread_of

if TYPE_CHECKING:
    from distributed import Client


class DaskConvexReLURegressor(RegressorMixin, DaskEstimator):
    """Two-layer ReLU network with weight decay, trained on the workers of a Dask cluster.

    It minimises the same objective as `ConvexReLURegressor`,

    ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``

    in the way of its ``fit_blocks``. The rows stay on the workers, which return sums over them; the optimiser runs in
    this process. The network does not depend on how many workers and blocks there are, but for rounding.

    Parameters
    ----------
    beta : float, "auto" or "scale", default="auto"
        Strength of the weight decay; a sum over samples is penalised, there is no 1/n.
    client : distributed.Client, optional
        By default the one that was made last, as everywhere in Dask. It is not pickled.
    loss, huber_delta, quantile, hidden_bias, fit_intercept, skip_connection, cv, max_width, solver, patterns, \
n_patterns, proof, tol, max_iter, time_limit, n_jobs, random_state, warm_start, verbose
        As in `ConvexReLURegressor` and its ``fit_blocks``.

    Attributes
    ----------
    network_, certificate_, beta_, beta_max_, status_, n_iter_, n_features_in_, feature_names_in_
        As in `ConvexReLURegressor` after ``fit_blocks``; the names are those of a data frame.

    See Also
    --------
    ConvexReLURegressor : For data in the memory of one machine.

    Examples
    --------
    >>> import dask.array, distributed
    >>> from convexnn.dask import DaskConvexReLURegressor
    >>> with distributed.Client(processes=False, dashboard_address=None):
    ...     X = dask.array.random.default_rng(0).standard_normal((300, 2), chunks=(100, 2))
    ...     y = abs(X[:, 0])
    ...     model = DaskConvexReLURegressor(1.0).fit(X, y)
    ...     model.predict(X).shape, bool(model.score(X, y) > 0.9)
    ((300,), True)
    """

    _local_class = ConvexReLURegressor
    _has_numeric_targets = True

    def __init__(
        self,
        beta: float | Literal["auto", "scale"] = "auto",
        *,
        client: Client | None = None,
        loss: RegressionLoss = "squared",
        huber_delta: float | Literal["auto"] = "auto",
        quantile: float = 0.5,
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
        self.huber_delta = huber_delta
        self.quantile = quantile
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

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R2 of the predictions, by sums over the partitions; the rows stay where they are."""
        check_is_fitted(self)
        if not is_collection(X):
            return self._local.score(X, y, sample_weight)
        return r2_of(self._sums(spread_of, X, y, sample_weight))

    def __sklearn_tags__(self):
        """Several outputs can be fitted."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
