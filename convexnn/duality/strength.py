"""The smallest strength at which the zero network is optimal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._utils.aliases import ArrayLike, LossName
from .._utils.progress import current
from .._utils.threads import one_blas_thread
from ..programs.posing import make_problem
from .cuts import cheapest_dual_point
from .free_bias import free_bias_price
from .pricing import search_price, starts_beside
from .records import MIN_TREE_WORK, PRICE_TOLERANCE

N_ZERO_STARTS = 512  # random ascents for the price of the zero network
ZERO_TREE_WORK = 100_000_000  # nanoseconds that a tree which nobody asked for may take: a tenth of a second


def zero_network_price(problem, *, proof="auto", max_work=None, most_work=ZERO_TREE_WORK, deadline=None, n_jobs=None):
    """Return the `Price` of the zero network's dual point, searched with fixed starts within a budget of work.

    `max_work` and `most_work` are those of `search_price`; the first limits the starts too. By default a tree that is
    not expected to end is hardly begun. The upper bound is not pressed down where the proof is not exact: nobody asks
    for it. Where what float64 leaves of the dual point along the free terms counts, the proof is a bound.
    """
    # nu = -grad L at the best fit of the free terms alone; losses with kinks leave a choice.
    if problem.loss.is_smooth:
        nu = problem.dual_point(np.zeros_like(problem.y))
    else:
        nu = cheapest_dual_point(problem, deadline=deadline, n_jobs=n_jobs)
    nu, leak = problem.orthogonal(nu)
    n_starts = starts_beside(proof, problem.design, N_ZERO_STARTS, max_work)
    options = {"n_starts": n_starts, "tight": False, "most_work": most_work, "deadline": deadline, "n_jobs": n_jobs}
    with one_blas_thread(), current().naming("beta_max"):
        max_work = MIN_TREE_WORK if max_work is None else max_work
        if problem.has_free_bias:
            found = free_bias_price(problem.features, nu, proof=proof, max_work=max_work, **options)
        else:
            found = search_price(problem.design, nu, proof=proof, max_work=max_work, **options)
    # A vector that is exactly orthogonal to Z may have a price that is larger by what the leak allows.
    lost = problem.price_leak(leak)
    known = found.proof != "exact" or lost <= PRICE_TOLERANCE * found.value
    return replace(found, upper_bound=found.upper_bound + lost, proof=found.proof if known else "bound")


def beta_max(
    X: ArrayLike,
    y: ArrayLike,
    *,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    quantile: float = 0.5,
    penalize_bias: bool = True,
    n_jobs: int | None = None,
) -> float:
    """Return the smallest `beta` for which the zero network is optimal.

    ``beta_max = max_{||u|| <= 1} |nu^T (X u)_+|`` with ``nu = -grad L`` at the best fit of the free terms alone; for
    ``beta >= beta_max`` the objective ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` is at its
    minimum without any hidden neuron.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    hidden_bias, fit_intercept, skip_connection : bool
        A penalised bias of the hidden neurons; an unpenalised intercept; unpenalised linear terms.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial"}
        See `TwoLayerReLU.objective`. Logistic and squared_hinge take labels -1 and 1, multinomial one-hot rows y.
    huber_delta, quantile : float
        Parameters of the losses of these names.
    penalize_bias : bool
        False for a hidden bias that costs nothing; needs `hidden_bias`, `fit_intercept` and one output.
    n_jobs : int, optional
        Threads; the answer does not depend on it.

    Returns
    -------
    float
        Exact to the relative tolerance 1e-7 where the search completes within a fixed amount of work and double
        precision resolves it, else a lower bound from fixed starts; `price` tells which for a given dual point.

    Raises
    ------
    ValueError
        For bad input.

    Notes
    -----
    Like every function here this takes X as given, without a hidden bias and free terms unless they are asked for;
    `ConvexReLURegressor` has a hidden bias and an intercept by default.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import beta_max
    >>> round(beta_max([[-np.sqrt(3), 1], [np.sqrt(3), 1]], [1, 1]), 6)
    2.0
    """
    problem = make_problem(
        X,
        y,
        1.0,
        hidden_bias=hidden_bias,
        fit_intercept=fit_intercept,
        skip_connection=skip_connection,
        sample_weight=sample_weight,
        loss=loss,
        huber_delta=huber_delta,
        quantile=quantile,
        penalize_bias=penalize_bias,
    )
    return zero_network_price(problem, most_work=None, n_jobs=n_jobs).value
