"""Balls around a network of smooth units in which PL* holds: how much its values bend there, measured and bounded.

The Jacobian moves no faster than the Hessians of the values let it. Where these are small, as they are in wide
networks with a linear output, a tangent kernel that is positive at the start stays so in a ball, and if the ball is
large enough for the loss at the start, there is a solution in it and gradient descent goes there. What is sampled
here is called measured; everything else is a bound, to rounding.

Conventions
-----------
norm of the Hessian : ``||H|| = max_i ||H_i||_2``, H_i being the Hessian of the value on row i by all weights.
radius : a distance between weights, in the norm of all of them together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.sparse.linalg import LinearOperator, eigsh

from .._utils.aliases import ArrayLike, Seed
from .._utils.display import Shown
from .._utils.validation import check_count, check_design, check_positive, check_vector
from ..exceptions import InvalidInputError
from ._smooth_bounds import BallBounds
from .descent import spawn
from .smooth_networks import SmoothNetwork

# Networks of at most 64 weights have their Hessian written out; Lanczos needs more columns than it returns.
MAX_DENSE_WEIGHTS = 64
# Lanczos stops when the residual is below 1e-2 of the eigenvalue, which is then found to more digits than two.
LANCZOS_TOL = 1e-2
# A kernel is singular when its smallest eigenvalue is below 1e-12 of its largest.
SINGULAR_BELOW = 1e-12
# Radii are found to 1e-10 of themselves.
RADIUS_TOL = 1e-10
# A ball of this radius is everything.
MAX_RADIUS = 1e100


@dataclass(frozen=True, repr=False)
class PLStarBall(Shown):
    """What is proven about the loss ``1/2 ||f - y||^2`` near a network, and what samples say.

    The constants are those of the ball of radius ``min(radius, descent_radius)``.

    Attributes
    ----------
    mu, lambda_0 : float
        The constant of PL*, and the smallest eigenvalue of the tangent kernel at the network.
    residual : float
        ``||f - y||`` at the network.
    radius : float
        Every network within it has a tangent kernel of smallest eigenvalue mu or more: PL* holds.
    hessian_bound : float
        No row's Hessian is larger in the ball.
    lipschitz, smoothness : float
        Bounds on the spectral norm of the Jacobian, and on that of the Hessian of the loss where the loss is not above
        that of the network.
    published_radius : float
        What the published condition ``||H|| <= (lambda_0 - mu) / (2 lipschitz sqrt(n) R)`` makes of the same bounds; it
        is smaller.
    hessian_measured, measured_radius : float
        The largest norm of the Hessian at the network and at points ``descent_radius`` away, and what `radius` would
        be if none were larger. Not proven.
    """

    mu: float
    lambda_0: float
    residual: float
    radius: float
    hessian_bound: float
    lipschitz: float
    smoothness: float
    published_radius: float
    hessian_measured: float
    measured_radius: float

    @property
    def solution_radius(self) -> float:
        """The distance ``residual / sqrt(mu)``: if PL* holds as far, there is a solution within it."""
        return self.residual / math.sqrt(self.mu)

    @property
    def descent_radius(self) -> float:
        """The distance ``2 residual / sqrt(mu)``: if PL* holds as far, gradient descent stays within it."""
        return 2.0 * self.solution_radius

    @property
    def published_descent_radius(self) -> float:
        """The distance ``2 lipschitz residual / mu``, for which the published theorem asks; it is larger."""
        return 2.0 * self.lipschitz * self.residual / self.mu

    @property
    def has_solution(self) -> bool:
        """Whether it is proven that a network within `solution_radius` has ``f = y``."""
        return self.radius >= self.solution_radius

    @property
    def descent_converges(self) -> bool:
        """Whether it is proven that gradient descent from the network converges to a solution.

        After t steps of the length `step` the loss is at most ``rate^t`` times the first.
        """
        return self.radius >= self.descent_radius

    @property
    def step(self) -> float:
        """The step of gradient descent, ``1 / smoothness``."""
        return 1.0 / self.smoothness

    @property
    def condition_number(self) -> float:
        """The number ``smoothness / mu``."""
        return self.smoothness / self.mu

    @property
    def rate(self) -> float:
        """The number ``1 - 1 / condition_number``."""
        return 1.0 - 1.0 / self.condition_number

    def _shown(self):
        return f"PLStarBall: {'a solution in it' if self.has_solution else 'no solution proven'}", [
            ("mu", f"{self.mu:.4g}"),
            ("radius", f"{self.radius:.4g}"),
            ("needed for a solution", f"{self.solution_radius:.4g}"),
            ("for descent", f"{self.descent_radius:.4g}"),
            ("condition number", f"{self.condition_number:.4g}"),
            ("norm of the Hessian at most", f"{self.hessian_bound:.4g}"),
            ("measured", f"{self.hessian_measured:.4g}"),
        ]


def hessian_norm(network: SmoothNetwork, X: ArrayLike) -> float:
    """Return ``max_i ||H_i||_2`` at a network, by the method of Lanczos on products with H_i.

    Parameters
    ----------
    network : SmoothNetwork
    X : array-like of shape (n_samples, n_features)

    Returns
    -------
    float

    Examples
    --------
    >>> from convexnn.landscape import SmoothNetwork
    >>> round(hessian_norm(SmoothNetwork([[[0.0]], [[3.0]]]), [[2.0]]), 12)  # 3 tanh(2 w) and its bilinear term
    2.0
    """
    return max(_row_norm(network, row[None]) for row in check_design(X))


def hessian_bound(network: SmoothNetwork, X: ArrayLike, radius: float = 0.0) -> float:
    """Return a bound on ``max_i ||H_i||_2`` at every network within a radius.

    It is made of the spectral norms of the layers and of the largest slope and curvature of the activation, carried
    through the layers forward and backward from the passes at the centre. With a linear output and hidden layers that
    are all wide it is of the order ``1 / sqrt(width)`` but for logarithms; with more than one hidden layer it is many
    times `hessian_norm`.

    Parameters
    ----------
    network : SmoothNetwork
    X : array-like of shape (n_samples, n_features)
    radius : float
        Not below 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For bad input.
    """
    if radius != 0.0:
        check_positive(radius, "radius")
    return BallBounds(network, X).hessian(float(radius))


def pl_star_ball(
    network: SmoothNetwork,
    X: ArrayLike,
    y: ArrayLike,
    *,
    mu: float | None = None,
    n_points: int = 4,
    random_state: Seed = None,
) -> PLStarBall:
    """Return a ball in which PL* holds for the loss ``1/2 ||f - y||^2``, and what follows in it.

    PL* with mu holds as far as the Jacobian moves by at most ``sqrt(lambda_0) - sqrt(mu)``; how far it moves within a
    radius is bounded as the Hessian is in `hessian_bound`. If the ball has the radius ``2 ||f - y|| / sqrt(mu)``, it
    contains a solution, and gradient descent with ``step`` converges to one at ``rate`` without leaving it.

    Parameters
    ----------
    network : SmoothNetwork
        The centre, where training starts.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    mu : float, optional
        Below the smallest eigenvalue of the tangent kernel at the network; a quarter of it by default, which is best
        where the Jacobian moves in proportion to the radius.
    n_points : int
        Random networks at which the norm of the Hessian is measured, beside the centre.
    random_state : int, numpy Generator, SeedSequence or None
        Source of these networks.

    Returns
    -------
    PLStarBall

    Raises
    ------
    ValueError
        For bad input, and when the kernel is singular: more rows than weights, or equal rows.

    References
    ----------
    Liu, Zhu, Belkin, *Loss landscapes and optimization in over-parameterized non-linear systems and neural networks*,
    Applied and Computational Harmonic Analysis 59, 2022.

    Examples
    --------
    >>> from convexnn.landscape import smooth_network
    >>> start = smooth_network(2, [20_000], random_state=0)
    >>> ball = pl_star_ball(start, [[1.0, 1.0], [1.0, -1.0]], start.predict([[1.0, 1.0], [1.0, -1.0]]) + 0.1)
    >>> ball.has_solution, ball.descent_converges
    (True, True)
    """
    X = check_design(X)
    residual = float(np.linalg.norm(network.predict(X) - check_vector(y, len(X), "y")))
    lambda_0, largest = _kernel_ends(network, X)
    mu = 0.25 * lambda_0 if mu is None else check_positive(mu, "mu")
    if mu >= lambda_0:
        raise InvalidInputError(f"mu must be below the smallest eigenvalue of the kernel, {lambda_0:g}; got {mu:g}.")
    bounds, root_n = BallBounds(network, X), math.sqrt(len(X))
    slack, descent_radius = math.sqrt(lambda_0) - math.sqrt(mu), 2.0 * residual / math.sqrt(mu)
    # The smallest singular value of the Jacobian falls by no more than the Jacobian moves.
    radius = _largest(bounds.jacobian_move, slack)
    ball = min(radius, descent_radius)
    hessian, lipschitz = bounds.hessian(ball), math.sqrt(largest) + bounds.jacobian_move(ball)

    def published_growth(R):
        return 2.0 * (math.sqrt(largest) + bounds.jacobian_move(R)) * root_n * bounds.hessian(R) * R

    measured = _measured_norm(network, X, descent_radius, n_points, random_state)
    return PLStarBall(
        mu=mu,
        lambda_0=lambda_0,
        residual=residual,
        radius=radius,
        hessian_bound=hessian,
        lipschitz=lipschitz,
        # The Hessian of the loss is J^T J and the sum of the residuals times their Hessians.
        smoothness=lipschitz**2 + root_n * hessian * residual,
        published_radius=_largest(published_growth, lambda_0 - mu),
        hessian_measured=measured,
        measured_radius=slack / (root_n * measured) if measured > 0.0 else math.inf,
    )


def _row_norm(network, row):
    """Return ||H||_2 for one row."""
    passes, size = network.passes(row), network.n_weights

    def product(direction):
        return network.product_on(passes, network.in_layers(direction))[0]

    if size <= MAX_DENSE_WEIGHTS:
        hessian = np.array([product(direction) for direction in np.eye(size)])
        return float(np.abs(np.linalg.eigvalsh((hessian + hessian.T) / 2.0)).max())
    # The start is fixed, and every weight has a part in it.
    start = np.random.default_rng(0).standard_normal(size)
    operator = LinearOperator((size, size), matvec=lambda v: product(v.ravel()), dtype=float)
    if not operator.matvec(start).any():
        return 0.0  # linear in all its weights: Lanczos has nowhere to start
    ends = eigsh(operator, k=1, which="LM", v0=start, tol=LANCZOS_TOL, return_eigenvectors=False)
    return float(np.abs(ends).max())


def _measured_norm(network, X, radius, n_points, random_state):
    """Return the largest norm of the Hessian at a network and at random ones on the sphere around it."""
    rng, weights = spawn(random_state)(1)[0], network.weights
    largest = hessian_norm(network, X)
    for _ in range(check_count(n_points, "n_points", minimum=0)):
        move = rng.standard_normal(len(weights))
        moved = network.with_weights(weights + radius / np.linalg.norm(move) * move)
        largest = max(largest, hessian_norm(moved, X))
    return largest


def _kernel_ends(network, X):
    """Return the smallest and the largest eigenvalue of the tangent kernel, which must not be singular."""
    values = np.linalg.eigvalsh(network.tangent_kernel(X))
    if values[0] <= SINGULAR_BELOW * values[-1]:
        raise InvalidInputError(
            f"X must have a tangent kernel that is not singular at the network; its eigenvalues go from "
            f"{values[0]:.3g} to {values[-1]:.3g}. Leave out equal rows, or take more units."
        )
    return float(values[0]), float(values[-1])


def _largest(growth, level):
    """Return the largest radius at which a growing function, 0 at 0, is at most a level."""
    upper = 1.0
    while growth(upper) < level and upper < MAX_RADIUS:
        upper *= 4.0
    if upper >= MAX_RADIUS:
        return math.inf
    root = brentq(lambda R: growth(R) - level, 0.0, upper, xtol=1e-300, rtol=RADIUS_TOL)
    return float(root * (1.0 - 2.0 * RADIUS_TOL))
