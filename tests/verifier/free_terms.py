"""An exact basis of the free terms, mutually orthogonal, however nearly dependent the columns are."""

from math import gcd

import numpy as np

from .dyadic import column, dyadic

SHARE_BITS = 160  # of the coefficients by which a vector is moved along the basis


def free_columns(X, fit_intercept, skip_connection):
    """Return the columns of the free terms: X (skip), then ones (intercept)."""
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, : X.shape[1] * bool(skip_connection)], np.ones((len(X), int(bool(fit_intercept))))])


def exact_basis(free, weight):
    """Return integer vectors, exactly in the span of the columns of `free` and exactly orthogonal under the weights.

    What some real free terms give is what a combination of the basis gives: no near dependence is left to rounding.
    `weight` are integers.
    """
    integers, _ = dyadic(free)
    basis = []
    for k in reversed(range(integers.shape[1])):  # the ones first: what is left of other columns is small
        vector = integers[:, k]
        for other in basis:
            vector = (other @ (weight * other)) * vector - (other @ (weight * vector)) * other
        common = gcd(*(int(v) for v in vector))
        if common:
            basis.append(column([int(v) // common for v in vector]))
    return basis


def off_the_basis(vector, shift, basis, weight):
    """Return a dyadic vector less a dyadic combination of the basis that is its projection but for rounding."""
    for other in basis:
        size = other @ (weight * other)
        bits = SHARE_BITS + max(0, size.bit_length() - abs(other @ (weight * vector)).bit_length())
        share = ((other @ (weight * vector)) << bits) // size
        vector, shift = vector * (1 << bits) - share * other, shift + bits
    return vector, shift
