"""The finite set of directions on which every optimal network puts its mass."""

from dataclasses import dataclass

import numpy as np

from ..duality.pricing import local_prices, search_price
from ..exceptions import SolverError

ACCEPTED = 1e-7
ROUNDING = 1e-9  # accepted values that differ by more may be different ones
DEPTH = 1e-6
MARGIN_STARTS = 2048


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
        1e-6 may be smaller than it is seen to be. At most the spread of the accepted values, where that is more than
        rounding: then some of them may be none.
    """

    directions: np.ndarray
    signs: np.ndarray
    margin: float


def optimal_directions(design, dual_point, beta, *, deadline=None, n_jobs=None):
    """Return the `OptimalDirections` of a dual point that is optimal to rounding.

    Raises
    ------
    SolverError
        When the search for all maximisers ended early, or the price of the dual point is not beta.
    """
    found = search_price(design, dual_point, proof="exact", depth=DEPTH, deadline=deadline, n_jobs=n_jobs)
    if found.proof != "exact":
        raise SolverError(
            f"the optimal directions could not be listed: the proof ended as {found.proof!r} after {found.n_nodes} "
            f"cones. Raise time_limit, or take fewer features: the search grows steeply with their number."
        )
    if found.value > beta * (1.0 + ACCEPTED):
        raise SolverError(
            f"the dual point is not optimal: its price exceeds beta by a factor of 1 + {found.value / beta - 1.0:.1e}."
        )
    accepted = found.local_values >= beta * (1.0 - ACCEPTED)
    *_, more = local_prices(design, dual_point, n_starts=MARGIN_STARTS, deadline=deadline, n_jobs=n_jobs)
    below = np.append(found.local_values[~accepted], more[more < beta * (1.0 - ACCEPTED)])
    margin = 1.0 - float(below.max()) / beta if len(below) else np.inf
    spread = 1.0 - float(found.local_values[accepted].min(initial=beta)) / beta
    margin = min(margin, spread) if spread > ROUNDING else margin
    return OptimalDirections(found.local_directions[accepted], found.local_signs[accepted], margin)
