"""Matrices of low rank by their factors: factorisation, sensing and completion, where second-order points are global.

The identity behind it (the main lemma of Ge, Jin, Zheng 2017): for ``f = 1/4 ||A(U U^T - M)||^2``, ``M = U* U*^T`` and
``D = U - U*`` with the columns of U* rotated towards U,
``D' hess D = 1/2 ||A(D D^T)||^2 - 3/2 ||A(U U^T - M)||^2 + 4 <grad, D>``,
and ``||D D^T||^2 <= 2 ||U U^T - M||^2``: where the gradient is 0 and A nearly keeps norms, D is a way down.
"""

from __future__ import annotations

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.validation import check_flag, check_symmetric, finite_array
from ...exceptions import InvalidInputError
from .._weights import check_not_negative
from .low_rank import EntriesFunction, MeasuredFunction, check_measurements, check_penalty


class MatrixFactorization(EntriesFunction):
    """The squared distance of a matrix from a product of factors: ``1/4 ||M - U U^T||^2``, or of U and V.

    The second is ``1/2 ||M - U V^T||^2 + balance/8 ||U^T U - V^T V||^2``. Every second-order point is a global
    minimum, for any M [1]_, and `excess_bound` says how far above it approximate ones can be; for two factors with
    balance 1. With rank 1 the first is the search for the top eigenvector [2]_; the second with balance 0 is a linear
    network, see `LinearNetworkLoss`.

    Parameters
    ----------
    M : array-like of shape (n_rows, n_columns)
        Symmetric, but not necessarily positive, where `symmetric` is.
    rank : int
        Number of columns of the factors.
    symmetric : bool
        Whether one factor is on both sides.
    balance : float
        Weight of the term that keeps two factors of one size, 0 allowed.

    Attributes
    ----------
    optimal_value : float
        From the eigenvalues or the singular values of M.
    minimiser : ndarray of shape (n_weights,)
        Eigenvectors of the largest eigenvalues, multiplied by their roots; singular vectors in the same way.

    Raises
    ------
    ValueError
        For bad input, and for an M that is not symmetric where it should be.

    References
    ----------
    .. [1] R. Ge, C. Jin, Y. Zheng, "No spurious local minima in nonconvex low rank problems: a unified geometric
       analysis", ICML 2017.
    .. [2] T. Ma, "Why do local methods solve nonconvex problems?", in "Beyond the worst-case analysis of algorithms",
       2020, section 3.

    Examples
    --------
    >>> from convexnn.landscape import MatrixFactorization, second_order_points
    >>> function = MatrixFactorization([[2.0, 1.0], [1.0, 2.0]], rank=1)
    >>> second_order_points(function, random_state=0)
    SecondOrderPoints(20 second-order points from 20 starts, 20 of them global, 1 distinct value)
    >>> function.optimal_value
    0.25
    """

    share = 1.0

    def __init__(self, M: ArrayLike, rank: int, *, symmetric: bool = True, balance: float = 1.0) -> None:
        M = _check_matrix(M, check_flag(symmetric, "symmetric"))
        super().__init__(M, np.ones(M.shape, dtype=bool), rank, symmetric=symmetric)
        self.balance = check_not_negative(balance, "balance")
        # In the stacked factor W = (U; V): 1/2 ||M - U V^T||^2 + 1/8 ||..||^2 = 1/8 ||B - W W^T||^2 + a constant.
        n, k = M.shape
        self._stacked_matrix = M if symmetric else np.block([[np.zeros((n, n)), 2 * M], [2 * M.T, np.zeros((k, k))]])
        eigenvalues, vectors = np.linalg.eigh(self._stacked_matrix)
        # Factors may have more columns than M has rows: the columns that are too many have eigenvalues of 0.
        missing = max(0, self.rank - len(eigenvalues))
        self._eigenvalues = np.concatenate([eigenvalues[::-1][: self.rank], np.zeros(missing)])
        self._vectors = np.hstack([vectors[:, ::-1][:, : self.rank], np.zeros((len(vectors), missing))])
        self.minimiser = (self._vectors * np.sqrt(np.maximum(self._eigenvalues, 0.0))).ravel()
        self.optimal_value = self._least_value(M)

    def _least_value(self, M):
        """Return the least value: the eigenvalues, or the singular values, that no factor reaches."""
        if self.symmetric:
            left = np.linalg.eigvalsh(M)[::-1].copy()
            left[: self.rank] = np.minimum(left[: self.rank], 0.0)
            return 0.25 * float(left @ left)
        left = np.linalg.svd(M, compute_uv=False)[self.rank :]
        return 0.5 * float(left @ left)

    def excess_bound(self, eps: float, gamma: float) -> float:
        """Return by how much an (eps, gamma)-second-order point can be above the least value, at most.

        With the eigenvalues ``l_1 >= l_2 >= ...`` of M and the singular values s_k of U, every k up to the rank has
        ``s_k^2 >= l_k - h``, ``h = gamma + (2 eps^2)^(1/3)``: the way down behind it is "missing" of `directions`. So
        the value is at most ``h/2 sum_k (l_k)_+ + eps/2 ||U||`` above the least, and ``||U|| <=
        (rank (l_1)_+)^(1/2) + (rank eps)^(1/3)``. No gap between eigenvalues is needed, nor a positive M.

        Parameters
        ----------
        eps, gamma : float
            0 or above.

        Raises
        ------
        ValueError
            For two factors with another balance than 1: the derivation is in their stack.
        """
        eps, gamma = check_not_negative(eps, "eps"), check_not_negative(gamma, "gamma")
        # For two factors the function is half of the symmetric one in the stacked factor.
        part = 1.0 if self.symmetric else 0.5
        if not self.symmetric and self.balance != 1.0:
            raise InvalidInputError(f"balance must be 1 for this bound; got {self.balance:g}.")
        eps, gamma = eps / part, gamma / part
        largest = np.maximum(self._eigenvalues, 0.0)
        size = np.sqrt(self.rank * largest.max(initial=0.0)) + np.cbrt(self.rank * eps)
        return part * float(0.5 * (gamma + np.cbrt(2.0 * eps**2)) * largest.sum() + 0.5 * eps * size)

    def directions(self, weights: ArrayLike, minimiser: ArrayLike | None = None) -> dict[str, np.ndarray]:
        """Return the directions of the proofs, by name: "towards" the minimiser, and the "missing" eigenvector.

        The latter is ``v a^T``: a is the right singular vector of the factor whose squared singular value is farthest
        below its eigenvalue, and v is in the span of the eigenvectors up to that one, orthogonal to the directions of
        the larger singular values. It is longer the more is missing, and 0 where nothing is.
        """
        return super().directions(weights, minimiser) | {"missing": self._missing(np.vstack(self.unpack(weights)))}

    def _missing(self, stacked):
        """Return the direction of the eigenvector that is missed most in a stacked factor."""
        _, sizes, right = np.linalg.svd(stacked, full_matrices=True)
        squares = np.concatenate([sizes, np.zeros(self.rank - len(sizes))]) ** 2
        lacks = self._eigenvalues - squares
        k = int(lacks.argmax())
        if lacks[k] <= 0:
            return np.zeros(stacked.size)
        # A combination c of the first k + 1 eigenvectors that is orthogonal to U a_1, ..., U a_k: k conditions.
        larger = stacked @ right[:k].T
        combination = np.linalg.svd(larger.T @ self._vectors[:, : k + 1], full_matrices=True)[2][-1]
        vector = self._vectors[:, : k + 1] @ combination
        return np.sqrt(lacks[k]) * np.outer(vector, right[k]).ravel()


class MatrixSensing(MeasuredFunction):
    """The squared residuals of measurements ``b_i = <A_i, M>`` of a matrix of low rank, as a function of its factors.

    With m measurements ``1/(4 m) sum_i (<A_i, U U^T> - b_i)^2``, or ``1/(2 m) sum_i (<A_i, U V^T> - b_i)^2 +
    balance/8 ||U^T U - V^T V||^2``.
    Where the measurements nearly keep norms (restricted isometry of rank 2 r with delta below 1/5), every second-order
    point is global [1]_; for rank 1 a delta below 1/2 is enough, and 1/2 is not [2]_ [3]_. Which
    delta an A has is hard to know.

    Parameters
    ----------
    A : array-like of shape (n_measurements, n_rows, n_columns)
        With one factor only the symmetric parts count.
    b : array-like of shape (n_measurements,)
    rank : int
    symmetric : bool
        Whether one factor is on both sides.
    balance : float
        Weight of the term that keeps two factors of one size.
    minimiser : array-like of shape (n_weights,), optional
        Known factors of M; where their value is 0 it is the `optimal_value`.

    References
    ----------
    .. [1] R. Ge, C. Jin, Y. Zheng, "No spurious local minima in nonconvex low rank problems", ICML 2017, theorem 8.
    .. [2] R. Y. Zhang, C. Josz, S. Sojoudi, J. Lavaei, "How much restricted isometry is needed in nonconvex matrix
       recovery?", NeurIPS 2018.
    .. [3] R. Y. Zhang, S. Sojoudi, J. Lavaei, "Sharp restricted isometry bounds for the inexistence of spurious local
       minima in nonconvex matrix recovery", JMLR 20, 2019.
    """

    def __init__(
        self,
        A: ArrayLike,
        b: ArrayLike,
        rank: int,
        *,
        symmetric: bool = True,
        balance: float = 1.0,
        minimiser: ArrayLike | None = None,
    ) -> None:
        A, b = check_measurements(A, check_flag(symmetric, "symmetric")), finite_array(b, "b")
        if b.shape != A.shape[:1]:
            raise InvalidInputError(f"b must have shape ({len(A)},), one number per matrix of A; got {b.shape}.")
        super().__init__(A, b, rank, symmetric=symmetric)
        self.share, self.balance = 1.0 / len(A), check_not_negative(balance, "balance")
        self._set_minimiser(minimiser)


class MatrixCompletion(EntriesFunction):
    """The squared residuals of the known entries of a matrix of low rank, as a function of its factors.

    With p the share of entries that are known, ``1/(4 p) sum (M - U U^T)_ij^2`` over them, or ``1/(2 p) sum (M -
    U V^T)_ij^2 + balance/8 ||U^T U - V^T V||^2``; plus ``row_penalty sum_i (||u_i|| - row_bound)_+^4`` over the rows of
    the factors, without which some runs follow valleys to infinity. With enough random entries of an incoherent M every
    second-order point is global with high probability [1]_ [2]_.

    Parameters
    ----------
    M : array-like of shape (n_rows, n_columns)
        Entries that are not known may be anything, NaN too.
    mask : array-like of bool of shape (n_rows, n_columns)
        Which entries are known; symmetric where M is.
    rank : int
    symmetric : bool
        Whether one factor is on both sides.
    row_penalty, row_bound : float
        0 leaves the penalty out. The bound is free of charge for M when it is above the rows of its factors.
    balance : float
        Weight of the term that keeps two factors of one size.
    minimiser : array-like of shape (n_weights,), optional
        Known factors of M; where their value is 0 it is the `optimal_value`.

    References
    ----------
    .. [1] R. Ge, J. D. Lee, T. Ma, "Matrix completion has no spurious local minimum", NeurIPS 2016.
    .. [2] R. Ge, C. Jin, Y. Zheng, "No spurious local minima in nonconvex low rank problems", ICML 2017.
    """

    def __init__(
        self,
        M: ArrayLike,
        mask: ArrayLike,
        rank: int,
        *,
        symmetric: bool = True,
        row_penalty: float = 0.0,
        row_bound: float = 0.0,
        balance: float = 1.0,
        minimiser: ArrayLike | None = None,
    ) -> None:
        M, mask = np.asarray(M, dtype=float), np.asarray(mask)
        if M.ndim != 2 or mask.shape != M.shape or mask.dtype != bool or not mask.any():
            raise InvalidInputError(
                f"mask must be an array of bool of the shape of M with a True in it; got {mask.dtype} of shape "
                f"{mask.shape} beside {M.shape}."
            )
        M = _check_matrix(np.where(mask, M, 0.0), check_flag(symmetric, "symmetric"))
        if symmetric and np.any(mask != mask.T):
            raise InvalidInputError("mask must be symmetric; mask | mask.T is.")
        super().__init__(M, mask, rank, symmetric=symmetric)
        self.share, self.balance = mask.size / np.count_nonzero(mask), check_not_negative(balance, "balance")
        self.row_penalty, self.row_bound = check_penalty(row_penalty, row_bound)
        self._set_minimiser(minimiser)


def _check_matrix(M, symmetric):
    """Return a matrix as a finite array with two axes, not empty, symmetric where it should be."""
    M = finite_array(M, "M")
    if M.ndim != 2 or M.size == 0:
        raise InvalidInputError(f"M must be a matrix, not empty; got shape {M.shape}.")
    return check_symmetric(M, "M") if symmetric else M
