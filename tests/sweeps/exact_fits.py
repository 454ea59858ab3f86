"""The slow reference of exact paths: an optimal set for every strength, each from nothing."""

import numpy as np

from convexnn import optimal_set

MIN_EVENT_DISTANCE = 1e-5  # relative; strengths closer to an event are not compared, where masses count as none


def compare_with_exact_fits(path, X, y, betas, **flags):
    """Assert that a path and the optimal sets of strengths agree in all they say; return how many were compared."""
    n_compared = 0
    for beta in betas:
        record = next(record for record in path.records if beta >= record.lower)
        away = min(abs(beta / record.upper - 1.0), abs(beta / record.lower - 1.0))
        if record.followed == "not followed" or away < MIN_EVENT_DISTANCE:
            continue
        n_compared += 1
        found, point = optimal_set(X, y, beta, **flags), path.at(beta)
        np.testing.assert_allclose(point.value, found.optimal_value, rtol=1e-9)
        size = np.linalg.norm(found.dual_point)
        assert np.linalg.norm(point.dual_point - found.dual_point) <= 1e-7 * size
        assert (record.m_star, record.M_star) == (found.m_star, found.M_star)
        assert (record.n_directions, record.dimension) == (len(found.signs), found.dimension)
        assert record.is_unique == found.is_unique
        assert record.connected_from == found.connected_from
        widths = range(found.m_star, found.connected_from + 1)
        assert record.components == tuple(found.n_components(width) for width in widths)
        order = np.argmax(point.directions @ found.directions.T - 2 * (point.signs[:, None] != found.signs), axis=1)
        assert sorted(order) == list(range(len(found.signs)))
        np.testing.assert_allclose(point.directions, found.directions[order], atol=1e-6)
        masses = found.minimum_norm_masses[order]
        np.testing.assert_allclose(point.masses, masses, atol=1e-6 * masses.sum())
    return n_compared


def strengths(path, n, rng=None):
    """Return strengths along a path, evenly in logarithms or at random."""
    first, last = np.log(path.records[0].upper), np.log(path.records[-1].lower)
    shares = np.linspace(1e-3, 0.999, n) if rng is None else rng.uniform(1e-3, 0.999, n)
    return np.exp(first + shares * (last - first))
