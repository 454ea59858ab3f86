"""A proof of how good a network of several outputs is.

Sign of the dual: ``N = -grad L(fit)``, of shape (n_samples, n_outputs); the dual problem is ``max -L*(-N)`` subject to
``max_{||u|| <= 1} ||N^T (X u)_+|| <= beta`` and ``Z^T N = 0`` for the free terms Z.
"""

import numpy as np

from .._utils.threads import one_blas_thread
from ..masses.group_lasso import best_groups
from ..programs.vector_program import vector_problem_of
from .price_function import unit_rows
from .pricing import starts_beside
from .records import N_STARTS, PRICE_TOLERANCE, certificate_of
from .vector_price import vector_price_function
from .vector_pricing import distinct_vector_maxima, search_vector_price, vector_maxima, vector_starts

REFIT_WORK = 2e8  # multiplications of a step of the group lasso, some tenths of a second


def certify_vector(network, X, Y, beta, *, proof="auto", deadline=None, n_jobs=None, **options):
    """Certify a network of several outputs on data that are checked here; see `certify`."""
    problem = vector_problem_of(network, X, Y, beta, **options)
    return certify_vector_problem(network, problem, proof=proof, deadline=deadline, n_jobs=n_jobs)


def certify_vector_problem(
    network,
    problem,
    *,
    proof="auto",
    tolerance=PRICE_TOLERANCE,
    n_starts=N_STARTS,
    starts=None,
    refit=True,
    max_work=None,
    deadline=None,
    n_jobs=None,
):
    """Certify a network for a checked `VectorProblem`; see `certify` and `search_vector_price` for the options.

    With `refit` the best output weights on the network's own directions give a second candidate for the dual point,
    where these do not take long.
    """
    problem.check_network(network)
    with one_blas_thread():
        directions = unit_rows(network.neurons)[0][network.masses > 0]
        own = directions if starts is None else np.vstack([directions, starts])
        n_starts = starts_beside(proof, problem.design, n_starts, max_work)
        pairs = [problem.orthogonal(point) for point in _dual_points(problem, network, directions, refit)]
        dual_point, leak = pairs[0]
        if len(pairs) > 1:
            n_random = n_starts if max_work is None else 0  # it costs less to search for the better of them alone
            dual_point, leak, own = _most_promising(problem, pairs, own, n_random, deadline, n_jobs)
            n_starts -= n_random
        found = search_vector_price(
            problem.design,
            dual_point,
            proof=proof,
            level=problem.needed_bound(dual_point),
            tolerance=tolerance,
            starts=own,
            n_starts=n_starts,
            max_work=max_work,
            deadline=deadline,
            n_jobs=n_jobs,
        )
        return certificate_of(problem, network, dual_point, leak, found)


def _dual_points(problem, network, directions, refit):
    """Return the dual points of the network's fit and of the best fit that its own directions allow."""
    hidden = problem.hidden_fit(network.neurons, network.output_weights)
    points = [problem.dual_point(hidden)]
    work = len(problem.y) * float(len(directions) * problem.n_outputs) ** 2
    if refit and 0 < work <= REFIT_WORK:
        fits = problem.hidden_fits(directions)
        points.append(problem.dual_point(fits @ best_groups(problem, fits)[0]))
    return points


def _most_promising(problem, pairs, starts, n_starts, deadline, n_jobs):
    """Return the (dual point, leak) with the best value as far as local ascents see, and the local maxima they met."""
    best, answer = -1.0, None
    for dual_point, leak in pairs:
        function = vector_price_function(problem.design, dual_point)
        directions, values = np.zeros((0, problem.design.shape[1])), np.zeros(0)
        if function.rank:
            reached = vector_maxima(function, vector_starts(function, starts, n_starts), deadline, n_jobs)
            directions, values = distinct_vector_maxima(function, *reached)
        value, _ = problem.dual_bound(dual_point, values.max(initial=0.0), leak)
        if value > best:
            best, answer = value, (dual_point, leak, directions[:N_STARTS])
    return answer
