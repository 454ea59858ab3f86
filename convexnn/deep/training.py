"""Training, certifying and pricing parallel three-layer networks: over all cells, or by column generation."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .._utils.aliases import ArrayLike, Proof, Seed
from .._utils.threads import one_blas_thread
from .._utils.validation import check_choice, check_count, check_positive, deadline_after, is_late
from ..duality.records import PROOFS
from ..exceptions import InvalidInputError, PatternLimitError
from ..solvers.base import ENDED_BY_ITSELF, Status, is_proven
from .ascents import find_parts
from .cells import MAX_BLOCKS
from .certifying import bound_price, bound_training, cheap_bound, make_certificate, part_of_time
from .column_generation import Run, ascent_width, visible_gap
from .enumeration import optimum_over_cells, price_over_cells, zero_optimum
from .network import ThreeLayerReLU
from .records import ThreeLayerCertificate, ThreeLayerPrice
from .scaled import Problem
from .solution import ThreeLayerSolution
from .subnetworks import parts_of_network

__all__ = ["certify_three_layer", "price_three_layer", "train_three_layer"]

Solver = Literal["auto", "enumeration", "column_generation"]
# Training has 0.6 of the time, the proof the rest.
TRAINING_SHARE = 0.6
SOLVERS = ("auto", "enumeration", "column_generation")


def train_three_layer(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_hidden: int | None = None,
    solver: Solver = "auto",
    max_blocks: int = MAX_BLOCKS,
    tol: float = 1e-6,
    max_iter: int = 30,
    time_limit: float | None = None,
    proof: Proof = "auto",
    random_state: Seed = 0,
) -> ThreeLayerSolution:
    """Train a parallel three-layer ReLU network, to proven global optimality as far as the proof carries.

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
    solver : {"auto", "enumeration", "column_generation"}
        ``"enumeration"`` solves one convex program over all patterns of patterns, which is proven and takes about
        eight samples; no time limit ends it. ``"column_generation"`` adds sub-networks that violate the dual
        constraint one after another. ``"auto"`` enumerates where the program has at most `max_blocks` blocks and no
        `time_limit` is given.
    max_blocks : int, default=30_000
        Size of the largest program that is enumerated.
    tol : float, default=1e-6
        Relative gap at which column generation ends.
    max_iter : int, default=30
        Largest number of rounds of column generation.
    time_limit : float, optional
        Seconds of column generation and its proof; the best network so far is returned.
    proof : {"auto", "exact", "bound", "heuristic"}
        How column generation is certified: by the relaxed dual (see `convexnn.deep.relaxation`), and by a branch and
        bound over second patterns, with ``"auto"`` up to 24 samples and within a fixed number of nodes, with
        ``"exact"`` until it is done or `time_limit` ends it, with ``"bound"`` not at all. ``"heuristic"`` does
        neither. The lower bound is valid in every case.
    random_state : int, numpy Generator or None, default=0
        Random starts of the ascents.

    Returns
    -------
    ThreeLayerSolution
        An interrupt (Ctrl-C) or `time_limit` ends column generation with the best network so far and its certificate.

    Raises
    ------
    PatternLimitError
        With ``solver="enumeration"``, before the patterns of patterns are made, when there are too many. Their number
        grows like 2^n_samples.
    ValueError
        For bad data.
    SolverError
        With ``solver="enumeration"``, when Clarabel returns nothing.

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
    >>> X, y = [[1.0], [2.0], [-1.0], [-3.0]], [1.0, 2.0, -1.0, 1.0]
    >>> solution = train_three_layer(X, y, beta=0.5)
    >>> print(f"{solution.certificate.primal:.4f} {solution.certificate.status}")
    1.3625 optimal
    """
    problem, n_hidden = Problem.checked(X, y, beta), check_hidden(n_hidden)
    tol, max_iter = check_positive(tol, "tol"), check_count(max_iter, "max_iter")
    options = checked_options(solver, proof, time_limit)
    optimum = enumerated(optimum_over_cells, problem, n_hidden, max_blocks, solver, time_limit)
    if optimum is None and (unit := problem.unit()) is not None and not unit.is_zero_optimal:
        rng = np.random.default_rng(random_state)
        with one_blas_thread():
            return generate(problem, unit, n_hidden, rng, tol=tol, max_iter=max_iter, **options)
    optimum = zero_optimum(problem) if optimum is None else optimum
    certificate = certificate_of(optimum, optimum.network, problem, n_hidden)
    status = Status.proven if is_proven(certificate, tol) else Status.stalled
    return ThreeLayerSolution(optimum.network, certificate, optimum.value, optimum.directions, status, 0, [])


def certify_three_layer(
    network: ThreeLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_hidden: int | None = None,
    solver: Solver = "auto",
    max_blocks: int = MAX_BLOCKS,
    time_limit: float | None = None,
    proof: Proof = "auto",
    random_state: Seed = 0,
) -> ThreeLayerCertificate:
    """Bound how far any parallel three-layer network is from the best one.

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
    solver : {"auto", "enumeration", "column_generation"}
        ``"enumeration"`` bounds by the optimum of the dual program over all patterns of patterns,
        ``"column_generation"`` by the relaxed dual and by pricing the residual (see `convexnn.deep.relaxation`);
        ``"auto"`` as in `train_three_layer`.
    max_blocks, time_limit, proof, random_state
        See `train_three_layer`.

    Returns
    -------
    ThreeLayerCertificate

    Raises
    ------
    PatternLimitError
        With ``solver="enumeration"``, when there are too many patterns of patterns.
    ValueError
        For bad data, and for a network with wider sub-networks than `n_hidden`.
    """
    problem, n_hidden = Problem.checked(X, y, beta), check_hidden(n_hidden)
    width = int(np.count_nonzero(network.neuron_masses, axis=1).max(initial=0))
    if n_hidden is not None and width > n_hidden:
        raise InvalidInputError(f"n_hidden must be at least {width}, as the network has it; got {n_hidden}.")
    options = checked_options(solver, proof, time_limit)
    nu = problem.y - network.predict(problem.X)
    optimum = enumerated(optimum_over_cells, problem, n_hidden, max_blocks, solver, time_limit)
    unit = problem.unit()
    if optimum is None and (unit is None or unit.is_zero_optimal):
        optimum = zero_optimum(problem)
    if optimum is not None:
        return certificate_of(optimum, network, problem, n_hidden)
    nu, parts = nu[problem.rows] / unit.y_scale, parts_of_network(network, problem, unit)
    objective = problem.in_unit_terms(network.objective(problem.X, problem.y, problem.beta), unit)
    with one_blas_thread():
        rng, width = np.random.default_rng(random_state), ascent_width(unit, n_hidden)
        _, prices = find_parts(unit.X, nu, parts, width, rng, lambda: is_late(options["deadline"]))
        gap = visible_gap(unit, nu, objective, float(prices.max(initial=0.0)))
        bound = bound_training(unit, nu, parts, objective, n_hidden=n_hidden, tol=1e-6, **options)
    return make_certificate(network, problem, unit, bound, n_hidden, gap)


def price_three_layer(
    X: ArrayLike,
    nu: ArrayLike,
    *,
    n_hidden: int | None = None,
    solver: Solver = "auto",
    max_blocks: int = MAX_BLOCKS,
    time_limit: float | None = None,
    proof: Proof = "auto",
    random_state: Seed = 0,
) -> ThreeLayerPrice:
    """Return the largest ``|nu^T ((X W)_+ w)_+|`` over ``||W||_F <= 1`` and ``||w|| <= 1``, unit sub-networks.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    nu : array-like of shape (n_samples,)
        The dual point; it is feasible for the training problem where its price is at most beta.
    n_hidden : int or None, default=None
        Number of first-layer neurons, columns of W; None: any number.
    solver : {"auto", "enumeration", "column_generation"}
        ``"enumeration"`` prices all patterns of patterns; ``"column_generation"`` climbs from many starts and bounds
        the price by a branch and bound over the second pattern; ``"auto"`` as in `train_three_layer`.
    max_blocks, time_limit, proof, random_state
        See `train_three_layer`.

    Returns
    -------
    ThreeLayerPrice

    Raises
    ------
    PatternLimitError
        With ``solver="enumeration"``, when there are too many patterns of patterns.
    ValueError
        For bad data.
    """
    problem, n_hidden = Problem.checked(X, nu, 1.0, name="nu"), check_hidden(n_hidden)
    options = checked_options(solver, proof, time_limit)
    found = enumerated(price_over_cells, problem, n_hidden, max_blocks, solver, time_limit)
    unit = problem.unit()
    if found is not None or unit is None:
        return ThreeLayerPrice(0.0, 0.0, problem.zero_network()) if found is None else found
    with one_blas_thread():
        rng, width = np.random.default_rng(random_state), ascent_width(unit, n_hidden)
        parts, prices = find_parts(unit.X, unit.y, [], width, rng, lambda: is_late(options["deadline"]))
        return bound_price(problem, unit, parts, prices, n_hidden=n_hidden, **options)


def check_hidden(n_hidden):
    """Return `n_hidden` after checking that it is None or a positive integer."""
    return None if n_hidden is None else check_count(n_hidden, "n_hidden")


def checked_options(solver, proof, time_limit):
    """Check the solver's name and return the options of a proof, a dict."""
    check_choice(solver, "solver", SOLVERS)
    return {"proof": check_choice(proof, "proof", PROOFS), "deadline": deadline_after(time_limit)}


def enumerated(function, problem, n_hidden, max_blocks, solver, time_limit):
    """Return what `function` finds over all cells, or None where `solver` leaves this to column generation."""
    max_blocks = check_count(max_blocks, "max_blocks")
    if solver == "column_generation" or (solver == "auto" and time_limit is not None):
        return None
    try:
        return function(problem, n_hidden, max_blocks)
    except PatternLimitError:
        if solver == "enumeration":
            raise
        return None


def certificate_of(optimum, network, problem, n_hidden):
    """Return the certificate of a network by the optimum over all cells."""
    primal = network.objective(problem.X, problem.y, problem.beta)
    return ThreeLayerCertificate(primal, optimum.dual, optimum.dual_point, n_hidden, optimum.n_cells)


def generate(problem, unit, n_hidden, rng, *, tol, max_iter, proof, deadline):
    """Train by column generation and prove; sub-networks that only the proof has met start another round."""
    run = Run(problem, unit, n_hidden, rng, part_of_time(deadline, TRAINING_SHARE))
    try:
        bound, status = None, run.generate(tol, max_iter)
        while bound is None:
            bound = run.prove(proof, tol, deadline)
            if bound.violated is not None and len(run.history) < max_iter and run.take_in(bound.violated):
                bound, status = None, run.generate(tol, max_iter - len(run.history))
    except KeyboardInterrupt:
        # No more searches: the cheap bound is valid all the same.
        bound, status = cheap_bound(unit, run.residual), Status.interrupted
    if bound.violated is not None:
        # A violation is known that training could not use, or has no round left for.
        run.note_price(float(run.residual @ bound.violated.fit))
        status = Status.max_iter if len(run.history) >= max_iter else Status.stalled
    certificate = make_certificate(run.network, problem, unit, bound, n_hidden, run.visible_gap)
    if is_proven(certificate, tol):
        status = Status.proven
    elif status in ENDED_BY_ITSELF and is_late(deadline):
        status = Status.time_limit
    return ThreeLayerSolution(run.network, certificate, run.objective, None, status, len(run.history), run.history)
