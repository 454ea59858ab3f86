"""The result of every solver, and how a network is made."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from .._utils.clock import now
from .._utils.display import Shown, figure, share_above
from ..duality.records import Certificate
from ..exceptions import InvalidInputError, SolverError
from ..network import TwoLayerReLU

LARGEST_PROVEN_GAP = 1e-3  # whatever the tolerance, a network with a larger relative gap is not called proven
MIN_GAIN = 1e-15  # a round that lowers the objective by less of itself than this moves within rounding: the last
MAX_PRICE_TOLERANCE = 1e-7  # a proof leaves at most this share of beta between the bounds on the price,
PRICE_TOLERANCE_PER_TOL = 0.1  # and at most this share of the tolerance


class Status(Enum):
    """How a solver ended; the value is the sentence the user reads.

    ``proven`` needs a proven relative gap of at most the tolerance, and of at most 1e-3 whatever the tolerance.
    """

    proven = "The network is globally optimal to the tolerance, and proven to be."
    converged = "No improving neuron was found at the tolerance; the proof at hand does not exclude one."
    restricted = "The network is optimal over the given patterns only, which are not all there are."
    max_width = "The network has max_width neurons; better ones need more."
    stalled = "No further progress was possible in double precision; the best network so far is returned."
    max_iter = "The iteration limit was reached; the best network so far is returned."
    time_limit = "The time limit was reached; the best network so far is returned."
    settled = "Training ended when its budget of work was spent, or when the objective hardly fell any more."
    interrupted = "Interrupted; the best network so far is returned."


OUT_OF_TIME = (Status.interrupted, Status.time_limit)
OUT_OF_BUDGET = (*OUT_OF_TIME, Status.settled)
ENDED_BY_ITSELF = (Status.proven, Status.converged, Status.stalled)


@dataclass(frozen=True, repr=False)
class Solution(Shown):
    """A network with its proof.

    Attributes
    ----------
    network : TwoLayerReLU
    certificate : Certificate
    status : Status
    n_iter : int
    history : list of dict
        One record per iteration: ``seconds``, ``objective``, ``visible_gap`` (relative, from local ascents), ``width``.
    """

    network: TwoLayerReLU
    certificate: Certificate
    status: Status
    n_iter: int
    history: list[dict[str, Any]]

    def _shown(self):
        certificate = self.certificate
        return "Solution", [
            ("status", self.status.name),
            ("network", repr(self.network)),
            ("objective", figure(certificate.primal)),
            ("relative gap", f"{share_above(certificate.relative_gap)} ({certificate.proof})"),
            ("rounds", str(self.n_iter)),
        ]


def is_proven(certificate, tol):
    """Whether the proven relative gap is within the tolerance, and small enough for the word optimal."""
    return certificate.relative_gap <= min(tol, LARGEST_PROVEN_GAP)


def proof_options(tol, proof, deadline, n_jobs, status=None):
    """Return the options of the certificate at the end of a run, a dict.

    A run that was interrupted or whose time is over only looks for violators.
    """
    return {
        "proof": "heuristic" if status in OUT_OF_TIME else proof,
        "tolerance": min(MAX_PRICE_TOLERANCE, PRICE_TOLERANCE_PER_TOL * tol),
        "deadline": deadline,
        "n_jobs": n_jobs,
    }


def conclude(network, certificate, status, *, tol, n_iter, history, visible_gap=0.0):
    """Return the `Solution` of a run: the ending that all solvers share.

    Parameters
    ----------
    network : TwoLayerReLU
    certificate : Certificate
    status : Status
        How the run ended. It becomes ``proven`` where the certificate proves as much; a run that ended by itself has
        ``converged`` where the estimated gap is within the tolerance, and else ``stalled``.
    tol : float
    n_iter : int
    history : list of dict
    visible_gap : float
        The gap as the run itself has seen it. Where a budget ended the run, the certificate searches for less long than
        the run did and may see less of a gap: it takes over this one.

    Raises
    ------
    SolverError
        When not even a finite objective was reached.
    """
    if not np.isfinite(certificate.primal):
        raise SolverError(f"The objective overflowed ({certificate.primal}); scale X and y down.")
    if status in OUT_OF_BUDGET and visible_gap > certificate.heuristic_gap:
        # The gap to the optimum is at most the proven one, whatever the run has seen.
        certificate = replace(certificate, heuristic_gap=min(visible_gap, certificate.relative_gap))
    if is_proven(certificate, tol):
        status = Status.proven
    elif status in ENDED_BY_ITSELF:
        status = Status.converged if certificate.heuristic_gap <= tol else Status.stalled
    return Solution(network, certificate, status, max(1, n_iter), history)


def uninterrupted(solution):
    """Return a solution, of any solver; raise KeyboardInterrupt where the user has interrupted it.

    For functions whose answer would be none: solvers keep an interrupt to themselves and return what they have.
    """
    if solution.status is Status.interrupted:
        raise KeyboardInterrupt
    return solution


def check_masks(problem, masks):
    """Return masks, or those of an `ActivationPatterns`, as a boolean array of shape (P, n_samples)."""
    masks, n_samples = np.asarray(getattr(masks, "masks", masks)), len(problem.design)
    if masks.ndim != 2 or masks.shape[1] != n_samples:
        raise InvalidInputError(
            f"masks must have shape (P, {n_samples}), one entry per row of positive weight; got {masks.shape}."
        )
    if masks.dtype != bool:
        raise InvalidInputError(f"masks must be boolean; got an array of {masks.dtype}.")
    return masks


def make_record(started, objective, visible_gap, width):
    """Return a record of the history; `started` is the `clock.Moment` of the beginning."""
    seconds = now() - started
    return {"seconds": seconds, "objective": objective, "visible_gap": visible_gap, "width": width}


def hand_over(report, record, make_model):
    """Hand a record to `report`, if there is one; with a true attribute `wants_models` it gets `make_model` too.

    `make_model`, without arguments, makes the model of the moment: a network, or blocks and free terms of gated models.
    """
    if report is None:
        return
    if getattr(report, "wants_models", False):
        report(record, make_model)
    else:
        report(record)


def build_network(problem, directions, signs, masses):
    """Return the balanced network with these unit directions, signs and masses and the free terms that fit best.

    With several outputs the signs are unit vectors, of shape (K, n_outputs).
    """
    root_masses = np.sqrt(masses)
    neurons, outputs = root_masses[:, None] * directions, signs * problem.beside(root_masses)
    return assemble(problem, neurons, outputs, problem.free_coefficients(problem.hidden_fit(neurons, outputs)))


def build_zero_network(problem):
    """Return the network without neurons whose free terms fit best."""
    neurons = np.zeros((0, problem.design.shape[1]))
    outputs = np.zeros((0, *problem.y.shape[1:]))
    return assemble(problem, neurons, outputs, problem.free_coefficients(np.zeros_like(problem.y)))


def assemble(problem, neurons, outputs, free):
    """Return the network of these neurons (bias last), output weights and free terms (skip weights, intercept)."""
    n_features = problem.design.shape[1] - problem.hidden_bias
    return TwoLayerReLU(
        neurons[:, :n_features],
        outputs,
        hidden_bias=neurons[:, -1] if problem.hidden_bias else None,
        skip_weights=free[:n_features] if problem.skip_connection else None,
        intercept=free[-1] if problem.fit_intercept else None,
    )


def free_terms(network):
    """Skip weights, then the intercept, as far as the network has them: the `free` of `assemble`."""
    shape = network.output_weights.shape[1:]
    skip = np.zeros((0, *shape)) if network.skip_weights is None else network.skip_weights
    intercept = [] if network.intercept is None else network.intercept
    return np.concatenate([skip, np.reshape(intercept, (-1, *shape))])
