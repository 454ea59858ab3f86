"""A student of ReLU neurons that learns a teacher of ReLU neurons from Gaussian inputs: everything in closed form.

Conventions
-----------
The loss is ``F(W) = 1/2 E (sum_i (w_i^T x)_+ - sum_j (v_j^T x)_+)^2`` with ``x ~ N(0, I)``, the rows of W (n_students,
n_features) and V (n_teachers, n_features) being the neurons w_i and v_j; all output weights are 1.
For two neurons at the angle t, ``f(w, v) = E (w^T x)_+ (v^T x)_+ = |w| |v| (sin t + (pi - t) cos t) / (2 pi)``.
Source: Safran and Shamir, Spurious Local Minima are Common in Two-Layer ReLU Neural Networks (arXiv 1712.08968).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from .._utils.aliases import ArrayLike
from .._utils.norms import nonzero, norms
from .._utils.threads import one_blas_thread
from .._utils.validation import check_count
from ..exceptions import InvalidInputError, SolverError

# Newton's method for the symmetric point starts from these entries; e and f are those of k = 7, and scale as sqrt(7/k).
START_ENTRIES = {"a": 1.0, "b": -0.03, "c": -0.63, "e": 0.26, "f": 0.2}
# It has 50 steps, and ends with one of at most 1e-10: the error after it is rounding.
MAX_SYMMETRIC_STEPS, MAX_FINAL_STEP = 50, 1e-10
# Derivatives are central differences of 1e-6.
DIFFERENCE_STEP = 1e-6


def population_loss(W: ArrayLike, V: ArrayLike) -> float:
    """Return the loss of the student W for the teacher V on Gaussian inputs.

    ``F(W) = 1/2 sum_ij f(w_i, w_j) - sum_ij f(w_i, v_j) + 1/2 sum_ij f(v_i, v_j)`` with
    ``f(w, v) = |w| |v| (sin t + (pi - t) cos t) / (2 pi)``, t the angle between w and v.

    Parameters
    ----------
    W : array-like of shape (n_students, n_features)
        The student's neurons, none of them zero.
    V : array-like of shape (n_teachers, n_features)
        The teacher's neurons, none of them zero.

    Returns
    -------
    float
        Not below 0, and 0 at ``W = V``; its error is rounding of the three sums, not of their difference.

    Raises
    ------
    ValueError
        For bad input.

    References
    ----------
    Safran and Shamir, arXiv 1712.08968, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import population_loss
    >>> float(population_loss([[2.0, 0.0]], [[1.0, 0.0]]))  # 1/2 E (x_+)^2
    0.25
    """
    W, V = _check_pair(W, V)
    # F = 1/2 sum f(w, w') - sum f(w, v) + 1/2 sum f(v, v'); rounding may leave it below 0.
    own, cross, teacher = (_overlaps(_pairs(A, B)).sum() for A, B in ((W, W), (W, V), (V, V)))
    return max(float(0.5 * own - cross + 0.5 * teacher), 0.0)


def population_gradient(W: ArrayLike, V: ArrayLike) -> np.ndarray:
    """Return the gradient of `population_loss` with respect to W.

    Row i is ``w_i/2 + sum_{j != i} g(w_i, w_j) - sum_j g(w_i, v_j)`` with
    ``g(w, v) = (|v| sin t w/|w| + (pi - t) v) / (2 pi)``.

    Parameters
    ----------
    W : array-like of shape (n_students, n_features)
    V : array-like of shape (n_teachers, n_features)

    Returns
    -------
    ndarray of shape (n_students, n_features)

    Raises
    ------
    ValueError
        For bad input.
    """
    W, V = _check_pair(W, V)
    return _pulls(_pairs(W, W)) - _pulls(_pairs(W, V))


def population_hessian(W: ArrayLike, V: ArrayLike) -> np.ndarray:
    """Return the Hessian of `population_loss` with respect to ``W.ravel()``.

    With ``w^ = w/|w|``, ``n = (v^ - cos t w^)/sin t`` and ``m = (w^ - cos t v^)/sin t`` its blocks are
    ``H_ii = I/2 + sum_{j != i} h(w_i, w_j) - sum_j h(w_i, v_j)`` with
    ``h(w, v) = |v| sin t / (2 pi |w|) (I - w^ w^^T + n n^T)`` and, between two students,
    ``H_ij = ((pi - t) I + sin t (w^ v^^T + n m^T)) / (2 pi)``.

    Parameters
    ----------
    W : array-like of shape (n_students, n_features)
    V : array-like of shape (n_teachers, n_features)

    Returns
    -------
    ndarray of shape (n_students * n_features, n_students * n_features)
        Symmetric to the last bit. It is continuous at parallel and antipodal neurons.

    Raises
    ------
    ValueError
        For bad input.
    """
    W, V = _check_pair(W, V)
    n_students, n_features = W.shape
    own, cross = _pairs(W, W), _pairs(W, V)
    # The mixed blocks of all pairs; those on the diagonal are completed by h(w_i, w_j) and h(w_i, v_j).
    hessian = _mixed_blocks(own)
    hessian[np.arange(n_students), :, np.arange(n_students)] += _diagonal_blocks(own) - _diagonal_blocks(cross)
    hessian = hessian.reshape(n_students * n_features, n_students * n_features)
    return 0.5 * (hessian + hessian.T)


def symmetric_minimum(k: int) -> np.ndarray:
    """Return the spurious minimum with one bad neuron, for the teacher ``V = I``.

    Its gradient vanishes to rounding. It has five distinct entries: a on the diagonal of the k - 1 good neurons, b off
    it, c on that of the bad neuron, which comes last, e in the last column and f in the last row. It is a saddle for
    k = 3, 4, 5 and a local minimum above 0 for k = 6 to 20, which Safran and Shamir prove; for larger k see the
    smallest eigenvalue of `population_hessian`.

    Parameters
    ----------
    k : int
        Number of teachers, of students and of features, at least 3.

    Returns
    -------
    ndarray of shape (k, k)
        Rows are neurons.

    Raises
    ------
    ValueError
        For k below 3.
    SolverError
        When Newton's method does not get there.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import population_loss, symmetric_minimum
    >>> print(f"{population_loss(symmetric_minimum(6), np.eye(6)):.9f}")
    0.025080581
    """
    k = check_count(k, "k")
    if k < 3:
        raise InvalidInputError(f"k must be at least 3: the point has two good neurons beside the bad one; got {k}.")
    scale = np.sqrt(7.0 / k)
    entries = np.array(
        [
            START_ENTRIES["a"],
            START_ENTRIES["b"],
            START_ENTRIES["c"],
            scale * START_ENTRIES["e"],
            scale * START_ENTRIES["f"],
        ]
    )
    with one_blas_thread():
        for _ in range(MAX_SYMMETRIC_STEPS):
            step = np.linalg.solve(_symmetric_jacobian(entries, k), _symmetric_gradient(entries, k))
            entries = entries - step
            if np.abs(step).max() <= MAX_FINAL_STEP:
                return _symmetric(entries, k)
    raise SolverError(f"Newton's method did not find the symmetric point for k = {k}; its last step was {step}.")


class _Pairs(NamedTuple):
    """Every neuron of A against every neuron of B."""

    a: np.ndarray  # unit rows
    b: np.ndarray
    a_norms: np.ndarray
    b_norms: np.ndarray
    sin: np.ndarray  # (len(a), len(b))
    cos: np.ndarray
    rest: np.ndarray  # pi less the angle


def _pairs(A, B):
    """Angles from half the sums and differences of unit rows: exact at 0 and pi, where an arccosine loses digits."""
    a_norms, b_norms = norms(A), norms(B)
    a, b = A / a_norms[:, None], B / b_norms[:, None]
    # For unit vectors |a - b| = 2 sin(t/2) and |a + b| = 2 cos(t/2).
    half_sin, half_cos = 0.5 * cdist(a, b), 0.5 * cdist(a, -b)
    rest = 2.0 * np.arctan2(half_cos, half_sin)
    return _Pairs(a, b, a_norms, b_norms, 2.0 * half_sin * half_cos, half_cos**2 - half_sin**2, rest)


def _overlaps(pairs):
    """``f`` of every pair."""
    return np.outer(pairs.a_norms, pairs.b_norms) * (pairs.sin + pairs.rest * pairs.cos) / (2.0 * np.pi)


def _pulls(pairs):
    """``sum_j g(a_i, b_j)`` for every i."""
    along = (pairs.sin @ pairs.b_norms)[:, None] * pairs.a
    return (along + pairs.rest @ (pairs.b_norms[:, None] * pairs.b)) / (2.0 * np.pi)


def _normals(pairs):
    """The unit vectors ``n`` in the plane of a_i and b_j, perpendicular to a_i; 0 where there is no plane."""
    normals = pairs.b[None] - pairs.cos[:, :, None] * pairs.a[:, None]
    return normals / nonzero(np.linalg.norm(normals, axis=2))[:, :, None]


def _diagonal_blocks(pairs):
    """``sum_j h(a_i, b_j)`` for every i."""
    weight = pairs.sin * pairs.b_norms / (2.0 * np.pi * pairs.a_norms[:, None])
    normals = _normals(pairs)
    across = np.eye(pairs.a.shape[1]) - pairs.a[:, :, None] * pairs.a[:, None, :]
    return weight.sum(axis=1)[:, None, None] * across + np.swapaxes(normals, 1, 2) @ (weight[:, :, None] * normals)


def _mixed_blocks(own):
    """Derivatives of ``g(w_i, w_j)`` by w_j, of shape (n_students, n_features, n_students, n_features)."""
    n, d = own.a.shape
    normals = _normals(own)
    blocks = np.einsum("ij,ia,jb->iajb", own.sin, own.a, own.a)
    blocks += np.swapaxes((own.sin[:, :, None] * normals)[..., None] * np.swapaxes(normals, 0, 1)[:, :, None], 1, 2)
    blocks[:, np.arange(d), :, np.arange(d)] += own.rest
    return blocks / (2.0 * np.pi)


def _symmetric(entries, k):
    """The (k, k) weights with the five distinct entries a, b, c, e, f."""
    a, b, c, e, f = entries
    W = np.full((k, k), b)
    np.fill_diagonal(W, a)
    W[:, -1], W[-1] = e, f
    W[-1, -1] = c
    return W


def _symmetric_gradient(entries, k):
    """The five distinct entries of the gradient."""
    gradient = population_gradient(_symmetric(entries, k), np.eye(k))
    return gradient[[0, 0, -1, 0, -1], [0, 1, -1, -1, 0]]


def _symmetric_jacobian(entries, k):
    """Its derivatives: differences of an exact gradient, which do for the last digit and need no k^4 numbers."""
    columns = [
        _symmetric_gradient(entries + shift, k) - _symmetric_gradient(entries - shift, k)
        for shift in DIFFERENCE_STEP * np.eye(5)
    ]
    return np.column_stack(columns) / (2.0 * DIFFERENCE_STEP)


def _check_pair(W, V):
    """Return W and V as float64 arrays without zero rows, with as many columns."""
    W, V = check_neurons(W, "W"), check_neurons(V, "V")
    if W.shape[1] != V.shape[1]:
        raise InvalidInputError(
            f"W and V must have as many columns as there are inputs; got shapes {W.shape} and {V.shape}."
        )
    return W, V


def check_neurons(values, name):
    """Return neurons as a finite float64 array of two dimensions, without zero rows."""
    try:
        array = np.asarray(values)
        if np.iscomplexobj(array):
            raise TypeError("complex numbers")
        array = np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name} must be an array of real numbers; got {error}.") from error
    if array.ndim != 2 or array.size == 0:
        raise InvalidInputError(f"{name} must have shape (n_neurons, n_features), not empty; got shape {array.shape}.")
    if not np.all(np.isfinite(array)):
        raise InvalidInputError(f"{name} must be finite; it contains NaN or infinity.")
    zero = ~array.any(axis=1)
    if zero.any():
        raise InvalidInputError(
            f"{name} must have no zero row: the loss has a kink there; row {zero.argmax()} is zero."
        )
    return array
