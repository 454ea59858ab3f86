"""Lower bounds on the objective of every three-layer network, and bounds on prices, beyond the reach of all cells."""

from dataclasses import dataclass, replace

import numpy as np

from .._utils.clock import now
from ..duality.pricing import search_price
from ..exceptions import SolverError
from .branching import Search
from .records import ThreeLayerCertificate, ThreeLayerPrice
from .relaxation import N_TWO_LAYER_STARTS, Pool, best_relaxed, two_layer_bound
from .scaled import Part, best_scaling
from .subnetworks import make_part

# A branch and bound of "auto" bounds at most 120 000 / n^2 nodes: a few seconds to half a minute,
AUTO_NODE_ROWS = 120_000
# and is left out of training above 24 rows, where the relaxed training problem mostly has the better bound.
MAX_BRANCHED_ROWS = 24
# The relaxed problem has half of the time of a proof, the branch and bound what is left.
RELAXED_SHARE = 0.5
# A branch and bound leaves at most a tenth of the tolerance of the objective between the bounds on the price.
PRICE_TOLERANCE_PER_TOL = 0.1
# A price is exact where its bounds differ by at most 1e-6 of it.
EXACT_PRICE_TOLERANCE = 1e-6
# A price below 1e-12 of a cheap bound is rounding.
PRICE_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Bound:
    """What is proven about training: a dual point of the `UnitProblem`, scaled, its value, and how it was bounded.

    Attributes
    ----------
    nu : ndarray of shape (n_rows,)
    value : float
        A lower bound in the units of the `UnitProblem`.
    proof : {"exact", "bound", "heuristic"}
    n_nodes : int
    violated : Part or None
        A sub-network of a larger price than beta that ascents have missed.
    """

    nu: np.ndarray
    value: float
    proof: str
    n_nodes: int = 0
    violated: Part | None = None

    @classmethod
    def scaled(cls, unit, nu, upper, proof, **rest):
        """Return the bound that nu proves whose price is at most `upper`."""
        value, scale = best_scaling(unit.y, nu, unit.beta / max(upper, np.finfo(float).tiny))
        return cls(scale * nu, value, proof, **rest)


def part_of_time(deadline, share):
    """Return the moment at which a share of the time up to a deadline, or None, is over."""
    return None if deadline is None else now() + share * (deadline - now())


def cheap_bound(unit, nu):
    """Return the `Bound` of a dual point without a search: the root of `relaxation` with t = 0."""
    factors = [np.maximum(nu, 0.0), np.maximum(-nu, 0.0)]
    upper = two_layer_bound(unit.X, factors, unit.beta, "heuristic")
    return Bound.scaled(unit, nu, upper, "heuristic")


def bound_training(unit, nu, parts, objective, *, n_hidden, proof, tol, deadline):
    """Return the best `Bound` of the relaxed dual and of the dual point nu, which a branch and bound prices.

    Parameters
    ----------
    unit : UnitProblem
    nu : ndarray of shape (n_rows,)
        Mostly the residual of the network in question.
    parts : list of Part
        Their neurons are where directions are looked for first.
    objective : float
        What the bound is compared with: the search ends when the relative gap is at most `tol`.
    n_hidden : int or None
        Bounds for any width hold for every `n_hidden`; the one neuron of ``n_hidden=1`` has a price of two layers.
    """
    best = cheap_bound(unit, nu)
    if proof == "heuristic":
        return best
    limits = {"tolerance": PRICE_TOLERANCE_PER_TOL * tol, "deadline": deadline}
    if n_hidden == 1:
        return max(best, one_neuron_bound(unit, nu, proof, **limits), key=_value)
    pool = Pool.of(unit.X, parts)
    try:
        best = max(best, relaxed_bound(unit, pool, proof, **limits), key=_value)
        if objective - best.value > tol * objective and is_branched(unit, proof):
            branched = branched_bound(unit, pool, nu, n_hidden, proof, **limits)
            best = replace(max(best, branched, key=_value), n_nodes=branched.n_nodes, violated=branched.violated)
    except SolverError:
        return best  # a program without an answer proves nothing; what was proven before stands
    return best


def relaxed_bound(unit, pool, proof, tolerance, deadline):
    """Return the `Bound` of the relaxed dual of training."""
    relaxed = best_relaxed(pool, unit.y, unit.beta, part_of_time(deadline, RELAXED_SHARE))
    upper = two_layer_bound(unit.X, relaxed.factors, unit.beta, proof, tolerance=tolerance, deadline=deadline)
    return Bound.scaled(unit, relaxed.nu, upper, "bound")


def branched_bound(unit, pool, nu, n_hidden, proof, tolerance, deadline):
    """Return the `Bound` of a dual point that the branch and bound prices for any width."""
    search = Search(pool, nu, unit.beta, tolerance, proof, deadline)
    found = search.run(node_limit(unit, proof), stop_at_violation=n_hidden is None)
    is_violated = found.value > (1 + tolerance) * unit.beta
    kind = "exact" if found.finished and not is_violated else "bound"
    violated = found.part if is_violated and n_hidden is None else None
    return Bound.scaled(unit, nu, found.upper_bound, kind, n_nodes=found.n_nodes, violated=violated)


def one_neuron_bound(unit, nu, proof, tolerance, deadline):
    """Return the `Bound` of a dual point for sub-networks of one neuron, whose price is one of two layers."""
    limits = {"tolerance": tolerance, "deadline": deadline, "n_starts": N_TWO_LAYER_STARTS}
    price = search_price(unit.X, nu, proof=proof, level=unit.beta, **limits)
    violated = None
    if price.value > (1 + tolerance) * unit.beta:
        violated = make_part(unit.X, price.direction[None], np.ones(1), np.ones(1), float(price.sign))
    kind = "exact" if price.proof == "exact" else "bound"
    return Bound.scaled(unit, nu, price.upper_bound, kind, violated=violated)


def _value(bound):
    return bound.value


def is_branched(unit, proof):
    """Whether the dual point is priced by a branch and bound too."""
    return proof == "exact" or (proof == "auto" and len(unit.X) <= MAX_BRANCHED_ROWS)


def node_limit(unit, proof):
    """Return how many nodes a branch and bound may bound."""
    return np.inf if proof == "exact" else max(1, AUTO_NODE_ROWS // len(unit.X) ** 2)


def make_certificate(network, problem, unit, bound, n_hidden, visible_gap):
    """Return the `ThreeLayerCertificate` of a network by a `Bound`."""
    dual_point = problem.residual(unit, bound.nu)
    dual = float(dual_point @ problem.y - 0.5 * dual_point @ dual_point)
    primal = network.objective(problem.X, problem.y, problem.beta)
    found = ThreeLayerCertificate(primal, dual, dual_point, n_hidden, None, proof=bound.proof, n_nodes=bound.n_nodes)
    return replace(found, heuristic_gap=min(visible_gap, found.relative_gap))


def bound_price(problem, unit, parts, prices, *, n_hidden, proof, deadline):
    """Return the `ThreeLayerPrice` of ``problem.y``, the dual point, from sub-networks that ascents have found."""
    nu, scale = unit.y, unit.x_scale * unit.y_scale
    factors = [np.maximum(nu, 0.0), np.maximum(-nu, 0.0)]
    upper = two_layer_bound(unit.X, factors, 0.0, "heuristic")
    # A price that is rounding is none: nothing can be found relative to it.
    is_found = prices.max(initial=0.0) > PRICE_ROUNDING * upper
    value, part = (float(prices[0]), parts[0]) if is_found else (0.0, None)
    if proof != "heuristic" and n_hidden == 1:
        upper = min(upper, two_layer_bound(unit.X, [nu], value, proof, deadline=deadline))
    elif proof != "heuristic" and is_found:
        search = Search(Pool.of(unit.X, parts), nu, value, 0.5 * EXACT_PRICE_TOLERANCE, proof, deadline)
        found = search.run(node_limit(unit, proof))
        upper = min(upper, found.upper_bound)
        if n_hidden is None and found.value > value:
            value, part = found.value, found.part
    kind = "exact" if upper <= (1 + EXACT_PRICE_TOLERANCE) * value else "bound"
    network = problem.zero_network() if part is None else problem.lift([part], [1.0])
    attained = float(problem.y @ network.predict(problem.X))
    return ThreeLayerPrice(attained, max(scale * upper, attained), network, proof if proof == "heuristic" else kind)
