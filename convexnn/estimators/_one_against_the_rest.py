"""One problem for every class against the rest, or for every label: they share rows, strength and time."""

from dataclasses import replace
from typing import Any

import numpy as np

from .._utils.clock import now
from ..duality.certificate import Certificate
from ..duality.pricing import PROOFS
from ..duality.records import RestrictedCertificate
from ..network import TwoLayerReLU
from ..solvers.base import Status
from ._rows import rows_of_targets


class OneAgainstTheRestMixin:
    """Training of several networks of one output, for an estimator that is a `ConvexReLUEstimator` too."""

    certificates_: list[Certificate]
    network_: TwoLayerReLU
    certificate_: Certificate
    dual_: np.ndarray
    history_: list[dict[str, Any]]
    n_iter_: int
    status_: str

    def _fit_one_against_the_rest(self, X, targets, weight, plain, started, watch, choice):
        """Train one network per column of targets and put them side by side."""
        skip, parts = self.skip_connection_, rows_of_targets(X, targets, weight)
        problems = self._problems(parts, skip)
        # The strength is that without class weights: these change the loss, and not the strength.
        unweighted = problems if weight is plain else self._problems(rows_of_targets(X, targets, plain), skip)
        prices = [self._strength(problem, started) for problem in unweighted]
        self._choose_beta(prices, choice)
        if choice is None and isinstance(self.beta, str):
            self._warn_of_strength(prices, unweighted)
        problems = [replace(problem, beta=self.beta_) for problem in problems]
        solutions = self._solve_apart(problems, parts, started, watch, choice)
        self._set_fitted_apart(solutions, problems, parts)
        return self

    def _solve_apart(self, problems, parts, started, watch, choice):
        """Return the solutions; every problem has an equal share of the time that those before it have left."""
        starts = self._previous_networks(problems) if choice is None else choice.starts
        solutions: list[Any] = []
        for k, (problem, rows, start) in enumerate(zip(problems, parts, starts, strict=True)):
            with watch.problem(self._problem_name(k)) as report:
                # After an interrupt the others are not trained any more.
                over = bool(solutions) and solutions[-1].status is Status.interrupted
                deadline = now() if over else self._deadline(started, len(problems) - k)
                solution = self._solve(problem, rows, deadline, start, report, choice)
                solutions.append(replace(solution, status=Status.interrupted) if over else solution)
        return solutions

    def _set_fitted_apart(self, solutions, problems, parts):
        """Set what is fitted from the solutions of all problems."""
        self._networks_ = [solution.network for solution in solutions]
        self._left_out_parts = [
            (problem, network, rows.samples(problem))
            for problem, network, rows in zip(problems, self._networks_, parts, strict=True)
        ]
        self.network_ = side_by_side(self._networks_)
        self.certificates_ = [
            replace(solution.certificate, dual_point=rows.spread(solution.certificate.dual_point))
            for solution, rows in zip(solutions, parts, strict=True)
        ]
        self.certificate_ = sum_of(self.certificates_)
        self.dual_ = self.certificate_.dual_point
        self.history_ = [record for solution in solutions for record in solution.history]
        self._parts_ = [
            (solution.history, proof) for solution, proof in zip(solutions, self.certificates_, strict=True)
        ]
        self.n_iter_ = max(solution.n_iter for solution in solutions)
        worst = max(solutions, key=lambda solution: list(Status).index(solution.status))
        self.status_ = worst.status.name
        self._warn_unreached(worst.status, max(found.heuristic_gap for found in self.certificates_), problems[0])

    def _previous_networks(self, problems):
        """The last networks of the classes when they can start this fit, else None for each."""
        previous = getattr(self, "_networks_", []) if self._previous_network(None) is not None else []
        return previous if len(previous) == len(problems) else [None] * len(problems)


def side_by_side(networks):
    """Return the network with several outputs that is one of `networks` in each of them."""
    blocks = [network.output_weights for network in networks]
    outputs = np.zeros((sum(map(len, blocks)), len(blocks)))
    ends = np.cumsum([0, *map(len, blocks)])
    for k, block in enumerate(blocks):
        # Neurons of class k act on output k only: a block-diagonal matrix of output weights.
        outputs[ends[k] : ends[k + 1], k] = block

    def joined(name, join):
        parts = [getattr(network, name) for network in networks]
        return None if parts[0] is None else join(parts)

    return TwoLayerReLU(
        np.vstack([network.hidden_weights for network in networks]),
        outputs,
        hidden_bias=joined("hidden_bias", np.concatenate),
        intercept=joined("intercept", np.array),
        skip_weights=joined("skip_weights", np.column_stack),
    )


def sum_of(certificates):
    """Return the certificate of the sum of several objectives, which bounds it by the sum of the bounds."""
    primal, dual = sum(c.primal for c in certificates), sum(c.dual for c in certificates)
    # The visible gap of the sum is the mean of the gaps, weighted by the objectives.
    seen = sum(c.heuristic_gap * c.primal for c in certificates)
    proof = max((c.proof for c in certificates), key=PROOFS.index)
    points = np.column_stack([c.dual_point for c in certificates])
    dearest = max((c.price for c in certificates), key=lambda price: price.upper_bound)
    rounding = sum(c.rounding for c in certificates)
    found = Certificate(primal, dual, points, proof, seen / primal if seen else 0.0, dearest, rounding)
    if not all(isinstance(c, RestrictedCertificate) for c in certificates):
        return found
    gaps = [c.pattern_gap for c in certificates]
    gap = None if None in gaps else sum(g * c.primal for g, c in zip(gaps, certificates, strict=True)) / (primal or 1.0)
    return RestrictedCertificate(**vars(found), pattern_gap=gap)
