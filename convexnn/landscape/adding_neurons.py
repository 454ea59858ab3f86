"""What one more neuron does to a minimum of the teacher-student loss: a copy of a neuron makes it a saddle.

A student ``sum_i (w_i^T x)_+`` does not change when w_i is split into ``s w_i`` and ``(1 - s) w_i``: the point is
stationary again, in more dimensions. Apart from the directions that it had before, the two parts may move against each
other, ``+z`` and ``-z``, where the second derivative is ``z^T D_i z / (s (1 - s))`` with the splitting matrix D_i.
"""

from __future__ import annotations

import numbers

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from .teacher_student import check_neurons, population_hessian


def split_neuron(W: ArrayLike, index: int, share: float = 0.5) -> np.ndarray:
    """Return the student whose neuron `index` has become two, ``share w`` and ``(1 - share) w``.

    All output weights being 1, it is the same function and of the same loss, for every teacher; and its gradient
    vanishes where that of W does. For networks with output weights see `TwoLayerReLU.split`.

    Parameters
    ----------
    W : array-like of shape (n_students, n_features)
        Rows are neurons, none of them zero.
    index : int
        From 0 to n_students - 1.
    share : float
        Above 0 and below 1.

    Returns
    -------
    ndarray of shape (n_students + 1, n_features)
        The parts stand at `index` and ``index + 1``.

    Raises
    ------
    ValueError
        For bad input.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import population_hessian, split_neuron, symmetric_minimum
    >>> W = symmetric_minimum(6)  # its least eigenvalue is +.0047: a local minimum
    >>> saddle = split_neuron(W, 0)
    >>> print(f"{np.linalg.eigvalsh(population_hessian(saddle, np.eye(6)))[0]:.4f}")
    -0.2363
    """
    W = check_neurons(W, "W")
    if check_count(index, "index", minimum=0) >= len(W):
        raise InvalidInputError(f"index must be a neuron from 0 to {len(W) - 1}; got {index!r}.")
    if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0.0 < share < 1.0:
        raise InvalidInputError(f"share must be a number above 0 and below 1; got {share!r}.")
    rows = np.insert(W, index, W[index], axis=0)
    rows[index] *= share
    rows[index + 1] *= 1.0 - share
    return rows


def splitting_matrices(W: ArrayLike, V: ArrayLike) -> np.ndarray:
    """Return the matrices that say whether, and along what, a split neuron of the student falls.

    ``D_i = sum_{j != i} h(w_i, w_j) - sum_j h(w_i, v_j)``, with h as in `population_hessian`, whose diagonal blocks are
    ``I/2 + D_i``. At ``split_neuron(W, i, s)`` the second derivative of the loss along ``+z`` and ``-z`` for the two
    parts is ``z^T D_i z / (s (1 - s))``; along the unit vector ``(z, -z) / sqrt(2)`` it is half of that. Where
    the gradient vanishes, a split is therefore a strict saddle whenever D_i has an eigenvalue below 0, and with
    ``s = 1/2`` the eigenvalues of ``2 D_i`` are eigenvalues of the Hessian.

    Parameters
    ----------
    W : array-like of shape (n_students, n_features)
    V : array-like of shape (n_teachers, n_features)

    Returns
    -------
    ndarray of shape (n_students, n_features, n_features)
        Symmetric; ``D_i w_i = 0``.

    Raises
    ------
    ValueError
        For bad input.

    References
    ----------
    .. [1] I. Safran, G. Yehudai, O. Shamir, "The effects of mild over-parameterization on the optimization landscape of
       shallow ReLU neural networks", COLT 2021.
    .. [2] Q. Liu, L. Wu, D. Wang, "Splitting steepest descent for growing neural architectures", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import splitting_matrices, symmetric_minimum
    >>> least = 2 * np.linalg.eigvalsh(splitting_matrices(symmetric_minimum(6), np.eye(6)))[:, 0]
    >>> least.round(4).tolist()  # the last one is the bad neuron
    [-0.2363, -0.2363, -0.2363, -0.2363, -0.2363, -0.1808]
    """
    hessian = population_hessian(W, V)
    n, d = np.shape(W)
    blocks = hessian.reshape(n, d, n, d)[np.arange(n), :, np.arange(n)]
    return blocks - 0.5 * np.eye(d)
