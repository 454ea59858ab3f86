"""Local searches of one width for several outputs: L-BFGS in all weights, from the starts of gradient descent."""

from dataclasses import dataclass

import numpy as np

from .._utils.norms import norms
from .._utils.threads import one_blas_thread
from ..network import TwoLayerReLU
from ..programs.units import in_units, is_trivial
from ..solvers._weights import MAX_LBFGS_STEPS, descend_weights
from ..solvers.base import build_zero_network
from ..solvers.vector_run import build_vector_network

STEP_TOL_PER_TOL = 1e-4  # L-BFGS begins anew where a step lowers the objective by less than 1e-4 of the tolerance


@dataclass(frozen=True)
class VectorRuns:
    """The ends of the runs: networks, their objectives (n_runs,), and whether each has converged (n_runs,)."""

    networks: tuple[TwoLayerReLU, ...]
    objectives: np.ndarray
    converged: np.ndarray


def vector_runs(problem, width, n_runs, children, options):
    """Return the `VectorRuns` of a checked `Problem` with several outputs and a smooth loss.

    Parameters
    ----------
    problem : Problem
    width, n_runs : int
    children : callable
        Makes n independent generators, one a run.
    options : dict
        As `landscape.descent.check_options` returns them; there is no learning rate. A run has converged when 200
        steps lowered the objective by at most `tol` of itself.
    """
    if is_trivial(problem):
        ends = [(build_zero_network(problem), True)] * n_runs
    else:
        scaled = in_units(problem)
        with one_blas_thread():
            ends = [_run(problem, scaled, width, rng, options) for rng in children(n_runs)]
    networks = tuple(network.padded(width) for network, _ in ends)
    objectives = np.array([problem.objective(network) for network in networks])
    return VectorRuns(networks, objectives, np.array([converged for _, converged in ends]))


def _run(problem, scaled, width, rng, options):
    """Return the network at the end of one run, and whether it has converged."""
    inner, converged = scaled.problem, False
    directions, outputs = _start(inner, width, rng, options["init_scale"])
    free_fit, before = inner.free_fit(np.zeros_like(inner.y)), np.inf
    for _ in range(0, options["max_iter"], MAX_LBFGS_STEPS):
        tol = STEP_TOL_PER_TOL * options["tol"]
        directions, outputs = descend_weights(inner, directions, outputs, free_fit, tol=tol)
        network = build_vector_network(inner, directions, outputs)
        value = inner.objective(network)
        # Every part of the run begins without the curvature of the one before: kinks have changed it.
        converged = len(outputs) == 0 or before - value <= options["tol"] * value
        if converged:
            break
        before, free_fit = value, inner.free_fit(inner.hidden_fit(network.neurons, network.output_weights))
    return build_vector_network(problem, directions, outputs * scaled.mass_unit), converged


def _start(problem, width, rng, init_scale):
    """Return unit directions and outputs: every entry of u_j and a_j is ``N(0, (init_scale sigma)^2)``."""
    sigma = np.sqrt(_mean_square_root(problem, problem.y) / _mean_square_root(problem, problem.design))
    n_inputs = problem.design.shape[1]
    weights = init_scale * sigma * rng.standard_normal((width, n_inputs + problem.n_outputs))
    neurons, outputs = weights[:, :n_inputs], weights[:, n_inputs:]
    sizes = norms(neurons)[:, None]
    return neurons / sizes, outputs * sizes


def _mean_square_root(problem, values):
    """Return the root of the weighted mean square of all entries."""
    return float(np.sqrt(problem.weight @ (values**2).mean(axis=1) / problem.weight.sum()))
