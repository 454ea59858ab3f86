"""`ConvexReLURegressor`: a two-layer ReLU network trained to global optimality, as a scikit-learn regressor."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike, Patterns, Proof, RandomState, RegressionLoss, Solver
from .._utils.clock import now
from .._utils.validation import check_weights, dense_of
from ..arrangements.patterns import ActivationPatterns
from ..blocks.source import ArrayBlocks
from ..exceptions import InvalidInputError
from ..losses import make_loss
from ..responses.intervals import jackknife_plus
from ._base import ConvexReLUEstimator
from ._blockwise import coded_targets
from ._columns import warn_of_scales
from ._data import SINGLE_OR_DOUBLE, is_for_blocks, sample_weights, validate_data
from ._robust import check_delta, delta_of
from ._rows import canonical_rows
from ._watch import watched, with_callbacks


class ConvexReLURegressor(RegressorMixin, ConvexReLUEstimator):
    """Two-layer ReLU network with weight decay, trained to global optimality.

    Minimises, over networks ``f(x) = sum_j (x . u_j)_+ alpha_j + free terms`` of every width,

    ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``

    where ``u_j`` includes the hidden bias, unless `penalize_bias` is False, and the free terms (intercept, skip
    connection) are not penalised. The problem is solved in its convex form, and a certificate says how far from the
    optimum the network can be. With several outputs alpha_j is a vector, and the losses of the outputs are added up;
    proofs are then usually exact with up to four columns, the bias included, and valid but perhaps loose beyond.

    Parameters
    ----------
    beta : float, "auto" or "scale", default="auto"
        Strength of the weight decay; a sum over samples is penalised, there is no 1/n. ``"auto"`` chooses it from the
        data: networks follow a path of decreasing strengths in folds of the distinct rows, every strength is judged on
        the rows that were held out, and the path ends when the scores have clearly turned, or at a ten thousandth of
        the strength from which on networks are zero; see `beta_path_`. Where there is too little to choose with (fewer
        than ten distinct rows, a class with a single one, a constant y), and in no time, it is ``"scale"``: 0.1 times
        ``beta_max_``, the strength from which on the network is zero; it follows the scale of y, and that of X only
        without a hidden bias.
    loss : {"squared", "huber", "absolute", "quantile"}, default="squared"
        With the residual ``r = y - f``: ``1/2 r^2``; ``1/2 r^2`` up to `huber_delta` and linear from there on; ``|r|``;
        ``quantile r`` above the fit and ``(1 - quantile) |r|`` below.
    huber_delta : float or "auto", default="auto"
        Residual from which on the huber loss is linear, in the units of y. ``"auto"`` takes the median absolute
        deviation of the targets from their median, and so follows the scale of y.
    quantile : float, default=0.5
        In (0, 1): the share of the targets that the quantile loss wants below the fit.
    hidden_bias : bool, default=True
        Give the hidden neurons a (penalised) bias.
    penalize_bias : bool, default=True
        Whether the hidden bias is a part of ``u_j``. False is what torch minimises without weight decay of biases, and
        scikit-learn's MLPRegressor. It needs a hidden bias, an intercept and one output; `beta` is a number or
        ``"scale"``, and `solver`, `patterns` and `max_width` stay as they are. What rests on optimal sets or on
        `leave_one_out` is refused.
    fit_intercept : bool, default=True
        Add an unpenalised intercept.
    skip_connection : bool or "auto", default="auto"
        Add unpenalised linear terms. ``"auto"`` is judged along the path of ``beta="auto"``; with any other beta, and
        where there are less than twice as many rows as features, it is False.
    cv : int, cross-validation generator or iterable, optional
        Folds of ``beta="auto"``. By default one to five out of five, the fewer the more rows there are: some two
        thousand rows are judged. A generator or an iterable of (train, test) pairs is over the caller's samples, for
        groups or time series.
    max_width : int, optional
        Largest number of hidden neurons. When the optimum needs more, the best network found is returned with a
        `WidthWarning`.
    solver : {"auto", "column_generation", "working_set", "cvxpy"}, default="auto"
        ``"column_generation"`` finds the neurons that matter by pricing and is the default unless patterns are
        given; ``"working_set"`` solves the convex program over given patterns and is the default when they are;
        ``"cvxpy"`` solves the same program with Clarabel (the reference, for small n), with one output only.
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
    tol : float or "auto", default="auto"
        Relative gap to reach, as far as local ascents can see it (``certificate_.heuristic_gap``). ``"auto"`` is 1e-6;
        but after ``beta="auto"`` has chosen, training also ends, "settled", when it has cost about as much work as
        choosing, or when the objective hardly falls any more. At weak strengths that is long before the gap closes;
        ask for 1e-6 where the proof is worth the time. A program over patterns that are not all there are is solved to
        1e-7 whatever `tol` is.
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
        1 prints a line for every pricing round, one every second of a proof and one at the end; 2 more.

    Attributes
    ----------
    network_ : TwoLayerReLU
    certificate_ : Certificate
    dual_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        ``certificate_.dual_point``: the scaled negative gradient of the loss, feasible for the dual problem.
    beta_ : float
        The strength used.
    beta_max_ : float
        Smallest strength with a zero network: exact when `beta_max_proof_` is ``"exact"``, else a lower bound.
    beta_max_proof_ : {"exact", "bound", "heuristic"}
    beta_path_ : BetaPath
        What ``beta="auto"`` has judged: strengths, scores, standard errors, widths, seconds; `to_frame`, `plot`.
        Absent where nothing was chosen.
    skip_connection_ : bool
        Whether there are linear terms.
    huber_delta_ : float
        The `huber_delta` used.
    status_ : {"proven", "converged", "settled", "restricted", "max_width", "stalled", "max_iter", "time_limit", \
"interrupted"}
        ``"proven"``: ``certificate_.relative_gap`` is at most `tol`, and at most 1e-3 whatever `tol` is.
        ``"restricted"``: optimal over the given patterns, which are not all of them. ``"stalled"``: rounding allowed no
        further progress before `tol` was reached, as may happen where X is far from the origin or badly scaled.
    n_iter_ : int
    history_ : list of dict
        Per round: seconds, objective, visible_gap (relative), width.
    feature_importances_ : ndarray of shape (n_features,)
        The shares of the columns in ``network_.slope_bounds``, which say how fast the fit can change along each.
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

    huber_delta_: float

    _losses = ("squared", "huber", "absolute", "quantile")
    _score_name = "R2"

    def __init__(
        self,
        beta: float | Literal["auto", "scale"] = "auto",
        *,
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

    @with_callbacks
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the network and its certificate.

        Parameters
        ----------
        X : array-like or sparse array of shape (n_samples, n_features)
            Sparse data above four million entries, zeros included, stay sparse. Under scikit-learn's
            ``array_api_dispatch`` long arrays of other libraries stay on their device. Both are trained on as by
            `fit_blocks`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            A single column is one output: only `predict` returns a column again.
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
        ScaleWarning
            When columns of X, or of y, are on scales that spoil the fit; it names them.
        StrengthWarning
            When the smallest strength that ``beta="auto"`` tries predicts best.
        """
        started = now()
        given = X, y, sample_weight
        X, y, weight = self._check_data(X, y, sample_weight)
        if is_for_blocks(X):
            return self._fit_source(ArrayBlocks(X, y, weight))
        warn_of_scales(self, X, weight, y, getattr(given[1], "columns", None))
        targets, weight = self._pose_targets(y, weight)
        with watched(self, *given) as watch:
            self._sample_weight = weight
            # The strength first, and with it perhaps the skip connection; then one training with a proof.
            choice = self._choose(X, targets, weight, started)
            return self._fit_rows(canonical_rows(X, targets[0], weight), started, watch, choice)

    def _coded(self, source):
        """Return the rows of a source with targets of float64, twice, the terms, and what the rows are."""
        check_delta(self.huber_delta)
        return coded_targets(self, source)

    def _check_rows(self, X, y, reset=True):
        """Return data and targets after checking them."""
        if np.isscalar(y):
            raise InvalidInputError(f"y must have shape (n_samples,) or (n_samples, n_outputs); got {y!r}.")
        if issparse(y):
            raise InvalidInputError(f"y must be dense; got a sparse array of shape {y.shape}. Pass y.toarray().")
        options = {"y_numeric": True, "multi_output": True, "any_kind": True, "reset": reset}
        X, y = validate_data(self, X, y, dtype=SINGLE_OR_DOUBLE, order="C", **options)
        if y.dtype.kind not in "fiub":
            raise InvalidInputError(f"y must be numeric; got an array of dtype {y.dtype}. Labels are for classifiers.")
        return self._as_trained(X), y

    def _check_data(self, X, y, sample_weight):
        """Return data, targets and weights after checking them and the parameters."""
        X, y = self._check_rows(X, y)
        self._check_parameters()
        check_delta(self.huber_delta)
        make_loss(self.loss, quantile=self.quantile)
        weight = check_weights(sample_weights(sample_weight, X), len(y))
        self.huber_delta_ = delta_of(self.huber_delta, y, weight)
        return X, y, weight

    def _pose_targets(self, y, weight):
        """Return the targets of every problem and the weights that it is trained with; set what `predict` needs."""
        # A column of targets is one output; only predictions are in a column again.
        self._is_column = y.shape[1:] == (1,)
        return self._targets(y), weight

    def _targets_of(self, y, weight):
        """Return the targets of every problem on other rows than the training rows, and their weights."""
        return self._targets(y), weight

    def _targets(self, y):
        """Return the targets of every problem that is posed: one. A column is one output."""
        return [y[:, 0] if y.shape[1:] == (1,) else y]

    def __sklearn_tags__(self):
        """Several outputs can be fitted."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values at the rows of X, of shape (n_samples,) or (n_samples, n_outputs).

        After targets in a column, which are one output, they are in a column too. Sparse X are not made dense, and
        arrays of other libraries are treated as by `TwoLayerReLU.predict`.
        """
        check_is_fitted(self)
        values = self.network_.predict(validate_data(self, X, dtype=SINGLE_OR_DOUBLE, reset=False, any_kind=True))
        return values[:, None] if self._is_column else values

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> np.ndarray:
        """Return jackknife+ intervals for the targets at the rows of X, of shape (n_samples, 2), lower ends first.

        They rest on the predictions of the networks without each training row, in the closed form of `leave_one_out`
        and as trustworthy as that; nothing is trained.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        level : float in (0, 1)
            The share of new targets that the intervals are to cover, of rows like the training rows. With true refits
            it is at least ``2 level - 1`` whatever the distribution, and close to `level` in practice [1]_. Where there
            are fewer than ``level / (1 - level)`` training rows, intervals are infinite.

        Returns
        -------
        ndarray of shape (n_samples, 2)

        Raises
        ------
        ValueError
            For a level outside (0, 1), several outputs, the absolute and the quantile loss, and a hidden bias that is
            not penalised.

        References
        ----------
        .. [1] R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive inference with the jackknife+",
           Annals of Statistics 2021.
        """
        check_is_fitted(self)
        if not isinstance(level, Real) or not 0.0 < level < 1.0:
            raise InvalidInputError(f"level must be a number between 0 and 1, both left out; got {level!r}.")
        X = dense_of(validate_data(self, X, dtype=np.float64, reset=False, any_kind=True))
        if self.network_.output_weights.ndim != 1:
            raise InvalidInputError(
                f"predict_interval is there for one output; this regressor has "
                f"{self.network_.output_weights.shape[1]}. Fit one regressor per column of y."
            )
        # Jackknife+ uses the residual and the prediction of the network without each row, of positive weight.
        (left_out,) = self._leave_out("predict_interval")
        weight = self._sample_weight
        residuals = (left_out.y - left_out.predictions)[weight > 0]
        found = np.empty((len(X), 2))
        for part, predictions in left_out.predictions_at(X):
            found[part] = jackknife_plus(predictions, residuals, weight[weight > 0], level)
        return found

    def _joined(self, parts, name):
        """Return an array of the samples in the shape of y."""
        values = super()._joined(parts, name)
        return values[:, None] if self._is_column else values

    def _residuals(self, parts):
        """Return the targets less the predictions."""
        return self._joined(parts, "y") - self._joined(parts, "predictions")

    def _score_of(self, parts, weight):
        """Return R2 of the predictions, NaN for fewer than two rows."""
        (part,) = parts
        return r2_score(part.y, part.predictions, sample_weight=weight) if np.sum(weight > 0) > 1 else np.nan

    def _units(self, part, weight):
        """Return the standard deviation of every column of y."""
        y = part.y.reshape(len(weight), -1)
        return np.sqrt(np.average((y - np.average(y, axis=0, weights=weight)) ** 2, axis=0, weights=weight))
