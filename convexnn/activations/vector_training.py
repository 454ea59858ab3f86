"""Training with several outputs: directions that violate the dual constraint join, then all neurons move.

The best output weights on given directions are a group lasso. Newton's method moves the neurons between their kinks,
and those that say the same become one. The objective never rises; only the certificate says how good the network is.
"""

import numpy as np

from ..duality.certificate import certify_problem
from ..duality.pricing import local_prices
from ..masses.group_lasso import best_groups
from ..programs.units import in_units, is_trivial
from ..solvers._merging import merge_neurons
from ..solvers._vector_newton import move_vector_neurons
from ..solvers.base import proof_options
from .runs import Run

MAX_NEW_DIRECTIONS = 32  # local maxima that join at once
FIRST_STARTS, MAX_STARTS, START_GROWTH = 256, 4096, 4  # random ascents besides those from neurons and known maxima
MIN_EXCESS_PER_TOL = 1e-3  # the price of a violator is above beta by at least this share of the tolerance,
EXCESS_PER_LARGEST = 0.1  # and by a tenth of the largest excess
MIN_REFIT_GAIN, REFIT_GAIN_PER_EXCESS = 1e-12, 1e-5  # the group lasso ends where a round gains less of the objective
MIN_MOVE_GAIN, MOVE_GAIN_PER_EXCESS = 1e-14, 0.02  # moves end where a round gains less
MAX_MOVES = 20
FIRST_MERGED_DISTANCE, MIN_MERGED_DISTANCE = 0.1, 1e-6  # neurons whose outputs differ by less, as 1 - cosine, may merge


class VectorRun(Run):
    """Directions and outputs in units of one, and the network of them."""

    def __init__(self, problem, *options):
        super().__init__(problem, *options)
        self.scaled = None if is_trivial(problem) else in_units(problem)
        self.merged_distance, self.is_stalled = FIRST_MERGED_DISTANCE, self.scaled is None
        self.n_starts, self.excess = FIRST_STARTS, np.inf
        if self.scaled is not None:
            self.directions = np.zeros((0, problem.design.shape[1]))
            self.outputs = np.zeros((0, problem.n_outputs))
            self.free_fit, self.objective = self._refitted(self.directions, self.outputs)[2:]

    def violators(self, price):
        """Return the local maxima that violate the dual constraint, none where they have not helped before."""
        if self.is_stalled:
            return np.zeros((0, self.problem.design.shape[1]))
        # The certificate may have priced another dual point than that of the network: climb again from where it got.
        starts = np.vstack([self.directions, price.local_directions])
        found = self._search(starts)
        while len(found) == 0 and self.n_starts < MAX_STARTS:  # rare violators are met by one start in thousands
            self.n_starts *= START_GROWTH
            found = self._search(starts)
        return found

    def _search(self, starts):
        """Return the largest local maxima above beta that ascents from these and from random starts meet."""
        problem = self.scaled.problem
        nu = problem.dual_point(problem.hidden_fits(self.directions) @ self.outputs)
        options = {"n_starts": self.n_starts, "deadline": self.deadline, "n_jobs": self.n_jobs}
        directions, _, values = local_prices(*problem.priced(nu), starts=starts, **options)
        self.excess = max(values.max(initial=0.0) / problem.beta - 1.0, 0.0)
        above = values > problem.beta * (1.0 + max(MIN_EXCESS_PER_TOL * self.tol, EXCESS_PER_LARGEST * self.excess))
        return directions[above][:MAX_NEW_DIRECTIONS]

    def certify(self, proof):
        """Return the certificate of the network so far, whose output weights are the best on its directions."""
        options = proof_options(self.tol, proof, self.deadline, self.n_jobs)
        return certify_problem(self.network, self.problem, refit=False, **options)

    def improve(self, violators):
        """Take in violators, and move all neurons until that gains next to nothing."""
        before, c = self.objective, self.problem.n_outputs
        directions = np.vstack([self.directions, violators])
        self._accept(*self._refitted(directions, np.vstack([self.outputs, np.zeros((len(violators), c))])))
        for _ in range(MAX_MOVES):
            last = self.objective
            self._merge()
            self._accept(*self._moved(self.directions, self.outputs))
            if last - self.objective <= max(MIN_MOVE_GAIN, MOVE_GAIN_PER_EXCESS * self.excess) * self.objective:
                break
        self.is_stalled = not self.objective < before
        roots = np.sqrt(np.linalg.norm(self.outputs, axis=1))[:, None]
        unit = np.sqrt(self.scaled.mass_unit)
        self.network = self.assemble(self.directions * (roots * unit), self.outputs / roots * unit)
        self.record(float(self.problem.objective(self.network)))

    def _merge(self):
        """Merge neurons that say the same, where the network is no worse after a move."""
        design = self.scaled.problem.design
        directions, outputs = merge_neurons(design, self.directions, self.outputs, self.merged_distance)
        if len(directions) < len(self.directions) and not self._accept(*self._moved(directions, outputs)):
            self.merged_distance = max(0.5 * self.merged_distance, MIN_MERGED_DISTANCE)

    def _moved(self, directions, outputs):
        """Return neurons that Newton's method has moved, with the best output weights, as `_refitted` does."""
        return self._refitted(*move_vector_neurons(self.scaled.problem, directions, outputs, self.free_fit))

    def _refitted(self, directions, outputs):
        """Return the directions in use, the best outputs on them, the values of the free terms and the objective."""
        problem, still = self.scaled.problem, max(MIN_REFIT_GAIN, REFIT_GAIN_PER_EXCESS * min(self.excess, 1.0))
        outputs, free_fit, objective = best_groups(problem, problem.hidden_fits(directions), outputs, still)
        used = np.any(outputs != 0.0, axis=1)
        return directions[used], outputs[used], free_fit, objective

    def _accept(self, directions, outputs, free_fit, objective):
        """Stand there where the objective does not rise; return whether it does not."""
        if objective > self.objective:
            return False
        self.directions, self.outputs, self.free_fit, self.objective = directions, outputs, free_fit, objective
        return True
