"""What every solver is handed and what it hands back.

Conventions of the scaled problem: weights are in the rows (multiplied by their square roots), the targets are centred
by the free terms and have norm one, the largest entry of the design is one. Directions are those of the problem as
given; a scaled mass c is the mass ``c y_scale / x_scale``.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from ..network import TwoLayerReLU


class Status(Enum):
    """How a solver ended; the value is the sentence the user reads."""

    proven = "The network is globally optimal to the tolerance, and proven to be."
    converged = "No improving neuron was found at the tolerance; the proof at hand does not exclude one."
    max_iter = "The iteration limit was reached; the best network so far is returned."
    time_limit = "The time limit was reached; the best network so far is returned."
    interrupted = "Interrupted; the best network so far is returned."


@dataclass(frozen=True)
class Solution:
    """A network with its proof.

    Attributes
    ----------
    network : TwoLayerReLU
    certificate : Certificate
    status : Status
    n_iter : int
    history : list of dict
        One record per iteration: ``seconds``, ``objective``, ``visible_gap`` (relative, from local ascents), ``width``.
    """

    network: TwoLayerReLU
    certificate: object
    status: Status
    n_iter: int
    history: list


@dataclass(frozen=True)
class ScaledProblem:
    """``min 1/2 ||target - sum_k c_k s_k (design u_k)_+||^2 + beta sum_k c_k`` modulo the free terms."""

    design: np.ndarray
    target: np.ndarray
    beta: float
    free_basis: np.ndarray
    x_scale: float
    y_scale: float

    def project(self, columns):
        """Project columns off the free terms."""
        return columns - self.free_basis @ (self.free_basis.T @ columns)

    def fits(self, directions, signs):
        """Return the projected fits ``s_k (design u_k)_+`` as columns, of shape (n_samples, K)."""
        return self.project(np.maximum(self.design @ directions.T, 0.0) * signs)

    def objective(self, residual, masses):
        """Return the scaled objective at a residual and its masses."""
        return 0.5 * float(residual @ residual) + self.beta * float(np.sum(masses))


def scale_problem(problem):
    """Return the `ScaledProblem` of a checked `Problem`, or None when the zero network fits best for free."""
    root = np.sqrt(problem.weight)
    design, target = root[:, None] * problem.design, problem.project(root * problem.centred)
    x_scale, y_scale = np.abs(design).max(), np.abs(target).max()
    if x_scale == 0.0 or y_scale == 0.0:
        return None
    y_scale *= np.linalg.norm(target / y_scale)
    return ScaledProblem(
        design / x_scale, target / y_scale, problem.beta / x_scale / y_scale, problem.free_basis, x_scale, y_scale
    )


def build_network(problem, directions, signs, masses):
    """Return the balanced network with these unit directions, signs and masses and the free terms that fit best."""
    root_masses = np.sqrt(masses)
    neurons, outputs = root_masses[:, None] * directions, signs * root_masses
    free = problem.free_coefficients(problem.hidden_fits(neurons) @ outputs)
    n_features = problem.design.shape[1] - problem.hidden_bias
    return TwoLayerReLU(
        neurons[:, :n_features],
        outputs,
        hidden_bias=neurons[:, -1] if problem.hidden_bias else None,
        skip_weights=free[:n_features] if problem.skip_connection else None,
        intercept=free[-1] if problem.fit_intercept else None,
    )
