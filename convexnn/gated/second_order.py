"""Compiled algebra of second-order cones, a cone a row, and of masked copies of one design.

Conventions
-----------
x, s, z : (n_groups, 1 + n_inputs), one element of the second-order cone ``x_0 >= ||x_1:||`` a row.
eta, bar : (n_groups,) and (n_groups, 1 + n_inputs), the Nesterov-Todd scaling ``W = eta [[b_0, b'], [b, I + b b' / (1 +
    b_0)]]`` with ``b_0^2 - ||b||^2 = 1`` of every row, for which ``W z = W^-1 s``.
masks : (n_groups, n_samples) bool; `values` of the same shape.

The algebra is that of Vandenberghe, The CVXOPT linear and quadratic cone program solvers (2010), sections 4 and 5.
"""

import numpy as np

from .._utils.kernels import compiled

_compiled = compiled(error_model="numpy")


@_compiled
def tail_product(x, y, p):
    """Return ``x_1: . y_1:`` of row p."""
    total = 0.0
    for j in range(1, x.shape[1]):
        total += x[p, j] * y[p, j]
    return total


@_compiled
def determinant(x, p):
    """Return ``x_0^2 - ||x_1:||^2`` of row p, without cancellation near the border of the cone."""
    size = np.sqrt(tail_product(x, x, p))
    return (x[p, 0] - size) * (x[p, 0] + size)


@_compiled
def inner_product(x, y):
    """Return the sum of all entries of ``x * y``."""
    total = 0.0
    for p in range(x.shape[0]):
        total += x[p, 0] * y[p, 0] + tail_product(x, y, p)
    return total


@_compiled
def scaling_point(s, z):
    """Return (eta, bar) of two points inside the cones; not finite where one has left its cone."""
    eta, bar = np.empty(s.shape[0]), np.empty_like(s)
    for p in range(s.shape[0]):
        # The Nesterov-Todd point of s and z, both scaled to determinant one.
        root_s, root_z = np.sqrt(determinant(s, p)), np.sqrt(determinant(z, p))
        eta[p] = np.sqrt(root_s / root_z)
        cosine = (s[p, 0] * z[p, 0] + tail_product(s, z, p)) / (root_s * root_z)
        norm = np.sqrt(2.0 * (1.0 + cosine))
        bar[p, 0] = (s[p, 0] / root_s + z[p, 0] / root_z) / norm
        for j in range(1, s.shape[1]):
            bar[p, j] = (s[p, j] / root_s - z[p, j] / root_z) / norm
    return eta, bar


@_compiled
def scale(eta, bar, x):
    """Return ``W x``."""
    out = np.empty_like(x)
    for p in range(x.shape[0]):
        overlap = tail_product(bar, x, p)
        out[p, 0] = eta[p] * (bar[p, 0] * x[p, 0] + overlap)
        factor = x[p, 0] + overlap / (1.0 + bar[p, 0])
        for j in range(1, x.shape[1]):
            out[p, j] = eta[p] * (x[p, j] + factor * bar[p, j])
    return out


@_compiled
def unscale(eta, bar, x):
    """Return ``W^-1 x``."""
    out = np.empty_like(x)
    for p in range(x.shape[0]):
        overlap = tail_product(bar, x, p)
        out[p, 0] = (bar[p, 0] * x[p, 0] - overlap) / eta[p]
        factor = overlap / (1.0 + bar[p, 0]) - x[p, 0]
        for j in range(1, x.shape[1]):
            out[p, j] = (x[p, j] + factor * bar[p, j]) / eta[p]
    return out


@_compiled
def complete(eta, bar, u, ds, dw):
    """Return ``dz = (dt, dw)`` with dt such that the first entry of ``W dz + W^-1 ds`` is that of u."""
    dz = np.empty_like(u)
    for p in range(u.shape[0]):
        rest = (bar[p, 0] * ds[p, 0] - tail_product(bar, ds, p)) / eta[p]
        overlap = 0.0
        for j in range(1, u.shape[1]):
            dz[p, j] = dw[p, j - 1]
            overlap += bar[p, j] * dz[p, j]
        dz[p, 0] = ((u[p, 0] - rest) / eta[p] - overlap) / bar[p, 0]
    return dz


@_compiled
def corrected(point, x, y, level):
    """Return ``-point + point \\ (level e - x o y)`` in the Jordan algebra of the cones."""
    out = np.empty_like(x)
    for p in range(x.shape[0]):
        # The Jordan product x o y is (x . y, x_0 y_1: + y_0 x_1:).
        first = level - x[p, 0] * y[p, 0] - tail_product(x, y, p)
        overlap = 0.0
        for j in range(1, x.shape[1]):
            out[p, j] = -x[p, 0] * y[p, j] - y[p, 0] * x[p, j]
            overlap += point[p, j] * out[p, j]
        # Division by `point` in the Jordan algebra solves an arrow matrix.
        out[p, 0] = (point[p, 0] * first - overlap) / determinant(point, p)
        for j in range(1, x.shape[1]):
            out[p, j] = (out[p, j] - out[p, 0] * point[p, j]) / point[p, 0] - point[p, j]
        out[p, 0] -= point[p, 0]
    return out


@_compiled
def longest_step(x, dx):
    """Return the largest a with ``x + a dx`` in the cones, infinite if there is none: ``A a^2 + 2 B a + C = 0``."""
    longest = np.inf
    for p in range(x.shape[0]):
        A, C = dx[p, 0] ** 2 - tail_product(dx, dx, p), determinant(x, p)
        B = x[p, 0] * dx[p, 0] - tail_product(x, dx, p)
        # The smaller positive root, in the form that does not cancel.
        square = B * B - A * C
        if square >= 0.0 and B <= 0.0:
            longest = min(longest, C / (np.sqrt(square) - B)) if square > 0.0 or B < 0.0 else longest
        elif A < 0.0:
            longest = min(longest, -(B + np.sqrt(square)) / A)
    return longest


@_compiled
def add_masked(masks, values, total):
    """``total_i += sum_p masks_pi values_pi``, in place."""
    for p in range(masks.shape[0]):
        for i in range(masks.shape[1]):
            total[i] += masks[p, i] * values[p, i]


@_compiled
def masked_copies(masks, vector):
    """Return ``masks_pi vector_i``."""
    out = np.empty(masks.shape, vector.dtype)
    for p in range(masks.shape[0]):
        for i in range(masks.shape[1]):
            out[p, i] = masks[p, i] * vector[i]
    return out


@_compiled
def scaled_masks(masks, factors):
    """Return ``masks_pi factors_p``."""
    out = np.empty(masks.shape)
    for p in range(masks.shape[0]):
        for i in range(masks.shape[1]):
            out[p, i] = masks[p, i] * factors[p]
    return out


@_compiled
def mask_and_scale(masks, factors, values):
    """``values_pi *= masks_pi factors_p``, in place."""
    for p in range(masks.shape[0]):
        for i in range(masks.shape[1]):
            values[p, i] *= masks[p, i] * factors[p]


@_compiled
def multiply_lower(matrix, other):
    """``matrix_ij = matrix_ij other_ij + [i = j]`` for i >= j, in place on Fortran-ordered arrays."""
    for j in range(matrix.shape[0]):
        for i in range(j, matrix.shape[0]):
            matrix[i, j] *= other[i, j]
        matrix[j, j] += 1.0
