"""From any network to an optimal one without the objective ever rising."""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr

from .._utils.aliases import ArrayLike, LossName, Proof
from .._utils.norms import nonzero, norms
from .._utils.validation import check_choice, check_positive, deadline_after
from ..duality.certificate import certify_problem
from ..duality.pricing import PROOFS
from ..exceptions import InvalidInputError
from ..masses.pruning import pruning_steps
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network, problem_of
from ..solvers.base import assemble, free_terms
from ._simplex import MIN_AMOUNT_SHARE, Basis, along, cheapest
from .paths import MassLegs, NetworkPath, weighted_fits
from .placements import Walk

MIN_LEG_SINGULAR_VALUE = 1e-10  # fits of unit norm with a smaller one depend on each other, and are pruned
MIN_SPAN_SINGULAR_VALUE = 1e-12  # a basis needs no column for a smaller one: far below, so that pruned fits fit in


def descent_path(
    network: TwoLayerReLU,
    target: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    tol: float = 1e-6,
    proof: Proof = "auto",
    time_limit: float | None = None,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    n_jobs: int | None = None,
) -> NetworkPath:
    """Join any network to a globally optimal one of its width by a path along which the objective never rises.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||alpha_j||^2)``. A width of
    ``n_samples * n_outputs + 1`` is always enough: from there on no network is caught in a valley that is not global.

    Parameters
    ----------
    network : TwoLayerReLU
        Where the path begins: unbalanced, dead and dependent neurons are welcome. The problem has exactly the free
        terms that it has.
    target : TwoLayerReLU
        Where the path ends: a global optimum of the same width (see `TwoLayerReLU.padded`).
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    beta : float
    tol : float
        Largest relative gap of the target. The objective may rise by the gap that the target has, and no more.
    proof : {"auto", "exact", "bound", "heuristic"}
        How the gap of the target is known, see `price`. With ``"heuristic"`` the visible gap stands for it, and the
        path falls as far as the local ascents saw.
    time_limit : float, optional
        Seconds for the proof.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "logistic", "multinomial"}
        Those with one optimal fit: labels -1 and 1 for logistic; one-hot rows y for multinomial.
    n_jobs : int, optional
        Threads of the proof; the answer does not depend on it.

    Returns
    -------
    NetworkPath

    Raises
    ------
    ValueError
        When the widths or the terms of the two networks differ, the width is too small for the path, or the target's
        gap exceeds `tol`.
    SolverError
        When rounding led the walk astray, on fits that are nearly dependent.

    Notes
    -----
    Both networks are balanced and pruned until their fits are linearly independent, which never raises the objective.
    Between the two, ``v(t) = min {sum(a) : fits a = (1 - t) fit_A + t fit_B, a >= 0}`` over the directions of both is
    a parametric linear program. L + beta v is convex in t with its minimum at t = 1, so it falls. The pivots of the
    simplex method give the masses, with at most one neuron more in use than the rank of the fits. [1]_ With several
    outputs a fit is a matrix ``(X u)_+ a^T`` with a unit vector a, taken as a vector of ``n_samples * n_outputs``
    entries; nothing else changes (see :doc:`/mathematics`).

    References
    ----------
    .. [1] S. Kim, A. Mishkin, M. Pilanci, "Exploring the loss landscape of regularized neural networks via convex
       duality", ICLR 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import TwoLayerReLU, descent_path, optimal_set
    >>> X, y = [[-np.sqrt(3), 1], [np.sqrt(3), 1]], [1, 1]
    >>> target = optimal_set(X, y, 0.1).minimal_network().padded(3)
    >>> start = TwoLayerReLU([[1, 0], [2, 1], [0, 0]], [-1, 0.5, 1])
    >>> path = descent_path(start, target, X, y, 0.1)
    >>> values = [path.objective(t) for t in np.linspace(0, 1, 101)]
    >>> round(values[0], 4), round(values[-1], 4), bool(max(np.diff(values)) < 1e-12)
    (1.0375, 0.0975, True)
    """
    check_positive(tol, "tol")
    check_choice(proof, "proof", PROOFS)
    deadline = deadline_after(time_limit)
    problem = problem_of(network, X, y, beta, sample_weight=sample_weight, loss=loss, losses=_losses(y))
    _check_pair(network, target, problem)
    certificate = certify_problem(target, problem, proof=proof, deadline=deadline, n_jobs=n_jobs)
    _check_gap(certificate, tol, proof)
    return join_by_descent(problem, network, target)


def _losses(y):
    """Names of the losses that have one optimal fit, so that the free terms on the way are one path too."""
    return ("squared", "logistic", "multinomial")[: 3 if np.ndim(y) == 2 else 2]


def _check_pair(network, target, problem):
    check_is_network(target, "target")
    problem.check_terms(network)
    problem.check_terms(target, "target")
    if network.width != target.width:
        raise InvalidInputError(
            f"network and target must have the same width; got {network.width} and {target.width}: pad one of them."
        )


def _check_gap(certificate, tol, proof):
    gap = certificate.heuristic_gap if proof == "heuristic" else certificate.relative_gap
    if gap > tol:
        seen = "" if proof == "heuristic" else f" ({certificate.proof}; visible: {certificate.heuristic_gap:.2e})"
        raise InvalidInputError(
            f"target must be globally optimal to tol={tol:g}; its relative gap is {gap:.2e}{seen}. Train it further, "
            f"raise tol, or, where no proof is within reach, go by the visible gap with proof='heuristic'."
        )


def join_by_descent(problem, network, target):
    """Join two networks of one problem; the target is optimal."""
    first, last = Balancing(problem, network), Balancing(problem, target)
    directions = np.vstack([first.balanced.directions, last.balanced.directions])
    signs = np.concatenate([first.balanced.output_directions, last.balanced.output_directions])
    masses = np.append(first.balanced.masses, last.balanced.masses)
    total = nonzero(masses.max(initial=0.0))
    columns = weighted_fits(problem, directions, signs)
    labels = np.arange(len(masses))
    ends = np.split(labels, [network.width])
    walk, goal = (Walk(own, masses[own] / total) for own in ends)
    # Prune both to independent fits; the cheapest way between them; then the neurons into their slots.
    for one in (walk, goal):
        for point in pruning_steps(columns, one.totals(len(masses)), MIN_LEG_SINGULAR_VALUE):
            one.to(point)
    for point in _crossing(columns, walk, goal):
        walk.to(point)
    walk.arrange(goal)
    legs = MassLegs(problem, directions, signs, total).legs(walk.segments + goal.back())
    # All of it between the balancing of the one network and that of the other, walked backwards.
    return NetworkPath(problem, [first.forth, *legs, last.back], (network, target))


class Balancing:
    """From a network to its balanced form with the free terms that fit best: the objective falls all the way."""

    def __init__(self, problem, network):
        self.problem, self.network = problem, network
        balanced = network.balanced()
        hidden_fit = problem.hidden_fit(balanced.neurons, balanced.output_weights)
        self.own, self.best = free_terms(network), problem.free_coefficients(hidden_fit)
        self.balanced = self.forth(1.0)

    def forth(self, share):
        """The network after this share of the way, in its neurons and in its free terms."""
        moved = self.network.partly_balanced(share)
        free = (1.0 - share) * self.own + share * self.best
        return assemble(self.problem, moved.neurons, moved.output_weights, free)

    def back(self, share):
        """The same way, walked from its end."""
        return self.forth(1.0 - share)


def _crossing(columns, walk, goal):
    """Return the points of a falling way between two placements whose fits are independent."""
    shares = [one.totals(columns.shape[1]) for one in (walk, goal)]
    used = np.flatnonzero((shares[0] > 0) | (shares[1] > 0))
    if len(used) == 0:
        return []
    sizes = norms(columns[:, used].T)
    units, amounts = columns[:, used] / sizes, [one[used] * sizes / sizes.max() for one in shares]
    points = []
    for amount in _cheapest_way(units, amounts, sizes.max() / sizes, len(walk.labels)):
        point = np.zeros(columns.shape[1])
        point[used] = np.where(amount > MIN_AMOUNT_SHARE * amount.max(), amount, 0.0) * (sizes.max() / sizes)
        points.append(point)
    return points


def _cheapest_way(units, amounts, costs, width):
    """Points from the first to the second of two basic solutions, along the cheapest solutions of the fits between."""
    members = _independent(units, np.flatnonzero(amounts[0] > 0))
    frame = qr(units[:, members], mode="economic")[0]
    if len(members) + 1 > width:
        raise InvalidInputError(
            f"network must have a width of {len(members) + 1} or more for a path to this target; got {width}: pad "
            f"both. The number of entries of y plus one is always enough."
        )
    units = frame.T @ units
    start, end = (units @ amount for amount in amounts)
    # v(0): the cheapest masses with the fit of the start. The objective falls with the mass.
    points, basis = cheapest(Basis(units, members), start, costs)
    # v(t) for t from 0 to 1: L + beta v is convex in t with its minimum at t = 1, so it falls.
    swept, basis = along(basis, start, end - start, costs)
    # v(1) may be another vertex than that which the target leads to: walk between the two, at no cost.
    others = _independent(units, np.flatnonzero(amounts[1] > 0), len(members))
    back = [amounts[1], *cheapest(Basis(units, others), end, costs)[0]]
    corner = back[-1]
    free_of_charge = (basis.reduced_costs(costs) <= 0.0) | (corner > 0)
    over = cheapest(basis, end, np.where(corner > 0, 0.0, 1.0), free_of_charge)[0]
    return points + swept + over + back[::-1]


def _independent(units, first, rank=None):
    """Return the numbers of `rank` independent columns, beginning with the independent ones in `first`.

    By default as many as span all.
    """
    frame = qr(units[:, first], mode="economic")[0] if len(first) else np.zeros((len(units), 0))
    rest = units - frame @ (frame.T @ units)
    rest[:, first] = 0.0
    triangle, order = qr(rest, mode="r", pivoting=True)
    sizes = np.abs(np.diag(triangle))
    n_more = np.count_nonzero(sizes > MIN_SPAN_SINGULAR_VALUE) if rank is None else rank - len(first)
    return np.append(first, order[:n_more]).astype(int)
