"""Compiled local ascent on the price: an active set walks to a local maximum of f on the unit ball.

Instead of f on the sphere the climb lowers ``q(u) = 1/2 ||u||^2 - f(u)``, a piecewise quadratic whose Hessian is the
identity everywhere: f is positively homogeneous, so the minimum of q on a ray is ``-f(u)^2 / 2`` for the unit vector u
of the ray, and local minima of q are local maxima of f. Every step goes towards the minimiser of the piece at hand and
stops, exactly, at the first local minimum on the way: inside a piece, or on a line with a negative coefficient (a
convex kink of q), which is then held. Lines with a positive coefficient are walked through. See `concave` for the
names; ``side`` says where the point lies of every line: 1 and -1, and 0 on the lines that are held.
"""

import numpy as np

from ..._utils.kernels import compiled
from ..._utils.sorting import STACK_SIZE, sort_order
from .concave import MIN_INDEPENDENT_PART, add_scaled, copy, dot, enter, evaluate, leave, products

MAX_KINK_VALUE = 1e-12  # a line lies on the point where its value, relative to the point's norm, is smaller


@compiled
def _cross(l, lines, coefficients, side, slope):
    """Change to the other side of a line, in place: `slope` is the gradient of f on the piece."""
    side[l] = -side[l]
    add_scaled(slope, side[l] * coefficients[l], lines[l])


@compiled
def _set_up(lines, transposed, coefficients, linear, u, values, side, slope):
    """Set up the sides and the gradient of f at the unit vector `u`, and give `u` a length that suits q."""
    products(transposed, u, values)
    copy(linear, slope)
    for l in range(side.size):
        # A convex line through the point is taken for on: f has a slope to that side, which an ascent may use.
        side[l] = 1.0 if values[l] > (-MAX_KINK_VALUE if coefficients[l] > 0.0 else 0.0) else -1.0
        if side[l] > 0.0:
            add_scaled(slope, coefficients[l], lines[l])
    # q is least on the ray at the length f(u) = slope . u; where that is small a share of the slope must do.
    length = max(dot(slope, u), 0.3 * np.sqrt(dot(slope, slope)))
    for i in range(u.size):
        u[i] *= length
    for l in range(values.size):
        values[l] *= length


@compiled
def _crossings(values, rates, side, crossed, times):
    """List the lines that a step of length one crosses and when; return their number."""
    count = 0
    for l in range(values.size):
        # Written whether or not the line is crossed, and overwritten in the latter case: no branch in the long loop.
        crossed[count] = l
        count += side[l] * (values[l] + rates[l]) < 0.0
    for j in range(count):
        l = crossed[j]
        times[j] = -values[l] / rates[l] if side[l] * values[l] > 0.0 else 0.0
    return count


@compiled
def _go_along(lines, coefficients, values, rates, side, slope, square, crossed, times, order, stack):
    """Go along the step to the first local minimum of q, crossing lines; return how far and on which line (-1: none).

    `square` is the squared length of the step: q falls at that rate at first, and at none at its end but for the
    lines that are crossed.
    """
    count = _crossings(values, rates, side, crossed, times)
    sort_order(times, count, order, stack)
    # The derivative of q along the step rises by `square` per unit of time, and jumps at every line that is crossed.
    rate, last = -square, 0.0
    for j in range(count):
        l, t = crossed[order[j]], times[order[j]]
        if rate + square * (t - last) >= 0.0:
            return last - rate / square, -1
        # Convex lines make q fall faster, concave ones slower; where it would rise the step ends, on the line.
        jump = -coefficients[l] * abs(rates[l])
        rate, last = rate + square * (t - last), t
        if rate + jump >= 0.0:
            return t, l
        rate += jump
        _cross(l, lines, coefficients, side, slope)
    return min(1.0, last - rate / square), -1


@compiled
def _hold(l, lines, coefficients, side, slope, held, n_held, basis, triangle):
    """Hold a line; False where the lines held leave no direction or where it depends on them."""
    if n_held >= slope.size - 1 or not enter(lines[l], basis, triangle, n_held, MIN_INDEPENDENT_PART):
        return False
    if side[l] > 0.0:
        add_scaled(slope, -coefficients[l], lines[l])
    side[l], held[n_held] = 0.0, l
    return True


@compiled
def _worst_held(coefficients, slope, held, n_held, basis, triangle, forces, tolerance):
    """Return which held line pushes with more than its coefficient allows, most of all (-1: none); writes the forces.

    At the minimum ``u = slope + sum_k forces_k lines_k`` with every force between the coefficient and 0.
    """
    worst, leaving = tolerance, -1
    # Back substitution in the triangle of Gram-Schmidt: the forces that hold the point on its lines.
    for k in range(n_held - 1, -1, -1):
        value = -dot(basis[k], slope)
        for j in range(k + 1, n_held):
            value -= triangle[k, j] * forces[j]
        forces[k] = value / triangle[k, k]
        # Held is a line only while its force is between its coefficient, which is negative, and 0.
        excess = max(forces[k], coefficients[held[k]] - forces[k])
        if excess > worst:
            worst, leaving = excess, k
    return leaving


@compiled
def _release(k, lines, coefficients, side, slope, held, n_held, basis, triangle, forces):
    """Let go of the k-th held line, to the side on which its force would be too much."""
    l = held[k]
    side[l] = 1.0 if forces[k] < 0.0 else -1.0
    if side[l] > 0.0:
        add_scaled(slope, coefficients[l], lines[l])
    for j in range(k, n_held - 1):
        held[j] = held[j + 1]
    leave(basis, triangle, k, n_held)


@compiled
def _leave_kink(lines, coefficients, values, side, slope, basis, n_held, tolerance):
    """Cross the first line with a positive coefficient on which the point just lies; False if there is none.

    Such a kink pushes to both sides: a point on it that is stationary seen from one is no maximum seen from the other.
    """
    for l in range(side.size):
        if coefficients[l] > 0.0 and abs(values[l]) <= tolerance:
            rest = 1.0
            for k in range(n_held):
                rest -= dot(basis[k], lines[l]) ** 2
            if rest > 1e-12:
                _cross(l, lines, coefficients, side, slope)
                return True
    return False


@compiled
def _write_piece_minimum(slope, basis, n_held, aim):
    """Write the minimiser of q on the piece, the gradient of f projected off the lines held (twice, for accuracy)."""
    copy(slope, aim)
    for _ in range(2):
        for k in range(n_held):
            add_scaled(aim, -dot(basis[k], aim), basis[k])
    return dot(aim, aim)


@compiled
def climb(lines, transposed, coefficients, linear, u, max_steps):
    """Climb from the unit vector `u`, in place, to a local maximiser of f on the ball; return its value.

    After `max_steps` steps it ends where it is. The value is f itself, evaluated at the end; 0 where f has no positive
    value on the piece that it ends in.
    """
    n, r = lines.shape
    values, rates, side, times = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    slope, aim, step, forces = np.empty(r), np.empty(r), np.empty(r), np.empty(r)
    basis, triangle = np.empty((r, r)), np.empty((r, r))
    crossed, held, n_held = np.empty(n + 1, np.int64), np.empty(r, np.int64), 0
    order, stack = np.empty(n, np.int64), np.empty(STACK_SIZE, np.int64)
    _set_up(lines, transposed, coefficients, linear, u, values, side, slope)
    for _ in range(max_steps):
        # The minimum of q on the piece is the gradient of f off the lines held.
        size = _write_piece_minimum(slope, basis, n_held, aim)
        # Nothing of the gradient is left along the piece: f has no positive value on it.
        if size <= 1e-24 * dot(slope, slope):
            return 0.0
        for i in range(r):
            step[i] = aim[i] - u[i]
        # Go towards it, up to the first local minimum of q on the way.
        square, reached, stop = dot(step, step), 1.0, -1
        if square > 1e-26 * size:
            products(transposed, step, rates)
            reached, stop = _go_along(
                lines, coefficients, values, rates, side, slope, square, crossed, times, order, stack
            )  # fmt: skip
            add_scaled(u, reached, step)
            add_scaled(values, reached, rates)
        # A concave line stops the step: hold it. At the minimum of the piece let a line go, or cross a convex kink.
        if stop >= 0:
            if not _hold(stop, lines, coefficients, side, slope, held, n_held, basis, triangle):
                return 0.0
            values[stop] = 0.0
            n_held += 1
        elif square <= 1e-26 * size:
            leaving = _worst_held(
                coefficients, slope, held, n_held, basis, triangle, forces, 1e-11 * np.sqrt(size)
            )  # fmt: skip
            if leaving >= 0:
                _release(leaving, lines, coefficients, side, slope, held, n_held, basis, triangle, forces)
                n_held -= 1
            elif not _leave_kink(
                lines, coefficients, values, side, slope, basis, n_held, MAX_KINK_VALUE * np.sqrt(size)
            ):  # fmt: skip
                break
    # The value is summed anew at the unit vector: what the steps have added up has rounding in it.
    size = np.sqrt(dot(u, u))
    if size == 0.0:
        return 0.0
    for i in range(r):
        u[i] /= size
    return evaluate(lines, coefficients, linear, u)


@compiled
def climb_all(lines, transposed, coefficients, linear, starts, max_steps):
    """Climb from every row of `starts`, in place, and return the values reached."""
    values = np.empty(starts.shape[0])
    for k in range(starts.shape[0]):
        values[k] = climb(lines, transposed, coefficients, linear, starts[k], max_steps)
    return values


@compiled
def distinct(points, signs, angle):
    """Return which rows of `points` differ from every earlier one of their sign by more than `angle` somewhere."""
    kept = np.empty(points.shape[0], np.bool_)
    for k in range(points.shape[0]):
        kept[k] = True
        for j in range(k):
            if kept[j] and signs[j] == signs[k]:
                largest = 0.0
                for i in range(points.shape[1]):
                    largest = max(largest, abs(points[k, i] - points[j, i]))
                    if largest > angle:
                        break
                if largest <= angle:
                    kept[k] = False
                    break
    return kept
