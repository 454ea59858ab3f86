"""Training, certifying and pricing parallel three-layer networks by the conic programs over all cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.norms import norms
from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from ..masses.lasso import best_masses
from ..masses.pruning import prune_masses
from .cells import MAX_BLOCKS, make_cells
from .network import ThreeLayerReLU
from .program import ConicForm, solve_price, solve_training
from .records import ThreeLayerCertificate, ThreeLayerPrice, ThreeLayerSolution
from .scaled import Part, Problem

__all__ = ["certify_three_layer", "price_three_layer", "train_three_layer"]

# Networks are tried without the blocks below 1e-8, 1e-6 and 1e-4 of the largest: Clarabel leaves a little in all.
DROPPED_SIZE_SHARES = (1e-8, 1e-6, 1e-4)
# A neuron may be in an optimal network when its slope is at least (1 - 1e-6) beta.
OPTIMAL_SLOPE_TOLERANCE = 1e-6
# Unit vectors whose entries differ by at most 1e-5 are one direction.
MAX_DIRECTION_DISTANCE = 1e-5


def train_three_layer(
    X: ArrayLike, y: ArrayLike, beta: float, *, n_hidden: int | None = None, max_blocks: int = MAX_BLOCKS
) -> ThreeLayerSolution:
    """Train a parallel three-layer ReLU network to proven global optimality, for a handful of samples.

    The network is ``f(x) = sum_k alpha_k (sum_j w2_kj (w1_kj^T x)_+)_+`` with any number of sub-networks k, and its
    objective ``1/2 sum_i (y_i - f(x_i))^2 + beta/3 sum_k (||W1_k||_F^3 + ||w2_k||^3 + |alpha_k|^3)``: a sum, no 1/n;
    W1_k holds all first-layer weights of sub-network k.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        As given: append a column of ones for biases in the first layer.
    y : array-like of shape (n_samples,)
    beta : float
        Above 0.
    n_hidden : int or None, default=None
        Number of first-layer neurons of each sub-network. None is any number; n_samples of them are as good.
    max_blocks : int, default=30_000
        Refuse to start when the convex program has more blocks.

    Returns
    -------
    ThreeLayerSolution

    Raises
    ------
    PatternLimitError
        Before the patterns of patterns are made, when there are too many. Their number grows like 2^n_samples.
    ValueError
        For bad data.
    SolverError
        When Clarabel returns nothing.

    Notes
    -----
    Rescaling the layers of a sub-network turns the cubes into ``beta sum_k |alpha_k|`` with unit layers, a gauge, hence
    the zero duality gap [1]_ (squares would give the power 2/3 of the masses, which is not convex). With the Frobenius
    norm the neurons ``v_kj = |alpha_k w2_kj| w1_kj`` cost ``beta ||v_kj||`` each, so that equal neurons may be merged
    and a two-layer network costs what it costs with two layers. (A unit ball for each first-layer neuron [2]_ would
    give the norm of the stacked neurons instead, which falls without end as neurons are duplicated.)

    References
    ----------
    .. [1] Y. Wang, T. Ergen, M. Pilanci, "Parallel deep neural networks have zero duality gap", ICLR 2023.
    .. [2] T. Ergen, M. Pilanci, "Global optimality beyond two layers", ICML 2021.
    .. [3] S. Kim, A. Mishkin, M. Pilanci, "Exploring the loss landscape of regularized neural networks via convex
       duality", ICLR 2025 (the first-layer directions of the optima).

    Examples
    --------
    >>> solution = train_three_layer([[1.0], [2.0], [-1.0], [-3.0]], [1.0, 2.0, -1.0, 1.0], beta=0.5)
    >>> print(f"{solution.certificate.primal:.4f} {solution.certificate.status}")
    1.3625 optimal
    """
    problem = Problem.checked(X, y, beta)
    optimum = _optimum(problem, check_hidden(n_hidden), check_count(max_blocks, "max_blocks"))
    certificate = _certificate(optimum.network, problem, optimum, n_hidden)
    return ThreeLayerSolution(optimum.network, certificate, optimum.value, optimum.directions)


def certify_three_layer(
    network: ThreeLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_hidden: int | None = None,
    max_blocks: int = MAX_BLOCKS,
) -> ThreeLayerCertificate:
    """Bound how far any parallel three-layer network is from the best one, by the optimum of the dual program.

    Parameters
    ----------
    network : ThreeLayerReLU
        Wherever it was trained.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
        Strength in ``1/2 sum_i (y_i - f(x_i))^2 + beta/3 sum_k (||W1_k||_F^3 + ||w2_k||^3 + |alpha_k|^3)``.
    n_hidden : int or None, default=None
        Compare with the networks of so many first-layer neurons per sub-network; None: with those of any width.
    max_blocks : int, default=30_000
        See `train_three_layer`.

    Returns
    -------
    ThreeLayerCertificate

    Raises
    ------
    PatternLimitError
        When there are too many patterns of patterns: there is no certificate without all of them.
    ValueError
        For bad data, and for a network with wider sub-networks than `n_hidden`.
    """
    problem, n_hidden = Problem.checked(X, y, beta), check_hidden(n_hidden)
    width = int(np.count_nonzero(network.neuron_masses, axis=1).max(initial=0))
    if n_hidden is not None and width > n_hidden:
        raise InvalidInputError(f"n_hidden must be at least {width}, as the network has it; got {n_hidden}.")
    optimum = _optimum(problem, n_hidden, check_count(max_blocks, "max_blocks"))
    return _certificate(network, problem, optimum, n_hidden)


def price_three_layer(
    X: ArrayLike, nu: ArrayLike, *, n_hidden: int | None = None, max_blocks: int = MAX_BLOCKS
) -> ThreeLayerPrice:
    """Return the largest ``|nu^T ((X W)_+ w)_+|`` over ``||W||_F <= 1`` and ``||w|| <= 1``, unit sub-networks.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    nu : array-like of shape (n_samples,)
        The dual point; it is feasible for the training problem where its price is at most beta.
    n_hidden : int or None, default=None
        Number of first-layer neurons, columns of W; None: any number.
    max_blocks : int, default=30_000
        See `train_three_layer`.

    Returns
    -------
    ThreeLayerPrice

    Raises
    ------
    PatternLimitError
        When there are too many patterns of patterns.
    ValueError
        For bad data.
    """
    problem = Problem.checked(X, nu, 1.0, name="nu")
    n_hidden, max_blocks = check_hidden(n_hidden), check_count(max_blocks, "max_blocks")
    unit = problem.unit()
    if unit is None:
        return ThreeLayerPrice(0.0, 0.0, problem.zero_network())
    form = ConicForm(make_cells(unit.X, n_hidden, max_blocks))
    bound, best = 0.0, (0.0, problem.zero_network())
    # |nu^T f| is the larger of the maxima for nu and for -nu; each is bounded by its own multipliers.
    for sign in (1.0, -1.0):
        blocks, multipliers = solve_price(form, sign * unit.y)
        bound = max(bound, norms(form.slopes(sign * unit.y, multipliers)).max())
        for part in _subnetworks(form, blocks, sign, 0.0):
            network = problem.lift([part], [1.0])
            best = max(best, (float(problem.y @ network.predict(problem.X)), network), key=lambda pair: pair[0])
    bound *= unit.x_scale * unit.y_scale
    return ThreeLayerPrice(min(best[0], bound), bound, best[1])


def check_hidden(n_hidden):
    """Return `n_hidden` after checking that it is None or a positive integer."""
    return None if n_hidden is None else check_count(n_hidden, "n_hidden")


@dataclass(frozen=True, eq=False)
class Optimum:
    """The answer of the training program: the network, the value it ended with, and the dual bound."""

    network: ThreeLayerReLU
    value: float
    dual_point: np.ndarray
    dual: float
    directions: np.ndarray
    n_cells: int


def _optimum(problem, n_hidden, max_blocks):
    """Solve the training program and bound its dual; both from what the solver returned, not from what it claims."""
    unit = problem.unit()
    if unit is None or unit.is_zero_optimal:
        value = 0.5 * float(problem.y @ problem.y)
        return Optimum(problem.zero_network(), value, problem.y, value, np.zeros((0, problem.X.shape[1])), 0)
    form = ConicForm(make_cells(unit.X, n_hidden, max_blocks))
    positive, negative, multipliers = solve_training(form, unit.y, unit.beta)
    residual = unit.y - form.fit @ (positive - negative).ravel()
    # Any multipliers lambda >= 0 prove ||(Phi' nu + G' lambda)_k|| as a bound on the price of each neuron.
    slopes = [form.slopes(sign * residual, cone) for sign, cone in zip((1.0, -1.0), multipliers, strict=True)]
    slopes = np.concatenate(slopes)
    sizes = norms(slopes)
    # The residual is -grad L. On rows of zeros every network is 0, so that it is y there.
    nu = problem.y.copy()
    nu[problem.rows] = unit.y_scale * residual
    # Shrunk by beta over the largest slope, the residual is dual feasible.
    dual, scale = _best_scaling(problem.y, nu, unit.beta / sizes.max())
    # Only directions whose slope is beta can carry mass at an optimum.
    used = sizes >= unit.beta * (1 - OPTIMAL_SLOPE_TOLERANCE)
    directions = distinct_rows(slopes[used] / sizes[used, None], MAX_DIRECTION_DISTANCE) @ problem.basis.T
    masses = norms(positive).sum() + norms(negative).sum()
    value = 0.5 * float(nu @ nu) + problem.beta * masses * unit.y_scale / unit.x_scale
    network = _network(problem, unit, form, positive, negative)
    return Optimum(network, value, scale * nu, dual, directions, form.cells.n_cells)


def _best_scaling(y, nu, limit):
    """Return the best dual value ``t nu^T y - t^2 ||nu||^2 / 2`` over t in [0, limit], and t."""
    square = float(nu @ nu)
    scale = float(np.clip(nu @ y / square, 0.0, limit)) if square > 0 else 0.0
    return scale * float(nu @ y) - 0.5 * scale**2 * square, scale


def _certificate(network, problem, optimum, n_hidden):
    primal = network.objective(problem.X, problem.y, problem.beta)
    return ThreeLayerCertificate(primal, optimum.dual, optimum.dual_point, n_hidden, optimum.n_cells)


def _network(problem, unit, form, positive, negative):
    """Return the best network of the blocks: small ones dropped, and the masses solved for once more."""
    networks, largest = [problem.zero_network()], max(norms(b).max() for b in (positive, negative))
    for share in DROPPED_SIZE_SHARES:
        parts = _subnetworks(form, positive, 1.0, share * largest) + _subnetworks(form, negative, -1.0, share * largest)
        if parts:
            # The directions of the interior point are better than its masses: a lasso finds the masses again.
            masses = best_masses(np.column_stack([part.fit for part in parts]), unit.y, unit.beta)
            networks.append(problem.lift(parts, masses * unit.y_scale / unit.x_scale))
    return min(networks, key=lambda network: network.objective(problem.X, problem.y, problem.beta))


def _subnetworks(form, blocks, output_sign, smallest):
    """Return a `Part` for each cell that has blocks longer than `smallest`."""
    sizes, parts = norms(blocks), []
    kept = np.flatnonzero(sizes > smallest)
    for cell in np.unique(form.cells.owner[kept]):
        slots = kept[form.cells.owner[kept] == cell]
        directions = blocks[slots] / sizes[slots, None]
        part = _part(form.cells.X, directions, sizes[slots], form.cells.signs[slots], output_sign)
        parts.extend([part] if part is not None else [])
    return parts


def _part(X, directions, sizes, signs, output_sign):
    """Return the `Part` of some neurons after pruning them to independent fits; None where it is zero on X."""
    hidden = np.maximum(X @ directions.T, 0.0) * signs
    # Neurons with dependent values on X are moved into fewer, at no cost.
    sizes = prune_masses(hidden, sizes)
    used = sizes > 0
    fit = np.maximum(hidden @ sizes, 0.0)
    if not fit.any():
        return None
    # Scaled to mass one: the masses of the sub-networks are found afterwards.
    total = sizes.sum()
    return Part(directions[used] * (sizes[used] / total)[:, None], signs[used], output_sign, output_sign * fit / total)


def distinct_rows(rows, tolerance):
    """Return the rows without those that are within `tolerance` of an earlier one."""
    kept = np.zeros((0, rows.shape[1]))
    for row in rows:
        if not len(kept) or np.abs(kept - row).max(axis=1).min() > tolerance:
            kept = np.vstack([kept, row])
    return kept
