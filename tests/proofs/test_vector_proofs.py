"""Proof files of problems with two outputs: what they prove, and what the checker refuses."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_linnerud

from convexnn import ConvexReLURegressor, TwoLayerReLU, certify
from convexnn.proofs import ProofError, check_proof, checker, write_proof
from tests.checks import augment, sampled_price
from tests.zoo import two_outputs

LOSSES = ("huber", "absolute", "quantile", "logistic", "squared_hinge")


def random_problem(n_samples, n_inputs, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_samples, n_inputs)), rng.standard_normal((n_samples, 2))


def trained(X, Y, beta, sample_weight=None, **terms):
    """Return a network of a small problem that is optimal but for about 1e-8."""
    return ConvexReLURegressor(beta=beta, tol=1e-8, **terms).fit(X, Y, sample_weight=sample_weight).network_


def prove_and_check(path, network, X, Y, beta, **options):
    """Return the verdict, the same from the writer and from the checker."""
    verdict = write_proof(path, network, X, Y, beta, **options)
    assert check_proof(path, X, Y, sample_weight=options.get("sample_weight")) == verdict
    return verdict


def test_known_optimum_of_two_outputs(tmp_path):
    case = two_outputs()
    network = trained(case.X, case.y, case.beta, hidden_bias=False, fit_intercept=False)
    verdict = prove_and_check(tmp_path / "proof.npz", network, case.X, case.y, case.beta)
    optimum = Fraction(case.beta) ** 2 + 4 * Fraction(case.beta)
    # The targets are floats, and their rounding moves the optimum by as much.
    assert abs(verdict.lower_bound - optimum) <= Fraction(1, 10**8)
    assert verdict.objective - optimum >= -Fraction(1, 10**14)
    assert verdict.relative_gap <= Fraction(1, 10**7)


@pytest.mark.parametrize(
    "n_samples, n_inputs, beta, seed",
    [(6, 1, 0.3, 0), (8, 2, 0.1, 1), (12, 2, 1.0, 2), (10, 3, 0.5, 3), (20, 2, 0.5, 4)],
)
def test_random_problems_are_proven(tmp_path, n_samples, n_inputs, beta, seed):
    X, Y = random_problem(n_samples, n_inputs, seed)
    network = trained(X, Y, beta)
    verdict = prove_and_check(tmp_path / "proof.npz", network, X, Y, beta)
    certificate = certify(network, X, Y, beta, proof="exact")
    assert verdict.relative_gap <= 1e-6
    assert float(verdict.lower_bound) == pytest.approx(certificate.dual, rel=1e-6)
    assert float(verdict.objective) == pytest.approx(certificate.primal, rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_separable_losses_of_two_outputs(tmp_path, loss):
    X, Y = random_problem(10, 2, 5)
    Y = np.sign(Y) if loss in ("logistic", "squared_hinge") else Y
    rng = np.random.default_rng(6)
    network = TwoLayerReLU(rng.standard_normal((3, 2)), 0.1 * rng.standard_normal((3, 2)), intercept=np.zeros(2))
    verdict = prove_and_check(tmp_path / "proof.npz", network, X, Y, 0.5, loss=loss)
    certificate = certify(network, X, Y, 0.5, loss=loss, proof="exact")
    assert float(verdict.objective) == pytest.approx(certificate.primal, rel=1e-12)
    assert float(verdict.lower_bound) == pytest.approx(certificate.dual, rel=1e-6)


def _duplicated(X, Y):
    return np.vstack([X, X, -X[:3], 2 * X[:2]]), np.vstack([Y, Y[::-1], Y[:3], Y[:2]])


HARD_CASES = {
    "duplicated, antipodal and parallel rows": _duplicated,
    "permuted": lambda X, Y: (X[::-1], Y[::-1, ::-1]),
    "scaled": lambda X, Y: (X * [0.1, 10.0], 100.0 * Y),
    "shifted": lambda X, Y: (X + 5.0, Y - 1000.0),
    "dependent columns": lambda X, Y: (np.column_stack([X, X.sum(axis=1)]), Y),
    "equal outputs": lambda X, Y: (X, Y[:, [0, 0]]),
    "opposite outputs": lambda X, Y: (X, Y[:, [0, 0]] * [1.0, -1.0]),
    "an output of zeros": lambda X, Y: (X, Y * [1.0, 0.0]),
    "whole numbers": lambda X, Y: (np.rint(X), np.rint(Y)),
    "a constant column": lambda X, Y: (np.column_stack([X, np.ones(len(X))]), Y),
}


@pytest.mark.parametrize("case", HARD_CASES)
def test_hard_inputs_are_proven(tmp_path, case):
    X, Y = HARD_CASES[case](*random_problem(12, 2, 7))
    beta = 0.5 * max(np.abs(Y).max() / 3.0, 1.0) if case == "scaled" else 0.5
    verdict = prove_and_check(tmp_path / "proof.npz", trained(X, Y, beta), X, Y, beta)
    assert verdict.relative_gap <= 1e-6


@pytest.mark.parametrize("terms", [{"skip_connection": True}, {"hidden_bias": False, "fit_intercept": False}])
def test_free_terms_and_weights_of_two_outputs(tmp_path, terms):
    X, Y = random_problem(12, 2, 8)
    weight = np.array([0.0, 1.0, 2.5] * 4)
    network = trained(X, Y, 0.4, weight, **terms)
    verdict = prove_and_check(tmp_path / "proof.npz", network, X, Y, 0.4, sample_weight=weight)
    assert verdict.relative_gap <= 1e-6


def test_zero_network_of_two_outputs(tmp_path):
    X, Y = random_problem(8, 2, 9)
    verdict = prove_and_check(tmp_path / "proof.npz", trained(X, Y, 50.0), X, Y, 50.0)
    assert verdict.relative_gap <= 1e-9


def test_one_column_as_a_matrix(tmp_path):
    X, Y = random_problem(8, 2, 9)
    network = trained(X, Y[:, 0], 0.5)
    column = TwoLayerReLU(
        network.hidden_weights,
        network.output_weights[:, None],
        hidden_bias=network.hidden_bias,
        intercept=np.atleast_1d(network.intercept),
    )
    verdict = prove_and_check(tmp_path / "column.npz", column, X, Y[:, :1], 0.5)
    assert verdict.relative_gap <= 1e-6
    assert verdict.lower_bound == write_proof(tmp_path / "proof.npz", network, X, Y[:, 0], 0.5).lower_bound


def test_linnerud_with_two_targets(tmp_path):
    data = load_linnerud()
    X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    Y = (data.target - data.target.mean(axis=0))[:, :2] / data.target.std(axis=0)[:2]
    verdict = prove_and_check(tmp_path / "proof.npz", trained(X, Y, 0.5), X, Y, 0.5)
    assert verdict.relative_gap <= 1e-6


def test_a_limit_of_time_leaves_a_valid_bound(tmp_path):
    X, Y = random_problem(20, 3, 10)
    network = trained(X, Y, 0.5)
    verdict = prove_and_check(tmp_path / "proof.npz", network, X, Y, 0.5, time_limit=1e-3)
    assert 0 <= verdict.lower_bound <= verdict.objective


def test_refused_are_three_outputs_and_multinomial(tmp_path):
    X, Y = random_problem(6, 2, 11)
    three = np.column_stack([Y, Y[:, 0]])
    network = TwoLayerReLU(np.ones((1, 2)), np.ones((1, 3)))
    with pytest.raises(ValueError, match="y must have one or two columns for a proof file; got 3"):
        write_proof(tmp_path / "proof.npz", network, X, three, 0.5)
    network = TwoLayerReLU(np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match="loss must be one of squared.*got 'multinomial'"):
        write_proof(tmp_path / "proof.npz", network, X, np.eye(2)[[0, 1, 0, 1, 0, 1]], 0.5, loss="multinomial")


# The checker against an adversary, who may write any file and its hash


@pytest.fixture(scope="module")
def proof(tmp_path_factory):
    """A proof with inner splits of both kinds and shares: header, arrays, data, and what no bound may exceed."""
    path = tmp_path_factory.mktemp("proofs") / "proof.npz"
    X, Y = random_problem(7, 1, 12)
    verdict = write_proof(path, trained(X, Y, 0.1), X, Y, 0.1)
    header, arrays = checker.read_proof(path)
    assert {-1, 0, 1} == set(arrays["splits"][:, 0].tolist()) and len(arrays["shares"]) > 0
    return header, arrays, (X, Y, np.ones(len(X))), verdict.objective


def bound_or_refusal(header, arrays, data):
    """Return the lower bound that the checker grants, or None where it refuses the file."""
    try:
        return checker.check(header, arrays, *data).lower_bound
    except (ProofError, ValueError, IndexError, OverflowError, KeyError, StopIteration):
        return None


def test_tau_of_a_proof_is_above_the_price(proof):
    header, arrays, (X, _, _), _ = proof
    nu, angles = arrays["dual_point"].copy(), np.linspace(0, 2 * np.pi, 50)
    for row, column, text in header["corrections"]:
        nu[row, column] = Fraction(text)
    # The norm is the largest of the prices along the directions of the outputs.
    along = nu @ np.array([np.cos(angles), np.sin(angles)])
    largest = max(sampled_price(augment(X, True), column) for column in along.T)
    assert 0.9 * header["tau"] <= largest <= header["tau"] * (1 + 1e-12)


@pytest.mark.parametrize("name", ["hidden_bias", "intercept"])
def test_a_free_term_for_every_row_is_refused(proof, name):
    header, arrays, data, _ = proof
    changed = np.tile(arrays[name], (len(data[0]), 1))
    with pytest.raises(ProofError, match="of the network must have shape"):
        checker.check(header, arrays | {name: changed}, *data)


@pytest.mark.parametrize("factor", [1 - 1e-6, 0.99, 0.5, 0.0])
def test_a_smaller_tau_is_refused(proof, factor):
    header, arrays, data, _ = proof
    with pytest.raises(ProofError, match="slope of leaf .* is above tau|scale is above beta"):
        checker.check(header | {"tau": header["tau"] * factor}, arrays, *data)
    # With slopes made shorter as well they are not above what they have to bound.
    shorter = arrays | {"slopes": arrays["slopes"] * factor}
    with pytest.raises(ProofError, match="slope of leaf .* is below what is needed"):
        checker.check(header | {"tau": header["tau"] * factor, "scale": 0.0}, shorter, *data)


def test_slopes_that_are_long_across_are_refused(proof):
    header, arrays, data, _ = proof
    # The rows of G may each be short: the largest singular value is what counts.
    slopes = arrays["slopes"].copy()
    slopes[0] = header["tau"] * 0.9 * np.ones((2, 1)) * np.eye(slopes.shape[2])[0]
    with pytest.raises(ProofError, match="leaf 1 is"):
        checker.check(header, arrays | {"slopes": slopes}, *data)


def test_a_tree_without_a_quadrant_is_refused(proof):
    header, arrays, data, _ = proof
    # The leaves and splits of the last quadrant of outputs are left out.
    for n_left in range(1, 20):
        cut = {"splits": arrays["splits"][:-n_left]}
        with pytest.raises(ProofError):
            checker.check(header, arrays | cut, *data)


def test_no_output_of_the_dual_point_may_be_hidden(proof):
    header, arrays, (X, Y, weight), _ = proof
    one = arrays | {"dual_point": arrays["dual_point"][:, :1], "slopes": arrays["slopes"][:, :1]}
    with pytest.raises(ProofError, match="not of the shape of the targets"):
        checker.check(header, one, X, Y, weight)


def mutated(arrays, rng):
    """Return the arrays of a proof with one entry of one of them changed."""
    name = str(rng.choice(["splits", "slopes", "shares", "lines", "n_shares", "dual_point"]))
    array = arrays[name].copy()
    place = tuple(int(rng.integers(size)) for size in array.shape)
    if array.dtype.kind == "f":
        array[place] = rng.choice([0.0, -array[place], array[place] * (1 + 10.0 ** rng.integers(-12, 1))])
    else:
        array[place] = int(array[place]) + int(rng.choice([-1, 1, 2])) if array[place] > 0 else int(rng.integers(3))
    return arrays | {name: array}


@pytest.mark.parametrize("n_files, seed", [(60, 0), pytest.param(600, 1, marks=pytest.mark.slow)])
def test_changed_files_prove_nothing_false(proof, n_files, seed):
    header, arrays, data, best = proof
    rng, n_refused = np.random.default_rng(seed), 0
    for _ in range(n_files):
        changed = arrays
        for _ in range(int(rng.integers(1, 4))):
            changed = mutated(changed, rng)
        larger = header | {"scale": min(header["scale"] * (1 + 10.0 ** rng.integers(-9, 0)), 1.0)}
        bound = bound_or_refusal(larger if rng.random() < 0.3 else header, changed, data)
        n_refused += bound is None
        assert bound is None or bound <= best
    assert n_refused > n_files // 3
