"""The best masses on some of given directions, for the squared loss with weights and free terms."""

import numpy as np

from ..masses.lasso import best_masses
from ..programs.scaling import scale_problem


class MassRefit:
    """Refits of the masses of directions (K, n_inputs) with these signs (K,); `fits` are theirs in units of one."""

    def __init__(self, problem, directions, signs):
        self.problem, self.scaled = problem, scale_problem(problem)
        if self.scaled is None:  # the free terms fit the targets, or X is zero: no mass is worth its cost
            self.fits = np.zeros((len(problem.y), len(signs)))
        else:
            self.fits = self.scaled.fits(directions, signs)

    def masses(self, kept, start):
        """Return the best masses on the directions `kept` from `start`, and the objective with the best free terms."""
        scaled = self.scaled
        if scaled is None:
            nu = self.problem.dual_point(np.zeros(len(self.problem.y)))
            return np.zeros(len(kept)), 0.5 * float(nu @ (nu / self.problem.weight))
        unit = scaled.y_scale / scaled.x_scale
        fits = self.fits[:, kept]
        found = best_masses(fits, scaled.target, scaled.beta, start / unit)
        return found * unit, scaled.objective(scaled.target - fits @ found, found) * scaled.y_scale**2
