"""Pruning to the fewest neurons of the same fit, and below that at the least cost.

`TwoLayerReLU.pruned` is the polynomial-time step: it ends at a network whose fits are independent, of whatever width.
The functions here start from there. Source: Mishkin, Pilanci, *Optimal sets and solution paths of ReLU networks*,
ICML 2023, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Proof
from .._utils.display import Shown, figure, share_above
from .._utils.norms import norms
from .._utils.validation import check_choice, check_count, check_design, check_positive, deadline_after
from ..duality.certificate import Certificate, certify_problem
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network, problem_of, refuse_outputs
from ..solvers.base import build_network
from .mass_refit import MassRefit
from .polytope import MAX_ZERO_SHARE, mass_polytope
from .solution_set import OptimalSet
from .widths import SEARCH_SECONDS, prove_fewest, random_vertices

RULES = ("objective", "residual", "magnitude")


@dataclass(frozen=True, repr=False)
class MinimalPruning(Shown):
    """A network pruned without a change of its fit, and how far that went.

    Attributes
    ----------
    network : TwoLayerReLU
    width_before, width_after : int
        Neurons with mass.
    least_width : int
        No network of the same fit on the directions that were searched, of no larger total mass, has fewer neurons.
    directions : {"own", "optimal"}
        Those that were searched: the network's own, or all optimal ones.
    fit_change : float
        Norm of the change of the values on X, relative to the hidden fit.
    """

    network: TwoLayerReLU
    width_before: int
    width_after: int
    least_width: int
    directions: str
    fit_change: float

    @property
    def is_minimal(self) -> bool:
        """Whether no fewer neurons are enough, proven."""
        return self.width_after == self.least_width

    def __str__(self):
        verdict = "minimal" if self.is_minimal else f"at least {self.least_width} are needed"
        widths = f"from {self.width_before} to {self.width_after} neurons"
        return f"Pruned {widths} on {self.directions} directions: {verdict}."

    def _shown(self):
        verdict = "minimal, proven" if self.is_minimal else f"at least {self.least_width} are needed"
        return f"MinimalPruning: {verdict}", [
            ("neurons", f"{self.width_before} to {self.width_after}"),
            ("directions", self.directions),
            ("least width", str(self.least_width)),
            ("change of the fit", f"{self.fit_change:.1e}"),
        ]


@dataclass(frozen=True, repr=False)
class ApproximatePruning(Shown):
    """A network pruned to a given width, and what that costs.

    Attributes
    ----------
    network : TwoLayerReLU
    width_before, width_after : int
        Neurons with mass.
    objective_before, objective_after : float
    certificate : Certificate
        The proof of the pruned network; its lower bound is the one that the network before pruning led to.
    steps : list of dict
        ``width`` and ``objective`` after the pruning that costs nothing and after every removal.
    """

    network: TwoLayerReLU
    width_before: int
    width_after: int
    objective_before: float
    objective_after: float
    certificate: Certificate
    steps: list[dict[str, Any]]

    @property
    def relative_increase(self) -> float:
        """The cost of pruning, relative to the objective before; negative where refitted masses are better."""
        change = self.objective_after - self.objective_before
        return change / self.objective_before if change else 0.0

    def __str__(self):
        return (
            f"Pruned from {self.width_before} to {self.width_after} neurons: objective {self.objective_before:.8g} to "
            f"{self.objective_after:.8g} ({self.relative_increase:+.2%})\n{self.certificate}"
        )

    def _shown(self):
        certificate = self.certificate
        return "ApproximatePruning", [
            ("neurons", f"{self.width_before} to {self.width_after}"),
            ("objective", f"{figure(self.objective_before, 8)} to {figure(self.objective_after, 8)}"),
            ("increase", f"{self.relative_increase:+.2%}"),
            ("relative gap", f"{share_above(certificate.relative_gap)} ({certificate.proof})"),
        ]


def minimal_pruning(
    network: TwoLayerReLU, X: ArrayLike, *, optimal_set: OptimalSet | None = None, time_limit: float = SEARCH_SECONDS
) -> MinimalPruning:
    """Prune a network to the fewest neurons that give the same values on X at no larger cost.

    Parameters
    ----------
    network : TwoLayerReLU
        With one output, wherever it was trained. Its free terms stay.
    X : array-like of shape (n_samples, n_inputs)
    optimal_set : OptimalSet, optional
        Search all optimal directions and not just the network's own; the network must belong to the set, and X be the
        data that it was made of. The answer then has width m*, or the upper bound that is known on it.
    time_limit : float
        Seconds for the mixed-integer program; when they are up the answer may not be proven minimal. That program is
        NP-hard in general, `TwoLayerReLU.pruned` takes polynomial time.

    Returns
    -------
    MinimalPruning

    Raises
    ------
    TypeError
        When `network` is no `TwoLayerReLU`, or `optimal_set` no `OptimalSet`.
    ValueError
        When `optimal_set` does not contain the network.
    """
    check_is_network(network, "network")
    check_positive(time_limit, "time_limit")
    X = check_design(X)
    if optimal_set is not None:
        return _among_optima(network, X, optimal_set)
    vertex = network.merged().pruned(X)
    width, least = vertex.width, 0
    if width:
        members = network.merged().balanced()
        members = members._with_neurons_at(norms(members.fits(X).T) > 0)
        masses, least = _fewest(members.fits(X), members.masses, time_limit)
        roots = np.sqrt(masses / members.masses)
        found = members._with_neurons(members.neurons * roots[:, None], members._outputs * roots[:, None])
        found = found._with_neurons_at(masses > 0)
        vertex = found if found.width < width else vertex
    return _minimal(network, vertex, X, min(least, vertex.width), "own")


def _among_optima(network, X, optimal_set):
    if not isinstance(optimal_set, OptimalSet):
        raise TypeError(f"optimal_set must be an OptimalSet or None; got {type(optimal_set).__name__}.")
    if not optimal_set.contains(network):
        raise InvalidInputError("network must belong to optimal_set; its objective is above the optimal value.")
    return _minimal(network, optimal_set.minimal_network(), X, optimal_set.m_star_bounds[0], "optimal")


def _minimal(network, pruned, X, least, directions):
    change = np.linalg.norm(pruned.predict(X) - network.predict(X))
    size = np.linalg.norm(network.fits(X).sum(axis=1))
    width = int(np.sum(network.masses > 0))
    return MinimalPruning(
        pruned, width, pruned.width, least, directions, float(change / size) if size else float(change)
    )


def _fewest(fits, masses, time_limit):
    """Return masses (K,) of the same total fit and no larger sum, on the fewest columns, and a bound on their number.

    `fits` are those at the given masses. What the sum may fall by is one more column, which does not count: with it
    the masses of all candidates have the same sum.
    """
    total = masses.sum()
    shares = masses / total
    columns = fits / shares
    columns = np.vstack([columns / norms(columns.T).max(), np.ones(len(shares))])
    # The total of the masses may fall: a slack column takes up what it has fallen by.
    slack = np.append(np.zeros(len(fits)), 1.0)
    polytope = mass_polytope(np.column_stack([columns, slack]), np.append(shares, 0.0))
    counted = np.append(np.ones(len(shares), dtype=bool), False)
    met = random_vertices(polytope, np.random.default_rng(0))
    if not len(met):
        return masses, 1
    # Vertices at random costs are a start; the integer program proves how few there can be.
    fewest = met[np.argmin(np.count_nonzero(met[:, counted], axis=1))]
    best, least = prove_fewest(polytope, fewest, time_limit, counted)
    return np.where(best[:-1] > MAX_ZERO_SHARE, best[:-1] * total, 0.0), least


def approximate_pruning(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    width: int,
    *,
    rule: Literal["objective", "residual", "magnitude"] = "objective",
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    proof: Proof = "auto",
    time_limit: float | None = None,
    n_jobs: int | None = None,
) -> ApproximatePruning:
    """Prune a network to a given width, and say what that costs.

    First the network is pruned at no cost, to independent fits. Then one neuron after the other is left out, and the
    masses of the others and the free terms are fitted anew, for the objective
    ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``. Directions stay as they are.

    Parameters
    ----------
    network : TwoLayerReLU
        With one output. The problem has exactly the free terms that the network has.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
    width : int
        Largest number of neurons of the answer, 0 included.
    rule : {"objective", "residual", "magnitude"}
        Which neuron goes: the one without which the refitted objective is least; the one whose fit the others replace
        with the least residual [1]_, which is cheaper; the one of least mass.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared"}
    proof : {"auto", "exact", "bound", "heuristic"}
        How far to go for the certificate, see `certify`.
    time_limit : float, optional
        Seconds for the certificate.
    n_jobs : int, optional

    Returns
    -------
    ApproximatePruning

    References
    ----------
    .. [1] A. Mishkin, M. Pilanci, "Optimal sets and solution paths of ReLU networks", ICML 2023, section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from convexnn import ConvexReLURegressor, approximate_pruning
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ConvexReLURegressor(beta="scale").fit(X[:60, 2:4], y[:60])
    >>> pruned = approximate_pruning(model.network_, X[:60, 2:4], y[:60], model.beta_, 1)
    >>> pruned.network.width, pruned.relative_increase >= 0
    (1, True)
    """
    check_choice(rule, "rule", RULES)
    width = check_count(width, "width", minimum=0)
    refuse_outputs(y)
    problem = problem_of(network, X, y, beta, sample_weight=sample_weight, loss=loss, losses=("squared",))
    problem.check_network(network)
    start = network.merged().pruned(problem.features)
    refit = MassRefit(problem, start.directions, start.signs)
    steps = [{"width": start.width, "objective": problem.objective(start)}]
    kept, masses = np.arange(start.width), start.masses
    while len(kept) > width:
        gone = _REMOVED[rule](refit, kept, masses)
        kept = np.delete(kept, gone)
        masses, objective = refit.masses(kept, np.delete(masses, gone))
        kept, masses = kept[masses > 0], masses[masses > 0]
        steps.append({"width": len(kept), "objective": objective})
    pruned = start if len(steps) == 1 else build_network(problem, start.directions[kept], start.signs[kept], masses)
    deadline = deadline_after(time_limit)
    before = certify_problem(network, problem, proof=proof, deadline=deadline, n_jobs=n_jobs)
    # The dual bound holds for every network: only the primal value of the certificate is another.
    after, rounding = problem.objective_above(pruned)
    # The dual value that ascents see is primal (1 - gap) of the network before.
    visible = max(0.0, after - rounding - before.primal * (1.0 - before.heuristic_gap))
    seen = visible / after if visible else 0.0
    certificate = replace(before, primal=after, rounding=rounding, heuristic_gap=seen)
    used = int(np.sum(network.masses > 0))
    return ApproximatePruning(pruned, used, pruned.width, before.primal, after, certificate, steps)


def _least_objective(refit, kept, masses):
    """The neuron without which the refitted objective is least."""
    values = [refit.masses(np.delete(kept, k), np.delete(masses, k))[1] for k in range(len(kept))]
    return int(np.argmin(values))


def _least_residual(refit, kept, masses):
    """The neuron whose fit, at its mass, the others (and the free terms) replace with the least residual."""
    fits = refit.fits[:, kept] * masses
    size = norms(fits.T).max()
    triangle = np.linalg.qr(fits / size, mode="r")
    # The distance of a column from the span of the others is one over the norm of its row of the inverse.
    return int(np.argmax(norms(np.linalg.pinv(triangle, rcond=1e-14))))


def _least_mass(refit, kept, masses):
    return int(np.argmin(masses))


_REMOVED = {"objective": _least_objective, "residual": _least_residual, "magnitude": _least_mass}
