"""`MinNormReLUInterpolator`: the cheapest two-layer ReLU network through the data, as a scikit-learn regressor."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike, Proof, RandomState
from .._utils.clock import now
from .._utils.progress import ROUND_LABELS
from .._utils.validation import check_choice
from ..duality.pricing import PROOFS
from ..exceptions import InvalidInputError, SolverError, VertexLimitError
from ..interpolation.certificate import InterpolationCertificate
from ..interpolation.certifying import solve_interpolant
from ..interpolation.free_bias import join_the_dots
from ..interpolation.program import interpolation_problem
from ..interpolation.solution_set import InterpolationSet, interpolation_set_of
from ..network import TwoLayerReLU
from ..optimal_sets.solution_set import MIN_MARGIN
from ..solvers.base import Status
from ._columns import warn_of_scales
from ._data import validate_data
from ._hidden_layer import HiddenLayerMixin
from ._parameters import KeepsParameters, check_shared_parameters, seed_of
from ._watch import CallbackSupportMixin, network_only, watched, with_callbacks

# Parameters that decide which problem is posed.
PROBLEM_FLAGS = ("hidden_bias", "penalize_bias", "fit_intercept", "skip_connection")


class MinNormReLUInterpolator(RegressorMixin, HiddenLayerMixin, CallbackSupportMixin, KeepsParameters):
    """Two-layer ReLU network of smallest norm that passes through all data, found with a proof.

    Minimises ``1/2 sum_j (||u_j||^2 + alpha_j^2)`` over the networks
    ``f(x) = sum_j (x . u_j)_+ alpha_j + free terms`` of every width with ``f(x_i) = y_i`` for all i. It is what weight
    decay tends to when its strength tends to zero.

    Parameters
    ----------
    hidden_bias : bool, default=True
        Give the hidden neurons a bias.
    penalize_bias : bool, default=True
        Whether the hidden bias is a part of ``||u_j||``. False needs a hidden bias, a skip and an intercept.
    fit_intercept : bool, default=False
        Add an unpenalised intercept.
    skip_connection : bool, default=False
        Add unpenalised linear terms; together with the intercept, a free affine skip.
    proof : {"auto", "exact", "bound", "heuristic"}, default="auto"
        How hard to try to prove optimality; see `price`. ``"auto"`` works within a fixed amount of work, never a
        clock.
    tol : float, default=1e-6
        Relative gap to reach, as far as local ascents can see it (``certificate_.heuristic_gap``).
    max_iter : int, default=500
        Largest number of pricing rounds.
    time_limit : float, optional
        Seconds; the best interpolating network so far is returned with its true certificate.
    n_jobs : int, optional
        Threads, read as joblib reads it. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts of the local ascents. None is a fixed seed.
    verbose : int, default=0
        1 prints a line for every squared problem, one every second of a proof and one at the end; 2 more.

    Attributes
    ----------
    network_ : TwoLayerReLU
    cost_ : float
        ``1/2 sum_j (||u_j||^2 + alpha_j^2)`` of the network, without the bias if that is not penalised.
    is_unique_ : bool or None
        Whether every interpolant of this cost is the same function, modulo the free terms; None when that is not
        proven. Found when it is first asked for.
    certificate_ : InterpolationCertificate
    dual_ : ndarray of shape (n_samples,)
        ``certificate_.dual_point``.
    status_ : {"proven", "converged", "stalled", "max_iter", "time_limit", "interrupted"}
    n_iter_ : int
    history_ : list of dict
        Per squared problem: seconds, objective (the cost), visible_gap (relative), width.
    feature_importances_ : ndarray of shape (n_features,)
        As in `ConvexReLURegressor`.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    ConvexReLURegressor : The same networks with a loss and weight decay.

    Notes
    -----
    There are no sample weights: a network that passes through all data does so whatever their weights are.

    References
    ----------
    .. [1] E. Boursier, N. Flammarion, "Penalising the biases in norm regularisation enforces sparsity", NeurIPS 2023.
    .. [2] S. Kim, A. Mishkin, M. Pilanci, "Exploring the loss landscape of regularized neural networks via convex
       duality", ICLR 2025.

    Examples
    --------
    >>> from convexnn import MinNormReLUInterpolator
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 0.0, 1.0, 3.0]
    >>> model = MinNormReLUInterpolator(fit_intercept=True, skip_connection=True).fit(X, y)
    >>> print(round(model.cost_**2, 6), model.is_unique_, model.certificate_.proof)
    13.0 True exact
    """

    network_: TwoLayerReLU
    certificate_: InterpolationCertificate
    dual_: np.ndarray
    cost_: float
    status_: str
    n_iter_: int
    history_: list[dict[str, Any]]
    n_features_in_: int

    _certified_elsewhere = (
        "it has no strength, and the smallest cost of an interpolant is another problem. "
        "certify_interpolation(model.network_, X, y) judges it, and certificate_ is the proof on its training rows."
    )

    def __init__(
        self,
        *,
        hidden_bias: bool = True,
        penalize_bias: bool = True,
        fit_intercept: bool = False,
        skip_connection: bool = False,
        proof: Proof = "auto",
        tol: float = 1e-6,
        max_iter: int = 500,
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_bias = hidden_bias
        self.penalize_bias = penalize_bias
        self.fit_intercept = fit_intercept
        self.skip_connection = skip_connection
        self.proof = proof
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Find the cheapest interpolating network and its certificate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad data and bad parameters, and for targets that no such network can meet, as equal rows with
            different targets: the message names the rows.
        SolverError
            When rounding keeps every network that was met from interpolating.

        Warns
        -----
        ConvergenceWarning
            When the visible gap did not reach `tol`.
        ScaleWarning
            When columns of X, or of y, are on scales that spoil the fit; it names them.
        """
        started = now()
        given = X, y
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", y_numeric=True)
        check_shared_parameters(self)
        check_choice(self.proof, "proof", PROOFS)
        if y.dtype.kind not in "fiub":
            raise InvalidInputError(f"y must be numeric; got an array of dtype {y.dtype}. Labels are for classifiers.")
        warn_of_scales(self, X, None, y)
        problem = self._problem = interpolation_problem(X, y, **{name: getattr(self, name) for name in PROBLEM_FLAGS})
        with watched(self, *given, words=ROUND_LABELS | {"objective": "cost"}) as watch:
            with watch.problem(attributes=network_only) as report:
                # The dual point on distinct rows is kept beside the certificate: the optimal set starts from it.
                solution, self._dual_point = solve_interpolant(
                    problem,
                    tol=self.tol,
                    max_iter=self.max_iter,
                    deadline=None if self.time_limit is None else started + self.time_limit,
                    proof=self.proof,
                    n_jobs=self.n_jobs,
                    rng=np.random.default_rng(seed_of(self.random_state)),
                    report=report,
                )
            self._set_fitted(solution)
        return self

    def _set_fitted(self, solution):
        """Set what is fitted."""
        self._known_unique: tuple[bool | None, ...] = ()
        self.network_, self.history_ = solution.network, solution.history
        self.certificate_, self.dual_ = solution.certificate, solution.certificate.dual_point
        self.cost_ = solution.certificate.primal
        self.status_, self.n_iter_ = solution.status.name, solution.n_iter
        self._warn_unreached(solution)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values at the rows of X, of shape (n_samples,)."""
        check_is_fitted(self)
        return self.network_.predict(validate_data(self, X, dtype=np.float64, reset=False, any_kind=True))

    def optimal_set(self, *, time_limit: float | None = None) -> InterpolationSet:
        """Return the `InterpolationSet`: all interpolating networks of smallest cost, at every width.

        Raises
        ------
        ValueError
            When the hidden bias is not penalised: there may be a continuum of optimal directions then.
        SolverError
            When optimality cannot be proven within `time_limit` seconds.
        """
        check_is_fitted(self)
        options = {"time_limit": time_limit, "n_jobs": self.n_jobs}
        return interpolation_set_of(self._problem, self.network_, self._dual_point, **options)

    @property
    def is_unique_(self) -> bool | None:
        """Whether every interpolant of this cost is one function modulo the free terms; None when not proven."""
        check_is_fitted(self, "network_")
        if not self._known_unique:
            self._known_unique = (self._is_unique(),)
        return self._known_unique[0]

    def _is_unique(self):
        if self.status_ != Status.proven.name or self.certificate_.proof != "exact":
            return None
        if not self._problem.penalize_bias:
            # Without a penalty on the bias only one input has a theory of uniqueness.
            return join_the_dots(self._problem).is_unique if self.n_features_in_ == 1 else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                found = self.optimal_set()
            # A thin margin means that another direction may be optimal too: then uniqueness is not known.
            return found.is_unique_function if found.margin >= MIN_MARGIN else None
        except (SolverError, VertexLimitError):
            return None

    def _warn_unreached(self, solution):
        reached = solution.certificate.heuristic_gap
        if solution.status is Status.proven or (reached <= self.tol and solution.status is not Status.interrupted):
            return
        warnings.warn(
            f"{solution.status.value} The visible relative gap is {reached:.2e}, above tol={self.tol:.2e}: raise "
            f"max_iter or time_limit, scale the columns of X alike, or accept a larger tol.",
            ConvergenceWarning,
            stacklevel=5,
        )
