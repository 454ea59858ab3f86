"""The best masses for given directions: a small non-negative lasso, solved exactly by an active set."""

import numpy as np

from .._utils.kernels import compiled
from .factors import Factors

# Above 24 columns coordinate descent goes first, so that few enter the active set one by one.
MAX_COLUMNS_WITHOUT_DESCENT = 24
# Coordinate descent ends after 100 sweeps, or when no mass moves by more than 1e-9 of the largest.
MAX_LASSO_SWEEPS, MIN_MOVE_SHARE = 100, 1e-9
# All columns with at least 0.3 of the steepest slope enter at once.
JOINT_SLOPE_SHARE = 0.3
# The optimum is reached when no slope is above 1e-14 of ||target|| + beta: that is its rounding.
SLOPE_ROUNDING_SHARE = 1e-14
# A share below 1e-9 of a column gives no mass: it is the rounding of a solve with nearly dependent columns.
MIN_GIVING_SHARE = 1e-9
# A mass below 1e-15 of the largest, or of 1, has become zero on the way.
ZERO_MASS_SHARE = 1e-15


def best_masses(fits, target, beta, start=None):
    """Minimise ``1/2 ||target - fits c||^2 + beta sum(c)`` over ``c >= 0``.

    Parameters
    ----------
    fits : ndarray of shape (n_samples, K)
    target : ndarray of shape (n_samples,)
    beta : float
    start : ndarray of shape (K,), optional
        Non-negative masses to start from; the answer is never worse.

    Returns
    -------
    ndarray of shape (K,)

    Notes
    -----
    The active set method of Lawson and Hanson on the Gram matrix of the normalised columns. The columns in use stay
    independent: one that they already span to 1e-13 can only take the place of another. Where there are many columns
    coordinate descent goes first, so that few have to be taken in or left out one by one.
    """
    sizes = np.linalg.norm(fits, axis=0)
    sizes = np.where(sizes > 0, sizes, 1.0)
    columns = fits / sizes
    return _best(columns.T @ columns, columns.T @ target, sizes, np.linalg.norm(target), beta, start)


def masses_of_products(products, pulls, size, beta, start=None):
    """Return the `best_masses` of fits of which only the products ``fits^T fits`` and ``fits^T target`` are known.

    `size` is the norm of the target.
    """
    sizes = np.sqrt(np.diag(products))
    sizes = np.where(sizes > 0, sizes, 1.0)
    return _best(products / np.outer(sizes, sizes), pulls / sizes, sizes, size, beta, start)


def _best(gram, pulls, sizes, size, beta, start):
    """Return the best masses of normalised columns, whose norms were `sizes`."""
    linear, factors = pulls - beta / sizes, Factors(gram)
    masses = np.zeros(len(sizes)) if start is None else start * sizes
    if len(masses) > MAX_COLUMNS_WITHOUT_DESCENT:
        masses = _descend_coordinates(factors, linear, masses)
    return _solve(factors, linear, masses, SLOPE_ROUNDING_SHARE * (size + beta)) / sizes


def _descend_coordinates(factors, linear, masses):
    """Return the masses after some coordinate descent, as they were where that ends on dependent columns."""
    descended = masses.copy()
    _sweep(factors.gram, linear - factors.gram @ masses, descended, MAX_LASSO_SWEEPS)
    used = descended > 0
    return descended if not used.any() or factors.of(used) is not None else masses


@compiled
def _sweep(gram, slopes, masses, n_sweeps):
    """Coordinate descent on ``1/2 c^T gram c - linear^T c`` over ``c >= 0``, in place; diagonal 1 or 0.

    `slopes` are ``linear - gram c`` throughout.
    """
    for _ in range(n_sweeps):
        largest, moved = 0.0, 0.0
        for k in range(masses.size):
            mass = max(masses[k] + slopes[k], 0.0) if gram[k, k] > 0.5 else 0.0
            change = mass - masses[k]
            if change != 0.0:
                masses[k] = mass
                for j in range(masses.size):
                    slopes[j] -= change * gram[k, j]
            largest, moved = max(largest, mass), max(moved, abs(change))
        if moved <= MIN_MOVE_SHARE * largest:
            break


def _solve(factors, linear, masses, tolerance):
    """Minimise ``1/2 c^T gram c - linear^T c`` over ``c >= 0`` from the feasible point `masses`."""
    passive = masses > 0
    if passive.any() and factors.of(passive) is None:
        # The columns of the start are dependent: begin without any.
        passive[:], masses = False, np.zeros_like(masses)
    banned = np.zeros(len(masses), bool)
    for _ in range(10 * len(masses) + 10):
        # The minimum over the passive set, then the slopes of all other columns: linear - gram c.
        masses = _walk_to_minimum(factors, linear, masses, passive)
        slopes = linear - factors.gram @ masses
        slopes[passive | banned] = -np.inf
        largest = slopes.max(initial=-np.inf)
        if largest <= tolerance:
            break
        # Let the steepest columns in, all at once where they are independent.
        if _enter_together(factors, passive, slopes >= JOINT_SLOPE_SHARE * largest):
            continue
        # Otherwise the steepest alone; if those in use span it, it takes the place of one of them.
        entering = int(np.argmax(slopes))
        passive[entering] = True
        if factors.of(passive) is None:
            passive[entering] = False
            masses, banned[entering] = _exchange(factors, masses, passive, entering)
    return masses


def _enter_together(factors, passive, entering):
    """Let several columns into the passive set at once, in place, unless that would make it dependent."""
    wider = passive | entering
    if factors.of(wider) is None:
        return False
    passive[:] = wider
    return True


def _exchange(factors, masses, passive, entering):
    """Let a column in that those in use span: the fit stays while mass moves to it, until one of them is empty.

    Returns the new masses and whether that was impossible; edits `passive`.
    """
    index = np.flatnonzero(passive)
    shares = factors.of(passive).solve(factors.gram[index, entering])
    giving = np.flatnonzero(shares > MIN_GIVING_SHARE)
    if len(giving) == 0:
        return masses, True
    # The fit stays along c_entering += t, c_index -= t shares; t goes up to the first mass that is empty.
    ratios = masses[index[giving]] / shares[giving]
    leaving = index[giving[np.argmin(ratios)]]
    exchanged = passive.copy()
    exchanged[leaving], exchanged[entering] = False, True
    if factors.of(exchanged) is None:
        return masses, True
    moved = masses.copy()
    moved[index] = np.maximum(masses[index] - ratios.min() * shares, 0.0)
    moved[leaving], moved[entering] = 0.0, ratios.min()
    passive[:] = exchanged
    return moved, False


def _walk_to_minimum(factors, linear, masses, passive):
    """Walk to the minimum over the passive set, dropping masses that would turn negative; edits `passive`."""
    masses = masses.copy()
    while passive.any():
        index = np.flatnonzero(passive)
        wanted = factors.of(passive).solve(linear[index])
        if np.all(wanted > 0):
            masses[index] = wanted
            break
        if _drop_negative(factors, linear, masses, passive, wanted > 0):
            continue
        current = masses[index]
        falling = wanted <= 0
        # Go towards the minimum up to the first mass that reaches zero, and drop it.
        ratios = current[falling] / np.maximum(current[falling] - wanted[falling], 1e-300)
        step = min(1.0, float(ratios.min()))
        current = current + step * (wanted - current)
        out = falling & (current <= ZERO_MASS_SHARE * max(1.0, float(current.max())))
        out[np.flatnonzero(falling)[np.argmin(ratios)]] = True
        current[out] = 0.0
        masses[index] = np.maximum(current, 0.0)
        passive[index[out]] = False
    return masses


def _drop_negative(factors, linear, masses, passive, keep):
    """Drop all masses of the passive set but those of `keep` at once, again and again, if that ends lower.

    Edits `masses` and `passive` and returns True then; leaves both as they are otherwise.
    """
    index = np.flatnonzero(passive)
    while not np.all(keep) and np.any(keep):
        index = index[keep]
        trial = np.zeros_like(passive)
        trial[index] = True
        wanted = factors.of(trial).solve(linear[index])
        keep = wanted > 0
    # At the minimum over a set the value is -1/2 wanted . linear.
    lower = masses @ (0.5 * (factors.gram @ masses) - linear)
    if not np.any(keep) or -0.5 * float(wanted @ linear[index]) >= lower:
        return False
    masses[:], passive[:] = 0.0, False
    masses[index], passive[index] = wanted, True
    return True
