"""What is claimed about one network, one price, one strength: every function returns the refutations it has found.

Nothing is granted to a primal, which is at least the exact objective, nor to a lower bound, which is at most that of
any network, nor to the upper bound of a price but for 1e-13 of it. A strength that is called exact may be too small by
1e-6 of it and by what an error of 16 eps |y_i| in every row is worth at the direction that refutes it. The price of a
dual point may exceed beta by what the last digits of its entries are worth.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .dyadic import dyadic, exact, fractions, rounded
from .free_terms import off_the_basis
from .losses import exact_dual_value
from .prices import PriceSearch
from .problems import exact_objective
from .rivals import RivalSearch

RELATIVE = Fraction(1, 10**9)
PRICE_ROUNDING = Fraction(1, 10**13)
EXACT_PRICE = 1.01e-7  # what "exact" promises is 1e-7
STRENGTH = 1e-6  # relative, how far a strength that is called exact may be off
PROVEN = 1e-5  # a larger relative gap is no proof of optimality
EPS = 2.0**-52
ROUNDING = 16 * Fraction(1, 2**52)  # of a target
OWN_ROUNDING = 2.0**-100  # of the verifier's targets less their best free terms, which have 160 bits
SAME_ANGLE = 1e-3


@dataclass(frozen=True)
class Refutation:
    """One claim that is false: its kind, and the figures."""

    kind: str
    figures: str

    def __str__(self):
        return f"{self.kind}: {self.figures}"


def refute_certificate(certificate, network, problem, rng, *, search=False):
    """Return what is false in a certificate of a network; with `search` a better network is looked for in any case.

    The dual point is given at the rows of the problem, all of positive weight.
    """
    figures = (certificate.primal, certificate.dual, certificate.relative_gap)
    if not np.all(np.isfinite(figures[1:])) or np.isnan(figures[0]):
        return [Refutation("not a number", f"primal, dual and gap are {figures}")]
    value = exact_objective(network, problem)
    found = []
    if not np.isinf(certificate.primal) and exact(certificate.primal) < value:
        text = f"primal {certificate.primal:.9g}, exact {_shown(value)}, {problem.loss}"
        found.append(Refutation("primal understated", text))
    if certificate.dual > certificate.primal:
        found.append(Refutation("dual above primal", f"{certificate.dual:.9g} > {certificate.primal:.9g}"))
    if certificate.status == "optimal" and certificate.relative_gap > PROVEN:
        found.append(Refutation("optimal with a gap", f"relative gap {certificate.relative_gap:.3g}"))
    return found + _refute_bound(certificate, network, problem, rng, value, search)


def _refute_bound(certificate, network, problem, rng, value, search):
    """Return what is false in a lower bound: the proof that the dual point is, then the bound itself."""
    if certificate.dual <= 0:
        return []
    rivals = RivalSearch(problem, rng)
    nu = np.reshape(certificate.dual_point, problem.Y.shape)
    left = _left_along_free(nu, rivals)
    found = _refute_dual_point(certificate, problem, rivals, nu, left)
    best, claimed = value, exact(certificate.dual)
    if found or search or _is_doubtful(certificate, problem, rivals, left):
        points = [nu, problem.weight[:, None] * rounded(np.array(rivals.targets))]
        best = min(best, rivals.run(network.neurons, points, enough=claimed))
    if claimed > best:
        text = f"{problem.loss}: dual {certificate.dual:.9g} ({certificate.proof}), a network has {_shown(best)}"
        return [Refutation("false lower bound", text)]
    return found


def _left_along_free(nu, rivals):
    """The parts of a dual point (n, c) along the exact free terms, in floats: 0 were ``Z^T nu = 0``."""
    left = np.zeros(nu.shape)
    for k in range(nu.shape[1]):
        point, shift = dyadic(nu[:, k])
        for other in rivals.basis:
            share = Fraction(int(other @ point), int(other @ (rivals.weight * other))) * Fraction(2) ** -shift
            left[:, k] += rounded([share * int(w * v) for w, v in zip(rivals.weight, other, strict=True)])
    return np.abs(left)


def _refute_dual_point(certificate, problem, rivals, nu, left):
    """Return in what the dual point is no proof: its price, and its value, which free terms change by what is left."""
    found = []
    priced = rivals.prices.search(nu)
    # A dual point is handed out in float64: far from the origin the last digits of its entries decide.
    unknown = (2 * EPS * np.linalg.norm(nu, axis=1) @ rivals.prices.activations(priced.directions[:1])).max(initial=0.0)
    if priced.above(exact(problem.beta) + exact(unknown), RELATIVE):
        text = f"{problem.loss}: price of the dual point {priced.values[0]:.12g} > beta {problem.beta:.12g}"
        found.append(Refutation("dual point not feasible", text))
    point = list(fractions(*dyadic(nu)))
    value = exact_dual_value(problem.loss, rivals.targets, point, problem.exact_weights, **problem.options)
    if value is None:
        return [*found, Refutation("dual point outside the domain", problem.loss)]
    slope = 40.0 if problem.loss in ("logistic", "multinomial") else np.abs(rounded(np.array(rivals.targets)))
    slack = 4 * EPS * np.sum(np.abs(nu) * slope) + (0.0 if problem.has_labels else np.sum(left * np.abs(problem.Y)))
    if exact(certificate.dual) > value + RELATIVE * abs(value) + exact(slack):
        text = f"{problem.loss}: dual {certificate.dual:.12g}, at its point {_shown(value)}"
        found.append(Refutation("dual value not that of its point", text))
    return found


def _is_doubtful(certificate, problem, rivals, left):
    """Whether free terms of a size that good networks have can take 1e-10 off the bound."""
    if not rivals.basis:
        return False
    if problem.has_labels:
        return True
    reach = _reach(problem, certificate.primal) + np.abs(rounded(np.array(rivals.targets)))
    return bool(np.sum(left * reach) > 1e-10 * certificate.dual)


def _reach(problem, primal):
    """How far from its target a row can be in a network that is not worse than `primal`, of shape (n, c)."""
    weight = problem.weight[:, None] * np.ones(problem.Y.shape)
    linear = {"absolute": 1.0, "huber": problem.huber_delta, "quantile": min(problem.quantile, 1 - problem.quantile)}
    if problem.loss == "squared":
        return np.sqrt(2 * primal / weight)
    return primal / (weight * linear[problem.loss]) + (problem.huber_delta if problem.loss == "huber" else 0.0)


def refute_price(price, X, nu, rng):
    """Return what is false in a price of rows X (n, d) and a point (n,) or (n, c)."""
    X = np.asarray(X, dtype=float)
    search = PriceSearch(X, rng)
    own = np.asarray(price.direction, dtype=float)[None]
    found, best = [], search.search(nu, own if np.any(own) else None)
    if not (np.isfinite(price.value) and np.isfinite(price.upper_bound)):
        return [Refutation("not a number", f"price {price}")]
    if price.value > 0 and not search.reaches(nu, own, exact(price.value) * (1 - RELATIVE)):
        found.append(Refutation("price not reached", f"{price!r} at its direction"))
    if best.above(exact(price.upper_bound), PRICE_ROUNDING):
        found.append(Refutation("price bound too low", f"{price!r}; a direction has {best.values[0]:.12g}"))
    if price.proof == "exact" and price.upper_bound > (1 + EXACT_PRICE) * price.value:
        found.append(Refutation("exact and wide", f"{price!r}"))
    if price.maximizers is not None:
        found += _missing(price, best)
    return found


def _missing(price, best):
    """Return maximisers of a price that are not in its list."""
    near = best.values >= best.values.max(initial=0.0) * (1 - 1e-9)
    for u in best.directions[near]:
        biggest = max(abs(int(v)) for v in u)
        unit = np.array([int(v) / biggest for v in u])
        unit /= np.linalg.norm(unit)
        if price.value > 0 and not np.any(np.linalg.norm(price.maximizers - unit, axis=1) < SAME_ANGLE):
            return [Refutation("maximiser missing", f"{price!r}: {unit} is none of {price.maximizers.tolist()}")]
    return []


def refute_strength(strength, problem, rng):
    """Return what is false in the smallest strength of a zero network, for what `zero_point` knows; else nothing."""
    point = zero_point(problem, rng)
    if point is None:
        return []
    search = PriceSearch(problem.design, rng)
    best = search.search(point)
    granted = best.values * 0
    if len(best.values):
        size = np.abs(problem.Y).max(axis=1)
        error = problem.weight * (float(ROUNDING) * size + OWN_ROUNDING * size.max())
        granted = error @ search.activations(best.directions)
    above = best.values * (1 - STRENGTH) - granted > strength
    if np.isfinite(strength) and not np.any(above):
        return []
    size = best.values[above].max(initial=0.0)
    return [Refutation("beta_max too small", f"{problem.loss}: beta_max {strength:.12g}, a price is {size:.12g}")]


def zero_point(problem, rng):
    """Return ``-grad L`` of the best network without neurons as a dyadic array; None where it is not known exactly."""
    rivals = RivalSearch(problem, rng)
    weight, by = dyadic(problem.weight)
    if problem.loss == "squared":
        columns = [off_the_basis(*dyadic(y), rivals.basis, rivals.weight) for y in problem.Y.T]
        most = max(shift for _, shift in columns)
        point = np.stack([weight * v * (1 << (most - shift)) for v, shift in columns], axis=1)
        return point, most + by
    if rivals.basis or problem.loss == "multinomial" or np.any(problem.Y == 0):
        return None
    slopes = {"logistic": problem.Y / 2, "squared_hinge": problem.Y, "absolute": np.sign(problem.Y)}
    slopes["huber"] = np.clip(problem.Y, -problem.huber_delta, problem.huber_delta)
    slopes["quantile"] = np.where(problem.Y > 0, problem.quantile, problem.quantile - 1)
    integers, shift = dyadic(slopes[problem.loss])
    return weight[:, None] * integers, by + shift


def _shown(number):
    return f"{float(rounded(np.array([number], dtype=object))[0]):.12g}"
