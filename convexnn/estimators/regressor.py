"""`ConvexReLURegressor`: a two-layer ReLU network trained to global optimality, as a scikit-learn regressor."""

import time
import warnings
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .._validation import check_choice, check_count, check_flag, check_n_jobs, check_positive, check_weights
from ..arrangements import ActivationPatterns
from ..duality.pricing import PROOFS
from ..duality.strength import zero_network_price
from ..exceptions import InvalidInputError
from ..losses import TRAINABLE
from ..optimal_sets.solution_set import optimal_set_of
from ..programs.program import make_problem
from ..solvers.base import Status
from ..solvers.solve import check_pairing, solve
from ._rows import canonical_rows

SCALE_FRACTION = 0.1
SINGLE_OR_DOUBLE = [np.float64, np.float32]
STRENGTH_SHARE = 0.2  # of a time limit: what beta_max may take
ADVICE = {
    Status.restricted: "use more patterns, or solver='auto'",
    Status.stalled: "standardise X, take a larger beta, or accept a larger tol",
}


class ConvexReLURegressor(RegressorMixin, BaseEstimator):
    """Two-layer ReLU network with weight decay, trained to global optimality.

    Minimises, over networks ``f(x) = sum_j (x . u_j)_+ alpha_j + free terms`` of every width,

    ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``

    where ``u_j`` includes the hidden bias and the free terms (intercept, skip connection) are not penalised. The
    problem is solved in its convex form, and a certificate says how far from the optimum the network can be.

    Parameters
    ----------
    beta : float or "scale", default="scale"
        Strength of the weight decay; a sum over samples is penalised, there is no 1/n. ``"scale"`` takes 0.1 times
        ``beta_max_``, the strength from which on the network is zero; it follows the scale of y, and that of X
        only without a hidden bias.
    loss : {"squared"}, default="squared"
        ``1/2 (y - f)^2``.
    hidden_bias : bool, default=True
        Give the hidden neurons a (penalised) bias.
    fit_intercept : bool, default=True
        Add an unpenalised intercept.
    skip_connection : bool, default=False
        Add unpenalised linear terms.
    max_width : int, optional
        Largest number of hidden neurons. When the optimum needs more, the best network found is returned with a
        `WidthWarning`.
    solver : {"auto", "column_generation", "working_set", "cvxpy"}, default="auto"
        ``"column_generation"`` finds the neurons that matter by pricing and is the default unless patterns are
        given; ``"working_set"`` solves the convex program over given patterns and is the default when they are;
        ``"cvxpy"`` solves the same program with Clarabel (the reference, for small n).
    patterns : {"auto", "exact", "sampled"} or ActivationPatterns, default="auto"
        For ``"working_set"`` and ``"cvxpy"``: all activation patterns (refused where there may be more than 100 000,
        and 10 000 with ``"cvxpy"``), a sample of `n_patterns` (an upper bound on the optimum only), or your own over
        the rows of X (with a ones column appended when there is a hidden bias). ``"auto"`` takes all where there are
        at most 2000, else a sample.
    n_patterns : int, optional
        Size of the sample, 200 by default.
    proof : {"auto", "exact", "bound", "heuristic"}, default="auto"
        How hard to try to prove optimality; see `price`. ``"auto"`` works within a fixed amount of work, never a
        clock, so that results are reproducible.
    tol : float, default=1e-6
        Relative gap to reach, as far as local ascents can see it (``certificate_.heuristic_gap``).
    max_iter : int, default=500
        Largest number of pricing rounds.
    time_limit : float, optional
        Seconds; the best network so far is returned with its true certificate. So it is after Ctrl-C, except before
        the first round, where there is no network to return yet and KeyboardInterrupt is raised. A back end of
        ``"cvxpy"`` that is running is not cut short.
    n_jobs : int, optional
        Threads, read as joblib reads it. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts of the local ascents and of sampled patterns. None is a fixed seed.
    warm_start : bool, default=False
        Start from the network of the previous fit.
    verbose : int, default=0
        Print a line per pricing round.

    Attributes
    ----------
    network_ : TwoLayerReLU
    certificate_ : Certificate
    dual_ : ndarray of shape (n_samples,)
        ``certificate_.dual_point``: the scaled negative gradient of the loss, feasible for the dual problem.
    beta_ : float
        The strength used.
    beta_max_ : float
        Smallest strength with a zero network: exact when `beta_max_proof_` is ``"exact"``, else a lower bound.
    beta_max_proof_ : {"exact", "bound", "heuristic"}
    status_ : {"proven", "converged", "restricted", "max_width", "stalled", "max_iter", "time_limit", "interrupted"}
        ``"restricted"``: optimal over the given patterns, which are not all of them. ``"stalled"``: rounding allowed no
        further progress before `tol` was reached, as may happen where X is far from the origin or badly scaled.
    n_iter_ : int
    history_ : list of dict
        Per round: seconds, objective, visible_gap (relative), width.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    certify : The certificate of any network.

    References
    ----------
    .. [1] M. Pilanci, T. Ergen, "Neural networks are convex regularizers", ICML 2020.
    .. [2] A. Mishkin, M. Pilanci, "Optimal sets and solution paths of ReLU networks", ICML 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from convexnn import ConvexReLURegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ConvexReLURegressor().fit(X[:60, 2:4], y[:60])
    >>> model.status_, model.certificate_.proof
    ('proven', 'exact')
    """

    def __init__(
        self,
        beta="scale",
        *,
        loss="squared",
        hidden_bias=True,
        fit_intercept=True,
        skip_connection=False,
        max_width=None,
        solver="auto",
        patterns="auto",
        n_patterns=None,
        proof="auto",
        tol=1e-6,
        max_iter=500,
        time_limit=None,
        n_jobs=None,
        random_state=None,
        warm_start=False,
        verbose=0,
    ):
        self.beta = beta
        self.loss = loss
        self.hidden_bias = hidden_bias
        self.fit_intercept = fit_intercept
        self.skip_connection = skip_connection
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

    def fit(self, X, y, sample_weight=None):
        """Train the network and its certificate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; a weight of 2 is the same as the row twice, a weight of 0 as no row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad data and bad parameters; the message names the argument.
        SolverError
            When every back end failed.

        Warns
        -----
        ConvergenceWarning
            When the visible gap did not reach `tol`.
        WidthWarning
            When `max_width` is below the critical width that was found.
        """
        started = time.monotonic()
        X, y = validate_data(self, X, y, dtype=SINGLE_OR_DOUBLE, order="C", y_numeric=True)
        self._check_parameters()
        if y.dtype.kind not in "fiub":
            raise InvalidInputError(f"y must be numeric; got an array of dtype {y.dtype}.")
        seed = self._seed()
        weight = check_weights(_check_sample_weight(sample_weight, X, dtype=np.float64), len(y))
        rows = canonical_rows(X, y, weight)
        unit = self._problem(rows, 1.0)
        deadline = None if self.time_limit is None else started + self.time_limit
        proof = "heuristic" if self.proof == "heuristic" else "auto"
        early = None if self.time_limit is None else started + STRENGTH_SHARE * self.time_limit
        strongest = zero_network_price(unit, proof=proof, deadline=early, n_jobs=self.n_jobs)
        self.beta_max_, self.beta_max_proof_ = strongest.value, strongest.proof
        if self.beta != "scale":
            self.beta_ = float(self.beta)
        else:
            self.beta_ = SCALE_FRACTION * self.beta_max_ if self.beta_max_ > 0 else 1.0
        problem = self._training_problem = replace(unit, beta=self.beta_)
        solution = solve(
            problem,
            solver=self.solver,
            patterns=self._patterns(problem, rows),
            n_patterns=self.n_patterns,
            max_width=self.max_width,
            tol=self.tol,
            max_iter=self.max_iter,
            deadline=deadline,
            proof=self.proof,
            n_jobs=self.n_jobs,
            seed=seed,
            start=self._previous_network(),
            report=_print_record if self.verbose else None,
        )
        self.network_, self.history_ = solution.network, solution.history
        self.certificate_ = replace(solution.certificate, dual_point=rows.spread(solution.certificate.dual_point))
        self.dual_ = self.certificate_.dual_point
        self.status_, self.n_iter_ = solution.status.name, solution.n_iter
        self._warn_unreached(solution)
        return self

    def predict(self, X):
        """Return the network's values at the rows of X, of shape (n_samples,)."""
        check_is_fitted(self)
        return self.network_.predict(validate_data(self, X, dtype=SINGLE_OR_DOUBLE, reset=False))

    def optimal_set(self, *, time_limit=None):
        """Return the `OptimalSet` of the training problem, over the distinct rows of the data.

        Raises
        ------
        SolverError
            When optimality cannot be proven within `time_limit` seconds.
        """
        check_is_fitted(self)
        return optimal_set_of(self._training_problem, time_limit=time_limit, n_jobs=self.n_jobs)

    def _problem(self, rows, beta):
        return make_problem(
            rows.X,
            rows.y,
            beta,
            hidden_bias=self.hidden_bias,
            fit_intercept=self.fit_intercept,
            skip_connection=self.skip_connection,
            sample_weight=rows.weight,
            loss=self.loss,
        )

    def _patterns(self, problem, rows):
        """The caller's own patterns are over the samples; the problem's are over the canonical rows."""
        if not isinstance(self.patterns, ActivationPatterns):
            return self.patterns
        masks = self.patterns.masks
        wanted, got = (len(rows.row), problem.design.shape[1]), self.patterns.X.shape
        if got != wanted:
            raise InvalidInputError(
                f"patterns must be those of X{' with a ones column appended' if self.hidden_bias else ''}, of shape "
                f"{wanted}; got patterns of an array of shape {got}."
            )
        if not np.allclose(self.patterns.X[rows.first], problem.design, rtol=1e-9, atol=0.0):
            raise InvalidInputError("patterns must be those of X; these were made of other data of the same shape.")
        return ActivationPatterns.from_masks(problem.design, masks[:, rows.first])

    def _check_parameters(self):
        if isinstance(self.beta, str):
            check_choice(self.beta, "beta (when it is a string)", ("scale",))
        else:
            check_positive(self.beta, "beta")
        for name in ("hidden_bias", "fit_intercept", "skip_connection", "warm_start"):
            check_flag(getattr(self, name), name)
        check_choice(self.loss, "loss", TRAINABLE)
        check_n_jobs(self.n_jobs)
        check_count(int(self.verbose) if isinstance(self.verbose, bool) else self.verbose, "verbose", minimum=0)
        check_choice(self.proof, "proof", PROOFS)
        check_pairing(self.solver, self.patterns)
        check_positive(self.tol, "tol")
        check_count(self.max_iter, "max_iter")
        if self.time_limit is not None:
            check_positive(self.time_limit, "time_limit")
        for name in ("max_width", "n_patterns"):
            if getattr(self, name) is not None:
                check_count(getattr(self, name), name)

    def _seed(self):
        """A fixed seed for None, an integer as it is, one draw from a RandomState."""
        if self.random_state is None:
            return 0
        try:
            return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        except ValueError as error:
            raise InvalidInputError(f"random_state is not usable: {error}") from error

    def _previous_network(self):
        """The last network when it can start this fit."""
        if not self.warm_start or not hasattr(self, "network_"):
            return None
        if self.network_.n_inputs != self.n_features_in_:
            raise InvalidInputError(
                f"warm_start=True needs as many features as before: the previous network takes "
                f"{self.network_.n_inputs}, X has {self.n_features_in_}. Set warm_start=False or clone the estimator."
            )
        return self.network_ if (self.network_.hidden_bias is not None) == self.hidden_bias else None

    def _warn_unreached(self, solution):
        reached = solution.certificate.heuristic_gap
        if solution.status is Status.interrupted:
            warnings.warn(Status.interrupted.value, ConvergenceWarning, stacklevel=3)
        elif reached > self.tol and solution.status is not Status.proven and self.max_width is None:
            advice = ADVICE.get(solution.status, "raise max_iter or time_limit, or accept a larger tol")
            warnings.warn(
                f"{solution.status.value} The visible relative gap is {reached:.2e}, above tol={self.tol:.2e}: "
                f"{advice}.",
                ConvergenceWarning,
                stacklevel=3,
            )


def _print_record(record):
    print(
        f"[{record['seconds']:8.2f} s] objective {record['objective']:.8g}   visible gap {record['visible_gap']:.1e}   "
        f"width {record['width']}",
        flush=True,
    )
