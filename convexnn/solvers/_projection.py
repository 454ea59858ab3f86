"""Compiled projections on the cones of given patterns.

The cone of a pattern is ``{u : side_l rows_l . u >= 0 for every l}``, `side` being 1 where the pattern is active and
-1 elsewhere. By Moreau the projection of g is the residual of the non-negative least squares problem
``min_{forces >= 0} ||g + sum_k forces_k side_k rows_k||``, solved by an active set (Lawson and Hanson) from the rows
that held the last time. *Any* non-negative forces give a residual whose norm bounds ``max g . u`` over the unit vectors
of the cone, so a projection may end as soon as that norm falls to the level of interest.
"""

import numpy as np

from .._utils.kernels import compiled
from ..duality.kernels.concave import MIN_INDEPENDENT_PART, add_scaled, copy, dot, enter, leave, products

MAX_VIOLATION = 1e-13  # relative: a row that is violated by less is not
MAX_CHANGES_PER_INPUT = 20  # after 20 changes of the rows held per input, and 100 more, rounding is to blame


@compiled
def _orthonormalise_held(rows, held, forces, n_held, basis, triangle):
    """Orthonormalise the rows held; return how many of them, in order, are independent."""
    n = 0
    for k in range(n_held):
        held[n], forces[n] = held[k], forces[k]
        if enter(rows[held[n]], basis, triangle, n, MIN_INDEPENDENT_PART):
            n += 1
    return n


@compiled
def _write_wanted(side, g, held, n_held, basis, triangle, wanted):
    """Write the forces that would make the residual orthogonal to every row held."""
    for k in range(n_held - 1, -1, -1):
        value = -dot(basis[k], g)
        for j in range(k + 1, n_held):
            value -= triangle[k, j] * wanted[j] * side[held[j]]
        wanted[k] = value / triangle[k, k] * side[held[k]]


@compiled
def _best_forces(side, g, held, forces, n_held, basis, triangle, wanted):
    """Walk to the best forces on the rows held, letting go of those that would turn negative; return how many stay."""
    while n_held > 0:
        _write_wanted(side, g, held, n_held, basis, triangle, wanted)
        # As far towards the wanted forces as none turns negative; the one that would is let go.
        step, blocking = 1.0, -1
        for k in range(n_held):
            if wanted[k] < 0.0:
                room = forces[k] / (forces[k] - wanted[k])
                if room < step:
                    step, blocking = room, k
        for k in range(n_held):
            forces[k] += step * (wanted[k] - forces[k])
        if blocking < 0:
            break
        for k in range(blocking, n_held - 1):
            held[k], forces[k] = held[k + 1], forces[k + 1]
        leave(basis, triangle, blocking, n_held)
        n_held -= 1
    return n_held


@compiled
def _most_violated(side, values, tolerance):
    """Return the row on whose wrong side the point lies furthest (-1: none)."""
    worst, entering = tolerance, -1
    for l in range(side.size):
        if -side[l] * values[l] > worst:
            worst, entering = -side[l] * values[l], l
    return entering


@compiled
def _project(rows, transposed, side, g, level, held, forces, n_held, residual, scratch):
    """Write the projection of g on the cone, or a residual of norm at most `level`.

    Returns how many rows hold it and whether it is one of the two; if not its norm is still a bound.
    """
    basis, triangle, wanted, values = scratch
    n_held, fresh = _orthonormalise_held(rows, held, forces, n_held, basis, triangle), True
    for _ in range(MAX_CHANGES_PER_INPUT * g.size + 100):
        before = n_held
        n_held = _best_forces(side, g, held, forces, n_held, basis, triangle, wanted)
        fresh = fresh and n_held == before
        # The residual g + sum forces side rows: any non-negative forces bound the maximum by its norm.
        copy(g, residual)
        for k in range(n_held):
            add_scaled(residual, forces[k] * side[held[k]], rows[held[k]])
        size = np.sqrt(dot(residual, residual))
        if size <= level:
            return n_held, True
        if n_held >= g.size:  # nothing but rounding is left
            break
        products(transposed, residual, values)
        slack = 0.0
        for k in range(n_held):
            slack, values[held[k]] = max(slack, abs(values[held[k]])), 0.0
        # The projection violates no row and is orthogonal to the rows held, both to rounding.
        entering = _most_violated(side, values, MAX_VIOLATION * size)
        if slack <= 10.0 * MAX_VIOLATION * size and entering < 0:
            return n_held, True
        # Else hold the row that is violated most; where that depends on those held, start the factors anew, once.
        if entering >= 0 and enter(rows[entering], basis, triangle, n_held, MIN_INDEPENDENT_PART):
            held[n_held], forces[n_held] = entering, 0.0
            n_held += 1
        elif fresh:
            break
        else:  # rotations have spent some digits
            n_held, fresh = _orthonormalise_held(rows, held, forces, n_held, basis, triangle), True
    return n_held, False


@compiled
def project_cones(rows, transposed, masks, gradients, level, held, forces, n_held, residuals, done):
    """Project every row of ``gradients (K, d)`` on the cone of the same row of ``masks (K, n)``.

    ``held (K, d)``, ``forces (K, d)`` and ``n_held (K,)`` are where to begin, and are overwritten; ``residuals (K, d)``
    are written, and ``done (K,)``, which is False where rounding has prevented a projection: the norm of the residual
    bounds the maximum even then. A residual of norm at most `level` need not be a projection.
    """
    n, d = rows.shape
    side = np.empty(n)
    scratch = (np.empty((d + 1, d)), np.empty((d + 1, d + 1)), np.empty(d + 1), np.empty(n))
    for k in range(masks.shape[0]):
        for l in range(n):
            side[l] = 1.0 if masks[k, l] else -1.0
        n_held[k], done[k] = _project(
            rows, transposed, side, gradients[k], level, held[k], forces[k], n_held[k], residuals[k], scratch
        )  # fmt: skip
