"""Certify an interpolating network that was trained elsewhere."""

from __future__ import annotations

import numpy as np

from .._utils.aliases import ArrayLike, Proof
from .._utils.progress import reporting
from .._utils.validation import (
    check_choice,
    check_n_jobs,
    check_positive,
    check_vector,
    check_verbose,
    deadline_after,
)
from ..duality.pricing import PROOFS
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network
from ..solvers.base import uninterrupted
from .certificate import InterpolationCertificate, certify_interpolant
from .free_bias import solve_free_bias
from .program import MAX_MISFIT, interpolation_problem
from .solver import solve_interpolation


def solve_interpolant(problem, **options):
    """Return (Solution, dual point) of an `InterpolationProblem`, whatever its bias; see `solve_interpolation`."""
    return (solve_interpolation if problem.penalize_bias else solve_free_bias)(problem, **options)


def certify_interpolation(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    *,
    penalize_bias: bool = True,
    dual_point: ArrayLike | None = None,
    tolerance: float = MAX_MISFIT,
    proof: Proof = "auto",
    time_limit: float | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> InterpolationCertificate:
    """Bound how far an interpolating network is from the one of smallest cost, over all widths.

    The cost is ``1/2 sum_j (||u_j||^2 + alpha_j^2)``; the free terms (intercept, skip) are not penalised.

    Parameters
    ----------
    network : TwoLayerReLU
        Wherever it was trained. The problem has exactly the free terms that the network has.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    penalize_bias : bool
        Whether the hidden bias is a part of ``||u_j||``. False needs a network with a hidden bias, a skip and an
        intercept.
    dual_point : array-like of shape (n_samples,), optional
        Proves the bound. Any vector will do: it is projected off the free terms, priced and scaled. By default the
        problem is solved for a good one.
    tolerance : float
        Largest residual, relative to the largest target, of a network that counts as interpolating.
    proof : {"auto", "exact", "bound", "heuristic"}
        See `price`.
    time_limit : float, optional
        Seconds.
    n_jobs : int, optional
    verbose : int
        1 prints a line for every round of the search for a dual point and every second of the proof, 2 more.

    Returns
    -------
    InterpolationCertificate
        Its `dual` bounds the cost of every network that interpolates, and rests on the price of its dual point alone.

    Raises
    ------
    ValueError
        For bad input, for targets that no network can meet, and for a network that does not interpolate: the message
        names the largest residual.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.interpolation.certifying import certify_interpolation
    >>> wasteful = TwoLayerReLU([[2.0], [-1.0]], [1.0, 1.0])
    >>> print(round(certify_interpolation(wasteful, [[1.0], [-1.0]], [2.0, 1.0]).relative_gap, 3))
    0.143
    """
    check_is_network(network, "network")
    check_choice(proof, "proof", PROOFS)
    check_positive(tolerance, "tolerance")
    check_n_jobs(n_jobs)
    # The problem has exactly the terms of the network: its bias, its intercept, its skip.
    problem = interpolation_problem(
        X,
        y,
        hidden_bias=network.hidden_bias is not None,
        fit_intercept=network.intercept is not None,
        skip_connection=network.skip_weights is not None,
        penalize_bias=penalize_bias,
    )
    problem.check_network(network)
    problem.check_interpolates(network, tolerance)
    options = {"proof": proof, "deadline": deadline_after(time_limit), "n_jobs": n_jobs}
    # Equal rows of X are one row of the problem: their entries of nu add up.
    given = None if dual_point is None else problem.gather(check_vector(dual_point, problem.n_rows, "dual_point"))
    with reporting(check_verbose(verbose), options["deadline"]) as reporter:
        nu = given
        if nu is None:
            solution, nu = solve_interpolant(problem, rng=np.random.default_rng(0), report=reporter.round, **options)
            uninterrupted(solution)
        return certify_interpolant(network, problem, nu, **options)
