"""`ConvexReLUClassifier`: a two-layer ReLU network trained to global optimality, as a scikit-learn classifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike, ClassificationLoss, Patterns, Proof, RandomState, Solver
from .._utils.clock import now
from .._utils.validation import check_choice, check_weights
from ..arrangements.patterns import ActivationPatterns
from ..duality.certificate import Certificate
from ..duality.pricing import PROOFS
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..optimal_sets.solution_set import OptimalSet
from ..optimal_sets.vector_set import VectorOptimalSet
from ..solvers.base import Status
from ._base import SINGLE_OR_DOUBLE, ConvexReLUEstimator
from ._columns import warn_of_scales
from ._data import sample_weights, validate_data
from ._rows import canonical_rows
from ._watch import watched, with_callbacks


def _is_logistic(estimator):
    """Probabilities are those of the logistic loss."""
    if estimator.loss != "logistic":
        raise AttributeError(f"predict_proba needs loss='logistic'; this classifier has loss={estimator.loss!r}.")
    return True


class ConvexReLUClassifier(ClassifierMixin, ConvexReLUEstimator):
    """Two-layer ReLU network with weight decay that classifies, trained to global optimality.

    With two classes it minimises, over networks ``f(x) = sum_j (x . u_j)_+ alpha_j + free terms`` of every width,

    ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``

    with ``y_i`` -1 for the first class and 1 for the second; ``u_j`` includes the hidden bias, and the free terms
    (intercept, skip connection) are not penalised.

    Parameters
    ----------
    beta : float, "auto" or "scale", default="auto"
        Strength of the weight decay; a sum over samples is penalised, there is no 1/n. ``"auto"`` chooses it from the
        data, as in `ConvexReLURegressor`, by the loss of the rows that are held out. ``"scale"`` takes 0.1 times
        ``beta_max_``, the strength from which on the network is zero without `class_weight`.
    loss : {"logistic", "squared_hinge", "squared"}, default="logistic"
        ``log(1 + exp(-y f))``, ``1/2 max(0, 1 - y f)^2`` and ``1/2 (y - f)^2``.
    multi_class : {"joint", "ovr"}, default="joint"
        With more than two classes: one network with an output per class whose neurons all classes share, or one
        problem per class against the rest. ``"joint"`` takes the cross-entropy of the softmax for the logistic loss,
        and the sum over the outputs for the others.
    class_weight : dict or "balanced", optional
        Weights of the classes, multiplied with `sample_weight`; ``"balanced"`` gives all classes the same total weight.
    hidden_bias, fit_intercept, skip_connection, cv, max_width, solver, patterns, n_patterns, proof, tol, max_iter, \
time_limit, n_jobs, random_state, warm_start, verbose
        As in `ConvexReLURegressor`; `max_width`, `tol`, `max_iter` hold for every class where there is one problem per
        class.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    network_ : TwoLayerReLU
        With one output for two classes, else with one per class.
    certificate_ : Certificate
        For one problem per class: of the sum of their objectives, and `certificates_` holds those of the classes.
    dual_, beta_, beta_path_, skip_connection_, beta_max_, beta_max_proof_, status_, n_iter_, history_, \
n_features_in_, feature_names_in_
        As in `ConvexReLURegressor`. For one problem per class ``beta_max_`` is the largest, ``status_`` the least
        favourable.

    See Also
    --------
    certify : The certificate of any network.

    References
    ----------
    .. [1] M. Pilanci, T. Ergen, "Neural networks are convex regularizers", ICML 2020.
    .. [2] A. Sahiner, T. Ergen, J. Pauly, M. Pilanci, "Vector-output ReLU neural network problems are copositive
       programs", ICLR 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from convexnn import ConvexReLUClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X[:, :4])
    >>> model = ConvexReLUClassifier().fit(X, y)
    >>> model.status_, model.certificate_.proof, bool(model.score(X, y) > 0.85)
    ('proven', 'exact', True)
    """

    classes_: np.ndarray
    certificates_: list[Certificate]

    _losses = ("logistic", "squared_hinge", "squared")
    _score_name = "accuracy"

    def __init__(
        self,
        beta: float | Literal["auto", "scale"] = "auto",
        *,
        loss: ClassificationLoss = "logistic",
        multi_class: Literal["joint", "ovr"] = "joint",
        class_weight: dict[Any, float] | str | None = None,
        hidden_bias: bool = True,
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
        self.multi_class = multi_class
        self.class_weight = class_weight
        self.hidden_bias = hidden_bias
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
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels of two classes or more.
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
            When columns of X are on scales that spoil the fit; it names them.
        StrengthWarning
            When the smallest strength that ``beta="auto"`` tries predicts best.
        """
        started = now()
        given = X, y, sample_weight
        X, y, plain = self._check_data(X, y, sample_weight)
        warn_of_scales(self, X, plain)
        targets, weight = self._pose_targets(y, plain)
        self._sample_weight = plain
        # One problem per class, or one for all outputs; two classes are one output.
        if len(self.classes_) > 2 and self.multi_class == "ovr":
            with watched(self, *given, n_problems=len(self.classes_)) as watch:
                choice = self._choose(X, targets, weight, started)
                return self._fit_one_against_the_rest(X, targets, weight, plain, started, watch, choice)
        # With and without class weights: the strength is that of the plain weights.
        rows = [canonical_rows(X, targets[0], weights) for weights in (weight, plain)]
        with watched(self, *given) as watch:
            choice = self._choose(X, targets, weight, started)
            return self._fit_rows(rows[0], started, watch, choice, rows[1])

    def _check_data(self, X, y, sample_weight):
        """Return data, labels and weights after checking them and the parameters; set classes_."""
        X, y = validate_data(self, X, y, dtype=SINGLE_OR_DOUBLE, order="C")
        check_classification_targets(y)
        self._check_parameters()
        check_choice(self.multi_class, "multi_class", ("joint", "ovr"))
        weight = check_weights(sample_weights(sample_weight, X), len(y))
        self.classes_ = np.unique(y[weight > 0])
        if len(self.classes_) < 2:
            raise InvalidInputError(
                f"y must hold at least two classes in rows of positive weight; got one class, "
                f"{self.classes_.tolist()[0]!r}."
            )
        return X, y, weight

    def _labels(self, y):
        """Return 1 at the class of every sample and -1 elsewhere, of shape (n_samples, n_classes)."""
        return np.where(y[:, None] == self.classes_, 1.0, -1.0)

    def _pose_targets(self, y, plain):
        """Return the targets of every problem and the weights that it is trained with."""
        return self._targets(y), plain * self._class_weights(self._labels(y), plain, y)

    def _join_networks(self, networks):
        """Return one network of those of the problems."""
        return networks[0] if len(networks) == 1 else _side_by_side(networks)

    def _targets(self, y):
        """Return the targets of every problem that is posed: one, or one per class against the rest."""
        labels = self._labels(y)
        if len(self.classes_) == 2:
            return [labels[:, 1]]
        if self.multi_class == "ovr":
            return list(labels.T)
        return [(labels > 0).astype(float) if self.loss == "logistic" else labels]

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values at the rows of X: (n_samples,) for two classes, else (n_samples, n_classes)."""
        check_is_fitted(self)
        return self.network_.predict(validate_data(self, X, dtype=SINGLE_OR_DOUBLE, reset=False))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the class of every row of X, of shape (n_samples,)."""
        values = self.decision_function(X)
        return self.classes_[_classes_of(values)]

    @available_if(_is_logistic)
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes, of shape (n_samples, n_classes); for the logistic loss.

        The sigmoid of the network's values with two classes, their softmax with a joint network, and with one problem
        per class the sigmoids divided by their sum.
        """
        values = self.decision_function(X)
        if values.ndim == 1:
            return np.column_stack([expit(-values), expit(values)])
        if self.multi_class == "joint":
            return softmax(values, axis=1)
        logarithms = -np.logaddexp(0.0, -values)  # the sigmoids themselves may all underflow
        return softmax(logarithms, axis=1)

    @available_if(_is_logistic)
    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def optimal_set(self, *, time_limit: float | None = None) -> OptimalSet | VectorOptimalSet:
        """Return the `OptimalSet` of the training problem, over the distinct rows of the data, for two classes.

        With more classes a joint network has a `VectorOptimalSet`.

        Raises
        ------
        ValueError
            With one problem for each of more classes, and for the squared hinge loss, which is not strictly convex.
        SolverError
            When optimality cannot be proven within `time_limit` seconds.
        """
        check_is_fitted(self)
        if len(self.classes_) > 2 and self.multi_class != "joint":
            raise InvalidInputError(
                f"there is one optimal set for each problem, and this classifier has one for each of its "
                f"{len(self.classes_)} classes. Pose the problem of one class against the rest with "
                f"optimal_set(X, np.where(y == label, 1, -1), beta, loss={self.loss!r}, "
                f"hidden_bias={self.hidden_bias}, fit_intercept={self.fit_intercept}, "
                f"skip_connection={self.skip_connection_})."
            )
        return super().optimal_set(time_limit=time_limit)

    def _residuals(self, parts):
        """Return the negative slopes of the loss at the predictions."""
        return self._joined(parts, "slopes")

    def _score_of(self, parts, weight):
        """Return the accuracy of the predictions."""
        true, found = (_classes_of(self._joined(parts, name)) for name in ("y", "predictions"))
        return np.average(true == found, weights=weight)

    def _units(self, part, weight):
        """Return 1 for every output: that of the labels, and of log-odds."""
        return np.ones(part.y.reshape(len(weight), -1).shape[1])

    def _previous_networks(self, problems):
        """The last networks of the classes when they can start this fit, else None for each."""
        previous = getattr(self, "_networks_", []) if self._previous_network(None) is not None else []
        return previous if len(previous) == len(problems) else [None] * len(problems)

    def _class_weights(self, labels, weight, y):
        """Return the weight of every sample's class, of shape (n_samples,)."""
        members = labels > 0
        if self.class_weight is None:
            return np.ones(len(labels))
        if isinstance(self.class_weight, str):
            check_choice(self.class_weight, "class_weight (when it is a string)", ("balanced",))
            # Factors total / (n_classes totals_k) give every class the same weight in all.
            totals = weight @ members
            return members @ (totals.sum() / (len(totals) * totals))
        try:
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y[weight > 0])
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"class_weight must be None, 'balanced' or a dict from classes to numbers above 0; got "
                f"{self.class_weight!r} for the classes {self.classes_.tolist()}."
            ) from error
        if not np.all(np.isfinite(factors)) or np.any(factors <= 0):
            raise InvalidInputError(f"class_weight must hold finite numbers above 0; got {self.class_weight!r}.")
        return members @ factors + ~members.any(axis=1)

    def _fit_one_against_the_rest(self, X, targets, weight, plain, started, watch, choice):
        """Train one network per class and put them side by side."""
        skip = self.skip_connection_
        parts = [canonical_rows(X, column, weight) for column in targets]
        units = [self._problem(rows, skip=skip) for rows in parts]
        # The strength is that without class weights: these change the loss, and not the strength.
        unweighted = [self._problem(canonical_rows(X, column, plain), skip=skip) for column in targets]
        prices = [self._strength(unit, started) for unit in unweighted]
        self._choose_beta(prices, choice)
        if isinstance(self.beta, str) and choice is None:
            self._warn_of_strength(prices, unweighted)
        solutions = []
        for k, start in enumerate(self._previous_networks(units) if choice is None else choice.starts):
            with watch.problem(f"class {self.classes_[k]} against the rest") as report:
                problem = replace(units[k], beta=self.beta_)
                solutions.append(self._solve(problem, parts[k], started, start, report, choice))
        self._networks_ = [solution.network for solution in solutions]
        problems = [replace(unit, beta=self.beta_) for unit in units]
        self._left_out_parts = [
            (problem, network, rows.samples(problem))
            for problem, network, rows in zip(problems, self._networks_, parts, strict=True)
        ]
        self.network_ = _side_by_side(self._networks_)
        self.certificates_ = [
            replace(solution.certificate, dual_point=rows.spread(solution.certificate.dual_point))
            for solution, rows in zip(solutions, parts, strict=True)
        ]
        self.certificate_ = _sum_of(self.certificates_)
        self.dual_ = self.certificate_.dual_point
        self.history_ = [record for solution in solutions for record in solution.history]
        self._parts_ = [
            (solution.history, proof) for solution, proof in zip(solutions, self.certificates_, strict=True)
        ]
        self.n_iter_ = max(solution.n_iter for solution in solutions)
        worst = max(solutions, key=lambda solution: list(Status).index(solution.status))
        self.status_ = worst.status.name
        self._warn_unreached(worst.status, max(found.heuristic_gap for found in self.certificates_), units[0])
        return self


def _classes_of(values):
    """Return the number of the class at every value of the decision function, or row of values."""
    return (values > 0).astype(int) if values.ndim == 1 else np.argmax(values, axis=1)


def _side_by_side(networks):
    """Return the network with several outputs that is one of `networks` in each of them."""
    blocks = [network.output_weights for network in networks]
    outputs = np.zeros((sum(map(len, blocks)), len(blocks)))
    ends = np.cumsum([0, *map(len, blocks)])
    for k, block in enumerate(blocks):
        # Neurons of class k act on output k only: a block-diagonal matrix of output weights.
        outputs[ends[k] : ends[k + 1], k] = block

    def joined(name, join):
        parts = [getattr(network, name) for network in networks]
        return None if parts[0] is None else join(parts)

    return TwoLayerReLU(
        np.vstack([network.hidden_weights for network in networks]),
        outputs,
        hidden_bias=joined("hidden_bias", np.concatenate),
        intercept=joined("intercept", np.array),
        skip_weights=joined("skip_weights", np.column_stack),
    )


def _sum_of(certificates):
    """Return the certificate of the sum of several objectives, which bounds it by the sum of the bounds."""
    primal, dual = sum(c.primal for c in certificates), sum(c.dual for c in certificates)
    # The visible gap of the sum is the mean of the gaps, weighted by the objectives.
    seen = sum(c.heuristic_gap * c.primal for c in certificates)
    proof = max((c.proof for c in certificates), key=PROOFS.index)
    points = np.column_stack([c.dual_point for c in certificates])
    dearest = max((c.price for c in certificates), key=lambda price: price.upper_bound)
    rounding = sum(c.rounding for c in certificates)
    return Certificate(primal, dual, points, proof, seen / primal if seen else 0.0, dearest, rounding)
