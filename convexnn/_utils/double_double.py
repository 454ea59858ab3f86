"""Sums and products with twice the digits of float64: a number is the unevaluated sum of a high and a low part.

Every function works on whole arrays. A product of float64 numbers is exact but for underflow (Dekker 1971), a sum of
two pairs has a relative error of about 2^-104 of what is added (Knuth 1969). Entries stay below 1e290.
"""

import numpy as np

# A chain of up to 60 operations has an error of at most 2^-98 of the sizes added up.
EPSILON = 2.0**-98
# Veltkamp's constant 2^27 + 1 splits a float64 number into two halves of 26 bits.
SPLITTER = 134217729.0
# A step works on 32 768 numbers together: they stay in the cache.
ENTRIES_PER_STEP = 32_768


def two_sum(a, b):
    """Return (s, e) with ``s + e = a + b`` exactly and s its rounded value."""
    total = a + b
    added = total - a
    return total, (a - (total - added)) + (b - added)


def two_product(a, b):
    """Return (p, e) with ``p + e = a b`` exactly, unless it underflows, and p its rounded value."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _split(a), _split(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(a):
    scaled = SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def add(a, b):
    """Return the sum of two pairs."""
    high, low = two_sum(a[0], b[0])
    return _renormalised(high, low + (a[1] + b[1]))


def times(a, factor):
    """Return a pair times float64 numbers."""
    high, low = two_product(a[0], factor)
    return _renormalised(high, low + a[1] * factor)


def _renormalised(high, low):
    total = high + low
    return total, low - (total - high)


def total(terms):
    """Return the sum of a pair of arrays along their first axis, as a pair; they are added in a tree."""
    high, low = terms
    while len(high) > 1:
        half = len(high) // 2
        above = add((high[:half], low[:half]), (high[half : 2 * half], low[half : 2 * half]))
        if len(high) % 2:
            first = add((above[0][:1], above[1][:1]), (high[-1:], low[-1:]))
            above[0][:1], above[1][:1] = first
        high, low = above
    if len(high) == 0:
        return np.zeros(high.shape[1:]), np.zeros(high.shape[1:])
    return high[0], low[0]


def products(columns, vector):
    """Return ``columns^T vector`` in float64, for a pair of arrays (n, k) and float64 numbers (n,)."""
    high, low = columns
    step = max(64, ENTRIES_PER_STEP // max(1, high.shape[1]))
    answer = np.zeros(high.shape[1]), np.zeros(high.shape[1])
    for start in range(0, len(vector), step):
        part = slice(start, start + step)
        answer = add(answer, total(times((high[part], low[part]), vector[part, None])))
    return answer[0]


def relu_sums(rows, neurons, outputs):
    """Return ``(rows neurons^T)_+ outputs`` as a pair of shape (n, n_outputs), for float64 arrays."""
    answer = np.zeros((2, len(rows), outputs.shape[1]))
    step = max(1, ENTRIES_PER_STEP // max(1, neurons.size))
    for start in range(0, len(rows) if len(neurons) else 0, step):
        part = slice(start, start + step)
        high, low = total(two_product(rows[part].T[:, None], neurons.T[:, :, None]))
        on = ~(high <= 0.0)  # NaN, where entries above 1e290 overflow, stays NaN
        values = np.where(on, high, 0.0), np.where(on, low, 0.0)
        for k, column in enumerate(outputs.T):
            answer[:, part, k] = total(times(values, column[:, None]))
    return answer[0], answer[1]
