"""From the end of gradient descent to the stationary point beside it, and on from points that are no minima.

Ends of gradient descent chatter: on random data a good part of the neurons sits on a data hyperplane, which a fixed
step crosses for ever. The convex program restricted to the (pattern, sign) pairs beside the network's own neurons has
its optimum at the stationary point that the descent circles; Newton's method on its faces makes it exact.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import linear_sum_assignment

from .._utils.aliases import ArrayLike, Proof
from .._utils.norms import nonzero, norms
from .._utils.validation import check_count, check_positive
from ..network import TwoLayerReLU
from ..programs.posing import problem_of, refuse_outputs
from ..programs.scaling import scale_problem
from ..solvers._newton import move_neurons, take_full_steps
from ..solvers.base import build_network, uninterrupted
from ..solvers.restricted import solve_over_patterns
from .labels import KINK_SINE, label
from .merging import pruned

# Both sides of a hyperplane are tried when the sine of a neuron's angle to it is at most one of these, in turn.
TWO_SIDED_SINES = (1e-9, 1e-6, 1e-4, 1e-3, 1e-2)
# A neuron may be that close to 8 distinct rows: 2^8 patterns are tried.
MAX_TWO_SIDED_ROWS = 8
# Every distance is tried for 8 rounds of solving; 3 Newton steps make an answer exact.
MAX_POLISHING_ROUNDS, N_LAST_NEWTON_STEPS = 8, 3
# A polished network may be 1e-10 of the objective higher: that is rounding.
MAX_OBJECTIVE_RISE = 1e-10
# A step downhill is halved 60 times before it is given up.
MAX_HALVINGS = 60
# The cost of matching neurons of different signs: all others are cosines.
FORBIDDEN_MATCH_COST = 1e3


def polish(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    tol: float = 1e-8,
    sample_weight: ArrayLike | None = None,
) -> TwoLayerReLU:
    """Return the stationary network beside one that gradient descent has left near it.

    It has the same width: neurons that the program merges come back as parts of the merged neuron, in the shares that
    they had, and neurons that vanish come back as zero neurons. The objective does not rise beyond rounding
    (a part in 10^10).

    Parameters
    ----------
    network : TwoLayerReLU
        With one output.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
        Strength in ``1/2 sum_i w_i (y_i - f(x_i))^2 + beta/2 sum_j (||u_j||^2 + alpha_j^2)``.
    tol : float
        As in `classify`.
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    TwoLayerReLU
        Stationary to `tol` where that was reached; else the best network of this width that was met, which
        `classify` calls ``not-stationary``.
    """
    refuse_outputs(y)
    problem = problem_of(network, X, y, beta, sample_weight=sample_weight)
    problem.check_network(network)
    return polished(problem, network, check_positive(tol, "tol"))


def polished(problem, network, tol):
    """Return the polished network of a checked `Problem`; see `polish`."""
    best, least = network, problem.objective(network)
    for near in TWO_SIDED_SINES:
        # Solve over the pairs beside the neurons, again and again: the optimum may lie beside other hyperplanes.
        found = best
        for _ in range(MAX_POLISHING_ROUNDS):
            moved = _solve_beside(problem, found, near)
            if moved is None or problem.objective(moved) > least * (1.0 + MAX_OBJECTIVE_RISE):
                break
            found = moved
            if label(problem, found, tol, "heuristic").kind != "not-stationary":
                return found
        if problem.objective(found) < least:
            best, least = found, problem.objective(found)
    return best


def escape(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    max_rounds: int = 1,
    tol: float = 1e-8,
    proof: Proof = "auto",
    sample_weight: ArrayLike | None = None,
    n_jobs: int | None = None,
) -> TwoLayerReLU:
    """Leave a point that is no minimum, by its label; with more rounds polish and go on until a minimum is reached.

    A saddle is left through its zero neuron, a local minimum with dependent fits by the move at constant objective
    that makes one, any other point downhill. Global and strict local minima are returned as they are.

    Parameters
    ----------
    network, X, y, beta, tol, sample_weight
        See `polish`.
    max_rounds : int
        How often a point is left. After each but the last the network is polished.
    proof : {"auto", "exact", "bound", "heuristic"}
        See `classify`.
    n_jobs : int, optional

    Returns
    -------
    TwoLayerReLU
        A network of the same width and of a smaller objective, or the network that was given.
    """
    refuse_outputs(y)
    problem = problem_of(network, X, y, beta, sample_weight=sample_weight)
    for round_ in range(check_count(max_rounds, "max_rounds")):
        moved = _leave(problem, network, tol, proof, n_jobs)
        if moved is network:
            break
        network = moved if round_ + 1 == max_rounds else polished(problem, moved, tol)
    return network


def _leave(problem, network, tol, proof, n_jobs):
    """Return a network with a smaller objective, or the network itself at a minimum."""
    found = label(problem, network, tol, proof, n_jobs=n_jobs)
    if found.kind == "local-escapable":
        # Make the zero neuron that the dependence promises; the objective stays.
        network = pruned(problem, network).padded(network.width)
        found = label(problem, network, tol, proof, n_jobs=n_jobs)
    if found.kind == "saddle":
        return _grow_zero_neuron(problem, network, found)
    return _step_downhill(problem, network, found.step) if found.kind == "not-stationary" else network


def _grow_zero_neuron(problem, network, found):
    """Give a zero neuron the direction of the largest price, with the mass that is best beside the others."""
    direction, sign = found.price.direction, found.price.sign
    fit = problem.hidden_fits(direction[None])[:, 0]
    curvature = float(np.dot(problem.weight * fit, fit))
    # Along the new neuron f(c) = f(0) - (M - beta) c + curvature c^2 / 2; exact where no free term follows.
    mass = (found.price.value - problem.beta) / curvature
    neurons, outputs = network.neurons.copy(), network.output_weights.copy()
    k = int(np.argmin(np.maximum(norms(neurons), np.abs(outputs))))
    neurons[k], outputs[k] = np.sqrt(mass) * direction, sign * np.sqrt(mass)
    return _with_neurons(problem, neurons, outputs)


def _step_downhill(problem, network, step):
    """Return the network at the first length, halved from a large one, at which the objective is lower."""
    before, t = problem.objective(network), np.sqrt(norms(network.neurons).max(initial=1.0) ** 2 + 1.0)
    for _ in range(MAX_HALVINGS):
        moved = step.applied(network, t)
        if problem.objective(moved) < before:
            return moved
        t *= 0.5
    return network


def _with_neurons(problem, neurons, outputs):
    """Return the network with these neurons and the best free terms beside them."""
    masses = norms(neurons) * np.abs(outputs)
    return build_network(problem, neurons / nonzero(norms(neurons))[:, None], np.sign(outputs), masses)


def _solve_beside(problem, network, near):
    """Return the network at the optimum over the (pattern, sign) pairs beside its neurons; None where that fails."""
    active = np.flatnonzero(network.masses > 0)
    if len(active) == 0:
        return _with_neurons(problem, np.zeros_like(network.neurons), np.zeros(network.width))
    directions, signs, masses = network.directions[active], network.signs[active], network.masses[active]
    # The convex program over the (pattern, sign) pairs whose cones hold a neuron or are beside it.
    beside, scaled = _patterns_beside(problem, directions, near), scale_problem(problem)
    if beside is None or scaled is None:
        return None
    masks, owners = beside
    patterns, place = np.unique(masks, axis=0, return_inverse=True)
    blocks = np.zeros((2, len(patterns)), bool)
    blocks[(signs[owners] < 0).astype(int), place.reshape(-1)] = True
    point = uninterrupted(solve_over_patterns(problem, patterns, blocks=blocks, tol=1e-12)).point
    found, owner_signs = np.hstack([point.positive, point.negative]).T, np.repeat([1.0, -1.0], len(patterns))
    used = norms(found) > 0
    # Newton inside the cells: interior-point blocks are close to their kinks, and have to be on them.
    found, owner_signs = _refine_in_cells(scaled, found[used], owner_signs[used])
    return _spread_over_width(problem, network, active, (directions, signs, masses), found, owner_signs, near)


def _patterns_beside(problem, directions, near):
    """Return patterns (P, n_samples) of the cones beside unit directions, and whose they are; None for too many."""
    rows = problem.design / nonzero(norms(problem.design))[:, None]
    masks, owners = [], []
    for k, values in enumerate(directions @ rows.T):
        close = np.flatnonzero((np.abs(values) <= near) & np.any(rows != 0.0, axis=1))
        distinct, which = np.unique(rows[close], axis=0, return_inverse=True)
        if len(distinct) > MAX_TWO_SIDED_ROWS:
            return None
        for sides in product((False, True), repeat=len(distinct)):
            mask = values > 0
            mask[close] = np.array(sides, bool)[which.reshape(-1)]
            masks.append(mask)
            owners.append(k)
    return np.array(masks).reshape(-1, len(rows)), np.array(owners, int)


def _refine_in_cells(scaled, blocks, signs):
    """Return blocks with distinct directions after Newton's method inside their cells."""
    unit = scaled.y_scale / scaled.x_scale
    moved, signs = move_neurons(scaled, blocks / unit, signs)
    return take_full_steps(scaled, moved, signs, N_LAST_NEWTON_STEPS) * unit, signs


def _spread_over_width(problem, network, active, old, found, found_signs, near):
    """Return the network of the old width whose neurons share the blocks found; None where these are too many."""
    directions, signs, masses = old
    units = found / nonzero(norms(found))[:, None]
    cosines = directions @ units.T
    cosines[signs[:, None] != found_signs] = -np.inf
    if len(found) > len(directions):
        return None
    # Every block keeps at least one of the old neurons, the nearest of its sign.
    costs = np.where(np.isfinite(cosines), -cosines, FORBIDDEN_MATCH_COST)
    first, targets = linear_sum_assignment(costs)
    if len(found) and costs[first, targets].max() >= FORBIDDEN_MATCH_COST:
        return None
    owner = (
        np.where(np.isfinite(cosines).any(axis=1), cosines.argmax(axis=1), -1)
        if len(found)
        else -np.ones(len(signs), int)
    )
    owner[first] = targets
    away = (owner >= 0) & ~np.isin(np.arange(len(owner)), first)
    rows = problem.design / nonzero(norms(problem.design))[:, None]
    # The other neurons join the nearest block of their sign unless a hyperplane is between them.
    for k in np.flatnonzero(away):
        before, after = directions[k] @ rows.T, units[owner[k]] @ rows.T
        after[np.abs(after) <= KINK_SINE] = 0.0  # a neuron on a hyperplane is in the cones of both sides
        if np.any((before * after < 0) & (np.abs(before) > near)):
            owner[k] = -1
    neurons, outputs = np.zeros_like(network.neurons), np.zeros(network.width)
    for block in range(len(found)):
        members = np.flatnonzero(owner == block)
        # Parts of one block share its mass as they did before.
        shares = masses[members] / masses[members].sum()
        roots = np.sqrt(norms(found[block][None])[0] * shares)
        neurons[active[members]] = roots[:, None] * units[block]
        outputs[active[members]] = found_signs[block] * roots
    return _with_neurons(problem, neurons, outputs)
