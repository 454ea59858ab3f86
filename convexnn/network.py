"""The two-layer ReLU network: its values, its objective and the moves that leave both alone.

Conventions
-----------
hidden_weights : (width, n_inputs), row j holds the weights of neuron j.
neurons : (width, n_inputs) or, with a hidden bias, (width, n_inputs + 1): the vectors u_j, the bias last.
output_weights : (width,), alpha_j, or (width, n_outputs).
mass : ``||u_j|| |alpha_j|``, what a neuron costs (times beta) once it is balanced, ``||u_j|| = |alpha_j|``.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Self

import numpy as np

from ._utils.aliases import ArrayLike, LossName
from ._utils.arrays import blocks_of, hidden_layer, sent_to, stacked, to_numpy
from ._utils.display import Shown, counted
from ._utils.norms import nonzero, norms
from ._utils.validation import check_count, check_design, check_positive, check_vector, check_weights
from .exceptions import InvalidInputError
from .losses import make_loss
from .masses.pruning import prune_masses

__all__ = ["TwoLayerReLU"]


@dataclass(frozen=True, eq=False, repr=False)
class TwoLayerReLU(Shown):
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

    hidden_weights: np.ndarray
    output_weights: np.ndarray
    _: KW_ONLY
    hidden_bias: np.ndarray | None = None
    intercept: float | np.ndarray | None = None
    skip_weights: np.ndarray | None = None

    def __post_init__(self):
        hidden = _finite(self.hidden_weights, "hidden_weights")
        if hidden.ndim != 2 or hidden.shape[1] == 0:
            raise InvalidInputError(
                f"hidden_weights must have shape (width, n_inputs), one row per neuron; got shape {hidden.shape}. "
                f"A network without neurons has hidden_weights of shape (0, n_inputs)."
            )
        output = _finite(self.output_weights, "output_weights")
        if output.ndim not in (1, 2) or len(output) != len(hidden) or 0 in output.shape[1:]:
            raise InvalidInputError(
                f"output_weights must have shape ({len(hidden)},) or ({len(hidden)}, n_outputs), one row per row of "
                f"hidden_weights; got shape {output.shape}."
            )
        outputs = output.shape[1:]
        self._set("hidden_weights", hidden)
        self._set("output_weights", output)
        self._set("hidden_bias", _optional(self.hidden_bias, "hidden_bias", (len(hidden),)))
        self._set("skip_weights", _optional(self.skip_weights, "skip_weights", (hidden.shape[1], *outputs)))
        intercept = _optional(self.intercept, "intercept", outputs)
        self._set("intercept", float(intercept) if intercept is not None and not outputs else intercept)

    def _set(self, name, value):
        if isinstance(value, np.ndarray):
            # A frozen network must not change through an array that somebody kept.
            value.flags.writeable = False
        object.__setattr__(self, name, value)

    def __setstate__(self, state):
        # Pickle and copy forget that an array was read-only.
        for name, value in state.items():
            self._set(name, value)

    def __repr__(self):
        present = [
            text
            for text, value in (
                ("hidden bias", self.hidden_bias),
                ("intercept", self.intercept),
                ("skip weights", self.skip_weights),
            )
            if value is not None
        ]
        sizes = [
            counted(self.width, "neuron"),
            counted(self.n_inputs, "input"),
            counted(self._outputs.shape[1], "output"),
        ]
        return f"TwoLayerReLU({', '.join(sizes + present)})"

    @property
    def width(self) -> int:
        """Number of hidden neurons, zero neurons included."""
        return self.hidden_weights.shape[0]

    @property
    def n_inputs(self) -> int:
        """Number of columns that X must have."""
        return self.hidden_weights.shape[1]

    @property
    def neurons(self) -> np.ndarray:
        """The vectors u_j, of shape (width, n_inputs) or, with the hidden bias last, (width, n_inputs + 1)."""
        # The bias is one more entry of u_j, which belongs to a column of ones in X.
        if self.hidden_bias is None:
            return self.hidden_weights
        return np.hstack([self.hidden_weights, self.hidden_bias[:, None]])

    @property
    def directions(self) -> np.ndarray:
        """The unit vectors ``u_j / ||u_j||``, of the shape of `neurons`; zero where u_j is zero."""
        neurons = self.neurons
        return neurons / nonzero(norms(neurons))[:, None]

    @property
    def masses(self) -> np.ndarray:
        """``||u_j|| |alpha_j|`` of every neuron, of shape (width,)."""
        return norms(self.neurons) * norms(self._outputs)

    @property
    def signs(self) -> np.ndarray:
        """``sign(alpha_j)`` of every neuron, of shape (width,); for networks with one output."""
        return np.sign(self._scalar_outputs("signs"))

    @property
    def slope_bounds(self) -> np.ndarray:
        """How fast the values can change along every input at most, of shape (n_inputs,).

        Along input k it is ``sum_j |u_jk| ||alpha_j|| + ||skip_k||``: moving it by t moves the values, anywhere, by no
        more than ``|t|`` times that (in the Euclidean norm over several outputs). It is the same for every scaling of
        u_j against alpha_j and for every splitting of neurons.
        """
        # A power of two has moved between u_j and alpha_j: no product of a huge and a tiny factor leaves float64.
        neurons, outputs = _balance_exponents(self.neurons, self._outputs)
        bounds = norms(outputs) @ np.abs(neurons[:, : self.n_inputs])
        if self.skip_weights is not None:
            bounds = bounds + norms(self.skip_weights.reshape(self.n_inputs, -1))
        return bounds

    @property
    def output_directions(self) -> np.ndarray:
        """The unit vectors ``a_j / ||a_j||``, of the shape of `output_weights`; zero where a_j is zero.

        For networks with one output these are the `signs`.
        """
        return self._unit_outputs.reshape(self.output_weights.shape) + 0.0  # no negative zeros, as in the signs

    @property
    def _outputs(self):
        """Output weights of shape (width, n_outputs), whatever the number of outputs."""
        return self.output_weights if self.output_weights.ndim == 2 else self.output_weights[:, None]

    @property
    def _unit_outputs(self):
        """`output_directions` of shape (width, n_outputs), whatever the number of outputs."""
        return self._outputs / nonzero(norms(self._outputs))[:, None]

    def _scalar_outputs(self, name):
        if self.output_weights.ndim == 2:
            raise InvalidInputError(
                f"{name} is defined for networks with one output; got output_weights of shape "
                f"{self.output_weights.shape}. Pass output_weights of shape (width,)."
            )
        return self.output_weights

    def _check_inputs(self, X, any_kind=False):
        X = check_design(X, keep_single=True, any_kind=any_kind)
        if X.shape[1] != self.n_inputs:
            raise InvalidInputError(f"X must have {self.n_inputs} columns, one per input; got shape {X.shape}.")
        return X

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
        neurons, outputs = _balance_exponents(self.neurons, self._outputs)
        return _relu(X, neurons) * outputs[:, 0]

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
        neurons, outputs = _balance_exponents(self.neurons, self._outputs)
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
            return float(loss.value(y[rows], fit, weight[rows]) + self.penalty(beta))

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
        y = _finite(to_numpy(y), "y")
        if y.shape != shape:
            raise InvalidInputError(f"y must have shape {shape}, one row per row of X; got shape {y.shape}.")
        return y

    def balanced(self) -> Self:
        """Return the same function with ``||u_j|| = |alpha_j|`` for every neuron.

        The objective never rises. A neuron without mass (u_j or alpha_j is zero) becomes a zero neuron.
        """
        # sqrt(mass) on both sides: ||u_j|| = |alpha_j| gives the smallest ||u||^2 + alpha^2 of all rescalings.
        roots = self._root_masses()
        return self._with_neurons(self.directions * roots[:, None], self._unit_outputs * roots[:, None])

    def _root_masses(self):
        """``sqrt(mass)``, taken factor by factor: the mass itself may leave float64."""
        return np.sqrt(norms(self.neurons)) * np.sqrt(norms(self._outputs))

    def merged(self, tolerance: float = 1e-12) -> Self:
        """Return the network whose neurons of the same direction and sign have become one.

        The merged neuron is balanced, and its mass is the sum of theirs; neurons without mass are dropped, all
        others stay as they are, in the order of their first members. The function stays, the objective never rises.

        Parameters
        ----------
        tolerance : float
            Unit vectors (of u_j and of the output weights) no further apart than this are the same. Neurons that
            are merged without being exactly collinear change the function by the order of their distance.
        """
        # Neurons whose direction and unit output vector agree are one neuron in several parts.
        members = self._with_neurons_at(self._root_masses() > 0)
        directions, balanced = members.directions, members.balanced()
        outputs = members._unit_outputs
        groups = group_rows(np.hstack([directions, outputs]), tolerance)
        neurons, weights = members.neurons.copy(), members._outputs.copy()
        for group in groups:
            if len(group) > 1:
                # The mass of the merged neuron is the sum of the masses: the root of a sum of squared roots.
                root = np.hypot.reduce(norms(balanced._outputs[group]))
                neurons[group[0]] = directions[group[0]] * root
                weights[group[0]] = outputs[group[0]] * root
        first = [group[0] for group in groups]
        return members._with_neurons(neurons[first], weights[first])

    def pruned(self, X: ArrayLike, tolerance: float = 1e-12) -> Self:
        """Return a balanced network with the same values on `X` whose fits are linearly independent.

        The masses move along null vectors of the fits ``([X, 1] u_j)_+ alpha_j`` until none is left: at most
        ``n_samples * n_outputs`` neurons remain. The total mass never rises, and so neither does the objective on `X`
        (the fit stays to rounding of the largest of the fits); away from `X` the function may change. At an optimum of
        one output the result is a vertex of the optimal set. Neurons whose fit is zero on `X` are dropped.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_inputs)
        tolerance : float
            Fits of unit norm are dependent where a singular value is at most `tolerance` times the largest.

        References
        ----------
        Kim, Mishkin, Pilanci, *Exploring the loss landscape of regularized neural networks via convex duality*,
        ICLR 2025, section 3 (irreducible solutions); Mishkin, Pilanci, *Optimal sets and solution paths of ReLU
        networks*, ICML 2023 (pruning).
        """
        X = self._check_inputs(X)
        units = self._unit_outputs
        # The fit of a neuron of mass one at every row and output, as one column.
        fits = (_relu(X, self.directions)[:, None, :] * units.T).reshape(len(X) * units.shape[1], self.width)
        roots = self._root_masses()
        # Masses relative to the largest: their ratios are all that counts, and the masses may leave float64.
        relative = (roots / max(roots.max(initial=0.0), np.finfo(float).tiny)) ** 2
        kept = prune_masses(fits, relative, tolerance)
        roots = roots * np.sqrt(kept / nonzero(relative))
        network = self._with_neurons(self.directions * roots[:, None], units * roots[:, None])
        return network._with_neurons_at(kept > 0)

    def permuted(self, order: ArrayLike) -> Self:
        """Return the network whose neuron k is neuron ``order[k]`` of this one; `order` permutes range(width)."""
        order = np.asarray(order)
        if order.shape != (self.width,) or not np.array_equal(np.sort(order), np.arange(self.width)):
            raise InvalidInputError(f"order must be a permutation of range({self.width}); got {order!r}.")
        return self._with_neurons_at(order.astype(int))

    def split(self, j: int, shares: ArrayLike) -> Self:
        """Return the network whose neuron `j` is split into several of the same direction and sign.

        Part k has the mass ``shares[k]`` times that of neuron j, and the same ratio ``||u|| / |alpha|``. The parts
        take the place of neuron j, in order; the function and the objective stay.

        Parameters
        ----------
        j : int
            From 0 to width - 1.
        shares : array-like of shape (n_parts,)
            Positive, of sum 1.
        """
        if check_count(j, "j", minimum=0) >= self.width:
            raise InvalidInputError(f"j must be a neuron from 0 to {self.width - 1}; got {j!r}.")
        shares = _finite(shares, "shares")
        if shares.ndim != 1 or not np.all(shares > 0) or abs(shares.sum() - 1) > 1e-8:
            raise InvalidInputError(f"shares must be a list of positive numbers of sum 1; got {shares!r}.")
        which = np.insert(np.arange(self.width), j, np.full(len(shares) - 1, j))
        # u and alpha scale by the root of the share, so that the mass scales by the share.
        roots = np.ones(len(which))
        roots[j : j + len(shares)] = np.sqrt(shares / shares.sum())
        return self._with_neurons(self.neurons[which] * roots[:, None], self._outputs[which] * roots[:, None])

    def padded(self, width: int) -> Self:
        """Return the network with zero neurons appended until it has `width` of them."""
        missing = check_count(width, "width", minimum=0) - self.width
        if missing < 0:
            raise InvalidInputError(
                f"width must be at least {self.width}, the number of neurons there are; got {width!r}. "
                f"Use pruned(X) to make a network narrower."
            )
        neurons, outputs = self.neurons, self._outputs
        return self._with_neurons(
            np.vstack([neurons, np.zeros((missing, neurons.shape[1]))]),
            np.vstack([outputs, np.zeros((missing, outputs.shape[1]))]),
        )

    def _with_neurons(self, neurons, outputs):
        """Return a network of these neurons (bias last) and outputs (width, n_outputs), with this one's free terms."""
        bias = None if self.hidden_bias is None else neurons[:, -1]
        return replace(
            self,
            hidden_weights=neurons[:, : self.n_inputs],
            output_weights=outputs.reshape(len(outputs), *self.output_weights.shape[1:]),
            hidden_bias=bias,
        )

    def _with_neurons_at(self, which):
        return self._with_neurons(self.neurons[which], self._outputs[which])

    def _shown(self):
        terms = (("hidden bias", self.hidden_bias), ("intercept", self.intercept), ("skip weights", self.skip_weights))
        return "TwoLayerReLU", [
            ("neurons", str(self.width)),
            ("inputs", str(self.n_inputs)),
            ("outputs", str(self._outputs.shape[1])),
            ("with", ", ".join(name for name, value in terms if value is not None) or "neither bias nor free terms"),
            ("total mass", f"{self.masses.sum():.6g}"),
        ]


def _relu(X, neurons):
    """Return ``(X u_j)_+``; neurons that are one entry longer than the rows of X end in a bias."""
    n_inputs = X.shape[1]
    values = X @ neurons[:, :n_inputs].T
    if neurons.shape[1] > n_inputs:
        values += neurons[:, n_inputs]
    return np.maximum(values, 0.0)


def _balance_exponents(neurons, outputs):
    """Shift powers of two between u_j and alpha_j until they are of a size: exact, and ``X u_j`` cannot overflow."""
    # ldexp is exact, and (X u 2^-k)_+ (alpha 2^k) = (X u)_+ alpha.
    exponent = np.frexp(norms(neurons))[1] - np.frexp(norms(outputs))[1]
    exponent = (exponent // 2)[:, None]
    return np.ldexp(neurons, -exponent), np.ldexp(outputs, exponent)


def group_rows(rows, tolerance):
    """Return lists of the indices of rows that are within `tolerance` of the first row of their list."""
    left = np.arange(len(rows))
    groups = []
    while len(left):
        # Compared with the first of the group, not with each other: groups cannot creep along a chain.
        close = np.abs(rows[left] - rows[left[0]]).max(axis=1) <= tolerance
        groups.append(left[close])
        left = left[~close]
    return groups


def _finite(values, name):
    """Return a float64 copy of `values` after checking that all of them are finite real numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise InvalidInputError(f"{name} must be an array of real numbers; got {values!r} of type {array.dtype}.")
    array = np.array(array, dtype=np.float64, order="C")
    if not np.all(np.isfinite(array)):
        raise InvalidInputError(f"{name} must be finite; got NaN or infinity in an array of shape {array.shape}.")
    return array


def _optional(values, name, shape):
    """Return None for None, else a checked copy of `values`, of shape `shape`."""
    if values is None:
        return None
    array = _finite(values, name)
    if array.shape != shape:
        raise InvalidInputError(f"{name} must have shape {shape}, or be None if absent; got shape {array.shape}.")
    return array
