"""The verifier refutes what is false, and leaves alone what is true: it can fail."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, TwoLayerReLU, certify, optimal_set, price

from ..checks import brute_force, plain_objective
from ..zoo import three_rows, two_rows
from .cases import ENTRIES, make_case
from .claims import refute_certificate, refute_price, refute_strength
from .dyadic import dyadic, exact, fractions, root_above
from .free_terms import exact_basis, off_the_basis
from .problems import Problem, exact_objective, problem_of
from .rivals import RivalSearch
from .sets import refute_set

X = np.array([[1.0, 0.5], [-0.3, 1.2], [0.4, -0.9], [1.5, 1.1], [-0.7, -0.2]])
Y = np.array([1.0, -0.5, 0.3, 2.0, -1.0])
LOSSES = ("squared", "huber", "absolute", "quantile", "logistic", "squared_hinge")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def kinds(refutations):
    return {refutation.kind for refutation in refutations}


def network(seed=0, **terms):
    rng = np.random.default_rng(seed)
    return TwoLayerReLU(rng.standard_normal((3, 2)), rng.standard_normal(3), **terms)


@dataclass(frozen=True)
class Claim:
    """A certificate whose fields can be changed."""

    primal: float
    dual: float
    dual_point: np.ndarray
    proof: str = "exact"

    @property
    def relative_gap(self):
        return max(0.0, (self.primal - self.dual) / self.primal) if self.primal else 0.0

    @property
    def status(self):
        return "optimal" if self.relative_gap <= 1e-6 else "not proven"


def claimed(certificate):
    return Claim(certificate.primal, certificate.dual, certificate.dual_point)


def trained(beta=0.1, **options):
    """A network with a certificate that has no gap, and its problem."""
    model = ConvexReLURegressor(beta, **options).fit(X, Y)
    return model.network_, claimed(model.certificate_), problem_of(model.network_, X, Y, beta)


# What is true is left alone.


@pytest.mark.parametrize("loss", LOSSES)
def test_true_certificates_stand(loss, rng):
    y = np.sign(Y) if loss in ("logistic", "squared_hinge") else Y
    for tested in (network(), network(1, intercept=0.5)):
        certificate = certify(tested, X, y, 0.3, loss=loss)
        assert not refute_certificate(certificate, tested, problem_of(tested, X, y, 0.3, loss=loss), rng, search=True)


def test_true_prices_and_sets_stand(rng):
    nu = Y - Y.mean()
    assert not refute_price(price(X, nu, all_maximizers=True), X, nu, rng)
    for known in (two_rows(), three_rows()):
        found = optimal_set(known.X, known.y, known.beta)
        assert not refute_set(found, as_problem(known), rng)
        assert not refute_strength(known.beta_max, as_problem(known), rng)


def as_problem(known):
    n = len(known.y)
    return Problem(known.X, known.y.reshape(n, 1), np.ones(n), known.beta)


# What is false is refuted.


def test_raised_bound_of_an_optimal_network_is_refuted(rng):
    tested, claim, problem = trained()
    assert not refute_certificate(claim, tested, problem, rng)
    raised = replace(claim, dual=claim.dual * (1 + 1e-3), primal=claim.primal * (1 + 1e-3))
    assert kinds(refute_certificate(raised, tested, problem, rng)) == {"false lower bound"}


@pytest.mark.parametrize("loss", LOSSES)
def test_raised_bound_is_refuted_although_the_gap_is_wide(loss, rng):
    y = np.sign(Y) if loss in ("logistic", "squared_hinge") else Y
    tested = network()
    claim = claimed(certify(tested, X, y, 0.3, loss=loss))
    raised = replace(claim, dual=claim.dual * (1 + 1e-3))
    assert raised.dual < 0.9 * raised.primal
    assert refute_certificate(raised, tested, problem_of(tested, X, y, 0.3, loss=loss), rng)


def test_bound_of_an_infeasible_dual_point_is_refuted(rng):
    tested, problem = network(), problem_of(network(), X, Y, 0.3)
    claim = claimed(certify(tested, X, Y, 0.3))
    grown = replace(claim, dual_point=claim.dual_point * (1 + 1e-6))
    assert "dual point not feasible" in kinds(refute_certificate(grown, tested, problem, rng))


def test_bound_above_a_network_of_other_free_terms_is_refuted(rng):
    e = 2.0**-40
    near = np.array([[1.0, 1 + e], [1.0, 1.0], [1.0, 1.0 - e]])
    y = np.array([1.0, 0.0, -1.0])
    none = TwoLayerReLU(np.zeros((0, 2)), np.zeros(0), skip_weights=np.zeros(2))
    claim = Claim(1.0, 1.0, y)
    assert kinds(refute_certificate(claim, none, problem_of(none, near, y, 10.0), rng)) == {"false lower bound"}


def test_lowered_primal_is_refuted(rng):
    tested, claim, problem = trained()
    lowered = replace(claim, primal=claim.primal * (1 - 1e-6))
    assert "primal understated" in kinds(refute_certificate(lowered, tested, problem, rng))


def test_primal_of_cancelling_free_terms_is_refuted(rng):
    ones = np.column_stack([X, np.ones(len(X))])
    none = TwoLayerReLU(np.zeros((0, 3)), np.zeros(0), intercept=1e15, skip_weights=np.array([0.0, 0.0, -1e15]))
    problem = problem_of(none, ones, Y, 1.0)
    assert "primal understated" in kinds(refute_certificate(Claim(0.0, 0.0, np.zeros(5)), none, problem, rng))


def test_bound_above_the_primal_is_refuted(rng):
    tested, claim, problem = trained()
    above = replace(claim, dual=claim.primal * 1.01)
    assert "dual above primal" in kinds(refute_certificate(above, tested, problem, rng))


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_lowered_price_bound_is_refuted(number, rng):
    data = np.random.default_rng(number)
    rows, nu = data.standard_normal((6, 3)), data.standard_normal(6)
    if number % 2:
        rows[:, 0] += 1e12
    found = price(rows, nu, proof="exact")
    lowered = replace(found, upper_bound=found.value * (1 - 1e-6), value=found.value * (1 - 1e-6))
    assert "price bound too low" in kinds(refute_price(lowered, rows, nu, rng))
    assert "price not reached" in kinds(refute_price(replace(found, value=found.value * 1.001), rows, nu, rng))
    assert "exact and wide" in kinds(refute_price(replace(found, upper_bound=found.value * 1.001), rows, nu, rng))


def test_price_without_one_of_its_maximisers_is_refuted(rng):
    known = three_rows()
    found = price(known.X, known.dual_point, all_maximizers=True)
    assert len(found.maximizers) == 6
    less = replace(found, maximizers=found.maximizers[1:])
    assert kinds(refute_price(less, known.X, known.dual_point, rng)) == {"maximiser missing"}


def test_lowered_strength_is_refuted(rng):
    known = two_rows()
    assert kinds(refute_strength(known.beta_max * (1 - 1e-5), as_problem(known), rng)) == {"beta_max too small"}


class Tampered:
    """A set with some attributes replaced."""

    def __init__(self, found, **changed):
        self._found = found
        for name, value in changed.items():
            setattr(self, name, value)

    def __getattr__(self, name):
        return getattr(self._found, name)

    def __repr__(self):
        return f"tampered {self._found!r}"


def test_tampered_sets_are_refuted(rng):
    known = three_rows()
    found, problem = optimal_set(known.X, known.y, known.beta), as_problem(known)

    def refuted(**changed):
        return kinds(refute_set(Tampered(found, **changed), problem, rng))

    assert refuted(m_star=3) == {"m* too large"}
    assert refuted(m_star=1) == {"m* too small"}
    assert refuted(M_star=2) == {"M* too small"}
    assert refuted(vertices=found.vertices[1:]) == {"vertex missing"}
    assert "direction missing" in refuted(directions=found.directions[1:], fits=found.fits[:, 1:])
    assert refuted(optimal_value=found.optimal_value * 1.001) == {"set's value not optimal"}
    assert "set without its minimal network" in refuted(contains=lambda network: False)
    worse = found.minimal_network()
    worse = TwoLayerReLU(worse.hidden_weights * 1.01, worse.output_weights)
    assert "network of a set not optimal" in refuted(minimal_network=lambda: worse)


# Its parts are right.


def test_dyadic_numbers_are_the_floats():
    floats = np.array([0.0, 1.0, -0.1, 5e-324, 1e300, np.pi])
    assert list(fractions(*dyadic(floats))) == [Fraction(v) for v in floats]


@pytest.mark.parametrize("square", [Fraction(2), Fraction(1, 10**400), Fraction(10**400, 3), Fraction(4)])
def test_roots_are_rounded_up_by_little(square):
    root = root_above(square)
    assert square <= root * root <= square * (1 + Fraction(1, 10**30))


def test_objective_is_that_of_the_plain_formula():
    for terms in ({}, {"intercept": 0.3}, {"skip_weights": np.array([0.1, -2.0]), "hidden_bias": np.ones(3)}):
        tested = network(**terms)
        value = float(exact_objective(tested, problem_of(tested, X, Y, 0.3)))
        assert value == pytest.approx(plain_objective(tested, X, Y, 0.3), rel=1e-13)


def test_basis_is_exact_where_columns_differ_by_rounding():
    free = np.column_stack([np.array([1.1, 2.3, -0.7]), np.array([1.1, 2.3, -0.7]) * (1 + 1e-15), np.ones(3)])
    weight = np.array([1, 2, 3], dtype=object)
    basis = exact_basis(free, weight)
    assert len(basis) == 3
    assert all(a @ (weight * b) == 0 for a in basis for b in basis if a is not b)
    left, shift = off_the_basis(*dyadic(np.array([1.0, 5.0, 1e9])), basis, weight)
    assert max(abs(v) for v in left) < 2 ** (shift - 100)


@pytest.mark.parametrize("flags", [{}, {"fit_intercept": True}, {"hidden_bias": True, "skip_connection": True}])
def test_rivals_reach_the_optimum(flags, rng):
    problem = Problem(X, Y[:, None], np.ones(5), 0.3, **flags)
    reference = brute_force(X, Y, 0.3, **flags)
    value = float(RivalSearch(problem, rng).run(np.zeros((0, problem.design.shape[1]))))
    assert reference.lower <= value * (1 + 1e-9)
    assert value == pytest.approx(reference.value, rel=1e-5)


def test_cases_are_the_same_every_time():
    for number in range(50):
        a, b = make_case(number), make_case(number)
        assert a.entry in ENTRIES and a.beta == b.beta
        np.testing.assert_array_equal(a.X, b.X)
        np.testing.assert_array_equal(a.y, b.y)


def test_exact_numbers_are_not_rounded():
    assert exact(0.1) != Fraction(1, 10)
