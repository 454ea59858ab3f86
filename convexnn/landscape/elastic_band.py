"""A chain of networks that relaxes as a nudged elastic band: it settles on a pass between the two ends.

At every corner the objective pulls across the chain only, and springs pull along it only: the corners neither slide
down into the minima nor pull the chain off the pass.

Conventions
-----------
band : (n_corners, n_parameters), the two ends included.
weights : (n_corners - 1,), the wanted lengths of the lines, up to one factor.
slopes : a function of points (n_points, n_parameters) that returns values (n_points,) and gradients.
"""

from __future__ import annotations

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Seed
from .._utils.norms import nonzero, norms
from .._utils.validation import check_count
from ..network import TwoLayerReLU
from ._weight_space import common_space
from .curves import HeuristicCurve, chain_of, smooth_problem, starts_of_bends
from .descent import spawn

# 7 corners at the start, 4 cycles with new corners between, each of 30 windows; the best of 8 starts counts.
N_CORNERS, N_CYCLES, N_WINDOWS, N_STARTS = 7, 4, 30, 8
# A window has 40 steps of one size. After one that lowers the chain they grow by 1.3, otherwise they are halved.
WINDOW_STEPS, GROWTH = 40, 1.3
# Springs move a corner in every step by 0.25 of the difference of the lengths of its lines.
SPRING_SHARE = 0.25
# A line is judged at 8 points. It gets a corner where one is above the line between its ends by 0.2 of the whole rise.
LINE_POINTS, MIN_EXCESS_SHARE = 8, 0.2


def nudged_path(
    a: TwoLayerReLU,
    b: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_bends: int = N_CORNERS,
    n_cycles: int = N_CYCLES,
    n_windows: int = N_WINDOWS,
    n_starts: int = N_STARTS,
    n_points: int = 61,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    random_state: Seed = None,
) -> HeuristicCurve:
    """Join two networks by a chain of lines that relaxes as a nudged elastic band [1]_ [2]_.

    A heuristic: the chain is drawn to a path of steepest ascent and descent over one pass, and which pass this is
    depends on the start. Its highest point is never below the lowest pass. `polygonal_path` trains the corners on
    sharp maxima, which is a different descent and may end lower or higher; `OptimalSet.path` decides.

    Parameters
    ----------
    a, b : TwoLayerReLU
        Networks of one width and the same terms; the problem has exactly the free terms that they have.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
    n_bends : int
        Number of corners at the start.
    n_cycles : int
        After every cycle but the last, lines get a corner in the middle where the objective at one of 8 points is
        above the line between that of their ends by more than 0.2 of the rise of the chain. [3]_
    n_windows : int
        Windows of 40 steps in a cycle.
    n_starts : int
        Starts: the straight line, then random parabolas around it. The lowest barrier counts.
    n_points : int
        Evenly spaced t of the record; there are at least 8 points on every line.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "logistic", "squared_hinge"}
        The smooth ones.
    huber_delta : float
    random_state : int, numpy Generator, SeedSequence or None
        Source of the starts; an int makes the answer reproducible.

    Returns
    -------
    HeuristicCurve
        Of the kind ``"elastic band"``, with the corners as its ``bends``.

    Raises
    ------
    ValueError
        For bad input, and when the widths or the terms of the two networks differ.

    Notes
    -----
    The objective has kinks, at which steps of one size jump to and fro. As in `gradient_descent`, steps come in windows
    of one size, and the chain goes on from the end of the window or from the mean of its second half, whichever is
    lower at its highest point; a window that ends higher is undone and the next has half the steps.
    After each the corners are set apart at the wanted lengths along the chain.

    References
    ----------
    .. [1] G. Henkelman, H. Jonsson, "Improved tangent estimate in the nudged elastic band method for finding minimum
       energy paths and saddle points", Journal of Chemical Physics 113, 2000.
    .. [2] F. Draxler, K. Veschgini, M. Salmhofer, F. A. Hamprecht, "Essentially no barriers in neural network energy
       landscape", ICML 2018.
    .. [3] E. Kolsbjerg, M. Groves, B. Hammer, "An automated nudged elastic band method", Journal of Chemical Physics
       145, 2016.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import nudged_path
    >>> a = TwoLayerReLU([[0.9], [-0.9]], [1.0, 1.0])
    >>> band = nudged_path(a, a.permuted([1, 0]), [[1.0], [-1.0]], [1, 1], 0.1, n_starts=1, random_state=0)
    >>> 0.595 <= band.profile.peak < 0.62  # the lowest pass is 1/2 + beta - beta^2 / 2
    True
    """
    problem = smooth_problem(a, X, y, beta, sample_weight=sample_weight, loss=loss, huber_delta=huber_delta)
    space = common_space(problem, (a, b), ("a", "b"))
    counts = {"n_bends": n_bends, "n_cycles": n_cycles, "n_windows": n_windows, "n_starts": n_starts}
    n_bends, n_cycles, n_windows, n_starts = (check_count(value, name) for name, value in counts.items())
    n_points = check_count(n_points, "n_points", minimum=3)
    ends = space.point(a), space.point(b)
    starts = starts_of_bends(space, ends, n_bends, spawn(random_state)(n_starts))
    bands = [relaxed_band(space.slopes, np.stack([ends[0], *bends, ends[1]]), n_cycles, n_windows) for bends in starts]
    curves = [chain_of(space, band[1:-1], (a, b), "elastic band", n_points) for band in bands]
    return min(curves, key=lambda curve: curve.barrier)


def relaxed_band(slopes, band, n_cycles=N_CYCLES, n_windows=N_WINDOWS):
    """Return the band after cycles of relaxation, with new corners between two cycles where lines hide a rise."""
    weights = np.ones(len(band) - 1)
    with np.errstate(over="ignore", invalid="ignore"):
        for cycle in range(n_cycles):
            band = _relaxed(slopes, band, weights, n_windows)
            split = _lines_to_split(slopes, band)
            if cycle == n_cycles - 1 or not split.any():
                return band
            middles = (0.5 * (band[:-1] + band[1:]))[split]
            band = np.insert(band, np.flatnonzero(split) + 1, middles, axis=0)
            weights = np.repeat(np.where(split, 0.5 * weights, weights), 1 + split)
    return band


def _relaxed(slopes, band, weights, n_windows):
    """Return the band after windows of steps, of which only those count that lower its highest point."""
    band = _spread(band, weights)
    lowest = _height(slopes, band)
    # The first steps are as long as the lines where the objective is steepest: the windows find the right size.
    lengths = norms(np.diff(band, axis=0))
    step = np.median(lengths) / nonzero(norms(slopes(band)[1][1:-1])).max()
    for _ in range(n_windows):
        found = [_spread(each, weights) for each in _window(slopes, band, weights, step)]
        heights = [_height(slopes, each) for each in found]
        best = int(np.argmin(heights))
        if heights[best] < lowest:
            band, lowest, step = found[best], heights[best], GROWTH * step
        else:
            step *= 0.5
    return band


def _window(slopes, band, weights, step):
    """Return the band after a window of steps, and the mean over the second half of the window."""
    band, total = band.copy(), np.zeros_like(band)
    for k in range(WINDOW_STEPS):
        values, gradients = slopes(band)
        tangents = tangents_of(band, values)
        across = gradients[1:-1] - np.sum(gradients[1:-1] * tangents, axis=1)[:, None] * tangents
        stretched = np.diff(norms(np.diff(band, axis=0)) / weights) * np.minimum(weights[1:], weights[:-1])
        band[1:-1] += SPRING_SHARE * stretched[:, None] * tangents - step * across
        if 2 * k >= WINDOW_STEPS:
            total += band
    return band, total / (WINDOW_STEPS // 2)


def tangents_of(band, values):
    """Return unit tangents at the inner corners: towards the higher neighbour, and weighted at maxima and minima."""
    moves = np.diff(band, axis=0)
    rises = np.abs(np.diff(values))
    before, after = rises[:-1], rises[1:]
    large, small = np.maximum(before, after), np.minimum(before, after)
    next_higher = values[2:] > values[:-2]
    forward, backward = np.where(next_higher, large, small), np.where(next_higher, small, large)
    inside = (values[2:] - values[1:-1]) * (values[1:-1] - values[:-2]) > 0
    forward = np.where(inside, next_higher, forward)
    backward = np.where(inside, ~next_higher, backward)
    level = forward + backward == 0
    directions = (forward + level)[:, None] * moves[1:] + (backward + level)[:, None] * moves[:-1]
    return directions / nonzero(norms(directions))[:, None]


def _spread(band, weights):
    """Return the band with its corners moved along it, so that the lines have lengths in the ratio of the weights."""
    lengths = norms(np.diff(band, axis=0))
    if not np.all(np.isfinite(lengths)):
        return band
    places = np.append(0.0, np.cumsum(lengths))
    wanted = np.append(0.0, np.cumsum(weights)) / weights.sum() * places[-1]
    lines = np.clip(np.searchsorted(places, wanted, side="right") - 1, 0, len(lengths) - 1)
    shares = (wanted - places[lines]) / nonzero(lengths[lines])
    spread = band[lines] + shares[:, None] * (band[lines + 1] - band[lines])
    spread[0], spread[-1] = band[0], band[-1]
    return spread


def _on_lines(slopes, band):
    """Return the values at evenly spaced points of every line, both ends included: (n_lines, LINE_POINTS + 1)."""
    shares = np.linspace(0.0, 1.0, LINE_POINTS + 1)[None, :, None]
    points = (1.0 - shares) * band[:-1, None] + shares * band[1:, None]
    return slopes(points.reshape(-1, band.shape[1]))[0].reshape(len(band) - 1, -1)


def _height(slopes, band):
    """Return the highest value on the lines, or infinity where one is not finite."""
    values = _on_lines(slopes, band)
    return values.max() if np.all(np.isfinite(values)) else np.inf


def _lines_to_split(slopes, band):
    values = _on_lines(slopes, band)
    straight = np.linspace(values[:, 0], values[:, -1], LINE_POINTS + 1, axis=1)
    rise = values.max() - max(values[0, 0], values[-1, -1])
    return (values - straight).max(axis=1) > MIN_EXCESS_SHARE * rise
