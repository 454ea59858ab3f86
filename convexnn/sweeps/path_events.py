"""Along one piece of the path: what must stay positive, where it first does not, and what follows there.

A `State` is what does not change between two events: the faces of all optimal directions and the supports of the
vertices of the polytope of optimal masses, one where the optimum is unique. Every support has a system of its own with
one and the same nu.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError

from .path_exclusion import hull_of
from .path_signs import bernstein, first_zero
from .path_system import Curve, Face, Series, solve_system

ZERO_SHARE = 1e-9  # what is smaller than this share of its unit begins at zero
TIE_SHARE = 1e-8  # directions without mass at a vertex stay optimal to this share of beta
SAME_TIME = 1e-9  # events closer than this share of beta are at one place
MAX_IMBALANCE = 1e-12  # of beta: multipliers of dependent kinks that leave less are right
MAX_HALVINGS = 45  # by which the end of such multipliers is found
SAME_DIRECTION = 1e-6  # directions whose entries differ by less are one


class Stuck(Exception):
    """The path cannot be followed from here by its own equations: the events here do not tell what comes next."""


@dataclass(frozen=True)
class Event:
    """What ends a piece: a condition that becomes zero.

    Attributes
    ----------
    kind : {"leaves", "kink reached", "kink left"}
    face : int
        Number of the face in the state.
    line : int
        -1 where none is meant.
    side : int
        To which a kink is left.
    """

    kind: str
    face: int
    line: int = -1
    side: int = 0


@dataclass(frozen=True)
class State:
    """Faces of the optimal directions, and the vertices as tuples of numbers of faces; see the module."""

    faces: tuple
    supports: tuple

    @classmethod
    def of_one(cls, faces):
        """The state whose only vertex uses all faces."""
        return cls(tuple(faces), (tuple(range(len(faces))),))

    def members(self, support):
        """The faces of a support."""
        return tuple(self.faces[k] for k in support)

    def known(self, nu):
        """The directions of the faces with their signs."""
        return [(face.direction(nu), face.sign) for face in self.faces]

    def curve(self, rows, beta, gamma):
        """Return the `Curve` of the first support from the gamma to start with; raises `Stuck` where there is none."""
        found = solve_system(rows, self.members(self.supports[0]), beta, gamma)
        if found is None:
            raise Stuck
        return found

    def changed(self, event):
        """Return the state of one vertex after an event; the order of the faces stays."""
        faces = list(self.faces)
        if event.kind == "leaves":
            del faces[event.face]
            return State.of_one(faces)
        moved = faces[event.face].moved(event.line, event.side if event.kind == "kink left" else 0)
        faces[event.face] = moved
        return State.of_one(faces)


def is_among(direction, sign, known):
    """Whether a direction is one of the known pairs (direction, sign)."""
    return any(sign == other and np.abs(direction - place).max() <= SAME_DIRECTION for place, other in known)


@dataclass(frozen=True)
class Piece:
    """A part of the path on which one Taylor polynomial holds, from t = 0 to `length`.

    Attributes
    ----------
    series : Series
        Of the first support.
    length : float
    events : tuple of Event
        Those at its end; none where the polynomial ended first, or the limit was reached.
    """

    series: Series
    length: float
    events: tuple

    @property
    def start(self):
        """The strength at t = 0."""
        return self.series.curve.beta

    @property
    def end(self):
        """The strength at the end."""
        return self.series.curve.beta + self.series.step * self.length

    def t_of(self, beta):
        """The parameter of a strength."""
        return abs(beta - self.start)

    def nu(self, beta):
        """The dual point at a strength."""
        return np.polynomial.polynomial.polyval(self.t_of(beta), self.series.nu)

    def gamma(self, beta):
        """The masses over beta at a strength."""
        return np.polynomial.polynomial.polyval(self.t_of(beta), self.series.gamma)

    def hull(self, high, low):
        """Return the `Hull` of the part between two strengths, None where that is empty."""
        start, end = min(high, max(self.start, self.end)), max(low, min(self.start, self.end))
        if start <= end:
            return None
        return hull_of(self.series, *sorted((self.t_of(start), self.t_of(end))))


def next_piece(state, curve, step, limit):
    """Return the `Piece` from a `Curve` of the first support towards the strength `limit`; raises `Stuck`."""
    try:
        series = curve.series(step)
        gammas, lengths = [series.gamma], [series.length]
        for support in state.supports[1:]:
            gamma, length = series.masses_on(state.members(support))
            gammas.append(gamma)
            lengths.append(length)
    except LinAlgError:
        raise Stuck from None
    length = min(*lengths, abs(limit - curve.beta))
    _check_ties(state, series, length)
    conditions, polynomials, units = _conditions(state, series, gammas)
    zeros = _zeros(polynomials, ZERO_SHARE * units, length)
    at, earliest = SAME_TIME * curve.beta, min([length, *zeros.values()])
    events = [conditions[k] for k, t in zeros.items() if t <= earliest + at]
    for k, face in enumerate(state.faces):
        if not face.is_simple:
            balanced = _balanced_until(face, series, earliest)
            if balanced < earliest - at:
                earliest, events = balanced, []
            if balanced < length:
                events.append(Event("kink left", k))
    if events and earliest <= at:
        raise Stuck
    return Piece(series, earliest, tuple(events))


def _balanced_until(face, series, length):
    """Return until when there are multipliers for dependent kinks.

    Where there are some at every Bernstein coefficient of nu there are some in between: what they have to fulfil is
    convex in nu and in them.
    """
    if face.imbalance(series.nu[0]) > MAX_IMBALANCE:
        raise Stuck
    if all(face.imbalance(nu) <= MAX_IMBALANCE for nu in bernstein(series.nu, length)):
        return length
    good, bad = 0.0, length
    if face.imbalance(np.polynomial.polynomial.polyval(length, series.nu)) <= MAX_IMBALANCE:
        return _balanced_until(face, series, 0.5 * length)  # the coefficients of a shorter piece are closer to its nu
    for _ in range(MAX_HALVINGS):
        middle = 0.5 * (good + bad)
        balanced = face.imbalance(np.polynomial.polynomial.polyval(middle, series.nu)) <= MAX_IMBALANCE
        good, bad = (middle, bad) if balanced else (good, middle)
    return good


def _zeros(polynomials, small, length):
    """Return where conditions first become zero, by their numbers; raises `Stuck` where one does at once."""
    control = bernstein(polynomials, length)
    # Zero all along is on the border by symmetry, where nothing changes.
    unsure = ~np.all(control > small, axis=0) & ~np.all(np.abs(control) <= small, axis=0)
    found = {}
    for k in np.flatnonzero(unsure):
        polynomial = polynomials[:, k]
        if abs(polynomial[0]) <= small[k]:
            # Zero at the beginning, where an event has just been: it must rise from there.
            polynomial = polynomial[1:]
        if polynomial[0] <= 0.0:
            raise Stuck
        t = first_zero(polynomial, length)
        if t is not None:
            found[int(k)] = t
    return found


def _conditions(state, series, gammas):
    """Return what must stay positive: the events at their zeros, polynomials (order + 1, m) and units (m,)."""
    events, columns, units = [], [], []
    nu, beta = series.nu, series.curve.beta
    for support, gamma in zip(state.supports, gammas, strict=True):
        events += [Event("leaves", face) for face in support]
        columns.append(gamma)
        units += [max(float(gamma[0].sum()), np.finfo(float).tiny)] * len(support)
    for k, face in enumerate(state.faces):
        lines, heights = face.heights
        events += [Event("kink reached", k, int(line)) for line in lines]
        columns.append(nu @ heights.T)
        for side, maps in zip((-1, 1), face.multipliers, strict=True):
            events += [Event("kink left", k, int(line), side) for line in face.kinks[: len(maps)]]
            columns.append(nu @ maps.T)
    units += [beta] * (len(events) - len(units))
    return events, np.hstack(columns), np.array(units)


def _check_ties(state, series, length):
    """Refuse where a direction that has no mass at the first vertex does not stay optimal."""
    for k in set(range(len(state.faces))) - set(state.supports[0]):
        inner = series.nu @ state.faces[k].columns
        order = len(inner) - 1
        square = np.array([np.sum(inner[: j + 1] * inner[j::-1][: j + 1]) for j in range(order + 1)])
        beta = series.curve.beta
        square[:3] -= [beta**2, 2.0 * series.step * beta, 1.0]
        if np.abs(bernstein(square, length)).max() > TIE_SHARE * beta**2:
            raise Stuck


def face_at(rows, direction, sign, tolerance=1e-7):
    """Return the `Face` of an optimal direction; kinks are lines within the tolerance."""
    return Face(rows, sign, rows.sides(direction, tolerance))


def curve_without(rows):
    """The `Curve` of no neuron at all."""
    return Curve((), np.inf, np.zeros(0), rows.target)
