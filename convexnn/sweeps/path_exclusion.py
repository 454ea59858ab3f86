"""The proof that between two strengths no direction is optimal that is not followed.

On the star of a followed direction u_k, the cell of the lines at which ``s nu^T (X u)_+`` bends upwards, that function
is concave, and since u_k is stationary with the value beta it is at most ``beta u_k . u`` there: nothing else in the
star can be optimal. Lines that bend hardly upwards may be crossed: with a bend e_g at the angle theta_g from u_k the
function stays below ``beta cos(angle) + sum e_g sin(angle - theta_g)_+``, which is at most beta if
``sum e_g / (2 sin theta_g) <= beta``.

Outside the stars a branch and bound finds the largest value M at both ends. In between nu is the chord of its ends plus
a small rest, which Bernstein coefficients bound together with the chord: the price is convex in nu, and

    ``max_outside f(u; nu) <= (1 - tau) M_upper + tau M_lower + sum_i |rest_i| ||x_i||``.

The rest is of second order in the length of the interval, and vanishes at its ends: the proof reaches up to the
strength at which a direction enters or has left.
"""

from dataclasses import dataclass

import numpy as np

from ..duality.ascent import distinct_maxima
from ..duality.nodes import Nodes, orthants
from ..duality.scalar_price import scalar_price_function
from .path_signs import bernstein

SOFT_SHARE = 0.5  # of beta, that the lines which may be crossed may take
CUT_SHARE = 0.9  # cones are closed below this share of the way from beta down to the border of a star
MIN_DROP = 1e-3  # values are found down to this share of beta below it at least, where the stars leave that room
MAX_CONES = 20_000  # of one branch and bound
N_CLIMBS = 16  # random ascents that look for directions which are nearly optimal
ROUNDING = 1e-11  # of beta: values above it by less are rounding
MIN_BEND = 1e-13  # of the targets: lines that bend by less do not


@dataclass(frozen=True)
class Star:
    """A sign, the heights of whose lines decide what is inside, and the side of each; 0 where it does not matter."""

    sign: int
    sides: np.ndarray

    def holds(self, heights):
        """Whether cones (n, k, n_lines), given by the heights of their generators, lie inside."""
        fixed = np.flatnonzero(self.sides)
        return np.all(heights[:, :, fixed] * self.sides[fixed] >= 0.0, axis=(1, 2))


@dataclass(frozen=True)
class Hull:
    """Bernstein coefficients of nu (m, n_samples) and beta (m,) on one piece: in between they are convex mixtures."""

    nu: np.ndarray
    betas: np.ndarray


def hull_of(series, start, end):
    """Return the `Hull` of a `Series` from t = start to t = end."""
    order = len(series.nu) - 1
    # Coefficients of powers of t - start, then those of Bernstein on the rest.
    shifted = np.zeros_like(series.nu)
    for j in range(order + 1):
        factor = 1.0
        for i in range(j, order + 1):
            shifted[j] += factor * series.nu[i]
            factor *= start * (i + 1) / (i + 1 - j)
    first = series.curve.beta + series.step * start
    last = series.curve.beta + series.step * end
    return Hull(bernstein(shifted, end - start), np.linspace(first, last, order + 1))


@dataclass(frozen=True)
class Outside:
    """What is known outside the stars at one strength: the largest value, and the local maxima that were met there."""

    largest: float
    directions: np.ndarray
    signs: np.ndarray
    values: np.ndarray


def excluded(rows, faces, hulls, upper, lower):
    """Return whether it is proven that nothing outside the stars of `faces` is optimal between two ends.

    `upper` and `lower` are pairs (beta, nu); the `hulls` cover the strengths in between.
    """
    (high, _), (low, nu_low) = upper, lower
    stars, drop = _stars(rows, faces, hulls, high, low)
    # What the curve is off its chord, at every Bernstein coefficient: (share of the upper end, price).
    shares, rests = _rests(rows, hulls, upper, lower)
    needed = float(rests.max()) / low
    if CUT_SHARE * drop < needed:
        return False
    drop = min(CUT_SHARE * drop, max(2.0 * needed, MIN_DROP))
    starts = [(face.direction(nu_low), face.sign) for face in faces]
    ends = [largest_outside(rows, stars, nu, beta, drop, starts) for beta, nu in (upper, lower)]
    if None in ends:
        return False
    rooms = [max(beta - end.largest, 0.0) for (beta, _), end in zip((upper, lower), ends, strict=True)]
    worst = max(end.largest - beta for (beta, _), end in zip((upper, lower), ends, strict=True))
    closed = worst <= ROUNDING * low and np.all(rests <= shares * rooms[0] + (1.0 - shares) * rooms[1] + ROUNDING * low)
    return bool(closed)


def _rests(rows, hulls, upper, lower):
    """Return the share of the upper end at every Bernstein coefficient and a bound on the price of its rest."""
    (high, nu_high), (low, nu_low) = upper, lower
    betas, nus = np.concatenate([hull.betas for hull in hulls]), np.vstack([hull.nu for hull in hulls])
    shares = np.clip((betas - low) / (high - low), 0.0, 1.0)
    chords = shares[:, None] * nu_high + (1.0 - shares[:, None]) * nu_low
    return shares, np.abs(nus - chords) @ rows.sizes


def _stars(rows, faces, hulls, high, low):
    """Return the `Star` of every face that is one at all strengths, and by which share of beta their borders drop."""
    nus = np.vstack([hull.nu for hull in hulls])
    stars, drop = [], 1.0
    for face in faces:
        bends = (face.sign * rows.strengths @ nus.T).max(axis=1)
        lines, heights = face.heights
        sines = np.zeros(len(rows.lines))
        sines[lines] = np.clip((heights @ nus.T).min(axis=1) / high, 0.0, 1.0)
        upward = np.flatnonzero(bends > MIN_BEND)
        upward = upward[np.argsort(sines[upward])]
        with np.errstate(divide="ignore"):
            taken = np.cumsum(bends[upward] / (2.0 * low * sines[upward]))
        n_soft = int(np.sum(taken <= SOFT_SHARE))
        soft_share = float(taken[n_soft - 1]) if n_soft else 0.0
        hard = upward[n_soft:]
        sides = np.zeros(len(rows.lines), int)
        sides[hard] = face.sides[hard]
        if len(hard):
            sine = float(sines[hard].min())
            drop = min(drop, (1.0 - soft_share) * (1.0 - np.sqrt(1.0 - sine**2)))
        stars.append(Star(face.sign, sides))
    return stars, drop


def largest_outside(rows, stars, nu, beta, drop, starts):
    """Return the `Outside` of some stars at a dual point, None where it cannot be told.

    Values below ``beta (1 - drop)`` count as that. `starts` are (direction, sign) to climb from besides random ones.
    """
    function = scalar_price_function(rows.design, nu)
    if function.is_nothing:
        return Outside(0.0, np.zeros((0, rows.design.shape[1])), np.zeros(0, int), np.zeros(0))
    if function.stretched is not None or function.is_long:
        return None
    search = _OutsideSearch(rows, stars, function, nu, beta * (1.0 - drop))
    directions = np.array([direction for direction, _ in starts]).reshape(-1, rows.design.shape[1])
    search.climb(function.starts(directions, N_CLIMBS))
    return search.run()


class _OutsideSearch:
    """The branch and bound: cones are closed below the cut, inside stars, and inside those of further maxima."""

    def __init__(self, rows, stars, function, nu, cut):
        self.rows, self.function, self.nu, self.cut = rows, function, nu, 0.0
        self.own, self.others, self.met = list(stars), [], []
        self.projected = rows.lines @ function.basis
        self._raise_cut(cut)

    def _raise_cut(self, cut):
        """Values below the cut, in units of the function below the level, are not told apart."""
        self.cut = max(self.cut, cut)
        self.level = self.cut / self.function.scale - self.function.slack

    def climb(self, points):
        """Climb from points; maxima above the cut and outside all stars get a star of their own."""
        found = self.function.climb(points)
        for direction, sign, value in zip(*distinct_maxima(self.function, *found), strict=True):
            if value <= self.cut or self._inside(direction, sign):
                continue
            bends = sign * self.rows.strengths @ self.nu
            upward = bends > MIN_BEND
            self.others.append(Star(int(sign), np.where(upward, self.rows.sides(direction, 0.0), 0)))
            self.met.append((direction, int(sign), float(value)))
            # The value counts anyway: cones need not go below the border of its star, nor even near it.
            sine = np.abs(self.rows.lines[upward] @ direction).min(initial=1.0)
            self._raise_cut(value * (1.0 - 0.5 * (1.0 - np.sqrt(1.0 - min(sine, 1.0) ** 2))))

    def _inside(self, direction, sign):
        heights = (self.rows.lines @ direction)[None, None]
        return any(star.sign == sign and star.holds(heights)[0] for star in self.own + self.others)

    def run(self):
        """Cut cones until none is open."""
        nodes, n_cones = self._open(orthants(self.function)), 0
        if self.function.rank == 1:  # two directions: the climbs have met those that count
            self.climb(np.array([[1.0], [-1.0]]))
            nodes = nodes.take(slice(0))
        while len(nodes):
            n_cones += 2 * len(nodes)
            if n_cones > MAX_CONES:
                return None
            halves = self._split(nodes)
            good = halves.value > self.level + 2.0 * self.function.slack
            if good.any():
                self.climb(halves.point[good])
            nodes = self._open(halves.take(halves.bound > self.level))
        directions = np.array([met[0] for met in self.met]).reshape(-1, self.rows.design.shape[1])
        values = np.array([met[2] for met in self.met])
        largest = max(self.cut, float(values.max(initial=0.0)))
        return Outside(largest, directions, np.array([met[1] for met in self.met], int), values)

    def _split(self, nodes):
        """Return the two bounded halves of every node."""
        parts = []
        for sign in np.unique(nodes.sign):
            part = nodes.take(nodes.sign == sign)
            halves = Nodes.empty(2 * len(part), self.function)
            halves.sign[:] = sign
            self.function.halve(float(sign), part, self.level, halves)
            parts.append(halves)
        return Nodes.join(parts)

    def _open(self, nodes):
        """Return the nodes that lie in no star."""
        if len(nodes) == 0:
            return nodes
        heights = nodes.generators @ self.projected.T
        closed = np.zeros(len(nodes), bool)
        for star in self.own + self.others:
            closed |= (nodes.sign == star.sign) & star.holds(heights)
        return nodes.take(~closed)
