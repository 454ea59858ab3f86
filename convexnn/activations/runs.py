"""The loop of training with another activation: search for violators, improve, and prove at the end."""

import numpy as np

from .._utils.clock import now
from .._utils.progress import current
from .._utils.validation import is_late
from ..duality.certificate import certify_problem
from ..solvers.base import Status, conclude, make_record, proof_options
from .network import ActivatedNetwork


class Run:
    """The best network so far and its certificate; subclasses find what violates it, and improve it by that.

    Parameters
    ----------
    problem : ActivatedProblem
    activation : str
    tol : float
    deadline : float or None
    proof : str
    n_jobs : int or None
    """

    def __init__(self, problem, activation, tol, deadline, proof, n_jobs):
        self.problem, self.activation, self.tol = problem, activation, tol
        self.deadline, self.proof, self.n_jobs = deadline, proof, n_jobs
        self.started, self.history = now(), []
        self.network = self.assemble(np.zeros((0, problem.design.shape[1])), np.zeros((0, *problem.y.shape[1:])))

    def violators(self, price):
        """Return what a `Price` shows to be missing, an array whose length counts."""
        raise NotImplementedError

    def improve(self, violators):
        """Take in violators, improve the network and record it."""
        raise NotImplementedError

    def generate(self, max_iter):
        """Price and improve in turn; a proof is tried when ascents see no gap or no violator."""
        certificate, status = self.certify("heuristic"), Status.max_iter
        for _ in range(max_iter):
            new = self.violators(certificate.price)
            # Local ascents find nothing to do: the proof decides, or finds violators that they have missed.
            if certificate.heuristic_gap <= self.tol or len(new) == 0:
                certificate = self.certify(self.proof)
                new = self.violators(certificate.price)
                if certificate.relative_gap <= self.tol or len(new) == 0:
                    return self.solution(certificate)
            if is_late(self.deadline):
                status = Status.time_limit
                break
            # Otherwise improve the network with them and price the new dual point.
            self.improve(new)
            certificate = self.certify("heuristic")
        # Out of rounds: the last network gets the proof that was asked for. Out of time: the ascents have to do.
        late = status is Status.time_limit
        return self.solution(certificate if late else self.certify(self.proof), status)

    def solution(self, certificate, status=Status.converged):
        """Return the `Solution` of the network so far."""
        status = Status.time_limit if is_late(self.deadline) else status
        ended = {"tol": self.tol, "n_iter": len(self.history), "history": self.history}
        return conclude(self.network, certificate, status, **ended)

    def certify(self, proof):
        """Return the certificate of the network so far."""
        options = proof_options(self.tol, proof, self.deadline, self.n_jobs)
        return certify_problem(self.network, self.problem, **options)

    def record(self, value):
        """Add the objective to the history, and report it."""
        self.history.append(make_record(self.started, value, np.nan, self.network.width))
        current().round(self.history[-1])

    def assemble(self, neurons, outputs):
        """Return the network of these neurons (bias last) and output weights, with the free terms that fit best."""
        problem = self.problem
        free = problem.free_coefficients(problem.hidden_fit(neurons, outputs))
        n_features = problem.features.shape[1]
        return ActivatedNetwork(
            neurons[:, :n_features],
            outputs,
            self.activation,
            slope=problem.slope,
            hidden_bias=neurons[:, -1] if problem.hidden_bias else None,
            intercept=free[-1] if problem.fit_intercept else None,
            skip_weights=free[:n_features] if problem.skip_connection else None,
        )
