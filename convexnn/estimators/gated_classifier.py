"""`GatedReLUClassifier`: the gated ReLU model for two classes, and for more by one-vs-rest or jointly."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, Self

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from .._utils.aliases import ArrayLike, RandomState
from .._utils.validation import check_choice
from ..exceptions import InvalidInputError
from ._columns import warn_of_scales
from ._data import sample_weights, validate_data
from ._gated import GatedModel
from ._watch import with_callbacks


def _is_logistic(model):
    """Whether the losses are negative log-likelihoods."""
    if model.loss != "logistic":
        raise AttributeError(f"probabilities are those of loss='logistic'; this model has loss={model.loss!r}.")
    return True


class GatedReLUClassifier(ClassifierMixin, GatedModel):
    """Two-layer gated ReLU classifier, trained to proven optimality over its gates.

    The model is ``f(x) = sum_p 1[x . g_p >= 0] (x . w_p) + free terms``: fixed gates g_p decide where the blocks w_p
    count. Training minimises, with labels -1 and 1 for the two classes,

    ``sum_i w_i loss(y_i, f(x_i)) + beta sum_p ||w_p||_2``

    x and ``w_p`` include the hidden bias; the free terms are not penalised. With more than two classes there is one
    such problem a class, that class against the others, all on the same gates; the certificate is that of their sum.
    With ``multi_class="joint"`` it is one problem, in which a gate has a matrix ``W_p`` with a column per class and its
    penalty is the nuclear norm, as in `GatedReLURegressor`.

    Parameters
    ----------
    beta : float or "scale", default="scale"
        Strength of the weight decay, the same for every class. ``"scale"`` takes 0.1 times ``beta_max_``, as it
        is without class weights: they change the loss, and not the strength.
    loss : {"logistic", "squared_hinge"}, default="logistic"
        ``log(1 + exp(-y f))``, or ``1/2 max(0, 1 - y f)^2``.
    multi_class : {"ovr", "joint"}, default="ovr"
        With more than two classes: one problem per class against the rest, or one problem for all of them. ``"joint"``
        takes the cross-entropy of the softmax for the logistic loss, and the sum over the outputs for the other.
    hidden_bias, fit_intercept : bool, default=True
        A penalised bias of gates and blocks; an unpenalised intercept.
    skip_connection : bool, default=False
        Add unpenalised linear terms. Where they separate the classes the logistic loss has no minimum.
    gates : array-like of shape (n_gates, n_features [+ 1]), optional
        As in `GatedReLURegressor`, as are the next ones.
    n_gates : int, optional
    class_weight : dict, "balanced" or None, default=None
        Factors of the weights of the rows of every class; ``"balanced"`` makes the classes weigh the same. By
        one-vs-rest, as in liblinear, the class that is told from the others gets its factor, and these get 1.
    tol : float, default=1e-6
    max_iter : int, default=1000
        Steps per class.
    time_limit : float, optional
        Seconds, for all classes together.
    n_jobs : int, optional
        Accepted for the sake of a common interface: the problems are solved one after the other.
    random_state : int, RandomState instance or None, default=None
    warm_start : bool, default=False
    verbose : int, default=0

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    gates_ : ndarray of shape (n_gates, n_features [+ 1])
    blocks_ : ndarray of shape (n_gates, n_features [+ 1])
        ``(n_classes, n_gates, n_features [+ 1])`` for more than two classes; the next ones too get that first axis.
    intercept_ : float
    skip_weights_ : ndarray of shape (n_features,), or None
    certificate_ : GatedCertificate
        Over these gates; of the sum over the classes, where they are more than two.
    dual_ : ndarray of shape (n_samples,), or (n_samples, n_classes)
    beta_, beta_max_ : float
        The strength used, and the smallest one with zero blocks (exact).
    status_ : {"proven", "stalled", "max_iter", "time_limit", "interrupted"}
        The worst of the classes.
    n_iter_ : int
        Steps of all classes together.
    history_ : list of dict
    feature_importances_ : ndarray of shape (n_features,)
        The shares of the columns in the bounds on the slope between the gates.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    GatedReLURegressor : The same for numbers.

    References
    ----------
    .. [1] A. Mishkin, A. Sahiner, M. Pilanci, "Fast convex optimization for two-layer ReLU networks", ICML 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from convexnn import GatedReLUClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GatedReLUClassifier(n_gates=20).fit(X, y)
    >>> model.certificate_.status, model.predict(X[:2])
    ('optimal over these gates', array([0, 0]))
    """

    classes_: np.ndarray

    _losses = ("logistic", "squared_hinge")

    def __init__(
        self,
        beta: float | Literal["scale"] = "scale",
        *,
        loss: Literal["logistic", "squared_hinge"] = "logistic",
        multi_class: Literal["ovr", "joint"] = "ovr",
        hidden_bias: bool = True,
        fit_intercept: bool = True,
        skip_connection: bool = False,
        gates: ArrayLike | None = None,
        n_gates: int | None = None,
        class_weight: dict[Any, float] | str | None = None,
        tol: float = 1e-6,
        max_iter: int = 1000,
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.beta = beta
        self.loss = loss
        self.multi_class = multi_class
        self.hidden_bias = hidden_bias
        self.fit_intercept = fit_intercept
        self.skip_connection = skip_connection
        self.gates = gates
        self.n_gates = n_gates
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    @with_callbacks
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the blocks and prove what they are worth.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Class labels of any kind.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; a weight of 2 is the same as the row twice, a weight of 0 as no row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad data and bad parameters, and for fewer than two classes of positive weight.

        Warns
        -----
        ConvergenceWarning
            When the relative gap did not reach `tol`.
        ScaleWarning
            When columns of X are on scales that spoil the fit; it names them.
        """
        given = X, y, sample_weight
        X, y = validate_data(self, X, y, dtype=np.float64, order="C")
        check_classification_targets(y)
        self._check_parameters()
        weight = sample_weights(sample_weight, X, ensure_non_negative=True)
        classes = np.unique(y[weight > 0])  # a class of weight zero is as good as absent
        if len(classes) < 2:
            raise InvalidInputError(f"y must hold at least two classes of positive weight; got {len(classes)} class.")
        # Labels of weight zero may be unknown: they get the first class, and count for nothing.
        codes = np.searchsorted(classes, np.where(weight > 0, y, classes[0]))
        factors = self._class_factors(classes, np.bincount(codes, weight))
        self.classes_ = classes
        warn_of_scales(self, X, weight)
        return self._train(X, codes.astype(np.float64), weight, partial(self._pose, factors), given)

    def _pose(self, factors, codes):
        """Return (targets, factors of the weights) of every problem, for the numbers of the classes of the rows."""
        if len(factors) == 2 or self.multi_class == "ovr":
            return _one_vs_rest(factors, codes)
        members = np.equal.outer(codes, np.arange(len(factors)))
        targets = members.astype(float) if self.loss == "logistic" else np.where(members, 1.0, -1.0)
        return [(targets, factors[codes.astype(int)])]

    def _check_parameters(self):
        super()._check_parameters()
        check_choice(self.multi_class, "multi_class", ("ovr", "joint"))

    def _class_factors(self, classes, totals):
        """The factor of the weights of every class; "balanced" counts by weight, so that weights equal repetition."""
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            return totals.sum() / (len(classes) * totals)
        factors = compute_class_weight(self.class_weight, classes=classes, y=classes)
        if not (np.all(np.isfinite(factors)) and np.all(factors > 0)):
            raise InvalidInputError(f"class_weight must be finite and above 0; got {self.class_weight!r}.")
        return factors

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the model's values, of shape (n_samples,), or (n_samples, n_classes) for more than two classes."""
        return self._values(X)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the class with the highest value at every row of X."""
        values = self._values(X)
        chosen = (values > 0).astype(int) if values.ndim == 1 else values.argmax(axis=1)
        return self.classes_[chosen]

    @available_if(_is_logistic)
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probability of every class, of shape (n_samples, n_classes); for the logistic loss.

        The softmax of the values of a joint model; else, with more than two classes, the one-vs-rest probabilities
        divided by their sum.
        """
        values = self._values(X)
        if values.ndim == 1:
            return np.column_stack([expit(-values), expit(values)])
        if len(self._training_problems) == 1:
            return softmax(values, axis=1)
        # From the largest on: where all of them underflow their ratios are still there.
        logs = -np.logaddexp(0.0, -values)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    @available_if(_is_logistic)
    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))


def _one_vs_rest(factors, codes):
    """Return (labels, factors of the weights) of every output, for the numbers of the classes of the rows.

    With more than two classes only the class that is told from the others gets its factor, as in liblinear.
    """
    if len(factors) == 2:
        return [(np.where(codes == 1, 1.0, -1.0), factors[codes.astype(int)])]
    # One problem per class, all on the same gates: the class against the others.
    chosen = [codes == k for k in range(len(factors))]
    return [(np.where(own, 1.0, -1.0), np.where(own, factor, 1.0)) for own, factor in zip(chosen, factors, strict=True)]
