"""`VectorOptimalSet`: what is known of all globally optimal networks with several outputs."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from .._utils.display import Shown, figure, share_above
from .._utils.validation import check_count
from ..exceptions import InvalidInputError, NotDescribedError, SolverError
from ..network import TwoLayerReLU
from ..programs.problem import Problem
from ..solvers.base import Solution, is_proven, uninterrupted
from ..solvers.solve import solve
from .members import Members, check_same_width
from .paths import NetworkPath
from .vector_directions import VectorDirections, covering_directions
from .vector_paths import path_over_own_neurons

VECTOR_TOLERANCE = 1e-9  # relative gap to which the optimum is trained,
LARGEST_VECTOR_GAP = 1e-6  # and up to which it counts as known
LOSSES_OF_ONE_FIT = ("squared", "logistic", "multinomial")
NOT_DESCRIBED = frozenset(
    "m_star M_star m_star_bounds M_star_bounds vertices dimension is_unique is_unique_function fits signs n_components "
    "n_isolated connected_from staircase minimal_network minimum_norm_masses random_masses".split()
)


class VectorOptimalSet(Members, Shown):
    """What is known of all globally optimal networks of one training problem with several outputs.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||a_j||^2)`` over all widths. Its optimal
    networks are in general no polytope of masses: one activation pattern may hold a continuum of optimal directions,
    and there may be infinitely many optima of the smallest width. Vertices, m*, M* and counts of components are
    therefore refused by name (`NotDescribedError`).

    Attributes
    ----------
    problem : Problem
    certificate : Certificate
        The proof of the optimal value. All else is known to its gap.
    optimal_value : float
        p*, the smallest objective over all widths.
    optimal_fit : ndarray of shape (n_kept, n_outputs)
        The values of the hidden layer on the rows of positive weight: unique modulo the free terms, and with the
        multinomial loss modulo constants of a row.
    dual_point : ndarray of shape (n_samples, n_outputs)
        ``N* = -grad L``, unique; ``||N*^T (X u)_+|| <= beta`` on the unit ball; 0 at rows of weight zero.
    total_mass : float
        ``sum_j ||u_j|| ||a_j||``, the same for every optimal network.
    directions : ndarray of shape (K, n_inputs)
        Local maximisers u of ``||N*^T (X u)_+||`` with a value of beta but for what the gap leaves open; the bias comes
        last where there is one. All that ascents have met, up to 1000 that are a thousandth of a radian apart. On a
        continuum they are a sample of it.
    outputs : ndarray of shape (K, n_outputs)
        The unit output weights ``N*^T (X u)_+ / ||N*^T (X u)_+||`` that an optimal neuron of direction u has.
    radius : float
        Proven but for rounding: every neuron of every optimal network has a direction within this angle, in radians,
        of one of `directions`. The search excludes all others, or nothing is known and it is inf.
    is_isolated : ndarray of bool of shape (K,)
        Whether sufficient conditions of the first and the second order, evaluated at the dual point at hand, say that a
        direction is a strict local maximum. Where they fail it may lie on a continuum.
    level, margin : float
        Optimal directions have a price of at least `level` times beta at `dual_point`. The largest local maximum below,
        of those that ascents met, is ``(1 - margin)`` beta; inf when they met none.
    """

    def __init__(self, problem: Problem, solution: Solution, found: VectorDirections) -> None:
        network, kept = solution.network, solution.certificate.dual_point[problem.rows]
        self.problem, self.certificate = problem, solution.certificate
        self.optimal_value, self.dual_point = solution.certificate.primal, solution.certificate.dual_point
        self.optimal_fit = problem.hidden_fit(network.neurons, network.output_weights)
        self.total_mass = float(network.masses.sum())
        self.directions, self.is_isolated = found.directions, found.is_isolated
        pulls = problem.hidden_fits(found.directions).T @ kept
        self.outputs = pulls / np.linalg.norm(pulls, axis=1)[:, None]
        self.radius, self.level, self.margin = found.radius, found.level, found.margin
        self._network = network

    def __getattr__(self, name: str) -> NoReturn:
        if name in NOT_DESCRIBED:
            raise NotDescribedError(
                f"{name} is not known with several outputs: the optimal networks are in general no polytope of masses "
                f"on finitely many directions, which {name} is taken from. The value, the certificate, the dual point, "
                f"the fit, the total mass, directions with a radius around them, theorem_bound and path are there."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def theorem_bound(self) -> int:
        """From this width on, ``n_samples * n_outputs + 1`` (rows of positive weight), the set is connected."""
        return self.problem.y.size + 1

    def is_connected(self, width: int) -> bool | None:
        """Return whether paths of optimal networks join any two of this width: True, or None where it is not known.

        False where there is no optimal network: none without neurons, if the optimum has any.
        """
        if check_count(width, "width", minimum=0) >= self.theorem_bound or self.total_mass == 0.0:
            return True
        return False if width == 0 else None

    def network(self, width: int | None = None) -> TwoLayerReLU:
        """Return one optimal network, pruned to independent fits and padded by zero neurons to `width`.

        Raises
        ------
        ValueError
            When the pruned network, which need not be the smallest, has more neurons than `width`.
        """
        network = self._network.pruned(self.problem.features)
        if width is None:
            return network
        if check_count(width, "width", minimum=0) < network.width:
            raise InvalidInputError(
                f"width must be at least {network.width}, to which the network could be pruned; got {width!r}."
            )
        return network.padded(width)

    def path(self, a: TwoLayerReLU, b: TwoLayerReLU) -> NetworkPath:
        """Return a `NetworkPath` of optimal networks from a to b, over the neurons that the two have.

        From width `theorem_bound` on there always is one. Below, none may be found although there is one over other
        neurons: that is never called a proof.

        Raises
        ------
        ValueError
            When the widths differ, or a network is not optimal.
        UnknownPathError
            When none was found.
        """
        check_same_width(a, b)
        for network, name in ((a, "a"), (b, "b")):
            self._check_member(network, name)
        return path_over_own_neurons(self.problem, a, b)

    def __repr__(self):
        return (
            f"{type(self).__name__}(p* = {self.optimal_value:.10g}, {self.problem.n_outputs} outputs, "
            f"{self._about_directions()})"
        )

    def _about_directions(self):
        isolated = int(np.count_nonzero(self.is_isolated))
        return f"{len(self.directions)} directions ({isolated} isolated, radius {self.radius:.1e})"

    def _shown(self):
        certificate = self.certificate
        return f"{type(self).__name__}: what is known of all globally optimal networks", [
            (
                "optimal value",
                f"{figure(self.optimal_value)} (gap {share_above(certificate.relative_gap)}, {certificate.proof})",
            ),
            ("total mass", figure(self.total_mass)),
            ("directions met", self._about_directions()),
            ("margin", f"{self.margin:.1e}"),
            ("connected", f"from width {self.theorem_bound} on; below it is not known"),
        ]


def vector_optimal_set_of(problem, *, deadline=None, n_jobs=None, start=None, report=None):
    """Return the `VectorOptimalSet` of a checked `Problem` with several outputs.

    Raises
    ------
    ValueError
        For a loss whose optimal fit need not be unique.
    SolverError
        When optimality could not be proven.
    KeyboardInterrupt
        When interrupted.
    """
    if problem.loss.name not in LOSSES_OF_ONE_FIT:
        raise InvalidInputError(
            f"the optimal set is described for losses with one optimal fit, {', '.join(LOSSES_OF_ONE_FIT)}; got "
            f"loss={problem.loss.name!r}. Training, certificates and paths over beta do not need one fit."
        )
    options = {"deadline": deadline, "n_jobs": n_jobs}
    solution = uninterrupted(solve(problem, tol=VECTOR_TOLERANCE, proof="exact", start=start, report=report, **options))
    certificate = solution.certificate
    if not is_proven(certificate, LARGEST_VECTOR_GAP):
        raise SolverError(
            f"the optimal set needs a proven optimum; the relative gap reached is "
            f"{share_above(certificate.relative_gap)} ({certificate.proof}). Raise time_limit, or take fewer features: "
            f"the proof grows steeply with their number."
        )
    gap = certificate.primal - certificate.dual
    found = covering_directions(
        problem, certificate.dual_point[problem.rows], gap, solution.network.directions, **options
    )
    return VectorOptimalSet(problem, solution, found)
