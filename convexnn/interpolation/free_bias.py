"""Minimum-norm interpolation with a free affine term and a hidden bias that costs nothing.

On one input the data joined by straight lines are optimal, which is exact: the cost of a function is the total
variation of its slope. On several inputs the bias is penalised very little instead, which changes the cost by less than
the tolerance; the certificate is that of the problem as it is posed, so it owes nothing to this.
"""

from dataclasses import dataclass, replace

import numpy as np

from .._utils.norms import norms
from .._utils.validation import is_late
from ..solvers.base import Status, assemble, conclude, proof_options
from ..solvers.column_generation import MAX_ITER
from .certificate import certify_interpolant
from .solver import solve_interpolation

# The bias column is 1e4 times the radius of the data: a bias then costs at most 5e-9 of its neuron.
BIAS_COLUMN_OVER_RADIUS = 1e4
# Neurons at violating directions start with 1e-12 of the largest mass: enough to be seen, too little to be felt.
START_MASS_SHARE = 1e-12
# A slope between two points carries 16 units in the last place of rounding of its targets.
SLOPE_ROUNDING = 16 * np.finfo(float).eps


def solve_free_bias(problem, *, tol=1e-6, max_iter=MAX_ITER, deadline=None, proof="auto", n_jobs=None, **options):
    """Return (Solution, dual point) where the bias is not penalised; see `solve_interpolation`."""
    proving = proof_options(tol, proof, deadline, n_jobs)
    if problem.features.shape[1] == 1:
        # One input: the lines between neighbours are optimal, and their dual point is known in closed form.
        dots = join_the_dots(problem)
        network, nu = dots.network(problem), dots.dual_point()
        certificate = certify_interpolant(network, problem, nu, **proving)
        return conclude(network, certificate, Status.converged, tol=tol, n_iter=1, history=[]), nu
    posed, start, left, history = _with_large_bias(problem), None, max_iter, []
    options |= {"tol": 0.1 * tol, "deadline": deadline, "proof": "heuristic", "n_jobs": n_jobs}
    # Several inputs: solve with a cheap penalised bias, and judge by the certificate of the problem as posed.
    # Directions whose price it finds to be above 1 start the next solution.
    while True:
        inner, nu = solve_interpolation(posed, max_iter=max(1, left), start=start, **options)
        network, left, history = _in_given_units(problem, inner.network), left - inner.n_iter, history + inner.history
        certificate = certify_interpolant(network, problem, nu, **proving)
        ended = inner.status in (Status.time_limit, Status.interrupted) or is_late(deadline)
        if certificate.heuristic_gap <= tol or ended or left <= 0 or np.all(certificate.price.local_values <= 1.0):
            reached = certificate.heuristic_gap <= tol  # for the problem as posed, however the inner run ended
            status = Status.converged if reached else Status.max_iter if left <= 0 else inner.status
            ended = {"tol": tol, "n_iter": max_iter - left, "history": history}
            return conclude(network, certificate, status, **ended), nu
        start = _add_violators(problem, posed, inner.network, certificate.price)


def _add_violators(problem, posed, network, price):
    """Return the network of the scaled problem with tiny neurons added at the directions whose price is above 1."""
    above = (price.local_values > 1.0) & (price.local_signs != 0)
    weights, biases = price.local_directions[above, :-1], price.local_directions[above, -1]
    shift = (biases + weights @ problem.features.mean(axis=0)) / posed.design[0, -1]
    root = np.sqrt(START_MASS_SHARE * network.masses.max(initial=0.0))
    neurons = root * np.column_stack([weights, shift])
    return replace(
        network,
        hidden_weights=np.vstack([network.hidden_weights, neurons]),
        output_weights=np.append(network.output_weights, root * price.local_signs[above]),
    )


@dataclass(frozen=True)
class Dots:
    """Points in the plane, from left to right, joined by straight lines.

    Attributes
    ----------
    x, y : ndarray of shape (n,)
    rows : ndarray of shape (n,)
        Where each point stands in the problem.
    changes : ndarray of shape (n - 2,)
        By how much the slope changes at every inner point; zero where that is rounding.
    """

    x: np.ndarray
    y: np.ndarray
    rows: np.ndarray
    changes: np.ndarray

    @property
    def convex_runs(self):
        """Numbers j of the inner points whose slope changes the same way as at the next inner point."""
        return np.flatnonzero(self.changes[:-1] * self.changes[1:] > 0)

    @property
    def is_unique(self):
        """Whether no other function of this cost meets the points.

        An optimal dual point is any ``eta(t) = nu^T (x - t)_+`` that is piecewise linear between the points, 0 at both
        ends, and the sign of the change where there is one; elsewhere it may be less than 1 in size. Every optimal
        function bends only where ``|eta| = 1``: at the points, or between two neighbours of the same sign. So it is
        the lines unless there are such neighbours, and there the two bends may be merged into one at no cost.
        """
        return len(self.convex_runs) == 0

    def dual_point(self):
        """Return the nu whose eta is the sign of the change at every inner point, in the order of the problem."""
        nu = np.zeros(len(self.x))
        if len(self.x) > 2:
            # nu holds the jumps of the slope of eta, which is linear between the points.
            eta = np.concatenate([[0.0], np.sign(self.changes), [0.0]])
            slopes = np.concatenate([[0.0], np.diff(eta) / np.diff(self.x), [0.0]])
            nu[self.rows] = np.diff(slopes)
        return nu

    def network(self, problem, merged=()):
        """Return the lines as a network; for every j of `merged` the bends at inner points j, j + 1 are one."""
        places, changes = self.x[1:-1].copy(), self.changes.copy()
        for j in merged:
            # Two bends of one sign cost |c_1| + |c_2|, as does one at their weighted mean with the same lines outside.
            total = changes[j] + changes[j + 1]
            places[j + 1] = (changes[j] * places[j] + changes[j + 1] * places[j + 1]) / total
            changes[j], changes[j + 1] = 0.0, total
        bends = changes != 0.0
        # c (x - t)_+ is the neuron (sqrt|c|, -sqrt|c| t) with the output weight sign(c) sqrt|c|.
        root = np.sqrt(np.abs(changes[bends]))
        neurons, outputs = np.column_stack([root, -root * places[bends]]), np.sign(changes[bends]) * root
        slope = (self.y[1] - self.y[0]) / (self.x[1] - self.x[0]) if len(self.x) > 1 else 0.0
        return assemble(problem, neurons, outputs, np.array([slope, self.y[0] - slope * self.x[0]]))


def join_the_dots(problem):
    """Return the `Dots` of an `InterpolationProblem` on one input."""
    rows = np.argsort(problem.features[:, 0])
    x, y = problem.features[rows, 0], problem.y[rows]
    steps = np.diff(x)
    slopes, errors = np.diff(y) / steps, SLOPE_ROUNDING * (np.abs(y[1:]) + np.abs(y[:-1])) / steps
    changes = np.diff(slopes)
    # A change of slope below its own rounding is none: it would be a neuron of no meaning.
    changes[np.abs(changes) <= errors[1:] + errors[:-1]] = 0.0
    return Dots(x, y, rows, changes)


def _with_large_bias(problem):
    """The problem with centred features and a penalised bias that is cheap: a large column, also a free term."""
    centred = problem.features - problem.features.mean(axis=0)
    radius = norms(centred).max()
    design = np.column_stack([centred, np.full(len(centred), BIAS_COLUMN_OVER_RADIUS * radius if radius > 0 else 1.0)])
    flags = {"hidden_bias": False, "fit_intercept": False, "skip_connection": True, "penalize_bias": True}
    return replace(problem, design=design, free=design, **flags)


def _in_given_units(problem, network):
    """The network of the problem as posed: balanced without its biases, which are put back in their scale."""
    centre = problem.features.mean(axis=0)
    scale = _with_large_bias(problem).design[0, -1]
    weights, sizes = network.directions[:, :-1], norms(network.directions[:, :-1])
    biases = network.directions[:, -1] * scale - weights @ centre
    used = (sizes > 0) & (network.masses > 0)
    # Balanced without the bias: ||w|| = |alpha|.
    inner, outer = np.sqrt(network.masses[used] / sizes[used]), np.sqrt(network.masses[used] * sizes[used])
    neurons = inner[:, None] * np.column_stack([weights, biases])[used]
    outputs = network.signs[used] * outer
    return assemble(problem, neurons, outputs, problem.free_coefficients(problem.hidden_fit(neurons, outputs)))
