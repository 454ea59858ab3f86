"""Networks of one width and the same terms as points of one vector space: what straight lines and curves are made of.

Conventions
-----------
point : (n_parameters,), for every neuron u_j (bias last) and then alpha_j, and last the free terms.
points : (n_points, n_parameters).
controls : (degree + 1, n_parameters), the control points of a Bezier curve.
"""

from dataclasses import dataclass

import numpy as np

from ..exceptions import InvalidInputError
from ..programs.posing import check_is_network
from ..programs.problem import Problem
from ..solvers.base import assemble, free_terms

# Two million activations are held at a time.
MAX_ACTIVATIONS = 2_000_000


@dataclass(frozen=True)
class WeightSpace:
    """The networks of one width that have the terms of `problem`.

    Attributes
    ----------
    problem : Problem
    width : int
    """

    problem: Problem
    width: int

    @property
    def n_weights(self):
        """Number of penalised entries of a point."""
        return self.width * (self.problem.design.shape[1] + 1)

    def point(self, network):
        """Return a network as a point."""
        neurons = np.hstack([network.neurons, network.output_weights[:, None]])
        return np.append(neurons, free_terms(network))

    def network(self, point):
        """Return the network at a point."""
        neurons, outputs, free = self.parts(point[None])
        return assemble(self.problem, neurons[0], outputs[0], free[0])

    def parts(self, points):
        """Return views (n_points, width, n_inputs), (n_points, width) and (n_points, n_free) of the points."""
        neurons = points[:, : self.n_weights].reshape(len(points), self.width, self.problem.design.shape[1] + 1)
        return neurons[:, :, :-1], neurons[:, :, -1], points[:, self.n_weights :]

    def preactivations(self, points):
        """Return ``X u_j`` of shape (n_points, width, n_samples)."""
        return self.parts(points)[0] @ self.problem.design.T

    def objectives(self, points):
        """Return the objective at every point."""
        # Points in blocks: the activations of all of them would not fit into memory.
        step = max(1, MAX_ACTIVATIONS // max(1, self.width * len(self.problem.y)))
        blocks = [points[start : start + step] for start in range(0, len(points), step)]
        return np.concatenate([self._forward(block)[0] for block in blocks])

    def _forward(self, points):
        """Return the objectives, the activations (n_points, width, n_samples) and the fits (n_points, n_samples)."""
        problem = self.problem
        _, outputs, free = self.parts(points)
        activations = np.maximum(self.preactivations(points), 0.0)
        fits = (outputs[:, None, :] @ activations)[:, 0] + free @ problem.free.T
        losses = problem.loss.terms(problem.y, fits) @ problem.weight
        penalties = 0.5 * problem.beta * np.sum(points[:, : self.n_weights] ** 2, axis=1)
        return losses + penalties, activations, fits

    def slopes(self, points):
        """Return the objective and its gradient at every point, with ``relu'(0) = 0``."""
        problem = self.problem
        values, activations, fits = self._forward(points)
        pull = -problem.loss.dual_point(problem.y, fits, problem.weight)
        # dL/du_j = alpha_j X' (pull where on), dL/dalpha_j = pull . (X u_j)_+ and dL/db = Z' pull.
        gated = (activations > 0.0) * pull[:, None, :]
        neurons, outputs, free = self.parts(gradient := np.zeros_like(points))
        neurons[:] = self.parts(points)[1][:, :, None] * (gated @ problem.design)
        outputs[:] = (activations @ pull[:, :, None])[:, :, 0]
        free[:] = pull @ problem.free
        gradient[:, : self.n_weights] += problem.beta * points[:, : self.n_weights]
        return values, gradient


def common_space(problem, networks, names):
    """Return the `WeightSpace` of networks after checking that they have one width and the terms of the problem."""
    for network, name in zip(networks, names, strict=True):
        check_is_network(network, name)
        if network.output_weights.ndim != 1 or network.n_inputs != problem.features.shape[1]:
            n_inputs = problem.features.shape[1]
            raise InvalidInputError(f"{name} must have one output and {n_inputs} inputs, as X; got {network}.")
        problem.check_terms(network, name, like=names[0])
    widths = [network.width for network in networks]
    if len(set(widths)) > 1:
        raise InvalidInputError(
            f"{' and '.join(names)} must have the same width; got {', '.join(map(str, widths))}: pad the narrower ones."
        )
    return WeightSpace(problem, widths[0])


def bernstein(ts, degree):
    """Return the Bernstein polynomials of a degree at `ts`, of shape (n_points, degree + 1)."""
    ts = np.asarray(ts, dtype=float)[:, None]
    if degree == 1:
        return np.hstack([1.0 - ts, ts])
    return np.hstack([(1.0 - ts) ** 2, 2.0 * ts * (1.0 - ts), ts**2])
