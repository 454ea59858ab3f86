"""Training: for one output the cone program over the patterns met is solved with cvxpy, its dual point is priced."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .._utils.aliases import ArrayLike, Proof
from .._utils.progress import reporting
from .._utils.validation import check_choice, check_count, check_positive, check_verbose, deadline_after
from ..arrangements.patterns import ActivationPatterns
from ..duality.records import PROOFS
from ..exceptions import InvalidInputError
from ..programs.cvxpy_form import BACK_ENDS, DROPPED_SHARES, check_masks, find_blocks
from ..programs.posing import make_problem, refuse_column
from ..solvers.base import Solution, Status
from .network import slope_of
from .program import with_activation
from .runs import Run
from .vector_training import VectorRun

# A round takes in at most 24 new patterns.
MAX_NEW_PATTERNS = 24
# The pattern of a local maximum is taken in when its price is above (1 - 1e-3) beta.
NEW_PATTERN_TOLERANCE = 1e-3
# Directions are moved by 1e-9 of their length off the rows that they lie on, into a cell that has an interior.
SHIFT_OFF_ROWS = 1e-9


def train_activation(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    activation: Literal["leaky_relu", "absolute", "relu"] = "leaky_relu",
    slope: float = 0.01,
    patterns: ActivationPatterns | ArrayLike | None = None,
    tol: float = 1e-6,
    max_iter: int = 100,
    time_limit: float | None = None,
    proof: Proof = "auto",
    n_jobs: int | None = None,
    verbose: int = 0,
    **options: Any,
) -> Solution:
    """Train a two-layer network with a leaky ReLU or the absolute value, and prove what it is worth.

    Column generation: solve the cone program over the patterns met so far with cvxpy, price its dual point, take in the
    patterns of the directions that violate it, until the gap is at most `tol`. No list of all patterns is needed. With
    several outputs, where there is no such program, the directions themselves are taken in, and a group lasso and
    Newton's method improve the network on them.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||alpha_j||^2)``; a sum, no 1/n.
    activation : {"leaky_relu", "absolute", "relu"}
    slope : float, from -1 to below 1
        Slope of the leaky ReLU for negative arguments.
    patterns : ActivationPatterns, or array-like of bool of shape (n_patterns, n_samples), optional
        Solve the program over these instead; with a hidden bias those of X with a column of ones appended. For one
        output.
    tol : float
        Relative gap to prove.
    max_iter : int
        Largest number of programs, or of rounds.
    time_limit : float, optional
        Seconds, looked at between programs.
    proof, n_jobs
        As in `certify`.
    verbose : int
        1 prints a line for every program and every second of the proof, 2 more.
    **options
        ``hidden_bias``, ``fit_intercept``, ``skip_connection``, ``sample_weight``, ``loss``, ``huber_delta``,
        ``quantile``, as in `convex_program`.

    Returns
    -------
    Solution
        ``network`` (an `ActivatedNetwork`), ``certificate``, ``status``, ``n_iter``, ``history``.

    References
    ----------
    Pilanci, Ergen, *Neural networks are convex regularizers*, ICML 2020.
    """
    slope = slope_of(activation, slope)
    tol, max_iter = check_positive(tol, "tol"), check_count(max_iter, "max_iter")
    check_choice(proof, "proof", PROOFS)
    refuse_column(y)
    several = np.ndim(y) == 2
    if several and patterns is not None:
        raise InvalidInputError(
            "patterns must be None for y of shape (n_samples, n_outputs): with several outputs no program of a fixed "
            "size over given patterns is known."
        )
    problem = with_activation(make_problem(X, y, beta, **options), slope)
    if several and not problem.loss.is_smooth:
        raise InvalidInputError(
            f"loss={problem.loss.name!r} with an activation is there for one output only; several outputs need a "
            f"smooth loss."
        )
    deadline = deadline_after(time_limit)
    with reporting(check_verbose(verbose), deadline):
        given = problem, activation, tol, deadline, proof, n_jobs
        if patterns is None:
            return (VectorRun if several else _PatternRun)(*given).generate(max_iter)
        return _PatternRun(*given).solve_over(check_masks(patterns, problem.n_rows)[:, problem.rows])


class _PatternRun(Run):
    """The patterns met, the best network over them, and its certificate: for one output."""

    def __init__(self, problem, *options):
        super().__init__(problem, *options)
        self.masks = np.zeros((0, len(problem.y)), bool)
        self.shift = SHIFT_OFF_ROWS * np.random.default_rng(0).standard_normal(problem.design.shape[1])

    def improve(self, violators):
        """Solve the program over the patterns met and these new ones."""
        self.masks = np.vstack([self.masks, violators])
        self._solve_program()

    def solve_over(self, masks):
        """Solve the program over these patterns and certify its network."""
        self.masks = masks
        self._solve_program()
        return self.solution(self.certify(self.proof), Status.restricted)

    def violators(self, price):
        """Return the patterns, not met yet, of the local maxima of the price that are not below beta."""
        above = price.local_values >= self.problem.beta * (1.0 - NEW_PATTERN_TOLERANCE)
        # Columns of one scale, so that the shift is relative in every coordinate.
        rows = self.problem.design / np.maximum(np.abs(self.problem.design).max(axis=0), np.finfo(float).tiny)
        sizes = np.abs(self.problem.design).max(axis=0)
        found = (price.local_directions[above] * sizes)[:MAX_NEW_PATTERNS]
        found = found + np.linalg.norm(found, axis=1)[:, None] * self.shift
        # Distinct patterns only, and none that is in the program already.
        met = {mask.tobytes() for mask in self.masks}
        masks = {mask.tobytes(): mask for mask in (rows @ found.T >= 0).T}
        return np.array([mask for key, mask in masks.items() if key not in met]).reshape(-1, len(rows))

    def _solve_program(self):
        """Solve the program over the patterns met, and keep its network if it is better."""
        before = self.problem.objective(self.network)
        # The back ends of cvxpy in turn: the first that returns blocks counts.
        for name in BACK_ENDS:
            blocks, _ = find_blocks(self.problem, self.masks, name)
            if blocks is not None:
                self._keep_if_better(np.hstack(blocks).T)
                break
        value = float(self.problem.objective(self.network))
        if blocks is not None and value < before * (1.0 - self.tol):
            # Patterns without a block leave only when the objective falls: no set of patterns can come back.
            sizes = np.linalg.norm(blocks, axis=1).max(axis=0)
            self.masks = self.masks[sizes > DROPPED_SHARES[-1] * sizes.max()]
        self.record(value)

    def _keep_if_better(self, blocks):
        """Keep the network of the blocks if it is better, with more or fewer of the smallest blocks dropped."""
        sizes, signs = np.linalg.norm(blocks, axis=1), np.repeat([1.0, -1.0], len(blocks) // 2)
        # An interior-point method leaves a little in every block: which ones are zero is found by trying.
        for share in DROPPED_SHARES:
            kept = sizes > share * sizes.max()
            # A block w becomes the balanced neuron (w / sqrt||w||, +-sqrt||w||).
            roots = np.sqrt(sizes[kept])
            network = self.assemble(blocks[kept] / roots[:, None], signs[kept] * roots)
            self.network = min((self.network, network), key=self.problem.objective)
