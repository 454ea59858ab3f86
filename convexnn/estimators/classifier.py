"""`ConvexReLUClassifier`: a two-layer ReLU network trained to global optimality, as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike, ClassificationLoss, Patterns, Proof, RandomState, Solver
from .._utils.arrays import beside
from .._utils.clock import now
from .._utils.validation import check_choice, check_weights
from ..arrangements.patterns import ActivationPatterns
from ..blocks.source import ArrayBlocks
from ..exceptions import InvalidInputError
from ..optimal_sets.solution_set import OptimalSet
from ..optimal_sets.vector_set import VectorOptimalSet
from ._base import ConvexReLUEstimator
from ._blockwise import coded_labels
from ._columns import warn_of_scales
from ._data import SINGLE_OR_DOUBLE, is_for_blocks, sample_weights, validate_data
from ._labels import check_known_labels, checked_labels, class_factors, classes_in, places_of, signs_of
from ._one_against_the_rest import OneAgainstTheRestMixin, side_by_side
from ._rows import canonical_rows
from ._watch import watched, with_callbacks


def _is_logistic(estimator):
    """Probabilities are those of the logistic loss."""
    if estimator.loss != "logistic":
        raise AttributeError(f"predict_proba needs loss='logistic'; this classifier has loss={estimator.loss!r}.")
    return True


class ConvexReLUClassifier(ClassifierMixin, OneAgainstTheRestMixin, ConvexReLUEstimator):
    """Two-layer ReLU network with weight decay that classifies, trained to global optimality.

    With two classes it minimises, over networks ``f(x) = sum_j (x . u_j)_+ alpha_j + free terms`` of every width,

    ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``

    with ``y_i`` -1 for the first class and 1 for the second; ``u_j`` includes the hidden bias unless `penalize_bias` is
    False, and the free terms (intercept, skip connection) are not penalised. Several labels that do not exclude each
    other (`y` of shape (n_samples, n_labels), of 0 and 1) have an output each, with targets -1 and 1, and their losses
    are added up.

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
        and the sum over the outputs for the others. With several labels, ``"joint"`` is one network with an output per
        label, and ``"ovr"`` one problem per label.
    class_weight : dict or "balanced", optional
        Weights of the classes, multiplied with `sample_weight`; ``"balanced"`` gives all classes the same total weight.
        None with several labels, whose rows `sample_weight` weighs for all labels alike.
    hidden_bias, penalize_bias, fit_intercept, skip_connection, cv, max_width, solver, patterns, n_patterns, proof, \
tol, max_iter, time_limit, n_jobs, random_state, warm_start, verbose
        As in `ConvexReLURegressor`; `penalize_bias` may be False where problems have one output. `max_width`, `tol`,
        `max_iter` hold for every class where there is one problem per class. `time_limit` is that of all: every problem
        has an equal share of what those before it have left.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        With several labels the numbers of their columns.
    network_ : TwoLayerReLU
        With one output for two classes, else with one per class or label.
    certificate_ : Certificate
        For one problem per class: of the sum of their objectives, and `certificates_` holds those of the classes.
    dual_, beta_, beta_path_, skip_connection_, beta_max_, beta_max_proof_, status_, n_iter_, history_, \
feature_importances_, n_features_in_, feature_names_in_
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

    _losses = ("logistic", "squared_hinge", "squared")
    _is_multilabel = False
    _score_name = "accuracy"

    def __init__(
        self,
        beta: float | Literal["auto", "scale"] = "auto",
        *,
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

    @with_callbacks
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the network and its certificate.

        Parameters
        ----------
        X : array-like or sparse array of shape (n_samples, n_features)
            Large sparse data, and arrays on devices, as in `ConvexReLURegressor`.
        y : array-like or sparse matrix of shape (n_samples,) or (n_samples, n_labels)
            Labels of two classes or more, or a column of 0 and 1 for each of several labels.
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
        if is_for_blocks(X):
            return self._fit_source(ArrayBlocks(X, y, plain))
        warn_of_scales(self, X, plain)
        targets, weight = self._pose_targets(y, plain)
        self._sample_weight = plain
        # One problem per class or label, or one for all outputs; two classes are one output.
        if len(targets) > 1:
            with watched(self, *given, n_problems=len(targets)) as watch:
                choice = self._choose(X, targets, weight, started)
                return self._fit_one_against_the_rest(X, targets, weight, plain, started, watch, choice)
        rows = canonical_rows(X, targets[0], weight)
        # With and without class weights: the strength is that of the plain weights.
        plain_rows = None if weight is plain else canonical_rows(X, targets[0], plain)
        with watched(self, *given) as watch:
            choice = self._choose(X, targets, weight, started)
            return self._fit_rows(rows, started, watch, choice, plain_rows)

    def _coded(self, source):
        """Return the rows of a source with numbers for labels, also without class weights, their terms and sizes."""
        check_choice(self.multi_class, "multi_class", ("joint", "ovr"))
        return coded_labels(self, source)

    def _check_rows(self, X, y, reset=True):
        """Return data and labels after checking them."""
        options = {"multi_output": True, "any_kind": True, "reset": reset}
        X, y = validate_data(self, X, y, dtype=SINGLE_OR_DOUBLE, order="C", **options)
        return self._as_trained(X), checked_labels(y)

    def _check_data(self, X, y, sample_weight):
        """Return data, labels and weights after checking them and the parameters; set classes_."""
        X, y = self._check_rows(X, y)
        self._check_parameters()
        check_choice(self.multi_class, "multi_class", ("joint", "ovr"))
        weight = check_weights(sample_weights(sample_weight, X), len(y))
        self._is_multilabel, self.classes_ = y.ndim == 2, classes_in(y, weight)
        return X, y, weight

    def _pose_targets(self, y, plain):
        """Return the targets of every problem and the weights that it is trained with."""
        targets = self._targets(y)
        if self.class_weight is None:
            return targets, plain
        return targets, plain * class_factors(self.class_weight, y, self.classes_, plain)

    def _targets_of(self, y, weight):
        """Return the targets of every problem on other rows than the training rows, and the weights of the rows."""
        check_known_labels(y, weight, self.classes_, self._is_multilabel, self.class_weight)
        return self._pose_targets(y, weight)

    def _join_networks(self, networks):
        """Return one network of those of the problems."""
        return networks[0] if len(networks) == 1 else side_by_side(networks)

    def _targets(self, y):
        """Return the targets of every problem that is posed: one, or one per class against the rest, or per label."""
        signs = signs_of(y, self.classes_)
        if len(self.classes_) == 2 and not self._is_multilabel:
            return [signs[:, 1]]
        if self.multi_class == "ovr":
            return list(signs.T)
        is_one_hot = self.loss == "logistic" and not self._is_multilabel
        return [(signs > 0).astype(float) if is_one_hot else signs]

    def _loss_name(self, n_outputs):
        """Return the name of the loss: joint classes that exclude each other have the cross-entropy of the softmax."""
        is_softmax = self.loss == "logistic" and n_outputs > 1 and not self._is_multilabel
        return "multinomial" if is_softmax else super()._loss_name(n_outputs)

    def _problem_name(self, k):
        """Return what the messages of a fit call one of several problems."""
        return f"label {k}" if self._is_multilabel else f"class {self.classes_[k]} against the rest"

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values at the rows of X: (n_samples,) for two classes, else (n_samples, n_classes).

        Sparse X are not made dense, and arrays of other libraries are treated as by `TwoLayerReLU.predict`.
        """
        check_is_fitted(self)
        return self.network_.predict(validate_data(self, X, dtype=SINGLE_OR_DOUBLE, reset=False, any_kind=True))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the class of every row of X, of shape (n_samples,), or 1 for its labels and 0 for the others.

        The latter after targets of several labels, of shape (n_samples, n_labels).
        """
        return beside(self.decision_function(X), self._labels_at)

    def _labels_at(self, values):
        """Return the labels at values of the decision function, of NumPy."""
        return (values > 0).astype(int) if self._is_multilabel else self.classes_[places_of(values)]

    @available_if(_is_logistic)
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes, of shape (n_samples, n_classes); for the logistic loss.

        The sigmoid of the network's values with two classes, their softmax with a joint network, and with one problem
        per class the sigmoids divided by their sum. With several labels the sigmoid for each, as scikit-learn's
        MLPClassifier has it.
        """
        return beside(self.decision_function(X), self._probabilities_at)

    def _probabilities_at(self, values):
        """Return the probabilities at values of the decision function, of NumPy."""
        if values.ndim == 1:
            return np.column_stack([expit(-values), expit(values)])
        if self._is_multilabel:
            return expit(values)
        if self.multi_class == "joint":
            return softmax(values, axis=1)
        logarithms = -np.logaddexp(0.0, -values)  # the sigmoids themselves may all underflow
        return softmax(logarithms, axis=1)

    @available_if(_is_logistic)
    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        return beside(self.decision_function(X), self._logarithms_at)

    def _logarithms_at(self, values):
        """Return the logarithms of the probabilities at values of the decision function, of NumPy."""
        if self._is_multilabel:  # a sigmoid itself may underflow
            return -np.logaddexp(0.0, -values)
        with np.errstate(divide="ignore"):
            return np.log(self._probabilities_at(values))

    def optimal_set(self, *, time_limit: float | None = None) -> OptimalSet | VectorOptimalSet:
        """Return the `OptimalSet` of the training problem, over the distinct rows of the data, for two classes.

        With more classes a joint network has a `VectorOptimalSet`.

        Raises
        ------
        ValueError
            With one problem for each of several classes or labels, with labels at all, and for the squared hinge loss,
            which is not strictly convex.
        SolverError
            When optimality cannot be proven within `time_limit` seconds.
        """
        check_is_fitted(self)
        if self._is_multilabel or (len(self.classes_) > 2 and self.multi_class != "joint"):
            kind, those = ("label", "y[:, k]") if self._is_multilabel else ("class", "y == label")
            if self._is_multilabel and self.multi_class == "joint":
                raise InvalidInputError(
                    f"the optimal set of several labels is there as a function: pose the problem with "
                    f"optimal_set(X, 2 * y - 1, beta, loss={self.loss!r}, hidden_bias={self.hidden_bias}, "
                    f"fit_intercept={self.fit_intercept}, skip_connection={self.skip_connection_})."
                )
            raise InvalidInputError(
                f"there is one optimal set for each problem, and this classifier has one for each of its "
                f"{len(self.classes_)} {kind}{'s' if self._is_multilabel else 'es'}. Pose the problem of one {kind} "
                f"with optimal_set(X, np.where({those}, 1, -1), beta, loss={self.loss!r}, "
                f"hidden_bias={self.hidden_bias}, fit_intercept={self.fit_intercept}, "
                f"skip_connection={self.skip_connection_})."
            )
        return super().optimal_set(time_limit=time_limit)

    def _residuals(self, parts):
        """Return the negative slopes of the loss at the predictions."""
        return self._joined(parts, "slopes")

    def _score_of(self, parts, weight):
        """Return the accuracy of the predictions."""
        values = [self._joined(parts, name) for name in ("y", "predictions")]
        if self._is_multilabel:
            return np.average(np.all((values[0] > 0) == (values[1] > 0), axis=1), weights=weight)
        true, found = map(places_of, values)
        return np.average(true == found, weights=weight)

    def _units(self, part, weight):
        """Return 1 for every output: that of the labels, and of log-odds."""
        return np.ones(part.y.reshape(len(weight), -1).shape[1])

    def __sklearn_tags__(self):
        """Several labels can be fitted."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
