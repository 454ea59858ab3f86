"""L-BFGS on an objective that may be stopped at any evaluation and keeps the best point it has met."""

import numpy as np
from scipy.optimize import minimize

FLAT_STEPS = 10  # steps of L-BFGS over which the decrease is judged: the first ones are short
N_LBFGS_PAIRS = 20  # pairs of steps and changes of the gradient that are remembered


class Stopped(Exception):
    """The budget has ended, or nothing moves any more; the best point is kept."""


class StoppableObjective:
    """An objective with the best value and the best point of its evaluations.

    Parameters
    ----------
    stop : callable
        Asked before every evaluation but the first.
    """

    def __init__(self, stop):
        self.stop, self.best, self.point = stop, np.inf, None

    def check_budget(self):
        """Raise `Stopped` where the budget has ended and there is a point already."""
        if self.stop() and self.point is not None:
            raise Stopped

    def note(self, value, vector):
        """Keep a point where it is the best so far."""
        if value < self.best:
            self.best, self.point = value, vector.copy()

    def until_flat(self, tol):
        """Return a callback that stops where the last steps have lowered the objective by less than `tol` of it each.

        L-BFGS itself looks at the decrease of one step; here it is judged over several.
        """
        course = []

        def stop_when_flat(_):
            course.append(self.best)
            if len(course) > FLAT_STEPS and not course[-1 - FLAT_STEPS] - self.best > tol * FLAT_STEPS * abs(self.best):
                raise Stopped

        return stop_when_flat


def minimise(objective, start, callback=None, **options):
    """Run scipy's L-BFGS-B with `options` on values with gradients, to its end or until `Stopped` is raised."""
    try:
        minimize(objective, start, jac=True, method="L-BFGS-B", options={"gtol": 0.0} | options, callback=callback)
    except Stopped:
        pass


def parts_of(vector, shapes):
    """Return the arrays of these shapes that one vector holds one after the other."""
    ends = np.cumsum([rows * entries for rows, entries in shapes])
    parts = np.split(vector, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
