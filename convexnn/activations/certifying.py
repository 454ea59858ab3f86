"""A proof of how good a network with a leaky ReLU or the absolute value is."""

from __future__ import annotations

from typing import Any

from .._utils.aliases import ArrayLike, Proof
from .._utils.validation import check_choice, deadline_after
from ..duality.certificate import certify_problem
from ..duality.records import PROOFS, Certificate
from .network import ActivatedNetwork
from .program import problem_of_activated


def certify_activation(
    network: ActivatedNetwork,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    proof: Proof = "auto",
    time_limit: float | None = None,
    n_jobs: int | None = None,
    **options: Any,
) -> Certificate:
    """Bound how far a network is from the best one of any width that has the same activation.

    Parameters
    ----------
    network : ActivatedNetwork
        Wherever it was trained. The problem has exactly the terms that the network has.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||alpha_j||^2)``; a sum, no 1/n.
    proof, time_limit, n_jobs
        As in `certify`.
    **options
        ``sample_weight``, ``loss``, ``huber_delta``, ``quantile``, as in `certify`.

    Returns
    -------
    Certificate
        Its price is that of ``(nu, -slope nu)`` on the rows ``[X; -X]``.
    """
    if not isinstance(network, ActivatedNetwork):
        raise TypeError(f"network must be an ActivatedNetwork; got {type(network).__name__}.")
    check_choice(proof, "proof", PROOFS)
    problem = problem_of_activated(network, X, y, beta, options)
    return certify_problem(network, problem, proof=proof, deadline=deadline_after(time_limit), n_jobs=n_jobs)
