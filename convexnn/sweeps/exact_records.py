"""The records of an exact path: its intervals, its events, and the optimum at any strength."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils.clock import now
from .._utils.display import Shown, counted
from .._utils.validation import check_positive
from ..duality.certificate import certify_problem
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..optimal_sets.connectivity import SupportGraph
from ..optimal_sets.mass_set import MassSet
from ..optimal_sets.solution_set import VERTEX_LIMIT, SolvedSet, solve_set
from ..solvers.base import build_network, build_zero_network, uninterrupted
from ._optima import KnownOptimum
from .path_intervals import Followed, piece_at
from .path_records import PathRecord, RegularizationPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..plotting import ExactPathDisplay

MAX_CONFIRMED_GAP = 1e-7  # the middle of an interval is confirmed by a certificate with at most this relative gap
SAME_STRENGTH = 1e-12  # of beta: strengths that differ by less are one


@dataclass(frozen=True, repr=False)
class PathEvent(Shown):
    """What happens at one strength of an exact path.

    Attributes
    ----------
    beta : float
    kind : {"enters", "leaves", "kink reached", "kink left", "set changes", "unknown"}
        A direction becomes optimal, or is no longer; a direction comes to lie on the hyperplane of a row, or goes on
        from there; only the vertices of the set change; what happens is not known, as the path is not followed here.
    direction : ndarray of shape (n_inputs,) or None
        The direction at the event, a unit vector, its bias last where there is one.
    sign : int
        0 where there is no direction.
    rows : tuple of int
        Rows of X whose hyperplane is reached or left; parallel rows have the same.
    """

    beta: float
    kind: str
    direction: np.ndarray | None = field(compare=False)
    sign: int
    rows: tuple[int, ...]

    def _shown(self):
        rows = [("rows", ", ".join(map(str, self.rows)))] if self.rows else []
        return "Event of a path", [("beta", f"{self.beta:.12g}"), ("what", self.kind), *rows]

    def __repr__(self):
        rows = f", rows {', '.join(map(str, self.rows))}" if self.rows else ""
        return f"PathEvent({self.kind} at beta {self.beta:.12g}{rows})"


@dataclass(frozen=True, repr=False)
class IntervalRecord(PathRecord):
    """An interval of an exact path between two events, with the figures of a `PathRecord` at its geometric middle.

    Attributes
    ----------
    upper, lower : float
        The strengths at its ends.
    followed : {"proven", "not excluded", "not followed"}
        Whether it is proven that nothing happens in the interval, to rounding; or the equations hold, and no proof
        excludes a direction that enters and leaves again; or the equations could not be followed, and nothing is said
        but for the middle.
    connected_from : int or None
    components : tuple of int or None
        Numbers of components of the set of optimal networks, at the widths from m* to `connected_from`.
    """

    upper: float
    lower: float
    followed: str
    connected_from: int | None
    components: tuple[int, ...] | None

    def line(self) -> str:
        """Return the figures for a line of output."""
        return f"beta {self.upper:.6g} to {self.lower:.6g} ({self.followed}), {super().line()}"

    def shown(self) -> dict[str, str]:
        """Return what a table shows, a dict of texts."""
        return {"from": f"{self.upper:.6g}", "to": f"{self.lower:.6g}", **super().shown(), "between": self.followed}


@dataclass(frozen=True, repr=False)
class PathPoint(Shown):
    """The optimum at one strength of an exact path.

    Attributes
    ----------
    beta, value : float
        The strength, and the objective of the network there.
    network : TwoLayerReLU
        Where the optimum is not unique the one with the smallest sum of squared masses.
    dual_point : ndarray of shape (n_samples,)
    directions, signs, masses : ndarrays of shapes (K, n_inputs), (K,) and (K,)
        Of all optimal directions.
    followed : {"proven", "not excluded", "not followed"}
        That of the interval; where it is not followed the optimum is solved for, and the directions are its neurons'.
    """

    beta: float
    value: float
    network: TwoLayerReLU
    dual_point: np.ndarray
    directions: np.ndarray
    signs: np.ndarray
    masses: np.ndarray
    followed: str

    def _shown(self):
        return "Point of a path", [
            ("beta", f"{self.beta:.6g}"),
            ("objective", f"{self.value:.10g}"),
            ("directions", str(len(self.signs))),
            ("interval", self.followed),
        ]


@dataclass(frozen=True, repr=False)
class ExactPath(RegularizationPath):
    """The optimum at every strength from beta_max down: what changes where, and what holds in between.

    Attributes
    ----------
    records : tuple of IntervalRecord
        In decreasing order of beta.
    complete : bool
        False where time ended first.
    events : tuple of PathEvent
        In decreasing order of beta.
    """

    records: tuple[IntervalRecord, ...]
    events: tuple[PathEvent, ...]
    _followed: Followed = field(compare=False)

    @property
    def breakpoints(self) -> np.ndarray:
        """The strengths at which something happens, in decreasing order."""
        return np.unique([event.beta for event in self.events])[::-1]

    @property
    def proven_share(self) -> float:
        """The share of the path, in logarithms of beta, on which it is proven that no event was missed."""
        lengths = np.log([record.upper / record.lower for record in self.records])
        proven = np.array([record.followed == "proven" for record in self.records])
        return 1.0 if proven.all() else float(lengths @ proven / lengths.sum())

    def at(self, beta: float) -> PathPoint:
        """Return the optimum at a strength, to rounding: the path's polynomial there, corrected by Newton's method.

        Raises
        ------
        ValueError
            For a strength below the end of the path.
        """
        return _point(self._followed, check_positive(beta, "beta"))

    def __repr__(self):
        first, last, share = self.records[0], self.records[-1], self.proven_share
        # Rounded down: what is not all is not shown as 100 per cent.
        proven = "all" if share == 1.0 else f"{np.floor(1e4 * share) / 100:.4g} %"
        return (
            f"ExactPath({counted(len(self.events), 'event')} between beta {first.upper:.6g} and {last.lower:.6g}, "
            f"{proven} of this range proven{'' if self.complete else ', not complete'})"
        )

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> ExactPathDisplay:  # type: ignore[override]
        """Draw the path and return its `convexnn.plotting.ExactPathDisplay`, whose arguments these are."""
        from ..plotting import ExactPathDisplay

        return ExactPathDisplay.from_path(self).plot(ax, **kwargs)


def exact_path_of(followed: Followed) -> ExactPath:
    """Return the `ExactPath` of what was followed."""
    records = tuple(_record(followed, interval) for interval in followed.intervals)
    return ExactPath(records, followed.complete, tuple(_event(followed, *event) for event in followed.events), followed)


def _event(followed, beta, kind, before, after, nu):
    """Return the `PathEvent` of an entry of `Followed.events`."""
    rows, face = followed.rows, after if after is not None else before
    if face is None:
        return PathEvent(float(beta * rows.unit), kind, None, 0, ())
    lines = set() if before is None or after is None else set(before.kinks) ^ set(after.kinks)
    where = rows.problem.rows[np.isin(rows.line_of, list(lines))]
    return PathEvent(float(beta * rows.unit), kind, face.direction(nu), face.sign, tuple(where.tolist()))


def _point(followed, beta):
    """Return the `PathPoint` at a strength in the caller's units."""
    rows, scaled = followed.rows, beta / followed.rows.unit
    problem = replace(rows.problem, beta=beta)
    top, last = followed.intervals[0].upper, followed.intervals[-1].lower
    if scaled >= top:
        nu, none = problem.dual_point(np.zeros(len(problem.y))), np.zeros((0, problem.design.shape[1]))
        return _finished(problem, build_zero_network(problem), nu, none, np.zeros(0), np.zeros(0), "proven")
    if scaled < last * (1.0 - SAME_STRENGTH):
        raise InvalidInputError(
            f"beta must be at least {last * rows.unit:.6g}, where the path ends; got {beta!r}. Follow it further with "
            f"a smaller eps."
        )
    scaled = max(scaled, last)
    interval = next(interval for interval in followed.intervals if scaled >= interval.lower)
    if not interval.pieces:
        network = uninterrupted(solve_set(problem).solution).network
        nu = problem.dual_point(problem.hidden_fit(network.neurons, network.output_weights))
        parts = network.directions, network.signs, network.masses
        return _finished(problem, network, nu, *parts, interval.status)
    state, piece = interval.state, piece_at(interval.pieces, scaled)
    curve = state.curve(rows, scaled, piece.gamma(scaled))
    directions = np.array([face.direction(curve.nu) for face in state.faces])
    signs = np.array([face.sign for face in state.faces], dtype=float)
    masses = np.zeros(len(signs))
    masses[list(state.supports[0])] = np.maximum(curve.gamma, 0.0) * scaled
    if len(state.supports) > 1:
        fits = rows.scaled.fits(directions, signs)
        total, size = masses.sum(), np.linalg.norm(fits @ masses)
        masses = MassSet(directions, fits * (total / size), masses / total, total, VERTEX_LIMIT).minimum_norm_masses
    masses = masses * rows.mass_unit
    network = build_network(problem, directions, signs, masses)
    nu = np.sqrt(problem.weight) * curve.nu * rows.scaled.y_scale
    return _finished(problem, network, nu, directions, signs, masses, interval.status)


def _finished(problem, network, nu, directions, signs, masses, status):
    value, dual = problem.objective(network), problem.spread(nu)
    return PathPoint(problem.beta, value, network, dual, directions, signs, masses, status)


def _record(followed, interval):
    """Return the `IntervalRecord` of an interval, its middle confirmed by a certificate."""
    started, unit = now(), followed.rows.unit
    beta = float(np.sqrt(interval.upper) * np.sqrt(interval.lower) * unit)
    problem = replace(followed.rows.problem, beta=beta)
    point, status = _point(followed, beta), interval.status
    network, supports = point.network, interval.state.supports
    if interval.pieces and len(supports) == 1:
        known = _known_of_one(problem, point)
    else:
        solved = solve_set(problem, start=network)
        known = KnownOptimum.of(SolvedSet(uninterrupted(solved.solution), solved.optimal_set))
        network = solved.solution.network if status == "not followed" else network
    if status == "proven" and not known.relative_gap <= MAX_CONFIRMED_GAP:
        status = "not excluded"
    return IntervalRecord(
        beta=beta,
        **known.to_json(),
        width=network.width,
        loss=problem.loss.value(problem.y, network.predict(problem.features), problem.weight),
        penalty=beta * float(network.masses.sum()),
        n_iter=len(interval.pieces),
        network=network,
        seconds=now() - started,
        upper=float(interval.upper * unit),
        lower=float(interval.lower * unit),
        followed=status,
        **_connections(interval),
    )


def _known_of_one(problem, point):
    """Return the `KnownOptimum` where the optimum is one network: its certificate says whether it is."""
    nu, n_directions = point.dual_point[problem.rows], len(point.signs)
    certificate = certify_problem(point.network, problem, dual_points=[nu], refit=False)
    values = certificate.price.local_values / max(certificate.price.value, np.finfo(float).tiny)
    below = np.sort(values)[::-1][n_directions:]
    return KnownOptimum(
        certificate.primal,
        certificate.dual,
        certificate.relative_gap,
        certificate.proof,
        m_star=n_directions,
        M_star=n_directions,
        m_star_bounds=(n_directions,) * 2,
        M_star_bounds=(n_directions,) * 2,
        is_unique=True,
        is_unique_function=True,
        dimension=0,
        n_directions=n_directions,
        margin=float(1.0 - below[0]) if len(below) else np.inf,
    )


def _connections(interval):
    """Return `connected_from` and `components` of an interval, None where it is not followed."""
    if not interval.pieces:
        return {"connected_from": None, "components": None}
    supports = np.zeros((len(interval.state.supports), len(interval.state.faces)), bool)
    for row, support in zip(supports, interval.state.supports, strict=True):
        row[list(support)] = True
    graph = SupportGraph(supports)
    last = graph.connected_from()
    return {
        "connected_from": last,
        "components": tuple(graph.n_components(width) for width in range(graph.m_star, last + 1)),
    }
