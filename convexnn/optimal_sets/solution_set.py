"""`OptimalSet`: all globally optimal networks of a training problem, at every width."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np

from .._utils.aliases import ArrayLike, LossName
from .._utils.display import figure, share_above
from .._utils.progress import reporting
from .._utils.validation import check_count, check_verbose, deadline_after
from ..exceptions import InvalidInputError, SolverError
from ..masses.lasso import best_masses
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network, make_problem, refuse_column
from ..programs.problem import Problem
from ..programs.scaling import scale_problem
from ..solvers.base import Solution, build_network, uninterrupted
from ..solvers.small_strength import Optimum, solve_to_all_digits
from ..solvers.solve import solve
from .best import Selectable
from .directions import MORE_DIGITS, OptimalDirections, optimal_directions
from .mass_set import MassSet
from .members import Members, check_same_width
from .paths import MassLegs, NetworkPath, PathFinder, between
from .polytope import MAX_ZERO_SHARE
from .vector_set import VectorOptimalSet, vector_optimal_set_of

VERTEX_LIMIT = 20_000  # a list of more vertices is refused, by default
SOLVER_TOLERANCE = 1e-9  # relative gap to which the optimum is proven
MIN_MARGIN = 1e-5  # a margin below 1e-5 of beta between optimal directions and others is warned of
MAX_DIRECTION_ERROR = 1e-4  # neurons of optimal networks are that close to a direction, by entries of unit vectors
MAX_FUNCTION_CHANGE = 1e-6  # the function is one if no unit edge changes its kinks by more
MAX_COSINE_DEFECT = 1e-10  # directions are on one line where 1 - |cosine|, half the squared angle, is below
MAX_SHARE_ERROR = 1e-7  # placements that differ by less than this share of the total mass are the same
MAX_FIT_ERROR = 1e-7  # the directions may leave this share of the optimal fit
MIN_COUNTED_SHARE = 1e-13  # less than this share of the total mass is rounding and no neuron


def optimal_set(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    vertex_limit: int = VERTEX_LIMIT,
    time_limit: float | None = None,
    start: TwoLayerReLU | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> OptimalSet | VectorOptimalSet:
    """Find all globally optimal networks of a training problem.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` over all widths.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        With several outputs the optimal networks are in general no polytope: see `VectorOptimalSet` for what is known.
    beta : float
    hidden_bias, fit_intercept, skip_connection : bool
        A penalised bias of the hidden neurons; an unpenalised intercept; unpenalised linear terms.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "logistic", "multinomial"}
        Those with one optimal fit, multinomial for one-hot rows y; others are refused.
    vertex_limit : int
        Where the polytope has more vertices than this, 20 000 by default, they are not listed; the time that is spent
        on it grows with the square.
    time_limit : float, optional
        Seconds for training and for listing the directions.
    start : TwoLayerReLU, optional
        A network to start training from, such as one that is optimal already: the set does not depend on it.
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    verbose : int
        1 prints a line for every round of training and every second of the proof and of listing the vertices (which
        is done when they are first asked for), 2 more; where the last two are long, a terminal gets a bar.

    Returns
    -------
    OptimalSet
        Of one output; a `VectorOptimalSet` of several.

    Raises
    ------
    ValueError
        For bad input.
    SolverError
        When optimality could not be proven: without the proof directions may be missing. When the dual point is not
        known to enough digits to tell which directions are optimal: its price is off beta on either side, rounding
        leaves the price of a direction open, or the directions do not give the optimal fit.
    KeyboardInterrupt
        When interrupted: half a set is none.

    Warns
    -----
    UserWarning
        When the margin between the last direction accepted and the first one rejected is thin, and when an optimal
        network has a neuron whose share of the total mass is at most 1e-8: it is not counted.

    References
    ----------
    .. [1] S. Kim, A. Mishkin, M. Pilanci, "Exploring the loss landscape of regularized neural networks via convex
       duality", ICLR 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> found = optimal_set([[-np.sqrt(3), 1], [np.sqrt(3), 1]], [1, 1], 0.1)
    >>> found.m_star, found.M_star, [found.n_components(width) for width in (1, 2, 3)]
    (1, 2, [1, 3, 1])
    """
    refuse_column(y)
    problem = make_problem(
        X,
        y,
        beta,
        hidden_bias=hidden_bias,
        fit_intercept=fit_intercept,
        skip_connection=skip_connection,
        sample_weight=sample_weight,
        loss=loss,
    )
    options = {"time_limit": time_limit, "n_jobs": n_jobs, "verbose": check_verbose(verbose)}
    if start is not None:
        check_is_network(start, "start")
        problem.check_terms(start, "start")
    return optimal_set_of(problem, vertex_limit=vertex_limit, start=start, **options)


def optimal_set_of(problem, *, vertex_limit=VERTEX_LIMIT, time_limit=None, start=None, n_jobs=None, verbose=0):
    """Return the `OptimalSet`, or `VectorOptimalSet`, of a checked `Problem`; see `optimal_set`."""
    vertex_limit, deadline = check_count(vertex_limit, "vertex_limit"), deadline_after(time_limit)
    options = {"deadline": deadline, "n_jobs": n_jobs, "start": start}
    if problem.y.ndim == 2:
        with reporting(verbose, deadline) as reporter:
            return vector_optimal_set_of(problem, report=reporter.round, **options)
    if problem.has_free_bias:
        raise InvalidInputError(
            "the optimal set needs a penalised hidden bias: with penalize_bias=False the optimal directions may be a "
            "continuum."
        )
    if not problem.loss.is_strictly_convex:
        raise InvalidInputError(
            f"the optimal set is described for losses that are strictly convex, squared and logistic: with the "
            f"{problem.loss.name} loss optimal networks may differ in their fits, and no polytope of masses holds them "
            f"all. Training, certificates and paths over beta do not need one fit."
        )
    with reporting(verbose, deadline) as reporter:
        solved = solve_set(problem, vertex_limit=vertex_limit, report=reporter.round, **options)
    if solved.optimal_set is None:
        raise solved.obstacle
    solved.optimal_set.verbose = verbose
    warn_of(solved.optimal_set)
    return solved.optimal_set


@dataclass(frozen=True)
class SolvedSet:
    """The optimum of a problem, and the set of all its optima where that can be described.

    Attributes
    ----------
    solution : Solution
    optimal_set : OptimalSet or None
        None where optimality was not proven, or the directions are not known to enough digits.
    obstacle : SolverError or None
        Why there is no set.
    """

    solution: Solution
    optimal_set: OptimalSet | None = None
    obstacle: SolverError | None = None


def solve_set(
    problem, *, proof="exact", vertex_limit=VERTEX_LIMIT, deadline=None, n_jobs=None, start=None, report=None
):
    """Train on a `Problem` to all digits and describe the set of its optima; return a `SolvedSet`.

    With a loss that is not strictly convex optimal networks may differ in their fits, and with several outputs they are
    no polytope, nor with a hidden bias that costs nothing: there is no set, and no obstacle.

    Raises
    ------
    KeyboardInterrupt
        When interrupted: there is no optimum yet.
    """
    # The set is the same whatever the starts: a fixed generator makes it so to the last bit.
    options = {"deadline": deadline, "proof": proof, "n_jobs": n_jobs, "rng": np.random.default_rng(0)}
    if problem.y.ndim == 2 or problem.has_free_bias:
        return SolvedSet(uninterrupted(solve(problem, start=start, report=report, **options)))
    optimum = solve_to_all_digits(problem, tol=SOLVER_TOLERANCE, start=start, report=report, **options)
    if not problem.loss.is_strictly_convex:
        return SolvedSet(optimum.solution)
    try:
        return SolvedSet(optimum.solution, OptimalSet(problem, optimum, vertex_limit, deadline, n_jobs))
    except SolverError as obstacle:
        return SolvedSet(optimum.solution, obstacle=obstacle)


def warn_of(found):
    """Warn where a set is not known to be what it seems: a thin margin, or masses that are too small to count."""
    if found.margin < MIN_MARGIN:
        warnings.warn(
            f"the margin between the optimal directions and the next one is thin ({found.margin:.1e}): the set may "
            f"change under perturbations of that size.",
            UserWarning,
            stacklevel=4,
        )
    share = found.uncounted_share
    if share > 0.0:
        warnings.warn(
            f"an optimal network has a neuron with the share {share:.1e} of the total mass. Shares up to "
            f"{MAX_ZERO_SHARE:.0e} count as none: m*, M* and the counts are those without it.",
            UserWarning,
            stacklevel=4,
        )


class OptimalSet(Selectable, Members, MassSet):
    """All globally optimal networks of one training problem.

    Every optimal network puts balanced masses ``c >= 0`` on the same finitely many directions, with ``F c = y*``.

    Attributes
    ----------
    problem : Problem
        The training problem: design, y, weight, beta and free terms.
    optimal_value : float
        p*, the smallest objective over all widths.
    optimal_fit : ndarray of shape (n_kept,)
        The values of the hidden layer on the rows of positive weight (unique modulo the free terms).
    dual_point : ndarray of shape (n_samples,)
        ``nu* = -grad L``; ``|nu*^T (X u)_+| <= beta`` on the unit ball; 0 at rows of weight zero.
    directions, signs : ndarrays of shape (K, n_inputs) and (K,)
        The bias comes last where there is one.
    fits : ndarray of shape (n_kept, K)
        ``s_k (X u_k)_+`` on the rows of positive weight.
    total_mass : float
        Sum of the masses, the same for every optimal network.
    margin : float
        See `OptimalDirections`.
    """

    def __init__(
        self, problem: Problem, optimum: Optimum, vertex_limit: int, deadline: float | None, n_jobs: int | None
    ) -> None:
        solution, shifted = optimum.solution, optimum.shifted
        # The gap decides: a bound on the price may be just too wide for the word "exact", and prove the optimum still.
        if solution.certificate.relative_gap > 10 * SOLVER_TOLERANCE:
            raise SolverError(
                f"the optimal set needs a proven optimum; the relative gap reached is "
                f"{share_above(solution.certificate.relative_gap, digits=2)} ({solution.certificate.proof})."
            )
        self.problem = problem
        self.optimal_value = solution.certificate.primal
        network = solution.network
        # In this order: the dual point nu*, its maximisers, their fits F, and one point of {c >= 0 : F c = y*}.
        hidden = problem.hidden_fit(network.neurons, network.output_weights)
        self.dual_point = problem.spread(problem.beta * optimum.point)
        if network.width == 0:
            none = np.zeros((0, problem.design.shape[1]))
            found = OptimalDirections(none, np.zeros(0), np.inf)
        else:
            found = optimal_directions(
                problem.design, optimum.point, optimum.doubt, problem.beta, deadline=deadline, n_jobs=n_jobs
            )
        self.signs, self.margin = found.signs, found.margin
        self.fits = problem.hidden_fits(found.directions) * self.signs
        columns, shares, scale = self._masses_of(shifted, found, hidden)
        super().__init__(found.directions, columns, shares, scale, vertex_limit)
        self.optimal_fit = self.fits @ (shares * scale)
        self._check_point(hidden)

    def _check_point(self, hidden):
        """Refuse directions on which the optimal fit, or the optimal value, cannot be had."""
        root = np.sqrt(self.problem.weight)
        wanted = self.problem.project(root * hidden)
        size = max(float(np.linalg.norm(wanted)), np.finfo(float).tiny)
        # ||F c - y*|| / ||y*|| modulo the free terms, in the weighted norm.
        error = float(np.linalg.norm(self.problem.project(root * self.optimal_fit) - wanted)) / size
        if error > MAX_FIT_ERROR:
            raise SolverError(
                f"the optimal directions that were found do not give the optimal fit: they leave {error:.1e} of it. "
                f"{MORE_DIGITS}"
            )

    def _masses_of(self, shifted, found, hidden):
        """Return the projected fits in units of ||y*||, one point of the polytope summing to one, and its total."""
        if len(found.signs) == 0:
            return np.zeros((len(hidden), 0)), np.zeros(0), 0.0
        # The shifted problem has the same optimal networks, at a strength at which masses are known to all digits.
        scaled = scale_problem(shifted.model(hidden))
        fits = scaled.fits(found.directions, found.signs)
        masses = best_masses(fits, scaled.target, scaled.beta)
        total = float(masses.sum())
        size = np.linalg.norm(fits @ masses)
        return fits * (total / size), masses / total, total * scaled.y_scale / scaled.x_scale

    @property
    def uncounted_share(self) -> float:
        """Largest share of the total mass that a direction has at no optimum more of, and that counts as none."""
        small = (self._shares > MIN_COUNTED_SHARE) & (self._shares <= MAX_ZERO_SHARE)
        if small.any():
            small[self._polytope.free] = False
        return float(self._shares.max(initial=0.0, where=small))

    @property
    def is_unique_function(self) -> bool:
        """Whether all optimal networks are one function on the whole space, modulo the free terms.

        The function is linear in the masses: it is enough that no edge of their polytope changes it. The vertices
        need not be listed.
        """
        if self.dimension == 0:
            return True
        # The function is linear in the masses: it is one if every edge of the affine hull leaves it as it is.
        moves = np.zeros((len(self.signs), self.dimension))
        moves[self._polytope.free] = self._polytope.edges
        return bool(np.abs(self._function_form(moves)).max() <= MAX_FUNCTION_CHANGE)

    def _function_form(self, masses):
        """The functions of masses (K, n) in a basis: a kink mass for every line of directions, and a linear part."""
        cosines = self.directions @ self.directions.T
        line = (np.abs(cosines) > 1.0 - MAX_COSINE_DEFECT).argmax(axis=1)  # the first direction of a line stands for it
        # (-z)_+ = (z)_+ - z: directions that point the other way add a linear part to the kink of their line.
        flipped = cosines[np.arange(len(line)), line] < 0
        signed = self.signs[:, None] * masses
        kinks = (line == np.arange(len(line))[:, None]) @ signed
        linear = (self.directions * flipped[:, None]).T @ signed
        # A skip and an intercept take up linear and constant parts: these need not agree.
        fixed = np.full(len(linear), not self.problem.skip_connection)
        if self.problem.hidden_bias:
            fixed[-1] = not self.problem.fit_intercept
        return np.vstack([kinks, linear[fixed]])

    def network(self, masses: ArrayLike, width: int | None = None) -> TwoLayerReLU:
        """Return the optimal network with these masses on the directions, padded by zero neurons to `width`.

        Parameters
        ----------
        masses : array-like of shape (K,)
            Non-negative, with ``fits masses = optimal_fit`` modulo the free terms.
        width : int, optional

        Raises
        ------
        ValueError
            When the masses are not optimal or need more neurons than `width`.
        """
        masses = self._check_masses(masses)
        active = masses > MAX_ZERO_SHARE * self.total_mass
        network = build_network(self.problem, self.directions[active], self.signs[active], masses[active])
        if width is None:
            return network
        if check_count(width, "width", minimum=0) < network.width:
            raise InvalidInputError(f"width must be at least {network.width}, the number of masses; got {width!r}.")
        return network.padded(width)

    def minimal_network(self) -> TwoLayerReLU:
        """Return an optimal network of width m*, or of the upper bound on it when m* is not known."""
        network = self.network(self._widths.fewest * self.total_mass)
        if not self.contains(network):
            raise SolverError(
                f"the network of the fewest neurons that were found has the objective "
                f"{self.problem.objective(network):.10g}, not the optimal value {self.optimal_value:.10g}: its "
                f"directions are not known to enough digits. {MORE_DIGITS}"
            )
        return network

    def path(self, a: TwoLayerReLU, b: TwoLayerReLU) -> NetworkPath | None:
        """Return a `NetworkPath` of optimal networks from a to b, None when they lie in different components.

        Along the path the objective is constant to rounding. Its first and last legs join the networks, which are
        optimal to a tolerance, to the optimal directions; on all others the masses are linear.

        Raises
        ------
        ValueError
            When the widths differ, or a network is not optimal.
        """
        check_same_width(a, b)
        (labels, shares), goal = (self._placement(network, name) for network, name in ((a, "a"), (b, "b")))
        if np.array_equal(labels, goal[0]) and np.allclose(shares, goal[1], atol=MAX_SHARE_ERROR):
            return NetworkPath(self.problem, [partial(between, a, b)], (a, b))
        # The middle of the path is a walk on the polytope; its ends lead to the networks as they were given.
        segments = PathFinder(self._columns, self.vertices / self.total_mass).connect((labels, shares), goal)
        if segments is None:
            return None
        legs = MassLegs(self.problem, self.directions, self.signs, self.total_mass).legs(segments)
        ends = partial(between, a, legs[0](0.0)), partial(between, legs[-1](1.0), b)
        return NetworkPath(self.problem, [ends[0], *legs, ends[1]], (a, b))

    def _placement(self, network, name):
        """Labels of the optimal directions and shares of the mass of every neuron of an optimal network."""
        self._check_member(network, name)
        labels, shares = np.zeros(network.width, int), np.zeros(network.width)
        for j in np.flatnonzero(network.masses > MAX_ZERO_SHARE * self.total_mass):
            distance = np.abs(self.directions - network.directions[j]).max(axis=1)
            # A direction of the other sign is no place for a neuron, however near it is.
            distance[self.signs != network.signs[j]] = np.inf
            labels[j] = int(np.argmin(distance))
            if distance[labels[j]] > MAX_DIRECTION_ERROR:
                raise InvalidInputError(
                    f"{name} must put its mass on the optimal directions; neuron {j} is {distance[labels[j]]:.1e} away "
                    f"from the nearest one."
                )
            shares[j] = network.masses[j] / self.total_mass
        return labels, shares

    def __repr__(self):
        return (
            f"{type(self).__name__}(p* = {self.optimal_value:.10g}, {len(self.signs)} directions, "
            f"dimension {self.dimension}, margin {self.margin:.1e})"
        )

    def _shown(self):
        return f"{type(self).__name__}: all globally optimal networks", [
            ("optimal value", f"{figure(self.optimal_value)} (proven)"),
            ("directions", str(len(self.signs))),
            ("dimension", f"{self.dimension}{', one network' if self.is_unique else ''}"),
            ("margin", f"{self.margin:.1e}"),
            *self._shown_widths(),
        ]
