"""The two-layer ReLU network: its values and its objective.

Its arrays and their shapes are those of `neurons`; the moves that leave function and objective alone are in `moves`,
and what it looks like on paper in `formulas`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ._utils.aliases import ArrayLike, LossName
from ._utils.arrays import blocks_of, hidden_layer, relu_values, sent_to, stacked, to_numpy
from ._utils.norms import norms
from ._utils.validation import check_flag, check_positive, check_vector, check_weights, finite_array
from .exceptions import InvalidInputError
from .formulas import Formulas
from .losses import make_loss
from .moves import Moves
from .neurons import balance_exponents

__all__ = ["TwoLayerReLU"]


class TwoLayerReLU(Moves, Formulas):
    """Two-layer ReLU network ``f(x) = sum_j (u_j^T [x, 1])_+ alpha_j + x^T skip_weights + intercept``.

    The network is frozen: its arrays are read-only copies, and every method returns a new network. The free terms
    (skip weights and intercept) are never penalised; the hidden bias, being a part of ``u_j``, is.

    Parameters
    ----------
    hidden_weights : array-like of shape (width, n_inputs)
        One row per neuron; ``numpy.zeros((0, n_inputs))`` is the network without neurons.
    output_weights : array-like of shape (width,) or (width, n_outputs)
    hidden_bias : array-like of shape (width,), optional
        None means that the hidden layer has no bias; zeros are a bias that is present.
    intercept : float, or array-like of shape (n_outputs,), optional
        None means absent, 0.0 means present.
    skip_weights : array-like of shape (n_inputs,) or (n_inputs, n_outputs), optional
        None means absent.

    Raises
    ------
    InvalidInputError
        For shapes that do not match and for entries that are not finite real numbers.

    Examples
    --------
    >>> network = TwoLayerReLU([[1.0, 0.0], [0.0, 2.0]], [1.0, -1.0], intercept=0.5)
    >>> network.predict([[1.0, 1.0]])
    array([-0.5])
    >>> network
    TwoLayerReLU(2 neurons, 2 inputs, 1 output, intercept)
    """

    def activations(self, X: ArrayLike) -> np.ndarray:
        """Return the values ``([X, 1] u_j)_+`` of the hidden layer, of shape (n_samples, width).

        `X` is of the kinds that `predict` takes, and the values are dense.
        """
        X, has_bias = self._check_inputs(X, any_kind=True), self.hidden_bias is not None
        return stacked([hidden_layer(rows, self.neurons, has_bias).values for rows in blocks_of(X)])

    def fits(self, X: ArrayLike) -> np.ndarray:
        """Return the columns ``([X, 1] u_j)_+ alpha_j``, of shape (n_samples, width); one output only.

        The hidden part of the prediction is their sum.
        """
        X = self._check_inputs(X)
        self._scalar_outputs("fits")
        neurons, outputs = balance_exponents(self.neurons, self._outputs)
        return relu_values(X, neurons) * outputs[:, 0]

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values on the rows of `X`.

        Parameters
        ----------
        X : array-like or sparse array of shape (n_samples, n_inputs)
            Sparse data are not made dense. Arrays of other libraries, on a device too, are taken as they are where
            scikit-learn's ``array_api_dispatch`` is set, and as arrays of NumPy elsewhere.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Under ``array_api_dispatch`` an array of the library, the device and the precision of `X`.
        """
        X = self._check_inputs(X, any_kind=True)
        # Powers of two move between u_j and alpha_j: exact, and no product with a huge u_j overflows.
        neurons, outputs = balance_exponents(self.neurons, self._outputs)
        return stacked([self._values_at(rows, neurons, outputs) for rows in blocks_of(X)])

    def _values_at(self, rows, neurons, outputs):
        """Return the values at rows of any kind, where these are, with the neurons and outputs in the given scaling."""
        values = hidden_layer(rows, neurons, self.hidden_bias is not None).weighted(outputs)
        if self.output_weights.ndim == 1:
            values = values[:, 0]
        if self.skip_weights is not None:
            values = values + rows @ sent_to(rows, self.skip_weights)
        if self.intercept is not None:
            values = values + sent_to(rows, self.intercept)
        return values

    def objective(
        self,
        X: ArrayLike,
        y: ArrayLike,
        beta: float,
        *,
        sample_weight: ArrayLike | None = None,
        loss: LossName = "squared",
        huber_delta: float = 1.35,
        quantile: float = 0.5,
        penalize_bias: bool = True,
    ) -> float:
        """Return the training objective of the network as it stands, neither balanced nor pruned.

        ``sum_i w_i loss(y_i, f(x_i)) + beta/2 * sum_j (||u_j||^2 + alpha_j^2)``; `u_j` includes the hidden bias, the
        free terms (intercept, skip) are unpenalised, and the loss is a sum, no 1/n.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_inputs)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Several outputs add up: the squared loss is ``1/2 ||y_i - f(x_i)||^2``. Labels are -1 and 1.
        beta : float
            Weight decay, above 0.
        sample_weight : array-like of shape (n_samples,), optional
            Rows of weight zero do not count.
        loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial"}
            With r = y - f(x): ``r^2 / 2``; ``r^2 / 2`` up to `huber_delta`, then linear; ``|r|``; ``quantile r`` above
            the fit and ``(quantile - 1) r`` below; ``log(1 + exp(-y f))``; ``max(0, 1 - y f)^2 / 2``; the
            cross-entropy of the softmax of f and one-hot rows y.
        huber_delta : float
        quantile : float, between 0 and 1
        penalize_bias : bool
            Whether the hidden bias is a part of ``||u_j||``.

        Returns
        -------
        float
            Infinite where the true value exceeds float64.

        Raises
        ------
        ValueError
            For bad data, see `InvalidInputError`.
        """
        X = self._check_inputs(X, any_kind=True)
        y = self._check_targets(y, X.shape[0])
        beta = check_positive(beta, "beta")
        weight = check_weights(sample_weight, X.shape[0])
        loss = make_loss(loss, n_outputs=y.shape[1], huber_delta=huber_delta, quantile=quantile)
        # Rows of weight zero are not there: their targets may even be outside the domain of the loss.
        rows = weight > 0
        loss.check_targets(y[rows])
        # A value beyond float64 is returned as infinity, without a warning.
        with np.errstate(over="ignore"):
            fit = to_numpy(self.predict(X)).reshape(len(rows), -1)[rows]
            network = self if check_flag(penalize_bias, "penalize_bias") else replace(self, hidden_bias=None)
            return float(loss.value(y[rows], fit, weight[rows]) + network.penalty(beta))

    def penalty(self, beta: float) -> float:
        """Return ``beta/2 * sum_j (||u_j||^2 + ||alpha_j||^2)``; the root of beta is taken in before squaring."""
        # beta/2 ||w||^2 = ||sqrt(beta/2) w||^2: the square of a small weight alone would underflow.
        sizes = np.sqrt(beta / 2) * np.concatenate([norms(self.neurons), norms(self._outputs)])
        return float(np.dot(sizes, sizes))

    def _check_targets(self, y, n_samples):
        """Return y of shape (n_samples, n_outputs)."""
        if self.output_weights.ndim == 1:
            return check_vector(y, n_samples, "y")[:, None]
        shape = (n_samples, self._outputs.shape[1])
        y = finite_array(to_numpy(y), "y")
        if y.shape != shape:
            raise InvalidInputError(f"y must have shape {shape}, one row per row of X; got shape {y.shape}.")
        return y

    def _shown(self):
        terms = (("hidden bias", self.hidden_bias), ("intercept", self.intercept), ("skip weights", self.skip_weights))
        return "TwoLayerReLU", [
            ("neurons", str(self.width)),
            ("inputs", str(self.n_inputs)),
            ("outputs", str(self._outputs.shape[1])),
            ("with", ", ".join(name for name, value in terms if value is not None) or "neither bias nor free terms"),
            ("total mass", f"{self.masses.sum():.6g}"),
        ]
