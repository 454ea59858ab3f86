"""Two networks made one: averages of weights and of masses; two optimal ones stay optimal, and are pruned."""

from __future__ import annotations

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Proof
from .._utils.norms import norms
from .._utils.validation import check_choice, check_positive, deadline_after
from ..duality.certificate import certify_problem
from ..duality.pricing import PROOFS
from ..exceptions import InvalidInputError
from ..masses.pruning import prune_masses
from ..network import TwoLayerReLU
from ..optimal_sets.paths import between, check_share
from ..programs.posing import check_is_network, problem_of, refuse_outputs
from ..solvers.base import assemble, free_terms
from .matching import check_pair, check_same_terms

# Fits count as dependent, and are pruned, where a singular value is at most 1e-8 of the largest.
DEPENDENCE_TOLERANCE = 1e-8
# A fit of which at most 1e-12 is beside the free terms is theirs; a mass of at most 1e-12 of the largest is zero.
ABSENT_SHARE = 1e-12


def average_weights(a: TwoLayerReLU, b: TwoLayerReLU, share: float = 0.5) -> TwoLayerReLU:
    """Return the network whose weights are ``(1 - share) a + share b``, neuron k of one with neuron k of the other.

    It is as wide as they are, and nothing bounds its objective: put the neurons into one order first, by
    `match_neurons`, and see `loss_barrier` for how far the objective rises on the way.

    Parameters
    ----------
    a, b : TwoLayerReLU
        Of one shape and the same terms.
    share : float
        Share of b, between 0 and 1.

    Returns
    -------
    TwoLayerReLU

    Raises
    ------
    ValueError
        For networks of different shapes or terms, and a share that is not between 0 and 1.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import average_weights
    >>> a = TwoLayerReLU([[1], [-1]], [1, 1])
    >>> average_weights(a, a.permuted([1, 0])).predict([[-1], [1]])  # they cancel
    array([0., 0.])
    """
    check_share(share, "share")
    check_pair(a, b)
    check_same_terms(a, b)
    return between(a, b, share)


def average_masses(a: TwoLayerReLU, b: TwoLayerReLU, share: float = 0.5) -> TwoLayerReLU:
    """Return the network with the neurons of both, whose values are ``(1 - share) f_a + share f_b``: their ensemble.

    The neurons are balanced, and their masses ``||u_j|| |alpha_j|`` are multiplied by the shares. Values and penalty
    are linear in masses, so that for every convex loss, on any data, the objective is at most ``(1 - share)`` times
    that of a plus ``share`` times that of b: in masses there is no barrier. The price is the width, that of both;
    `TwoLayerReLU.pruned` lowers it without changing the values on given rows.

    Parameters
    ----------
    a, b : TwoLayerReLU
        Of the same inputs, outputs and terms; the widths may differ.
    share : float
        Share of b, between 0 and 1.

    Returns
    -------
    TwoLayerReLU
        Balanced.

    Raises
    ------
    ValueError
        For networks of different inputs, outputs or terms, and a share that is not between 0 and 1.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import average_masses
    >>> a = TwoLayerReLU([[1], [-1]], [1, 1])
    >>> average = average_masses(a, a.permuted([1, 0]))
    >>> average.predict([[-1], [1]]).round(12), average.pruned([[-1], [1]]).width
    (array([1., 1.]), 2)
    """
    check_share(share, "share")
    for network, name in ((a, "a"), (b, "b")):
        check_is_network(network, name)
    if a.n_inputs != b.n_inputs or a.output_weights.shape[1:] != b.output_weights.shape[1:]:
        raise InvalidInputError(f"a and b must have the same inputs and outputs; got {a} and {b}.")
    check_same_terms(a, b)
    parts = [(network.balanced(), part) for network, part in ((a, 1.0 - share), (b, share)) if part > 0.0]

    def joined(name):
        # sqrt(part) on both weights of a balanced neuron takes `part` of its mass.
        values = [(np.sqrt(part), getattr(network, name)) for network, part in parts]
        return None if values[0][1] is None else np.concatenate([root * value for root, value in values])

    def mixed(name):
        values = [(part, getattr(network, name)) for network, part in parts]
        return None if values[0][1] is None else sum(part * value for part, value in values)

    return TwoLayerReLU(
        joined("hidden_weights"),
        joined("output_weights"),
        hidden_bias=joined("hidden_bias"),
        intercept=mixed("intercept"),
        skip_weights=mixed("skip_weights"),
    )


def merge_optimal(
    a: TwoLayerReLU,
    b: TwoLayerReLU,
    share: float,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    tol: float = 1e-6,
    proof: Proof = "auto",
    time_limit: float | None = None,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    quantile: float = 0.5,
    n_jobs: int | None = None,
) -> TwoLayerReLU:
    """Merge two globally optimal networks: ``(1 - share)`` of the masses of a and ``share`` of those of b, pruned.

    The masses ``||u_j|| |alpha_j|`` of all neurons of both, unlike their weights, may be mixed: fits and penalties are
    linear in them and the loss is convex, so the mixture is optimal again. Pruning then moves masses along null
    vectors of the fits, modulo the free terms, until these are independent, which leaves at most `OptimalSet.M_star`
    neurons. The widths of the two networks may differ.

    Parameters
    ----------
    a, b : TwoLayerReLU
        Globally optimal, of the same free terms.
    share : float
        Share of b, between 0 and 1.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
    tol : float
        Largest relative gap of a and b; the objective of the merged network exceeds the mixture of theirs by
        rounding, and by the distance of neurons that count as the same.
    proof : {"auto", "exact", "bound", "heuristic"}
        How their gaps are known, see `price`. With ``"heuristic"`` the visible gap stands for it.
    time_limit : float, optional
        Seconds for the two proofs.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"}
    huber_delta, quantile : float
    n_jobs : int, optional
        Threads of the proofs; the answer does not depend on it.

    Returns
    -------
    TwoLayerReLU
        Balanced.

    Raises
    ------
    ValueError
        For bad input, when the terms of the two networks differ, and when one is not proven optimal to `tol`.

    References
    ----------
    .. [1] S. Kim, A. Mishkin, M. Pilanci, "Exploring the loss landscape of regularized neural networks via convex
       duality", ICLR 2025, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> from convexnn.landscape import merge_optimal
    >>> X, y = [[-np.sqrt(3), 1], [np.sqrt(3), 1]], [1, 1]
    >>> found = optimal_set(X, y, 0.1)
    >>> a, b = (found.network(masses) for masses in found.vertices)
    >>> merged = merge_optimal(a, b, 0.5, X, y, 0.1)
    >>> a.width + b.width, merged.width <= 2, round(merged.objective(X, y, 0.1), 10)
    (3, True, 0.0975)
    """
    check_positive(tol, "tol")
    check_choice(proof, "proof", PROOFS)
    check_share(share, "share")
    deadline = deadline_after(time_limit)
    options = {"sample_weight": sample_weight, "loss": loss, "huber_delta": huber_delta, "quantile": quantile}
    refuse_outputs(y)
    problem = problem_of(a, X, y, beta, **options)
    for network, name in ((a, "a"), (b, "b")):
        # Refuse before the proofs, which take long.
        check_is_network(network, name)
        problem.check_terms(network, name, like="a")
    for network, name in ((a, "a"), (b, "b")):
        certificate = certify_problem(network, problem, proof=proof, deadline=deadline, n_jobs=n_jobs)
        _check_gap(certificate, name, tol, proof)
    return pruned(problem, average_masses(a, b, share))


def _check_gap(certificate, name, tol, proof):
    gap = certificate.heuristic_gap if proof == "heuristic" else certificate.relative_gap
    if gap > tol:
        raise InvalidInputError(
            f"{name} must be globally optimal to tol={tol:g}; its relative gap is {gap:.2e} ({certificate.proof}). "
            f"Only optimal networks stay optimal when their masses are mixed: train it further, or raise tol."
        )


def pruned(problem, network):
    """Return the network of the same values with fits that are independent modulo the free terms."""
    masses, signs, directions = network.masses, network.signs, network.directions
    root = np.sqrt(problem.weight)[:, None]
    fits = problem.hidden_fits(directions) * signs
    # Projected twice: rounding of the first would look like a part of the fit.
    columns = problem.project(problem.project(root * fits))
    columns[:, norms(columns.T) <= ABSENT_SHARE * norms((root * fits).T)] = 0.0
    total = max(masses.max(initial=0.0), np.finfo(float).tiny)
    kept = total * prune_masses(columns, masses / total, DEPENDENCE_TOLERANCE)
    moved = fits @ (masses - kept)  # inside the span of the free terms
    terms = free_terms(network) + np.linalg.lstsq(root * problem.free, root[:, 0] * moved, rcond=None)[0]
    present = kept > ABSENT_SHARE * total
    roots = np.sqrt(kept[present])
    return assemble(problem, roots[:, None] * directions[present], roots * signs[present], terms)
