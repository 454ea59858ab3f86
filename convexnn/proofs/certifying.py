"""A certificate from the search of a proof file: resumable, with bounded memory, on a cluster where there is one."""

from __future__ import annotations

import os
from fractions import Fraction
from math import inf, nextafter
from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike, LossName
from .._utils.norms import unit_rows
from .._utils.progress import reporting
from .._utils.threads import one_blas_thread
from .._utils.validation import check_positive, check_verbose, deadline_after
from ..duality.records import PRICE_TOLERANCE, Certificate, Price, certificate_of
from ..duality.values import evaluate
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from .checkpoints import TreeFile, proof_header
from .posing import posed
from .proving import KEPT_MARGIN, TOLERANCE, begin_search, prove, saying_what_is_kept


def certify_resumably(
    checkpoint: str | os.PathLike[str],
    network: TwoLayerReLU | Any,
    X: ArrayLike,
    y: ArrayLike,
    beta: float | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    loss: LossName | None = None,
    huber_delta: float | None = None,
    quantile: float | None = None,
    tol: float = TOLERANCE,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Certificate:
    """Do what ``certify(..., proof="exact")`` does, by a search that a kill, an interrupt or a limit cannot undo.

    The same call goes on from what is kept, and gives the same certificate to the last bit. Memory does not grow with
    the search. `write_proof` with the same checkpoint, network, problem and `tol` writes the proof file without another
    search.

    Parameters
    ----------
    checkpoint : path-like
        The file that keeps the search; it is made where there is none.
    network, X, y, beta, sample_weight, loss, huber_delta, quantile
        As `write_proof` takes them, with one output: a fitted estimator knows its strength and its loss.
    tol : float
        The bound on the dual constraint is searched until it is this close to the largest value, relatively.
    time_limit : float, optional
        Seconds for the search. What is open then is bounded as it is, and another call goes on with it.
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    verbose : int
        1 says every second what share is closed and how long the rest may take; on a terminal a bar does.

    Returns
    -------
    Certificate

    Raises
    ------
    ValueError
        For bad input, for data of a rank above 13, and for the checkpoint of another proof.
    KeyboardInterrupt
        After an interrupt; the message says what is kept.

    Notes
    -----
    The bound on the price is the largest norm of a slope of the tree. Slopes are raised, at every generator of their
    cones, by a thousand times what float64 may lose in a sum over all lines. The tree is that of a dual point that is
    exactly orthogonal to the free terms; what its distance from the one in float64 can add to the price is added.

    See Also
    --------
    convexnn.certify : The certificate by a search in memory, for any number of outputs.
    write_proof : The file that others can check.
    """
    tol, verbose = check_positive(tol, "tol"), check_verbose(verbose)
    given = {"loss": loss, "huber_delta": huber_delta, "quantile": quantile}
    with saying_what_is_kept(checkpoint):
        network, problem, _, _ = posed(network, X, y, beta, sample_weight, **given)
        if problem.n_outputs > 1:
            raise InvalidInputError(
                f"y must have shape (n_samples,) for certify_resumably; got {problem.n_outputs} outputs. write_proof "
                f"takes two, with a checkpoint too."
            )
        deadline = deadline_after(time_limit)
        with reporting(verbose, deadline):
            return certify_kept(network, problem, checkpoint, tol=tol, deadline=deadline, n_jobs=n_jobs)


def certify_kept(network, problem, checkpoint, *, tol=TOLERANCE, deadline=None, n_jobs=None):
    """Certify a network for a checked `Problem` of one output; see `certify_resumably`."""
    limits = {"deadline": deadline, "n_jobs": n_jobs}
    kept = TreeFile(checkpoint, proof_header(problem, network, tol))
    with saying_what_is_kept(checkpoint) as found, one_blas_thread(), kept as found.file:
        file = found.file
        problem.check_network(network)
        search = begin_search(problem, network, file, tol=tol, **limits)
        if file.margin is None:
            file.begin(search, KEPT_MARGIN)
        prove(file, tolerance=tol, **limits)
        dual_point, leak = problem.orthogonal(search.dual_point.reshape(problem.y.shape))
        return certificate_of(problem, network, dual_point, leak, _price(problem, dual_point, file))


def _price(problem, dual_point, file):
    """Return the `Price` of the dual point by the tree of the file, which is whole."""
    search, lines = file.search, file.search.lines
    bound, _, point = file.found()
    exact = search.dual_point.copy()
    for row, column, text in search.corrections:
        exact[row, column] = float(Fraction(text))
    apart = np.abs(exact.reshape(dual_point.shape) - dual_point) + np.spacing(np.abs(dual_point))
    upper = nextafter(nextafter(lines.scale * bound, inf) + problem.price_leak(apart), inf)
    # The largest value that was met, by the tree or by the ascents before it.
    directions, _ = unit_rows(np.vstack([lines.coordinates @ point, search.direction]))
    signed = np.array([evaluate(*problem.priced(dual_point), direction) for direction in directions])
    best = int(np.argmax(np.abs(signed)))
    value, sign = abs(float(signed[best])), int(np.sign(signed[best]))
    proof = "exact" if upper <= (1.0 + PRICE_TOLERANCE) * max(value, problem.needed_bound(dual_point)) else "bound"
    local = directions[[best]], np.array([sign]), np.array([value])
    return Price(value, max(upper, value), directions[best], sign, proof, file.n_cones, None, *local)
