"""The price function of a proof file in float64, beside the whole numbers that the checker reads it in."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .._utils.norms import unit_rows
from ..duality.branch_and_bound import MAX_RANK
from ..exceptions import InvalidInputError
from .checker import spans
from .exact import independent_rows

BASIS_BITS = 20  # entries of the basis are whole numbers of about 20 bits


@dataclass(frozen=True)
class Lines:
    """``N^T (X u)_+`` over `scale` in orthonormal coordinates of the row space, ``u = coordinates q``.

    It is ``linear q + sum_l weights_l (units_l . q)_+``.

    Attributes
    ----------
    basis : ndarray of shape (r, d) of int
        Generators of the first cones, up to their signs; they span the row space exactly.
    units : ndarray of shape (L, r)
        Unit rows.
    weights : ndarray of shape (L, c)
    linear : ndarray of shape (c, r)
    coordinates : ndarray of shape (d, r)
        Orthonormal columns.
    scale : float
    """

    basis: np.ndarray
    units: np.ndarray
    weights: np.ndarray
    linear: np.ndarray
    coordinates: np.ndarray
    scale: float

    @property
    def rank(self):
        """Dimension of the row space."""
        return len(self.basis)

    def generators(self, orthant):
        """Return the unit generators (r, r) of an orthant of the basis, and their sizes (r,) up to a common factor."""
        signs = 1.0 - 2.0 * (orthant >> np.arange(self.rank) & 1)
        units, norms, lengths = _unit_floats(self.basis)
        sizes = norms * np.array([length / max(lengths) for length in lengths])
        return unit_rows(signs[:, None] * units @ self.coordinates)[0], sizes


def make_lines(lines, coefficients, linear, unit):
    """Return the `Lines` of the whole numbers that `checker.exact_function` returns.

    Raises
    ------
    InvalidInputError
        Where the rank is above 13.
    """
    units, norms, lengths = _unit_floats(lines)
    basis, coordinates = _basis(lines, units, linear)
    if len(basis) > MAX_RANK:
        raise InvalidInputError(f"X must have rank at most {MAX_RANK} for a tree of cones; got rank {len(basis)}.")
    # Coefficients times the sizes of their lines, over the largest of them.
    amounts = [[entry * length for entry in row] for row, length in zip(coefficients.tolist(), lengths, strict=True)]
    largest = max((abs(entry) for row in (*amounts, *linear.tolist()) for entry in row), default=0) or 1
    weights = np.array([[entry / largest for entry in row] for row in amounts]).reshape(coefficients.shape)
    flat = np.array([[entry / largest for entry in row] for row in linear.tolist()]) @ coordinates
    return Lines(basis, units @ coordinates, norms[:, None] * weights, flat, coordinates, float(largest * unit))


def _unit_floats(rows):
    """Return unit rows of integers, whatever their size: floats (L, d), and ``norms * lengths`` which they are over.

    The lengths are integers, the largest entries of the rows.
    """
    lengths = [max(map(abs, row)) or 1 for row in rows.tolist()]
    floats = [[entry / length for entry in row] for row, length in zip(rows.tolist(), lengths, strict=True)]
    return *unit_rows(np.array(floats).reshape(rows.shape)), lengths


def _basis(lines, units, linear):
    """Return integers (r, d) that span all rows exactly and are nearly orthogonal, and orthonormal columns (d, r)."""
    linear = linear[[any(row) for row in linear.tolist()]]
    rows, floats = np.vstack([lines, linear]), np.vstack([units, _unit_floats(linear)[0]])
    d, pivots = rows.shape[1], independent_rows(rows, floats)
    if len(pivots) == d:
        coordinates = np.linalg.svd(floats, full_matrices=False)[2].T
        basis = np.rint(coordinates.T * 2.0**BASIS_BITS).astype(np.int64).astype(object)
        return basis, coordinates
    # In a subspace: combinations of independent rows, which lie in it exactly, near an orthonormal basis of it.
    chosen, lengths = floats[pivots], _unit_floats(rows[pivots])[2]
    coordinates = np.linalg.qr(chosen.T)[0]
    shares = np.linalg.lstsq(chosen.T, coordinates, rcond=None)[0].T.tolist()
    sizes = [Fraction(max(lengths, default=1) << BASIS_BITS, length) for length in lengths]
    whole = [[round(Fraction(share) * size) for share, size in zip(row, sizes, strict=True)] for row in shares]
    basis = np.array(whole, dtype=object).reshape(len(pivots), len(pivots)) @ rows[pivots]
    return (basis, coordinates) if spans(basis, rows) else (rows[pivots], coordinates)
