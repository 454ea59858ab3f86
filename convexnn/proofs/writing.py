"""Write a proof file: a network, a dual point made exactly feasible, and the tree of cones that bounds its price."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from itertools import count
from math import inf, nextafter

import numpy as np

from .._utils.aliases import ArrayLike, LossName
from .._utils.atomic import write_whole
from .._utils.clock import now
from .._utils.progress import current, reporting
from .._utils.threads import one_blas_thread
from .._utils.validation import check_design, check_positive, check_verbose, check_weights, deadline_after
from ..duality.certificate import certify_problem
from ..duality.values import evaluate
from ..exceptions import InvalidInputError, SolverError
from ..network import TwoLayerReLU
from ..programs.posing import problem_of
from . import checker
from .exact import corrections_of
from .lines import make_lines
from .tree import prove

TOLERANCE = 1e-8  # the tree is searched until its bound is this close to the largest value, relatively
LIMIT_SHARE_OF_CERTIFICATE = 0.4  # a first search, which cannot be written down, has this share of a limit of time
SHARED_ARRAYS = ("splits", "n_shares", "lines", "shares")  # of a tree, as the file has them
DOMAIN_MARGINS = (0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3)  # shares by which the dual point shrinks into its domain
MARGINS = (
    1.0,
    1e3,
    1e6,
    1e9,
    1e12,
)  # factors of the rounding that slopes allow for, one after another until the proof holds


def write_proof(
    path: str | os.PathLike[str],
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    quantile: float = 0.5,
    table: dict | None = None,
    tol: float = TOLERANCE,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> checker.Verdict:
    """Prove how far a network is from the best one of any width, in a file that others can check.

    The search is in float64; what it finds is then checked in exact arithmetic, and written only if it holds.

    Parameters
    ----------
    path : path-like
        Of the file, an ``.npz``.
    network : TwoLayerReLU
        Wherever it was trained; see `certify`.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, 2)
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``; a sum, no 1/n.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"}
        See `TwoLayerReLU.objective`. Logistic and squared_hinge take labels -1 and 1.
    huber_delta, quantile : float
        Parameters of the losses of these names.
    table : dict, optional
        How a CSV file becomes X and y, for a checker that is given the file; see Notes.
    tol : float
        The bound on the dual constraint is searched until it is this close to the largest value, relatively.
    time_limit : float, optional
        Seconds for the search. What is open then is bounded as it is, and the gap that holds is larger. The check that
        follows takes about as long as the search on some hundred rows, and several times as long on a few.
    n_jobs : int, optional
        Threads; the file does not depend on it, if there is no limit of time.
    verbose : int
        1 says every second how far the search is, 2 more; on a terminal a bar does.

    Returns
    -------
    checker.Verdict
        What the file proves, exactly: `lower_bound`, `objective`, `relative_gap`, `n_cones`.

    Raises
    ------
    ValueError
        For bad input, for losses and networks that the checker does not know, and for data of a rank above 13.
    SolverError
        Where rounding was too large for what was found to hold in exact arithmetic; nothing is written then.

    Notes
    -----
    `table` has the entries ``inputs`` and ``targets``, lists of pairs of a column and a label (None where the column
    holds numbers; an input is 1 where the column holds its label and else 0, a target 1 or -1), ``weight``, a column
    or None, and ``center`` and ``scale``, lists of what is taken off every input and what it is then divided by.

    See Also
    --------
    check_proof : Check a file against the data that it is about.
    convexnn.certify : The same bound, in float64 with its rounding accounted for.
    """
    tol, verbose = check_positive(tol, "tol"), check_verbose(verbose)
    options = {"sample_weight": sample_weight, "loss": loss, "huber_delta": huber_delta, "quantile": quantile}
    problem = problem_of(network, X, y, beta, **options)
    _refuse_unknown(problem)
    deadline = deadline_after(time_limit)
    with one_blas_thread(), reporting(verbose, deadline):
        dual_point, target = _dual_point(problem, network, tol, deadline, n_jobs)
        header = _header(problem, X, y, sample_weight, table, huber_delta, quantile)
        for margin in MARGINS:
            arrays = _terms(network) | _tree(problem, header, dual_point, target, tol, margin, deadline, n_jobs)
            header["contents"] = checker.digest(header, arrays)
            try:
                verdict = _checked(header, arrays, checked_data(X, y, sample_weight))
                break
            except checker.ProofError as error:
                if margin == MARGINS[-1]:
                    raise SolverError(
                        f"what was found does not hold in exact arithmetic ({error}); no file was written. Bring the "
                        f"columns of X to like sizes: rounding is the smaller for it."
                    ) from error
        _save(path, header, arrays)
    return verdict


def check_proof(
    path: str | os.PathLike[str],
    X: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    verbose: int = 0,
) -> checker.Verdict:
    """Check a proof file in exact arithmetic against the data that it is about.

    The work is that of `convexnn.proofs.checker`, which can be run alone: it imports nothing of convexnn.

    Parameters
    ----------
    path : path-like
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, 2)
        As `write_proof` was given them.
    sample_weight : array-like of shape (n_samples,), optional
    verbose : int
        1 says every second how many cones are checked; on a terminal a bar does.

    Returns
    -------
    checker.Verdict

    Raises
    ------
    ProofError
        A ValueError; the message is the first line that does not hold.
    """
    data = checked_data(X, y, sample_weight)
    header, arrays = checker.read_proof(path)
    return checked(header, arrays, data, check_verbose(verbose))


def checked(header, arrays, data, verbose=0):
    """Return the verdict of the checker on what was read, with its progress; data are X, y and weights."""
    with reporting(verbose):
        return _checked(header, arrays, data)


def _checked(header, arrays, data):
    reporter, n_leaves = current(), len(arrays["n_shares"])
    with reporter.stage("exact check", total=n_leaves, steady=True) as stage:
        done = count(1)
        return checker.check(header, arrays, *data, lambda: stage.tick(next(done), lambda: f"{stage.done:,} leaves"))


def checked_data(X, y, sample_weight):
    """Return X, y and weights in float64, as the checker takes them."""
    X = check_design(X, keep_single=False)
    weight = check_weights(sample_weight, len(X))
    return X, np.asarray(y, dtype=np.float64), weight


def _refuse_unknown(problem):
    """Refuse what the checker does not know."""
    if problem.n_outputs > 2:
        raise InvalidInputError(f"y must have one or two columns for a proof file; got {problem.n_outputs} outputs.")
    if problem.loss.name not in checker.LOSSES:
        raise InvalidInputError(f"loss must be one of {', '.join(checker.LOSSES)}; got {problem.loss.name!r}.")


def _dual_point(problem, network, tol, deadline, n_jobs):
    """Return a dual point (n_samples, n_outputs) of the problem, and the bound on its price that a tree may prove."""
    limited = {"proof": "auto"}
    if deadline is not None:
        limited = {"proof": "exact", "deadline": now() + LIMIT_SHARE_OF_CERTIFICATE * max(deadline - now(), 0.0)}
    certificate = certify_problem(network, problem, tolerance=tol, n_jobs=n_jobs, **limited)
    nu = certificate.dual_point[problem.rows]
    # It is scaled to the bound that is proven: where that is all there is time for, the tree is after it too.
    if certificate.proof == "exact" or deadline is not None:
        return nu, problem.beta
    value = abs(evaluate(*problem.priced(nu), certificate.price.direction))
    return nu, max(problem.needed_bound(nu), value) * (1.0 + tol)


def _header(problem, X, y, sample_weight, table, huber_delta, quantile):
    """Return the header of the file, but for what the dual point and the tree add."""
    return {
        "format": checker.FORMAT,
        "data": checker.fingerprint(*checked_data(X, y, sample_weight)),
        "table": table,
        "loss": problem.loss.name,
        "huber_delta": float(huber_delta),
        "quantile": float(quantile),
        "beta": problem.beta,
        "hidden_bias": problem.hidden_bias,
        "fit_intercept": problem.fit_intercept,
        "skip_connection": problem.skip_connection,
    }


def _terms(network):
    """Return the arrays of the network."""
    values = {name: getattr(network, name) for name in checker.TERMS}
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items() if value is not None}


def _tree(problem, header, dual_point, target, tol, margin, deadline, n_jobs):
    """Return the arrays of the dual point and its tree; the header gets the numbers that go with them."""
    columns = dual_point.reshape(len(dual_point), -1)
    header["corrections"] = corrections_of(problem, columns)
    exact, *function = checker.exact_function(header, problem.features, checker.fractions(columns))
    lines = make_lines(*function)
    scale = lines.scale
    found = prove(
        lines, target / scale if scale > 0 else inf, tolerance=tol, margin=margin, deadline=deadline, n_jobs=n_jobs
    )
    tau = nextafter(scale * found.bound(), inf)
    header["basis"] = [[str(entry) for entry in row] for row in lines.basis.tolist()]
    header["tau"], header["scale"] = tau, _scale(header, problem, dual_point, exact, tau)
    spread = np.zeros((problem.n_rows, columns.shape[1]))
    spread[problem.rows] = columns
    slopes = scale * found.slopes @ lines.coordinates.T
    return {"dual_point": spread, "slopes": slopes} | {name: getattr(found, name) for name in SHARED_ARRAYS}


def _scale(header, problem, dual_point, exact, tau):
    """Return the scale of the best dual value with ``scale tau <= beta``, in the domain of the loss."""
    limit = problem.beta / tau if tau > 0 else inf
    scale = problem.loss.best_scale(problem.dual_targets, dual_point, problem.weight, limit)
    while Fraction(scale) * Fraction(tau) > Fraction(problem.beta):
        scale = nextafter(scale, 0.0)
    # At an end of the domain rounding may have put an entry outside.
    for shrinking in DOMAIN_MARGINS:
        if _is_in_domain(header, problem, Fraction((1.0 - shrinking) * scale) * exact):
            return (1.0 - shrinking) * scale
    return 0.0


def _is_in_domain(header, problem, exact):
    """Whether the checker finds a dual point (n, c) of rational numbers in the domain of the loss."""
    term, weight = checker.LOSSES[header["loss"]][1], checker.fractions(problem.weight)[:, None]
    targets = checker.fractions(problem.y.reshape(exact.shape)).ravel().tolist()
    try:
        for target, nu in zip(targets, (exact / weight).ravel().tolist(), strict=True):
            term(target, nu, header)
    except checker.ProofError:
        return False
    return True


def _save(path, header, arrays):
    """Write the file; it appears under its name when it is complete."""
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    write_whole(path, lambda file: np.savez_compressed(file, header=text, **arrays))
