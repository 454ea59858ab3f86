"""The finite set of directions on which every optimal network puts its mass."""

from dataclasses import dataclass

import numpy as np

from ..duality.pricing import local_prices, search_price
from ..exceptions import SolverError

MORE_DIGITS = (
    "A larger beta, columns of one scale, or targets without digits that no network can reach leave more digits."
)
MAX_SHORTFALL = 1e-7  # the price of an optimal direction may seem to be this share of beta below it, at most,
MIN_SHORTFALL = 1e-10  # or this share where the dual point is known to rounding, but no less than
ROUNDINGS_PER_SHORTFALL = 100  # a hundred times the rounding of the price
MAX_PRICE_ERROR = 2e-8  # the price of the dual point may be this share of beta off it, on either side
MAX_DOUBT = 1e-6  # rounding may have changed the price of any direction by this share of beta,
MAX_OPTIMAL_DOUBT = 1e-8  # and that of a direction which may be optimal by this one
PRICE_TIE_ROUNDING = (
    64 * np.finfo(float).eps
)  # accepted values that differ by more of ``sum_i |nu_i| ||x_i||`` may differ,
SOLVER_ROUNDING = 1e-9  # or by more of beta where the dual point is only as good as the solver's
LISTING_DEPTH = 1e-6  # local maxima down to this share of beta below it are all listed
MARGIN_STARTS = 2048  # local ascents that look for those further below


@dataclass(frozen=True)
class OptimalDirections:
    """All maximisers of ``|nu^T (X u)_+|`` at the optimal dual point.

    Attributes
    ----------
    directions : ndarray of shape (K, n_inputs)
        Unit vectors.
    signs : ndarray of shape (K,)
        Sign of ``nu^T (X u)_+`` at each.
    margin : float
        ``1 - v / beta`` for the largest local maximum v below beta; inf when none was met. Local maxima within a
        millionth of beta are all found; those further below by thousands of local ascents, so that a margin above
        1e-6 may be smaller than it is seen to be. At most the spread of the accepted values, and what rounding may
        have done to one of them, where that is more than the rounding of the price itself: then some may be none.
        Where the dual point is not known to rounding, accepted values that differ by less than 1e-9 count as equal.
    """

    directions: np.ndarray
    signs: np.ndarray
    margin: float


def optimal_directions(design, point, doubt, beta, *, deadline=None, n_jobs=None):
    """Return the `OptimalDirections` of a dual point that is optimal to rounding.

    Parameters
    ----------
    design : ndarray of shape (n_samples, n_inputs)
    point : ndarray of shape (n_samples,)
        The dual point divided by beta: its price is one.
    doubt : ndarray of shape (n_samples, k) or None
        Bound on the rounding of the point, see `Optimum`.
    beta : float
        For messages only.

    Raises
    ------
    SolverError
        When the search for all maximisers ended early, the price of the dual point is not beta, or rounding may have
        moved a direction across the border.
    """
    found = search_price(design, point, proof="exact", depth=LISTING_DEPTH, deadline=deadline, n_jobs=n_jobs)
    if found.proof != "exact":
        raise SolverError(
            f"the optimal directions could not be listed: the proof ended as {found.proof!r} after {found.n_nodes} "
            f"cones. Raise time_limit, or take fewer features: the search grows steeply with their number."
        )
    if abs(found.value - 1.0) > MAX_PRICE_ERROR:
        raise SolverError(
            f"the optimal directions are not known: the price of the dual point should be beta={beta:g} and is beta "
            f"times 1 {found.value - 1.0:+.1e}. {MORE_DIGITS}"
        )
    # Local maxima beyond the depth of the list, for the margin only.
    others, _, values = local_prices(design, point, n_starts=MARGIN_STARTS, deadline=deadline, n_jobs=n_jobs)
    rounding = SOLVER_ROUNDING
    if doubt is not None:
        rounding = PRICE_TIE_ROUNDING * float(np.abs(point) @ np.linalg.norm(design, axis=1))
    # A direction is optimal when its price is one but for what rounding may have taken.
    level = 1.0 - (
        MAX_SHORTFALL if doubt is None else min(max(MIN_SHORTFALL, ROUNDINGS_PER_SHORTFALL * rounding), MAX_SHORTFALL)
    )
    doubts = _doubts(design, np.vstack([found.local_directions, others]), doubt)
    values = np.append(found.local_values, values)
    _refuse_open(values, doubts, level, beta)
    accepted = found.local_values >= level
    below = values[values < level]
    margin = 1.0 - float(below.max()) if len(below) else np.inf
    # If accepted prices differ by more than rounding, some of these directions may be none.
    unsure = doubts[: len(accepted)][accepted].max(initial=0.0)
    unsure = max(unsure, 1.0 - float(found.local_values[accepted].min(initial=1.0)))
    if unsure > rounding:
        margin = min(margin, unsure)
    return OptimalDirections(found.local_directions[accepted], found.local_signs[accepted], margin)


def _doubts(design, directions, doubt):
    """Bound the error of the price of every direction (K,) by the rounding of the dual point."""
    if doubt is None:
        return np.zeros(len(directions))
    return np.linalg.norm(np.maximum(directions @ design.T, 0.0) @ doubt, axis=1)


def _refuse_open(values, doubts, level, beta):
    """Refuse where rounding may have moved a direction across the level, or the dual point is hardly known at all."""
    is_open = np.where(values + 2.0 * doubts >= level, doubts > MAX_OPTIMAL_DOUBT, doubts > MAX_DOUBT)
    if is_open.any():
        raise SolverError(
            f"the optimal directions are not known: at beta={beta:g} float64 leaves the dual point, and the price of "
            f"some direction, open by {doubts[is_open].max():.1e} of beta. {MORE_DIGITS}"
        )
