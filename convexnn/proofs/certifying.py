"""A certificate from the search of a proof file: resumable, with bounded memory, on a cluster where there is one."""

from fractions import Fraction
from math import inf, nextafter

import numpy as np

from .._utils.norms import unit_rows
from .._utils.threads import one_blas_thread
from ..duality.records import PRICE_TOLERANCE, Price, certificate_of
from ..duality.values import evaluate
from .checkpoints import TreeFile, proof_header
from .proving import KEPT_MARGIN, TOLERANCE, begin_search, prove


def certify_kept(network, problem, checkpoint, *, tol=TOLERANCE, deadline=None, n_jobs=None):
    """Certify a network for a checked `Problem` of one output by a search that goes on from its checkpoint.

    The checkpoint is that of `write_proof` for the same network and problem: a file can be written afterwards without
    another search. The bound on the price is the largest norm of a slope of the tree. Slopes are raised, at every
    generator of their cones, by a thousand times what float64 may lose in a sum over all lines (see `RootSearch`). The
    dual point is the one in float64, and the tree is that of an exactly orthogonal one beside it: what the difference
    can add to the price is added. The rest is as in `convexnn.certify`.

    Raises
    ------
    KeyboardInterrupt
        After an interrupt; the message says what is kept.
    """
    limits = {"deadline": deadline, "n_jobs": n_jobs}
    with one_blas_thread(), TreeFile(checkpoint, proof_header(problem, network, tol)) as file:
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
