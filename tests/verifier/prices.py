"""Directions of large exact value: ``f(u) = |nu^T (X u)_+| / ||u||`` in integers, for integer directions u.

A claim that no unit direction is above U is refuted by one integer vector u with ``(nu^T (X u)_+)^2 > U^2 ||u||^2``.
Directions are not rounded: where columns of X are far from the origin or of very different size, the ones that matter
have entries that float64 cannot tell apart. Within a pattern the maximiser is the projection of ``X^T D nu`` onto the
null space of some rows; these projections and the rays, null vectors of d - 1 rows, are what is tried.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .dyadic import as_integers, dyadic, reduced

N_RANDOM = 24
N_CLIMBED = 6
MOST_SUBSETS = 120
ROUNDS = 3
TIES = 2  # rows on whose hyperplane a direction lies: both their signs are tried, of up to this many


@dataclass(frozen=True)
class Priced:
    """Integer directions (K, d), the largest value first, and their values as floats.

    `squares` are pairs of integers (numerator, denominator) of the exact squared values.
    """

    directions: np.ndarray
    values: np.ndarray
    squares: list

    def above(self, bound, tolerance):
        """Whether the first one's exact value is above the rational number ``(1 + tolerance) bound``."""
        if not self.squares:
            return False
        numerator, denominator = self.squares[0]
        limit = (1 + tolerance) * bound
        return numerator * limit.denominator**2 > limit.numerator**2 * denominator


class PriceSearch:
    """The exact price of points on one design (n, d), the ones column of a hidden bias included."""

    def __init__(self, design, rng):
        self.rng = rng
        self.rows, self.shift = dyadic(design)
        self.n_rows, self.n_inputs = design.shape
        self.subsets = self._subsets()
        self.fixed = self._fixed(design)

    def _subsets(self):
        """The sets of 0 to d - 2 rows to whose null spaces gradients are projected, as orthogonal integer vectors."""
        found = [np.empty((0, self.n_inputs), dtype=object)]
        for size in range(1, self.n_inputs - 1):
            chosen = list(combinations(range(self.n_rows), size))
            for rows in self._some(chosen, MOST_SUBSETS):
                basis = _orthogonal(self.rows[list(rows)])
                if len(basis) == size:
                    found.append(basis)
        return found

    def _some(self, items, most):
        if len(items) <= most:
            return items
        return [items[k] for k in self.rng.choice(len(items), most, replace=False)]

    def _fixed(self, design):
        """Rays, axes, rows and random directions, plain and whitened."""
        scaled = design / np.maximum(np.abs(design).max(axis=0), np.finfo(float).tiny)
        normal = self.rng.standard_normal((N_RANDOM, self.n_inputs))
        white = normal[:, : min(design.shape)] @ np.linalg.pinv(scaled)[:, : min(design.shape)].T
        white = white / np.maximum(np.abs(design).max(axis=0), np.finfo(float).tiny)
        floats = np.vstack([np.eye(self.n_inputs), normal, white])
        floats = floats[np.all(np.isfinite(floats), axis=1)]
        found = np.vstack([as_integers(self._rays(), self.n_inputs), dyadic_rows(floats), self.rows])
        return reduced(np.vstack([found, -found]))

    def _rays(self):
        chosen = list(combinations(range(self.n_rows), self.n_inputs - 1))
        return [_null_vector(self.rows[list(rows)]) for rows in self._some(chosen, 4 * MOST_SUBSETS)]

    def search(self, nu, directions=None):
        """Return the `Priced` directions of a point (n,) or (n, c), started from the fixed ones and from `directions`.

        The point is of floats or dyadic; `directions` (K, d) are integers or floats.
        """
        point, shift = nu if isinstance(nu, tuple) else dyadic(np.asarray(nu, dtype=float))
        point = point.reshape(self.n_rows, -1)
        pool = self.fixed
        if directions is not None and len(directions):
            given = directions if directions.dtype == object else dyadic_rows(directions)
            pool = np.vstack([pool, reduced(given)])
        best = self._valued(pool, point, shift, None)
        for _ in range(ROUNDS):
            before = best.values[0] if len(best.values) else 0.0
            best = self._valued(self._climbed(best.directions[:N_CLIMBED], point), point, shift, best)
            if not len(best.values) or best.values[0] <= before:
                break
        return best

    def reaches(self, nu, directions, value):
        """Whether the first of some float directions has at least a value, a rational number above 0."""
        point, shift = dyadic(np.asarray(nu, dtype=float).reshape(self.n_rows, -1))
        found = self._valued(dyadic_rows(directions), point, shift, None)
        top, bottom = found.squares[0]
        return top * value.denominator**2 >= value.numerator**2 * bottom

    def activations(self, directions):
        """Return ``(X u)_+ / ||u||`` for integer directions (K, d), floats of shape (n, K)."""
        values = np.maximum(self.rows @ directions.T, 0)
        bottoms = [int(b) for b in (directions * directions).sum(axis=1)]
        answer = np.empty(values.shape)
        for (i, k), v in np.ndenumerate(values):
            answer[i, k] = np.sqrt(_quotient(*_scaled(int(v) ** 2, bottoms[k], 2 * self.shift)))
        return answer

    def _valued(self, directions, point, shift, known):
        """Return the directions and the known ones, sorted by value."""
        sums = point.T @ np.maximum(self.rows @ directions.T, 0) if len(directions) else np.zeros((1, 0), dtype=object)
        tops = (sums * sums).sum(axis=0)
        bottoms = (directions * directions).sum(axis=1)
        squares = [_scaled(int(t), int(b), 2 * (self.shift + shift)) for t, b in zip(tops, bottoms, strict=True)]
        values = np.array([np.sqrt(_quotient(t, b)) for t, b in squares])
        if known is not None:
            directions = np.vstack([directions, known.directions])
            values, squares = np.concatenate([values, known.values]), squares + known.squares
        order = np.argsort(-values, kind="stable")[:400]
        return Priced(directions[order], values[order], [squares[k] for k in order])

    def _climbed(self, directions, point):
        """Projections of the gradients of the patterns at and around the directions."""
        found, seen = [], set()
        for pattern in self._patterns(directions):
            key = tuple(pattern)
            if key in seen:
                continue
            seen.add(key)
            gradients = (self.rows[pattern].T @ point[pattern]).T
            found += self._projected(gradients)
        return reduced(as_integers(found, self.n_inputs)) if found else np.zeros((0, self.n_inputs), dtype=object)

    def _patterns(self, directions):
        """The patterns of the directions; where one lies on hyperplanes, those of the cells around it."""
        for z in (self.rows @ directions.T).T:
            on = np.array([v > 0 for v in z])
            ties = np.flatnonzero([v == 0 for v in z])[:TIES]
            for mask in range(1 << len(ties)):
                pattern = on.copy()
                pattern[ties] = [bool(mask >> k & 1) for k in range(len(ties))]
                yield pattern

    def _projected(self, gradients):
        """Both signs of the maximisers over the null spaces of the subsets, without the cone's constraints."""
        if len(gradients) == 1:
            tops = [gradients[0]] * len(self.subsets)
        else:
            tops = self._singular(gradients)
        both = []
        for top, basis in zip(tops, self.subsets, strict=True):
            vector = top
            for row in basis:
                vector = (row @ row) * vector - (row @ vector) * row
            both += [list(vector), list(-vector)]
        return both

    def _singular(self, gradients):
        """The direction in every null space along which the gradients (c, d) together are longest, rounded."""
        biggest = max(abs(int(v)) for v in gradients.ravel()) or 1
        matrix = np.array([[int(v) / biggest for v in row] for row in gradients])
        tops = []
        for basis in self.subsets:
            inner = matrix
            for row in basis:
                unit = np.array([int(v) / max(abs(int(w)) for w in row) for v in row])
                unit /= np.linalg.norm(unit)
                inner = inner - np.outer(inner @ unit, unit)
            tops.append(dyadic(np.linalg.svd(inner)[2][0])[0])
        return tops


def dyadic_rows(directions):
    """Return float directions as integer vectors, each on a scale of its own."""
    return as_integers([dyadic(row)[0] for row in directions], directions.shape[1])


def _scaled(top, bottom, shift):
    return (top, bottom << shift) if shift >= 0 else (top << -shift, bottom)


def _quotient(top, bottom):
    try:
        return top / bottom
    except OverflowError:
        return np.inf


def _orthogonal(rows):
    """Exactly orthogonal integer vectors of the same span."""
    basis = []
    for vector in rows:
        for other in basis:
            vector = (other @ other) * vector - (other @ vector) * other
        kept = reduced(vector[None])
        basis += list(kept)
    return as_integers(basis, rows.shape[1])


def _null_vector(rows):
    """The vector of signed minors of d - 1 rows, orthogonal to all of them."""
    d = rows.shape[1]
    return [(-1) ** k * _determinant(np.delete(rows, k, axis=1)) for k in range(d)]


def _determinant(matrix):
    if matrix.shape[0] == 0:
        return 1
    if len(matrix) == 1:
        return int(matrix[0, 0])
    minors = [np.delete(matrix[1:], k, axis=1) for k in range(len(matrix))]
    return sum((-1) ** k * int(matrix[0, k]) * _determinant(minor) for k, minor in enumerate(minors))
