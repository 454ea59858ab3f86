"""Floats as integers over a power of two: sums and products are exact, and fast on numpy's arrays of objects.

A dyadic array is a pair ``(integers, shift)``, an array of Python integers that stand for ``integers / 2**shift``.
"""

from fractions import Fraction
from math import gcd, isqrt

import numpy as np

ROOT_BITS = 128  # of a square root's mantissa: an upper bound on it is too large by 2^-127 of itself


def dyadic(array):
    """Return the dyadic array of a float64 array."""
    array = np.asarray(array, dtype=np.float64)
    mantissa, exponent = np.frexp(array.ravel())
    whole = [int(m) for m in np.ldexp(mantissa, 53).astype(np.int64)]
    exponents = [int(e) - 53 for e in exponent]
    least = min((e for m, e in zip(whole, exponents, strict=True) if m), default=0)
    integers = np.empty(len(whole), dtype=object)
    integers[:] = [m << (e - least) if m else 0 for m, e in zip(whole, exponents, strict=True)]
    return integers.reshape(array.shape), -least


def fractions(integers, shift):
    """Return the rational numbers of a dyadic array, an array of the same shape."""
    values = np.empty(integers.size, dtype=object)
    values[:] = [ratio(int(k), shift) for k in integers.ravel()]
    return values.reshape(integers.shape)


def ratio(integer, shift):
    """Return ``integer / 2**shift``."""
    return Fraction(integer, 1 << shift) if shift >= 0 else Fraction(integer << -shift)


def exact(number):
    """Return the rational number that a float is."""
    return Fraction(float(number))


def root_above(square):
    """Return a rational number at least the square root of a Fraction, above it by a relative 2^-120 at most."""
    if square == 0:
        return Fraction(0)
    bits = max(0, 2 * ROOT_BITS - square.numerator.bit_length() + square.denominator.bit_length()) // 2
    scaled = (square.numerator << (2 * bits)) // square.denominator
    return Fraction(isqrt(scaled) + 1, 1 << bits)


def rounded(numbers):
    """Return rational numbers as floats, correctly rounded; infinite where they are too large."""
    return np.array([_rounded(number) for number in np.ravel(numbers)]).reshape(np.shape(numbers))


def _rounded(number):
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf


def reduced(vectors):
    """Return integer vectors (K, d) divided by the greatest common divisors of their entries, without zero vectors."""
    kept = []
    for vector in vectors:
        common = gcd(*(int(v) for v in vector))
        if common:
            kept.append([int(v) // common for v in vector])
    return as_integers(kept, vectors.shape[1])


def as_integers(rows, n_columns):
    """Return an array of objects of shape (len(rows), n_columns)."""
    answer = np.empty((len(rows), n_columns), dtype=object)
    for k, row in enumerate(rows):
        answer[k] = row
    return answer


def column(values):
    """Return a one-dimensional array of objects."""
    answer = np.empty(len(values), dtype=object)
    answer[:] = values
    return answer
