"""What is kept of a path that is followed, and what is read off it."""

from dataclasses import dataclass, field

import numpy as np

from ..solvers.base import build_network
from .path_events import State, is_among
from .path_system import PathRows


@dataclass
class Interval:
    """The path between two events.

    Attributes
    ----------
    upper, lower : float
        Strengths, scaled.
    state : State
    pieces : list of Piece
        They cover it; none where it is not followed.
    status : {"proven", "not excluded", "not followed"}
    """

    upper: float
    lower: float
    state: State
    pieces: list
    status: str


@dataclass
class Followed:
    """The path: intervals from the largest strength down, what happens at the upper end of each, and whether it is all.

    Attributes
    ----------
    rows : PathRows
    intervals : list of Interval
    events : list of tuple (beta, kind, before, after, nu)
        `before` and `after` are the `Face` of a direction on either side of the event, None where it is not optimal.
    complete : bool
    """

    rows: PathRows
    intervals: list = field(default_factory=list)
    events: list = field(default_factory=list)
    complete: bool = True


def network_of(rows, curve):
    """Return the network of a `Curve`."""
    directions = np.array([face.direction(curve.nu) for face in curve.faces])
    signs = np.array([face.sign for face in curve.faces], dtype=float)
    masses = np.maximum(curve.gamma, 0.0) * curve.beta * rows.mass_unit
    return build_network(rows.problem, directions, signs, masses)


def piece_at(pieces, beta):
    """The piece that holds a strength, the nearest one where rounding leaves it out."""
    return min(pieces, key=lambda piece: max(min(piece.start, piece.end) - beta, beta - max(piece.start, piece.end), 0))


def nu_at(pieces, beta):
    """The dual point at a strength."""
    return piece_at(pieces, beta).nu(beta)


def best_conditioned(fits, vertices):
    """Number of the vertex whose fits are furthest from dependent."""
    columns = fits / np.linalg.norm(fits, axis=0)
    return int(np.argmax([np.linalg.svd(columns[:, masses > 0], compute_uv=False).min() for masses in vertices]))


def differences(before, after, nu):
    """Return the events between two states at a dual point, as (kind, face before, face after)."""
    old = {face.key: face for face in before.faces}
    new = {face.key: face for face in after.faces}
    gone = [face for key, face in old.items() if key not in new]
    come = [face for key, face in new.items() if key not in old]
    events = []
    for face in list(come):
        near = [other for other in gone if is_among(face.direction(nu), face.sign, [(other.direction(nu), other.sign)])]
        if near:
            kind = "kink reached" if len(face.kinks) > len(near[0].kinks) else "kink left"
            events.append((kind, near[0], face))
            gone.remove(near[0])
            come.remove(face)
    rest = [*(("leaves", face, None) for face in gone), *(("enters", None, face) for face in come)]
    return [*events, *rest] or [("set changes", None, None)]
