"""The claims of a file, checked against its own network and data."""

import hashlib

import numpy as np

from .._utils.validation import deadline_after
from ..duality.certificate import certify, certify_problem
from ..estimators._rows import canonical_rows
from ..exceptions import FileFormatError
from ..programs.dual_points import is_orthogonal
from ..programs.posing import problem_of
from .headers import CLAIM_ROUNDING

# float64 computes a prediction to within 64 units in the last place of the sizes that are added up.
PREDICTION_ROUNDING = 64 * np.finfo(float).eps
# A claimed bound is confirmed when the proof ends at most 1e-6 of the objective below it.
MAX_MISSED_BOUND = 1e-6


def posed(network, data, entry):
    """Return the `Problem` of the data with the terms of the network."""
    problem = problem_of(network, data["X"], data["y"], sample_weight=data["sample_weight"], **entry)
    problem.check_network(network)
    return problem


def agrees(problem, network, primal):
    """Whether an objective is that of the network, but for the rounding of its predictions."""
    found = problem.objective(network)
    values = network.predict(problem.features)
    slopes = np.abs(problem.loss.dual_point(problem.y, values, problem.weight))
    size = np.abs(problem.y) + _largest_summands(network, problem)
    weight = problem.weight if values.ndim == 1 else problem.weight[:, None]
    # A fit that is off by e changes the objective by |nu| e + w e^2 at most, with the loss's curvature at most 1.
    slack = PREDICTION_ROUNDING * np.sum(slopes * size) + PREDICTION_ROUNDING**2 * np.sum(weight * size**2)
    return abs(found - primal) <= CLAIM_ROUNDING * max(abs(found), abs(primal)) + slack


def _largest_summands(network, problem):
    """Return what is added up in the network's values, in absolute terms."""
    size = np.abs(problem.design) @ np.abs(network.neurons).T @ np.abs(network.output_weights)
    for term, factor in ((network.skip_weights, problem.features), (network.intercept, None)):
        if term is not None:
            size = size + (np.abs(term) if factor is None else np.abs(factor) @ np.abs(term))
    return size


def data_digest(X, y, sample_weight=None):
    """Return the sha256 of distinct rows, targets and total weights: the order of the samples does not matter."""
    rows = canonical_rows(X, y, np.ones(len(X)) if sample_weight is None else sample_weight)
    digest = hashlib.sha256()
    for array in (rows.X, rows.y, rows.weight):
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()


def check_primal(claimed, network, problem):
    """Refuse a claim whose objective is not that of the network on the data."""
    if claimed is None:
        return
    found = problem.objective(network)
    if not agrees(problem, network, claimed.primal):
        raise FileFormatError(
            f"it claims the objective {claimed.primal!r}, and that of its network on the data is {found!r}."
        )


def proven_again(claimed, network, data, entry, dual_point, options):
    """Return the certificate of a network, computed here; refuse a claim that it contradicts.

    Where the network alone leads to less than what is claimed, the dual point of the file is tried as well: that of a
    network that is too narrow to be optimal comes from a wider one. It is a hint, whose price is bounded anew.

    Parameters
    ----------
    claimed : ClaimedCertificate or None
    network : TwoLayerReLU
    data : dict
        X, y and sample_weight.
    entry : dict
        beta, loss, huber_delta, quantile; penalize_bias where it is False.
    dual_point : ndarray of the shape of y, or None
    options : dict
        proof, time_limit and n_jobs, as `certify` takes them.
    """
    # First from scratch; the stored dual point is used only where that proves less than is claimed.
    certificates = [certify(network, **data, **entry, **options)]
    if _is_enough(certificates[0], claimed):
        return certificates[0]
    if dual_point is not None and dual_point.ndim == 1:
        certificates += _from_hint(posed(network, data, entry), network, dual_point, options)
    best = max(certificates, key=lambda found: found.dual)
    if _is_enough(best, claimed):
        return best
    # Exact proofs that end below the claim contradict it; other proofs only have not confirmed it.
    if dual_point is not None and all(found.proof == "exact" for found in certificates):
        raise FileFormatError(
            f"it claims the lower bound {claimed.dual!r}, and what its network, data and dual point prove is "
            f"{best.dual!r}."
        )
    return best


def _is_enough(found, claimed):
    return claimed is None or claimed.dual <= found.dual + MAX_MISSED_BOUND * found.primal


def _from_hint(problem, network, dual_point, options):
    """Return the certificate that a dual point leads to, in a list that is empty where the point cannot be used."""
    nu = dual_point[problem.rows]
    # A dual point that is not orthogonal to the free terms proves nothing.
    if not is_orthogonal(problem.free, nu):
        return []
    deadline = deadline_after(options["time_limit"])
    kept = {name: options[name] for name in ("proof", "n_jobs")}
    return [certify_problem(network, problem, dual_points=[nu], deadline=deadline, **kept)]
