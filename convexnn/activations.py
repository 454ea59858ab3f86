"""Leaky ReLU and absolute value: the cone program and the price of the ReLU, with a slope on the other side.

    ``sigma(z) = (z)_+ - slope (-z)_+``,   -1 <= slope < 1:  0 ReLU, between 0 and 1 leaky ReLU, -1 absolute value.

On the cone of a pattern ``sigma(X u) = (D + slope (I - D)) X u``, so that the convex program is the same with other
factors. Its dual constraint ``max_{||u|| <= 1} |nu^T sigma(X u)| <= beta`` is the price of ``(nu, -slope nu)`` on the
rows ``[X; -X]``, which the search for the price of the ReLU finds and proves as it is.
"""

from __future__ import annotations

import numbers
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Any, Literal

import numpy as np

from ._clock import now
from ._display import Shown
from ._progress import current, reporting
from ._typing import ArrayLike, Proof
from ._validation import check_choice, check_count, check_positive, check_verbose, deadline_after, is_late
from .arrangements.patterns import ActivationPatterns
from .duality.certificate import certify_problem
from .duality.records import PROOFS, Certificate
from .exceptions import InvalidInputError
from .network import TwoLayerReLU
from .programs.cvxpy_form import BACK_ENDS, DROPPED, check_masks, find_blocks
from .programs.program import Problem, make_problem
from .solvers.base import Solution, Status, conclude, make_record, proof_options

__all__ = ["ActivatedNetwork", "certify_activation", "train_activation"]

NEW_PATTERNS = 24  # of a round
NEARLY = 1e-3  # relative, how far below beta a local maximum of the price may be for its pattern to be taken in
NUDGE = 1e-9  # relative, off the rows that a direction lies on: to a cell that has an interior

CURVED = "it is not positively homogeneous, so that its neurons cannot be balanced and no cone program is theirs"
LINEAR = "it is linear, so that the network is a linear model and needs no neurons: use skip_connection"
LEARNT = "its slope is learnt, which makes the problem over the patterns nonconvex: fix it with leaky_relu"
REFUSED = dict.fromkeys(
    "celu elu gelu hardsigmoid hardswish hardtanh logistic mish relu6 selu sigmoid silu softplus softsign swish "
    "tanh".split(),
    CURVED,
) | {"identity": LINEAR, "linear": LINEAR, "prelu": LEARNT}


def slope_of(activation, slope=0.01):
    """Return the slope of ``(z)_+ - slope (-z)_+`` for the activation of this name, or refuse it by name."""
    if isinstance(activation, str) and activation in REFUSED:
        raise InvalidInputError(f"activation {activation!r} is not supported: {REFUSED[activation]}.")
    if callable(activation):
        raise InvalidInputError(f"activation must be a name, as no proof is known of any function; got {activation!r}.")
    check_choice(activation, "activation", ("relu", "leaky_relu", "absolute"))
    if activation != "leaky_relu":
        return {"relu": 0.0, "absolute": -1.0}[activation]
    if isinstance(slope, bool) or not isinstance(slope, numbers.Real) or not -1.0 <= slope < 1.0:
        raise InvalidInputError(
            f"slope must be a number from -1 (the absolute value) to below 1 (1 is linear); got {slope!r}. A slope a "
            f"with |a| > 1 is 1/a on the mirrored neurons: use it with beta / |a|."
        )
    return float(slope)


@dataclass(frozen=True, eq=False, repr=False)
class ActivatedNetwork(Shown):
    """The network ``f(x) = sum_j sigma(u_j^T [x, 1]) alpha_j + x^T skip_weights + intercept``.

    A neuron has the values of two ReLU neurons, ``(u, alpha)`` and ``(-u, -slope alpha)``, and the penalty of one; so
    this is no `TwoLayerReLU`, and `certify` refuses it: use `certify_activation`.

    Parameters
    ----------
    hidden_weights : array-like of shape (width, n_inputs)
    output_weights : array-like of shape (width,)
    activation : {"leaky_relu", "absolute", "relu"}
    slope : float, from -1 to below 1
        Of the leaky ReLU, for negative arguments.
    hidden_bias, intercept, skip_weights
        As in `TwoLayerReLU`: None means absent.

    Raises
    ------
    InvalidInputError
        For shapes that do not match, entries that are not finite, and activations that are not supported.
    """

    hidden_weights: np.ndarray
    output_weights: np.ndarray
    activation: str = "leaky_relu"
    _: KW_ONLY
    slope: float = 0.01
    hidden_bias: np.ndarray | None = None
    intercept: float | None = None
    skip_weights: np.ndarray | None = None
    weights: TwoLayerReLU = field(init=False)

    def __post_init__(self):
        names = ("hidden_bias", "intercept", "skip_weights")
        terms = {name: getattr(self, name) for name in names}
        weights = TwoLayerReLU(self.hidden_weights, self.output_weights, **terms)
        weights._scalar_outputs("an activation other than the ReLU")
        object.__setattr__(self, "slope", slope_of(self.activation, self.slope))
        object.__setattr__(self, "weights", weights)
        for name in ("hidden_weights", "output_weights", *names):
            object.__setattr__(self, name, getattr(weights, name))

    def __repr__(self):
        return f"ActivatedNetwork({self.activation}, slope {self.slope:g}, {self.weights!r})"

    @property
    def width(self) -> int:
        """Number of hidden neurons, zero neurons included."""
        return self.weights.width

    @property
    def neurons(self) -> np.ndarray:
        """The vectors u_j, the hidden bias last, of shape (width, n_inputs) or (width, n_inputs + 1)."""
        return self.weights.neurons

    @property
    def signs(self) -> np.ndarray:
        """``sign(alpha_j)`` of every neuron, of shape (width,)."""
        return self.weights.signs

    def to_relu(self) -> TwoLayerReLU:
        """Return the ReLU network of the same values everywhere, twice as wide. Its objective is another one."""
        if self.slope == 0.0:
            return self.weights
        neurons, outputs, bias = self.hidden_weights, self.output_weights, self.hidden_bias
        return TwoLayerReLU(
            np.vstack([neurons, -neurons]),
            np.append(outputs, -self.slope * outputs),
            hidden_bias=None if bias is None else np.append(bias, -bias),
            intercept=self.intercept,
            skip_weights=self.skip_weights,
        )

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values on the rows of `X`, of shape (n_samples,)."""
        return self.to_relu().predict(X)

    def penalty(self, beta: float) -> float:
        """Return ``beta/2 * sum_j (||u_j||^2 + alpha_j^2)``."""
        return self.weights.penalty(beta)

    def balanced(self) -> ActivatedNetwork:
        """Return the same function with ``||u_j|| = |alpha_j|`` for every neuron; the objective never rises."""
        even = self.weights.balanced()
        return ActivatedNetwork(
            even.hidden_weights,
            even.output_weights,
            self.activation,
            slope=self.slope,
            hidden_bias=even.hidden_bias,
            intercept=self.intercept,
            skip_weights=self.skip_weights,
        )

    def objective(self, X: ArrayLike, y: ArrayLike, beta: float, **options: Any) -> float:
        """Return ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``, a sum and no 1/n.

        The options are those of `TwoLayerReLU.objective`.
        """
        problem = _problem_of(self, X, y, beta, options)
        problem.check_network(self)
        return float(problem.objective(self))

    def _shown(self):
        return f"ActivatedNetwork: {self.activation}, slope {self.slope:g}", self.weights._shown()[1]


@dataclass(frozen=True, repr=False)
class ActivatedProblem(Problem):
    """A `Problem` whose neurons have the activation ``(z)_+ - slope (-z)_+``."""

    slope: float

    def hidden_fits(self, neurons):
        """Return ``sigma(design neurons^T)`` of shape (n_samples, K)."""
        return super().hidden_fits(neurons) - self.slope * super().hidden_fits(-neurons)

    def hidden_fit(self, neurons, outputs):
        """Return ``sigma(design neurons^T) outputs`` of shape (n_samples,)."""
        return super().hidden_fit(neurons, outputs) - self.slope * super().hidden_fit(-neurons, outputs)

    def gains(self, masks):
        """Return the diagonals of ``D + slope (I - D)``."""
        return np.where(masks, 1.0, self.slope)

    def priced(self, dual_point):
        """Return the rows ``[X; -X]`` and ``(nu, -slope nu)``."""
        if self.slope == 0.0:
            return self.design, dual_point
        return np.vstack([self.design, -self.design]), np.append(dual_point, -self.slope * dual_point)


def _activated(problem, slope):
    return ActivatedProblem(**{item.name: getattr(problem, item.name) for item in fields(problem)}, slope=slope)


def _problem_of(network, X, y, beta, options):
    terms = {"hidden_bias": "hidden_bias", "fit_intercept": "intercept", "skip_connection": "skip_weights"}
    present = {name: getattr(network, term) is not None for name, term in terms.items()}
    return _activated(make_problem(X, y, beta, **present, **options), network.slope)


def certify_activation(
    network: ActivatedNetwork,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    proof: Proof = "auto",
    time_limit: float | None = None,
    n_jobs: int | None = None,
    **options: Any,
) -> Certificate:
    """Bound how far a network is from the best one of any width that has the same activation.

    Parameters
    ----------
    network : ActivatedNetwork
        Wherever it was trained. The problem has exactly the terms that the network has.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``; a sum, no 1/n.
    proof, time_limit, n_jobs
        As in `certify`.
    **options
        ``sample_weight``, ``loss``, ``huber_delta``, ``quantile``, as in `certify`.

    Returns
    -------
    Certificate
        Its price is that of ``(nu, -slope nu)`` on the rows ``[X; -X]``.
    """
    if not isinstance(network, ActivatedNetwork):
        raise TypeError(f"network must be an ActivatedNetwork; got {type(network).__name__}.")
    check_choice(proof, "proof", PROOFS)
    problem = _problem_of(network, X, y, beta, options)
    return certify_problem(network, problem, proof=proof, deadline=deadline_after(time_limit), n_jobs=n_jobs)


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
    patterns of the directions that violate it, until the gap is at most `tol`. No list of all patterns is needed.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``; a sum, no 1/n.
    activation : {"leaky_relu", "absolute", "relu"}
    slope : float, from -1 to below 1
        Of the leaky ReLU, for negative arguments.
    patterns : ActivationPatterns, or array-like of bool of shape (n_patterns, n_samples), optional
        Solve the program over these instead; with a hidden bias those of X with a column of ones appended.
    tol : float
        Relative gap to prove.
    max_iter : int
        Largest number of programs.
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
    problem = _activated(make_problem(X, y, beta, **options), slope)
    deadline = deadline_after(time_limit)
    with reporting(check_verbose(verbose), deadline):
        run = _Run(problem, activation, tol, deadline, proof, n_jobs)
        if patterns is None:
            return run.generate(max_iter)
        return run.solve_over(check_masks(patterns, problem.n_rows)[:, problem.rows])


class _Run:
    """The patterns met, the best network over them, and its certificate."""

    def __init__(self, problem, activation, tol, deadline, proof, n_jobs):
        self.problem, self.activation, self.tol = problem, activation, tol
        self.deadline, self.proof, self.n_jobs = deadline, proof, n_jobs
        self.started, self.history = now(), []
        self.masks = np.zeros((0, len(problem.y)), bool)
        self.network = self._assemble(np.zeros((0, problem.design.shape[1])), np.zeros(0))
        self.nudge = NUDGE * np.random.default_rng(0).standard_normal(problem.design.shape[1])

    def generate(self, max_iter):
        """Price and solve in turn; a proof is tried when ascents see no gap or no new pattern."""
        certificate, status = self._certify("heuristic"), Status.max_iter
        for _ in range(max_iter):
            new = self._new_patterns(certificate.price)
            if certificate.heuristic_gap <= self.tol or len(new) == 0:
                certificate = self._certify(self.proof)
                new = self._new_patterns(certificate.price)
                if certificate.relative_gap <= self.tol or len(new) == 0:
                    return self._solution(certificate)
            if is_late(self.deadline):
                status = Status.time_limit
                break
            self.masks = np.vstack([self.masks, new])
            self._improve()
            certificate = self._certify("heuristic")
        late = status is Status.time_limit
        return self._solution(certificate if late else self._certify(self.proof), status)

    def solve_over(self, masks):
        """Solve the program over these patterns and certify its network."""
        self.masks = masks
        self._improve()
        return self._solution(self._certify(self.proof), Status.restricted)

    def _solution(self, certificate, status=Status.converged):
        status = Status.time_limit if is_late(self.deadline) else status
        ended = {"tol": self.tol, "n_iter": len(self.history), "history": self.history}
        return conclude(self.network, certificate, status, **ended)

    def _certify(self, proof):
        options = proof_options(self.tol, proof, self.deadline, self.n_jobs)
        return certify_problem(self.network, self.problem, **options)

    def _new_patterns(self, price):
        """Return the patterns, not met yet, of the local maxima of the price that are not below beta."""
        above = price.local_values >= self.problem.beta * (1.0 - NEARLY)
        rows = self.problem.design / np.maximum(np.abs(self.problem.design).max(axis=0), np.finfo(float).tiny)
        sizes = np.abs(self.problem.design).max(axis=0)
        found = (price.local_directions[above] * sizes)[:NEW_PATTERNS]
        found = found + np.linalg.norm(found, axis=1)[:, None] * self.nudge
        met = {mask.tobytes() for mask in self.masks}
        masks = {mask.tobytes(): mask for mask in (rows @ found.T >= 0).T}
        return np.array([mask for key, mask in masks.items() if key not in met]).reshape(-1, len(rows))

    def _improve(self):
        """Solve the program over the patterns met; keep its network where it is better."""
        before = self.problem.objective(self.network)
        for name in BACK_ENDS:
            blocks, _ = find_blocks(self.problem, self.masks, name)
            if blocks is not None:
                self._offer(np.hstack(blocks).T)
                break
        value = float(self.problem.objective(self.network))
        if blocks is not None and value < before * (1.0 - self.tol):  # progress: no run of patterns can come back
            sizes = np.linalg.norm(blocks, axis=1).max(axis=0)
            self.masks = self.masks[sizes > DROPPED[-1] * sizes.max()]
        self.history.append(make_record(self.started, value, np.nan, self.network.width))
        current().round(self.history[-1])

    def _offer(self, blocks):
        """Try the network of the blocks with more or fewer of the smallest dropped: solvers leave a little in all."""
        sizes, signs = np.linalg.norm(blocks, axis=1), np.repeat([1.0, -1.0], len(blocks) // 2)
        for share in DROPPED:
            kept = sizes > share * sizes.max()
            roots = np.sqrt(sizes[kept])
            network = self._assemble(blocks[kept] / roots[:, None], signs[kept] * roots)
            self.network = min((self.network, network), key=self.problem.objective)

    def _assemble(self, neurons, outputs):
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
