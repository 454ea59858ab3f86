"""The tangent kernel of a network, its limit at infinite width, and the rates it promises.

Conventions
-----------
kernel : (n_samples, n_samples), ``K = J J^T`` with J the derivatives of the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.distance import cdist

from .._utils.aliases import ArrayLike, Seed
from .._utils.display import Shown
from .._utils.norms import nonzero, norms
from .._utils.validation import check_count, check_design, check_positive, check_symmetric
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ._weights import n_trained, pose_at
from .curvature import gradient_at, jacobian_at, refuse_neuron_kinks
from .descent import spawn

# A bound may be missed by 1e-12 of its size.
BOUND_ROUNDING = 1e-12


@dataclass(frozen=True, repr=False)
class PLStar(Shown):
    """The two sides of ``1/2 ||grad L||^2 >= lambda_min(K) L``; true when it holds.

    Attributes
    ----------
    half_square : float
        ``1/2 ||grad L||^2``.
    lambda_min, loss : float
    """

    half_square: float
    lambda_min: float
    loss: float

    @property
    def holds(self) -> bool:
        """Whether the inequality holds, to rounding."""
        bound = self.lambda_min * self.loss
        return bool(self.half_square >= bound - BOUND_ROUNDING * max(abs(bound), self.half_square))

    def __bool__(self):
        return self.holds

    def __repr__(self):
        return (
            f"PLStar({'holds' if self else 'does not hold'}: 1/2 ||grad||^2 {self.half_square:.4g}, "
            f"lambda_min {self.lambda_min:.4g} times loss {self.loss:.4g})"
        )

    def _shown(self):
        return f"PL*: {'holds' if self else 'does not hold'}", [
            ("half square", f"{self.half_square:.6g}"),
            ("lambda_min", f"{self.lambda_min:.6g}"),
            ("loss", f"{self.loss:.6g}"),
        ]


@dataclass(frozen=True, repr=False)
class RateCheck(Shown):
    """A trace of objectives beside ``(1 - mu / smoothness)^t`` times the first; true when none is above its bound.

    Attributes
    ----------
    bounds : ndarray of shape (n_records,)
    worst_ratio : float
        The largest objective divided by its bound.
    """

    bounds: np.ndarray
    worst_ratio: float

    @property
    def holds(self) -> bool:
        """Whether no objective is above its bound, to rounding."""
        return self.worst_ratio <= 1.0 + BOUND_ROUNDING

    def __bool__(self):
        return self.holds

    def _shown(self):
        return f"RateCheck: {'holds' if self else 'does not hold'}", [
            ("worst ratio", f"{self.worst_ratio:.6g}"),
            ("records", str(len(self.bounds))),
        ]

    def __repr__(self):
        verdict = "holds" if self else "does not hold"
        size, n_records = self.worst_ratio, len(self.bounds)
        return f"RateCheck({verdict}: objectives at most {size:.6g} of their bounds, {n_records} records)"


def tangent_kernel(network: TwoLayerReLU, X: ArrayLike, layers: Literal["both", "first"] = "both") -> np.ndarray:
    """Return the tangent kernel ``K = J J^T`` of a network on the rows of X.

    Parameters
    ----------
    network : TwoLayerReLU
        With one output.
    X : array-like of shape (n_samples, n_features)
    layers : {"both", "first"}
        Which weights J is the derivative in: all of them, the free terms too, or the hidden ones, whose kernel has
        the entries ``x_i^T x_k sum_j alpha_j^2 1[x_i^T u_j > 0, x_k^T u_j > 0]``.

    Returns
    -------
    ndarray of shape (n_samples, n_samples)

    Raises
    ------
    ValueError
        For bad input, and when a row lies on the hyperplane of a neuron.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> network = TwoLayerReLU([[1.0, 0.0]], [2.0])
    >>> tangent_kernel(network, [[1.0, 1.0], [3.0, 0.0]], layers="first")
    array([[ 8., 12.],
           [12., 36.]])
    """
    X = check_design(X)
    jacobian = _jacobian(network, X, np.zeros(len(X)), layers)
    return jacobian @ jacobian.T


def pl_star(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    *,
    layers: Literal["both", "first"] = "both",
    sample_weight: ArrayLike | None = None,
) -> PLStar:
    """Return the two sides of the PL* inequality of the squared loss at a network, beta = 0.

    ``L = 1/2 sum_i w_i (y_i - f(x_i))^2`` has ``1/2 ||grad L||^2 = 1/2 r^T K r >= lambda_min(K) L``, r being the
    residual and K the tangent kernel, both multiplied by the roots of the weights (rows of weight 0 are dropped).

    Parameters
    ----------
    network, X, layers
        As in `tangent_kernel`; the gradient is with respect to the same layers.
    y : array-like of shape (n_samples,)
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    PLStar

    References
    ----------
    Liu, Zhu, Belkin, *Loss landscapes and optimization in over-parameterized non-linear systems and neural networks*,
    Applied and Computational Harmonic Analysis 59, 2022.
    """
    problem = pose_at(network, X, y, 0.0, sample_weight=sample_weight)
    refuse_neuron_kinks(problem, network)
    n_weights = n_trained(network, layers)
    # grad L = J' r and K = J J', both with the roots of the weights: 1/2 ||grad L||^2 = 1/2 r' K r >= lambda_min L.
    jacobian = np.sqrt(problem.weight)[:, None] * jacobian_at(problem, network)[:, :n_weights]
    gradient = gradient_at(problem, network)[:n_weights]
    return PLStar(
        0.5 * float(gradient @ gradient),
        max(0.0, smallest_eigenvalue(jacobian @ jacobian.T)),
        float(problem.loss.value(problem.y, network.predict(problem.features), problem.weight)),
    )


def check_rate(objectives: ArrayLike, mu: float, smoothness: float, steps: ArrayLike | None = None) -> RateCheck:
    """Compare objectives of gradient descent with ``(1 - mu / smoothness)^t`` times the first of them.

    A function whose least value is 0, with ``1/2 ||grad||^2 >= mu f`` and a gradient of Lipschitz constant
    `smoothness`, is below that after t steps of size ``1 / smoothness``.

    Parameters
    ----------
    objectives : array-like of shape (n_records,)
    mu, smoothness : float
        ``0 < mu <= smoothness``.
    steps : array-like of shape (n_records,), optional
        The t of the objectives; by default 0, 1, 2, ...

    Returns
    -------
    RateCheck

    Examples
    --------
    >>> check_rate([1.0, 0.4, 0.2], mu=1.0, smoothness=2.0).holds
    True
    """
    objectives = np.asarray(objectives, dtype=float)
    steps = np.arange(len(objectives)) if steps is None else np.asarray(steps)
    if objectives.ndim != 1 or steps.shape != objectives.shape or len(steps) == 0:
        raise InvalidInputError(
            f"objectives and steps must be lists of one length, above 0; got shapes {objectives.shape}, {steps.shape}."
        )
    if np.any(np.diff(steps) < 0):
        raise InvalidInputError("steps must not decrease: the first record is the one that the bounds start from.")
    if check_positive(mu, "mu") > check_positive(smoothness, "smoothness"):
        raise InvalidInputError(f"mu must be at most smoothness, {smoothness:g}; got {mu:g}.")
    bounds = objectives[0] * (1.0 - mu / smoothness) ** (steps - steps[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        # A bound that has underflowed to 0 is kept by an objective of 0, and missed by any other.
        ratios = np.where(objectives <= bounds, np.minimum(objectives / nonzero(bounds), 1.0), objectives / bounds)
    return RateCheck(bounds, float(ratios.max()))


def ntk_limit(X: ArrayLike, *, hidden_bias: bool = False) -> np.ndarray:
    """Return the first layer's tangent kernel at infinite width, ``H_ij = x_i^T x_j (pi - angle_ij) / (2 pi)``.

    It is the limit of ``tangent_kernel(network, X, layers="first")`` for networks with u_j from N(0, I) and alpha_j =
    +-1/sqrt(width), such as `lazy_network` returns.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    hidden_bias : bool
        Whether the rows have a one appended.

    Returns
    -------
    ndarray of shape (n_samples, n_samples)

    References
    ----------
    Du, Zhai, Poczos, Singh, *Gradient descent provably optimizes over-parameterized neural networks*, 2018, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> ntk_limit([[1.0, 0.0], [0.5, np.sqrt(0.75)]]).round(6)
    array([[0.5     , 0.166667],
           [0.166667, 0.5     ]])
    """
    X = check_design(X)
    if hidden_bias:
        X = np.hstack([X, np.ones((len(X), 1))])
    rows = X / nonzero(norms(X))[:, None]
    # The angle from half the difference and the sum of unit rows: exact at 0 and pi, unlike an arccosine.
    angles = 2.0 * np.arctan2(cdist(rows, rows), cdist(rows, -rows))
    return X @ X.T * (np.pi - angles) / (2.0 * np.pi)


def lazy_network(n_inputs: int, width: int, *, hidden_bias: bool = False, random_state: Seed = None) -> TwoLayerReLU:
    """Return a random network of the lazy regime: u_j from N(0, I), alpha_j = +-1/sqrt(width).

    Parameters
    ----------
    n_inputs, width : int
    hidden_bias : bool
    random_state : int, numpy Generator, SeedSequence or None
        A Generator gives another network at every call.

    Returns
    -------
    TwoLayerReLU

    Raises
    ------
    ValueError
        For bad input.
    """
    n_inputs, width = check_count(n_inputs, "n_inputs"), check_count(width, "width")
    rng = spawn(random_state)(1)[0]
    neurons = rng.standard_normal((width, n_inputs + bool(hidden_bias)))
    outputs = rng.choice([-1.0, 1.0], width) / np.sqrt(width)
    return TwoLayerReLU(neurons[:, :n_inputs], outputs, hidden_bias=neurons[:, -1] if hidden_bias else None)


def kernel_distance(network: TwoLayerReLU, X: ArrayLike) -> float:
    """Return ``||H - H*||_2`` between the first layer's tangent kernel and its limit at infinite width.

    See `tangent_kernel` and `ntk_limit`.
    """
    limit = ntk_limit(X, hidden_bias=network.hidden_bias is not None)
    return _spectral_norm(tangent_kernel(network, X, layers="first") - limit)


def kernel_drift(
    start: TwoLayerReLU, end: TwoLayerReLU, X: ArrayLike, layers: Literal["both", "first"] = "both"
) -> float:
    """Return ``||K_end - K_start||_2 / ||K_start||_2``: how far training moved the tangent kernel; 0 if it is lazy."""
    before, after = (tangent_kernel(network, X, layers) for network in (start, end))
    # A drift relative to nothing has no size.
    if not before.any():
        raise InvalidInputError("start must have a tangent kernel other than 0; no weight of it changes the fit on X.")
    return _spectral_norm(after - before) / _spectral_norm(before)


def smallest_eigenvalue(kernel: np.ndarray) -> float:
    """Return the smallest eigenvalue of a symmetric matrix, lambda_min(K) of a kernel."""
    return float(np.linalg.eigvalsh(check_symmetric(kernel, "kernel"))[0])


def _spectral_norm(kernel):
    """Largest eigenvalue in size of a symmetric matrix."""
    return float(np.abs(np.linalg.eigvalsh(kernel)).max())


def _jacobian(network, X, y, layers):
    """Derivatives of the fit in the weights of the layers, at a smooth point."""
    problem = pose_at(network, X, y, 0.0)
    refuse_neuron_kinks(problem, network)
    return jacobian_at(problem, network)[:, : n_trained(network, layers)]
