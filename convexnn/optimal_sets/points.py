"""Points of the polytope of optimal masses: the one of least norm, and random ones."""

import numpy as np
from scipy.optimize import nnls

STEPS_PER_DIMENSION = 20  # two points are 20 steps of hit and run per dimension apart


def least_norm_point(polytope):
    """Return the point (K,) of a `MassPolytope` with the smallest sum of squares; it is unique.

    With the least point p of the affine hull this is ``min ||z||`` over ``edges z >= -p``, which Lawson and Hanson
    turn into one non-negative least squares problem (Solving Least Squares Problems, chapter 23).
    """
    edges, inner = polytope.edges, polytope.inner
    least = inner - edges @ (edges.T @ inner)
    stack = np.vstack([edges.T, -least])
    wanted = np.append(np.zeros(edges.shape[1]), 1.0)
    residual = stack @ nnls(stack, wanted)[0] - wanted
    return _full(polytope, least - edges @ (residual[:-1] / residual[-1]))


def random_points(polytope, n_points, rng):
    """Return points (n_points, K) of a `MassPolytope`, nearly uniform and independent, by hit and run."""
    here, found = polytope.inner, []
    for _ in range(n_points):
        for _ in range(STEPS_PER_DIMENSION * polytope.dimension):
            here = _random_chord_point(here, polytope.edges @ rng.standard_normal(polytope.dimension), rng)
        found.append(_full(polytope, here))
    return np.array(found).reshape(n_points, len(polytope.point))


def _random_chord_point(here, move, rng):
    """A uniform point of the chord through `here` along `move`."""
    reach = here / np.where(move == 0.0, np.inf, -move)
    forth = reach[move < 0].min(initial=np.inf)
    back = reach[move > 0].max(initial=-np.inf)
    return here + rng.uniform(back, forth) * move


def _full(polytope, masses):
    """Masses of all directions from those of the free ones."""
    full = np.zeros(len(polytope.point))
    full[polytope.free] = np.maximum(masses, 0.0)
    return full
