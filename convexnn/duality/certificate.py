"""A proof of how good a network is: a primal value, a valid dual value and the gap between them.

Sign of the dual: ``nu = -grad L(fit)``, of shape (n_samples,) or (n_samples, n_outputs); the dual problem is
``max -L*(-nu)`` subject to ``max_{||u|| <= 1} ||nu^T (X u)_+|| <= beta`` and ``Z^T nu = 0`` for the free terms Z. For
the squared loss with weights w the dual value is ``sum nu_i . y_i - 1/2 sum ||nu_i||^2 / w_i``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Proof
from .._utils.progress import reporting
from .._utils.row_blocks import is_long
from .._utils.threads import one_blas_thread
from .._utils.validation import check_choice, check_verbose, deadline_after
from ..exceptions import InvalidInputError
from ..masses.group_lasso import best_groups
from ..masses.lasso import best_masses
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network, problem_of
from .cuts import best_dual_point
from .free_bias import problem_local_prices, problem_price
from .pricing import starts_beside
from .records import N_STARTS, PRICE_TOLERANCE, PROOFS, Certificate, certificate_of

MAX_TWO_POINT_ENTRIES = 1_000_000  # within a budget the refitted dual point is tried up to so many starts times entries
MAX_REFIT_WORK = 2e8  # a step of the group lasso may take so many multiplications, some tenths of a second


def certify(
    network: TwoLayerReLU | Any,
    X: ArrayLike,
    y: ArrayLike,
    beta: float | None = None,
    *,
    proof: Proof = "auto",
    time_limit: float | None = None,
    sample_weight: ArrayLike | None = None,
    loss: LossName | None = None,
    huber_delta: float | None = None,
    quantile: float | None = None,
    penalize_bias: bool | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Certificate:
    """Bound how far any two-layer ReLU network is from the best network of any width.

    Parameters
    ----------
    network : TwoLayerReLU, or a fitted ConvexReLURegressor or ConvexReLUClassifier
        Wherever it was trained. The problem has exactly the free terms that the network has: a hidden bias
        (penalised), an intercept and skip weights (not penalised) count as present unless they are None. An estimator
        knows its problem: see `ConvexReLURegressor.certify`, which also judges it on its training rows.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        For an estimator the targets or labels that its `fit` takes.
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``; a sum, no 1/n. A network
        needs it; for an estimator it is left out, or its `beta_`.
    proof : {"auto", "exact", "bound", "heuristic"}
        See `price`.
    time_limit : float, optional
        Seconds for the proof.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial"}, optional
        Squared by default; for an estimator it is left out, or its own. See `TwoLayerReLU.objective`. Logistic and
        squared_hinge take labels -1 and 1, multinomial one-hot rows y.
    huber_delta, quantile : float, optional
        Parameters of the losses of these names, 1.35 and .5 by default; those of an estimator are left out, or its own.
    penalize_bias : bool, optional
        Whether the hidden bias is a part of ``||u_j||``; True by default, and for an estimator what it has. False, for
        what torch without weight decay of biases and scikit-learn's MLPRegressor minimise, needs a network with a
        hidden bias, an intercept and one output.
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    verbose : int
        1 says every second how far the proof is, 2 more; on a terminal a bar does.

    Returns
    -------
    Certificate

    Raises
    ------
    TypeError
        For what is neither a network nor a fitted estimator.
    ValueError
        For bad input, for a network that does not fit the shape of X or y, and for estimators whose certificates are
        about other problems: gated networks, interpolation.

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
    given = {"loss": loss, "huber_delta": huber_delta, "quantile": quantile, "penalize_bias": penalize_bias}
    if hasattr(network, "_certified") and not isinstance(network, type):
        effort = {"proof": proof, "time_limit": time_limit, "n_jobs": n_jobs, "verbose": verbose}
        return network._certified(X, y, sample_weight, beta=beta, **given, **effort)
    _refuse_other_problems(network)
    check_is_network(network, "network")
    if beta is None:
        raise InvalidInputError("beta must be given for a network, which does not know its own; got None.")
    options = {name: value for name, value in given.items() if value is not None}
    problem = problem_of(network, X, y, beta, sample_weight=sample_weight, **options)
    deadline = deadline_after(time_limit)
    with reporting(verbose, deadline):
        return certify_problem(network, problem, proof=proof, deadline=deadline, n_jobs=n_jobs)


def _refuse_other_problems(model):
    """Refuse estimators whose certificates are about other problems, with what there is for them."""
    advice = getattr(model, "_certified_elsewhere", None)
    if advice is not None:
        raise InvalidInputError(f"certify is not there for {type(model).__name__}: {advice}")


def certify_problem(
    network,
    problem,
    *,
    proof="auto",
    tolerance=PRICE_TOLERANCE,
    n_starts=N_STARTS,
    starts=None,
    dual_points=(),
    refit=True,
    max_work=None,
    deadline=None,
    n_jobs=None,
):
    """Certify a network for a checked `Problem`; see `certify` and `search_price` for the options, `max_work` too.

    `dual_points` are tried besides those that the network leads to, and where the loss has kinks instead of them:
    orthogonal to the free terms, inside the domain. With `refit` the best masses on the network's own directions lead
    to one more, where it does not take long.
    """
    options = {"proof": proof, "max_work": max_work, "deadline": deadline, "n_jobs": n_jobs}
    with one_blas_thread():
        return _certify(network, problem, tolerance, n_starts, starts, dual_points, refit, options)


def _certify(network, problem, tolerance, n_starts, starts, dual_points, refit, options):
    problem.check_network(network)
    directions = problem.unit_neurons(network.neurons)
    # The neurons of a trained network lie near maxima of the price: ascents begin there, and then at random.
    own = directions if starts is None else np.vstack([directions, starts])
    max_work, limits = options["max_work"], {name: options[name] for name in ("deadline", "n_jobs")}
    n_starts = starts_beside(options["proof"], problem.design, n_starts, max_work)
    refit = refit and (max_work is None or len(own) * problem.design.size <= MAX_TWO_POINT_ENTRIES)
    # 1. The dual points: nu = -grad L at the best free terms, of the network's own fit and of the refitted one.
    points = [*dual_points, *_own_dual_points(problem, network, directions, dual_points, own, refit, limits)]
    # 2. Z^T nu = 0 exactly, but for a leak that the bound allows for; the most promising of them goes on.
    pairs = [problem.orthogonal(nu) for nu in points]
    nu, leak = pairs[0]
    if len(points) > 1:
        n_random = n_starts if max_work is None else 0  # it costs less to search for the better of them alone
        nu, leak, own = _most_promising(problem, pairs, own, n_random, limits)
        n_starts -= n_random
    # 3. The price of nu. Below beta / t, for the t >= 0 of the best dual value, a tighter bound gains nothing.
    level = problem.needed_bound(nu)
    search = {"level": level, "tolerance": tolerance, "starts": own, "n_starts": n_starts}
    found = problem_price(problem, nu, **search, **options)
    # 4. t in [0, beta / U] gives the lower bound.
    return certificate_of(problem, network, nu, leak, found)


def _own_dual_points(problem, network, directions, dual_points, starts, refit, limits):
    """Return the dual points of the network's fit and, with `refit`, of the best fit on its own directions."""
    has_output = network.output_weights != 0
    in_use = (has_output if has_output.ndim == 1 else has_output.any(axis=1)) & np.any(directions != 0, axis=1)
    # The gradient of a loss with kinks does not name one nu: a linear program chooses it in the subdifferential.
    if not problem.loss.is_smooth:
        neurons = directions[in_use], network.output_weights[in_use]
        return [] if dual_points else [best_dual_point(problem, *neurons, starts=starts, **limits)]
    fits = [problem.hidden_fit(network.neurons, network.output_weights)]
    if refit and np.any(in_use):
        fits.append(_refit(problem, network, directions, np.flatnonzero(in_use)))
    return [problem.dual_point(fit) for fit in fits if fit is not None]


def _most_promising(problem, pairs, starts, n_starts, limits):
    """Return the (dual point, leak) with the best value as far as local ascents see, and the local maxima they met."""
    best, answer = -1.0, None
    for nu, leak in pairs:
        directions, _, values = problem_local_prices(problem, nu, starts=starts, n_starts=n_starts, **limits)
        value, _ = problem.dual_bound(nu, values.max(initial=0.0), leak)
        if value > best:
            best, answer = value, (nu, leak, directions[:N_STARTS])
    return answer


def _refit(problem, network, directions, in_use):
    """Hidden fit of the best masses on the network's own directions (its dual is the restricted dual).

    None where it would take long. On long data a second dual point costs as much again, and a trained network has its
    best masses.
    """
    fits = problem.hidden_fits(directions[in_use])
    if problem.y.ndim == 2:
        work = len(problem.y) * float(len(in_use) * problem.n_outputs) ** 2
        return fits @ best_groups(problem, fits)[0] if work <= MAX_REFIT_WORK else None
    if not problem.loss.is_quadratic or is_long(problem.design):
        return None
    fits = fits * network.signs[in_use]
    root = np.sqrt(problem.weight)[:, None]
    projected = problem.project(root * fits)
    target = problem.project(root[:, 0] * problem.centred)
    size = max(np.abs(projected).max(), np.finfo(float).tiny)
    masses = best_masses(projected / size, target, problem.beta / size)
    return fits @ (masses / size)
