"""The strength chosen by cross-validation: a path over beta in every fold, then the best strength on all data."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from joblib import Parallel, delayed, parallel
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring, make_scorer, mean_pinball_loss
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, _raise_for_params, process_routing

from .._utils.aliases import ArrayLike, ClassificationLoss, Patterns, Proof, RandomState, RegressionLoss, Solver
from .._utils.clock import now
from .._utils.progress import reporting
from .._utils.validation import check_count, check_positive, check_strengths
from ..arrangements.patterns import ActivationPatterns
from ..exceptions import InvalidInputError, ScaleWarning
from ._columns import warn_of_scales
from ._fold_paths import choice_of, follow, results_of
from ._parameters import has_skip, seed_of
from ._rows import rows_of_targets
from ._watch import Tasks, with_callbacks
from .classifier import ConvexReLUClassifier
from .regressor import ConvexReLURegressor


class _CrossValidation:
    """Mixin before an estimator: `fit` chooses its strength. Subclasses name the estimator of one strength."""

    betas_: np.ndarray
    scores_: np.ndarray
    cv_results_: dict[str, Any]
    best_score_: float
    cv: Any
    _single: type[BaseEstimator]
    _takes_blocks = False
    _check_data: Callable[..., Any]

    @with_callbacks
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, **params: Any) -> Self:
        """Choose the strength and train with it on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            For the regressor also (n_samples, n_outputs).
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative, for training and for scores. A fold whose test rows all have weight 0 counts for nothing.
        **params
            For the splitter, such as groups, when scikit-learn's metadata routing is enabled.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad data and bad parameters, and when no strength has a score.

        Warns
        -----
        ConvergenceWarning
            When the visible gap of the last fit did not reach `tol`.
        WidthWarning
            When `max_width` is below the critical width that was found on all data.
        ScaleWarning
            When columns of X, or of y, are on scales that spoil the fit; it names them.
        """
        _raise_for_params(params, self, "fit")
        started = now()
        watched = X, y, sample_weight
        X, y, weight = self._check_data(X, y, sample_weight)
        targets = y if issubclass(self._single, ConvexReLURegressor) else None
        warn_of_scales(self, X, weight, targets, getattr(watched[1], "columns", None))
        routed = process_routing(self, "fit", **params)
        seed = self._fixed_seed()
        self.betas_ = self._grid(X, y, weight, started)
        cv = check_cv(self.cv, y, classifier=issubclass(self._single, ConvexReLUClassifier))
        # Every fold follows the strengths on its own rows.
        folds = list(cv.split(X, y, **routed.splitter.split))
        given = None if sample_weight is None else weight
        tasks = Tasks(self, *watched, n_problems=2)
        followed = self._follow_folds(X, y, given, folds, seed, tasks)
        self.scores_ = np.column_stack([fold.scores for fold in followed])
        counted = np.array([weight[test].sum() for _, test in folds]) > 0
        self.cv_results_ = results_of(self.betas_, self.scores_, [fold.seconds for fold in followed], counted)
        # The best mean over the folds decides; the last fit starts from the networks of the first fold.
        means = self.cv_results_["mean_test_score"]
        best = self._best(means)
        self.beta_, self.best_score_ = float(self.betas_[best]), float(means[best])
        model = self._model(beta=self.beta_, random_state=seed)
        model._choice = choice_of(model, X, y, given, followed, best)
        with tasks.part("last fit", model), warnings.catch_warnings():
            warnings.simplefilter("ignore", ScaleWarning)  # warned of above, with the names of the features
            model.fit(X, y, given)
        # The fitted attributes are those of the last fit; the parameters stay ours.
        vars(self).pop("choice_", None)  # of the last fit
        kept = model.get_params(deep=False)
        vars(self).update({name: value for name, value in vars(model).items() if name not in kept})
        tasks.end()
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the routing of metadata: `fit` passes to the splitter what that asks for."""
        mapping = MethodMapping().add(caller="fit", callee="split")
        return MetadataRouter(owner=self).add_self_request(self).add(splitter=check_cv(self.cv), method_mapping=mapping)

    def _model(self, **changes):
        """Return the estimator of one strength with our parameters."""
        names = self._single().get_params(deep=False)
        shared = {name: value for name, value in self.get_params(deep=False).items() if name in names}
        return self._single(**(shared | changes))

    def _check_parameters(self):
        self._model()._check_parameters()
        if not isinstance(self.patterns, str):
            raise InvalidInputError(
                f"patterns must be 'auto', 'exact' or 'sampled': every fold has its own rows; got "
                f"{type(self.patterns).__name__}."
            )
        check_count(self.n_betas, "n_betas")
        if check_positive(self.beta_min_ratio, "beta_min_ratio") >= 1:
            raise InvalidInputError(f"beta_min_ratio must be below 1; got {self.beta_min_ratio!r}.")
        if self.betas is not None:
            check_strengths(self.betas)

    def _fixed_seed(self):
        """Return a random_state that every fit reads alike, whatever the order of the fits."""
        seed = seed_of(self.random_state)
        return self.random_state if self.random_state is None or isinstance(self.random_state, Integral) else seed

    def _grid(self, X, y, weight, started):
        """Return the strengths in decreasing order."""
        if self.betas is not None:
            return np.array(check_strengths(self.betas))
        problems = self._problems(rows_of_targets(X, self._targets(y), weight), has_skip(self))
        prices = [self._strength(problem, started) for problem in problems]
        self._warn_of_strength(prices, problems)
        largest = max(price.value for price in prices)
        return (largest if largest > 0 else 1.0) * np.geomspace(1.0, self.beta_min_ratio, self.n_betas)

    def _follow_folds(self, X, y, weight, folds, seed, callback_tasks):
        """Return a `Followed` per fold."""
        # Processes and one thread in each: the bits do not depend on how many there are.
        model = self._model(n_jobs=1, random_state=seed, verbose=0)
        scorer = check_scoring(model, self._default_scoring() if self.scoring is None else self.scoring)
        calls = [delayed(follow)(model, scorer, self.betas_, X, y, weight, train, test) for train, test in folds]
        followed = []
        with reporting(self.verbose) as reporter, callback_tasks.part("folds"):
            with reporter.stage("folds", len(folds), patience=0.0) as stage:
                for fold in _as_they_come(self.n_jobs, calls):
                    followed.append(fold)
                    best = np.max(fold.scores, initial=-np.inf, where=~np.isnan(fold.scores))
                    stage.record(f"{len(self.betas_)} strengths, best score {best:.4g}", len(followed))
        return followed

    def _default_scoring(self):
        """Return the measure that the loss asks for; None for that of ``score``."""
        if self.loss == "quantile":
            return make_scorer(mean_pinball_loss, alpha=self.quantile, greater_is_better=False)
        return "neg_mean_absolute_error" if self.loss == "absolute" else None

    def _best(self, means):
        """Return the place of the best mean score, the largest strength among equals."""
        if np.all(np.isnan(means)):
            raise InvalidInputError(
                "scoring gave NaN for every beta: r2, the default of regressors, needs two test rows in every fold. "
                "Use another scoring or another cv."
            )
        return int(np.nanargmax(means))


def _as_they_come(n_jobs, calls):
    """Return the answers to `calls` in order, one after the other where joblib's backend can hand them over so."""
    backend, _ = parallel.get_active_backend()
    # Answers as they come, for the progress; some backends return them only all at once.
    one_by_one = getattr(backend, "supports_return_generator", False)
    return Parallel(n_jobs=n_jobs, max_nbytes=None, return_as="generator" if one_by_one else "list")(calls)


class ConvexReLURegressorCV(_CrossValidation, ConvexReLURegressor):
    """`ConvexReLURegressor` whose strength is chosen by cross-validation.

    Minimises ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``, a sum without 1/n: a fold is
    trained on fewer rows with the same betas.

    Parameters
    ----------
    betas : array-like, optional
        Strengths to try, in any order. By default `n_betas` of them in equal ratios, from ``beta_max_`` of all data,
        from which on the network is zero, down to `beta_min_ratio` times it.
    n_betas : int, default=10
    beta_min_ratio : float, default=1e-2
        In (0, 1).
    cv : int, cross-validation generator or iterable, optional
        Five folds by default.
    scoring : str or callable, optional
        By default r2, minus the mean pinball loss for the quantile loss, and minus the mean absolute error for the
        absolute one. A scorer must accept sample_weight when `fit` is given it.
    loss, huber_delta, quantile, hidden_bias, fit_intercept, skip_connection, max_width, solver, patterns, n_patterns, \
proof, tol, max_iter, time_limit, random_state, verbose
        As in `ConvexReLURegressor`, of the last fit, on all data; ``skip_connection="auto"`` is False. No own
        patterns. `max_width` and `time_limit` also hold for every strength of a fold.
    n_jobs : int, optional
        Processes over the folds, and threads of the last fit. The result does not depend on it.

    Attributes
    ----------
    betas_ : ndarray of shape (n_betas,)
        In decreasing order.
    scores_ : ndarray of shape (n_betas, n_folds)
        Scores of the test rows, weighted. NaN for a fold whose test rows all have weight 0.
    cv_results_ : dict of ndarray
        As scikit-learn's searches have it: `param_beta`, `mean_test_score`, `std_test_score`, `rank_test_score`,
        `mean_fit_time`, and ``split0_test_score`` and so on.
    beta_, best_score_ : float
        The strength with the best mean over the folds, the largest of equals, and that mean.
    network_, certificate_, dual_, beta_max_, beta_max_proof_, huber_delta_, status_, n_iter_, history_, \
n_features_in_, feature_names_in_
        As in `ConvexReLURegressor`, of the network with this strength trained on all data.

    Notes
    -----
    In a fold one network follows the strengths, every one from the strength before, close to the optima: that is what
    ``beta="auto"`` of `ConvexReLURegressor` does too, which stops when the scores have turned. The last fit starts from
    the network of the first fold and is certified.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from convexnn import ConvexReLURegressorCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ConvexReLURegressorCV(n_betas=4, cv=3).fit(X[:90, 2:4], y[:90])
    >>> model.scores_.shape, model.status_
    ((4, 3), 'proven')
    """

    _single = ConvexReLURegressor

    def __init__(
        self,
        betas: ArrayLike | None = None,
        *,
        n_betas: int = 10,
        beta_min_ratio: float = 1e-2,
        cv: Any = None,
        scoring: str | Callable[..., float] | None = None,
        loss: RegressionLoss = "squared",
        huber_delta: float | Literal["auto"] = "auto",
        quantile: float = 0.5,
        hidden_bias: bool = True,
        fit_intercept: bool = True,
        skip_connection: bool = False,
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
        verbose: int = 0,
    ) -> None:
        self.betas = betas
        self.n_betas = n_betas
        self.beta_min_ratio = beta_min_ratio
        self.cv = cv
        self.scoring = scoring
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile
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
        self.verbose = verbose


class ConvexReLUClassifierCV(_CrossValidation, ConvexReLUClassifier):
    """`ConvexReLUClassifier` whose strength is chosen by cross-validation.

    Minimises ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``, a sum without 1/n: a fold is
    trained on fewer rows with the same betas.

    Parameters
    ----------
    betas, n_betas, beta_min_ratio, n_jobs
        As in `ConvexReLURegressorCV`.
    cv : int, cross-validation generator or iterable, optional
        Five stratified folds by default.
    scoring : str or callable, optional
        By default the accuracy; also of `score`, as in scikit-learn's LogisticRegressionCV.
    loss, multi_class, class_weight, hidden_bias, fit_intercept, skip_connection, max_width, solver, patterns, \
n_patterns, proof, tol, max_iter, time_limit, random_state, verbose
        As in `ConvexReLUClassifier`, of the last fit, on all data; ``skip_connection="auto"`` is False. No own
        patterns. `max_width` and `time_limit` also hold for every strength of a fold.

    Attributes
    ----------
    betas_, scores_, cv_results_, beta_, best_score_
        As in `ConvexReLURegressorCV`.
    classes_, network_, certificate_, dual_, beta_max_, beta_max_proof_, status_, n_iter_, history_, \
feature_importances_, n_features_in_, feature_names_in_
        As in `ConvexReLUClassifier`, of the network with this strength trained on all data.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from convexnn import ConvexReLUClassifierCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = ConvexReLUClassifierCV(n_betas=3, cv=3).fit(scale(X[:120, :2]), y[:120])
    >>> model.scores_.shape, model.status_
    ((3, 3), 'proven')
    """

    _single = ConvexReLUClassifier

    def __init__(
        self,
        betas: ArrayLike | None = None,
        *,
        n_betas: int = 10,
        beta_min_ratio: float = 1e-2,
        cv: Any = None,
        scoring: str | Callable[..., float] | None = None,
        loss: ClassificationLoss = "logistic",
        multi_class: Literal["joint", "ovr"] = "joint",
        class_weight: dict[Any, float] | str | None = None,
        hidden_bias: bool = True,
        fit_intercept: bool = True,
        skip_connection: bool = False,
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
        verbose: int = 0,
    ) -> None:
        self.betas = betas
        self.n_betas = n_betas
        self.beta_min_ratio = beta_min_ratio
        self.cv = cv
        self.scoring = scoring
        self.loss = loss
        self.multi_class = multi_class
        self.class_weight = class_weight
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
        self.verbose = verbose

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the score of `scoring` at the rows of X, the accuracy by default."""
        if self.scoring is None:
            return super().score(X, y, sample_weight)
        options = {} if sample_weight is None else {"sample_weight": sample_weight}
        return check_scoring(self, self.scoring)(self, X, y, **options)
