"""`GatedOptimalSet`: all optimal blocks of a gated ReLU program.

The theory of the ReLU network's optimal set with ``K_p = R^d``: at the optimal dual point every gate of price
``||X' D_p nu|| = beta`` has the one direction ``X' D_p nu / beta``, and the optima are the masses c >= 0 on these with
``F c = y*``. Source: Kim, Mishkin, Pilanci, ICLR 2025; Mishkin, Pilanci, ICML 2023, section 3.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from .._utils.aliases import ArrayLike
from .._utils.display import figure, share_above
from .._utils.norms import norms
from .._utils.validation import check_count
from ..exceptions import InvalidInputError, SolverError
from ..optimal_sets.mass_set import MassSet
from ..optimal_sets.polytope import MAX_ZERO_SHARE
from ..optimal_sets.solution_set import VERTEX_LIMIT
from ..programs.problem import Problem
from ..solvers.base import uninterrupted
from .newton import solve_gated_loss
from .program import gate_prices, gate_slopes, gated_fit
from .records import GatedSolution
from .refinement import refine_blocks

# A gate is optimal when its price is above (1 - 1e-7) beta.
OPTIMAL_PRICE_TOLERANCE = 1e-7
# The prices of the blocks in use must be beta to within 1e-8 of it, or the gates cannot be told apart.
MAX_GATE_PRICE_ERROR = 1e-8
# The program is solved to a relative gap of 1e-10 before the blocks are refined.
PROGRAM_TOLERANCE = 1e-10
# The optimal fit is a nonnegative combination of the directions to within 1e-8 of its norm.
MAX_FIT_RESIDUAL = 1e-8


def gated_optimal_set(problem, masks, *, start=None, vertex_limit=VERTEX_LIMIT):
    """Return the `GatedOptimalSet` of a checked `Problem` over the given masks (n_gates, n_samples).

    Raises
    ------
    InvalidInputError
        For a loss whose optimal fit need not be unique.
    SolverError
        When the optimum is not known to enough digits to tell which gates are optimal.
    """
    if not problem.loss.is_strictly_convex:
        raise InvalidInputError(
            f"the optimal set needs a loss whose optimal fit is unique, squared or logistic; with the "
            f"{problem.loss.name} loss there may be several fits."
        )
    solution = uninterrupted(solve_gated_loss(problem, masks, tol=PROGRAM_TOLERANCE, start=start))
    blocks = refine_blocks(problem, masks, solution.blocks)
    return GatedOptimalSet(problem, masks, blocks, solution, check_count(vertex_limit, "vertex_limit"))


class GatedOptimalSet(MassSet):
    """All optimal blocks of one gated ReLU program, over its distinct masks.

    A model of width m has m slots, each of which holds a gate and a vector; vectors of the same gate add up, and a zero
    vector may take any gate. The numbers of components are those of the optimal models of width m in this sense.

    Attributes
    ----------
    optimal_value : float
        The smallest objective over these gates.
    optimal_fit : ndarray of shape (n_rows,)
        ``sum_p D_p X w_p`` at every optimum, modulo the free terms.
    dual_point : ndarray of shape (n_rows,)
        ``nu* = -grad L``; ``||X' D_p nu*|| <= beta`` for every gate.
    gates : ndarray of shape (K,)
        Numbers of the gates that some optimum may use: of those with the same mask the first.
    directions : ndarray of shape (K, n_inputs)
        The unit vectors ``X' D_p nu* / beta``: the block of gate k is its mass times this.
    fits : ndarray of shape (n_rows, K)
        ``D_p X u_p``.
    total_mass : float
        ``sum_p ||w_p||``, the same at every optimum.
    margin : float
        ``1 - v / beta`` for the largest price v of a gate that no optimum uses; inf where there is none.
    """

    def __init__(
        self, problem: Problem, masks: np.ndarray, blocks: np.ndarray, solution: GatedSolution, vertex_limit: int
    ) -> None:
        self.problem, self.n_gates, self.optimal_value = problem, len(masks), solution.primal
        hidden = gated_fit(problem.design, masks, blocks)
        self.dual_point = problem.dual_point(hidden)
        # Equal masks are one gate: their blocks add up, and the first of them stands for all.
        index = np.sort(np.unique(masks, axis=0, return_index=True)[1])
        used = norms(blocks) > MAX_ZERO_SHARE * norms(blocks).sum()
        prices = gate_prices(problem.design, masks, self.dual_point) / problem.beta
        self._check_accuracy(prices, used, solution)
        # Where all blocks are zero the zero model is the only optimum, and it uses no gate whatever its price.
        self.gates = index[prices[index] >= 1.0 - OPTIMAL_PRICE_TOLERANCE] if used.any() else index[:0]
        below = prices[prices < 1.0 - OPTIMAL_PRICE_TOLERANCE] if used.any() else prices
        self.margin = 1.0 - float(below.max()) if len(below) else np.inf
        # The only direction of an optimal gate is X' D_p nu / beta, a unit vector.
        slopes = gate_slopes(problem.design, masks[self.gates], self.dual_point)
        directions = slopes / norms(slopes)[:, None] if len(slopes) else slopes
        self.fits = masks[self.gates].T * (problem.design @ directions.T)
        # A point of the polytope {c >= 0 : F c = y*}, which the vertices are searched from.
        columns, shares, total_mass = _masses(problem, self.fits, hidden)
        super().__init__(directions, columns, shares, total_mass, vertex_limit)
        self.optimal_fit = self.fits @ (self._shares * self.total_mass)

    def _check_accuracy(self, prices, used, solution):
        error = max(prices.max(initial=0.0) - 1.0, np.abs(prices[used] - 1.0).max(initial=0.0))
        if solution.relative_gap > 10 * PROGRAM_TOLERANCE or error > MAX_GATE_PRICE_ERROR:
            raise SolverError(
                f"the optimal set needs an optimum to more digits than were reached: the relative gap is "
                f"{share_above(solution.relative_gap)}, and the prices of the gates are off by {error:.1e} of beta."
            )

    def blocks(self, masses: ArrayLike) -> np.ndarray:
        """Return the blocks (n_gates, n_inputs) of an optimum: these masses (K,) on the directions.

        Raises
        ------
        ValueError
            When the masses are not optimal.
        """
        masses = self._check_masses(masses)
        blocks = np.zeros((self.n_gates, self.directions.shape[1]))
        blocks[self.gates] = masses[:, None] * self.directions
        return blocks

    def minimal_blocks(self) -> np.ndarray:
        """Return optimal blocks on m* gates, or on the upper bound on it when m* is not known."""
        return self.blocks(self._widths.fewest * self.total_mass)

    def __repr__(self):
        return (
            f"GatedOptimalSet(value = {self.optimal_value:.10g}, {len(self.gates)} of {self.n_gates} gates, "
            f"dimension {self.dimension}, margin {self.margin:.1e})"
        )

    def _shown(self):
        return "GatedOptimalSet: all optimal blocks over these gates", [
            ("optimal value", f"{figure(self.optimal_value)} (proven)"),
            ("gates", f"{len(self.gates)} of {self.n_gates}"),
            ("dimension", str(self.dimension)),
            ("margin", f"{self.margin:.1e}"),
            *self._shown_widths(),
        ]


def _masses(problem, fits, hidden):
    """Return the projected fits in units of ||y*||, the shares of a point of the polytope, and its total mass."""
    # F c = y* modulo the free terms, in the metric of the weights.
    root = np.sqrt(problem.weight)
    target = problem.project(root * hidden)
    if fits.shape[1] == 0:
        return np.zeros(fits.shape), np.zeros(0), 0.0
    columns = problem.project(root[:, None] * fits)
    unit = norms(columns.T).max() / norms(target[None])[0]  # the masses are in these units: about one over their sum
    # Columns and target are scaled to one, where the tolerances of nonnegative least squares are meant.
    masses, error = nnls(columns / norms(columns.T).max(), target / norms(target[None])[0])
    if error > MAX_FIT_RESIDUAL:
        raise SolverError(f"the optimal fit is off its directions by {error:.1e}: they are not known to enough digits.")
    total = float(masses.sum())
    return columns / norms((columns @ (masses / total))[None])[0], masses / total, total / unit
