"""Dual points and the free terms: what of a vector is orthogonal to them, and what they leave of the targets."""

import numpy as np

from .._utils import double_double as dd
from .evaluation import FIT_ROUNDING

MAX_FREE_PART = 1e-10  # Newton's method may leave this share of a dual point along the free terms


def residual_of(y, free, coefficients):
    """Return ``y - free coefficients``, rounded once; y and the coefficients may have several columns."""
    targets, factors = y.reshape(len(y), -1), coefficients.reshape(len(coefficients), -1)
    # Large free terms cancel: products and sums have twice the digits, and only the residual is rounded.
    fits = [dd.total(dd.two_product(free.T, column[:, None])) for column in factors.T]
    none = np.zeros(len(y))
    rest = [dd.add((target, none), (-high, -low))[0] for target, (high, low) in zip(targets.T, fits, strict=True)]
    return np.column_stack(rest).reshape(y.shape)


def is_orthogonal(free, dual_point):
    """Whether a dual point is orthogonal to the free terms but for what Newton's method and rounding may leave."""
    # |Z^T nu| <= 1e-10 |Z|^T |nu|, and rounding of sums that cancel entirely.
    size, columns = np.abs(dual_point), np.abs(free)
    rounding = FIT_ROUNDING * np.multiply.outer(columns.max(axis=0, initial=0.0), size.sum(axis=0))
    return bool(np.all(np.abs(free.T @ dual_point) <= MAX_FREE_PART * (columns.T @ size) + rounding))


def without_free_part(free, dual_point, curvatures):
    """Return a dual point less its part along the free terms: what a Newton step of them would make of it.

    The columns of several outputs are taken one by one; `curvatures` has the shape of the dual point.
    Only entries with a curvature change, and none changes sign: those at an end of their domain stay in it. However
    small that part is, a bound is off by as much times the free terms that the best network has, and these may be
    large.
    """
    if free.shape[1] == 0:
        return dual_point
    if dual_point.ndim == 2:
        columns = zip(dual_point.T, curvatures.T, strict=True)
        return np.column_stack([without_free_part(free, *column) for column in columns])
    columns = free / np.maximum(np.abs(free).max(axis=0, initial=0.0), np.finfo(float).tiny)
    # A Newton step of the free terms b: nu - h Z (Z^T h Z)^-1 Z^T nu with the curvatures h.
    gram, answer = (columns.T * curvatures) @ columns, dual_point
    # The second pass takes off what rounding of the first has left.
    for _ in range(2):
        share = np.linalg.lstsq(gram, columns.T @ answer, rcond=1e-12)[0]
        answer = answer - curvatures * (columns @ share)
    return np.where(answer * dual_point < 0.0, 0.0, answer)
