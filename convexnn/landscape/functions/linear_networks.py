"""Linear networks of any depth and widths: the squared loss of a product of matrices, and what is known of it.

The function is not convex, but its landscape is known to the last critical value. At a critical point the product fits
the data as the least-squares fit does that is projected to some of the principal directions of that fit: setting the
slopes by the first and the last matrix to zero gives no other fits, whatever the data, so that the critical values are
finite in number. Which of these points are minima or saddles of which kind, `linear_points` says.

Conventions
-----------
X : (n_samples, n_features), Y : (n_samples, n_outputs); rows are samples.
matrices : V_1, ..., V_L, V_l of shape (d_l, d_(l-1)), d_0 = n_features, d_L = n_outputs: W_l, plus the identity where
    the layer has a skip connection.
product : P = V_L ... V_1, (n_outputs, n_features); the fit is ``X P'``.
slope : G = (P X' - Y') X, the gradient by the product.
above, below : V_L ... V_(l+1) and V_(l-1) ... V_1, the factors around layer l.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.display import counted
from ..._utils.norms import singular_rounding
from ..._utils.validation import check_count, check_design, check_flag, check_matrix, check_vector
from ...exceptions import InvalidInputError
from .base import SmoothFunction

# At most 100 000 sets of principal directions are listed, unless more are allowed.
MAX_SETS = 100_000
# The least-squares fit has no singular values below 1e-10 of ||Y||; those of X are judged as numpy does.
FIT_RANK_ROUNDING = 1e-10
# Eigenvalues of the explained covariance that differ by 1e-10 of the largest are one.
SAME_EIGENVALUE = 1e-10
# A product fits principal directions when its fit is that of them to 1e-3 of the least-squares fit.
FIT_ROUNDING = 1e-3


class LinearNetworkLoss(SmoothFunction):
    """The squared loss of a linear network, as a function of its matrices.

    The loss is ``1/2 ||X V_1' ... V_L' - Y||_F^2``. Without skip connections ``V_l = W_l``; a layer with one has
    ``V_l = I + W_l``. The weights are W_1, ..., W_L one after the other, each of shape (outputs, inputs) of its layer,
    row by row.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    Y : array-like of shape (n_samples, n_outputs) or (n_samples,)
    widths : sequence of int
        Numbers of hidden neurons, layer after layer; empty for one matrix.
    skip : bool or sequence of bool
        Which layers have a skip connection, one value for all or one a layer; their matrices must be square.

    Attributes
    ----------
    layer_widths : tuple of int
        d_0, ..., d_L.
    n_layers : int
        L.
    max_rank : int
        The largest rank p of the product: the least of all widths.
    optimal_value : float
        By reduced-rank regression: the residual of least squares, and half the eigenvalues beyond the first p.
    eigenvalues : ndarray of shape (n_outputs,)
        Of the explained covariance ``S = Y' X (X' X)^+ X' Y``, descending.
    principal_directions : ndarray of shape (n_outputs, n_outputs)
        Their eigenvectors, one a column.
    least_squares : ndarray of shape (n_outputs, n_features)
        The product of least norm that fits best when its rank is not limited.
    zero_value : float
        ``1/2 ||Y||_F^2``, the value where the product is 0.
    size : float
        ``||least_squares||_2^(1/L)``, the norm that every matrix of a balanced minimum has; 1 when that is 0.

    Raises
    ------
    ValueError
        For bad input, and for a skip connection of a layer whose matrix is not square.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import LinearNetworkLoss
    >>> loss = LinearNetworkLoss(np.eye(2), np.diag([2.0, 1.0]), widths=[2, 2])
    >>> loss.optimal_value, loss.n_weights
    (0.0, 12)
    >>> values, index_sets = loss.critical_values()
    >>> [f"{value:g}" for value in values], index_sets
    (['0', '0.5', '2', '2.5'], ((0, 1), (0,), (1,), ()))
    """

    optimal_value: float

    def __init__(
        self, X: ArrayLike, Y: ArrayLike, widths: Sequence[int], *, skip: bool | Sequence[bool] = False
    ) -> None:
        X = check_design(X)
        Y = check_vector(Y, len(X), "Y")[:, None] if np.ndim(Y) == 1 else check_matrix(Y, len(X), "Y")
        hidden = tuple(check_count(width, "every entry of widths") for width in _listed(widths))
        self.layer_widths = (X.shape[1], *hidden, Y.shape[1])
        self.n_layers, self.max_rank = len(hidden) + 1, min(self.layer_widths)
        self.shapes = tuple(zip(self.layer_widths[1:], self.layer_widths[:-1], strict=True))
        self.skip = _check_skip(skip, self.shapes)
        # Rows count through X' X, X' Y and Y' Y only: the triangle of X = Q R and Q' Y have the same.
        basis, self._root = np.linalg.qr(X)
        self._targets = basis.T @ Y
        self._outside = float(np.sum((Y - basis @ self._targets) ** 2))
        self._explain(X)
        # Natural units: of lengths, values and slopes; those of a loss without targets are of its quadratic part.
        self.size = float(np.linalg.norm(self.least_squares, 2) or 1.0) ** (1 / self.n_layers)
        self.zero_value = 0.5 * (self._unexplained + float(np.sum(self.eigenvalues)))
        self.value_unit = float(self.zero_value or 0.5 * np.sum(self._root**2) or 1.0)
        slope = self.least_squares @ self._root.T @ self._root
        self.slope_unit = float(np.linalg.norm(slope, 2) or np.linalg.norm(self._root, 2) ** 2 or 1.0)
        self.start_scale = self.size / np.sqrt(max(self.layer_widths))

    def _explain(self, X):
        """Set what least squares and the principal directions of its fit say."""
        left, singular, right = np.linalg.svd(self._root, full_matrices=False)
        kept = singular > singular_rounding(X, singular)
        self._row_space, self._singular = right[kept].T, singular[kept]
        inside = left[:, kept].T @ self._targets  # the fit, in an orthonormal basis of the columns of X
        self._unexplained = self._outside + float(np.sum((self._targets - left[:, kept] @ inside) ** 2))
        turns, sizes, directions = np.linalg.svd(inside)
        sizes[sizes <= FIT_RANK_ROUNDING * np.sqrt(self._outside + np.sum(self._targets**2))] = 0.0
        inside = (turns[:, : len(sizes)] * sizes) @ directions[: len(sizes)]
        self.least_squares = (self._row_space @ (inside / self._singular[:, None])).T
        n_outputs = self._targets.shape[1]
        self.eigenvalues = np.r_[sizes**2, np.zeros(n_outputs)][:n_outputs]
        self.principal_directions = directions.T
        self.n_explained = int(np.count_nonzero(sizes))
        self.optimal_value = 0.5 * (self._unexplained + float(np.sum(self.eigenvalues[self.max_rank :])))

    def __repr__(self):
        widths = " -> ".join(map(str, self.layer_widths))
        return f"LinearNetworkLoss({widths}, {counted(self.n_weights, 'weight')}, least value {self.optimal_value:.6g})"

    @property
    def is_generic(self) -> bool:
        """Whether theorems on saddles hold: full ranks of X and ``X' Y``, no more outputs than features, distinct
        eigenvalues."""
        n_features, n_outputs = self.layer_widths[0], self.layer_widths[-1]
        full = len(self._singular) == n_features and self.n_explained == n_outputs <= n_features
        return bool(full and np.all(-np.diff(self.eigenvalues) > SAME_EIGENVALUE * self.eigenvalues[0]))

    def matrices(self, weights: ArrayLike) -> list[np.ndarray]:
        """Return V_1, ..., V_L: the matrices W_l, the identity added where there is a skip connection."""
        parts = zip(self.unpack(weights), self.skip, strict=True)
        return [part + np.eye(len(part)) if skip else part for part, skip in parts]

    def from_matrices(self, matrices: Sequence[ArrayLike]) -> np.ndarray:
        """Return the weights whose `matrices` are these."""
        parts = [np.asarray(matrix, dtype=float) for matrix in matrices]
        return self.pack(*(p - np.eye(len(p)) if skip else p for p, skip in zip(parts, self.skip, strict=True)))

    def product(self, weights: ArrayLike) -> np.ndarray:
        """Return the product P of all matrices, of shape (n_outputs, n_features)."""
        return chain(self.matrices(weights), self.layer_widths[0])

    def value(self, weights: ArrayLike) -> float:
        """Return the loss at weights of shape (n_weights,)."""
        residual = self._root @ self.product(weights).T - self._targets
        return 0.5 * (self._outside + float(np.sum(residual**2)))

    def gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient, of shape (n_weights,): ``above' G below'`` for every layer."""
        matrices = self.matrices(weights)
        above, below = self.factors(matrices)
        slope = self.slope(below[-1])
        return np.concatenate([(a.T @ slope @ b.T).ravel() for a, b in zip(above, below[:-1], strict=True)])

    def hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian, of shape (n_weights, n_weights).

        The block of the layers l and k is ``(above_l' above_k) kron (below_l X' X below_k')``; for l > k the curvature
        of the product adds ``(above_l' G below_k')_ab (V_(l-1) ... V_(k+1))_ij`` between entry (a, i) of W_l and entry
        (j, b) of W_k.
        """
        matrices = self.matrices(weights)
        above, below = self.factors(matrices)
        slope, fits = self.slope(below[-1]), [self._root @ b.T for b in below[:-1]]
        blocks = [[np.zeros(0)] * self.n_layers for _ in matrices]
        for k in range(self.n_layers):
            blocks[k][k] = np.kron(above[k].T @ above[k], fits[k].T @ fits[k])
            between = np.eye(self.layer_widths[k + 1])
            for l in range(k + 1, self.n_layers):
                block = np.kron(above[l].T @ above[k], fits[l].T @ fits[k])
                bend = np.einsum("ab,ij->aijb", above[l].T @ slope @ below[k].T, between)
                blocks[l][k] = block + bend.reshape(block.shape)
                blocks[k][l] = blocks[l][k].T
                between = matrices[l] @ between
        return np.block(blocks)

    def factors(self, matrices: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the factors above and below every layer; those below have one more, the whole product."""
        below = [np.eye(self.layer_widths[0])]
        above = [np.eye(self.layer_widths[-1])]
        for matrix in matrices:
            below.append(matrix @ below[-1])
        for matrix in reversed(matrices[1:]):
            above.append(above[-1] @ matrix)
        return above[::-1], below

    def slope(self, product: np.ndarray) -> np.ndarray:
        """Return G = (P X' - Y') X, of shape (n_outputs, n_features)."""
        return (self._root @ product.T - self._targets).T @ self._root

    def fitted_directions(self, product: np.ndarray, tol: float = FIT_ROUNDING) -> tuple[int, ...] | None:
        """Return the indices S whose least-squares fit projected to the principal directions S is that of a product.

        None where the fit is no such projection, within `tol` of the whole fit: at products of no critical point, and
        at those of some where eigenvalues are equal.
        """
        kept, directions = self.n_explained, self.principal_directions
        fits = self._root @ (product.T @ directions)
        goals = self._root @ (self.least_squares.T @ directions[:, :kept])
        chosen = np.sum(fits[:, :kept] * goals, axis=0) > 0.5 * self.eigenvalues[:kept]
        fits[:, :kept] -= goals * chosen
        if np.linalg.norm(fits) > tol * max(np.linalg.norm(goals), np.sqrt(self.value_unit) * (kept == 0)):
            return None
        return tuple(np.flatnonzero(chosen).tolist())

    def critical_values(self, max_sets: int = MAX_SETS) -> tuple[np.ndarray, tuple[tuple[int, ...], ...]]:
        """Return all values at critical points, ascending, and for each the principal directions that are fitted.

        With the principal directions S the value is ``1/2 (||Y||^2 - sum_S lambda_i)``; S has at most `max_rank`
        members of positive eigenvalue, all of them when there is one matrix only. No assumption on the data is needed.

        Raises
        ------
        ValueError
            When there are more than `max_sets` sets.
        """
        max_sets, n = check_count(max_sets, "max_sets"), self.n_explained
        ranks = range(n, n + 1) if self.n_layers == 1 else range(min(self.max_rank, n) + 1)
        n_sets = sum(comb(n, rank) for rank in ranks)
        if n_sets > max_sets:
            raise InvalidInputError(f"there are {n_sets} sets of principal directions, above max_sets={max_sets}.")
        sets = [chosen for rank in ranks for chosen in combinations(range(n), rank)]
        missed = [np.delete(self.eigenvalues, chosen).sum() for chosen in sets]
        order = np.argsort(missed, kind="stable")
        return 0.5 * (self._unexplained + np.array(missed)[order]), tuple(sets[k] for k in order)

    def critical_point(self, index_set: Sequence[int], middle_rank: int | None = None) -> np.ndarray:
        """Return weights of a critical point that fits these principal directions and no others.

        The matrices are balanced, and zero beyond what is needed; neurons that need not do anything carry `size` from
        the second to the last but one matrix until the product of these has rank `middle_rank`.

        Parameters
        ----------
        index_set : sequence of int
            Distinct indices of positive `eigenvalues`, at most `max_rank` of them; with one matrix, all of them.
        middle_rank : int, optional
            Rank of V_(L-1) ... V_2, from the number of indices to the least hidden width; the number of indices unless
            given. Only for three matrices and more.

        Raises
        ------
        ValueError
            For bad input.
        """
        chosen, rank = self._check_set(index_set)
        if self.n_layers == 1:
            return self.from_matrices([self.least_squares])
        middle = self._check_middle(middle_rank, rank)
        left, sizes, right = np.linalg.svd(chosen @ chosen.T @ self.least_squares)
        root = sizes[:rank] ** (1 / self.n_layers)
        matrices = [np.zeros(shape) for shape in self.shapes]
        matrices[0][:rank] = root[:, None] * right[:rank]
        matrices[-1][:, :rank] = left[:, :rank] * root
        for matrix in matrices[1:-1]:
            matrix[range(middle), range(middle)] = np.r_[root, np.full(middle - rank, self.size)]
        return self.from_matrices(matrices)

    def _check_set(self, index_set):
        """Return the principal directions of a set of indices, one a column, and their number."""
        listed = [check_count(k, "every entry of index_set", minimum=0) for k in _listed(index_set, "index_set")]
        chosen, most = sorted(set(listed)), min(self.max_rank, self.n_explained)
        least = most if self.n_layers == 1 else 0
        above = [k for k in chosen if k >= self.n_explained]
        if above or len(chosen) != len(listed) or not least <= len(chosen) <= most:
            raise InvalidInputError(
                f"index_set must have {least} to {most} distinct indices below {self.n_explained}, the number of "
                f"positive eigenvalues; got {listed}."
            )
        return self.principal_directions[:, chosen], len(chosen)

    def _check_middle(self, middle_rank, rank):
        """Return the rank of the matrices between the first and the last."""
        most = min(self.layer_widths[1:-1])
        middle = rank if middle_rank is None else check_count(middle_rank, "middle_rank", minimum=rank)
        if middle > most or (middle_rank is not None and self.n_layers == 2):
            raise InvalidInputError(
                f"middle_rank must be at most {most}, the least hidden width, and None with two matrices; got "
                f"{middle_rank!r}."
            )
        return middle

    def pl_constant(self, weights: ArrayLike) -> float:
        """Return a number mu with ``1/2 ||gradient||^2 >= mu (value - least squares)`` at these weights.

        ``mu = lambda sum_l s(above_l)^2 s(below_l)^2`` with the least positive eigenvalue lambda of ``X' X``, s the
        least singular value that counts the zeros of matrices with too few columns, or rows. It is 0 when a layer is
        too narrow for the least-squares fit.
        """
        above, below = self.factors(self.matrices(weights))
        pairs = zip(above, below[:-1], strict=True)
        total = sum((_least(a.T) * _least(b @ self._row_space)) ** 2 for a, b in pairs)
        return float(self._least_curvature() * total)

    def pl_constant_in_ball(self, radius: float) -> float:
        """Return the bound of `pl_constant` from below in the ball ``||W_l||_2 <= radius`` of all layers.

        ``L (1 - radius)^(2 (L - 1)) lambda``, for square layers that all have skip connections: their singular values
        are at least 1 - radius. Points of the ball that are critical have the least value.

        Raises
        ------
        ValueError
            When a layer has no skip connection, and for a radius not in [0, 1).
        """
        if not all(self.skip):
            raise InvalidInputError("every layer must have a skip connection; pass skip=True and equal widths.")
        if not 0.0 <= radius < 1.0:
            raise InvalidInputError(f"radius must be at least 0 and below 1; got {radius!r}.")
        return float(self.n_layers * (1.0 - radius) ** (2 * (self.n_layers - 1)) * self._least_curvature())

    def _least_curvature(self):
        """Least positive eigenvalue of X' X; 0 when X is 0."""
        return self._singular.min(initial=np.inf) ** 2 if len(self._singular) else 0.0


def chain(matrices: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Return the product of matrices, the last one leftmost; the identity of this width when there are none."""
    product = np.eye(width)
    for matrix in matrices:
        product = matrix @ product
    return product


def _least(matrix):
    """Return the least of the singular values, one for each column: 0 for fewer rows than columns."""
    if matrix.shape[0] < matrix.shape[1]:
        return 0.0
    return np.linalg.svd(matrix, compute_uv=False).min(initial=np.inf) if matrix.shape[1] else 0.0


def _listed(values, name="widths"):
    """Return a sequence of integers as a list."""
    try:
        return list(values)
    except TypeError as error:
        raise InvalidInputError(f"{name} must be a sequence of integers; got {values!r}.") from error


def _check_skip(skip, shapes):
    """Return which layers have a skip connection, one bool for each."""
    flags = [skip] * len(shapes) if np.ndim(skip) == 0 else list(skip)
    if len(flags) != len(shapes):
        raise InvalidInputError(f"skip must be True, False or {len(shapes)} of them, one a layer; got {skip!r}.")
    flags = tuple(check_flag(flag, "skip") for flag in flags)
    for l, (flag, shape) in enumerate(zip(flags, shapes, strict=True), 1):
        if flag and shape[0] != shape[1]:
            raise InvalidInputError(f"skip must be False for layer {l}: its matrix of shape {shape} is not square.")
    return flags
