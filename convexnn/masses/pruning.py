"""Masses moved along null vectors of the fits until the fits in use are linearly independent."""

import numpy as np

from .._utils.norms import norms


def prune_masses(fits, masses, tolerance=1e-12):
    """Return masses of the same total fit and no larger sum whose columns of `fits` are linearly independent.

    Parameters
    ----------
    fits : ndarray of shape (n_samples, n_columns)
        Fit of each neuron at mass one.
    masses : ndarray of shape (n_columns,)
        Non-negative.
    tolerance : float
        Columns of unit norm are dependent where a singular value is at most `tolerance` times the largest.

    Returns
    -------
    ndarray of shape (n_columns,)
        ``c >= 0`` with ``fits @ c = fits @ masses`` and ``c.sum() <= masses.sum()``, up to rounding.
    """
    *_, last = pruning_steps(fits, masses, tolerance)
    return last


def pruning_steps(fits, masses, tolerance=1e-12):
    """Yield the masses that `prune_masses` passes through; between two of them the way is straight.

    First the columns of zeros lose their mass. Then the masses move along null vectors of the columns in use, each
    oriented so that the sum of the masses does not rise (those that lower it most come first), until one is zero.
    """
    sizes = norms(fits.T)
    used = np.flatnonzero((masses > 0) & (sizes > 0))
    kept = np.zeros(len(masses))
    kept[used] = masses[used]
    yield kept
    if not len(used):
        return
    # Levels are masses times norms: columns of norm one make dependence a matter of directions only.
    sizes = sizes[used] / sizes[used].max()
    levels = masses[used] * sizes
    basis = _null_space(fits[:, used] / norms(fits[:, used].T), tolerance)
    while basis.shape[1]:
        # Move along a null vector up to the first level that is zero; its column leaves the null space.
        step = _descent(basis, sizes.min() / sizes)
        # Entries that do not fall by more than rounding never reach zero.
        falling = np.flatnonzero(step < -1e-13 * np.abs(step).max())
        reach = levels[falling] / -step[falling]
        first = falling[reach.argmin()]
        levels = np.maximum(levels + reach.min() * step, 0.0)
        levels[first] = 0.0
        basis = _vanishing_at(basis, first)
        kept = np.zeros(len(masses))
        kept[used] = levels / sizes
        yield kept


def _descent(basis, cost):
    """Return the null vector along which ``cost @ masses`` falls fastest, or any one if it falls along none."""
    step = -basis @ (basis.T @ cost)
    if np.linalg.norm(step) <= 1e-10 * np.linalg.norm(cost):
        step = basis[:, 0] * (1.0 if cost @ basis[:, 0] <= 0 else -1.0)
    return step / np.abs(step).max()


def _null_space(columns, tolerance):
    """Return an orthonormal basis of the null vectors of `columns`, of shape (n_columns, nullity)."""
    if columns.shape[0] > columns.shape[1]:
        columns = np.linalg.qr(columns, mode="r")
    _, values, rows = np.linalg.svd(columns, full_matrices=True)
    return rows[np.count_nonzero(values > tolerance * values[0]) :].T


def _vanishing_at(basis, index):
    """Return an orthonormal basis of the vectors of span(basis) whose entry `index` is zero: one column fewer."""
    mirror = basis[index].copy()
    # A Householder reflection of the basis puts the whole entry `index` into its first vector, which is dropped.
    mirror[0] += np.copysign(np.linalg.norm(mirror), mirror[0])
    reflected = basis - np.outer(basis @ mirror, mirror) * (2.0 / (mirror @ mirror))
    reflected[index] = 0.0
    return reflected[:, 1:]
