"""The price of a dual point where the hidden bias costs nothing: a maximum over ``||w|| <= 1`` and every bias t.

``t -> nu^T (X w + t)_+`` is piecewise linear with kinks at ``t = -x_i^T w``, zero before the first and constant after
the last one where ``1^T nu = 0``. So its largest values are at the kinks of rows with ``nu_i != 0``, and the price is
the largest of the prices of ``X - x_i`` without a bias: one search for every such row, in as many dimensions as X has
columns. On one input w is 1 or -1, and all kinks are listed.
"""

from __future__ import annotations

import numpy as np

from .._utils.norms import norms, unit_rows
from .._utils.validation import is_late
from .pricing import N_STARTS, PRICE_TOLERANCE, local_prices, search_price
from .records import AUTO_WORK, MIN_TREE_WORK, PROOFS, Price

# All searches of one price together have so many nanoseconds, each at least `MIN_TREE_WORK`.
FREE_BIAS_WORK = 4 * AUTO_WORK
# A search that is expected to end may take 8 times its share.
MOST_OVER_SHARE = 8
# All searches together make about so many random ascents of either sign, and each at least so many.
MAX_RANDOM_STARTS, MIN_RANDOM_STARTS = 16 * N_STARTS, 4
# Directions that agree to 9 decimals, in units of the data, are one.
DIRECTION_DECIMALS = 9
# On one input a kink is a local maximum where its neighbours are above it by rounding at most: plateaus have two ends.
LEVEL_SHARE = 1.0 - 1e-9
# A price whose time is over is searched around so many rows at least, and bounded around the others without a search.
MIN_CENTRES = 16
# Most local maxima that are handed back.
MAX_LOCAL = 256
EPS = np.finfo(float).eps


def problem_price(problem, nu, **options):
    """Return the `Price` of a dual point of a `Problem`, whatever its bias costs; the options of `search_price`."""
    if problem.has_free_bias:
        return free_bias_price(problem.features, nu, **options)
    return search_price(*problem.priced(nu), **options)


def problem_local_prices(problem, nu, **options):
    """Return the local maxima of the price of a `Problem` that ascents find; the options of `local_prices`."""
    if not problem.has_free_bias:
        return local_prices(*problem.priced(nu), **options)
    found = free_bias_price(problem.features, nu, proof="heuristic", tight=False, **options)
    return found.local_directions, found.local_signs, found.local_values


def free_bias_price(
    features,
    nu,
    *,
    proof,
    level=0.0,
    tolerance=PRICE_TOLERANCE,
    n_starts=N_STARTS,
    starts=None,
    max_work=None,
    most_work=None,
    **options,
):
    """Return the `Price` of a dual point with ``1^T nu = 0`` over unit weights and every bias.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
    nu : ndarray of shape (n_samples,)
        For a sum that is not zero the value is that over the kinks, see `FreeBiasProblem.price_leak`.
    starts : ndarray of shape (K, n_features + 1), optional
        Neurons to climb from, the bias last.
    proof, level, tolerance, n_starts, max_work, most_work, options
        As in `search_price`; work and random starts are shared by all searches.

    Returns
    -------
    Price
        Its directions have unit weights, and the bias last.
    """
    features = features.astype(np.float64, copy=False)
    centres = np.unique(features[nu != 0.0], axis=0)
    if len(centres) == 0:
        nothing = np.zeros((0, features.shape[1] + 1)), np.zeros(0, int), np.zeros(0)
        return _gathered(features.shape[1], *nothing, 0.0, "exact", 0)
    # X - x_i is rounded, by at most a unit in the last place of every distance.
    spill = EPS * float(np.abs(nu) @ _reaches(features))
    if features.shape[1] == 1:
        lifted, signs, values, rounding = _on_a_line(features[:, 0], nu)
        upper, kinds, n_nodes = values.max(initial=0.0) + rounding + spill, {"exact"}, 0
    else:
        share = max(MIN_TREE_WORK, (FREE_BIAS_WORK if max_work is None else max_work) / len(centres))
        most = MOST_OVER_SHARE * share if most_work is None else max(share, most_work / len(centres))
        options |= {"proof": proof, "tolerance": tolerance, "max_work": share, "most_work": most}
        options["n_starts"] = min(n_starts, max(MIN_RANDOM_STARTS, MAX_RANDOM_STARTS // len(centres)))
        options["starts"] = None if starts is None else unit_rows(starts[:, :-1])[0]
        lifted, signs, values, upper, kinds, n_nodes = _over_centres(features, nu, centres, level, options)
        upper += spill
    found = float(values.max(initial=0.0))
    kind = _kind(proof, kinds, upper, (1.0 + tolerance) * max(found, level))
    return _gathered(features.shape[1], lifted, signs, values, max(upper, found), kind, n_nodes)


def _reaches(features):
    """Return a bound on the distance of every row to any other."""
    away = norms(features - features[0])
    return away + away.max(initial=0.0)


def _kind(proof, kinds, upper, enough):
    """Return the word for what all searches have proven together."""
    if kinds == {"exact"} and upper <= enough:
        return "exact"
    return "heuristic" if proof == "heuristic" else max(kinds | {"bound"}, key=PROOFS.index)


def _over_centres(features, nu, centres, level, options):
    """Search the price of ``X - x_i`` for every centre; none is pressed below the largest value so far.

    In a mixed order, so that those that are searched before the time is over lie all over the data.
    """
    found, upper, kinds = {}, 0.0, set()
    order = np.random.default_rng(0).permutation(len(centres))
    for k in order:
        if len(found) >= MIN_CENTRES and is_late(options.get("deadline")):
            upper = max(upper, _bound_without_search(features, nu, centres[order[len(found) :]]))
            kinds.add("bound")
            break
        found[k] = search_price(features - centres[k], nu, level=level, **options)
        level, upper = max(level, found[k].value), max(upper, found[k].upper_bound)
        kinds.add(found[k].proof)
    lifted, signs, values = [], [], []
    for k in sorted(found):
        # The row of the centre is on the kink.
        weights = found[k].local_directions
        lifted.append(np.column_stack([weights, -weights @ centres[k]]))
        signs.append(found[k].local_signs)
        values.append(found[k].local_values)
    n_nodes = sum(one.n_nodes for one in found.values())
    return np.vstack(lifted), np.concatenate(signs), np.concatenate(values), upper, kinds, n_nodes


def _bound_without_search(features, nu, centres):
    """Return a bound on the price of ``X - x_i`` for all these centres, by ``(v^T w)_+ <= ||v||``.

    Distances go by way of the mean row; rows with the other sign of nu only lower what one sign reaches.
    """
    middle = features.mean(axis=0)
    reaches = norms(features - middle) + norms(centres - middle).max()
    rounding = 1.0 + 4.0 * EPS * (len(nu) + 8)
    return rounding * float(max(np.maximum(nu, 0.0) @ reaches, np.maximum(-nu, 0.0) @ reaches))


def _gathered(n_features, lifted, signs, values, upper, kind, n_nodes):
    """Return the `Price` of directions with their values, each direction once, the largest value first."""
    used = np.flatnonzero((signs != 0) & (values > 0.0))
    used = used[np.argsort(-values[used], kind="stable")]
    size = np.abs(lifted[used, -1]).max(initial=0.0) or 1.0
    units = np.append(np.ones(n_features), size)
    _, first = np.unique(np.round(lifted[used] / units, DIRECTION_DECIMALS) + 0.0, axis=0, return_index=True)
    used = used[np.sort(first)][:MAX_LOCAL]
    lifted, signs, values = lifted[used], signs[used], values[used]
    value = float(values[0]) if len(used) else 0.0
    direction = lifted[0] if len(used) else np.zeros(n_features + 1)
    sign = int(signs[0]) if len(used) else 0
    return Price(value, float(upper), direction, sign, kind, n_nodes, None, lifted, signs, values)


def _on_a_line(x, nu):
    """Return directions, signs and values of all local maxima on one input, and the rounding of the values.

    The value at a kink is that at its neighbour and their distance times the sum of nu beyond it.
    """
    points, place = np.unique(x, return_inverse=True)
    total = np.bincount(place.reshape(-1), nu, len(points))
    lifted, signs, values = [], [], []
    for side in (1.0, -1.0):
        steps, beyond = np.diff(points)[::-1], np.cumsum(total[::-1])[:-1]
        if side < 0:
            steps, beyond = np.diff(points), np.cumsum(total)[:-1]
        # From the last kink inwards: (w x_k - ...) vanishes at the end of the data.
        reached = np.append(0.0, np.cumsum(steps * beyond))
        kinks = points[::-1] if side > 0 else points
        size = np.abs(reached)
        around = np.concatenate([[0.0], size, [0.0]])
        peaks = (size > 0.0) & (size >= LEVEL_SHARE * np.maximum(around[:-2], around[2:]))
        lifted.append(np.column_stack([np.full(peaks.sum(), side), -side * kinks[peaks]]))
        signs.append(np.sign(reached[peaks]).astype(int))
        values.append(size[peaks])
    rounding = 4.0 * EPS * (len(x) + 8) * float(np.abs(nu).sum()) * float(points[-1] - points[0])
    return np.vstack(lifted), np.concatenate(signs), np.concatenate(values), rounding
