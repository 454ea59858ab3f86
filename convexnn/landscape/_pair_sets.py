"""The stationary networks of limited width, by going through the sets of cones that their neurons can be in.

A network whose neurons are not zero is stationary if and only if its neurons are balanced, those that share a pattern
and a sign are collinear, and together they solve the convex program over *all* (pattern, sign) pairs whose closed cone
holds one of them. Moved along null vectors of its fits at constant objective, it loses neurons until the fits are
independent, and stays stationary: the fit, and with it ``nu = -grad L``, has not changed. Then one pair for each neuron
determines it, as the only optimum over these pairs. So the stationary values are those of the programs over sets of at
most `max_width` pairs whose optimum uses every pair, has independent fits, and is not improved by any other cone that
holds one of its directions.

Sets are gone through by size. A pair that has no price above beta at the optimum without it adds nothing to the set:
the program over the set has the optimum of the smaller one, and nothing is solved.
"""

from itertools import combinations
from math import comb

import numpy as np

from .._utils.norms import nonzero, norms
from ..arrangements import count_patterns, enumerate_patterns
from ..exceptions import PatternLimitError, SolverError
from ..programs.scaling import scale_problem
from ..solvers._newton import take_full_steps
from ..solvers.base import build_network, build_zero_network, uninterrupted
from ..solvers.cones import PatternCones
from ..solvers.restricted import solve_over_patterns
from .labels import has_dependent_fits, label

# Programs over a set are solved to a relative gap of 1e-12, and then by 3 full Newton steps.
SET_TOLERANCE, N_NEWTON_STEPS = 1e-12, 3
# A block below 1e-9 of the largest is none; a price above beta by less than 1e-9 of it does not improve the optimum.
ABSENT_BLOCK_SHARE = PRICE_TOLERANCE = 1e-9
# A direction is in a closed cone when the sine of its angle to no hyperplane is beyond it by more than 1e-9.
CONE_SINE = 1e-9
# An optimum is known when the prices of its neurons are beta to 1e-8 of it.
OPTIMUM_TOLERANCE = 1e-8
# Values are one when they differ by at most 1e-8 of themselves, or by rounding, 1e-14 of the value of the zero network.
SAME_VALUE, VALUE_ROUNDING = 1e-8, 1e-14
# Networks are one when their neurons differ by at most 1e-6 of the largest weight.
SAME_NEURON = 1e-6
# What to do about too many sets.
ADVICE = (
    "Use fewer rows or columns, or a smaller max_width, or raise max_sets; polish finds the stationary points beside "
    "ends of gradient_descent on data of any size."
)


class PairSets:
    """The sets of pairs, by size; the optimum over each, and the stationary networks among the optima."""

    def __init__(self, problem, max_width, max_sets, tol, n_jobs):
        self.problem, self.max_width, self.tol, self.n_jobs = problem, max_width, tol, n_jobs
        self.scaled = scale_problem(problem)
        n_patterns = count_patterns(problem.design)
        if n_patterns > max_sets:
            raise PatternLimitError(
                f"X may have {n_patterns} activation patterns, and so more than max_sets={max_sets} sets of (pattern, "
                f"sign) pairs. {ADVICE}"
            )
        masks = enumerate_patterns(problem.design, n_jobs=n_jobs).masks
        # Rows of zeros are in every pattern, and no fit is there.
        self.masks = masks[np.any(masks & (norms(problem.design) > 0.0), axis=1)]
        self.size = min(max_width, len(problem.y)) if self.scaled is not None else 0
        self.n_sets = sum(comb(2 * len(self.masks), k) for k in range(self.size + 1))
        if self.n_sets > max_sets:
            raise PatternLimitError(
                f"X has {len(self.masks)} activation patterns that are not empty, and so {self.n_sets} sets of at most "
                f"{self.size} (pattern, sign) pairs, more than max_sets={max_sets}. {ADVICE}"
            )
        self.cones = PatternCones(problem.design, self.masks, n_jobs=n_jobs)
        self.rows = problem.design / nonzero(norms(problem.design))[:, None]
        # Which pairs have a price above beta at the optimum number k, and the stationary networks.
        self.entering, self.networks = [], []

    def run(self):
        """Go through all sets."""
        optima = {(): self._note(build_zero_network(self.problem))}
        self.networks.append(build_zero_network(self.problem).padded(1))
        for size in range(1, self.size + 1):
            below, optima = optima, {}
            for chosen in combinations(range(2 * len(self.masks)), size):
                optima[chosen] = self._optimum(chosen, below)

    def _optimum(self, chosen, below):
        """Return the number of the optimum over a set, which may be that of a set with a pair less."""
        for k, pair in enumerate(chosen):
            smaller = below[chosen[:k] + chosen[k + 1 :]]
            if not self.entering[smaller][pair]:
                return smaller
        network = self._solve(np.array(chosen))
        number = self._note(network, chosen)
        is_stationary = network.width == len(chosen) and not self._improving(network, number)
        if is_stationary and not has_dependent_fits(self.problem, network):
            self.networks.append(network)
        return number

    def _solve(self, chosen):
        """Return the network at the optimum over the pairs, with a neuron for every block that is not zero."""
        signs = self.cones.sign(chosen)
        patterns, place = np.unique(chosen % len(self.masks), return_inverse=True)
        used = np.zeros((2, len(patterns)), bool)
        used[(signs < 0.0).astype(int), place.reshape(-1)] = True
        options = {"blocks": used, "tol": SET_TOLERANCE, "n_jobs": 1}
        point = uninterrupted(solve_over_patterns(self.problem, self.masks[patterns], **options)).point
        blocks, signs = np.hstack([point.positive, point.negative]).T, np.repeat([1.0, -1.0], len(patterns))
        sizes = norms(blocks)
        present = sizes > ABSENT_BLOCK_SHARE * sizes.max(initial=0.0)
        unit = self.scaled.y_scale / self.scaled.x_scale
        blocks = unit * take_full_steps(self.scaled, blocks[present] / unit, signs[present], N_NEWTON_STEPS)
        masses = norms(blocks)
        return build_network(self.problem, blocks / nonzero(masses)[:, None], signs[present], masses)

    def _note(self, network, chosen=()):
        """Note which pairs have a price above beta at the optimum over the chosen ones; return its number."""
        nu = self.problem.dual_point(self.problem.hidden_fit(network.neurons, network.output_weights))
        entering, is_known = self._entering(nu)
        # The conditions of the optimum: its neurons have the price beta, and no pair that was chosen has more.
        prices = network.signs * (nu @ self.problem.hidden_fits(network.directions)) / self.problem.beta
        error = np.abs(prices - 1.0).max(initial=0.0)
        if not is_known or error > OPTIMUM_TOLERANCE or entering[list(chosen)].any():
            raise self._unknown(f"prices at the optimum over some pairs are known to {error:.1e} of beta")
        self.entering.append(entering)
        return len(self.entering) - 1

    def _unknown(self, what):
        """Return the error of an optimum that is not known to enough digits."""
        return SolverError(
            f"beta={self.problem.beta:g} is too small for double precision: {what}, so that it is open which neurons "
            f"are there. Take a larger beta, or rows that are farther from parallel."
        )

    def _entering(self, nu):
        """Return which pairs have a price above beta, and whether that is known of all of them."""
        level = self.problem.beta * (1.0 + PRICE_TOLERANCE)
        for _ in range(2):
            cones, _, bounds = self.cones.violators(nu, level)
            entering = np.zeros(2 * len(self.masks), bool)
            entering[cones] = True
            if not np.any(~entering & (bounds > level)):
                return entering, True
            # A projection from where the last one ended has lost its digits: begin at the beginning.
            self.cones = PatternCones(self.problem.design, self.masks, n_jobs=self.n_jobs)
        return entering, False

    def _improving(self, network, number):
        """Whether a cone that holds a direction of the network has a price above beta for its sign."""
        values = network.directions @ self.rows.T
        signs = self.cones.sign(np.arange(2 * len(self.masks)))
        for own, sign in zip(values, network.signs, strict=True):
            outside = np.any(np.where(self.masks, own < -CONE_SINE, own > CONE_SINE), axis=1)
            if np.any(self.entering[number] & ~np.tile(outside, 2) & (signs == sign)):
                return True
        return False

    def stationary(self):
        """Return the distinct networks of every value, the smallest value first, and the label of the first of each."""
        objectives = np.array([self.problem.objective(network) for network in self.networks])
        # By value, and those of one value with the fewest neurons first, as they were found.
        order = np.argsort(objectives, kind="stable")
        ends = np.flatnonzero(np.diff(objectives[order]) > same_distance(objectives[order])[1:]) + 1
        groups = [_distinct([self.networks[k] for k in np.sort(group)]) for group in np.split(order, ends)]
        labels = [label(self.problem, group[0], self.tol, "auto", n_jobs=self.n_jobs) for group in groups]
        worst = max(found.stationarity for found in labels)
        if worst > self.tol:
            raise self._unknown(f"a network that ought to be stationary is so to {worst:.1e} only")
        return groups, labels


def same_distance(values):
    """Return how far from each of these values others may be that count as the same; the last is the largest."""
    return SAME_VALUE * values + VALUE_ROUNDING * values[-1]


def _distinct(networks):
    """Return the networks that do not have the neurons of an earlier one."""
    kept = []
    for network in networks:
        if not any(_is_same(network, other) for other in kept):
            kept.append(network)
    return kept


def _is_same(a, b):
    """Whether two networks have the same neurons, in whatever order."""
    if a.width != b.width:
        return False
    first, second = (np.column_stack([network.neurons, network.output_weights]) for network in (a, b))
    apart = np.abs(first[:, None] - second).max(axis=2)
    return bool(np.all(apart.min(axis=1) <= SAME_NEURON * np.abs(first).max()))
