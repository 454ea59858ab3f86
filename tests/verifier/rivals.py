"""Networks that are better than a claimed lower bound: every one found has an exact objective, rounded up.

Columns: the fits of integer directions, less what of them the free terms can give (exactly: the free terms are taken
on a basis of their own span). A search in float64 says how much of each column; the objective of what it says is then
computed in rational numbers. New directions are those of large price at the fit, as in column generation.
"""

from fractions import Fraction

import numpy as np

from .descent import masses_of_outputs, smooth_masses
from .dyadic import column, dyadic, exact, ratio, root_above, rounded
from .free_terms import exact_basis, free_columns, off_the_basis
from .linear_programs import linear_masses
from .losses import LINEAR, float_loss
from .prices import PriceSearch, dyadic_rows

ROUNDS = 10
NEW_DIRECTIONS = 5
MOST_COLUMNS = 80


class Column:
    """A dyadic vector over the rows, as floats of size one, and what a unit of it costs (a rational number)."""

    def __init__(self, integers, shift, price, root_weight):
        floats = rounded([ratio(int(v), shift) for v in integers])
        size = np.abs(root_weight * floats).max()
        self.exponent = int(np.frexp(size)[1])
        self.integers, self.shift = integers, shift + self.exponent
        self.floats = rounded([ratio(int(v), self.shift) for v in integers])
        self.price = price * ratio(1, self.exponent)


class RivalSearch:
    """The search for good networks of one problem.

    `best` is the smallest exact objective so far.
    """

    def __init__(self, problem, rng):
        self.problem, self.rng = problem, rng
        self.prices = PriceSearch(problem.design, rng)
        self.root_weight = np.sqrt(problem.weight)
        self.weight, _ = dyadic(problem.weight)
        free = free_columns(problem.X, problem.fit_intercept, problem.skip_connection)
        self.basis = exact_basis(free, self.weight) if free.shape[1] else []
        self.free = [Column(vector, 0, Fraction(0), self.root_weight) for vector in self.basis]
        self.columns, self.seen = [], set()
        self.targets = self._targets()
        self.best = sum(problem.exact_losses(self._zeros(), self.targets), Fraction(0))

    def _zeros(self):
        zeros = np.empty(self.problem.Y.shape, dtype=object)
        zeros[:] = Fraction(0)
        return zeros

    def _targets(self):
        """The targets less what the free terms can give of them, in rational numbers; labels as they are."""
        if self.problem.has_labels:
            return self.problem.exact_targets
        columns = []
        for y in self.problem.Y.T:
            integers, shift = off_the_basis(*dyadic(y), self.basis, self.weight)
            columns.append([ratio(int(v), shift) for v in integers])
        return [column(list(row)) for row in zip(*columns, strict=True)]

    def add(self, directions, most=MOST_COLUMNS):
        """Add the columns of the first `most` integer directions (K, d), or of floats, that are new."""
        directions = directions if directions.dtype == object else dyadic_rows(directions)
        for u in directions:
            key = tuple(int(v) for v in u)
            if key in self.seen or not any(key):
                continue
            if len(self.columns) >= MOST_COLUMNS or most == 0:
                return
            self.seen.add(key)
            most -= 1
            fit, shift = off_the_basis(np.maximum(self.prices.rows @ u, 0), self.prices.shift, self.basis, self.weight)
            if any(fit):
                cost = exact(self.problem.beta) * root_above(Fraction(int(u @ u)))
                self.columns.append(Column(fit, shift, cost, self.root_weight))

    def run(self, directions, dual_points=(), enough=0):
        """Search from neurons and from dual points; return `best`, at once where it is below `enough`."""
        for nu in dual_points:
            self._add_prices(nu)
        self.add(np.asarray(directions))
        for _ in range(ROUNDS):
            before = len(self.columns)
            self._add_prices(self._improve())
            if len(self.columns) == before or self.best < enough:
                break
        return self.best

    def _add_prices(self, nu):
        if np.all(np.isfinite(nu)) and np.any(nu):
            self.add(self.prices.search(nu).directions, NEW_DIRECTIONS)

    def _improve(self):
        """Find good amounts of the columns; return the dual point where they lead to."""
        problem, columns = self.problem, self.columns + self.free
        targets = rounded(np.array(self.targets))
        n = len(targets)
        matrix = np.array([c.floats for c in columns]).reshape(len(columns), n).T
        costs = np.array([float(min(c.price, 10**300)) for c in columns])
        search = linear_masses if problem.loss in LINEAR else smooth_masses
        if problem.Y.shape[1] > 1:
            search = masses_of_outputs
        best, nu = None, -self._slopes(targets, np.zeros(targets.shape))
        for amounts, own in search(problem, matrix, costs, targets):
            value = self._exact(columns, amounts)
            if best is None or value < best:
                best, nu = value, -self._slopes(targets, matrix @ amounts) if own is None else own
        return nu

    def _slopes(self, targets, fit):
        slopes = float_loss(self.problem.loss, targets, fit, **self.problem.options)[1]
        return self.problem.weight[:, None] * slopes

    def _exact(self, columns, amounts):
        """Return the exact objective of amounts (K, c) of the columns, and keep it where it is the smallest."""
        fits, penalty = self._zeros(), Fraction(0)
        for c, amount in zip(columns, amounts, strict=True):
            if not np.any(amount):
                continue
            shares = [exact(a) for a in amount]
            vector = column([ratio(int(v), c.shift) for v in c.integers])
            fits = fits + np.multiply.outer(vector, column(shares))
            penalty += c.price * root_above(sum(s * s for s in shares))
        value = sum(self.problem.exact_losses(fits, self.targets), penalty)
        self.best = min(self.best, value)
        return value
