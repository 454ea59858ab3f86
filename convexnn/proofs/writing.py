"""Write a proof file: a network, a dual point made exactly feasible, and the tree of cones that bounds its price."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from itertools import count
from math import inf, nextafter
from pathlib import Path
from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike, LossName
from .._utils.atomic import write_whole
from .._utils.progress import current, reporting
from .._utils.threads import one_blas_thread
from .._utils.validation import check_design, check_positive, check_verbose, check_weights, deadline_after
from ..exceptions import InvalidInputError, SolverError
from ..network import TwoLayerReLU
from . import checker
from .checkpoints import TreeFile, proof_header
from .posing import posed
from .proving import KEPT_MARGIN, MARGINS, TOLERANCE, begin_search, free_terms, prove, saying_what_is_kept

TREE_ARRAYS = ("splits", "slopes", "n_shares", "lines", "shares")
DOMAIN_MARGINS = (0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3)  # shares by which the dual point shrinks into its domain


def write_proof(
    path: str | os.PathLike[str],
    network: TwoLayerReLU | Any,
    X: ArrayLike,
    y: ArrayLike,
    beta: float | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    loss: LossName | None = None,
    huber_delta: float | None = None,
    quantile: float | None = None,
    table: dict | None = None,
    tol: float = TOLERANCE,
    time_limit: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> checker.Verdict:
    """Prove how far a network is from the best one of any width, in a file that others can check.

    The search is in float64; what it finds is then checked in exact arithmetic, and written only if it holds.

    Parameters
    ----------
    path : path-like
        Of the file, an ``.npz``.
    network : TwoLayerReLU, or a fitted ConvexReLURegressor or ConvexReLUClassifier
        Wherever it was trained; see `certify`. An estimator knows its strength and its loss.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, 2)
        For an estimator the targets or labels that its `fit` takes.
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``; a sum, no 1/n. A network
        needs it; for an estimator it is left out, or its `beta_`.
    sample_weight : array-like of shape (n_samples,), optional
        An estimator does not keep the weights of its rows for this: they are given as `fit` took them.
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"}, optional
        Squared by default; for an estimator it is left out, or its own. See `TwoLayerReLU.objective`. Logistic and
        squared_hinge take labels -1 and 1.
    huber_delta, quantile : float, optional
        Parameters of the losses of these names, 1.35 and .5 by default; those of an estimator are left out, or its own.
    table : dict, optional
        How a CSV file becomes X and y, for a checker that is given the file; see Notes.
    tol : float
        The bound on the dual constraint is searched until it is this close to the largest value, relatively.
    time_limit : float, optional
        Seconds for the search. What is open then is bounded as it is, and the gap that holds is larger. The check that
        follows takes about as long as the search on some hundred rows, and several times as long on a few.
    checkpoint : path-like, optional
        A file that keeps what the search has found, as soon as it has. After a kill, an interrupt or a limit of time
        the same call goes on from there, and the proof file is the same to the last bit. Use it for searches of minutes
        and more: there is no search beside the one that is kept, and its memory does not grow.
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
        For bad input, for losses and networks that the checker does not know, for an objective or labels that are not
        those of the estimator, for its training rows without their weights, for data of a rank above 13, and for the
        checkpoint of another proof.
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
    certify_resumably : The certificate of the same search, from the same checkpoint.
    convexnn.certify : The same bound, in float64 with its rounding accounted for.
    """
    tol, verbose = check_positive(tol, "tol"), check_verbose(verbose)
    check_arguments(path, table)
    given = {"loss": loss, "huber_delta": huber_delta, "quantile": quantile}
    with saying_what_is_kept(checkpoint) as found:
        network, problem, y, options = posed(network, X, y, beta, sample_weight, **given)
        deadline = deadline_after(time_limit)
        limits = {"deadline": deadline, "n_jobs": n_jobs}
        kept = TreeFile(checkpoint, proof_header(problem, network, tol))
        with one_blas_thread(), reporting(verbose, deadline), kept as found.file:
            data = checked_data(X, y, sample_weight)
            header = _header(problem, data, table, **options)
            arrays, verdict = _held(problem, network, header, data, found.file, tol, limits)
            _save(path, header, arrays)
    return verdict


def _held(problem, network, header, data, file, tol, limits):
    """Return the arrays of a proof and what the checker says of it; the header gets what goes with them."""
    search = begin_search(problem, network, file, tol=tol, **limits)
    first = file.margin or (MARGINS[0] if file.path is None else KEPT_MARGIN)
    for margin in MARGINS[MARGINS.index(first) :]:
        if file.margin != margin:
            file.begin(search, margin)
        prove(file, tolerance=tol, **limits)
        arrays = _terms(network) | _tree(problem, header, file)
        header["contents"] = checker.digest(header, arrays)
        try:
            return arrays, _checked(header, arrays, data)
        except checker.ProofError as error:
            failure = error
    raise SolverError(
        f"what was found does not hold in exact arithmetic ({failure}); no file was written. Bring the columns of X to "
        f"like sizes: rounding is the smaller for it."
    ) from failure


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
        As `write_proof` was given them; for a classifier 1 where a row has the second of its classes, and else -1.
    sample_weight : array-like of shape (n_samples,), optional
    verbose : int
        1 says every second how many cones are checked; on a terminal a bar does.

    Returns
    -------
    checker.Verdict

    Raises
    ------
    ProofError
        A ValueError; the message says what is wrong first.
    """
    X, y, weight = checked_data(X, y, sample_weight)
    header, arrays = checker.read_proof(path)
    if y.shape[1:] == (1,) and checker.fingerprint(X, y, weight) != header.get("data"):
        y = y[:, 0]  # estimators take a column for one output
    return checked(header, arrays, (X, y, weight), check_verbose(verbose))


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
    try:
        return X, np.asarray(y, dtype=np.float64), weight
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"y must hold numbers, for a classifier 1 where a row has the second of its classes and else -1: {error}."
        ) from error


def check_arguments(path, table):
    """Refuse what would be found out after hours."""
    if Path(path).is_dir():
        raise InvalidInputError(f"path must name a file; got the folder {os.fspath(path)!r}.")
    if table is None:
        return
    try:
        checker.check_recipe(table)
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInputError(f"table must say how a CSV file becomes the data (see Notes): {error}.") from error


def _header(problem, data, table, loss, huber_delta, quantile):
    """Return the header of the file, but for what the dual point and the tree add."""
    return {
        "format": checker.FORMAT,
        "data": checker.fingerprint(*data),
        "table": table,
        "loss": problem.loss.name,
        # Of other losses the checker wants numbers too.
        "huber_delta": float(huber_delta) if loss == "huber" else 1.35,
        "quantile": float(quantile) if loss == "quantile" else 0.5,
        "beta": problem.beta,
        **free_terms(problem),
    }


def _terms(network):
    """Return the arrays of the network."""
    values = {name: getattr(network, name) for name in checker.TERMS}
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items() if value is not None}


def _tree(problem, header, file):
    """Return the arrays of the dual point and its tree; the header gets the numbers that go with them."""
    search, tree = file.search, file.tree()
    lines, columns = search.lines, search.dual_point
    header["corrections"] = search.corrections
    exact = checker.exact_function(header, problem.features, checker.fractions(columns))[0]
    tau = nextafter(lines.scale * file.found()[0], inf)
    header["basis"] = [[str(entry) for entry in row] for row in lines.basis.tolist()]
    header["tau"], header["scale"] = tau, _scale(header, problem, columns.reshape(problem.y.shape), exact, tau)
    spread = np.zeros((problem.n_rows, columns.shape[1]))
    spread[problem.rows] = columns
    return {"dual_point": spread} | {name: getattr(tree, name) for name in TREE_ARRAYS}


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
