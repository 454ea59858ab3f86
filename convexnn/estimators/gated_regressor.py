"""`GatedReLURegressor`: the gated relative of the ReLU network, a group lasso solved to proven optimality."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from sklearn.base import RegressorMixin

from .._utils.aliases import ArrayLike, RandomState
from ..exceptions import InvalidInputError
from ._columns import warn_of_scales
from ._data import sample_weights, validate_data
from ._gated import GatedModel
from ._robust import check_delta, delta_of
from ._watch import with_callbacks


class GatedReLURegressor(RegressorMixin, GatedModel):
    """Two-layer gated ReLU model, trained to proven optimality over its gates.

    The model is ``f(x) = sum_p 1[x . g_p >= 0] (x . w_p) + free terms``: fixed gates g_p decide where the blocks w_p
    count. Training minimises

    ``sum_i w_i loss(y_i, f(x_i)) + beta sum_p ||w_p||_2``

    which is the least of ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_p (||u_p||^2 + alpha_p^2)`` over the gated neurons
    ``w_p = u_p alpha_p``. x and ``w_p`` include the hidden bias; the free terms (intercept, skip connection) are not
    penalised. It is a convex group lasso, so that its optimum is found and proven fast, in any dimension; it is
    an optimum over these gates, and `to_relu_network` leads to a ReLU network of the same fit.

    Several targets share the gates. A gate then has a matrix ``W_p``, and its penalty is the nuclear norm, the sum of
    the singular values: the least of ``1/2 sum_k (||u_k||^2 + ||a_k||^2)`` over gated neurons with vectors of output
    weights, ``W_p = sum_k u_k a_k^T``.

    Parameters
    ----------
    beta : float or "scale", default="scale"
        Strength of the weight decay; a sum over samples is penalised, there is no 1/n. ``"scale"`` takes 0.1 times
        ``beta_max_``, the strength from which on the blocks are zero.
    loss : {"squared", "huber"}, default="squared"
        ``1/2 r^2`` of the residual r; the same up to `huber_delta`, then linear.
    huber_delta : float or "auto", default="auto"
        In the units of y; ``"auto"`` takes the median absolute deviation of the targets from their median.
    hidden_bias : bool, default=True
        Give the gates and the blocks a (penalised) bias.
    fit_intercept : bool, default=True
        Add an unpenalised intercept.
    skip_connection : bool, default=False
        Add unpenalised linear terms.
    gates : array-like of shape (n_gates, n_features [+ 1]), optional
        One gate a row, its bias last where there is a hidden bias. By default they are sampled from `random_state`:
        Gaussian directions in standardised coordinates (every feature centred, if there is a hidden bias, and divided
        by its standard deviation; the bias has a coordinate of its own), distinct in their patterns on X.
    n_gates : int, optional
        Number of gates to sample, 100 by default; there are fewer where no more distinct patterns are met.
    tol : float, default=1e-6
        Relative gap to reach, and to prove; above 1e-3 it counts as 1e-3.
    max_iter : int, default=1000
        Largest number of interior-point steps; with several targets of rounds of ten proximal or some Newton steps.
    time_limit : float, optional
        Seconds; the best blocks so far are kept with their true certificate. So they are after Ctrl-C.
    n_jobs : int, optional
        Accepted for the sake of a common interface: there is one problem to solve.
    random_state : int, RandomState instance or None, default=None
        Seed of the gates. None is a fixed seed.
    warm_start : bool, default=False
        Keep the gates of the previous fit and start from its blocks.
    verbose : int, default=0
        1 prints a line for every proof and one at the end.

    Attributes
    ----------
    gates_, blocks_ : ndarrays of shape (n_gates, n_features [+ 1])
        A block is exactly zero where its gate is not used. With several targets `blocks_` has a leading axis,
        ``(n_outputs, n_gates, n_features [+ 1])``: ``W_p`` is ``blocks_[:, p].T``. The next two get it too.
    intercept_ : float
        0.0 without an intercept.
    skip_weights_ : ndarray of shape (n_features,) or None
    certificate_ : GatedCertificate
        Over these gates.
    dual_ : ndarray of shape (n_samples,), or (n_samples, n_outputs)
        ``certificate_.dual_point``: the scaled negative gradient of the loss, ``||X' D_p nu|| <= beta`` for every gate
        (the largest singular value with several targets).
    beta_, beta_max_ : float
        The strength used, and the smallest one with zero blocks (exact).
    huber_delta_ : float
        The `huber_delta` used.
    status_ : {"proven", "stalled", "max_iter", "time_limit", "interrupted"}
    n_iter_ : int
    history_ : list of dict
    feature_importances_ : ndarray of shape (n_features,)
        The shares of the columns in the bounds on the slope between the gates.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    GatedReLUClassifier : The same for two and more classes.
    ConvexReLURegressor : The ReLU network itself.

    References
    ----------
    .. [1] A. Mishkin, A. Sahiner, M. Pilanci, "Fast convex optimization for two-layer ReLU networks", ICML 2022.
    .. [2] A. Sahiner, T. Ergen, J. Pauly, M. Pilanci, "Vector-output ReLU neural network problems are copositive
       programs", ICLR 2021: several outputs.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from convexnn import GatedReLURegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GatedReLURegressor(n_gates=20).fit(X, y)
    >>> model.status_, model.certificate_.status
    ('proven', 'optimal over these gates')
    """

    huber_delta_: float

    _losses = ("squared", "huber")
    _is_column = False  # whether y came in a column

    def __init__(
        self,
        beta: float | Literal["scale"] = "scale",
        *,
        loss: Literal["squared", "huber"] = "squared",
        huber_delta: float | Literal["auto"] = "auto",
        hidden_bias: bool = True,
        fit_intercept: bool = True,
        skip_connection: bool = False,
        gates: ArrayLike | None = None,
        n_gates: int | None = None,
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
        self.huber_delta = huber_delta
        self.hidden_bias = hidden_bias
        self.fit_intercept = fit_intercept
        self.skip_connection = skip_connection
        self.gates = gates
        self.n_gates = n_gates
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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            A column is one output.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; a weight of 2 is the same as the row twice, a weight of 0 as no row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad data and bad parameters; the message names the argument.

        Warns
        -----
        ConvergenceWarning
            When the relative gap did not reach `tol`.
        ScaleWarning
            When columns of X, or of y, are on scales that spoil the fit; it names them.
        """
        given = X, y, sample_weight
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", y_numeric=True, multi_output=True)
        self._check_parameters()
        if y.dtype.kind not in "fiub":
            raise InvalidInputError(f"y must be numeric; got an array of dtype {y.dtype}. Labels are for classifiers.")
        weight = sample_weights(sample_weight, X)
        warn_of_scales(self, X, weight, y)
        # "auto" follows the spread of the targets, with their weights.
        self.huber_delta_ = delta_of(self.huber_delta, y, weight)
        # A column of targets is one output; only predictions are in a column again.
        self._is_column = y.shape[1:] == (1,)
        targets = (y[:, 0] if self._is_column else y).astype(np.float64)
        return self._train(X, targets, weight, lambda targets: [(targets, 1.0)], given)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the model's values at the rows of X, of shape (n_samples,) or (n_samples, n_outputs).

        After targets in a column, which are one output, they are in a column too.
        """
        values = self._values(X)
        return values[:, None] if self._is_column else values

    def __sklearn_tags__(self):
        """Several outputs can be fitted."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check_parameters(self):
        super()._check_parameters()
        check_delta(self.huber_delta)

    def _loss_options(self):
        return {"huber_delta": self.huber_delta_}
