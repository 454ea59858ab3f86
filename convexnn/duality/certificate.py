"""A proof of how good a network is: a primal value, a valid dual value and the gap between them.

Sign of the dual: ``nu = -grad L(fit)``; the dual problem is ``max -L*(-nu)`` subject to
``max_{||u|| <= 1} |nu^T (X u)_+| <= beta`` and ``Z^T nu = 0`` for the free terms Z. For the squared loss with weights w
the dual value is ``nu^T y - 1/2 sum nu_i^2 / w_i``.
"""

from __future__ import annotations

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Proof
from .._utils.progress import reporting
from .._utils.row_blocks import is_long
from .._utils.threads import one_blas_thread
from .._utils.validation import check_choice, check_verbose, deadline_after
from ..masses.lasso import best_masses
from ..network import TwoLayerReLU
from ..programs.program import problem_of
from .cuts import best_dual_point
from .price_function import unit_rows
from .pricing import local_prices, search_price, starts_beside
from .records import N_STARTS, PRICE_TOLERANCE, PROOFS, Certificate, certificate_of
from .vector_certificate import certify_vector

MANY_CLIMBS = 1_000_000  # starts times entries of the design from which on a budget pays for one dual point only


def certify(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    proof: Proof = "auto",
    time_limit: float | None = None,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    quantile: float = 0.5,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Certificate:
    """Bound how far any two-layer ReLU network is from the best network of any width.

    Parameters
    ----------
    network : TwoLayerReLU
        Wherever it was trained. The problem has exactly the free terms that the network has: a hidden bias
        (penalised), an intercept and skip weights (not penalised) count as present unless they are None.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``; a sum, no 1/n.
    proof : {"auto", "exact", "bound", "heuristic"}
        See `price`.
    time_limit : float, optional
        Seconds for the proof.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial"}
        See `TwoLayerReLU.objective`. Logistic and squared_hinge take labels -1 and 1, multinomial one-hot rows y.
        Several outputs: not absolute and quantile.
    huber_delta, quantile : float
        Of the losses of these names.
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    verbose : int
        1 says every second how far the proof is, 2 more; on a terminal a bar does.

    Returns
    -------
    Certificate

    Raises
    ------
    ValueError
        For bad input, and for a network that does not fit the shape of X of y.

    Notes
    -----
    The dual point is built in four steps: refit the free terms, take ``nu = -grad L``, bound its price by U, and
    scale by the best t in [0, beta / U]. A second candidate comes from the best masses on the network's own
    directions; the one that promises more is proven.

    References
    ----------
    .. [1] M. Pilanci, T. Ergen, "Neural networks are convex regularizers", ICML 2020.
    """
    check_choice(proof, "proof", PROOFS)
    verbose = check_verbose(verbose)
    options = {"sample_weight": sample_weight, "loss": loss, "huber_delta": huber_delta}
    if np.ndim(y) == 2 or getattr(network, "output_weights", np.zeros(0)).ndim == 2:
        options |= {"deadline": deadline_after(time_limit), "n_jobs": n_jobs, "proof": proof}
        with reporting(verbose, options["deadline"]):
            return certify_vector(network, X, y, beta, **options)
    options["quantile"] = quantile
    problem = problem_of(network, X, y, beta, **options)
    deadline = deadline_after(time_limit)
    with reporting(verbose, deadline):
        return certify_problem(network, problem, proof=proof, deadline=deadline, n_jobs=n_jobs)


def certify_problem(
    network,
    problem,
    *,
    proof="auto",
    tolerance=PRICE_TOLERANCE,
    n_starts=N_STARTS,
    starts=None,
    dual_points=(),
    max_work=None,
    deadline=None,
    n_jobs=None,
):
    """Certify a network for a checked `Problem`; see `certify` and `search_price` for the options, `max_work` too.

    `dual_points` are tried besides those that the network leads to, and where the loss has kinks instead of them:
    orthogonal to the free terms, inside the domain.
    """
    with one_blas_thread():
        return _certify(network, problem, proof, tolerance, n_starts, starts, dual_points, max_work, deadline, n_jobs)


def _certify(network, problem, proof, tolerance, n_starts, starts, dual_points, max_work, deadline, n_jobs):
    problem.check_network(network)
    directions, _ = unit_rows(network.neurons)
    own = directions if starts is None else np.vstack([directions, starts])
    n_starts = starts_beside(proof, problem.design, n_starts, max_work)
    single = is_long(problem.design) or (max_work is not None and len(own) * problem.design.size > MANY_CLIMBS)
    more = _own_dual_points(problem, network, directions, dual_points, own, single, deadline, n_jobs)
    points = [*dual_points, *more]
    pairs = [problem.orthogonal(nu) for nu in points]
    nu, leak = pairs[0]
    if len(points) > 1:
        n_random = n_starts if max_work is None else 0  # it costs less to search for the better of them alone
        nu, leak, own = _most_promising(problem, pairs, own, n_random, deadline, n_jobs)
        n_starts -= n_random
    found = search_price(
        *problem.priced(nu),
        proof=proof,
        level=problem.needed_bound(nu),
        tolerance=tolerance,
        starts=own,
        n_starts=n_starts,
        max_work=max_work,
        deadline=deadline,
        n_jobs=n_jobs,
    )
    return certificate_of(problem, network, nu, leak, found)


def _own_dual_points(problem, network, directions, dual_points, starts, single, deadline, n_jobs):
    """Return the dual points of the network's fit and of the best fit that its own directions allow."""
    if not problem.loss.is_smooth:
        active = directions[(network.signs != 0) & np.any(directions != 0, axis=1)]
        cut = {"starts": starts, "deadline": deadline, "n_jobs": n_jobs}
        return [] if dual_points else [best_dual_point(problem, active, **cut)]
    hidden = problem.hidden_fit(network.neurons, network.output_weights)
    if single:  # a second point costs as much again, and a trained network has its best masses
        return [problem.dual_point(hidden)]
    refitted = _refit(problem, directions, network.signs)
    return [problem.dual_point(fit) for fit in (hidden, refitted) if fit is not None]


def _most_promising(problem, pairs, starts, n_starts, deadline, n_jobs):
    """Return the (dual point, leak) with the best value as far as local ascents see, and the local maxima they met."""
    best, answer = -1.0, None
    for nu, leak in pairs:
        directions, _, values = local_prices(
            *problem.priced(nu), starts=starts, n_starts=n_starts, deadline=deadline, n_jobs=n_jobs
        )
        value, _ = problem.dual_bound(nu, values.max(initial=0.0), leak)
        if value > best:
            best, answer = value, (nu, leak, directions[:N_STARTS])
    return answer


def _refit(problem, directions, signs):
    """Hidden fit of the best masses on the network's own directions (its dual is the restricted dual)."""
    active = np.flatnonzero((signs != 0) & np.any(directions != 0, axis=1))
    if len(active) == 0 or problem.loss.name != "squared":
        return None
    fits = problem.hidden_fits(directions[active]) * signs[active]
    root = np.sqrt(problem.weight)[:, None]
    projected = problem.project(root * fits)
    target = problem.project(root[:, 0] * problem.centred)
    size = max(np.abs(projected).max(), np.finfo(float).tiny)
    masses = best_masses(projected / size, target, problem.beta / size)
    return fits @ (masses / size)
