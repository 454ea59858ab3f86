"""How much work a branch and bound will have taken when it ends, as far as its course so far tells.

Near a maximum every halving of the width of the bounds costs about as much as the one before it, and the last ones
less. So the logarithm of the mean width of the open cones is continued on a line through where it is and where it was
at half the work. On trees of 3 to 8 inputs that end, the answer is within a factor of 2.5 from a tenth of the work on,
and too small rather than too large before. While some orthants have no bound yet there is no width, but the share
of their halves that stays open tells whether the tree grows.
"""

from bisect import bisect_left

import numpy as np

END_WIDTH = 1e-6  # once bounds lie 1e-6 of their target above it, in the mean, the rest of the tree closes at once
MIN_PASSES = 8.0  # a tree is forecast to take at least eight passes over the orthants: none was seen to end earlier
GROWTH_POWER = 4.0  # passes grow with the fourth power of twice the share of halves left open: 128 where all are
LOOKS_PER_BUDGET = 20  # a tree that may be given up is looked at twenty times while it spends its budget
GIVE_UP_FROM_SHARE = 0.1  # a tree may be given up once it has spent a tenth of its budget,
HOPELESS_OVER_LIMIT = 10.0  # if its forecast is above ten times the most work that it may take


class Forecast:
    """The course of one tree."""

    def __init__(self):
        self.work, self.log_width = [], []

    def total(self, work, n_halves, bounds, target):
        """Note where the tree stands and return the work that it is expected to take in all.

        Parameters
        ----------
        work : float
            So far.
        n_halves : int
            Cones bounded so far.
        bounds : ndarray
            Those of the open cones, at least one; infinite where a cone was not bounded yet.
        target : float
        """
        # Before every orthant has a bound there is no width: the passes over them are forecast instead.
        n_unbounded = int(np.isinf(bounds).sum())
        if n_unbounded or not self.work:
            n_open = len(bounds) - n_unbounded
            passes = MIN_PASSES * max(1.0, 2.0 * n_open / max(1, n_halves)) ** GROWTH_POWER
        if n_unbounded:
            return passes * self.first_pass(work, n_halves, n_unbounded)
        self.work.append(work)
        self.log_width.append(np.log(max(np.mean(bounds) / target - 1.0, np.finfo(float).tiny)))
        if len(self.work) == 1:
            return passes * work
        # The logarithm of the mean width goes on along the line through here and half the work.
        before = min(bisect_left(self.work, 0.5 * work), len(self.work) - 2)
        fallen = self.log_width[before] - self.log_width[-1]
        left = max(0.0, self.log_width[-1] - np.log(END_WIDTH))
        return work + left * (work - self.work[before]) / fallen if fallen > 0.0 else np.inf

    @staticmethod
    def first_pass(work, n_halves, n_unbounded):
        """Return the work after which every orthant has been cut once."""
        return work * (1.0 + 2.0 * n_unbounded / max(1, n_halves))


class Budget:
    """When to end a tree that is still open, see `branch_and_bound`."""

    def __init__(self, max_work, most_work, largest_batch):
        self.max_work, self.most_work, self.largest_batch = max_work, most_work, largest_batch
        self.forecast = Forecast()

    def work_a_batch(self, search):
        """Work between two looks."""
        if self.most_work is None:
            return self.largest_batch
        return min(self.largest_batch, max(self.max_work, search.work) / LOOKS_PER_BUDGET)

    def is_spent(self, search, frontier):
        """Whether the budget is spent, or what is left of it would be wasted."""
        if self.max_work is None or search.n_nodes == 0:
            return self.max_work == 0
        most = self.max_work if self.most_work is None else self.most_work
        if search.work >= most:
            return True
        bounds = frontier.bounds
        n_unbounded = int(np.isinf(bounds).sum())
        if n_unbounded and Forecast.first_pass(search.work, search.n_nodes, n_unbounded) > most:
            return True  # the largest bound would stay infinite
        if self.most_work is None:
            return False
        expected = self.forecast.total(search.work, search.n_nodes, bounds, search.cut)
        # Beyond its budget a tree goes on only if it is expected to end; before, it ends only if that is hopeless.
        if search.work >= self.max_work:
            return not expected <= search.overestimate * most
        return search.work >= GIVE_UP_FROM_SHARE * self.max_work and not expected <= HOPELESS_OVER_LIMIT * most
